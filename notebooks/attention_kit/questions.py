"""Встроенный корпус вопросов к текстам (английский, в форме SQuAD 1.1) и оценка найденных ответов."""

import json
import re
import string
from collections import Counter
from typing import NamedTuple

from attention_kit.metrics import check_texts
from attention_kit.sources import NOTEBOOKS

FOLDER = NOTEBOOKS / "data" / "questions-en"
NO_PUNCTUATION = str.maketrans("", "", string.punctuation)


class Question(NamedTuple):
    """Вопрос к тексту; ответ — его отрезок: context[start : start + len(answer)] == answer."""

    context: str
    question: str
    answer: str
    start: int


class AnswerScores(NamedTuple):
    """Доля ответов, совпавших с образцом, и средняя по ответам F1 — числа от 0 до 1."""

    exact: float
    f1: float


def load_questions() -> tuple[list[Question], list[Question]]:
    """Обучающие и тестовые вопросы из notebooks/data/questions-en, по порядку в файлах.

    Тексты тестовых вопросов в обучающих не встречаются.
    """
    train, test = (
        parse(json.loads((FOLDER / name).read_text(encoding="utf-8"))) for name in ("train.json", "test.json")
    )
    return train, test


def shorten(question: Question, words: int | None) -> Question:
    """Тот же вопрос, а от текста — часть с ответом; words=None — весь текст.

    Текст делится подряд на части из целых предложений, не длиннее words слов; где в части стоит ответ,
    заранее не известно. Предложение длиннее words остаётся целым, как и текст, где часть разрезала бы ответ.
    """
    if words is None:
        return question
    parts = [""]
    for sentence in re.split(r"(?<=[.;!?] )", question.context):
        if parts[-1] and len((parts[-1] + sentence).split()) > words:
            parts.append("")
        parts[-1] += sentence
    start = question.start
    for part in parts:
        if start < len(part):
            break
        start -= len(part)
    if part[start:].startswith(question.answer):
        return question._replace(context=part.rstrip(), start=start)
    return question


def parse(tree: dict) -> list[Question]:
    """Вопросы из JSON в форме SQuAD 1.1 (Rajpurkar и др., 2016, https://arxiv.org/abs/1606.05250).

    Из нескольких ответов берётся первый.
    """
    return [
        Question(paragraph["context"], record["question"], answer["text"], answer["answer_start"])
        for article in tree["data"]
        for paragraph in article["paragraphs"]
        for record in paragraph["qas"]
        for answer in record["answers"][:1]
    ]


def answer_scores(predicted: list[str], gold: list[str]) -> AnswerScores:
    """Точное совпадение и F1 по словам (Rajpurkar и др., 2016, раздел 6.1); на вопрос — один образец.

    До сравнения оба ответа теряют регистр, знаки препинания, артикли и лишние пробелы. F1 ответа считается
    по общим словам с учётом повторов; если после этого слов не осталось, F1 равна точному совпадению.
    """
    check_texts(predicted, gold)
    pairs = [(_words(p), _words(g)) for p, g in zip(predicted, gold, strict=True)]
    return AnswerScores(
        exact=sum(p == g for p, g in pairs) / len(pairs), f1=sum(_f1(p, g) for p, g in pairs) / len(pairs)
    )


def _words(answer: str) -> list[str]:
    return re.sub(r"\b(a|an|the)\b", " ", answer.lower().translate(NO_PUNCTUATION)).split()


def _f1(predicted: list[str], gold: list[str]) -> float:
    if not predicted or not gold:
        return float(predicted == gold)
    shared = (Counter(predicted) & Counter(gold)).total()
    return 2 * shared / (len(predicted) + len(gold))
