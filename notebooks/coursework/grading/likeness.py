"""Отчёт о сходстве: пары работ, в которых ответы похожи сильнее, чем бывает случайно.

Это повод поговорить, а не доказательство: короткие верные ответы совпадают и у тех, кто решал сам.
"""

import io
import re
import tokenize
from collections import Counter
from collections.abc import Iterator
from itertools import combinations
from typing import NamedTuple

from grading.frame import STUB, grade_id
from nbformat import NotebookNode
from nbgrader.utils import is_solution
from rapidfuzz.fuzz import ratio

LONG = 80  # знаков: короче — совпадает и у честных
ALIKE = 95  # процентов сходства кода
TEXT_ALIKE = 75  # процентов сходства ответа словами
NUMBER = re.compile(r"(?<!\d)\d{1,9}[.,]\d{1,9}")
LONGEST = 20_000  # знаков ответа, которые сравниваются
NUMBERS = 3  # столько общих измеренных чисел в ответе словами: варианты у всех разные


class Likeness(NamedTuple):
    """Похожие ответы двух студентов: задания и в каждом — чем похожи."""

    first: str
    second: str
    reasons: dict[str, str]


def alike(notebooks: dict[str, NotebookNode]) -> list[Likeness]:
    """Пары, у которых похож ответ словами или хотя бы три длинных ответа кодом; сначала самые похожие."""
    answers = {student: dict(answers_of(nb)) for student, nb in notebooks.items()}
    usual = Counter(
        (task, text) for mine in answers.values() for task, (_, text) in mine.items()
    )
    found = []
    for first, second in combinations(sorted(answers), 2):
        reasons, strong = {}, 0
        for task in answers[first].keys() & answers[second].keys():
            (kind, mine), (_, theirs) = answers[first][task], answers[second][task]
            common = usual[task, mine] > max(2, len(answers) / 3)  # так написала треть группы
            if why := "" if common else reason(kind, mine, theirs):
                reasons[task] = why
                strong += 3 if kind == "markdown" else 1
        if strong >= 3:
            found.append(Likeness(first, second, dict(sorted(reasons.items()))))
    return sorted(found, key=lambda pair: -len(pair.reasons))


def answers_of(nb: NotebookNode) -> Iterator[tuple[str, tuple[str, str]]]:
    """Ответы: задание → (вид ячейки, текст); код — без комментариев, отступов и пустых строк."""
    for cell in nb.cells:
        if (
            is_solution(cell)
            and STUB not in cell.source
            and "student" not in cell.metadata.get("tags", [])
        ):
            code = cell.cell_type == "code"
            yield (
                grade_id(cell),
                (
                    cell.cell_type,
                    (tokens(cell.source) if code else cell.source.strip())[:LONGEST],
                ),
            )


def tokens(source: str) -> str:
    skipped = {
        tokenize.COMMENT,
        tokenize.NL,
        tokenize.NEWLINE,
        tokenize.INDENT,
        tokenize.DEDENT,
    }
    try:
        parts = list(tokenize.generate_tokens(io.StringIO(source).readline))
    except (tokenize.TokenError, SyntaxError):
        return " ".join(source.split())
    return " ".join(part.string for part in parts if part.type not in skipped)


def reason(kind: str, mine: str, theirs: str) -> str:
    """Чем похожи два ответа; пусто — ничем особенным."""
    if kind == "markdown":
        shared = set(NUMBER.findall(mine)) & set(NUMBER.findall(theirs))
        if len(shared) >= NUMBERS:
            return f"общие числа: {', '.join(sorted(shared))}"
    share = ratio(mine, theirs)
    if min(len(mine), len(theirs)) >= LONG and share >= (
        ALIKE if kind == "code" else TEXT_ALIKE
    ):
        return f"совпадает на {share:.0f} %"
    return ""
