"""Проверки оформления блокнота: каждая получает блокнот и его путь и возвращает список замечаний."""

import ast
import re
import statistics
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import unquote

from bs4 import BeautifulSoup
from IPython.core.inputtransformer2 import TransformerManager
from nbconvert.filters import markdown2html
from nbformat import NotebookNode
from nbformat.validator import iter_validate

Check = Callable[[NotebookNode, Path], list[str]]
CHECKS: dict[str, Check] = {}

IGNORE = "nbval-ignore-output"
REASONS = {"depends-data", "depends-profile", "depends-training", "depends-time", "depends-hardware"}
TAGS = REASONS | {IGNORE, "definition", "setup", "parameters", "launch", "navigation"}
GENERATED = {"setup", "launch", "navigation"}  # каковы эти ячейки, говорит test_links.py
MIMES = {"text/plain", "text/html", "text/markdown", "text/latex"}
SECTIONS = ("Проверьте себя", "Упражнения", "Итоги")
BASE64 = re.compile(r"(data:image/(?:png|gif);base64,)[A-Za-z0-9+/=\s]+")
ABSOLUTE = re.compile(r"(?<![\w/.:+])/(?:home|root|work|tmp|Users)\b|(?<!\w)[A-Z]:\\\w+\\")
REMOTE_TEXT = re.compile(r"""(?:url\(|@import|\bimport\b|\bsrc\b|\bfetch\()[\s='"(]*(?:https?:)?//""")


def check(function: Check) -> Check:
    CHECKS[function.__name__] = function
    return function


# --- что есть в блокноте ---


def code_cells(nb: NotebookNode) -> list[NotebookNode]:
    return [cell for cell in nb.cells if cell.cell_type == "code"]


def tags(cell: NotebookNode) -> set[str]:
    return set(cell.metadata.get("tags", []))


def where(nb: NotebookNode, cell: NotebookNode) -> str:
    """«ячейка 5 (In [3]): первая строка» — чтобы её найти."""
    index = next(i for i, other in enumerate(nb.cells, start=1) if other is cell)
    count = f" (In [{cell.execution_count}])" if cell.cell_type == "code" else ""
    first_line = (cell.source.splitlines() or ["пусто"])[0]
    return f"ячейка {index}{count} «{first_line[:50]}»"


def output_texts(cell: NotebookNode) -> Iterator[tuple[str, str]]:
    """(вид, текст) каждого вывода; base64 картинок убран."""
    for output in cell.get("outputs", []):
        if output.output_type == "stream":
            yield output.name, output.text
        for mime, text in output.get("data", {}).items():
            yield mime, BASE64.sub(r"\1", text) if isinstance(text, str) else ""


def html(nb: NotebookNode) -> Iterator[tuple[NotebookNode, BeautifulSoup]]:
    """(ячейка, разобранный HTML) для текста и для HTML-выводов."""
    for cell in nb.cells:
        if cell.cell_type == "markdown":
            yield cell, BeautifulSoup(markdown2html(cell.source), "html.parser")
        for kind, text in output_texts(cell):
            if kind == "text/html":
                yield cell, BeautifulSoup(text, "html.parser")


def prose(nb: NotebookNode) -> str:
    """Весь текст блокнота без ячеек установки и переходов."""
    return "\n\n".join(
        cell.source for cell in nb.cells if cell.cell_type == "markdown" and not tags(cell) & GENERATED
    )


def has_assert(source: str) -> bool:
    """Есть ли assert, который что-то проверяет (не assert True)."""
    tree = ast.parse(TransformerManager().transform_cell(source))
    return any(
        isinstance(node, ast.Assert) and not isinstance(node.test, ast.Constant) for node in ast.walk(tree)
    )


def remote_resources(soup: BeautifulSoup) -> list[str]:
    """Всё, что браузер загрузил бы из сети, чтобы показать страницу (ссылки <a> не в счёт)."""
    found = []
    for element in soup.find_all(True):
        names = ["src", "srcset", "data", "poster"] + (
            ["href"] if element.name in ("link", "image", "use") else []
        )
        for name in names:
            if re.match(r"\s*(https?:)?//", element.get(name) or ""):
                found.append(f"<{element.name} {name}={element[name]}>")
        inline = (element.string or "") if element.name in ("script", "style") else element.get("style") or ""
        found += [f"<{element.name}>: {match}" for match in REMOTE_TEXT.findall(inline)]
    return found


# --- проверки ---


@check
def schema(nb: NotebookNode, path: Path) -> list[str]:
    problems = [f"схема nbformat: {error.message[:200]}" for error in iter_validate(nb)]
    ids = [cell.get("id") for cell in nb.cells]
    return problems + ["повторяется id ячейки" for _ in ids[: len(ids) - len(set(ids))]]


