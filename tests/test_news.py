"""Новости: порядок источников, TFDS в дочернем процессе, испорченные файлы, очистка, порядок и число строк.

Настоящий архив AG News ищется в COURSE_DATA/ag_news_csv.subset.tar.gz или в ../shared/data; нет его — проверка пропускается.
"""

import csv
import io
import json
import os
import shutil
import socket
import tarfile
import threading
import time
import zipfile
from pathlib import Path

import attention_kit as ak
import numpy as np
import pytest
from attention_kit import news

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = [os.environ.get("COURSE_DATA") or "нет", ROOT.parent / "shared" / "data"]
AG_NEWS = next(filter(Path.is_file, (Path(f) / "ag_news_csv.subset.tar.gz" for f in FOLDERS)), None)
TRAIN = [
    ("1", "Mayor  quits", r"RIVERTON - The mayor of Riverton left\on Monday, owing \$40."),
    ("2", "Hawks #39; late goal", "A &lt;b&gt;header&lt;/b&gt; settled the  quot;old quot; derby."),
    ("3", "Profit at AT amp;B", ""),
    ("4", "", 'A "quiet" comet, and a fan.'),
]
CLEAN = [  # по алфавиту: так строки стоят до перемешивания
    ("", 'A "quiet" comet, and a fan.', 3),
    ("Hawks' late goal", 'A header settled the "old" derby.', 1),
    ("Mayor quits", "RIVERTON - The mayor of Riverton left on Monday, owing $40.", 0),
    ("Profit at AT&B", "", 2),
]
TEST = [("2", f"Title {i}", f"Text {i}.") for i in range(30)]


def to_csv(rows: list[tuple[str, ...]]) -> str:
    text = io.StringIO(newline="")
    csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\n").writerows(rows)
    return text.getvalue()


def fill(folder: Path, train: str | bytes = to_csv(TRAIN), test: str = to_csv(TEST)) -> Path:
    """Кладёт в folder набор в том виде, в каком его раздают: ag_news_csv/{train,test}.csv."""
    (folder / "ag_news_csv").mkdir(parents=True)
    for name, data in {"train": train, "test": test}.items():
        data = data if isinstance(data, bytes) else data.encode()
        (folder / "ag_news_csv" / f"{name}.csv").write_bytes(data)
    return folder


def rows(part: dict[str, np.ndarray]) -> list[tuple[str, str, int]]:
    return list(zip(*(part[key].tolist() for key in ("title", "description", "label")), strict=True))


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch) -> Path:
    for name in ("COURSE_DATA", "NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COURSE_PROFILE", "cpu")
    monkeypatch.setenv("COURSE_CACHE", str(tmp_path / "cache"))
    for name in ("HTTPS_PROXY", "https_proxy"):  # сеть теста — закрытый порт
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    return ak.cache_dir()


