"""Шаги nbgrader: вернуть блокноту исходные проверки и выполнить его в песочнице."""

import tempfile
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from nbgrader.preprocessors import NbGraderPreprocessor
from traitlets import Bool, Float, Integer

from grading.execute import copy_files, execute
from grading.frame import restore
from grading.sandbox import Limits, Sandbox

GRADED = "attention_course_graded"  # пометка в блокноте: проверен до конца


def paths(preprocessor: NbGraderPreprocessor, resources: dict) -> tuple[Path, Path]:
    """Папка сданной работы и исходный блокнот."""
    coursedir, names = preprocessor.parent.parent.coursedir, resources["nbgrader"]
    work = coursedir.format_path(coursedir.submitted_directory, names["student"], names["assignment"])
    source = coursedir.format_path(coursedir.source_directory, ".", names["assignment"])
    return Path(work), Path(source, f"{names['notebook']}.ipynb")


class Restore(NbGraderPreprocessor):
    """Ставит ответы студента в исходный блокнот (см. frame.restore)."""

    def preprocess(self, nb: NotebookNode, resources: dict) -> tuple[NotebookNode, dict]:
        source = nbformat.read(paths(self, resources)[1], as_version=4)
        return restore(nb, source, resources["nbgrader"]["student"]), resources


class Run(NbGraderPreprocessor):
    """Выполняет ячейки студента в песочнице, а ячейки проверки — здесь."""

    unsafe = Bool(False, help="Работать без песочницы: код студентов получит доступ ко всему.").tag(config=True)
    cell = Float(Limits.cell, help="Секунд на ячейку.").tag(config=True)
    whole = Float(Limits.whole, help="Секунд на работу.").tag(config=True)
    memory = Integer(Limits.memory, help="Байт памяти на работу.").tag(config=True)
    disk = Integer(Limits.disk, help="Байт диска на работу.").tag(config=True)
    processes = Integer(Limits.processes, help="Процессов и потоков на работу.").tag(config=True)

    def preprocess(self, nb: NotebookNode, resources: dict) -> tuple[NotebookNode, dict]:
        submitted, _ = paths(self, resources)
        limits = Limits(self.cell, self.whole, self.memory, self.disk, self.processes)
        with tempfile.TemporaryDirectory() as work:
            copy_files(submitted, Path(work))
            with Sandbox(Path(work), limits, self.unsafe) as sandbox:
                execute(nb, sandbox)
        nb.metadata[GRADED] = True
        return nb, resources
