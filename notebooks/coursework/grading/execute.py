"""Выполнение блокнота: ячейки студента — в песочнице, ячейки проверки — здесь."""

import re
import shutil
from pathlib import Path

from grading.frame import grade_id, is_test, tags
from grading.judge import Judge
from grading.sandbox import Dead, Sandbox
from nbformat import NotebookNode
from nbformat.v4 import new_output


def copy_files(submitted: Path, work: Path) -> None:
    """Файлы, которые студент приложил к блокноту; ссылки не копируются: они вели бы наружу."""
    for path in submitted.iterdir():
        if not path.is_symlink() and path.suffix != ".ipynb":
            copy = shutil.copytree if path.is_dir() else shutil.copy
            copy(path, work / path.name, **({"symlinks": True} if path.is_dir() else {}))


def execute(nb: NotebookNode, sandbox: Sandbox) -> Judge:
    """Выполняет ячейки по порядку; после смерти процесса оставшиеся проверки получают её причину."""
    judge, dead, task = Judge(sandbox, {}), "", ""
    for cell in nb.cells:
        if cell.cell_type != "code":
            continue
        cell.outputs, task = [], grade_id(cell) or task
        try:
            if dead and is_test(cell):
                cell.outputs = [failure(dead)]
            elif is_test(cell):
                message = judge.check(cell.source)
                cell.outputs = [failure(message)] if message else []
            elif not dead:
                if {"shared", "student"} & set(tags(cell)):
                    exec(cell.source, judge.given)
                cell.outputs = harmless(sandbox.ask("run", source=cell.source).get("outputs"))
        except Dead as reason:
            where = f"при проверке «{task}»" if is_test(cell) else f"после ячейки «{task}»"
            dead = f"Выполнение прервано {where}: {reason}. До этого места баллы сохранены."
            cell.outputs = [failure(dead)]
    return judge


def harmless(outputs: object) -> list[NotebookNode]:
    """Из выводов студента — только текст и PNG: разметка и скрипты сработали бы в браузере преподавателя."""
    result = []
    for output in outputs if isinstance(outputs, list) else []:
        kind, data = output.get("output_type"), output.get("data", {})
        if kind == "stream":
            result.append(new_output("stream", text=str(output.get("text"))))
        elif kind == "error":
            lines = [str(line) for line in output.get("traceback", [])]
            result.append(
                new_output(
                    "error",
                    ename=str(output["ename"]),
                    evalue=str(output["evalue"]),
                    traceback=lines,
                )
            )
        elif kind == "display_data":
            safe = {
                name: str(data[name]) for name in ("text/plain", "image/png") if name in data
            }
            if re.fullmatch(r"[\w+/=\n]*", safe.get("image/png", "")):
                result.append(new_output("display_data", data=safe))
    return result


def failure(message: str) -> NotebookNode:
    return new_output("error", ename="Не зачтено", evalue=message, traceback=[message])


def messages(nb: NotebookNode) -> dict[str, str]:
    """{задание: что не так}; пустая строка — зачтено."""
    return {
        grade_id(cell): "\n".join(
            output.evalue for output in cell.outputs if output.output_type == "error"
        )
        for cell in nb.cells
        if is_test(cell)
    }
