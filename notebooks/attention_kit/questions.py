"""Встроенный корпус вопросов к текстам (английский, в форме SQuAD 1.1) и оценка найденных ответов."""

import json
import re
import string
from collections import Counter
from typing import NamedTuple

from attention_kit.sources import NOTEBOOKS

FOLDER = NOTEBOOKS / "data" / "questions-en"
KINDS = {str: "непустой строкой", list: "непустым списком", int: "целым числом"}
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

    Тексты тестовых вопросов в обучающих не встречаются. Испорченный файл — ValueError с именем файла,
    id вопроса и тем, что исправить.
    """
    train, test = (
        parse_questions((FOLDER / name).read_bytes(), f"{FOLDER.name}/{name}")
        for name in ("train.json", "test.json")
    )
    return train, test


def parse_questions(data: bytes, file: str) -> list[Question]:
    """Разбирает JSON в форме SQuAD 1.1; из нескольких ответов берётся первый. file — имя для сообщений.

    Источник формы: Rajpurkar и др. (2016), https://arxiv.org/abs/1606.05250.
    """
    try:
        tree = json.loads(data.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise ValueError(
            f"{file}: это не текст в UTF-8; сохраните файл в этой кодировке."
        ) from None
    except json.JSONDecodeError as error:
        raise ValueError(
            f"{file}, строка {error.lineno}: это не JSON — лишняя или пропущенная запятая, кавычка или скобка."
        ) from None
    questions, seen = [], set()
    for number, article in enumerate(_field(tree, "data", list, file), start=1):
        for paragraph in _field(article, "paragraphs", list, f"{file}, статья {number}"):
            where = f"{file}, статья {number}"
            context = _field(paragraph, "context", str, where)
            for record in _field(paragraph, "qas", list, where):
                name = _field(record, "id", str, where)
                if name in seen:
                    raise ValueError(f"{file}, {name}: такой id уже был; дайте вопросу другой.")
                seen.add(name)
                questions.append(_question(context, record, f"{file}, {name}"))
    return questions


def _question(context: str, record: dict, where: str) -> Question:
    text = _field(record, "question", str, where)
    first = _field(record, "answers", list, where)[0]
    answer = _field(first, "text", str, where)
    start = _field(first, "answer_start", int, where)
    whole_words = re.compile(rf"(?<!\w){re.escape(answer)}(?!\w)")
    places = [match.start() for match in whole_words.finditer(context)]
    if not places:
        raise ValueError(
            f"{where}: ответа «{answer}» (целыми словами) в тексте нет; перепишите его из текста буква в букву."
        )
    if start not in places:
        raise ValueError(
            f"{where}: answer_start {start}, а ответ «{answer}» стоит в тексте "
            f"с {' и '.join(map(str, places))}; исправьте число."
        )
    return Question(context, text, answer, start)


def _field(record: object, name: str, kind: type, where: str):
    """Поле записи нужного вида и не пустое."""
    value = record.get(name) if isinstance(record, dict) else None
    if type(value) is not kind or (kind is not int and not value):
        raise ValueError(f"{where}: поле «{name}» должно быть {KINDS[kind]}, а оно {value!r}.")
    return value


def answer_scores(predicted: list[str], gold: list[str]) -> AnswerScores:
    """Точное совпадение и F1 по словам (Rajpurkar и др., 2016, раздел 6.1); на вопрос — один образец.

    До сравнения оба ответа теряют регистр, знаки препинания, артикли и лишние пробелы. F1 ответа считается
    по общим словам с учётом повторов; если после этого слов не осталось, F1 равна точному совпадению.
    """
    _check_answers(predicted, gold)
    pairs = [(_words(p), _words(g)) for p, g in zip(predicted, gold, strict=True)]
    return AnswerScores(
        exact=sum(p == g for p, g in pairs) / len(pairs),
        f1=sum(_f1(p, g) for p, g in pairs) / len(pairs),
    )


def _words(answer: str) -> list[str]:
    return re.sub(r"\b(a|an|the)\b", " ", answer.lower().translate(NO_PUNCTUATION)).split()


def _f1(predicted: list[str], gold: list[str]) -> float:
    if not predicted or not gold:
        return float(predicted == gold)
    shared = (Counter(predicted) & Counter(gold)).total()
    return 2 * shared / (len(predicted) + len(gold))


def _check_answers(predicted: list[str], gold: list[str]) -> None:
    if isinstance(predicted, str) or isinstance(gold, str):
        raise ValueError(
            "Нужны списки ответов, а дана одна строка: возьмите её в список, [строка]."
        )
    if not len(gold) or len(predicted) != len(gold):
        raise ValueError(
            f"Ответов {len(predicted)}, образцов {len(gold)}: нужно поровну и хотя бы по одному."
        )
    for answer in (*predicted, *gold):
        if not isinstance(answer, str):
            raise ValueError(
                f"Ответ должен быть строкой, а передано {answer!r}: вырежьте из текста context[начало:конец]."
            )
