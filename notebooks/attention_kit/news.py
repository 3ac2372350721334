"""Новости в виде набора tfds «ag_news_subset»: COURSE_DATA, сеть через TFDS или встроенный корпус."""

import csv
import html
import io
import re
import shutil
from pathlib import Path
from typing import NamedTuple

import numpy as np
from attention_kit.profiles import profile
from attention_kit.sources import NOTEBOOKS, SourceError, cached, course_data, read_zip, run_script

CLASSES = ("В мире", "Спорт", "Бизнес", "Наука и техника")  # World, Sports, Business, Sci/Tech
FOLDER = NOTEBOOKS / "data" / "news-en"
TFDS_LIMIT = 180  # секунд на всё: скачать 12 МБ, разобрать и записать 127 600 новостей
SEED = 2015
CLEANED = r", тексты очищены от следов разметки (#39;, &lt;, \$)"
Split = dict[str, np.ndarray]
Part = tuple[list[str], np.ndarray]  # (тексты, рубрики)
Row = tuple[str, str, int]  # (заголовок, описание, метка 0–3)

# В AG News амперсанд местами стал пробелом: « #39;», « quot;», «Ch #225;vez», «J amp;K».
LOST_AMPERSAND = re.compile(
    r"(?:^| )(#\d{2,4}|quot|amp|lt|gt|nbsp|hellip|pound|euro|[lr][sd]quo|[mn]dash"
    r"|[A-Za-z](?:acute|grave|circ|uml|tilde|cedil|ring));"
)
LINE_TAG = re.compile(r"</?(?:br|p)(?:\s[^<>]*)?/?>", re.IGNORECASE)
TAG = re.compile(r"</?[A-Za-z]+(?:\s[^<>]*)?/?>")  # но не биржевое имя <AAPL.O>


class News(NamedTuple):
    """Новости: в частях — массивы равной длины `title` и `description` (str) и `label` (int64, 0–3).

    source — «AG News» или «наш корпус новостей».
    """

    train: Split
    test: Split
    classes: tuple[str, ...]
    source: str


def load_news(train: int | None = None, test: int | None = None) -> News:
    """AG News с английскими текстами: COURSE_DATA/ag_news_csv, иначе tfds.load, иначе встроенный корпус.

    train, test — сколько новостей взять самое большее; берутся первые после перемешивания, одинакового
    при каждом вызове. Тексты уже прошли clean_news_text. Печатает одну строку о том, откуда данные;
    в профиле quick всегда берётся встроенный корпус.
    Испорченный CSV — ValueError с именем файла и номером строки.
    Источник: Zhang, Zhao, LeCun (2015), https://arxiv.org/abs/1509.01626.
    """
    limits = {"train": train, "test": test}
    for name, limit in limits.items():
        if limit is not None and (type(limit) is not int or limit < 1):
            raise ValueError(
                f"{name} — число новостей: нужно положительное целое или None, а передано {limit!r}."
            )
    rows, source = _rows()
    parts = {name: _split(rows[name], limit) for name, limit in limits.items()}
    return News(**parts, classes=CLASSES, source=source)


def clean_news_text(text: str) -> str:
    """Убирает из текста AG News следы разметки: `#39;`, `&lt;b&gt;`, `\\$`, `\\` вместо пробела, лишние пробелы."""
    if not isinstance(text, str):
        raise ValueError(
            f"Текст новости должен быть строкой, а передано {text!r}: исправьте или удалите эту новость."
        )
    text = text.replace("\\$", "$").replace("\\", " ")
    text = html.unescape(LOST_AMPERSAND.sub(r"&\1;", text))
    text = TAG.sub("", LINE_TAG.sub(" ", text))
    return " ".join(text.split())


def parse_news(data: bytes, file: str) -> list[Row]:
    """Разбирает CSV в форме AG News: метка 1–4, заголовок, описание. file — имя для сообщений."""
    try:
        lines = io.StringIO(data.decode("utf-8-sig"), newline="")
    except UnicodeDecodeError as error:
        number = data[: error.start].count(b"\n") + 1
        raise ValueError(
            f"{file}, строка {number}: это не текст в UTF-8; сохраните файл в этой кодировке "
            "или скачайте заново."
        ) from None
    reader = csv.reader(lines, strict=True)
    rows, number = [], 1
    while True:
        try:
            rows.append(_parse_row(next(reader)))
        except StopIteration:
            break
        except (csv.Error, ValueError) as error:
            reason = "кавычки или запятые расставлены неверно"
            if type(error) is ValueError:
                reason = str(error)
            elif "field limit" in str(error):
                reason = "поле длиннее 131 072 знаков: похоже, кавычка в этой строке не закрыта"
            raise ValueError(
                f'{file}, строка {number}: {reason}. Нужно: "метка 1–4","заголовок","описание"; '
                "исправьте строку или удалите её."
            ) from None
        number = reader.line_num + 1
    if not rows:
        raise ValueError(f"{file}: в файле нет ни одной новости; скачайте его заново.")
    return rows


