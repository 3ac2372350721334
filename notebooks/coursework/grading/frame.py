"""Работа студента на основе исходного блокнота: проверки и текст — из него, от студента — только ответы."""

import ast
import html
import re
from copy import deepcopy

from nbformat import NotebookNode
from nbgrader.utils import compute_checksum, is_grade, is_solution

STUB = "raise NotImplementedError"  # стоит в каждом месте для ответа
LONGEST = 50_000  # знаков в ячейке с ответом


def grade_id(cell: NotebookNode) -> str | None:
    """Имя ячейки, которое дал ей преподаватель."""
    return cell.metadata.get("nbgrader", {}).get("grade_id")


def is_test(cell: NotebookNode) -> bool:
    """Ячейка проверки: с баллами и кодом, но без места для ответа."""
    return cell.cell_type == "code" and is_grade(cell) and not is_solution(cell)


def tags(cell: NotebookNode) -> list[str]:
    return cell.metadata.get("tags", [])


def defined(source: str) -> set[str]:
    """Имена, которым ячейка даёт значения на верхнем уровне; код с ошибкой и очень длинный не даёт никаких."""
    try:
        body = ast.parse(source[:LONGEST]).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return set()
    names = {node.name for node in body if isinstance(node, (ast.FunctionDef, ast.ClassDef))}
    for node in body:
        if isinstance(node, ast.Assign):
            targets = [inner for target in node.targets for inner in ast.walk(target)]
            names |= {target.id for target in targets if isinstance(target, ast.Name)}
    return names


def restore(submitted: NotebookNode, source: NotebookNode, student: str) -> NotebookNode:
    """Блокнот для проверки: ячейки source по порядку, в местах для ответов — ответы из submitted.

    Ячейки, которых в source нет, студент добавил сам: они остаются после той, за которой стояли.
    Изменённые, удалённые и повторённые проверки тем самым восстановлены. STUDENT — имя папки.
    """
    frame = deepcopy(source)
    places = [place(cell, frame.cells) for cell in submitted.cells]
    answers, extra, last = {}, {}, -1
    for cell, at in zip(submitted.cells, places, strict=True):
        if at is None and cell.cell_type == "markdown":
            at = words_near(last, frame.cells)
        if at is None:
            extra.setdefault(last, []).append(added(cell))
            continue
        last = at
        if not is_solution(frame.cells[at]):
            continue
        if cell.cell_type == "markdown" and at in answers:
            answers[at].source += f"\n\n{cell.source}"
        elif at not in answers or is_answer(cell):
            if at in answers and is_answer(
                answers[at]
            ):  # ответ написан дважды: верен последний
                extra.setdefault(at - 1, []).append(added(answers[at]))
            answers[at] = deepcopy(cell)
    cells = code(extra.get(-1, []))
    for at, cell in enumerate(frame.cells):
        if "student" in tags(cell):
            cell.source = f"STUDENT = {student!r}"
        elif is_solution(cell):
            cell.metadata.nbgrader["checksum"] = compute_checksum(
                cell
            )  # без ответа — сразу 0 баллов
            empty = "" if cell.cell_type == "code" else cell.source
            cell.source = answers[at].source if at in answers else empty
            if cell.cell_type == "markdown":
                cell.source = plain(cell.source)
        cells += [cell, *code(extra.get(at, []))]
    frame.cells = cells
    return frame


def plain(text: str) -> str:
    """Ответ словами, в котором нет разметки HTML: Formgrader выполнил бы её в браузере преподавателя."""
    text = html.unescape(html.unescape(text)).replace(
        "\\href", "href"
    )  # MathJax сделал бы ссылку
    text = re.sub(r"<(?=[A-Za-z/!?])", "< ", text)  # с пробелом это знак «меньше», а не тег
    return re.sub(r"(?i)(javascript|data|vbscript)\s*:", r"\1 ", text)


def words_near(last: int, frame: list[NotebookNode]) -> int | None:
    """Место для ответа словами, рядом с которым стоит ячейка без пометки: ответ бывает в нескольких ячейках."""
    near = range(max(last, 0), min(last + 2, len(frame)))
    return next(
        (at for at in near if frame[at].cell_type == "markdown" and is_solution(frame[at])),
        None,
    )


def code(cells: list[NotebookNode]) -> list[NotebookNode]:
    return [cell for cell in cells if cell.cell_type == "code" and cell.source.strip()]


def is_answer(cell: NotebookNode) -> bool:
    lines = map(str.strip, cell.source.splitlines())
    return bool(cell.source.strip()) and not any(line.startswith(STUB) for line in lines)


def added(cell: NotebookNode) -> NotebookNode:
    """Ячейка самого студента: без пометок, по которым её приняли бы за ячейку задания."""
    cell = deepcopy(cell)
    cell.metadata = NotebookNode()
    return cell


def place(cell: NotebookNode, frame: list[NotebookNode]) -> int | None:
    """Номер ячейки блокнота frame, которой соответствует cell; None — такой нет.

    Пометки nbgrader теряются в чужих редакторах. Тогда ячейку узнают по номеру в файле, по тексту,
    а ответ — по имени, которое он определяет.
    """
    keys = (
        lambda other: grade_id(cell) and grade_id(cell) == grade_id(other),
        lambda other: cell.get("id") and cell.get("id") == other.get("id"),
        lambda other: cell.source.strip() and cell.source.strip() == other.source.strip(),
        lambda other: (
            cell.cell_type == "code"
            and is_solution(other)
            and defined(cell.source) & defined(other.source)
        ),
    )
    for same in keys:
        for at, other in enumerate(frame):
            if same(other):
                return at
    return None
