"""`make run` и `make bench` — на маленьких блокнотах."""

import csv
from pathlib import Path

import nbformat
import pytest
from bs4 import BeautifulSoup
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

import bench
import run_notebooks
from hygiene import remote_resources

PICTURE = '<img alt="Тепловая карта весов" src="data:image/png;base64,AA==">'
SAMPLES = {
    "01-good": [
        "import os\nassert 'TF_CPP_MIN_LOG_LEVEL' not in os.environ\n"
        "print(os.environ['COURSE_PROFILE'], end='', flush=True)\nprint('!')",
        f"from IPython.display import HTML\nimport time\ntime.sleep(1)\nHTML('{PICTURE}')",
        "time.sleep(1)\nblock = b'x' * 300_000_000\ntime.sleep(0.5)\nprint('Со вниманием: 12,5 с на эпоху')\n"
        f"HTML('{PICTURE}')",
    ],
    "02-bad": ["x = 1", "raise ValueError('сломано')", "print('не выполнится')"],
    "03-dead": ["import os\nos._exit(1)"],
}


@pytest.fixture
def course(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Папка курса с блокнотами SAMPLES; в каждом записан прежний вывод и след прежнего запуска."""
    (tmp_path / "notebooks").mkdir()
    for name, sources in SAMPLES.items():
        old = [new_output("stream", text="прежний вывод")]
        cells = [new_code_cell(source, outputs=old, execution_count=9) for source in sources]
        nb = new_notebook(cells=[new_markdown_cell("Формула $a_i$."), *cells])
        nb.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3 (ipykernel)"}
        nbformat.write(nb, tmp_path / "notebooks" / f"{name}.ipynb")
    monkeypatch.setattr(run_notebooks, "NOTEBOOKS", tmp_path / "notebooks")
    monkeypatch.setattr(run_notebooks, "BUILD", tmp_path / "build")
    monkeypatch.setattr(bench, "BUILD", tmp_path / "build")
    return tmp_path


def read(path: Path) -> nbformat.NotebookNode:
    return nbformat.read(path, as_version=4)


def test_run_goes_on_after_a_failure(course: Path, capsys: pytest.CaptureFixture) -> None:
    before = (course / "notebooks" / "02-bad.ipynb").read_bytes()
    with pytest.raises(SystemExit) as stop:
        run_notebooks.main(["--profile", "quick", "--inplace", "02", "03-dead", "01-good.ipynb"])
    assert stop.value.code == "С ошибкой: 02-bad, 03-dead."  # строка в sys.exit — код возврата 1
    printed = capsys.readouterr().out
    assert "02-bad: ячейка 2 из 3" in printed
    assert "02-bad: ошибка в ячейке 2 из 3 — ValueError: сломано\n    raise ValueError('сломано')" in printed
    assert "03-dead: ошибка в ячейке 1 из 1 — ядро остановилось" in printed
    assert "Выполнено без ошибок: 1 из 3" in printed

    copy = read(course / "build" / "01-good.ipynb")
    assert copy.cells[1].outputs == [new_output("stream", text="quick!\n")]
    assert [cell.execution_count for cell in copy.cells[1:]] == [1, 2, 3]
    assert "прежний" not in (course / "build" / "02-bad.ipynb").read_text(encoding="utf-8")
    assert (course / "notebooks" / "02-bad.ipynb").read_bytes() == before, (
        "упавший блокнот на месте не меняется"
    )

    stored = read(course / "notebooks" / "01-good.ipynb")
    assert stored == copy
    assert stored.metadata.language_info == {"name": "python"}
    assert all(not cell.metadata for cell in stored.cells), "отметки времени не записываются"


def test_widgets_are_not_stored(course: Path) -> None:
    """Виджет показан, а сохраняется только то, что видно без ядра."""
    path = course / "notebooks" / "01-good.ipynb"
    nb = read(path)
    code = f"import ipywidgets\ndisplay({{'text/html': '{PICTURE}'}}, raw=True)\nipywidgets.IntSlider()"
    nb.cells[1].source = code
    nbformat.write(nb, path)
    run_notebooks.main(["--inplace", "01"])
    for stored in (path, course / "build" / "01-good.ipynb"):
        nb = read(stored)
        assert [output.data for output in nb.cells[1].outputs] == [{"text/html": PICTURE}]
        assert "widgets" not in nb.metadata
    assert "widget-view" not in (course / "build" / "01-good.html").read_text(encoding="utf-8")


def test_html_is_offline(course: Path) -> None:
    nb = read(course / "notebooks" / "01-good.ipynb")
    nb.cells[1].outputs = [new_output("display_data", {"text/html": PICTURE})]
    page = run_notebooks.to_html(nb, "01-good")
    soup = BeautifulSoup(page, "html.parser")
    assert not remote_resources(soup)
    assert not soup.find_all("script", src=True)
    assert PICTURE.split()[1] in page and "Формула $a_i$." in page
    assert soup.title.string == "01-good"


def test_usual_html_would_not_be_offline(course: Path) -> None:
    """Подложенная ошибка: с обычным шаблоном проверка находит скрипты из сети."""
    nb = read(course / "notebooks" / "01-good.ipynb")
    page, _ = run_notebooks.HTMLExporter().from_notebook_node(nb)
    assert remote_resources(BeautifulSoup(page, "html.parser"))


@pytest.mark.parametrize("main", [run_notebooks.main, bench.main])
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--profile", "fast"], "Профиля fast нет. Задайте один из трёх: quick, cpu, gpu."),
        (["07"], "Блокнота 07 нет. Есть: 01-good, 02-bad, 03-dead."),
    ],
)
def test_bad_arguments_give_one_sentence(course: Path, main, arguments: list[str], message: str) -> None:
    with pytest.raises(SystemExit) as stop:
        main(arguments)
    assert stop.value.code == message
    assert not (course / "build").exists()


def test_bench(course: Path, capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COURSE_PROFILE", "cpu")
    with pytest.raises(SystemExit) as stop:
        bench.main(["--profile", "quick", "01", "02"])
    assert stop.value.code == 1
    printed = capsys.readouterr().out
    assert "профиль quick" in printed and "до карты, с" in printed
    with open(course / "build" / "bench.csv", encoding="utf-8") as file:
        good, bad = csv.DictReader(file)
    assert 1 <= float(good["first_heatmap"]) <= float(good["seconds"]) - 1
    assert float(good["peak_gb"]) > 0.3
    assert good["per_epoch"] == "Со вниманием 12,5"
    assert good["profile"] == "quick" and "CPU" in good["hardware"]
    assert bad["error"] == "ошибка в ячейке 2 из 3 — ValueError: сломано"
