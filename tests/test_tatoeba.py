"""Tatoeba: порядок источников, повреждённый кэш, деление без общих предложений, слова и словарь."""

import io
import zipfile

import attention_kit as ak
import pytest
from attention_kit import tatoeba

from bad_server import bad_server

TEXT = "Hi.\tПривет.\tCC-BY\nI have a cat.\tУ меня есть кошка.\nI've a cat.\tУ меня есть кошка.\n"
PAIRS = [("Привет.", "Hi."), ("У меня есть кошка.", "I have a cat."), ("У меня есть кошка.", "I've a cat.")]
EMBEDDED = [("кот спит", "the cat sleeps")]


def archive(name: str = "rus.txt", text: str = TEXT) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as content:
        content.writestr(name, text)
    return buffer.getvalue()


@pytest.fixture
def server():
    with bad_server() as address:
        yield address


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_PROFILE", "cpu")
    monkeypatch.setenv("COURSE_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("COURSE_DATA", raising=False)
    monkeypatch.setattr(tatoeba, "URL", "http://127.0.0.1:9/closed")
    monkeypatch.setattr(tatoeba, "MIN_PAIRS", 3)
    return tmp_path / "cache"


def pairs() -> list[tuple[str, str]]:
    return ak.tatoeba_pairs(lambda: EMBEDDED)


def test_course_data_comes_first(monkeypatch, tmp_path, capsys):
    (tmp_path / "rus-eng").mkdir()
    (tmp_path / "rus-eng" / "rus.txt").write_text(
        "\ufeff" + TEXT.replace("\n", "\r\n"), encoding="utf-8", newline=""
    )
    monkeypatch.setenv("COURSE_DATA", str(tmp_path))
    assert pairs() == PAIRS
    assert capsys.readouterr().out == "Источник: COURSE_DATA\n"


def test_folder_without_tatoeba_is_mentioned(monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("COURSE_DATA", str(tmp_path))
    assert pairs() == EMBEDDED
    said, source = capsys.readouterr().out.splitlines()
    assert said == "В COURSE_DATA нет файла rus-eng/rus.txt."
    assert "нет связи с сервером" in source


def test_quick_profile_uses_the_embedded_corpus_only(monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("COURSE_PROFILE", "quick")
    monkeypatch.setenv("COURSE_DATA", str(tmp_path))
    monkeypatch.setattr(tatoeba, "download", None)  # обращение к сети — ошибка
    assert pairs() == EMBEDDED
    assert capsys.readouterr().out.startswith("Источник: встроенный корпус")


def own_file(monkeypatch, folder, count: int) -> None:
    (folder / "rus-eng").mkdir()
    lines = [f"Sentence {i}.\tФраза {i}." for i in range(count)]
    (folder / "rus-eng" / "rus.txt").write_text("\n".join(lines), encoding="utf-8")
    monkeypatch.setenv("COURSE_DATA", str(folder))


@pytest.mark.parametrize("count", [1, 60, 199])
def test_too_few_pairs_are_refused_at_once(monkeypatch, tmp_path, count):
    monkeypatch.setattr(tatoeba, "MIN_PAIRS", 200)
    own_file(monkeypatch, tmp_path, count)
    with pytest.raises(ValueError, match=f"В rus.txt {count} пар, .*хотя бы 200"):
        pairs()


def test_pairs_are_cut_at_random(monkeypatch, tmp_path):
    own_file(monkeypatch, tmp_path, 300)
    everything = pairs()
    some = ak.tatoeba_pairs(list, count=50, seed=1)
    assert len(set(some)) == 50 and set(some) < set(everything) and some != everything[:50]
    assert some == ak.tatoeba_pairs(list, count=50, seed=1) != ak.tatoeba_pairs(list, count=50, seed=2)
    assert sorted(ak.tatoeba_pairs(list, count=500)) == sorted(everything)


def test_network_then_cache(monkeypatch, server, cache, capsys):
    monkeypatch.setattr(tatoeba, "URL", server("good", archive()))
    assert pairs() == PAIRS
    with monkeypatch.context() as offline:
        offline.setattr(tatoeba, "download", None)  # второй раз сеть не нужна
        assert pairs() == PAIRS
    assert capsys.readouterr().out == "Источник: сеть (manythings.org)\n" * 2
    (cache / "rus-eng.zip").write_bytes(archive()[:-9])
    assert pairs() == PAIRS
    assert "в кэше повреждён" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("behaviour", "body", "reason"),
    [
        ("404", b"", "кодом 404"),
        ("cut", archive(), "оборвалось"),
        ("good", b"<html>", "не архив"),
        ("good", archive(text="без табуляции"), "не те данные"),
    ],
    ids=["404", "обрыв", "не архив", "без столбцов"],
)
def test_broken_network_falls_back_and_keeps_nothing(
    monkeypatch, server, cache, capsys, behaviour, body, reason
):
    monkeypatch.setattr(tatoeba, "URL", server(behaviour, body))
    assert pairs() == EMBEDDED
    assert not list(cache.glob("*.zip*"))
    printed = capsys.readouterr().out
    assert printed.count("\n") == 1
    assert printed.startswith("Источник: встроенный корпус")
    assert reason in printed


def test_any_flipped_byte_is_said(tmp_path):
    good, file = archive(), tmp_path / "rus-eng.zip"
    for place in range(len(good)):
        for flip in (1, 0x80, 0xFF):
            file.write_bytes(good[:place] + bytes([good[place] ^ flip]) + good[place + 1 :])
            try:
                assert tatoeba.read_archive(file) == PAIRS  # байт, который ни на что не влияет
            except ak.SourceError as error:
                assert "повреждён" in str(error)


@pytest.mark.parametrize("broken", ["Bye. Пока.", "Bye.\t", "\tПока.", ""])
def test_broken_row_is_named(broken):
    with pytest.raises(ValueError, match="В строке 4 "):
        tatoeba.parse_pairs((TEXT + broken + "\nBye.\tПока.").encode())


def test_wrong_encoding_is_named():
    with pytest.raises(ValueError, match="UTF-8"):
        tatoeba.parse_pairs(TEXT.encode("cp1251"))


def sentences(part: list[tuple[str, str]]) -> set[str]:
    return {sentence.lower().strip() for pair in part for sentence in pair}


def chained_pairs() -> list[tuple[str, str]]:
    """Цепочка ru0–en0–ru1–en1–…: связаны даже пары, у которых общего предложения нет."""
    chain = [(f"р{i // 2}", f"e{(i + 1) // 2}") for i in range(20)]
    repeated = [(f"один {i} ", f"Uno {i}") for i in range(50)]
    return [*chain, *[(f"Один {i}", f"One {i}") for i in range(100)], *repeated]


def test_split_shares_no_sentence():
    data = chained_pairs()
    train, valid, test = ak.split_by_group(data, valid=20, test=30, seed=1)
    assert (len(valid), len(test)) == (20, 30)
    assert sorted(train + valid + test) == sorted(data)
    assert not sentences(train) & sentences(valid)
    assert not sentences(train) & sentences(test)
    assert not sentences(valid) & sentences(test)
    assert ak.split_by_group(data, valid=20, test=30, seed=1) == (train, valid, test)
    assert ak.split_by_group(data, valid=20, test=30, seed=2)[2] != test


@pytest.mark.parametrize(("valid", "test"), [(0, 5), (5, 0), (100, 70)])
def test_split_refuses(valid, test):
    with pytest.raises(ValueError, match="Из 170 пар"):
        ak.split_by_group(chained_pairs(), valid, test, seed=0)


def test_split_refuses_one_big_group():
    with pytest.raises(ValueError, match="связаны между собой"):
        ak.split_by_group(chained_pairs()[:20], valid=2, test=2, seed=0)


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("My father’s house.", ["my", "father", "'s", "house", "."]),
        ("I don't know, can't you?", ["i", "do", "n't", "know", ",", "ca", "n't", "you", "?"]),
        ("I'm here; they'll see.", ["i", "'m", "here", ";", "they", "'ll", "see", "."]),
        ("Кто-то пришёл — в 10:30!", ["кто-то", "пришёл", "-", "в", "10:30", "!"]),
        ('He said: "Go (now)."', ["he", "said", ":", '"', "go", "(", "now", ")", ".", '"']),
        ("Она сказала: «Да».", ["она", "сказала", ":", '"', "да", '"', "."]),
        ("It costs $5.50...", ["it", "costs", "$", "5.50", ".", ".", "."]),
        ("A 33-year-old man, the 10th.", ["a", "33-year-old", "man", ",", "the", "10th", "."]),
        ("the dogs' tails", ["the", "dogs", "'", "tails"]),
    ],
)
def test_tokenize_and_back(text, tokens):
    assert ak.tokenize(text) == tokens
    if text != "the dogs' tails":  # апостроф после слова не отличить от кавычки
        assert ak.detokenize(tokens) == ak.clean_text(text).lower()