@check
def metadata(nb: NotebookNode, path: Path) -> list[str]:
    problems = []
    if nb.metadata.get("kernelspec", {}).get("name") != "python3":
        problems.append("имя ядра должно быть python3")
    if extra := set(nb.metadata) - {"kernelspec", "language_info"}:
        problems.append(f"лишние метаданные блокнота: {', '.join(sorted(extra))}")
    if nb.metadata.get("language_info", {}) != {"name": "python"}:
        problems.append('в language_info должно быть только {"name": "python"}')
    for cell in nb.cells:
        if extra := set(cell.metadata) - {"tags"}:
            problems.append(f"{where(nb, cell)}: лишние метаданные {', '.join(sorted(extra))}")
    return problems


@check
def execution_counts(nb: NotebookNode, path: Path) -> list[str]:
    counts = [cell.execution_count for cell in code_cells(nb)]
    expected = list(range(1, len(counts) + 1))
    return [] if counts == expected else [f"ячейки выполнены не подряд с первой: {counts}"]


@check
def errors(nb: NotebookNode, path: Path) -> list[str]:
    problems = []
    for cell in code_cells(nb):
        if any(output.output_type == "error" for output in cell.outputs):
            problems.append(f"{where(nb, cell)}: записана ошибка")
        for kind, text in output_texts(cell):
            if kind == "stderr":
                problems.append(f"{where(nb, cell)}: записан stderr: {text[:100]}")
            if "Traceback (most recent call last)" in text or re.search(r"\b[A-Z]\w*Warning\b", text):
                problems.append(f"{where(nb, cell)}: в выводе предупреждение или трассировка")
    return problems


@check
def stored_outputs(nb: NotebookNode, path: Path) -> list[str]:
    problems = []
    for cell in code_cells(nb):
        if (
            re.search(r"^(?:print|display|ak\.show|ak\.show_image|ak\.choose)\(", cell.source, re.MULTILINE)
            and not cell.outputs
        ):
            problems.append(f"{where(nb, cell)}: нет записанного вывода")
        shown = "".join(text for kind, text in output_texts(cell) if kind == "text/html")
        if re.search(r"^ak\.show(?:_image)?\(", cell.source, re.MULTILINE) and "<img" not in shown:
            problems.append(f"{where(nb, cell)}: нет записанной картинки")
    return problems


@check
def alt_texts(nb: NotebookNode, path: Path) -> list[str]:
    return [
        f"{where(nb, cell)}: картинка без описания (alt)"
        for cell, soup in html(nb)
        for image in soup.find_all("img")
        if not (image.get("alt") or "").strip()
    ]


@check
def pictures(nb: NotebookNode, path: Path) -> list[str]:
    """Картинки — только встроенные в HTML (ak.show): остальные видны не везде."""
    problems = [f"{where(nb, cell)}: вложение (attachment)" for cell in nb.cells if cell.get("attachments")]
    for cell in nb.cells:
        if extra := {kind for kind, _ in output_texts(cell)} - MIMES - {"stdout", "stderr"}:
            problems.append(f"{where(nb, cell)}: вывод {', '.join(sorted(extra))} вместо ak.show")
    for cell, soup in html(nb):
        for image in soup.find_all("img"):
            if not (image.get("src") or "").startswith("data:"):
                problems.append(f"{where(nb, cell)}: картинка {image.get('src')} не встроена")
    return problems


@check
def links(nb: NotebookNode, path: Path) -> list[str]:
    """Относительные ссылки ведут в существующие файлы, ссылки #… — к заголовкам блокнота."""
    parsed = list(html(nb))
    anchors = {unquote(element["id"]) for _, soup in parsed for element in soup.find_all(id=True)}
    problems = []
    for cell, soup in parsed:
        for link in soup.find_all("a", href=True):
            target, _, anchor = unquote(link["href"]).partition("#")
            if re.match(r"[a-z]+:", target):
                continue
            if target and not (path.parent / target).exists():
                problems.append(f"{where(nb, cell)}: ссылка в никуда — {target}")
            if not target and anchor not in anchors:
                problems.append(f"{where(nb, cell)}: нет заголовка #{anchor}")
    return problems


@check
def absolute_paths(nb: NotebookNode, path: Path) -> list[str]:
    problems = []
    for cell in nb.cells:
        for text in [BASE64.sub(r"\1", cell.source), *(text for _, text in output_texts(cell))]:
            if match := ABSOLUTE.search(text):
                problems.append(f"{where(nb, cell)}: путь этой машины {match.group()}")
    return problems


@check
def remote(nb: NotebookNode, path: Path) -> list[str]:
    return [
        f"{where(nb, cell)}: из сети {found}" for cell, soup in html(nb) for found in remote_resources(soup)
    ]


