"""Английские корпуса: тексты не повторяют друг друга, а слов в них много."""

import re
from collections import Counter, defaultdict

import attention_kit as ak
import pytest

WORD = re.compile(r"[a-z0-9]+(?:['-][a-z0-9]+)*")
LIMITS = {
    "сущности": (0.2, 4_000),
    "вопросы": (0.05, 3_500),
    "новости": (0.2, 8_000),
}  # сходство, разных слов


@pytest.fixture(scope="module", params=LIMITS)
def corpus(request: pytest.FixtureRequest) -> tuple[str, list[list[str]]]:
    """Имя корпуса и слова каждого его текста, обе части вместе."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COURSE_PROFILE", "quick")
        texts = {
            "сущности": lambda: [text for part in ak.load_entities() for text, _ in part],
            "вопросы": lambda: {item.context: 0 for part in ak.load_questions() for item in part},
            "новости": lambda: [text for part in ak.load_news()[:2] for text in ak.texts_of(part)],
        }[request.param]()
    return request.param, [WORD.findall(text.lower()) for text in texts]


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


def test_no_repeated_phrase(corpus):
    where = Counter(phrase for words in corpus[1] for phrase in ngrams(words, 6))
    assert {" ".join(phrase): count for phrase, count in where.items() if count > 3} == {}


def test_no_two_texts_are_alike(corpus):
    """И внутри частей, и между ними."""
    name, texts = corpus
    assert largest_overlap(texts) < LIMITS[name][0]


def test_rich_vocabulary(corpus):
    name, texts = corpus
    assert len({word for words in texts for word in words}) >= LIMITS[name][1]
