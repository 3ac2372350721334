"""Корпус именованных сущностей: разбор, оценка, непересечение частей, разнообразие и трудность."""

import re
from collections import Counter

import attention_kit as ak
import pytest
from attention_kit.entities import FOLDER, parse

NAME_WORD = re.compile(r"[A-Za-z]{3,}")
FILES = ("train.txt", "test.txt")


@pytest.fixture(scope="module")
def parts() -> dict[str, list[ak.Sentence]]:
    return dict(zip(FILES, ak.load_entities(), strict=True))


def names(sentences: list[ak.Sentence], *kinds: str) -> list[str]:
    """Строки сущностей указанных видов; без видов — всех."""
    return [
        text[start:stop]
        for text, entities in sentences
        for start, stop, kind in entities
        if kind in (kinds or ak.ENTITY_KINDS)
    ]


def name_words(found: list[str]) -> set[str]:
    """Все слова имён строчными буквами; инициалы и частицы (Al, de) не в счёт."""
    return {word.lower() for name in found for word in NAME_WORD.findall(name)}


# --- корпус ---


def test_enough_sentences_and_entities(parts):
    train, test = (parts[name] for name in FILES)
    assert len(train) >= 500 and len(test) >= 150 and len(train) + len(test) >= 700
    for sentences, least in ((train, 150), (test, 50)):
        counts = Counter(kind for _, entities in sentences for *_, kind in entities)
        assert set(counts) == set(ak.ENTITY_KINDS)
        assert min(counts.values()) >= least, counts
        assert max(counts.values()) <= 2 * min(counts.values()), counts
        empty = sum(not entities for _, entities in sentences) / len(sentences)
        assert 0.08 <= empty <= 0.15


def test_form():
    """Строка — одно предложение: ASCII, 8–30 слов, точка в конце, без двойных пробелов."""
    for name in FILES:
        data = (FOLDER / name).read_bytes()
        assert b"\r" not in data and data.endswith(b"\n")
        for line in data.decode("ascii").splitlines():
            text = parse(line).text
            assert 8 <= len(text.split()) <= 30, text
            assert re.search(r"[.!?]\"?$", text) and "  " not in text and text[0] != " ", text
            assert not set("[]") & set(text), text
            assert re.sub(r"\[([^]]*)]\((?:PER|ORG|LOC|EVENT)\)", r"\1", line) == text


def test_entities_are_in_order_and_apart(parts):
    for sentences in parts.values():
        for text, entities in sentences:
            edges = [edge for start, stop, _ in entities for edge in (start, stop)]
            assert edges == sorted(set(edges)), text
            assert all(0 <= edge <= len(text) for edge in edges)
            assert not [
                edge for edge in edges if text[max(edge - 1, 0) : edge + 1].isalnum() and 0 < edge < len(text)
            ], text


def test_marked_as_the_readme_says(parts):
    """Артикль, титул и притяжательное 's — за скобками."""
    outside = re.compile(
        r"(?:the|a|an|mrs?|ms|dr|judge|captain|professor|father|lady|prince)\b", re.IGNORECASE
    )
    for sentences in parts.values():
        for name in names(sentences):
            assert not outside.match(name) and not name.endswith("'s"), name
            assert name[0].isupper(), name


def test_known_names_are_always_marked(parts):
    """Строка, отмеченная где-то как сущность, нигде не остаётся без отметки."""
    known = {name for sentences in parts.values() for name in names(sentences)}
    for sentences in parts.values():
        for text, entities in sentences:
            rest = list(text)
            for start, stop, _ in entities:
                rest[start:stop] = "\0" * (stop - start)
            rest = "".join(rest)
            missed = [name for name in known if name in rest and re.search(rf"\b{re.escape(name)}\b", rest)]
            assert not missed, (missed, text)


def test_test_names_are_unseen(parts):
    train, test = (parts[name] for name in FILES)
    assert not {name.lower() for name in names(train)} & {name.lower() for name in names(test)}
    assert not {text.lower() for text, _ in train} & {text.lower() for text, _ in test}
    everything = "\n".join(text for text, _ in train)
    assert not [name for name in names(test) if re.search(rf"\b{re.escape(name)}\b", everything)]
    # у людей — ни имени, ни фамилии, даже внутри названия («Kaplinsky Umbrellas»)
    assert not name_words(names(test, "PER")) & name_words(names(train))


def test_readme_counts(parts):
    readme = (FOLDER / "README.md").read_text(encoding="utf-8")
    for name, sentences in parts.items():
        counts = Counter(kind for _, entities in sentences for *_, kind in entities)
        row = [len(sentences), counts.total(), *(counts[kind] for kind in ak.ENTITY_KINDS)]
        row.append(sum(not entities for _, entities in sentences))
        assert f"| `{name}` | {' | '.join(map(str, row))} |" in readme


# --- разбор ---


def test_parsing_by_hand():
    assert parse("[Maria Lopez](PER)'s train to [Oslo](LOC) (late) left.") == ak.Sentence(
        "Maria Lopez's train to Oslo (late) left.", ((0, 11, "PER"), (23, 27, "LOC"))
    )
    assert parse("Nothing here.") == ak.Sentence("Nothing here.", ())


# --- оценка ---


def test_scores_by_hand():
    # верна одна сущность из четырёх найденных и трёх размеченных: чужие граница, вид и предложение
    gold = [[(0, 5, "PER"), (10, 14, "LOC")], [(0, 4, "LOC")]]
    predicted = [[(0, 5, "PER"), (10, 13, "LOC"), (10, 14, "ORG")], [(10, 14, "LOC")]]
    assert ak.entity_scores(predicted, gold) == pytest.approx((1 / 4, 1 / 3, 2 / 7))
    assert ak.entity_scores(gold, gold) == (1, 1, 1)
    assert ak.entity_scores([[], []], gold) == (0, 0, 0)


@pytest.mark.parametrize(
    ("predicted", "gold", "message"),
    [
        ([[]], [], "предсказано 1, размечено 0"),
        ([[]], [[]], "нет ни одной сущности"),
        ([ak.Sentence("Oslo.", ((0, 4, "LOC"),))], [[(0, 4, "LOC")]], "тройка.*'Oslo.'"),
        ([[(0, 4)]], [[(0, 4, "LOC")]], r"тройка.*\(0, 4\)"),
    ],
)
def test_scores_refuse(predicted, gold, message):
    with pytest.raises(ValueError, match=message):
        ak.entity_scores(predicted, gold)
