"""Курс из одной маленькой работы: на нём быстро проверяется вся цепочка от сборки до отзыва."""

import csv
import os
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
from grading.frame import grade_id, is_solution
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from coursework import COURSEWORK, SOLUTION

SECRET = "эталон-7f3a"  # стоит в скрытых проверках и решениях: студенту его видеть негде
TASKS = ("double", "table", "third")


def nbgrader(name: str, **settings) -> dict:
    usual = dict(grade=False, locked=True, solution=False, task=False, schema_version=3, grade_id=name)
    return {"nbgrader": usual | settings}


def answer(name: str, source: str, **metadata) -> NotebookNode:
    settings = nbgrader(f"{name}_answer", solution=True, locked=False)
    return new_code_cell(source, id=f"{name}-answer", metadata=settings | metadata)


def check(name: str, visible: str, hidden: str) -> NotebookNode:
    hidden = f"### BEGIN HIDDEN TESTS\n{hidden}\n### END HIDDEN TESTS"
    return new_code_cell(f"{visible}\n{hidden}", id=name, metadata=nbgrader(name, grade=True, points=1.0))


def marked(code: str) -> str:
    """Решение внутри функции, как его размечает nbgrader."""
    head, body = code.split("\n", 1)
    return f"{head}\n    ### BEGIN SOLUTION\n{body}\n    ### END SOLUTION"


def small_assignment() -> NotebookNode:
    """Маленькая работа на NumPy: три задания по баллу, ответ словами и вариант от STUDENT."""
    given = "import zlib\nimport numpy as np\n\nSEED = zlib.crc32(STUDENT.encode())"
    student = nbgrader("student", solution=True, locked=False) | {"tags": ["student"]}
    words = nbgrader("words", grade=True, solution=True, locked=False, points=1.0)
    cells = [
        new_markdown_cell("# Проверочная работа", id="title"),
        new_code_cell('STUDENT = "ivanov"', id="student", metadata=student),
        new_code_cell(given, id="data", metadata=nbgrader("data") | {"tags": ["shared"]}),
        new_markdown_cell("## Задание 1. Вдвое — 1 балл, 1 минута\n\nУдвойте $x$.", id="text-1"),
        answer("double", marked("def double(x):\n    return 2 * np.asarray(x)")),
        check(
            "double",
            'assert np.shape(double([1])) == (1,), "Форма не та."\nassert np.allclose(double([1, 2]), [2, 4]), "Не вдвое."',
            f'secret = "{SECRET}"\nx = np.random.default_rng(SEED).normal(size=5)\n'
            'y = double(x)\nassert np.shape(y) == (5,), "Форма не та."\nassert np.allclose(y, 2 * x), "Не вдвое на других числах."',
        ),
        new_markdown_cell(
            "## Задание 2. Таблица — 1 балл, 1 минута\n\nКвадраты вашего варианта.", id="text-2"
        ),
        answer("table", marked("def table():\n    return [n * n for n in range(SEED % 7, SEED % 7 + 3)]")),
        check(
            "table",
            'assert len(table()) == 3, "Нужно три числа."',
            'expected = [n * n for n in range(SEED % 7, SEED % 7 + 3)]\nassert table() == expected, "Числа не вашего варианта."',
        ),
        new_markdown_cell("## Задание 3. Среднее — 1 балл, 1 минута\n\nСреднее строк.", id="text-3"),
        answer("third", marked("def third(x):\n    return np.mean(x, axis=1)")),
        check(
            "third",
            'assert np.allclose(third(np.eye(2)), 0.5), "Не среднее."',
            "x = np.arange(6.0).reshape(2, 3) * (1 + SEED % 3)\nm = np.asarray(third(x))\n"
            'assert m.shape == (2,), "Форма не та."\nassert np.allclose(m, x.mean(axis=1)), "Не среднее по строкам."',
        ),
        new_markdown_cell("## Задание 4. Словами — 1 балл, 5 минут\n\nОбъясните.", id="text-4"),
        new_markdown_cell("Ваш ответ.", id="words", metadata=words),
    ]
    return new_notebook(cells=cells)


LIMITS = """
c.Run.cell, c.Run.whole, c.Run.memory, c.Run.disk, c.Run.processes = 2, 20, 400 * 2**20, 50 * 2**20, 100
"""


def command(course: Path, *names: str, timeout: float = 900, **env: str) -> str:
    """Выполняет python -m grading … в папке курса; возвращает напечатанное."""
    done = subprocess.run(
        [sys.executable, "-m", "grading", *names], cwd=course, capture_output=True, text=True, timeout=timeout,
        env=os.environ | {"COURSE_EXCHANGE": str(course / "exchange"), "JOBS": "2"} | env,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert not done.stderr, done.stderr
    return done.stdout


def make_course(folder: Path) -> Path:
    """Курс с одной маленькой работой."""
    course = folder / "coursework"
    shutil.copytree(COURSEWORK / "grading", course / "grading", ignore=shutil.ignore_patterns("__pycache__"))
    config = (COURSEWORK / "nbgrader_config.py").read_text(encoding="utf-8")
    (course / "nbgrader_config.py").write_text(config + LIMITS, encoding="utf-8")
    (course / "source" / "small").mkdir(parents=True)
    nbformat.write(small_assignment(), course / "source" / "small" / "small.ipynb")
    return course


def solved(course: Path) -> nbformat.NotebookNode:
    """Розданная версия с верными ответами."""
    nb = nbformat.read(course / "release" / "small" / "small.ipynb", as_version=4)
    answers = {grade_id(cell): cell.source for cell in small_assignment().cells if is_solution(cell)}
    for cell in nb.cells:
        if cell.cell_type == "code" and is_solution(cell):
            cell.source = SOLUTION.sub("", answers[grade_id(cell)])
    return nb


def submit(course: Path, student: str, content: nbformat.NotebookNode | str | bytes) -> Path:
    folder = course / "submitted" / student / "small"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "small.ipynb"
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        path.write_text(content if isinstance(content, str) else nbformat.writes(content), encoding="utf-8")
    return path


def marks(course: Path, name: str = "small") -> dict[str, dict[str, str]]:
    with (course / "marks" / f"{name}.csv").open(encoding="utf-8-sig") as file:
        return {row["student"]: row for row in csv.DictReader(file)}


def feedback(course: Path, student: str) -> str:
    return (course / "feedback" / student / "small" / "small.html").read_text(encoding="utf-8")
