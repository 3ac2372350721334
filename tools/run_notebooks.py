"""Выполняет блокноты курса сверху вниз: `make run PROFILE=quick|cpu|gpu`.

Копии и HTML ложатся в build/. Про блокнот с ошибкой сказано, в какой она ячейке, и прогон идёт дальше.
"""

import argparse
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

import nbformat
from attention_kit.profiles import PROFILES
from attention_kit.viewer import WIDGET_MIME
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, DeadKernelError
from nbconvert import HTMLExporter
from nbformat import NotebookNode

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOKS = ROOT / "notebooks"
BUILD = ROOT / "build"

# Шаблон JupyterLab без скриптов из сети: страница открывается и там, где её нет.
OFFLINE_TEMPLATE = """{%- extends 'lab/index.html.j2' -%}
{%- block html_head_js_requirejs -%}{%- endblock -%}
{%- block html_head_js_mathjax -%}{%- endblock -%}
{%- block html_head_js_mermaidjs -%}{%- endblock -%}"""


class NotebookError(Exception):
    """Блокнот упал: текст называет ячейку и ошибку."""


def find_notebooks(names: list[str]) -> list[Path]:
    """Пути блокнотов по именам («01», «01-rnn-attention», с .ipynb и без); без имён — все по порядку.

    «solutions/01» — решения упражнений этого блокнота.
    """
    existing = sorted(NOTEBOOKS.glob("[0-9][0-9]-*.ipynb"))
    if not existing:
        raise ValueError("В папке notebooks нет ни одного блокнота.")
    chosen = []
    for name in names:
        stem, asked = Path(name).name.removesuffix(".ipynb"), existing
        if Path(name).parent.name == "solutions":
            asked = [NOTEBOOKS / "solutions" / path.name for path in existing]
        found = [path for path in asked if path.stem == stem or path.stem.startswith(f"{stem}-")]
        if not found:
            raise ValueError(f"Блокнота {name} нет. Есть: {', '.join(path.stem for path in existing)}.")
        chosen += found
    return chosen or existing


def parse(about: str, profile: str, arguments: list[str] | None, *flags: str) -> argparse.Namespace:
    """Параметры команды: `paths` — блокноты, `profile` (по умолчанию этот) и флаги; неверные — одна фраза и выход."""
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("names", nargs="*", metavar="блокнот", help="например 01; по умолчанию все")
    parser.add_argument("--profile", default=profile, help="quick, cpu или gpu")
    for flag in flags:
        parser.add_argument(flag, action="store_true", help="записать выводы и в сами блокноты")
    options = parser.parse_args(arguments)
    if options.profile not in ("", *PROFILES):
        sys.exit(f"Профиля {options.profile} нет. Задайте один из трёх: {', '.join(PROFILES)}.")
    try:
        options.paths = find_notebooks(options.names)
    except ValueError as error:
        sys.exit(str(error))
    return options


def execute(
    nb: NotebookNode,
    folder: Path,
    env: dict[str, str],
    on_cell: Callable[[int, int], None] = lambda number, total: None,
    client_class: type[NotebookClient] = NotebookClient,
) -> NotebookClient:
    """Выполняет блокнот (выводы записываются в nb) в новом ядре, рабочая папка которого — folder.

    env дополняет переменные окружения; on_cell(номер, всего) зовётся перед каждой ячейкой кода.
    NotebookError, если ячейка упала или ядро остановилось.
    """
    code = [cell for cell in nb.cells if cell.cell_type == "code"]
    for cell in code:  # после падения в копии не должно остаться прежних выводов
        cell.outputs, cell.execution_count = [], None
    number = 0

    def start(cell: NotebookNode, **_) -> None:
        nonlocal number
        if cell.cell_type == "code":
            number += 1
            on_cell(number, len(code))

    client = client_class(
        nb,
        kernel_name="python3",
        timeout=None,
        record_timing=False,
        coalesce_streams=True,
        store_widget_state=False,
        extra_arguments=["--log-level=ERROR"],  # служебные предупреждения ядра читателю ни к чему
        resources={"metadata": {"path": str(folder)}},
        on_cell_start=start,
    )
    # Эту переменную задал здесь импорт attention_kit; в ядре её задаёт сам блокнот.
    inherited = {key: value for key, value in os.environ.items() if key != "TF_CPP_MIN_LOG_LEVEL"}
    try:
        client.execute(env=inherited | env)
    except CellExecutionError as error:
        raise NotebookError(_describe(code, number, f"{error.ename}: {error.evalue}")) from error
    except DeadKernelError as error:
        message = "ядро остановилось (возможно, не хватило памяти)"
        raise NotebookError(_describe(code, number, message)) from error
    finally:
        nb.metadata["language_info"] = {"name": "python"}  # версия Python у каждого своя, она не нужна
        for cell in code:  # виджет без ядра не работает: сохраняется только неподвижный рисунок рядом с ним
            cell.outputs = [output for output in cell.outputs if WIDGET_MIME not in output.get("data", {})]
    return client


def _describe(code: list[NotebookNode], number: int, message: str) -> str:
    source = code[number - 1].source.replace("\n", "\n    ")
    return f"ошибка в ячейке {number} из {len(code)} — {message}\n    {source}"


def to_html(nb: NotebookNode, title: str) -> str:
    """Страница без обращений к сети; формулы остаются в записи TeX."""
    exporter = HTMLExporter(raw_template=OFFLINE_TEMPLATE, language_code="ru")
    return exporter.from_notebook_node(nb, {"metadata": {"name": title}})[0]


def run(path: Path, profile: str, inplace: bool) -> str | None:
    """Выполняет один блокнот, пишет копию и HTML в build/; возвращает описание ошибки или None."""
    nb, started, error = nbformat.read(path, as_version=4), time.monotonic(), None
    terminal = sys.stdout.isatty()

    def progress(number: int, total: int) -> None:
        line = f"{path.stem}: ячейка {number} из {total}, {time.monotonic() - started:.0f} с"
        print(f"\r{line}\033[K" if terminal else line, end="" if terminal else "\n", flush=True)

    try:
        execute(nb, path.parent, {"COURSE_PROFILE": profile} if profile else {}, progress)
    except NotebookError as failure:
        error = str(failure)
    if terminal:
        print()
    print(f"{path.stem}: {error or 'выполнен'} ({time.monotonic() - started:.0f} с)", flush=True)
    BUILD.mkdir(exist_ok=True)
    nbformat.write(nb, BUILD / path.name)
    (BUILD / f"{path.stem}.html").write_text(to_html(nb, path.stem), encoding="utf-8")
    if inplace and not error:
        nbformat.write(nb, path)
    return error


def main(arguments: list[str] | None = None) -> None:
    options = parse("Выполнить блокноты сверху вниз; копии и HTML — в build/.", "", arguments, "--inplace")
    paths = options.paths
    failed = [path.stem for path in paths if run(path, options.profile, options.inplace)]
    print(f"Выполнено без ошибок: {len(paths) - len(failed)} из {len(paths)}. Копии и HTML — в папке build.")
    if failed:
        sys.exit(f"С ошибкой: {', '.join(failed)}.")


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit("\nПрервано.")
