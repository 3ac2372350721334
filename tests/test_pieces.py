"""Куски слов: те же обязанности, что у словаря слов, и карта, собранная по словам."""

import attention_kit as ak
import numpy as np
import pytest

SENTENCES = [line.split() for line in (
    "моя сестра купила книгу .", "моя сестра купила новую книгу .", "эту книгу купила сестра .", "мой брат купил дом .",
)] * 3  # fmt: skip


@pytest.fixture(scope="module")
def pieces() -> ak.Pieces:
    return ak.Pieces(SENTENCES, 60)


def test_words_come_back_whole(pieces: ak.Pieces) -> None:
    ids = pieces.encode(SENTENCES, start=True, end=True)
    assert ids.dtype == np.int32 and (ids[:, 0] == pieces.START).all()
    assert [pieces.decode(row) for row in ids] == SENTENCES


def test_unseen_word_is_made_of_known_pieces(pieces: ak.Pieces) -> None:
    word = ["куплю"] if "ю" in pieces.index else ["купим"]
    split = pieces.split(word)
    assert len(split) > 1 and pieces.SPECIAL[pieces.UNKNOWN] not in split
    assert pieces.decode(pieces.encode([word])[0]) == word and pieces.unknown(word) == []
    assert pieces.unknown(["книгу", "quiz"]) == ["quiz"]


def test_size_and_special_numbers(pieces: ak.Pieces) -> None:
    assert len(pieces) <= 60 and tuple(pieces.tokens[:4]) == ak.Vocabulary.SPECIAL
    assert all(pieces.index[token] == number for number, token in enumerate(pieces.tokens))


def test_frequent_word_is_one_piece() -> None:
    assert ak.Pieces(SENTENCES, 400).split(["сестра", "купила"]) == ["▁сестра", "▁купила"]


@pytest.mark.parametrize(("sentences", "message"), [("моя", "список предложений"), ([[]], "пустое")])
def test_bad_input_is_named(pieces: ak.Pieces, sentences, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        pieces.encode(sentences)
    with pytest.raises(ValueError, match="учить не на чем"):
        ak.Pieces([], 60)


def test_map_by_words_by_hand() -> None:
    weights = np.array([[0.1, 0.2, 0.7], [0.5, 0.5, 0.0], [0.0, 0.4, 0.6]])
    merged = ak.merge_pieces(weights, ["▁my", "▁sis", "ter"], ["▁се", "стра", "▁."])
    assert merged == pytest.approx(np.array([[0.3, 0.7], [0.7, 0.3]]))
    assert merged.sum(axis=1) == pytest.approx(1)
