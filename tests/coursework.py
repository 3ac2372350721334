"""Верные и неверные решения домашних работ — через настоящую проверку, но без повторного обучения на каждое."""

import re
import tempfile
from pathlib import Path
from typing import NamedTuple

import nbformat
from grading.execute import execute
from grading.frame import defined, grade_id, is_test, restore
from grading.judge import Judge
from grading.sandbox import Limits, Sandbox

ROOT = Path(__file__).resolve().parent.parent
COURSEWORK = ROOT / "notebooks" / "coursework"
SOLUTION = re.compile(r"^ *### (BEGIN|END) SOLUTION\n?", re.MULTILINE)


class Wrong(NamedTuple):
    """Типичная ошибка: в решении задания task вместо old стоит new; message — часть ожидаемых слов."""

    name: str
    task: str
    old: str
    new: str
    message: str


class Right(NamedTuple):
    """Верный ответ, написанный иначе: source — ячейка целиком."""

    name: str
    task: str
    source: str


class Bench:
    """Выполненный исходный блокнот: в нём одно за другим пробуются другие решения."""

    def __init__(self, assignment: str, student: str = "ivanov") -> None:
        path = COURSEWORK / "source" / assignment / f"{assignment}.ipynb"
        source = nbformat.read(path, as_version=4)
        self.nb = restore(source, source, student)
        self._work = tempfile.TemporaryDirectory()
        self.sandbox = Sandbox(Path(self._work.name), Limits(whole=3600))

    def __enter__(self) -> "Bench":
        self.sandbox.__enter__()
        self.judge: Judge = execute(self.nb, self.sandbox)
        return self

    def __exit__(self, *_) -> None:
        self.sandbox.close()
        self._work.cleanup()

    def answer(self, task: str) -> str:
        """Ячейка с решением задания."""
        return SOLUTION.sub("", self.nb.cells[self.at(f"{task}_answer")].source)

    def wrong(self, row: Wrong) -> str:
        """Что проверка говорит о неверном решении."""
        source = self.answer(row.task)
        assert source.count(row.old) >= 1, f"{row.name}: в решении нет «{row.old}»"
        return self.attempt(row.task, source.replace(row.old, row.new))

    def attempt(self, task: str, source: str, seconds: float | None = None) -> str:
        """Выполняет ответ и всё до его проверки (ячейку — не дольше seconds), проверяет, возвращает прежний ответ."""
        first, last = self.at(f"{task}_answer"), self.at(task)
        between = [cell.source for cell in self.nb.cells[first + 1 : last] if cell.cell_type == "code"]
        for name in set().union(*map(defined, between)):  # чтобы не осталось от верного решения
            self.sandbox.ask("run", source=f"{name} = None")
        for code in [source, *between]:
            reply = self.sandbox.ask("run", seconds, source=code)
            assert reply.get("error") != "SyntaxError", f"{task}: {reply}"
        message = self.judge.check(self.nb.cells[last].source)
        self.sandbox.ask("run", source=self.answer(task))
        return message

    def at(self, name: str) -> int:
        return next(at for at, cell in enumerate(self.nb.cells) if grade_id(cell) == name)

    def tasks(self) -> list[str]:
        """Задания по порядку."""
        return [grade_id(cell) for cell in self.nb.cells if is_test(cell)]
