"""Адрес репозитория один на весь курс; ссылки для запуска, ячейка установки и переходы между блокнотами верны.

Новому блокноту нужны три ячейки с тегами launch, setup и navigation: их тексты — в generated_cells().
"""

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import nbformat
import pytest
from IPython.core.inputtransformer2 import TransformerManager

from conftest import ROOT, notebook_params

ADDRESS = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["course"]["repository"]
COLAB, BINDER = "https://colab.research.google.com/github", "https://mybinder.org/v2/gh"
SETUP = """\
import sys

if "google.colab" in sys.modules:  # на вашем компьютере и в Binder ячейка ничего не делает
    !test -d /content/course || \\
        git clone --quiet --depth 1 https://github.com/{address} /content/course
    %run /content/course/tools/colab_setup.py"""


def title(path: Path) -> str:
    return re.search(r"^# (.+)", nbformat.read(path, as_version=4).cells[0].source, re.MULTILINE).group(1)


def launch_links(path: Path) -> list[str]:
    file = f"notebooks/{path.name}"
    return [
        f"[Google Colab]({COLAB}/{ADDRESS}/blob/main/{file})",
        f"[Binder]({BINDER}/{ADDRESS}/main?urlpath=lab/tree/{file})",
        f"[GitHub](https://github.com/{ADDRESS}/blob/main/{file})",
    ]


def generated_cells(path: Path, paths: list[Path]) -> dict[str, str]:
    """Тексты трёх ячеек блокнота по тегам; переходы ведут к соседям из тех, что есть."""
    before, after = paths[: paths.index(path)][-1:], paths[paths.index(path) + 1 :][:1]
    moves = " · ".join(
        [f"← [{title(near)}]({near.name})" for near in before]
        + [f"[Все блокноты](https://github.com/{ADDRESS}#readme)"]
        + [f"[{title(near)}]({near.name}) →" for near in after]
    )
    launch = f"**Запустить:** {' · '.join(launch_links(path))}\n\n{moves}"
    solutions = f"[Решения упражнений](solutions/{path.name})"
    return {"launch": launch, "setup": SETUP.format(address=ADDRESS), "navigation": f"{moves}\n\n{solutions}"}


def test_cells_of_the_notebook(notebook: Path) -> None:
    cells = nbformat.read(notebook, as_version=4).cells
    for tag, text in generated_cells(notebook, notebook_params(ROOT / "notebooks")).items():
        found = [cell.source for cell in cells if tag in cell.metadata.get("tags", [])]
        assert set(found) == {text}, f"{notebook.name}, ячейка с тегом {tag}: нужен текст\n{text}"


def test_readme_has_a_row_for_every_notebook(notebook: Path) -> None:
    rows = [line for line in (ROOT / "README.md").read_text("utf-8").splitlines() if notebook.name in line]
    assert len(rows) == 1
    assert rows[0].startswith(f"| {notebook.name[:2]} | [{title(notebook)}](notebooks/{notebook.name})")
    assert all(link in rows[0] for link in launch_links(notebook)[:2])


# --- make links ---


@pytest.fixture
def course(tmp_path: Path) -> Path:
    """Всё, где бывает адрес, — копией."""
    for path in [
        ROOT / "Makefile",
        ROOT / "pyproject.toml",
        ROOT / "README.md",
        *(ROOT / "notebooks").glob("*.ipynb"),
        *(ROOT / "notebooks" / "solutions").glob("*.ipynb"),
        ROOT / "notebooks" / "coursework" / "README.md",
        *(ROOT / "notebooks" / "coursework" / "source").rglob("*.ipynb"),
    ]:
        target = tmp_path / path.relative_to(ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, target)
    return tmp_path


def contents(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def make_links(course: Path, repository: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        ["make", "links", f"REPO={repository}"], cwd=course, capture_output=True, text=True, check=False
    )


def test_new_address_replaces_the_old_everywhere_and_nothing_else(course: Path) -> None:
    before = contents(course)
    assert "new-owner/my.course" in make_links(course, "new-owner/my.course").stdout
    changed = contents(course)
    assert changed == {
        name: data.replace(ADDRESS.encode(), b"new-owner/my.course") for name, data in before.items()
    }
    assert changed["README.md"] != before["README.md"]
    make_links(course, ADDRESS)
    assert contents(course) == before


@pytest.mark.parametrize("address", ["", "name", "https://github.com/a/b", "a/b/c", "a b/c", 'a/b"', "а/б"])
def test_bad_address_changes_nothing(course: Path, address: str) -> None:
    before = contents(course)
    result = make_links(course, address)
    assert result.returncode and result.stdout == "Напишите make links REPO=владелец/название.\n"
    assert contents(course) == before


def test_address_stands_only_where_make_links_changes_it(course: Path) -> None:
    found = subprocess.run(
        ["git", "grep", "-lF", ADDRESS], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert set(found.stdout.split()) <= set(contents(course))


# --- ячейка установки ---


class Shell:
    def __init__(self) -> None:
        self.calls: list[str] = []

    def system(self, command: str) -> None:
        self.calls.append(command)

    def run_line_magic(self, name: str, line: str) -> None:
        self.calls.append(f"%{name} {line}")


@pytest.mark.parametrize("colab", [False, True])
def test_setup_cell(colab: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if colab:
        monkeypatch.setitem(sys.modules, "google.colab", object())
    shell = Shell()
    source = TransformerManager().transform_cell(SETUP.format(address=ADDRESS))
    exec(source, {"get_ipython": lambda: shell})
    assert [call.split()[0] for call in shell.calls] == (["test", "%run"] if colab else [])


def test_setup_cell_clones_once(tmp_path: Path) -> None:
    """Команда ячейки, исполненная дважды: второй раз она молчит, а не жалуется на существующую папку."""
    source = tmp_path / "origin"
    identity = ["-c", "user.name=t", "-c", "user.email=t@t"]
    subprocess.run(["git", "init", "--quiet", source], check=True)
    subprocess.run(
        ["git", "-C", source, *identity, "commit", "--quiet", "--allow-empty", "-m", "x"], check=True
    )
    command = re.search(r"!(.+\n.+)", SETUP).group(1).replace("https://github.com/{address}", source.as_uri())
    command = command.replace("/content/course", str(tmp_path / "course"))
    for _ in range(2):
        result = subprocess.run(command, shell=True, capture_output=True, text=True, check=True)
        assert not result.stdout + result.stderr
    assert (tmp_path / "course" / ".git").exists()
