"""Адрес репозитория стоит в одном месте, а ссылки, ячейка установки и переходы получаются из него."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from IPython.core.inputtransformer2 import TransformerManager

import links
from conftest import ROOT

GENERATED = {"launch", "setup", "navigation"}
SKIPPED = {".git", ".venv", ".pytest_cache", ".ruff_cache", "build", "packages"}
ADDRESS = links.repository(ROOT)
COLAB, BINDER = "https://colab.research.google.com/github", "https://mybinder.org/v2/gh"


def copy_course(target: Path) -> Path:
    for path in [ROOT / "pyproject.toml", ROOT / "README.md", *links.notebooks(ROOT)]:
        copy = target / path.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, copy)
    return target


def contents(root: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(root)): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()
    }


def small_course(root: Path, *titles: str) -> Path:
    """Курс из коротких блокнотов: заголовок и одна выполненная ячейка."""
    (root / "notebooks").mkdir()
    (root / "pyproject.toml").write_text('[tool.course]\nrepository = "OWNER/course"  # адрес\n')
    (root / "README.md").write_text("# Курс\n\n<!-- make links: начало -->\n<!-- make links: конец -->\n")
    for number, title in enumerate(titles, start=1):
        output = nbformat.v4.new_output("stream", text="é ё\n2\n")
        code = nbformat.v4.new_code_cell("1 + 1", id="b", execution_count=1, outputs=[output])
        cells = [nbformat.v4.new_markdown_cell(f"# {title}\n\nО чём он.", id="a"), code]
        nbformat.write(nbformat.v4.new_notebook(cells=cells), root / "notebooks" / f"0{number}-x.ipynb")
    return root


def generated(root: Path, number: int) -> dict[str, str]:
    cells = nbformat.read(root / "notebooks" / f"0{number}-x.ipynb", as_version=4).cells
    return {tag: cell.source for cell in cells for tag in cell.metadata.get("tags", [])}


# --- сам курс -----------------------------------------------------------------------------------------------------


def test_course_is_up_to_date(tmp_path: Path) -> None:
    course = copy_course(tmp_path)
    links.write_links(course)
    assert contents(course) == {name: (ROOT / name).read_bytes() for name in contents(course)}, (
        "Выполните make links."
    )


def test_new_address_replaces_the_old_everywhere_and_nothing_else(tmp_path: Path) -> None:
    course = copy_course(tmp_path)
    links.set_repository(course, "test/other")
    links.write_links(course)
    assert not [name for name, data in contents(course).items() if ADDRESS.encode() in data]
    links.set_repository(course, ADDRESS)
    links.write_links(course)
    assert contents(course) == {name: (ROOT / name).read_bytes() for name in contents(course)}


def written_by_hand(path: Path) -> str:
    """Текст файла без того, что пишет make links."""
    text = path.read_text("utf-8", errors="replace")
    if path.suffix == ".ipynb":
        cells = json.loads(text)["cells"]
        return "\n".join(
            "".join(cell["source"]) for cell in cells if not GENERATED & set(cell["metadata"].get("tags", []))
        )
    if path.name == "pyproject.toml":
        return links.SETTING.sub("", text)
    return links.README_BLOCK.sub("", text)


def typed_addresses(text: str, address: str) -> list[str]:
    launch = r"colab\.research\.google\.com/github/\w[^\s)]*|mybinder\.org/v2/gh/\w[^\s)]*"
    return re.findall(rf"{launch}|{re.escape(address)}", text, re.IGNORECASE)


def test_no_address_is_typed_by_hand() -> None:
    top = [path for path in ROOT.iterdir() if path.name not in SKIPPED]
    paths = [path for folder in top for path in (folder, *folder.rglob("*")) if path.is_file()]
    suffixes = {".py", ".ipynb", ".md", ".toml", ".yml", ".txt", ".svg", ".html", ""}
    checked = [path for path in paths if path.suffix in suffixes]
    assert {"README.md", "NOTICE", "pyproject.toml", "links.py"} <= {path.name for path in checked}
    found = {str(path): typed_addresses(written_by_hand(path), ADDRESS) for path in checked}
    assert not {name: addresses for name, addresses in found.items() if addresses}


@pytest.mark.parametrize(
    "text",
    [
        f"git clone https://github.com/{ADDRESS}.git",
        f"[Colab]({COLAB}/some/one/blob/main/01.ipynb)",
        f"{BINDER}/some/one/main",
    ],
)
def test_typed_address_is_seen(text: str, tmp_path: Path) -> None:
    course = small_course(tmp_path, "Первый")
    links.write_links(course)
    for path in [course / "README.md", course / "notebooks" / "01-x.ipynb"]:
        assert not typed_addresses(written_by_hand(path), "OWNER/course")
    (course / "README.md").write_text((course / "README.md").read_text() + text)
    notebook = json.loads((course / "notebooks" / "01-x.ipynb").read_text())
    notebook["cells"][0]["source"].append(text)
    (course / "notebooks" / "01-x.ipynb").write_text(json.dumps(notebook))
    for path in [course / "README.md", course / "notebooks" / "01-x.ipynb"]:
        assert len(typed_addresses(written_by_hand(path), ADDRESS)) == 1


# --- маленький курс -----------------------------------------------------------------------------------------------


def test_cells_are_inserted_once_and_in_place(tmp_path: Path) -> None:
    course = small_course(tmp_path, "Первый")
    links.write_links(course)
    once = contents(course)
    links.write_links(course)
    assert contents(course) == once
    notebook = nbformat.read(course / "notebooks" / "01-x.ipynb", as_version=4)
    nbformat.validate(notebook)
    assert [cell.id for cell in notebook.cells] == ["a", "launch", "setup", "b", "navigation"]
    assert nbformat.writes(notebook) + "\n" == once["notebooks/01-x.ipynb"].decode()
    assert notebook.cells[3].outputs[0].text == "é ё\n2\n"


def test_setup_cell_keeps_its_outputs(tmp_path: Path) -> None:
    course = small_course(tmp_path, "Первый")
    links.write_links(course)
    path = course / "notebooks" / "01-x.ipynb"
    notebook = nbformat.read(path, as_version=4)
    notebook.cells[2].update(execution_count=1, source="испорчено")
    nbformat.write(notebook, path)
    links.write_links(course)
    setup = nbformat.read(path, as_version=4).cells[2]
    assert (setup.execution_count, setup.source) == (1, links.SETUP.format(repository="OWNER/course"))


def test_neighbours(tmp_path: Path) -> None:
    course = small_course(tmp_path, "Первый", "Второй", "Третий")
    links.write_links(course)
    everything = "[Все блокноты](https://github.com/OWNER/course#readme)"
    assert generated(course, 1)["navigation"] == f"{everything} · [Второй](02-x.ipynb) →"
    assert (
        generated(course, 2)["navigation"]
        == f"← [Первый](01-x.ipynb) · {everything} · [Третий](03-x.ipynb) →"
    )
    assert generated(course, 3)["navigation"] == f"← [Второй](02-x.ipynb) · {everything}"
    (course / "notebooks" / "02-x.ipynb").unlink()
    links.write_links(course)
    assert generated(course, 3)["navigation"] == f"← [Первый](01-x.ipynb) · {everything}"


def test_launch_links(tmp_path: Path) -> None:
    course = small_course(tmp_path, "Первый")
    links.set_repository(course, "my-name/my.course")
    links.write_links(course)
    readme = (course / "README.md").read_text()
    for text in (generated(course, 1)["launch"], readme):
        assert f"{COLAB}/my-name/my.course/blob/main/notebooks/01-x.ipynb" in text
        assert f"{BINDER}/my-name/my.course/main?urlpath=lab/tree/notebooks/01-x.ipynb" in text
        assert "![" not in text
    assert "условный" not in readme
    assert (
        course / "pyproject.toml"
    ).read_text() == '[tool.course]\nrepository = "my-name/my.course"  # адрес\n'


@pytest.mark.parametrize("address", ["", "name", "https://github.com/a/b", "a/b/c", "a b/c", 'a/b"'])
def test_bad_address_changes_nothing(address: str, tmp_path: Path) -> None:
    course = small_course(tmp_path, "Первый")
    before = contents(course)
    with pytest.raises(ValueError, match="make links REPO=владелец/название"):
        links.set_repository(course, address)
    assert contents(course) == before


@pytest.mark.parametrize(("name", "text", "message"), [
    ("pyproject.toml", "[tool.course]\n", "нет строки repository"),
    ("README.md", "# Курс\n", "нет пары меток"),
    ("notebooks/01-x.ipynb", '{"cells": []}', "нет заголовка"),
])  # fmt: skip
def test_what_is_missing_is_named(name: str, text: str, message: str, tmp_path: Path) -> None:
    course = small_course(tmp_path, "Первый")
    (course / name).write_text(text)
    with pytest.raises(ValueError, match=message):
        links.write_links(course)


# --- ячейка установки ---------------------------------------------------------------------------------------------


class Shell:
    """Вместо IPython: запоминает, что ячейка велела сделать."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    def system(self, command: str) -> None:
        self.calls.append(command)

    def run_line_magic(self, name: str, line: str) -> None:
        self.calls.append(f"%{name} {line}")


