"""Встроенные вопросы к текстам: форма, ответы на месте, различие частей; метрики ответов."""

import random
import re
from collections import Counter

import attention_kit as ak
import pytest
from attention_kit import questions

WORD = re.compile(r"[a-z0-9]+(?:['-][a-z0-9]+)*")
KIND = re.compile(r"who|whom|whose|when|where|why|which|what|how (?:many|much|long|often|far)|how")
NAME = r"[A-Z][\w'-]+"
STOP = set(
    WORD.findall(
        "a an the of in on at to for from by with and or but is was were are be been had has have did do does "
        "who whose whom what which when where why how many much long it its his her he she they their that this"
    )
)


@pytest.fixture(scope="module")
def parts() -> tuple[list[ak.Question], list[ak.Question]]:
    return ak.load_questions()


@pytest.fixture(scope="module")
def contexts(parts) -> list[list[str]]:
    """Разные тексты каждой части, по порядку."""
    return [list(dict.fromkeys(item.context for item in part)) for part in parts]


def words(text: str) -> list[str]:
    return WORD.findall(text.lower())


def kind(question: str) -> str:
    match = KIND.search(question.lower())
    return match[0] if match else "без вопросительного слова"


# --- корпус ---


def test_enough_questions(parts, contexts):
    train, test = parts
    assert len(train) >= 1_000
    assert len(test) >= 250
    assert len(contexts[0]) >= 125
    assert len(contexts[1]) >= 30
    per_context = Counter(item.context for part in parts for item in part)
    assert min(per_context.values()) >= 6


def test_answers_are_spans_of_whole_words(parts):
    for item in (item for part in parts for item in part):
        end = item.start + len(item.answer)
        assert item.context[item.start : end] == item.answer, item
        assert not item.context[max(item.start - 1, 0) : item.start].isalnum(), item
        assert not item.context[end : end + 1].isalnum(), item


def test_lengths_and_characters(parts):
    for item in (item for part in parts for item in part):
        assert 40 <= len(item.context.split()) <= 80, item.context
        assert 3 <= len(item.question.split()) <= 16, item.question
        assert 1 <= len(item.answer.split()) <= 8, item
        assert item.answer == item.answer.strip(" .,;:?"), item
        assert item.question.endswith("?"), item.question
        assert item.question[0].isupper(), item.question
        for text in (item.context, item.question):
            assert text.isascii(), text
            assert text == " ".join(text.split()), text


def test_places_and_times_go_without_preposition(parts):
    """Граница ответа одна и та же: иначе совпадение с образцом зависело бы от случая."""
    for item in (item for part in parts for item in part):
        if kind(item.question) in ("where", "when"):
            assert not re.match(r"(?:in|at|on|to|into|from) ", item.answer.lower()), item


def test_readme_tells_the_truth(parts, contexts):
    text = (questions.FOLDER / "README.md").read_text(encoding="utf-8").replace("\u00a0", " ")
    for name, part, different in zip(("train", "test"), parts, contexts, strict=True):
        assert f"| `{name}.json` | {len(different)} | {len(part):,} |".replace(",", " ") in text
    example = re.search(r"^{.*}$", text, re.MULTILINE)[0]
    assert example in (questions.FOLDER / "test.json").read_text(encoding="utf-8")


def test_parts_share_no_context(contexts):
    assert not set(contexts[0]) & set(contexts[1])


def test_people_of_the_test_part_are_unseen(contexts):
    """Последнее слово каждого двойного имени тестовых текстов (у людей — фамилия) в обучающих не встречается."""
    seen = set(re.findall(r"\w+", " ".join(contexts[0])))
    names = re.findall(rf"{NAME}(?: {NAME})+", " ".join(contexts[1]))
    assert len(names) >= 40
    not_people = {"Each June", "In March", "The Harbour Hotel"}
    assert {name for name in names if name.split()[-1] in seen} <= not_people


