"""Цена функции блокнота: измеряет её отдельный процесс, размеры по порядку, неудача названа."""

import attention_kit as ak
import pytest


def array_of(kind: str, size: int):
    """Шаг, который занимает size мегабайт и ждёт size / 10 миллисекунд."""
    import time

    kept = []  # память не возвращается: прибавка видна и после шага

    def step():
        kept.append(b"x" * (size * 2**20))
        time.sleep(size / 10_000)
        del kept[:-1]

    if kind == "сломан":
        raise ValueError(f"размер {size}")
    return step


def test_rows_of_another_process() -> None:
    before = ak.peak_megabytes()
    (small, small_ms, small_memory), (big, big_ms, big_memory) = ak.step_costs(array_of, "цел", (8, 200))
    assert (small, big) == (8, 200)
    assert 0.8 <= small_ms < big_ms and big_ms >= 20
    assert small_memory < big_memory and 190 < big_memory < 800
    assert ak.peak_megabytes() - before < 50  # здесь ничего не занято


def test_failure_names_its_cause() -> None:
    with pytest.raises(RuntimeError, match="^Измерить цену не удалось: ValueError: размер 2$"):
        ak.step_costs(array_of, "сломан", (8,))
