"""Оформление каждого блокнота — и каждая проверка на блокноте с подложенной ошибкой."""

from collections.abc import Callable
from pathlib import Path

import nbformat
import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from hygiene import CHECKS


def problems_of(path: Path, name: str) -> list[str]:
    nb = nbformat.reader.reads(path.read_text(encoding="utf-8"))  # nbformat.read исправил бы часть ошибок
    return CHECKS[name](nb, path)


@pytest.mark.parametrize("name", CHECKS)
def test_hygiene(notebook: Path, name: str) -> None:
    problems = problems_of(notebook, name)
    assert not problems, "\n".join([notebook.name, *problems])


PICTURE = '<img alt="Тепловая карта весов" src="data:image/png;base64,iVBORw0KGgo/home/tmp=">'
QUESTION = "Почему?\n\n<details><summary>Ответ</summary>Потому.</details>"


def good_notebook() -> NotebookNode:
    """Блокнот, у которого ни одна проверка не находит замечаний."""
    text = "Внимание взвешивает слова исходного предложения заново на каждом шаге. " * 180
    cells = [
        new_markdown_cell(
            f"# Внимание\n\n{text}\n\nСмотрите [файл](sample.ipynb), [сайт](https://example.org)."
        ),
        new_code_cell(
            "weights = attend()\nprint(weights.shape)",
            execution_count=1,
            outputs=[new_output("stream", name="stdout", text="(2, 3) 0.1234\n")],
        ),
        new_markdown_cell("Обучим модель, см. [карту](#Карта).\n\n## Карта\n\nНа карте видна диагональ."),
        new_code_cell(
            'ak.show(ak.heatmap(weights, a, b), "Тепловая карта")\nassert weights.shape == (2, 3)',
            execution_count=2,
            metadata={"tags": ["nbval-ignore-output", "depends-training"]},
            outputs=[new_output("display_data", {"text/html": PICTURE, "text/plain": "0.123456 /x/tmp"})],
        ),
        new_markdown_cell("\n\n".join(["## Проверьте себя", QUESTION, QUESTION, QUESTION])),
        new_markdown_cell("## Упражнения\n\nИзмените маску.\n\n## Итоги\n\nВсё получилось."),
    ]
    metadata = {
        "kernelspec": {"name": "python3", "display_name": "Python 3 (ipykernel)", "language": "python"},
        "language_info": {"name": "python"},
    }
    return new_notebook(cells=cells, metadata=metadata)


def save(nb: NotebookNode, folder: Path) -> Path:
    path = folder / "sample.ipynb"
    path.write_text(nbformat.v4.writes(nb), encoding="utf-8")
    return path


@pytest.mark.parametrize("name", CHECKS)
def test_good_notebook_passes(tmp_path: Path, name: str) -> None:
    assert problems_of(save(good_notebook(), tmp_path), name) == []


# --- подложенные ошибки ---


def source(index: int, text: str) -> Callable[[NotebookNode], None]:
    """Дописывает текст к ячейке."""

    def plant(nb: NotebookNode) -> None:
        nb.cells[index].source += text

    return plant


def replace(index: int, old: str, new: str) -> Callable[[NotebookNode], None]:
    def plant(nb: NotebookNode) -> None:
        assert old in nb.cells[index].source
        nb.cells[index].source = nb.cells[index].source.replace(old, new)

    return plant


def output(index: int, kind: str, **fields) -> Callable[[NotebookNode], None]:
    """Добавляет вывод."""
    return lambda nb: nb.cells[index].outputs.append(new_output(kind, **fields))


def stdout(index: int, text: str) -> Callable[[NotebookNode], None]:
    return output(index, "stream", name="stdout", text=text)


def shown(index: int, mime: str, text: str) -> Callable[[NotebookNode], None]:
    return output(index, "display_data", data={mime: text})


def put(index: int, **fields) -> Callable[[NotebookNode], None]:
    """Меняет поля ячейки."""
    return lambda nb: nb.cells[index].update(nbformat.from_dict(fields))


def meta(index: int, **fields) -> Callable[[NotebookNode], None]:
    return put(index, metadata=fields)


def notebook_meta(**fields) -> Callable[[NotebookNode], None]:
    return lambda nb: nb.metadata.update(nbformat.from_dict(fields))


