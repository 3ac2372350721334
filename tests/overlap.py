"""Похожесть текстов корпуса: отрезки по несколько слов и мера Жаккара."""

from collections import Counter, defaultdict


def ngrams(words: list[str], size: int) -> set[tuple[str, ...]]:
    """Все отрезки по size слов подряд."""
    return {tuple(words[i : i + size]) for i in range(len(words) - size + 1)}


def largest_overlap(texts: list[list[str]]) -> float:
    """Наибольшая мера Жаккара двух текстов (списков слов) по четвёркам слов; 0 — общих четвёрок нет."""
    shingles = [ngrams(words, 4) for words in texts]
    holders = defaultdict(list)
    for number, item in enumerate(shingles):
        for shingle in item:
            holders[shingle].append(number)
    shared = Counter((i, j) for held in holders.values() for i in held for j in held if i < j)
    return max(
        (both / (len(shingles[i]) + len(shingles[j]) - both) for (i, j), both in shared.items()), default=0
    )