def _parse_row(row: list[str]) -> Row:
    if len(row) != 3:
        raise ValueError(f"столбцов {len(row)}, а не три")
    label, title, description = row[0].strip(), *map(clean_news_text, row[1:])
    if label not in {"1", "2", "3", "4"}:
        raise ValueError(f"метка {label!r}, а не число от 1 до 4")
    if not title and not description:
        raise ValueError("заголовок и описание пусты")
    return title, description, int(label) - 1


def _split(rows: list[Row], limit: int | None) -> Split:
    """Первые limit новостей; порядок не зависит от того, в каком порядке строки пришли из источника."""
    rows = sorted(rows)
    order = np.random.default_rng(SEED).permutation(len(rows))[:limit]
    title, description, label = zip(*(rows[i] for i in order), strict=True)
    return {
        "title": np.array(title, dtype=object),
        "description": np.array(description, dtype=object),
        "label": np.array(label, dtype=np.int64),
    }


def _rows() -> tuple[dict[str, list[Row]], str]:
    """Строки обеих частей из первого доступного источника и его название; печатает, откуда они."""
    ours, real = "наш корпус новостей", "AG News"
    if profile() == "quick":
        print("Источник: встроенный корпус — профиль quick другими не пользуется")
        return read_folder(FOLDER), ours
    if folder := course_data():
        folder /= "ag_news_csv"
        if all((folder / f"{name}.csv").is_file() for name in ("train", "test")):
            rows = read_folder(folder)
            print(f"Источник: COURSE_DATA{CLEANED}")
            return rows, real
        print("В COURSE_DATA нет файлов ag_news_csv/train.csv и ag_news_csv/test.csv.")
    try:
        rows = from_tfds()
    except SourceError as error:
        print(f"Источник: встроенный корпус — AG News из сети не получен ({error})")
        return read_folder(FOLDER), ours
    print(f"Источник: сеть (tfds.load, ag_news_subset){CLEANED}")
    return rows, real


def read_folder(folder: Path) -> dict[str, list[Row]]:
    return {
        name: parse_news((folder / f"{name}.csv").read_bytes(), f"{folder.name}/{name}.csv")
        for name in ("train", "test")
    }


def from_tfds() -> dict[str, list[Row]]:
    """Строки из архива в кэше; его готовит TFDS, если архива нет или он повреждён."""
    return cached("ag_news.zip", run_tfds, _read_archive, timeout=TFDS_LIMIT + 60)


def run_tfds(archive: Path) -> None:
    """Запускает TFDS; его папка удаляется при любом исходе: удача уже записана в архив."""
    data_dir = archive.with_name("tfds")
    try:
        run_script("_tfds.py", data_dir, archive, timeout=TFDS_LIMIT, late="TFDS не подготовил набор")
    finally:
        shutil.rmtree(data_dir, ignore_errors=True)


def _read_archive(archive: Path) -> dict[str, list[Row]]:
    names = ("train", "test")
    parts = zip(names, read_zip(archive, "train.csv", "test.csv"), strict=True)
    try:
        return {name: parse_news(data, f"{name}.csv") for name, data in parts}
    except ValueError as error:
        raise SourceError("TFDS дал не те данные, что нужны") from error


def texts_of(split: Split) -> list[str]:
    """Заголовок и описание каждой заметки части (`news.train`, `news.test`) одной строкой."""
    return [f"{t} {d}" for t, d in zip(split["title"], split["description"], strict=True)]


def take(part: Part, rows: int | None, seed: int = 0) -> Part:
    """rows заметок части (тексты, рубрики), рубрики в прежней пропорции; None или больше, чем есть, — все."""
    from sklearn.model_selection import train_test_split

    texts, labels = part
    if rows is None or rows >= len(texts):
        return part
    texts, _, labels, _ = train_test_split(texts, labels, train_size=rows, stratify=labels, random_state=seed)
    return texts, labels


def split_news(news: News) -> tuple[Part, Part, Part]:
    """Обучающая, проверочная (десятая часть обучающей, рубрики поровну) и тестовая части: (тексты, рубрики)."""
    from sklearn.model_selection import train_test_split

    counts = np.bincount(news.train["label"], minlength=len(CLASSES))
    if counts.min() < 10:
        raise ValueError(
            f"В обучающей части новостей рубрики «{CLASSES[counts.argmin()]}» (метка {counts.argmin() + 1}) — "
            f"{counts.min()}, а нужно хотя бы 10: добавьте их в train.csv или возьмите больше новостей."
        )
    train, valid, train_labels, valid_labels = train_test_split(
        texts_of(news.train), news.train["label"],
        test_size=0.1, stratify=news.train["label"], random_state=0,
    )  # fmt: skip
    return ((train, train_labels), (valid, valid_labels), (texts_of(news.test), news.test["label"]))