@pytest.mark.parametrize(
    "text",
    [
        "Где живёт твой брат?",
        "«Где живёт твой брат?»",
        "“Где живёт твой брат?”",
        "  Где\u00a0живёт\n твой\u202fбрат? ",
        "\ufeffГде жи\u00adвёт\u200b твой бра\u0301т?",
        "Где живе\u0308т твой брат?",
    ],
    ids=["обычный", "ёлочки", "лапки", "пробелы", "невидимые и ударение", "ё из двух знаков"],
)
def test_clean_text(text):
    assert ak.clean_text(text) == "Где живёт твой брат?"


def test_clean_text_is_plain_inside():
    assert ak.clean_text("Он — «тот»; it’s 5–6") == 'Он - "тот"; it\'s 5-6'
    assert ak.clean_text("«Да», — сказал «кот»") == '"Да", - сказал "кот"'


@pytest.mark.parametrize("text", [None, 5, ["кот"]], ids=str)
@pytest.mark.parametrize("function", [ak.clean_text, ak.tokenize, ak.sentences])
def test_not_a_string_is_named(function, text):
    with pytest.raises(ValueError, match="Нужна строка"):
        function(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Кот спит", [["кот", "спит", "."]]),
        ("Кот спит!", [["кот", "спит", "."]]),
        ("Кот спит…", [["кот", "спит", "."]]),
        ("Кот спит...", [["кот", "спит", "."]]),
        ("Кот спит?!", [["кот", "спит", "?"]]),
        ("Кот спит. Где ты?", [["кот", "спит", "."], ["где", "ты", "?"]]),
        ("«Кот спит!» «Где ты?»", [["кот", "спит", "."], ["где", "ты", "?"]]),
        ("… !", []),
    ],
)
def test_sentences(text, expected):
    assert ak.sentences(text) == expected


