"""Команды преподавателя: `make coursework` собирает работы, `make grade` проверяет сданные."""

import csv
import logging
import os
import shutil
import subprocess
import sys
import tempfile
import time
import warnings
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import nbformat
from grading.execute import execute, messages
from grading.frame import restore
from grading.likeness import alike
from grading.marks import number, write_marks
from grading.preprocessors import GRADED, late_penalty
from grading.sandbox import Limits, NoSandbox, Sandbox, check_bubblewrap
from nbgrader.api import Gradebook, MissingEntry
from nbgrader.apps import NbGraderAPI
from sqlalchemy.exc import SAWarning
from traitlets.config import Config
from traitlets.config.loader import PyFileConfigLoader

warnings.filterwarnings("ignore", category=SAWarning)  # о внутренностях nbgrader
warnings.filterwarnings(
    "ignore", module="nbformat"
)  # номера ячеек в сданных файлах бывают какие угодно
ROOT = Path.cwd()
UNSAFE = os.environ.get("UNSAFE") == "1"


def api() -> NbGraderAPI:
    """nbgrader с настройками из nbgrader_config.py; его собственные сообщения — только об ошибках."""
    config = Config(PyFileConfigLoader("nbgrader_config.py", path=str(ROOT)).load_config())
    config.NbGraderAPI.log_level = logging.ERROR
    return NbGraderAPI(config=config)


def assignments() -> list[str]:
    """Работы, у которых есть исходный блокнот."""
    return sorted(
        path.stem for path in ROOT.glob("source/*/*.ipynb") if path.stem == path.parent.name
    )


def source(name: str) -> nbformat.NotebookNode:
    return nbformat.read(ROOT / "source" / name / f"{name}.ipynb", as_version=4)


# Сборка


def build() -> None:
    """Версии для студентов, доказательство, что решения получают всё, а пустые работы — ничего, и архив."""
    nbgrader, pack = api(), ROOT / "build" / "coursework"
    pack.mkdir(parents=True, exist_ok=True)
    for name in assignments():
        result = nbgrader.generate_assignment(name)
        if not result["success"]:
            sys.exit(
                f"{name}: nbgrader не собрал работу.\n{result['log']}{result.get('error') or ''}"
            )
        prove(name)
        shutil.copy(ROOT / "release" / name / f"{name}.ipynb", pack)
        print(f"{name}: решения получают все баллы, пустая работа — ни одного.", flush=True)
    archive = shutil.make_archive(str(ROOT / "build" / "coursework"), "zip", pack)
    print(f"Студентам: release/ и {Path(archive).relative_to(ROOT)}")


def prove(name: str) -> None:
    """Исходный блокнот сдан как работа: все проверки пройдены; розданный — ни одной."""
    original, handed = (
        source(name),
        nbformat.read(ROOT / "release" / name / f"{name}.ipynb", as_version=4),
    )
    for what, submitted, full in (
        ("решение", original, True),
        ("пустая работа", handed, False),
    ):
        with (
            tempfile.TemporaryDirectory() as work,
            Sandbox(Path(work), Limits(), UNSAFE) as sandbox,
        ):
            nb = restore(submitted, original, "teacher")
            execute(nb, sandbox)
        if wrong := {task: said for task, said in messages(nb).items() if bool(said) == full}:
            sys.exit(f"{name}: {what} — проверки ведут себя не так, как должны: {wrong}")


# Проверка


