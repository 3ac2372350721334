"""Баллы таблицей: по заданиям — для преподавателя, итог — для импорта в Moodle."""

import csv
import re
from collections.abc import Iterator
from pathlib import Path

from grading.feedback import number
from nbgrader.api import Assignment, Gradebook, MissingEntry, Student


def write_marks(gradebook: Gradebook, folder: Path) -> list[Path]:
    """Пишет по таблице на каждую работу (все задания) и moodle.csv; возвращает их пути.

    Кто не сдал, тоже есть в таблицах: баллов у него нет.
    """
    folder.mkdir(exist_ok=True)
    students = sorted(gradebook.students, key=lambda student: student.id)
    written, totals = [], {student.id: {} for student in students}
    for assignment in gradebook.assignments:
        rows = [row(gradebook, assignment, student) for student in students]
        written.append(write(folder / f"{assignment.name}.csv", rows))
        for one in rows:
            totals[one["student"]][assignment.name] = one["итог"]
    # Moodle сопоставляет строки по почте, а где её нет — по имени пользователя.
    moodle = [
        {"Username": student.id, "Email address": student.email or "", **totals[student.id]}
        for student in students
    ]
    return [*written, write(folder / "moodle.csv", moodle)]


def row(gradebook: Gradebook, assignment: Assignment, student: Student) -> dict[str, str]:
    """Строка таблицы: сколько за каждое задание, вычет за опоздание, итог."""
    try:
        submission = gradebook.find_submission(assignment.name, student.id)
    except MissingEntry:
        return {
            "student": student.id,
            **dict.fromkeys(columns(assignment), ""),
            "сдано": "",
            "опоздание": "",
            "итог": "",
        }
    marks = {}
    for grade in (grade for notebook in submission.notebooks for grade in notebook.grades):
        waiting = grade.auto_score is None and grade.manual_score is None
        marks[grade.name] = "не оценено" if waiting else number(grade.score)
    penalty = submission.late_submission_penalty or 0
    when = submission.timestamp.isoformat(" ", "minutes") if submission.timestamp else ""
    return {
        "student": student.id, **{name: marks.get(name, "") for name in columns(assignment)},
        "сдано": when, "опоздание": number(-penalty) if penalty else "", "итог": number(submission.score - penalty),
    }  # fmt: skip


def columns(assignment: Assignment) -> Iterator[str]:
    """Задания работы в том порядке, в каком они стоят в блокноте."""
    for notebook in assignment.notebooks:
        order = {cell.name: at for at, cell in enumerate(notebook.source_cells)}
        yield from sorted((cell.name for cell in notebook.grade_cells), key=order.get)


def write(path: Path, rows: list[dict[str, str]]) -> Path:
    """Пишет таблицу целиком или никак: прерванная запись не портит прежнюю."""
    draft = path.with_suffix(".part")
    with draft.open(
        "w", encoding="utf-8-sig", newline=""
    ) as file:  # с меткой, по которой Excel узнаёт кириллицу
        table = csv.DictWriter(file, fieldnames=list(rows[0]) if rows else ["student"])
        table.writeheader()
        table.writerows(map(safe, rows))
    draft.replace(path)
    return path


def safe(cells: dict[str, str]) -> dict[str, str]:
    """Имя, которое начинается как формула, Excel выполнил бы; апостроф делает его текстом."""
    names = ("student", "Username", "Email address")
    risky = {name for name in names if re.match(r"\s*[=+@-]", cells.get(name, ""))}
    return {name: f"'{text}" if name in risky else text for name, text in cells.items()}