@pytest.mark.parametrize("colab", [False, True])
def test_setup_cell(colab: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    source = links.SETUP.format(repository="test/course")
    assert len(source.splitlines()) <= 7
    if colab:
        monkeypatch.setitem(sys.modules, "google.colab", object())
    shell = Shell()
    exec(TransformerManager().transform_cell(source), {"get_ipython": lambda: shell})
    if not colab:
        assert shell.calls == []
        return
    clone, setup = shell.calls
    assert "git clone --quiet --depth 1 https://github.com/test/course /content/course" in clone
    assert setup == "%run /content/course/tools/colab_setup.py"


def test_setup_cell_clones_once(tmp_path: Path) -> None:
    """Команда ячейки, исполненная дважды: второй раз она молчит, а не жалуется на существующую папку."""
    source = tmp_path / "origin"
    subprocess.run(["git", "init", "--quiet", source], check=True)
    (source / "file").touch()
    identity = ["-c", "user.name=t", "-c", "user.email=t@t"]
    subprocess.run(["git", "-C", source, "add", "."], check=True)
    subprocess.run(["git", "-C", source, *identity, "commit", "--quiet", "-m", "x"], check=True)
    command = re.search(r"!(.+\n.+)", links.SETUP).group(1)
    command = command.replace("https://github.com/{repository}", source.as_uri())
    command = command.replace("/content/course", str(tmp_path / "course"))
    for _ in range(2):
        result = subprocess.run(command, shell=True, capture_output=True, text=True, check=True)
        assert not result.stdout + result.stderr
    assert (tmp_path / "course" / "file").exists()