def grade() -> None:
    """Собирает сданное, проверяет, пишет отзывы и таблицы; повторный запуск проверяет только новое."""
    nbgrader = api()
    if not UNSAFE:
        check_bubblewrap()
    collect(nbgrader)
    with nbgrader.gradebook as gradebook:
        if missing := [name for name in assignments() if not known(gradebook, name)]:
            sys.exit(
                f"Работы ещё не собраны: {', '.join(missing)}. Сначала выполните make coursework."
            )
        deadlines()
    work = [pair for pair in submitted() if not done(*pair)]
    jobs = int(os.environ.get("JOBS") or max(1, (os.cpu_count() or 2) // 2))
    print(
        f"Сдано работ: {len(submitted())}, из них проверить: {len(work)}. Одновременно: {jobs}.",
        flush=True,
    )
    start = time.monotonic()
    with ProcessPoolExecutor(jobs) as pool:
        tasks = {pool.submit(grade_one, *pair): pair for pair in work}
        for count, task in enumerate(as_completed(tasks), 1):
            problem = task.exception()  # процесс проверки мог и сам погибнуть
            said = f"не проверена: {problem!r}; повторите команду" if problem else task.result()
            print(f"[{count} из {len(work)}] {' · '.join(tasks[task])}: {said}", flush=True)
    if work:
        print(f"Проверка заняла {time.monotonic() - start:.0f} с.")
    finish(nbgrader)


def submitted() -> list[tuple[str, str]]:
    """(работа, студент) — всё, что лежит в submitted/."""
    return sorted(
        (path.name, path.parent.name)
        for path in ROOT.glob("submitted/*/*")
        if path.name in assignments() and path.is_dir()
    )


def done(name: str, student: str) -> bool:
    """Проверена ли работа до конца, и не сдана ли с тех пор новая."""
    result = ROOT / "autograded" / student / name
    try:
        nb = nbformat.read(result / f"{name}.ipynb", as_version=4)
    except (OSError, ValueError, nbformat.reader.NotJSONError):
        return False
    old, new = (
        folder / "timestamp.txt" for folder in (result, ROOT / "submitted" / student / name)
    )
    same = not new.exists() or (old.exists() and old.read_text() == new.read_text())
    return GRADED in nb.metadata and same


def grade_one(name: str, student: str) -> str:
    """Проверяет одну работу; возвращает строку для экрана."""
    nbgrader = api()
    result = nbgrader.autograde(name, student)
    if not result["success"]:
        return (
            f"не проверена: {(result.get('error') or result['log']).strip().splitlines()[-1]}"
        )
    with nbgrader.gradebook as gradebook:
        submission = gradebook.find_submission(name, student)
        return f"{number(submission.score)} из {number(submission.max_score)}"


def collect(nbgrader: NbGraderAPI) -> None:
    """Берёт сданное через JupyterLab (папка обмена) и скачанное из Moodle (downloaded/<работа>/archive)."""
    for name in assignments():
        if nbgrader.exchange_is_functional:
            nbgrader.collect(name)
        if any((ROOT / "downloaded" / name / "archive").glob("*")):
            command = [
                sys.executable,
                "-m",
                "nbgrader",
                "zip_collect",
                name,
                "--force",
                "--log-level=ERROR",
            ]
            subprocess.run(command, cwd=ROOT, check=True)


def set_deadlines(gradebook: Gradebook) -> None:
    """Сроки из deadlines.csv: строка без студента — срок для всех, со студентом — его продление.

    Вычет за опоздание пересчитывается у всех: срок или оценка преподавателя могли измениться.
    """
    for row in sorted(deadlines(), key=lambda row: bool(row["student"])):
        due = datetime.fromisoformat(row["due"]).astimezone(UTC).replace(tzinfo=None)
        if not row["student"]:
            gradebook.update_or_create_assignment(row["assignment"], duedate=due.isoformat())
        else:
            with suppress(MissingEntry):  # ещё не сдал
                extra = due - gradebook.find_assignment(row["assignment"]).duedate
                gradebook.grant_extension(
                    row["assignment"], row["student"], minutes=extra.total_seconds() / 60
                )
    for submission in (
        s for assignment in gradebook.assignments for s in assignment.submissions
    ):
        for notebook in submission.notebooks:
            late = submission.total_seconds_late
            notebook.late_submission_penalty = (
                late_penalty(notebook.score, late) if late else None
            )
    gradebook.db.commit()


def deadlines() -> list[dict[str, str]]:
    """Строки deadlines.csv: assignment, student, due («2026-12-10 23:59», время местное)."""
    path = ROOT / "deadlines.csv"
    if not path.exists():
        return []
    with path.open(encoding="utf-8-sig") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        try:
            datetime.fromisoformat(row["due"])
            if row["assignment"] not in assignments() or row["student"] is None:
                raise ValueError
        except (KeyError, TypeError, ValueError):
            sys.exit(
                f"deadlines.csv: непонятная строка {row}. Нужны столбцы assignment,student,due — "
                "имя работы, имя студента (пусто — срок для всех) и время вида 2026-12-10 23:59."
            )
    if lonely := {row["assignment"] for row in rows} - {
        row["assignment"] for row in rows if not row["student"]
    }:
        sys.exit(
            f"deadlines.csv: у работ {', '.join(lonely)} есть продление, а срока для всех нет."
        )
    return rows


def known(gradebook: Gradebook, name: str) -> bool:
    with suppress(MissingEntry):
        return bool(gradebook.find_assignment(name).notebooks)
    return False


def finish(nbgrader: NbGraderAPI) -> None:
    """Отзывы заново (в них могли появиться оценки преподавателя), таблицы и отчёт о сходстве."""
    with nbgrader.gradebook as gradebook:
        set_deadlines(gradebook)
    for name, student in submitted():
        if done(name, student):
            nbgrader.generate_feedback(name, student)
    with nbgrader.gradebook as gradebook:
        tables = write_marks(gradebook, ROOT / "marks")
    print("Баллы:", ", ".join(str(path.relative_to(ROOT)) for path in tables))
    print("Отзывы: feedback/<студент>/<работа>/<работа>.html")
    lines = []
    for name in assignments():
        graded = {
            student: ROOT / "autograded" / student / name / f"{name}.ipynb"
            for work, student in submitted()
            if work == name
        }
        notebooks = {
            student: nbformat.read(path, as_version=4)
            for student, path in graded.items()
            if path.exists()
        }
        for pair in alike(notebooks):
            reasons = "; ".join(f"{task} — {why}" for task, why in pair.reasons.items())
            lines.append(f"{name}: {pair.first} и {pair.second}: {reasons}")
    (ROOT / "marks" / "likeness.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    print(f"Похожих пар: {len(lines)} — marks/likeness.txt")


if __name__ == "__main__":
    try:
        {"build": build, "grade": grade}[sys.argv[1]]()
    except NoSandbox as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        sys.exit("Прервано. Проверенное сохранено; продолжит та же команда.")
