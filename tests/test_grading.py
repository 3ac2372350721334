"""Что бывает за семестр: обрыв проверки, опоздания, пересдачи, оценки вручную, чужие редакторы, Moodle, отзывы."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from copy import deepcopy
from pathlib import Path

import nbformat
import pytest
from grading.frame import grade_id
from nbgrader.api import Gradebook

from coursework import COURSEWORK
from small_course import TASKS, command, feedback, make_course, marks, solved, submit

pytestmark = pytest.mark.usefixtures("sandbox")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    course = make_course(tmp_path_factory.mktemp("built"))
    command(course, "build")
    return course


@pytest.fixture
def course(built: Path, tmp_path: Path) -> Path:
    """Собранный курс, в котором ещё никто ничего не сдал."""
    return shutil.copytree(built, tmp_path / "coursework")


def points(course: Path, student: str) -> list[str]:
    return [marks(course)[student][task] for task in TASKS]


def gradebook(course: Path) -> Gradebook:
    return Gradebook(f"sqlite:///{course}/gradebook.db", "attention")


def stamped(course: Path, student: str, when: str) -> None:
    (course / "submitted" / student / "small" / "timestamp.txt").write_text(f"{when} UTC")


def words(nb: nbformat.NotebookNode, text: str) -> nbformat.NotebookNode:
    next(cell for cell in nb.cells if grade_id(cell) == "words").source = text
    return nb


@pytest.mark.parametrize("moment", [0.0, 0.5, 1.0, 1.5])
def test_crash_loses_no_mark(course: Path, moment: float) -> None:
    slow = deepcopy(solved(course))
    next(c for c in slow.cells if grade_id(c) == "table_answer").source += "\nimport time; time.sleep(0.7)"
    students = ["anna", "boris", "vera"]
    for student in students:
        submit(course, student, slow)
    env = os.environ | {"JOBS": "1", "COURSE_EXCHANGE": str(course / "exchange")}
    run = subprocess.Popen(
        [sys.executable, "-m", "grading", "grade"], cwd=course, env=env, text=True, stdout=subprocess.PIPE,
        start_new_session=True,
    )  # fmt: skip
    first = next(line for line in run.stdout if line.startswith("[1 "))
    time.sleep(moment)
    os.killpg(run.pid, signal.SIGKILL)
    run.wait()
    assert "3 из 4" in first
    said = command(course, "grade")
    todo = int(re.search(r"проверить: (\d)", said)[1])
    assert todo < len(students), "проверенное до обрыва проверяется заново"
    for student in students:
        assert points(course, student) == ["1", "1", "1"]
        assert "3 из 4" in feedback(course, student)


def test_student_can_be_forgotten(course: Path) -> None:
    """Команды удаления — те, что в руководстве; имени не остаётся нигде, и в файле базы тоже."""
    for student in ("leaver", "anna"):
        submit(course, student, solved(course))
    command(course, "grade")
    guide = (COURSEWORK / "README.md").read_text(encoding="utf-8")
    remove = re.search(r"^rm -rf .*ivanov$\n(?:^\S*(?:nbgrader|python) .*$\n)+", guide, re.MULTILINE)[0]
    remove = remove.replace("ivanov", "leaver").replace("../../.venv/bin/", f"{Path(sys.executable).parent}/")
    subprocess.run(["sh", "-ec", remove], cwd=course, check=True, capture_output=True)
    command(course, "grade")
    assert set(marks(course)) == {"anna"}
    assert not [path for path in course.rglob("*") if path.is_file() and b"leaver" in path.read_bytes()]


def test_students_get_their_addresses(course: Path) -> None:
    (course / "students.csv").write_text("id,first_name,last_name,email\nanna,Анна,Ким,anna@example.org\n")
    run = [sys.executable, "-m", "nbgrader", "db", "student", "import", "students.csv"]
    subprocess.run(run, cwd=course, check=True, capture_output=True)
    submit(course, "anna", solved(course))
    command(course, "grade")
    assert "anna,anna@example.org,3" in (course / "marks" / "moodle.csv").read_text(encoding="utf-8-sig")


def test_second_build_after_grading(course: Path) -> None:
    submit(course, "anna", solved(course))
    command(course, "grade")
    command(course, "build")
    assert "из них проверить: 0" in command(course, "grade")
    assert points(course, "anna") == ["1", "1", "1"]


def test_manual_mark_survives_a_second_grading(course: Path) -> None:
    submit(course, "anna", words(solved(course), "Удвоили и усреднили."))
    command(course, "grade")
    assert marks(course)["anna"]["words"] == "не оценено"
    assert "Преподаватель ещё не оценил" in feedback(course, "anna")
    with gradebook(course) as book:
        grade = book.find_grade("words", "small", "small", "anna")
        grade.manual_score, grade.needs_manual_grade = 0.5, False
        book.find_comment("words", "small", "small", "anna").manual_comment = "А почему по строкам?"
        book.db.commit()
    submit(course, "anna", words(solved(course), "Удвоили и усреднили, по строкам."))  # сдано ещё раз
    assert "из них проверить: 1" in command(course, "grade")
    assert marks(course)["anna"]["words"] == "0.5" and marks(course)["anna"]["итог"] == "3.5"
    assert "А почему по строкам?" in feedback(course, "anna")
    command(course, "grade")
    assert marks(course)["anna"]["итог"] == "3.5"


def test_unanswered_words_need_no_teacher(course: Path) -> None:
    submit(course, "anna", solved(course))
    command(course, "grade")
    assert marks(course)["anna"]["words"] == "0"


def test_late_work_and_extension(course: Path) -> None:
    (course / "deadlines.csv").write_text(
        "assignment,student,due\nsmall,,2026-11-20 12:00:00+00:00\nsmall,vera,2026-11-25 12:00:00+00:00\n"
    )
    submitted = {
        "anna": "2026-11-20 11:59:00", "boris": "2026-11-20 12:01:00", "vera": "2026-11-23 12:00:00",
        "gleb": "2026-11-22 13:00:00", "dina": "2027-01-01 12:00:00",
    }  # fmt: skip
    for student, when in submitted.items():
        submit(course, student, solved(course))
        stamped(course, student, when)
    command(course, "grade")
    assert {student: marks(course)[student]["итог"] for student in submitted} == {
        "anna": "3", "boris": "2.7", "vera": "3", "gleb": "2.1", "dina": "1.5",
    }  # fmt: skip
    assert "вычтено за опоздание 0.3" in feedback(course, "boris")
    (course / "deadlines.csv").write_text("assignment,student,due\nsmall,,2026-11-30 12:00:00+00:00\n")
    assert "из них проверить: 0" in command(course, "grade")
    assert marks(course)["gleb"]["итог"] == "3", "срок продлён всем: вычет снимается без новой проверки"


def test_bad_deadline_is_explained(course: Path) -> None:
    submit(course, "anna", solved(course))
    (course / "deadlines.csv").write_text("assignment,student,due\nsmall,,завтра\n")
    done = subprocess.run(
        [sys.executable, "-m", "grading", "grade"], cwd=course, capture_output=True, text=True
    )
    assert done.returncode == 1 and "deadlines.csv: непонятная строка" in done.stderr
    assert "Traceback" not in done.stderr


def test_last_submission_counts(course: Path) -> None:
    first = solved(course)
    next(c for c in first.cells if grade_id(c) == "third_answer").source = "def third(x): return 0"
    submit(course, "anna", first)
    stamped(course, "anna", "2026-11-20 10:00:00")
    command(course, "grade")
    assert points(course, "anna") == ["1", "1", "0"]
    submit(course, "anna", solved(course))
    stamped(course, "anna", "2026-11-21 10:00:00")
    assert "из них проверить: 1" in command(course, "grade")
    assert points(course, "anna") == ["1", "1", "1"]


def in_colab(nb: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """Чужой редактор: пометки и номера ячеек пропали, версия формата старая."""
    nb = deepcopy(nb)
    for cell in nb.cells:
        cell.metadata = nbformat.NotebookNode()
        cell.pop("id")
    nb.nbformat_minor = 0
    return nb


def test_lost_metadata_is_mended(course: Path) -> None:
    submit(course, "anna", in_colab(words(solved(course), "Мой ответ.")))
    lost = in_colab(words(solved(course), "Первая часть."))
    at = next(at for at, cell in enumerate(lost.cells) if cell.source == "Первая часть.")
    lost.cells.insert(at + 1, nbformat.v4.new_markdown_cell("Вторая часть."))
    lost.cells.insert(2, nbformat.v4.new_code_cell("half = 2"))
    lost.cells[
        next(a for a, c in enumerate(lost.cells) if "def double" in c.source)
    ].source = "def double(x):\n    return half * np.asarray(x)"
    submit(course, "boris", lost)
    command(course, "grade")
    for student in ("anna", "boris"):
        assert points(course, student) == ["1", "1", "1"]
        assert marks(course)[student]["words"] == "не оценено"
    assert "Мой ответ." in feedback(course, "anna")
    assert "Первая часть." in feedback(course, "boris") and "Вторая часть." in feedback(course, "boris")


def test_unusual_but_honest_files(course: Path) -> None:
    """Метка кодировки, старый формат, переводы строк Windows, забытая заглушка в комментарии, ответ не списком."""
    text = nbformat.writes(solved(course))
    submit(course, "bom", b"\xef\xbb\xbf" + text.encode())
    submit(course, "utf16", text.encode("utf-16"))
    submit(course, "windows", text.replace("\n", "\r\n").encode())
    nb = solved(course)
    next(c for c in nb.cells if grade_id(c) == "table_answer").source = (
        "# raise NotImplementedError\ndef table():\n    return range(SEED % 7, SEED % 7 + 3) if 0 else "
        "{n: n * n for n in range(SEED % 7, SEED % 7 + 3)}.values()"
    )
    submit(course, "comment", nb)
    command(course, "grade")
    for student in ("bom", "utf16", "windows"):
        assert points(course, student) == ["1", "1", "1"], student
    assert points(course, "comment")[0] == points(course, "comment")[2] == "1"


def test_moodle_download(course: Path) -> None:
    folder = course / "downloaded" / "small"
    folder.mkdir(parents=True)
    good = nbformat.writes(solved(course))
    bad = good.replace("return np.mean(x, axis=1)", "return 0")
    with zipfile.ZipFile(folder / "Работа 1.zip", "w") as pack:
        for name in ("Анна Петрова_101", "Борис Ким_102", "Иван Иванов_103", "Иван Иванов_104"):
            pack.writestr(f"{name}_assignsubmission_file_/small (1).ipynb", good)
        pack.writestr("Анна Петрова_101_assignsubmission_file_/x.zip", b"garbage")
        # подлог: чужая папка внутри своей, выход из папки, шаблон вместо имени
        pack.writestr(
            "Анна Петрова_101_assignsubmission_file_/Борис Ким_102_assignsubmission_file_/small.ipynb", bad
        )
        pack.writestr("../Борис Ким_102_assignsubmission_file_/small.ipynb", bad)
        pack.writestr("*_7_assignsubmission_file_/small.ipynb", bad)
    (folder / "обрыв.zip").write_bytes(b"PK\x03\x04")
    assert "обрыв.zip: это не архив" in command(course, "grade")
    names = {"Анна Петрова", "Борис Ким", "Иван Иванов 103", "Иван Иванов 104"}
    assert set(marks(course)) == names
    assert all(points(course, name) == ["1", "1", "1"] for name in names)
    assert "из них проверить: 0" in command(course, "grade"), "нетронутая загрузка проверяется заново"


def test_feedback_is_one_offline_page(course: Path) -> None:
    submit(course, "anna", solved(course))
    command(course, "grade")
    page = feedback(course, "anna")
    addresses = set(re.findall(r"\w+://[^\s\"'<]+", page))
    assert (
        addresses <= {"http://www.w3.org/1998/Math/MathML"} and "<script" not in page and "src=" not in page
    )
    assert "<math" in page and "$x$" not in page


def test_names_that_excel_would_execute(course: Path) -> None:
    submit(course, "=2+5", solved(course))
    command(course, "grade")
    assert "'=2+5" in (course / "marks" / "moodle.csv").read_text(encoding="utf-8-sig")


def test_no_sandbox_is_a_sentence_not_a_grade(course: Path, tmp_path: Path) -> None:
    submit(course, "anna", solved(course))
    env = {"PATH": str(tmp_path), "HOME": str(tmp_path)}
    run = [sys.executable, "-m", "grading", "grade"]
    done = subprocess.run(run, cwd=course, capture_output=True, text=True, env=env)
    assert done.returncode == 1
    assert "не найдена программа bwrap" in done.stderr and "make grade UNSAFE=1" in done.stderr
    assert not (course / "autograded").exists(), "без песочницы ничего не выполнено"
    command(course, "grade", UNSAFE="1", PATH=str(tmp_path))
    assert points(course, "anna") == ["1", "1", "1"]


def test_sandbox_that_does_not_work(course: Path, tmp_path: Path) -> None:
    fake = tmp_path / "bwrap"
    fake.write_text("#!/bin/sh\necho 'bwrap: No permissions to create new namespace' >&2; exit 1\n")
    fake.chmod(0o755)
    submit(course, "anna", solved(course))
    run = [sys.executable, "-m", "grading", "grade"]
    done = subprocess.run(
        run, cwd=course, capture_output=True, text=True, env={"PATH": f"{tmp_path}:/usr/bin:/bin"}
    )
    assert done.returncode == 1 and "No permissions to create new namespace" in done.stderr
    assert "Песочница не работает" in done.stderr
