"""Три домашние работы целиком: сборка, сдача, проверка, отзывы — как у преподавателя."""

import random
import shutil
import threading
import time
from copy import deepcopy
from pathlib import Path

import nbformat
import psutil
import pytest
from grading.frame import grade_id, is_grade, is_solution, is_test

from coursework import COURSEWORK, SOLUTION, Wrong
from small_course import command, marks
from test_coursework import NAMES, bank

pytestmark = pytest.mark.usefixtures("sandbox")
WORDS = "Слово the смотрит на «книгу» с весом 0.41; у длинных предложений BLEU ниже на 8.3."


def source(course: Path, name: str) -> nbformat.NotebookNode:
    return nbformat.read(course / "source" / name / f"{name}.ipynb", as_version=4)


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Path:
    course = tmp_path_factory.mktemp("course") / "coursework"
    ignore = shutil.ignore_patterns("__pycache__", ".ipynb_checkpoints")
    for folder in ("grading", "source"):
        shutil.copytree(COURSEWORK / folder, course / folder, ignore=ignore)
    shutil.copy(COURSEWORK / "nbgrader_config.py", course)
    said = command(course, "build")
    assert said.count("решения получают все баллы, пустая работа — ни одного") == len(NAMES)
    return course


def hand_in(course: Path, name: str, student: str, wrong: list[Wrong], words: str = WORDS) -> None:
    """Сдаёт розданный блокнот с решениями, в которых сделаны ошибки wrong."""
    answers = {grade_id(c): SOLUTION.sub("", c.source) for c in source(course, name).cells if is_solution(c)}
    for row in wrong:
        place = f"{row.task}_answer"
        assert row.old in answers[place], row.name
        answers[place] = answers[place].replace(row.old, row.new)
    nb = deepcopy(nbformat.read(course / "release" / name / f"{name}.ipynb", as_version=4))
    for cell in filter(is_solution, nb.cells):
        cell.source = answers[grade_id(cell)] if cell.cell_type == "code" else words
    folder = course / "submitted" / student / name
    folder.mkdir(parents=True)
    nbformat.write(nb, folder / f"{name}.ipynb")


def check_marks(course: Path, name: str, student: str, wrong: list[Wrong]) -> None:
    """Неверные задания без баллов; задания до первого неверного — с полными."""
    mine, lost = marks(course, name)[student], {row.task for row in wrong}
    clean = True
    for cell in filter(is_grade, source(course, name).cells):
        task, points = grade_id(cell), f"{cell.metadata.nbgrader.points:g}"
        clean &= task not in lost
        if task in lost:
            assert mine[task] == "0", f"{student}, {name}, {task}: ошибка не замечена"
        elif not is_test(cell):
            assert mine[task] == "не оценено"
        elif clean:
            assert mine[task] == points, f"{student}, {name}, {task}: верный ответ не зачтён"


def test_three_students(course: Path) -> None:
    """Отличник, студент с двумя ошибками в каждой работе и тот, кто ничего не сделал."""
    chosen = {name: random.Random(1).sample(bank(name).WRONG, 2) for name in NAMES}
    for name in NAMES:
        hand_in(course, name, "anna", [])
        hand_in(course, name, "boris", chosen[name])
        empty = course / "submitted" / "vera" / name
        empty.mkdir(parents=True)
        shutil.copy(course / "release" / name / f"{name}.ipynb", empty)
    print(command(course, "grade"))
    for name in NAMES:
        check_marks(course, name, "anna", [])
        check_marks(course, name, "boris", chosen[name])
        assert float(marks(course, name)["vera"]["итог"]) == 0
        for student in ("anna", "boris", "vera"):
            page = (course / "feedback" / student / name / f"{name}.html").read_text(encoding="utf-8")
            assert "<math" in page and "http://www.w3.org" in page and "BEGIN" not in page
        for row in chosen[name]:
            page = (course / "feedback" / "boris" / name / f"{name}.html").read_text(encoding="utf-8")
            assert row.message in page.replace("&#34;", '"').replace("&#39;", "'").replace(
                "&lt;", "<"
            ).replace("&gt;", ">")


class Memory(threading.Thread):
    """Наибольшая память процесса проверки со всеми потомками, байт."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.peak, self.done = 0, threading.Event()

    def run(self) -> None:
        while not self.done.wait(1):
            used = 0
            for process in psutil.Process().children(recursive=True):
                try:
                    used += process.memory_full_info().pss
                except psutil.Error:
                    continue
            self.peak = max(self.peak, used)


@pytest.mark.coursework
def test_thirty_students(course: Path, record_property) -> None:
    """Тридцать студентов, все три работы: у каждого от нуля до четырёх ошибок в работе."""
    draw, wrong = random.Random(15), {}
    for number in range(30):
        student = f"student-{number:02}"
        for name in NAMES:
            rows = draw.sample(bank(name).WRONG, draw.randrange(5))
            rows = list({row.task: row for row in rows}.values())
            wrong[student, name] = rows
            hand_in(course, name, student, rows, f"Ответ студента {number}: вес {number / 37:.3f}.")
    memory, start = Memory(), time.monotonic()
    memory.start()
    said = command(course, "grade", JOBS="2", timeout=7200)
    memory.done.set()
    for (student, name), rows in wrong.items():
        check_marks(course, name, student, rows)
    seconds = time.monotonic() - start
    record_property(
        "summary",
        f"тридцать студентов, три работы: {seconds / 60:.0f} мин, {memory.peak / 2**30:.1f} ГиБ; {said.splitlines()[-1]}",
    )
