"""Выполнение блокнота: ячейки студента — в песочнице, ячейки проверки — здесь."""

import re
import shutil
from pathlib import Path

from grading.frame import grade_id, is_test, tags
from grading.judge import Judge, readable
from grading.sandbox import Dead, Sandbox
from nbformat import NotebookNode
from nbformat.v4 import new_output

TEXT, PNG, OUTPUTS = 100_000, 2_000_000, 20  # знаков в тексте и картинке, выводов ячейки


def copy_files(submitted: Path, work: Path) -> None:
    """Файлы, которые студент приложил к блокноту; ссылки не копируются: они вели бы наружу."""
    for path in submitted.rglob("*"):
        if path.is_file() and not path.is_symlink() and path.suffix != ".ipynb":
            target = work / path.relative_to(submitted)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, target)


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
    for output in outputs[:OUTPUTS] if isinstance(outputs, list) else []:
        match output:
            case {"output_type": "stream", "text": str(text)}:
                result.append(new_output("stream", text=readable(text[:TEXT])))
            case {
                "output_type": "error",
                "ename": str(name),
                "evalue": str(said),
                "traceback": list(lines),
            }:
                name, said = readable(name[:100]), readable(said[:1000])
                lines = [readable("\n".join(map(str, lines))[:TEXT])]
                result.append(new_output("error", ename=name, evalue=said, traceback=lines))
            case {"output_type": "display_data", "data": {"image/png": str(png)}}:
                if len(png) < PNG and re.fullmatch(r"[A-Za-z0-9+/=\n]*", png):
                    result.append(new_output("display_data", data={"image/png": png}))
            case {"output_type": "display_data", "data": {"text/plain": str(text)}}:
                result.append(
                    new_output("display_data", data={"text/plain": readable(text[:TEXT])})
                )
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
