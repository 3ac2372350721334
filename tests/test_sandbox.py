"""Песочница и данные, которыми проверка обменивается с кодом студента."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from grading.execute import harmless
from grading.judge import Judge, Remote
from grading.likeness import alike
from grading.limits import Group
from grading.sandbox import Dead, Limits, Sandbox
from grading.wire import decode, encode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from small_course import nbgrader

needs_sandbox = pytest.mark.usefixtures("sandbox")
EATER = "junk = [bytearray(20 << 20) for _ in range(1000)]"
FORKS = "import os, time\nwhile True:\n    if os.fork() == 0: time.sleep(60)"


@pytest.fixture
def box(tmp_path: Path) -> Callable[..., Sandbox]:
    def make(**settings) -> Sandbox:
        options = {name: settings.pop(name) for name in ("unsafe", "cgroup") if name in settings}
        return Sandbox(tmp_path, Limits(**({"cell": 10, "whole": 60} | settings)), **options)

    return make


@pytest.mark.parametrize(
    "value",
    [
        None, True, 3, 2.5, "текст", [1, [2, "три"]], {"веса": [1, 2], 3: None}, float("inf"),
        np.arange(6, dtype="int8").reshape(2, 3), np.array(2.5), np.zeros((0, 4)), np.array(["а", "бв"]),
        np.array([[True], [False]]), np.float32(1.5),
    ],
)  # fmt: skip
def test_data_comes_back_the_same(value: object) -> None:
    back = decode(encode(value))
    np.testing.assert_equal(back, value)
    if isinstance(value, np.ndarray):
        assert back.dtype == value.dtype


def test_only_data_travels() -> None:
    for value in (print, object(), iter([1]), np.array([None]), b"x"):
        with pytest.raises(TypeError, match="передать можно только данные"):
            encode(value)
    for tree in (
        {"array": "AAAA", "dtype": "O", "shape": [1]},
        {"array": "AAAA", "dtype": "f8", "shape": [9]},
    ):
        with pytest.raises(ValueError):
            decode(tree)


def test_remote_object_is_not_data() -> None:
    remote = Remote(None, {"object": 0, "type": "Answer"})
    actions = (bool, len, list, float, np.asarray, lambda x: x == 1, lambda x: x[0])
    for action in actions:
        with pytest.raises(TypeError, match="объект Answer"):
            action(remote)


@needs_sandbox
def test_answers_and_calls(box: Callable[..., Sandbox]) -> None:
    with box() as sandbox:
        sandbox.ask("run", source="class Layer:\n    size = 3\n    def __call__(self, x, *, twice=False):\n"
                                  "        return x * (2 if twice else 1), {'форма': x.shape}")  # fmt: skip
        sandbox.ask("run", source="def total(layer, x):\n    return layer(x)[0].sum()")
        judge = Judge(sandbox, {"np": np})
        assert not judge.check(
            "layer = Layer()\n"
            "value, about = layer(np.ones((2, 3)), twice=True)\n"
            "assert value.tolist() == [[2, 2, 2], [2, 2, 2]] and about == {'форма': [2, 3]}, 'не то'\n"
            "assert layer.size == 3 and total(layer, x=np.ones(4)) == 4, 'слой — аргумент'\n"
            "assert layer.size == 3 and total(layer, np.ones(4)) == 4, 'не то'\n"
        )
        assert (
            judge.check("missing(1)")
            == "Имени missing нет: ячейка с ответом не выполнена или называется иначе."
        )
        assert "AttributeError" in judge.check("Layer().nothing") and "Строка" not in judge.check(
            "Layer().nothing"
        )


@needs_sandbox
def test_hidden_part_tells_nothing_of_itself(box: Callable[..., Sandbox]) -> None:
    hidden = "### BEGIN HIDDEN TESTS\n{}\n### END HIDDEN TESTS"
    with box() as sandbox:
        sandbox.ask(
            "run", source="def f(x):\n    if x > 1:\n        raise ValueError(f'вход {x}')\n    return x"
        )
        judge = Judge(sandbox, {})
        assert (
            judge.check("f(7)")
            == "Ваш код остановился — ValueError: вход 7. Строка: raise ValueError(f'вход {x}')"
        )
        said = judge.check("f(0)\n" + hidden.format("f(12345)"))
        assert "ValueError" in said and "12345" not in said
        said = judge.check("f(0)\n" + hidden.format("secret = 54321\nf(0) + 'a'"))
        assert "54321" not in said and "не того вида" in said
        sandbox.ask("run", source="def f(x):\n    raise type(f'Вход{x}', (Exception,), {})")
        assert "12345" not in judge.check("1\n" + hidden.format("f(12345)")), "вход выдан названием ошибки"


@needs_sandbox
@pytest.mark.parametrize("cgroup", [True, False], ids=["группа Linux", "наблюдатель"])
def test_limits_with_and_without_root(box: Callable[..., Sandbox], cgroup: bool) -> None:
    if cgroup:
        try:
            Group(2**30).close()
        except OSError as error:
            pytest.skip(f"группу процессов завести нельзя: {error}")
    with pytest.raises(Dead, match=r"0\.3 ГиБ памяти"), box(memory=300 * 2**20, cgroup=cgroup) as sandbox:
        sandbox.ask("run", source=EATER)
    with box(processes=40, cgroup=cgroup) as sandbox:
        if cgroup:  # новых процессов просто нет
            assert sandbox.ask("run", source=FORKS)["error"] == "BlockingIOError"
        else:
            with pytest.raises(Dead, match="больше 40 процессов"):
                sandbox.ask("run", source=FORKS)


def test_limits_hold_without_bubblewrap(box: Callable[..., Sandbox]) -> None:
    with pytest.raises(Dead, match="памяти"), box(memory=300 * 2**20, unsafe=True) as sandbox:
        sandbox.ask("run", source=EATER)
    with pytest.raises(Dead, match="не остановился за 1 с"), box(cell=1, unsafe=True) as sandbox:
        sandbox.ask(
            "run", source="import signal\nsignal.signal(signal.SIGALRM, signal.SIG_IGN)\nwhile True: pass"
        )


@needs_sandbox
def test_whole_time_is_limited_too(box: Callable[..., Sandbox]) -> None:
    with pytest.raises(Dead, match="вышло время на всю работу"), box(whole=2) as sandbox:
        for _ in range(3):
            sandbox.ask("run", source="import time; time.sleep(1.5)")


@needs_sandbox
def test_outputs_are_like_in_a_notebook(box: Callable[..., Sandbox]) -> None:
    code = (
        "%matplotlib inline\nimport matplotlib.pyplot as plt\nprint('привет')\nplt.plot([1, 2])\nplt.show()"
    )
    with box() as sandbox:
        outputs = harmless(sandbox.ask("run", source=code)["outputs"])
        broken = harmless(sandbox.ask("run", source="1 / 0")["outputs"])
        html = sandbox.ask(
            "run", source="from IPython.display import HTML, display\ndisplay(HTML('<b>!</b>'))"
        )
    assert [output.output_type for output in outputs] == ["stream", "display_data"]
    assert outputs[0].text == "привет\n" and outputs[1].data["image/png"].startswith("iVBOR")
    assert broken[0].ename == "ZeroDivisionError"
    assert all("text/html" not in output.data for output in harmless(html["outputs"]))


def work(words: str, *codes: str):
    """Проверенная работа из ответов."""
    places = [nbgrader(f"task-{number}", solution=True) for number in range(len(codes))]
    cells = [new_code_cell(code, metadata=place) for code, place in zip(codes, places, strict=True)]
    return new_notebook(cells=[*cells, new_markdown_cell(words, metadata=nbgrader("words", solution=True))])


def test_likeness() -> None:
    long = (
        "def attention(query, key):\n    scores = query @ key.T / query.shape[-1] ** 0.5\n    return scores{}"
    )
    own = (
        "def f(q, k):\n    return np.einsum('td,sd->ts', q, k) / np.sqrt(q.shape[1]){}  # по-своему и длинно"
    )
    three = [long.format(f" * {number}.0") for number in range(3)]
    notebooks = {
        "anna": work("BLEU 88.6 у коротких и 80.3 у длинных, вес 0.31.", *three),
        "boris": work("Совсем другой ответ о весах и длинах.", *[code + "  # мой код" for code in three]),
        "vera": work("У меня 0.31, 88.6 и 80.3 — длинные хуже.", *[own.format(f" + {n}") for n in range(3)]),
        "gleb": work(
            "Ничего общего: 71.2.",
            *[
                f"result = {n}\nfor a in rows:\n    for b in columns:\n        result += a * b - {n}\nprint(result)"
                for n in "pqr"
            ],
        ),
    }
    found = {(pair.first, pair.second): pair.reasons for pair in alike(notebooks)}
    assert set(found) == {("anna", "boris"), ("anna", "vera")}
    assert len(found["anna", "boris"]) == 3 and "совпадает на 100 %" in found["anna", "boris"]["task-0"]
    assert found["anna", "vera"] == {"words": "общие числа: 0.31, 80.3, 88.6"}


def test_what_everybody_writes_is_not_suspicious() -> None:
    same = [
        "def attention(query, key):\n    return query @ key.T / query.shape[-1] ** 0.5  # формула из условия"
        * 2
    ] * 3
    assert not alike({name: work(f"Ответ {name}", *same) for name in ("anna", "boris", "vera")})
