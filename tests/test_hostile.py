"""Враждебные работы вместе с честной проходят всю цепочку: проверка, отзывы, таблицы, повторный запуск."""

import re
import zlib
from copy import deepcopy
from pathlib import Path

import pytest
from grading.sandbox import Limits, Sandbox

from hostile import HOSTILE, LOOK, Hostile
from small_course import SECRET, TASKS, command, feedback, make_course, marks, solved, submit

STUDENTS = {f"student-{number:02}": row for number, row in enumerate(HOSTILE)}


@pytest.fixture(scope="module")
def graded(sandbox: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
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
    assert not re.search(r"<(script|img|a href=.javascript)", page), "разметка студента — не текст"


def test_honest_student_pays_for_nobody(graded: Path) -> None:
    assert [marks(graded)["honest"][task] for task in TASKS] == ["1", "1", "1"]
    assert not list(graded.glob("[af]*/honest/**/notes.txt")), (
        "по ссылке студента раздали бы файл преподавателя"
    )


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