# (проверка, ошибка, часть ожидаемого замечания); ячейки 1 и 3 — код, 0, 2, 4, 5 — текст
FAULTS = [
    ("schema", lambda nb: nb.cells[0].pop("source"), "'source' is a required property"),
    ("schema", lambda nb: nb.cells[1].update(id=nb.cells[2].id), "повторяется id"),
    ("metadata", notebook_meta(kernelspec={"name": "course"}), "python3"),
    ("metadata", notebook_meta(widgets={}), "widgets"),
    ("metadata", notebook_meta(language_info={"name": "python", "version": "3.11.2"}), "language_info"),
    ("metadata", meta(1, execution={}), "execution"),
    ("execution_counts", put(1, execution_count=None), "не подряд"),
    ("errors", output(1, "error", ename="E", evalue="", traceback=[]), "ошибка"),
    ("errors", output(3, "stream", name="stderr", text="!"), "stderr"),
    ("errors", stdout(1, "Traceback (most recent call last):"), "трассировка"),
    ("errors", stdout(3, "UserWarning: old"), "предупреждение"),
    ("stored_outputs", put(1, outputs=[]), "нет записанного вывода"),
    ("stored_outputs", put(3, outputs=[new_output("stream", text="x")]), "нет записанной картинки"),
    ("alt_texts", shown(3, "text/html", '<img src="data:image/png;base64,AA">'), "без описания"),
    ("alt_texts", source(0, "\n\n![](data:image/png;base64,AA)"), "без описания"),
    ("pictures", put(0, attachments={"a.png": {"image/png": "AA"}}), "вложение"),
    ("pictures", shown(1, "image/png", "AA"), "image/png"),
    ("pictures", shown(1, "application/vnd.jupyter.widget-view+json", "{}"), "widget"),
    ("pictures", source(2, '\n\n<img alt="Схема" src="../images/rnn.png">'), "../images/rnn.png"),
    ("links", source(0, "\n\n[Дальше](02-none.ipynb)"), "02-none.ipynb"),
    ("links", source(0, "\n\n[Ниже](#Нет-такого)"), "#Нет-такого"),
    ("absolute_paths", source(0, " Папка `/root/x`"), "/root"),
    ("absolute_paths", stdout(3, "File /work/main"), "/work"),
    ("absolute_paths", source(1, "\nopen(r'C:\\Users\\me')"), "C:\\"),
    ("remote", source(0, "\n\n![Знак](https://example.org/a.svg)"), "https://example.org/a.svg"),
    ("remote", shown(1, "text/html", '<script src="//cdn.example.org/a.js"></script>'), "cdn.example.org"),
    ("remote", shown(1, "text/html", '<link rel="stylesheet" href="https://x.org/a.css">'), "x.org"),
    ("remote", shown(1, "text/html", "<script>import('https://x.org/a.js')</script>"), "script"),
    ("remote", shown(1, "text/html", '<p style="background: url(https://x.org/a.png)">'), "<p>"),
    ("cell_length", put(1, source="\n".join(["x = 1"] * 26)), "26 строк"),
    ("cell_length", lambda nb: [cell.update(source="x\n" * 11) for cell in nb.cells], "медиана"),
    ("cell_length", put(1, source=""), "пустая"),
    ("amount_of_text", lambda nb: nb.cells.extend([new_code_cell("x")] * 20), "абзац"),
    ("amount_of_text", replace(0, "заново", ""), "слов"),
    ("amount_of_text", source(0, " ещё" * 1600), "слов"),
    ("size", stdout(1, "x" * 2_000_000), "МБ"),
    ("nbval_tags", meta(1, tags=["nbval-ignore-output"]), "без причины"),
    ("nbval_tags", meta(1, tags=["nbval-ignore-output", "depends-data"]), "assert"),
    ("nbval_tags", replace(3, "assert weights.shape == (2, 3)", "assert True"), "assert"),
    ("nbval_tags", meta(1, tags=["depends-training"]), "без тега"),
    ("nbval_tags", meta(1, tags=["nbval-skip"]), "nbval-skip"),
    ("nbval_tags", source(1, "\n# NBVAL_IGNORE_OUTPUT"), "NBVAL_"),
    ("heatmap_asserts", replace(3, "assert", "# assert"), "без assert"),
    ("float_digits", stdout(1, "0.12345"), "0.12345"),
    ("float_digits", shown(1, "text/html", "<td>1.23456</td>"), "1.23456"),
    ("sections", replace(5, "Итоги", "Выводы"), "Итоги"),
    ("sections", replace(4, "<details>", "<p>"), "<details>"),
    ("same_in_every_profile", source(3, " or params.profile == 'cpu'"), "зависит от профиля"),
    ("same_in_every_profile", source(1, "\nx = os.environ['COURSE_PROFILE']"), "зависит от профиля"),
]


@pytest.mark.parametrize("number", range(len(FAULTS)), ids=lambda n: f"{FAULTS[n][0]}-{n}")
def test_planted_fault_is_reported(tmp_path: Path, number: int) -> None:
    name, plant, message = FAULTS[number]
    nb = good_notebook()
    plant(nb)
    assert message in "\n".join(problems_of(save(nb, tmp_path), name))


def test_every_check_has_a_fault() -> None:
    assert {name for name, _, _ in FAULTS} == set(CHECKS)


def test_generated_cells_may_be_long(tmp_path: Path) -> None:
    nb = good_notebook()
    nb.cells[1].update(source="x = 1\n" * 40, metadata=nbformat.from_dict({"tags": ["setup"]}))
    assert problems_of(save(nb, tmp_path), "cell_length") == []
