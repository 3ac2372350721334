"""Код из ячеек с тегом definition."""

import inspect
import linecache
from pathlib import Path

import nbformat
import pytest
from attention_kit import definitions
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook


@pytest.fixture
def sample(tmp_path: Path) -> Path:
    def cell(source: str, *tags: str):
        return new_code_cell(source, metadata={"tags": list(tags)})

    cells = [
        cell("import math", "definition"),
        cell("raise RuntimeError('эта ячейка не выполняется')"),
        new_markdown_cell("Класс", metadata={"tags": ["definition"]}),
        cell("class Score:\n    def value(self):\n        return math.sqrt(16)", "definition"),
        cell("def score():\n    return Score().value()", "definition", "parameters"),
    ]
    nbformat.write(new_notebook(cells=cells), tmp_path / "01-sample.ipynb")
    return tmp_path / "01-sample.ipynb"


def test_only_definitions_run_in_one_namespace(sample: Path) -> None:
    code = definitions(sample)
    assert code.score() == 4
    assert code.Score.__module__ == code.__name__ == "notebook_01_sample"


def test_source_is_available(sample: Path) -> None:
    code = definitions(sample)
    assert inspect.getsource(code.score) == "def score():\n    return Score().value()\n"
    assert inspect.getsource(code.Score).startswith("class Score:")
    # AutoGraph перед разбором функции обновляет запись о файле её модуля
    linecache.updatecache(code.__file__, vars(code))
    assert inspect.getsource(code.score).startswith("def score():")


def test_notebook_without_definitions(tmp_path: Path) -> None:
    nbformat.write(new_notebook(cells=[new_code_cell("x = 1")]), tmp_path / "02-empty.ipynb")
    with pytest.raises(ValueError, match=r"02-empty\.ipynb нет ячеек с тегом definition"):
        definitions(tmp_path / "02-empty.ipynb")


def test_notebook_is_found_by_number() -> None:
    assert definitions("01").__name__ == definitions("01-rnn-attention").__name__


def test_unknown_notebook() -> None:
    with pytest.raises(ValueError, match="Блокнота 55 рядом с курсом нет"):
        definitions("55")
