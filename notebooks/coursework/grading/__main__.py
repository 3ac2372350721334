"""Команды преподавателя: `make coursework` собирает работы, `make grade` проверяет сданные."""

import csv
import logging
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import warnings
import zipfile
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import nbformat
from grading.execute import execute, messages
from grading.frame import restore
from grading.likeness import alike
from grading.marks import number, write_marks
from grading.preprocessors import GRADED, LARGEST, digest, late_penalty
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
LONGEST = 900  # секунд на проверку одной работы вместе с запуском
MOODLE = re.compile(
    r"(?P<name>[^/.*?\[\]][^/*?\[\]]*)_(?P<number>\d+)_assignsubmission_file_?/(?P<file>[^/]+)"
)
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
    """Собирает сданное, проверяет, пишет таблицы и отзывы; повторный запуск проверяет только новое."""
    nbgrader = api()
    if not UNSAFE:
        check_bubblewrap()
    deadlines()
    with nbgrader.gradebook as gradebook:
        if missing := [name for name in assignments() if not known(gradebook, name)]:
            sys.exit(
                f"Работы ещё не собраны: {', '.join(missing)}. Сначала выполните make coursework."
            )
    collect(nbgrader)
    work = [pair for pair in submitted() if not done(*pair)]
    jobs = int(os.environ.get("JOBS") or max(1, (os.cpu_count() or 2) // 2))
    print(
        f"Сдано работ: {len(submitted())}, из них проверить: {len(work)}. Одновременно: {jobs}.",
        flush=True,
    )
    start = time.monotonic()
    with ThreadPoolExecutor(jobs) as pool:
        tasks = {pool.submit(in_own_process, *pair): pair for pair in work}
        for count, task in enumerate(as_completed(tasks), 1):
            print(
                f"[{count} из {len(work)}] {' · '.join(tasks[task])}: {task.result()}",
                flush=True,
            )
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
    """Проверена ли до конца именно та работа, которая сдана."""
    try:
        nb = nbformat.read(ROOT / "autograded" / student / name / f"{name}.ipynb", as_version=4)
        return nb.metadata.get(GRADED) == digest(
            ROOT / "submitted" / student / name / f"{name}.ipynb"
        )
    except (OSError, ValueError, nbformat.reader.NotJSONError):
        return False


def in_own_process(name: str, student: str) -> str:
    """Проверяет одну работу отдельным процессом: если он погибнет, остальных это не коснётся."""
    command = [sys.executable, "-m", "grading", "one", name, student]
    try:
        run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=LONGEST)
    except subprocess.TimeoutExpired:
        return f"не проверена: проверка не закончилась за {LONGEST} с"
    lines = (run.stdout if run.returncode == 0 else run.stderr).strip().splitlines()
    return (
        lines[-1]
        if run.returncode == 0 and lines
        else f"не проверена: {(lines or ['процесс погиб'])[-1]}"
    )


def one(name: str, student: str) -> None:
    """Проверяет одну работу и печатает баллы."""
    nbgrader = api()
    result = nbgrader.autograde(name, student)
    if not result["success"]:
        sys.exit((result.get("error") or result["log"]).strip().splitlines()[-1])
    with nbgrader.gradebook as gradebook:
        submission = gradebook.find_submission(name, student)
        print(f"{number(submission.score)} из {number(submission.max_score)}")


def collect(nbgrader: NbGraderAPI) -> None:
    """Берёт сданное через JupyterLab (папка обмена) и скачанное из Moodle (downloaded/<работа>)."""
    for name in assignments():
        if nbgrader.exchange_is_functional:
            nbgrader.collect(name)
        for path in sorted((ROOT / "downloaded" / name).glob("*.zip")):
            unpack(path, name)
    for folder in ROOT.glob("submitted/*/*"):
        tidy(folder, folder.name)


def unpack(path: Path, name: str) -> None:
    """Архив Moodle «Имя_номер_assignsubmission_file_/файл» → submitted/; однофамильцев различает номер."""
    try:
        archive = zipfile.ZipFile(path)
    except zipfile.BadZipFile:
        print(f"{path.name}: это не архив zip или он скачался не целиком.")
        return
    files = [(MOODLE.fullmatch(info.filename), info) for info in archive.infolist()]
    files = [(match, info) for match, info in files if match and info.file_size <= LARGEST]
    numbers = defaultdict(set)
    for match, _ in files:
        numbers[match["name"]].add(match["number"])
    for match, info in files:
        alone = len(numbers[match["name"]]) == 1
        student = match["name"] if alone else f"{match['name']} {match['number']}"
        target = ROOT / "submitted" / student / name / match["file"]
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(archive.read(info))


def tidy(folder: Path, name: str) -> None:
    """Убирает из работы всё, кроме обычных файлов, и даёт единственному блокноту нужное имя."""
    for path in folder.rglob("*"):
        if path.is_symlink() or not (path.is_file() or path.is_dir()):
            path.unlink()
    notebooks = list(folder.glob("*.ipynb"))
    if len(notebooks) == 1 and notebooks[0].is_file():
        notebooks[0].rename(folder / f"{name}.ipynb")


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
    """Таблицы, отзывы (в них могли появиться оценки преподавателя) и отчёт о сходстве."""
    with nbgrader.gradebook as gradebook:
        set_deadlines(gradebook)
        tables = write_marks(gradebook, ROOT / "marks")
    print("Баллы:", ", ".join(str(path.relative_to(ROOT)) for path in tables), flush=True)
    graded = [pair for pair in submitted() if done(*pair)]
    for name, student in graded:
        if problem := feedback(nbgrader, name, student):
            print(f"{name} · {student}: отзыв не получился — {problem}")
    print("Отзывы: feedback/<студент>/<работа>/<работа>.html", flush=True)
    lines = []
    for name in assignments():
        paths = {
            who: ROOT / "autograded" / who / name / f"{name}.ipynb"
            for work, who in graded
            if work == name
        }
        for pair in alike(
            {who: nbformat.read(path, as_version=4) for who, path in paths.items()}
        ):
            reasons = "; ".join(f"{task} — {why}" for task, why in pair.reasons.items())
            lines.append(f"{name}: {pair.first} и {pair.second}: {reasons}")
    (ROOT / "marks" / "likeness.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    print(f"Похожих пар: {len(lines)} — marks/likeness.txt")


def feedback(nbgrader: NbGraderAPI, name: str, student: str) -> str:
    """Пишет отзыв; возвращает, что помешало, или пустую строку."""
    signal.signal(signal.SIGALRM, expired)
    signal.alarm(30)  # разбор ответа словами может не кончиться: студент пишет там что угодно
    try:
        result = nbgrader.generate_feedback(name, student)
        return (
            ""
            if result["success"]
            else (result.get("error") or result["log"]).strip().splitlines()[-1]
        )
    except TimeoutError:
        return "ответ не разобрался за 30 с"
    finally:
        signal.alarm(0)


def expired(*_) -> None:
    raise TimeoutError


if __name__ == "__main__":
    try:
        {"build": build, "grade": grade, "one": one}[sys.argv[1]](*sys.argv[2:])
    except NoSandbox as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        sys.exit("Прервано. Проверенное сохранено; продолжит та же команда.")
