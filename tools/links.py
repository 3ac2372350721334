"""Вписывает адрес репозитория всюду, где он нужен: `make links REPO=владелец/название`.

Адрес хранится в одном месте, в pyproject.toml ([tool.course] repository). Из него и из списка файлов
notebooks/NN-*.ipynb получаются ссылки для запуска, ячейка установки и переходы между блокнотами, а также
таблица запуска в README. Остальные ячейки и сохранённые результаты не меняются ни на байт.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
PLACEHOLDER = "OWNER/"
SETTING = re.compile(r'^(repository = )"(.*?)"', re.MULTILINE)
README_BLOCK = re.compile(r"(<!-- make links: начало -->\n).*?(<!-- make links: конец -->)", re.DOTALL)
SETUP = """\
import sys

if "google.colab" in sys.modules:  # на вашем компьютере и в Binder ячейка ничего не делает
    !test -d /content/course || \\
        git clone --quiet --depth 1 https://github.com/{repository} /content/course
    %run /content/course/tools/colab_setup.py"""


def repository(root: Path) -> str:
    """Адрес «владелец/название» из pyproject.toml."""
    match = SETTING.search((root / "pyproject.toml").read_text(encoding="utf-8"))
    if match is None:
        raise ValueError(
            'В pyproject.toml нет строки repository = "владелец/название": верните её в [tool.course].'
        )
    return match.group(2)


def set_repository(root: Path, address: str) -> None:
    """Записывает новый адрес в pyproject.toml; ValueError, если это не «владелец/название»."""
    if not re.fullmatch(r"[\w.-]+/[\w.-]+", address, re.ASCII):
        raise ValueError(
            f"Адрес «{address}» не похож на репозиторий: напишите make links REPO=владелец/название."
        )
    path = root / "pyproject.toml"
    path.write_text(SETTING.sub(rf'\1"{address}"', path.read_text(encoding="utf-8")), encoding="utf-8")


def notebooks(root: Path) -> list[Path]:
    """Блокноты курса по порядку."""
    return sorted((root / "notebooks").glob("[0-9][0-9]-*.ipynb"))


def title(path: Path) -> str:
    """Заголовок блокнота — первая строка вида «# …»."""
    for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
        match = re.search(r"^# (.+)", "".join(cell["source"]), re.MULTILINE)
        if cell["cell_type"] == "markdown" and match:
            return match.group(1).strip()
    raise ValueError(f"В блокноте {path.name} нет заголовка: начните первую ячейку со строки «# …».")


def launch_links(path: Path, address: str) -> list[str]:
    """Ссылки, которые открывают блокнот в Colab, в Binder и на GitHub."""
    file = f"notebooks/{path.name}"
    return [
        f"[Google Colab](https://colab.research.google.com/github/{address}/blob/main/{file})",
        f"[Binder](https://mybinder.org/v2/gh/{address}/main?urlpath=lab/tree/{file})",
        f"[GitHub](https://github.com/{address}/blob/main/{file})",
    ]


def navigation(path: Path, paths: list[Path], address: str) -> str:
    """Переходы к соседним блокнотам (те из них, что есть) и к списку всех."""
    position = paths.index(path)
    parts = [f"[Все блокноты](https://github.com/{address}#readme)"]
    if position:
        previous = paths[position - 1]
        parts.insert(0, f"← [{title(previous)}]({previous.name})")
    if position + 1 < len(paths):
        following = paths[position + 1]
        parts.append(f"[{title(following)}]({following.name}) →")
    return " · ".join(parts)


def generated_cells(path: Path, paths: list[Path], address: str) -> dict[str, str]:
    """Тексты трёх ячеек по их тегам, в порядке появления."""
    moves = navigation(path, paths, address)
    launch = f"**Запустить:** {' · '.join(launch_links(path, address))}\n\n{moves}"
    return {"launch": launch, "setup": SETUP.format(repository=address), "navigation": moves}


def new_cell(tag: str) -> dict[str, Any]:
    cell: dict[str, Any] = {"cell_type": "markdown", "id": tag, "metadata": {"tags": [tag]}, "source": []}
    if tag == "setup":
        cell |= {"cell_type": "code", "execution_count": None, "outputs": []}
    return dict(sorted(cell.items()))


def update_notebook(path: Path, texts: dict[str, str]) -> None:
    """Заменяет ячейки с этими тегами; недостающие вставляет: две первые под заголовок, переходы — в конец."""
    notebook = json.loads(path.read_text(encoding="utf-8"))
    cells = notebook["cells"]
    for place, (tag, text) in enumerate(texts.items(), start=1):
        tagged = [cell for cell in cells if tag in cell["metadata"].get("tags", [])]
        if not tagged:
            tagged = [new_cell(tag)]
            cells.insert(len(cells) if tag == "navigation" else place, tagged[0])
        for cell in tagged:
            cell["source"] = text.splitlines(keepends=True)
    path.write_text(json.dumps(notebook, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def readme_block(paths: list[Path], address: str) -> str:
    """Таблица запуска для README."""
    lines = ["", "| Блокнот | Открыть без установки |", "| --- | --- |"]
    lines += [f"| {title(path)} | {' · '.join(launch_links(path, address))} |" for path in paths]
    if address.startswith(PLACEHOLDER):
        lines += [
            "",
            f"Адрес `{address}` пока условный: ссылки заработают, когда преподаватель впишет настоящий.",
        ]
    return "\n".join([*lines, "", ""])


def write_links(root: Path) -> None:
    """Обновляет все блокноты и README по адресу из pyproject.toml."""
    address, paths = repository(root), notebooks(root)
    for path in paths:
        update_notebook(path, generated_cells(path, paths, address))
    readme = root / "README.md"
    block = readme_block(paths, address)
    text, count = README_BLOCK.subn(
        lambda match: match.group(1) + block + match.group(2), readme.read_text("utf-8")
    )
    if count != 1:
        raise ValueError("В README.md нет пары меток «make links: начало» и «make links: конец»: верните их.")
    readme.write_text(text, encoding="utf-8")


def main(arguments: list[str]) -> int:
    try:
        if arguments:
            set_repository(ROOT, arguments[0])
        write_links(ROOT)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"Ссылки ведут в репозиторий {repository(ROOT)}.")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