@pytest.fixture
def course_data(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("COURSE_DATA", str(tmp_path / "data"))
    return tmp_path / "data"


def embedded_is_used(source: str, capsys) -> str:
    """Проверяет, что взят встроенный корпус и сказано об этом одной строкой; возвращает её."""
    assert source == "embedded"
    said = capsys.readouterr().out
    assert said.startswith("Источник: встроенный корпус — ")
    assert said.count("\n") == 1
    assert "/" not in said and "Traceback" not in said
    return said


def source() -> str:
    """Откуда взялись новости: embedded — из встроенного корпуса, other — из другого места."""
    loaded = ak.load_news(test=1)
    return "embedded" if len(loaded.train["label"]) > 1_000 else "other"


# --- порядок источников ---


def test_course_data_comes_first(course_data, monkeypatch, capsys):
    monkeypatch.setattr(news, "run_tfds", None)  # обращение к сети — ошибка
    fill(course_data)
    train, test, classes, source_name = ak.load_news()
    assert sorted(rows(train)) == CLEAN
    assert len(rows(test)) == 30
    assert classes == ("В мире", "Спорт", "Бизнес", "Наука и техника")
    assert source_name == "AG News"
    said = capsys.readouterr().out
    assert said.startswith("Источник: COURSE_DATA") and "очищены" in said and said.count("\n") == 1


def test_byte_order_mark_and_windows_lines(course_data):
    fill(course_data, ("\ufeff" + to_csv(TRAIN).replace("\n", "\r\n")).encode())
    assert sorted(rows(ak.load_news().train)) == CLEAN


def test_incomplete_folder_is_mentioned(course_data, capsys):
    (fill(course_data) / "ag_news_csv" / "test.csv").unlink()
    assert source() == "embedded"
    said, then = capsys.readouterr().out.splitlines()
    assert said == "В COURSE_DATA нет файлов ag_news_csv/train.csv и ag_news_csv/test.csv."
    assert "из сети не получен" in then


def test_quick_profile_uses_the_embedded_corpus_only(course_data, monkeypatch, capsys):
    monkeypatch.setenv("COURSE_PROFILE", "quick")
    monkeypatch.setattr(news, "run_tfds", None)
    fill(course_data)
    assert "quick" in embedded_is_used(source(), capsys)


# --- TFDS в дочернем процессе ---


def leftovers(cache: Path) -> list[str]:
    return [path.name for path in cache.iterdir() if path.suffix != ".lock"]


def test_closed_port_is_said_soon_and_leaves_nothing(cache, capsys):
    for old in ("ag_news_subset/incomplete.X_1.0.0/a", "downloads/ag_news_subset/x.tmp.1/b"):
        (cache / "tfds" / old).mkdir(parents=True)  # осталось от прерванной попытки
    started = time.monotonic()
    said = embedded_is_used(source(), capsys)
    assert "нет связи с сервером" in said
    assert time.monotonic() - started < 30  # сам TFDS повторял бы попытки больше трёх минут
    assert leftovers(cache) == []


def test_silent_server(cache, monkeypatch, capsys):
    """Прокси, который принимает соединение и молчит; «по байту» — test_sources: предел времени у run_script один."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        for name in ("HTTPS_PROXY", "https_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{server.getsockname()[1]}")
        started = time.monotonic()
        assert "сервер не отвечает 10 с" in embedded_is_used(source(), capsys)
        assert time.monotonic() - started < 40
    assert leftovers(cache) == []


def pack(folder: Path, archive: Path) -> Path:
    with tarfile.open(archive, "w:gz") as content:
        content.add(folder / "ag_news_csv", "ag_news_csv")
    return archive


def seed_tfds(cache: Path, archive: Path) -> None:
    """Кладёт архив туда, где TFDS ищет уже скачанное: имя — из адреса и контрольной суммы, рядом *.INFO.

    Сумму файла, который уже лежит в этой папке, TFDS 4.9.10 не пересчитывает, поэтому годится и не полный архив.
    """
    import tensorflow_datasets as tfds
    from tensorflow_datasets.core.download import resource

    ((url, info),) = tfds.builder_cls("ag_news_subset").url_infos.items()
    folder = cache / "tfds" / "downloads" / "ag_news_subset"
    folder.mkdir(parents=True)
    place = folder / resource.get_dl_fname(url, info.checksum)
    shutil.copyfile(archive, place)
    about = {"urls": [url], "original_fname": "ag_news_csv.tar.gz"}  # по имени TFDS узнаёт способ распаковки
    place.with_name(f"{place.name}.INFO").write_text(json.dumps(about))


@pytest.mark.parametrize(
    "kind",
    [
        "маленький",
        pytest.param(
            "AG News",
            marks=pytest.mark.skipif(
                AG_NEWS is None,
                reason="нет архива ag_news_csv.subset.tar.gz в COURSE_DATA и в ../shared/data",
            ),
        ),
    ],
)
def test_real_tfds_from_its_download_cache(kind, cache, tmp_path, monkeypatch, capsys):
    data = tmp_path / "data"
    if kind == "AG News":
        with tarfile.open(AG_NEWS) as content:
            content.extractall(data, filter="data")
        archive = AG_NEWS
    else:
        archive = pack(fill(data), tmp_path / "small.tar.gz")
    seed_tfds(cache, archive)
    from_tfds = ak.load_news()
    assert capsys.readouterr().out.startswith("Источник: сеть (tfds.load, ag_news_subset)")
    assert leftovers(cache) == ["ag_news.zip"]

    monkeypatch.setenv("COURSE_DATA", str(data))
    from_csv = ak.load_news()
    for part in ("train", "test"):
        assert rows(getattr(from_tfds, part)) == rows(getattr(from_csv, part))  # и порядок тот же
    if kind == "AG News":
        assert (len(rows(from_csv.train)), len(rows(from_csv.test))) == (20_971, 7_600)


def test_broken_download_falls_back_and_leaves_nothing(cache, tmp_path, capsys):
    broken = tmp_path / "broken.tar.gz"
    broken.write_bytes(b"<html>quota exceeded</html>")
    seed_tfds(cache, broken)
    assert "TFDS не смог подготовить набор (" in embedded_is_used(source(), capsys)
    assert leftovers(cache) == []


def stub_tfds(monkeypatch, content: dict[str, str]) -> list[int]:
    """Вместо TFDS: пишет архив с данными файлами; возвращает список, который растёт с каждым вызовом."""
    calls = []

    def run(archive: Path) -> None:
        calls.append(1)
        time.sleep(0.3)
        with zipfile.ZipFile(archive, "w") as target:
            for name, text in content.items():
                target.writestr(name, text)

    monkeypatch.setattr(news, "run_tfds", run)
    return calls


GOOD = {"train.csv": to_csv(TRAIN), "test.csv": to_csv(TEST)}


@pytest.mark.parametrize(
    "content",
    [{"train.csv": to_csv(TRAIN)}, {**GOOD, "test.csv": '"5","a","b"\n'}],
    ids=["без test", "не та метка"],
)
def test_wrong_result_of_tfds_is_not_kept(cache, monkeypatch, capsys, content):
    stub_tfds(monkeypatch, content)
    said = embedded_is_used(source(), capsys)
    assert "не те данные" in said or "не архив с train.csv и test.csv" in said
    assert leftovers(cache) == []


def test_two_notebooks_at_once_prepare_once(monkeypatch):
    calls, results = stub_tfds(monkeypatch, GOOD), []
    threads = [threading.Thread(target=lambda: results.append(news.from_tfds())) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(calls) == 1
    assert results[0] == results[1] == results[2]


# --- испорченные данные ---

BROKEN = {
    "два столбца": ('"2","Only title"', "столбцов 2"),
    "четыре столбца": ('"2","a","b","c"', "столбцов 4"),
    "пустая строка": ("", "столбцов 0"),
    "метка 5": ('"5","a","b"', "метка '5'"),
    "метка 0": ('"0","a","b"', "метка '0'"),
    "метка словом": ('"Sports","a","b"', "метка 'Sports'"),
    "нет текста": ('"2","","  "', "пусты"),
    "одна разметка": ('"2","&lt;b&gt;"," nbsp;"', "пусты"),
    "кавычка не закрыта": ('"2","a","b', "кавычки или запятые"),
    "слишком длинно": (f'"2","a","{"b" * 200_000}"', "длиннее 131 072 знаков"),
}


@pytest.mark.parametrize(("line", "reason"), BROKEN.values(), ids=BROKEN)
def test_broken_row_is_named(course_data, line, reason):
    good = to_csv([("2", "two\nlines", "b"), ("1", "c", "d")])  # строка 3 файла — вторая новость
    fill(course_data, good + line + "\n" + to_csv(TRAIN))
    with pytest.raises(ValueError) as caught:
        ak.load_news()
    said = str(caught.value)
    assert said.startswith("ag_news_csv/train.csv, строка 4: ")
    assert reason in said and "исправьте" in said
    assert str(course_data) not in said and "\n" not in said and len(said) < 300


def test_wrong_encoding_is_named(course_data):
    fill(course_data, to_csv([("1", "a", "b"), ("2", "c", "Привет")]).encode("cp1251"))
    with pytest.raises(ValueError, match=r"ag_news_csv/train\.csv, строка 2: это не текст в UTF-8"):
        ak.load_news()


def test_empty_file_is_named(course_data):
    fill(course_data, test="")
    with pytest.raises(ValueError, match=r"ag_news_csv/test\.csv: .*нет ни одной новости"):
        ak.load_news()


# --- форма, число и порядок ---


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setenv("COURSE_PROFILE", "quick")


def test_shapes_and_types(quick):
    loaded = ak.load_news()
    for part in (loaded.train, loaded.test):
        assert list(part) == ["title", "description", "label"]
        assert {part["title"].dtype, part["description"].dtype} == {np.dtype(object)}
        assert part["label"].dtype == np.int64
        assert len({len(column) for column in part.values()}) == 1
        assert all(isinstance(text, str) for text in part["title"])
        assert set(part["label"]) == {0, 1, 2, 3}


def test_limits_take_the_first_rows(quick):
    full, cut = ak.load_news(), ak.load_news(train=7, test=3)
    assert rows(cut.train) == rows(full.train)[:7]
    assert rows(cut.test) == rows(full.test)[:3]
    assert rows(ak.load_news(train=10**6).train) == rows(full.train)


def test_order_is_fixed_and_does_not_depend_on_the_source(course_data):
    fill(course_data)
    first = rows(ak.load_news().test)
    assert first == rows(ak.load_news().test)
    assert first != sorted(first)
    (course_data / "ag_news_csv" / "test.csv").write_text(to_csv(TEST[::-1]))
    assert rows(ak.load_news().test) == first


@pytest.mark.parametrize("limit", [0, -1, 2.5, "10", True])
def test_limits_refuse(quick, limit):
    with pytest.raises(ValueError, match=f"test — число новостей: .*передано {limit!r}"):
        ak.load_news(test=limit)


# --- очистка ---


@pytest.mark.parametrize(
    ("raw", "clean"),
    [
        ("Mayor #39;s car", "Mayor's car"),
        ("#39;Let them go, #39; she said", "'Let them go,' she said"),
        ("a  quot;plain quot; word", 'a "plain" word'),
        ("R amp;D, Q&amp;A", "R&D, Q&A"),
        ("fell to  #36;4; or \\$5 (\\$NZ6)", "fell to $4; or $5 ($NZ6)"),
        ("caf eacute; f #234;te", "café fête"),
        ("last week #151;and  #147;soon #148; #133;", "last week—and “soon”…"),
        ("over. nbsp; Next", "over. Next"),
        ("&lt;b&gt;...&lt;/b&gt; and &lt;A HREF=\"http://x\"&gt;X.N&lt;/A&gt;", "... and X.N"),
        ("one&lt;br&gt;two&lt;BR/&gt;three&lt;p class=\"a\"&gt;four", "one two three four"),
        ("Foundry Corp. &lt;FNDR.N&gt; rose; 2 &lt; 3", "Foundry Corp. <FNDR.N> rose; 2 < 3"),
        (r"sales\in May\\rose", "sales in May rose"),
        ("  two   spaces\tand\nlines ", "two spaces and lines"),
        ("No #1 team; a sum; the amplifier; #20", "No #1 team; a sum; the amplifier; #20"),
        ("", ""),
    ],
)  # fmt: skip
def test_clean(raw, clean):
    assert ak.clean_news_text(raw) == clean
    assert ak.clean_news_text(clean) == clean


@pytest.mark.parametrize("value", [None, float("nan"), ["text"]], ids=repr)
def test_clean_refuses(value):
    with pytest.raises(ValueError, match="должен быть строкой"):
        ak.clean_news_text(value)


def test_split_news_keeps_shares_and_order_of_parts() -> None:
    """Части не пересекаются, рубрики в них поровну, `take` оставляет столько же каждой."""
    corpus = ak.load_news()
    train, valid, test = ak.split_news(corpus)
    texts = ak.texts_of(corpus.train)
    assert texts[0] == f"{corpus.train['title'][0]} {corpus.train['description'][0]}"
    assert abs(len(valid[0]) - len(texts) / 10) < 1 and not set(train[0]) & set(valid[0])
    assert sorted(train[0] + valid[0]) == sorted(texts) and test[0] == ak.texts_of(corpus.test)
    few = ak.take(train, 40)
    assert np.bincount(few[1]).tolist() == [10, 10, 10, 10] and set(few[0]) <= set(train[0])
    assert ak.take(train, None) is train


@pytest.mark.parametrize("few", [0, 9])
def test_missing_rubric_is_named(course_data, few):
    rows = [(label, f"{label}{i}", "x") for label in "124" for i in range(30)]
    fill(course_data, to_csv([*rows, *[("3", f"b{i}", "x") for i in range(few)]]))
    with pytest.raises(ValueError, match=f"«Бизнес» .метка 3. — {few}, а нужно"):
        ak.split_news(ak.load_news())
