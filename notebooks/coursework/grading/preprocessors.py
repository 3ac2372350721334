"""Шаги nbgrader: вернуть блокноту исходные проверки и выполнить его в песочнице."""

import hashlib
import math
import tempfile
from pathlib import Path

import nbformat
from grading.execute import copy_files, execute, failure
from grading.frame import LONGEST, is_test, restore
from grading.judge import readable
from grading.sandbox import Limits, Sandbox
from nbconvert.exporters import NotebookExporter
from nbformat import NotebookNode
from nbformat.v4 import new_notebook
from nbgrader.plugins import BasePlugin
from nbgrader.preprocessors import NbGraderPreprocessor
from traitlets import Bool, Float, Integer

GRADED = (
    "attention_course_graded"  # пометка в блокноте, проверенном до конца: отпечаток сданного
)
BROKEN = "attention_course_broken"  # пометка: почему сданный файл не прочитался
LARGEST = 30 * 2**20  # байт в сданном блокноте
TOO_LARGE = "он больше 30 МБ, в нём больше 500 ячеек или ячейка длиннее 50 000 знаков"


def paths(preprocessor: NbGraderPreprocessor, resources: dict) -> tuple[Path, Path]:
    """Папка сданной работы и исходный блокнот."""
    coursedir, names = preprocessor.parent.parent.coursedir, resources["nbgrader"]
    work = coursedir.format_path(
        coursedir.submitted_directory, names["student"], names["assignment"]
    )
    source = coursedir.format_path(coursedir.source_directory, ".", names["assignment"])
    return Path(work), Path(source, f"{names['notebook']}.ipynb")


def digest(path: Path) -> str:
    """Отпечаток файла: по нему видно, что проверена именно эта работа."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


class Restore(NbGraderPreprocessor):
    """Ставит ответы студента в исходный блокнот (см. frame.restore)."""

    def preprocess(self, nb: NotebookNode, resources: dict) -> tuple[NotebookNode, dict]:
        source = nbformat.read(paths(self, resources)[1], as_version=4)
        for cell in nb.cells:
            cell.source = readable(cell.source)
        restored = restore(nb, source, resources["nbgrader"]["student"])
        if BROKEN in resources:
            restored.metadata[BROKEN] = resources[BROKEN]
        return restored, resources


class Run(NbGraderPreprocessor):
    """Выполняет ячейки студента в песочнице, а ячейки проверки — здесь."""

    unsafe = Bool(
        False, help="Работать без песочницы: код студентов получит доступ ко всему."
    ).tag(config=True)
    cell = Float(Limits.cell, help="Секунд на ячейку.").tag(config=True)
    whole = Float(Limits.whole, help="Секунд на работу.").tag(config=True)
    memory = Integer(Limits.memory, help="Байт памяти на работу.").tag(config=True)
    disk = Integer(Limits.disk, help="Байт диска на работу.").tag(config=True)
    processes = Integer(Limits.processes, help="Процессов и потоков на работу.").tag(
        config=True
    )

    def preprocess(self, nb: NotebookNode, resources: dict) -> tuple[NotebookNode, dict]:
        if BROKEN in nb.metadata:
            for cell in filter(is_test, nb.cells):
                cell.outputs = [failure(nb.metadata[BROKEN])]
        else:
            self.execute(nb, paths(self, resources)[0])
        submitted = paths(self, resources)[0] / f"{resources['nbgrader']['notebook']}.ipynb"
        nb.metadata[GRADED] = digest(submitted)
        return nb, resources

    def execute(self, nb: NotebookNode, submitted: Path) -> None:
        limits = Limits(self.cell, self.whole, self.memory, self.disk, self.processes)
        with tempfile.TemporaryDirectory() as work:
            copy_files(submitted, Path(work))
            with Sandbox(Path(work), limits, self.unsafe) as sandbox:
                execute(nb, sandbox)


class Tolerant(NotebookExporter):
    """Файл, который не читается как блокнот, становится пустой работой с объяснением для её автора."""

    def from_filename(self, filename: str, resources: dict | None = None, **kwargs) -> tuple:
        coursedir = self.parent.coursedir
        submitted = Path(coursedir.root, coursedir.submitted_directory)
        if submitted not in Path(filename).absolute().parents:
            return super().from_filename(filename, resources, **kwargs)
        try:
            nb = read(Path(filename))
        except (
            ValueError,
            AttributeError,
            TypeError,
            KeyError,
            nbformat.ValidationError,
        ) as error:
            nb, resources[BROKEN] = new_notebook(), explain(Path(filename), str(error))
        except (RecursionError, MemoryError, OSError) as error:
            nb, resources[BROKEN] = new_notebook(), explain(Path(filename), str(error))
        return self.from_notebook_node(nb, resources, **kwargs)


def read(path: Path) -> NotebookNode:
    """Сданный блокнот, с меткой кодировки в начале и без; ValueError, если он слишком велик."""
    data = path.read_bytes()
    if len(data) > LARGEST:
        raise ValueError(TOO_LARGE)
    nb = nbformat.reads(
        data.decode("utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"),
        as_version=4,
    )
    if len(nb.cells) > 500 or any(len(cell.source) > LONGEST for cell in nb.cells):
        raise ValueError(TOO_LARGE)
    return nb


def explain(path: Path, error: str) -> str:
    """Почему файл не прочитался — словами для студента."""
    data = path.read_bytes() if path.is_file() else b""
    if error == TOO_LARGE:
        return f"Файл {path.name} не проверяется: {TOO_LARGE}. Уменьшите его и сдайте ещё раз."
    if not data.strip():
        what = "он пустой"
    elif data[:2] == b"PK":
        what = "это архив zip, а нужен сам блокнот"
    elif data[:5].lower() in (b"<!doc", b"<html"):
        what = "это страница HTML; сохраните блокнот командой File → Download"
    else:
        what = "это не блокнот Jupyter (не JSON нужного вида): возможно, он скачался не целиком"
    return f"Файл {path.name} не читается: {what}. Откройте его в JupyterLab, сохраните и сдайте ещё раз."


def late_penalty(score: float, seconds: float) -> float:
    """Вычет за опоздание: десятая часть набранных баллов за каждые начатые сутки, но не больше половины."""
    return round(score * min(0.1 * math.ceil(seconds / 86_400), 0.5), 2)


class LatePenalty(BasePlugin):
    """Тот же вычет для nbgrader."""

    def late_submission_penalty(
        self, student_id: str, score: float, total_seconds_late: float
    ) -> float:
        return late_penalty(score, total_seconds_late)
