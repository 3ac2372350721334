"""Отзыв студенту: одна страница на работу, всё внутри неё — её можно открыть без сети."""

import html
import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import nbformat
from grading.frame import grade_id, is_test
from grading.preprocessors import BROKEN
from jinja2 import Environment, FileSystemLoader
from latex2mathml.converter import convert
from nbconvert.exporters import Exporter
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath
from nbformat import NotebookNode
from nbgrader.api import Gradebook
from nbgrader.utils import is_grade, is_solution

LONGEST = 20_000  # знаков ответа словами
HEADING = re.compile(r"^## (Задание[^\n—]*[^\s—])[^\n]*\n", re.MULTILINE)


class Formulas(IPythonRenderer):
    """Markdown → HTML; формулы — MathML, который браузер рисует сам."""

    def inline_math(self, body: str) -> str:
        return mathml(body, "inline")

    def block_math(self, body: str) -> str:
        return mathml(body, "block")


def mathml(formula: str, display: str) -> str:
    """Формула; если её не разобрать или в ней не только математика — её исходный текст."""
    try:
        made = convert(formula, display=display)
        for element in ElementTree.fromstring(made).iter():
            if not re.fullmatch(r"\{http://www.w3.org/1998/Math/MathML\}m\w+", element.tag):
                raise ValueError(element.tag)
            if any(
                name.startswith("on") or name in ("href", "style") for name in element.attrib
            ):
                raise ValueError(element.attrib)
    except Exception:  # в ответе студента бывает что угодно
        return f"<code>{html.escape(formula)}</code>"
    return made


def as_html(text: str) -> str:
    """Markdown, в котором разметка HTML — просто текст; очень длинный текст обрезан."""
    return MarkdownWithMath(renderer=Formulas(escape=True)).render(text[:LONGEST])


class Feedback(Exporter):
    """Проверенный блокнот → страница с баллами, заданиями, ответами и тем, что о них сказала проверка."""

    file_extension = ".html"
    output_mimetype = "text/html"

    def from_notebook_node(
        self, nb: NotebookNode, resources: dict | None = None, **_
    ) -> tuple[str, dict]:
        names = resources["nbgrader"]
        with Gradebook(names["db_url"]) as gradebook:
            submission = gradebook.find_submission_notebook(
                names["notebook"], names["assignment"], names["student"]
            )
            marks = {grade.name: grade for grade in submission.grades}
            comments = {comment.name: comment.comment for comment in submission.comments}
            page = render(
                nb, names["student"], marks, comments, submission.late_submission_penalty or 0
            )
        return page, resources | {"output_extension": self.file_extension}

    def from_filename(
        self, filename: str, resources: dict | None = None, **_
    ) -> tuple[str, dict]:
        return self.from_notebook_node(nbformat.read(filename, as_version=4), resources)


def render(nb: NotebookNode, student: str, marks: dict, comments: dict, penalty: float) -> str:
    tasks = list(tasks_of(nb, marks, comments))
    total, got = (sum(task[name] for task in tasks) for name in ("points", "score"))
    for task in tasks:
        task["points"] = number(task["points"])
        task["score"] = number(task["score"])
    template = Environment(loader=FileSystemLoader(Path(__file__).parent), autoescape=True)
    return template.get_template("feedback.html.j2").render(
        title=re.search(r"^# (.+)$", nb.cells[0].source, re.MULTILINE)[1],
        student=student, tasks=tasks, score=number(got - penalty), total=number(total),
        penalty=number(penalty) if penalty else "", broken=nb.metadata.get(BROKEN),
        waiting=any(task["shown"] == "—" for task in tasks),
    )  # fmt: skip


def tasks_of(nb: NotebookNode, marks: dict, comments: dict):
    """Задания по порядку: условие, ответы, баллы, слова проверки и преподавателя."""
    text, answers, remarks = "", [], []
    for cell in nb.cells:
        if (
            cell.cell_type == "markdown"
            and not is_solution(cell)
            and HEADING.search(cell.source)
        ):
            text, answers, remarks = cell.source, [], []
        if is_solution(cell):
            markdown = cell.cell_type == "markdown"
            answers.append(
                as_html(cell.source) if markdown else f"<pre>{html.escape(cell.source)}</pre>"
            )
            remarks.append(comments.get(grade_id(cell)))
        if is_grade(cell):
            yield task_of(cell, marks[grade_id(cell)], text, answers, [r for r in remarks if r])


def task_of(
    cell: NotebookNode, mark: Any, text: str, answers: list[str], comments: list[str]
) -> dict:
    said = "\n".join(
        output.evalue for output in cell.get("outputs", []) if output.output_type == "error"
    )
    heading = HEADING.search(text)
    waiting = mark.auto_score is None and mark.manual_score is None
    return {
        "id": grade_id(cell), "title": heading[1], "text": as_html(text[heading.end() :]),
        "answers": answers, "comments": comments, "said": said if is_test(cell) else "",
        "manual": not is_test(cell), "points": mark.max_score, "score": mark.score,
        "shown": "—" if waiting else number(mark.score),
    }  # fmt: skip


def number(value: float) -> str:
    """Баллы без лишних нулей: 3, 2.5."""
    return f"{value:.2f}".rstrip("0").rstrip(".")
