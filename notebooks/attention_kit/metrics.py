"""Качество перевода и выравнивания."""

from collections.abc import Callable, Collection, Sequence
from typing import NamedTuple

import numpy as np

Link = tuple[int, int]  # (номер слова перевода, номер исходного слова), оба с нуля


class AlignmentScore(NamedTuple):
    """Доля ошибок выравнивания (AER), точность и полнота — числа от 0 до 1."""

    aer: float
    precision: float
    recall: float


def alignment_error_rate(
    predicted: Sequence[Collection[Link]],
    sure: Sequence[Collection[Link]],
    possible: Sequence[Collection[Link]],
) -> AlignmentScore:
    """Доля ошибок выравнивания по всему набору предложений (Och & Ney, 2003, формулы 19–20).

    Во всех трёх списках — по множеству связей на предложение. Точные связи (sure) всегда
    считаются и возможными (possible). AER = 1 − (|A∩S| + |A∩P|) / (|A| + |S|).
    """
    if not len(predicted) == len(sure) == len(possible):
        raise ValueError(
            f"Число предложений не совпадает: предсказано {len(predicted)}, "
            f"с точными связями {len(sure)}, с возможными {len(possible)}."
        )
    hits_sure = hits_possible = n_predicted = n_sure = 0
    for a, s, p in zip(map(set, predicted), map(set, sure), map(set, possible), strict=True):
        hits_sure += len(a & s)
        hits_possible += len(a & (s | p))
        n_predicted += len(a)
        n_sure += len(s)
    if not n_predicted or not n_sure:
        raise ValueError("Нет ни одной предсказанной или ни одной точной связи: сравнивать не с чем.")
    return AlignmentScore(
        aer=1 - (hits_sure + hits_possible) / (n_predicted + n_sure),
        precision=hits_possible / n_predicted,
        recall=hits_sure / n_sure,
    )


def best_links(weights: np.ndarray, n_source: int, n_target: int) -> set[Link]:
    """Для каждого из первых n_target слов перевода — исходное слово с наибольшим весом.

    weights — (не меньше n_target, не меньше n_source): строки — слова перевода. Лишнее (метка конца
    перевода, дополнение) не учитывается.
    """
    weights = np.asarray(weights, dtype=float)
    if weights.ndim != 2 or weights.shape[0] < n_target or weights.shape[1] < n_source:
        raise ValueError(
            f"Матрица весов имеет форму {weights.shape}, а нужна хотя бы ({n_target}, {n_source}): "
            "строки — слова перевода, столбцы — исходные слова."
        )
    kept = weights[:n_target, :n_source]
    if not np.isfinite(kept).all():
        raise ValueError("В матрице весов есть NaN или бесконечность: наибольший вес не определён.")
    return {(target, int(source)) for target, source in enumerate(kept.argmax(axis=1))}


def diagonal_links(n_source: int, n_target: int) -> set[Link]:
    """Выравнивание «по диагонали»: каждому слову перевода — исходное слово на той же доле пути."""
    return {(target, (2 * target + 1) * n_source // (2 * n_target)) for target in range(n_target)}


def bleu(hypotheses: list[str], references: list[str]) -> float:
    """BLEU набора переводов, 0–100 (sacrebleu, разбиение 13a; Post, 2018)."""
    import sacrebleu

    check_texts(hypotheses, references)
    return sacrebleu.corpus_bleu(hypotheses, [references], force=True).score


def exact_match(hypotheses: list[str], references: list[str]) -> float:
    """Сколько процентов переводов совпало с образцом слово в слово, 0–100."""
    check_texts(hypotheses, references)
    return 100 * sum(h == r for h, r in zip(hypotheses, references, strict=True)) / len(references)


def check_texts(given: list[str], gold: list[str]) -> None:
    """Поровну ли строк; ValueError с тем, что исправить."""
    if isinstance(given, str) or isinstance(gold, str):
        raise ValueError("Нужны два списка строк, а дана одна строка: возьмите её в список, [строка].")
    if not gold or len(given) != len(gold):
        raise ValueError(f"Ответов {len(given)}, образцов {len(gold)}: нужно поровну и хотя бы по одному.")
    for text in (*given, *gold):
        if not isinstance(text, str):
            raise ValueError(
                f"Каждый ответ и образец должен быть строкой, а передано {text!r}: соберите список слов через "
                "detokenize, а отрезок вырежьте из текста, context[начало:конец]."
            )


def by_length(
    lengths: Sequence[int],
    hypotheses: list[str],
    references: list[str],
    edges: Sequence[int],
    metric: Callable[[list[str], list[str]], float],
) -> list[tuple[str, float, int]]:
    """Качество по длине: [(«2–5», значение, число предложений), …]; первая группа — от самой малой длины.

    edges — верхние границы групп включительно: (5, 10) — это длины до 5 и 6–10. Пустые группы пропущены.
    """
    if not len(lengths) == len(hypotheses) == len(references) or max(lengths) > edges[-1]:
        raise ValueError(
            f"Длин {len(lengths)}, переводов {len(hypotheses)}, образцов {len(references)}: нужно поровну, "
            f"и ни одна длина не больше последней границы, {edges[-1]}."
        )
    rows = []
    for low, high in zip([min(lengths), *(edge + 1 for edge in edges[:-1])], edges, strict=True):
        chosen = [i for i, length in enumerate(lengths) if low <= length <= high]
        if chosen:
            value = metric([hypotheses[i] for i in chosen], [references[i] for i in chosen])
            rows.append((f"{low}–{high}" if low < high else str(low), value, len(chosen)))
    return rows


def paired(first: np.ndarray, second: np.ndarray) -> tuple[int, int, float]:
    """Победы первой модели, победы второй и p-значение (точный двусторонний критерий Мак-Немара, 1947).

    first и second — верны ли ответы моделей на одних и тех же примерах, bool (примеров,).
    """
    from scipy.stats import binomtest

    wins, losses = int(np.sum(first & ~second)), int(np.sum(second & ~first))
    return wins, losses, binomtest(wins, max(wins + losses, 1)).pvalue
