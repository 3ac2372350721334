"""Метрики: AER против подсчёта руками, BLEU, качество по длине."""

from math import comb

import attention_kit as ak
import numpy as np
import pytest


def test_alignment_error_rate_by_hand():
    # A = 4 связи; из них точных 2, возможных (вместе с точными) 3; точных в эталоне всего 3
    predicted = [{(0, 0), (1, 1), (2, 2)}, {(0, 1)}]
    sure = [{(0, 0), (1, 1)}, {(0, 0)}]
    possible = [{(0, 0), (2, 2)}, set()]  # (1, 1) возможной не названа: точная считается возможной и так
    score = ak.alignment_error_rate(predicted, sure, possible)
    assert score.aer == pytest.approx(1 - (2 + 3) / (4 + 3))
    assert score.precision == pytest.approx(3 / 4)
    assert score.recall == pytest.approx(2 / 3)


def test_perfect_alignment_has_no_errors():
    links = [ak.diagonal_links(4, 4)]
    assert ak.alignment_error_rate(links, links, [set()]) == (0, 1, 1)


@pytest.mark.parametrize(
    ("predicted", "sure", "message"),
    [([{(0, 0)}], [], "не совпадает"), ([set()], [{(0, 0)}], "ни одной"), ([{(0, 0)}], [set()], "ни одной")],
)
def test_alignment_error_rate_refuses(predicted, sure, message):
    with pytest.raises(ValueError, match=message):
        ak.alignment_error_rate(predicted, sure, [set()] * len(predicted))


def test_best_links_ignore_end_mark_and_padding():
    weights = np.array([[0.1, 0.7, 0.2, 0.0], [0.6, 0.3, 0.1, 0.9], [0.0, 0.0, 0.0, 1.0]])
    assert ak.best_links(weights, n_source=3, n_target=2) == {(0, 1), (1, 0)}


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        (np.ones((2, 2)), r"\(2, 2\).*\(2, 3\)"),
        (np.full((2, 3), np.nan), "NaN"),
    ],
)
def test_best_links_refuse(weights, message):
    with pytest.raises(ValueError, match=message):
        ak.best_links(weights, 3, 2)


@pytest.mark.parametrize(
    ("n_source", "n_target", "sources"),
    [(4, 4, [0, 1, 2, 3]), (2, 4, [0, 0, 1, 1]), (6, 2, [1, 4]), (1, 3, [0, 0, 0])],
)
def test_diagonal(n_source, n_target, sources):
    assert ak.diagonal_links(n_source, n_target) == set(enumerate(sources))


def test_bleu_is_sacrebleu():
    reference = "the old teacher reads an interesting book ."
    assert ak.bleu([reference], [reference]) == pytest.approx(100)
    assert ak.bleu(["completely different words stand here"], [reference]) < 5
    # 1-граммы 5/6, 2-граммы 3/5, 3-граммы 1/4, 4-граммы 1/(2·3) (сглаживание), длины равны
    assert ak.bleu(["a b c x d e"], ["a b c d d e"]) == pytest.approx(100 * (5 / 6 * 3 / 5 / 4 / 6) ** 0.25)


def test_exact_match_is_percent():
    assert ak.exact_match(["a b", "c", "d", "e"], ["a b", "c", "x", "y"]) == 50


@pytest.mark.parametrize(
    ("given", "gold", "message"),
    [
        ([], [], "хотя бы по одному"),
        (["a"], ["a", "b"], "Ответов 1, образцов 2: нужно поровну"),
        ("ab", ["a", "b"], "одна строка"),
        (["a", "b"], "ab", "одна строка"),
        ([["a"]], ["a"], "передано .'a'.: .*detokenize"),
        (["a"], [None], "передано None"),
    ],
)
@pytest.mark.parametrize("metric", [ak.bleu, ak.exact_match, ak.answer_scores])
def test_text_metrics_refuse(metric, given, gold, message):
    with pytest.raises(ValueError, match=message):
        metric(given, gold)


def test_by_length_puts_every_sentence_into_its_group():
    hypotheses, references = ["a", "b", "c", "d", "x"], ["a", "b", "c", "z", "z"]
    rows = ak.by_length([2, 5, 6, 10, 40], hypotheses, references, (5, 10, 20, 39, 40), ak.exact_match)
    assert rows == [("2–5", 100, 2), ("6–10", 50, 2), ("40", 0, 1)]


@pytest.mark.parametrize("lengths", [[6], [1, 2]])
def test_by_length_refuses(lengths):
    with pytest.raises(ValueError, match="поровну, и ни одна длина не больше последней границы, 5"):
        ak.by_length(lengths, ["a"], ["a"], (2, 5), ak.exact_match)


def test_paired_is_the_exact_two_sided_test() -> None:
    """Против критерия знаков, посчитанного по определению."""
    first = np.array([True] * 9 + [False] * 2 + [True] * 5)
    second = np.array([False] * 9 + [True] * 2 + [True] * 5)
    by_hand = 2 * sum(comb(11, k) for k in range(3)) / 2**11
    assert ak.paired(first, second) == (9, 2, pytest.approx(by_hand))
    assert ak.paired(first, first) == (0, 0, 1)


def test_thousands_are_separated_by_a_space() -> None:
    assert [ak.spaced(n) for n in (22714756, 999.6, 0)] == ["22\u00a0714\u00a0756", "1\u00a0000", "0"]