@check
def cell_length(nb: NotebookNode, path: Path) -> list[str]:
    lengths = [(cell, len(cell.source.splitlines())) for cell in code_cells(nb) if not tags(cell) & GENERATED]
    problems = [
        f"{where(nb, cell)}: {length} строк кода, можно 25" for cell, length in lengths if length > 25
    ]
    problems += [f"{where(nb, cell)}: пустая ячейка кода" for cell, length in lengths if not length]
    if lengths and (median := statistics.median(length for _, length in lengths)) > 10:
        problems.append(f"медиана длины ячеек кода {median:g} строк, можно 10")
    return problems


@check
def amount_of_text(nb: NotebookNode, path: Path) -> list[str]:
    problems = []
    text = re.sub(r"\$\$.*?\$\$|\$[^$\n]+\$", "", prose(nb), flags=re.DOTALL)
    soup = BeautifulSoup(markdown2html(text), "html.parser")
    paragraphs, code = len(soup.find_all("p")), len(code_cells(nb))
    if paragraphs < code:
        problems.append(f"абзацев {paragraphs}, а ячеек кода {code}: нужен хотя бы абзац на ячейку")
    words = len(re.findall(r"[^\W\d_]+(?:-[^\W\d_]+)*", soup.get_text(" ")))
    if not 1500 <= words <= 3000:
        problems.append(f"слов {words}, нужно от 1500 до 3000")
    return problems


@check
def size(nb: NotebookNode, path: Path) -> list[str]:
    bytes_ = path.stat().st_size
    return [] if bytes_ < 2e6 else [f"файл {bytes_ / 1e6:.1f} МБ, можно меньше 2 МБ"]


@check
def nbval_tags(nb: NotebookNode, path: Path) -> list[str]:
    """Несравниваемый вывод — только с причиной и с assert в той же ячейке; пропусков нет."""
    problems = []
    for cell in nb.cells:
        used, place = tags(cell), where(nb, cell)
        if unknown := used - TAGS:
            problems.append(f"{place}: недопустимый тег {', '.join(sorted(unknown))}")
        if re.search(r"#\s*(NBVAL_|PYTEST_VALIDATE)", cell.source):
            problems.append(f"{place}: комментарий NBVAL_… вместо тега")
        if IGNORE in used and not used & REASONS:
            problems.append(f"{place}: тег {IGNORE} без причины (depends-…)")
        if used & REASONS and IGNORE not in used:
            problems.append(f"{place}: причина {', '.join(sorted(used & REASONS))} без тега {IGNORE}")
        if IGNORE in used and not has_assert(cell.source):
            problems.append(f"{place}: вывод не сравнивается, а assert в ячейке нет")
    return problems


@check
def heatmap_asserts(nb: NotebookNode, path: Path) -> list[str]:
    """nbval не сравнивает картинок, поэтому ячейка с тепловой картой сама проверяет свою матрицу."""
    return [
        f"{where(nb, cell)}: тепловая карта без assert на матрицу"
        for cell in code_cells(nb)
        if "ak.heatmap(" in cell.source and not has_assert(cell.source)
    ]


@check
def float_digits(nb: NotebookNode, path: Path) -> list[str]:
    problems = []
    for cell in code_cells(nb):
        for _, text in output_texts(cell) if IGNORE not in tags(cell) else ():
            if match := re.search(r"\d+\.\d{5,}", text):
                problems.append(f"{where(nb, cell)}: число {match.group()} — больше 4 знаков после точки")
    return problems


@check
def sections(nb: NotebookNode, path: Path) -> list[str]:
    """Разделы в конце и ответы под <details> в «Проверьте себя»."""
    parts = re.split(r"^#+\s+(.+)$", prose(nb), flags=re.MULTILINE)
    titles, bodies = [title.strip() for title in parts[1::2]], parts[2::2]
    problems = [f"нет раздела «{name}»" for name in SECTIONS if name not in titles]
    quiz = "".join(body for title, body in zip(titles, bodies, strict=True) if title == SECTIONS[0])
    if not 3 <= quiz.count("<details>") <= 5:
        problems.append(
            f"в «{SECTIONS[0]}» ответов под <details>: {quiz.count('<details>')}, нужно от 3 до 5"
        )
    return problems


@check
def same_in_every_profile(nb: NotebookNode, path: Path) -> list[str]:
    """Профиль меняет только числа в «Параметрах»: ни одна проверка и ни одна ячейка на него не смотрят."""
    return [
        f"{where(nb, cell)}: код зависит от профиля"
        for cell in code_cells(nb)
        if "parameters" not in tags(cell)
        and re.search(r"params\.profile|ak\.profile\(|COURSE_PROFILE|[\"']quick[\"']", cell.source)
    ]
