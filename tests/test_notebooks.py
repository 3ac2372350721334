"""Каждый блокнот выполняется строгим nbval в профиле quick; сам прогон проверяется на блокноте с ошибками."""

from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output

from conftest import notebook_params
from nbval_run import run_nbval

GOAL_SECONDS = 90  # на двух ядрах
LIMIT_SECONDS, LIMIT_GB = 180, 2  # с запасом на занятую машину


def compared_share(nb: nbformat.NotebookNode) -> str:
    """«сравнивается N из M ячеек с выводом»."""
    shown = [cell for cell in nb.cells if cell.cell_type == "code" and cell.outputs]
    compared = [cell for cell in shown if "nbval-ignore-output" not in cell.metadata.get("tags", [])]
    return f"сравнивается {len(compared)} из {len(shown)} ячеек с выводом"


def test_notebook(notebook: Path, tmp_path: Path, record_property) -> None:
    run = run_nbval(notebook, tmp_path, LIMIT_SECONDS)
    late = f" (цель {GOAL_SECONDS} с)" if run.seconds > GOAL_SECONDS else ""
    share = compared_share(nbformat.read(notebook, as_version=4))
    record_property(
        "summary", f"{notebook.stem}: {run.seconds:.0f} с{late}, {run.peak / 1e9:.2f} ГБ, {share}"
    )
    assert not run.failures, run.report()
    assert run.peak < LIMIT_GB * 1e9, f"{notebook.stem}: {run.peak / 1e9:.2f} ГБ памяти вместо {LIMIT_GB} ГБ"


def test_no_notebooks_is_a_failure(tmp_path: Path) -> None:
    assert notebook_params(tmp_path) == [None]


def _picture(alt: str, data: str) -> str:
    return f'<img alt="{alt}" src="data:image/png;base64,{data}">'


def _show(alt: str, data: str) -> str:
    return f"from IPython.display import HTML\nHTML('{_picture(alt, data)}')"


def _result(text: str, html: str = "") -> nbformat.NotebookNode:
    data = {"text/plain": text} | ({"text/html": html} if html else {})
    return new_output("execute_result", data=data, execution_count=1)


HTML_REPR = "<IPython.core.display.HTML object>"
# имя → (код, записанный вывод, теги, проходит ли ячейка)
SAMPLE = {
    "верное число": ("1 + 1", [_result("2")], [], True),
    "другое число": ("1 + 1", [_result("3")], [], False),
    "число не сравнивается": ("1 + 1", [_result("3")], ["nbval-ignore-output"], True),
    "нет записанного вывода": ("1 + 1", [], [], False),
    "другая картинка": (_show("Карта", "AAAA"), [_result(HTML_REPR, _picture("Карта", "B/+="))], [], True),
    "другое описание": (_show("Карта", "AAAA"), [_result(HTML_REPR, _picture("Кривая", "AAAA"))], [], False),
    "предупреждение": ("import warnings\nwarnings.warn('!')", [], ["nbval-ignore-output"], False),
    "сообщение C++": (
        "import os, time\nos.write(2, b'I external/local_xla')\ntime.sleep(0.5)",
        [], ["nbval-ignore-output"], False,
    ),
    "исключение": ("assert 1 == 2", [], ["nbval-ignore-output"], False),
    "профиль и окружение": (
        "import os\nassert os.environ['COURSE_PROFILE'] == 'quick' and 'COURSE_DATA' not in os.environ\n"
        "assert 'TF_CPP_MIN_LOG_LEVEL' not in os.environ",
        [], [], True,
    ),
    "сеть недоступна": (
        "import urllib.request\n"
        "try:\n    urllib.request.urlopen('http://example.org', timeout=5)\n"
        "except OSError as error:\n    assert 'refused' in str(error), error",
        [], [], True,
    ),
    "память": ("import time\nblock = b'x' * 400_000_000\ntime.sleep(0.5)", [], [], True),
}  # fmt: skip


@pytest.fixture(scope="module")
def sample_run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sample")
    cells = [
        new_code_cell(code, outputs=outputs, execution_count=number, metadata={"tags": tags})
        for number, (code, outputs, tags, _) in enumerate(SAMPLE.values(), start=1)
    ]
    nbformat.write(new_notebook(cells=cells), folder / "sample.ipynb")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COURSE_DATA", "чужая папка")
        patch.setenv("COURSE_PROFILE", "gpu")
        return run_nbval(folder / "sample.ipynb", folder, timeout=60)


@pytest.mark.parametrize("name", SAMPLE)
def test_sample_cell(sample_run, name: str) -> None:
    number = list(SAMPLE).index(name) + 1
    assert (number not in sample_run.failures) == SAMPLE[name][3], sample_run.failures.get(number)


def test_report_shows_source_and_memory_is_measured(sample_run) -> None:
    assert "assert 1 == 2" in sample_run.report()
    assert sample_run.cells == len(SAMPLE)
    assert 0.4e9 < sample_run.peak < 0.8e9


def test_timeout_is_a_failure(tmp_path: Path) -> None:
    cells = [new_code_cell("import time; time.sleep(60)", execution_count=1)]
    nbformat.write(new_notebook(cells=cells), tmp_path / "slow.ipynb")
    with pytest.raises(AssertionError, match="не выполнен за 4 с"):
        run_nbval(tmp_path / "slow.ipynb", tmp_path, timeout=4)