def test_questions_are_paraphrased(parts):
    """Вопрос и предложение с ответом в среднем делят не больше половины значимых слов вопроса."""
    shares = []
    for item in (item for part in parts for item in part):
        ends = [match.end() for match in re.finditer(r"[.!?;](?= |$)", item.context)]
        begin = max((end for end in ends if end <= item.start), default=0)
        stop = min(end for end in ends if end >= item.start + len(item.answer))
        asked = set(words(item.question)) - STOP
        if asked:
            shares.append(len(asked & set(words(item.context[begin:stop]))) / len(asked))
    assert sum(shares) / len(shares) < 0.35
    assert sum(share == 0 for share in shares) / len(shares) > 0.3


# --- чтение файла ---


def test_reads_one_question():
    first, other = ({"text": "Bob", "answer_start": start} for start in (8, 17))
    record = {"id": "7-1", "question": "Whom did Ann meet?", "answers": [first, other]}
    paragraph = {"context": "Ann met Bob, and Bob met Cid.", "qas": [record]}
    (item,) = questions.parse({"data": [{"title": "T", "paragraphs": [paragraph]}]})
    assert item == ("Ann met Bob, and Bob met Cid.", "Whom did Ann meet?", "Bob", 8)


# --- метрики ---


@pytest.mark.parametrize(
    ("predicted", "gold", "exact", "f1"),
    [
        ("The Copper Ladle!", "copper ladle", 1, 1),  # регистр, артикль, знак
        ("Matej Pirc, a chemist", "Matej Pirc", 0, 2 * (2 / 3) * 1 / (2 / 3 + 1)),  # точность 2/3, полнота 1
        ("blue blue sea", "blue sea sea", 0, 2 / 3),  # повтор считается столько раз, сколько он есть у обоих
        ("forty-four", "forty four", 0, 0),  # дефис исчезает: «fortyfour»
        ("", "Pirc", 0, 0),
        ("the", "a", 1, 1),  # слов не осталось ни там, ни там
    ],
)
def test_scores_counted_by_hand(predicted, gold, exact, f1):
    assert ak.answer_scores([predicted], [gold]) == pytest.approx((exact, f1))


def test_scores_equal_those_of_transformers(parts):
    """Метрика SQuAD из transformers — другая запись того же определения."""
    from transformers.data.metrics.squad_metrics import compute_exact, compute_f1

    rng = random.Random(0)
    gold = [item.answer for item in parts[1]]
    tokens = [item.context.split() for item in parts[1]]
    predicted = [
        " ".join(t[(i := rng.randrange(len(t))) : i + rng.randint(1, 6)])
        if rng.random() < 0.6
        else answer + ", a"
        for t, answer in zip(tokens, gold, strict=True)
    ]
    scores = ak.answer_scores(predicted, gold)
    pairs = list(zip(gold, predicted, strict=True))
    assert scores.exact == pytest.approx(sum(compute_exact(*pair) for pair in pairs) / len(pairs))
    assert scores.f1 == pytest.approx(sum(compute_f1(*pair) for pair in pairs) / len(pairs))
    assert 0.2 < scores.exact < scores.f1 < 0.8


def test_shorten(parts) -> None:
    """Часть с ответом: целые предложения, не длиннее предела; ответ стоит где прежде и не выдаёт себя местом."""
    places = []
    for question in (q for part in parts for q in part):
        short = ak.shorten(question, 40)
        assert short.context in question.context and short[1:3] == question[1:3]
        assert short.context[short.start :].startswith(question.answer)
        assert question.context.index(short.context) + short.start == question.start
        assert len(short.context.split()) <= 40 or not re.search(r"[.;!?] ", short.context)
        places.append(short.start / len(short.context))
    assert 0.4 < sum(places) / len(places) < 0.6


def test_shorten_by_hand() -> None:
    text = "Rain fell. Ada Byron left Oslo; St. Olav stayed."
    question = ak.Question(text, "Who left?", "Ada Byron", 11)
    assert ak.shorten(question, None) is question
    assert ak.shorten(question, 4) == ak.Question("Ada Byron left Oslo;", "Who left?", "Ada Byron", 0)
    assert ak.shorten(question, 6).context == "Rain fell. Ada Byron left Oslo;"
    assert ak.shorten(question, 1).context == "Ada Byron left Oslo;"  # предложение не режется
    whole = ak.Question(text, "Who stayed?", "St. Olav", text.index("St."))
    assert ak.shorten(whole, 1) == whole