def test_e_for_yo():
    words = ak.Vocabulary([["живёт", "живёт", "все", "всё", "лёд"]])
    assert words.unknown(["живет", "все", "всё", "лед", "мед"]) == ["мед"]
    ids = words.encode([["живет", "все", "лед"]])[0]
    assert words.decode(ids) == ["живёт", "все", "лёд"]


@pytest.fixture
def vocabulary():
    return ak.Vocabulary([["кот", "спит"], ["кот", "ест"], ["кот", "ест", "рыбу"]])


def test_vocabulary_order_and_limits(vocabulary):
    assert vocabulary.tokens == ["<pad>", "<unk>", "<s>", "</s>", "кот", "ест", "рыбу", "спит"]
    assert len(vocabulary) == 8
    data = [["а", "б", "б", "в", "в", "в", "<s>"]]
    assert ak.Vocabulary(data, min_count=2).tokens[4:] == ["в", "б"]


def test_encode_and_decode(vocabulary):
    ids = vocabulary.encode([["кот", "спит"], ["пёс", "ест", "рыбу"]], start=True, end=True)
    assert ids.dtype == "int32"
    assert ids.tolist() == [[2, 4, 7, 3, 0], [2, 1, 5, 6, 3]]
    assert vocabulary.encode([["кот"]], maxlen=3).tolist() == [[4, 0, 0]]
    assert vocabulary.decode([2, 4, 0, 7, 3, 4]) == ["кот", "спит"]
    assert vocabulary.decode(ids[1]) == ["<unk>", "ест", "рыбу"]
    assert vocabulary.unknown(["пёс", "кот", "лось", "пёс"]) == ["пёс", "лось"]


@pytest.mark.parametrize(
    ("sentences", "message"),
    [
        ([], "Нет ни одного"),
        ([["кот"], []], "Предложение 1 .* пустое"),
        ("кот", "через tokenize"),
        (["кот спит"], "через tokenize"),
        ([["кот", "ест", "рыбу"]], "занимает 4 мест, а maxlen=3"),
    ],
)
def test_encode_refuses(vocabulary, sentences, message):
    with pytest.raises(ValueError, match=message):
        vocabulary.encode(sentences, maxlen=3, end=True)


def test_empty_vocabulary_is_refused():
    with pytest.raises(ValueError, match="Словарь пуст"):
        ak.Vocabulary([["кот"]], min_count=5)
