"""Вся цепочка на маленькой работе: сборка, сдача враждебных работ, проверка, отзывы, таблицы, повторный запуск."""

import csv
import os
import shutil
import subprocess
import sys
import zlib
from copy import deepcopy
from pathlib import Path

import nbformat
import pytest
from coursework import COURSEWORK, SOLUTION
from grading.frame import grade_id, is_solution
from grading.sandbox import Limits, NoSandbox, Sandbox, check_bubblewrap
from hostile import HOSTILE, LOOK, SECRET, TASKS, Hostile, small_assignment

LIMITS = """
c.Run.cell, c.Run.whole, c.Run.memory, c.Run.disk, c.Run.processes = 2, 20, 400 * 2**20, 50 * 2**20, 100
"""
STUDENTS = {f"student-{number:02}": row for number, row in enumerate(HOSTILE)}


@pytest.fixture(scope="session", autouse=True)
def sandbox() -> None:
    try:
        check_bubblewrap()
    except NoSandbox as error:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(str(error))


def command(course: Path, *names: str, **env: str) -> str:
    """Выполняет python -m grading … в папке курса; возвращает напечатанное."""
    done = subprocess.run(
        [sys.executable, "-m", "grading", *names], cwd=course, capture_output=True, text=True, timeout=600,
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


@pytest.fixture(scope="module")
def graded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Курс, в котором проверены все враждебные работы и одна честная."""
    course = make_course(tmp_path_factory.mktemp("course"))
    assert "решения получают все баллы, пустая работа — ни одного" in command(course, "build")
    submit(course, "honest", solved(course))
    for student, row in STUDENTS.items():
        submit(course, student, row.spoil(deepcopy(solved(course))))
    (course / "submitted" / "honest" / "small" / "notes.txt").symlink_to(course / "gradebook.db")
    print(command(course, "grade"))
    return course


def test_at_least_25() -> None:
    assert len(HOSTILE) >= 25
    variant = zlib.crc32(next(s for s, row in STUDENTS.items() if row.name == "чужой вариант").encode()) % 7
    assert variant != 3, "иначе чужие числа совпали бы со своими"


@pytest.mark.parametrize(("student", "row"), STUDENTS.items(), ids=[row.name for row in HOSTILE])
def test_hostile(graded: Path, student: str, row: Hostile) -> None:
    mine = marks(graded)[student]
    assert tuple(int(mine[task]) for task in TASKS) == row.marks
    page = feedback(graded, student)
    assert row.said in page
    assert SECRET not in page and "rng" not in page, "в отзыве виден код скрытой проверки"


def test_honest_student_pays_for_nobody(graded: Path) -> None:
    assert [marks(graded)["honest"][task] for task in TASKS] == ["1", "1", "1"]


def test_search_finds_secrets_where_there_is_no_sandbox(graded: Path, tmp_path: Path) -> None:
    """Та же программа поиска без песочницы находит и решения, и баллы: значит, искать она умеет."""
    look = LOOK.replace('("/", "/proc/1/root", "/proc/1/cwd", os.getcwd())', f"[{str(graded)!r}]")
    with Sandbox(tmp_path, Limits(), unsafe=True) as sandbox:
        sandbox.ask("run", source="double = table = third = None\n" + look)
        found = sandbox.ask("value", name="found")["value"]
    assert any(path.endswith("gradebook.db") for path in found)
    assert any(path.endswith("source/small/small.ipynb") for path in found)
    assert any("/submitted/honest/" in path for path in found)
    assert "чужие процессы" in found


def test_students_never_see_hidden_tests(graded: Path) -> None:
    handed = (graded / "release" / "small" / "small.ipynb").read_text(encoding="utf-8")
    assert SECRET not in handed and "BEGIN" not in handed and "NotImplementedError" in handed


def test_second_run_changes_nothing(graded: Path) -> None:
    before = marks(graded)
    assert "из них проверить: 0" in command(graded, "grade")
    assert marks(graded) == before
