"""Решения упражнений: каждое упражнение урока решено, и решения выполняются строгим nbval в профиле quick."""

import re
from pathlib import Path

import nbformat
import pytest

from conftest import ROOT, notebook_params
from hygiene import CHECKS, code_cells, has_assert
from learning import run_without_learning
from nbval_run import run_nbval
from test_hygiene import problems_of
from test_language import english_paragraphs, forbidden_uses, glossary, notebook_text
from test_links import ADDRESS, SETUP

LIMIT_SECONDS, LIMIT_GB = 300, 1.8
FAST = ("02", "03", "07", "09")  # остальные долго обучаются: раз в неделю
OTHERWISE = {"amount_of_text", "sections"}  # урок длиннее и кончается вопросами
LESSONS = notebook_params(ROOT / "notebooks")
SOLUTIONS = [ROOT / "notebooks" / "solutions" / lesson.name for lesson in LESSONS]


def each(paths: list[Path], **marks) -> pytest.MarkDecorator:
    params = [
        pytest.param(path, id=path.stem, marks=[] if path.name[:2] in FAST else marks.get("slow", []))
        for path in paths
    ]
    return pytest.mark.parametrize("path", params)


@each(SOLUTIONS, slow=pytest.mark.weekly)
def test_solutions_run(path: Path, tmp_path: Path, record_property) -> None:
    run = run_nbval(path, tmp_path, LIMIT_SECONDS)
    record_property("summary", f"решения {path.stem}: {run.seconds:.0f} с, {run.peak / 1e9:.2f} ГБ")
    assert not run.failures, run.report()
    assert run.peak < LIMIT_GB * 1e9


@pytest.mark.weekly
@each(SOLUTIONS)
def test_nothing_is_learned(path: Path, tmp_path: Path) -> None:
    """Без обновлений весов ни одна проверка «# выучено» не проходит."""
    learned = run_without_learning(path, tmp_path)
    assert not learned.passed, learned.passed


def exercises(nb: nbformat.NotebookNode) -> list[int]:
    """Номера упражнений урока."""
    text = "\n\n".join(cell.source for cell in nb.cells if cell.cell_type == "markdown")
    section = re.search(r"^## Упражнения\n(.+?)^## ", text, re.MULTILINE | re.DOTALL).group(1)
    return [int(number) for number in re.findall(r"^(\d+)\. ", section, re.MULTILINE)]


def solved(nb: nbformat.NotebookNode) -> list[int]:
    """Номера решённых упражнений: заголовок, за ним проверка в коде и «Ответ»."""
    found, number, checked = [], None, False
    for cell in nb.cells:
        if heading := re.match(r"## Упражнение (\d+)\. \S", cell.source):
            number, checked = int(heading.group(1)), False
        elif cell.cell_type == "code":
            checked |= has_assert(cell.source)
        elif cell.source.startswith("**Ответ.** ") and checked:
            found.append(number)
    return found


@each(SOLUTIONS)
def test_every_exercise_is_solved(path: Path) -> None:
    lesson = nbformat.read(ROOT / "notebooks" / path.name, as_version=4)
    nb = nbformat.read(path, as_version=4)
    assert exercises(lesson) and solved(nb) == exercises(lesson)
    assert f"](../{path.name})" in nb.cells[0].source


@pytest.mark.parametrize("name", sorted(set(CHECKS) - OTHERWISE))
@each(SOLUTIONS)
def test_hygiene(path: Path, name: str) -> None:
    problems = problems_of(path, name)
    assert not problems, "\n".join([path.name, *problems])


@each(SOLUTIONS)
def test_language_and_setup(path: Path) -> None:
    nb = nbformat.read(path, as_version=4)
    variants = glossary((ROOT / "notebooks" / "glossary.md").read_text(encoding="utf-8"))
    assert not forbidden_uses(notebook_text(nb), variants)
    assert not [
        text for cell in nb.cells if cell.cell_type == "markdown" for text in english_paragraphs(cell.source)
    ]
    assert code_cells(nb)[0].source == SETUP.format(address=ADDRESS)


def test_missing_solution_is_seen() -> None:
    new = nbformat.v4
    heading = [new.new_markdown_cell(f"## Упражнение {number}. Маска") for number in (1, 2, 3)]
    answer, code = new.new_markdown_cell("**Ответ.** Да."), new.new_code_cell("assert x == 1")
    cells = [heading[0], code, answer, heading[1], answer, heading[2], code]
    assert solved(new.new_notebook(cells=cells)) == [1]  # у второго нет проверки, у третьего — ответа
    lesson = new.new_markdown_cell("## Упражнения\n\n1. Раз.\n2. Два.\n\n## Итоги\n\n3. Три.")
    assert exercises(new.new_notebook(cells=[lesson])) == [1, 2]
