"""Настоящие русско-английские пары Tatoeba (CC BY 2.0 FR) и их деление без общих предложений."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from attention_kit.profiles import profile
from attention_kit.sources import SourceError, cached, course_data, download, read_zip

URL = "https://www.manythings.org/anki/rus-eng.zip"
MIN_PAIRS = 200  # при меньшем числе в части для проверки не окажется ни одной знакомой фразы
TextPair = tuple[str, str]  # (русское предложение, английское)


def tatoeba_pairs(
    fallback: Callable[[], list[TextPair]], count: int | None = None, seed: int = 0
) -> list[TextPair]:
    """Пары (русское, английское): COURSE_DATA/rus-eng/rus.txt, иначе сеть, иначе fallback() — встроенный корпус.

    count — сколько пар взять самое большее: случайных по seed (в самом файле короткие стоят первыми). Печатает одну строку о том, откуда данные. В профиле quick всегда берётся встроенный корпус.
    """
    if profile() == "quick":
        print("Источник: встроенный корпус — профиль quick другими не пользуется")
        return fallback()
    if folder := course_data():
        if (file := folder / "rus-eng" / "rus.txt").is_file():
            print("Источник: COURSE_DATA")
            return _some(parse_pairs(file.read_bytes()), count, seed)
        print("В COURSE_DATA нет файла rus-eng/rus.txt.")
    try:
        pairs = _from_network()
    except SourceError as error:
        print(f"Источник: встроенный корпус — Tatoeba из сети не получена ({error})")
        return fallback()
    print("Источник: сеть (manythings.org)")
    return _some(pairs, count, seed)


def _some(pairs: list[TextPair], count: int | None, seed: int) -> list[TextPair]:
    if len(pairs) < MIN_PAIRS:
        raise ValueError(
            f"В rus.txt {len(pairs)} пар, а для обучения и проверки нужно хотя бы {MIN_PAIRS}: "
            "добавьте пары или уберите файл — тогда будет взят другой источник."
        )
    if count is None:
        return pairs
    return [pairs[i] for i in np.random.default_rng(seed).permutation(len(pairs))[:count]]


def parse_pairs(data: bytes) -> list[TextPair]:
    """Разбирает rus.txt: в строке через табуляцию — английское, русское и, возможно, ещё что-то."""
    try:
        lines = data.decode("utf-8-sig").replace("\r\n", "\n").rstrip("\n").split("\n")
    except UnicodeDecodeError as error:
        raise ValueError("Файл rus.txt — не текст в UTF-8: скачайте его заново.") from error
    pairs = []
    for number, line in enumerate(lines, start=1):
        english, russian, *_ = [*map(str.strip, line.split("\t")), "", ""]
        if not english or not russian:
            raise ValueError(
                f"В строке {number} файла rus.txt нет двух столбцов через табуляцию: исправьте её."
            )
        pairs.append((russian, english))
    return pairs


def _from_network() -> list[TextPair]:
    """Пары из архива в кэше; архив скачивается, если его нет или он повреждён."""
    return cached("rus-eng.zip", lambda path: download(URL, path), read_archive, timeout=120)


def read_archive(archive: Path) -> list[TextPair]:
    try:
        return parse_pairs(*read_zip(archive, "rus.txt"))
    except ValueError as error:
        raise SourceError(f"в скачанном архиве не те данные ({error})") from error


def split_by_group(
    pairs: list[TextPair], valid: int, test: int, seed: int
) -> tuple[list[TextPair], list[TextPair], list[TextPair]]:
    """Делит пары на обучающие, проверочные (valid штук) и тестовые (test штук) без общих предложений.

    Предложения Tatoeba повторяются и по-русски, и по-английски, поэтому делятся не пары, а связные группы:
    пары с общим предложением на любой стороне попадают в одну часть.
    """
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    if valid < 1 or test < 1 or valid + test >= len(pairs):
        raise ValueError(
            f"Из {len(pairs)} пар не выделить {valid} проверочных и {test} тестовых: уменьшите их число."
        )
    russian, english = (_numbers([pair[side] for pair in pairs]) for side in (0, 1))
    n_russian, n_english = russian.max() + 1, english.max() + 1
    size = n_russian + n_english
    graph = coo_matrix((np.ones(len(pairs)), (russian, english + n_russian)), shape=(size, size))
    group = connected_components(graph, directed=False)[1][russian]

    members: dict[int, list[int]] = {}
    for index in np.random.default_rng(seed).permutation(len(pairs)):
        members.setdefault(int(group[index]), []).append(int(index))
    parts: dict[str, list[int]] = {"train": [], "valid": [], "test": []}
    for indices in members.values():
        fits = [
            name
            for name, limit in (("test", test), ("valid", valid))
            if len(parts[name]) + len(indices) <= limit
        ]
        parts[fits[0] if fits else "train"] += indices
    if len(parts["valid"]) < valid or len(parts["test"]) < test or not parts["train"]:
        raise ValueError("Предложения слишком связаны между собой: столько независимых пар не набрать.")
    return tuple([pairs[index] for index in parts[name]] for name in ("train", "valid", "test"))


def _numbers(sentences: list[str]) -> np.ndarray:
    """Номер предложения; одинаковые без учёта регистра и пробелов по краям получают один номер."""
    return np.unique([sentence.lower().strip() for sentence in sentences], return_inverse=True)[1]
