"""Язык: одно понятие — один термин (notebooks/glossary.md), и текст — русский."""

import re
from pathlib import Path

import nbformat
import pytest
from bs4 import BeautifulSoup
from nbconvert.filters import markdown2html

from conftest import ROOT

GLOSSARY_HEADER = "| Термин | английский | что это | не пишем |"


def glossary(page: str) -> dict[str, str]:
    """{нежелательный вариант: принятый термин} из таблиц глоссария; «основ*» — любое окончание, «—» — нет."""
    variants = {}
    for line in _rows(page):
        term, _, meaning, forbidden = (cell.strip() for cell in line.strip("|").split("|"))
        assert len(meaning.split()) >= 3, f"У термина «{term}» нет пояснения."
        variants |= {variant: term for variant in re.split(r"\s*,\s*", forbidden) if variant != "—"}
    assert variants, "В глоссарии нет ни одного нежелательного варианта."
    return variants


def _rows(page: str) -> list[str]:
    """Строки всех таблиц, кроме заголовков."""
    tables = re.findall(rf"{re.escape(GLOSSARY_HEADER)}\n\|[-| ]+\|\n((?:\|.*\|\n)*)", page)
    return [line for table in tables for line in table.splitlines()]


def forbidden_uses(text: str, variants: dict[str, str]) -> list[str]:
    """Нежелательные варианты в тексте: без учёта регистра и ё/е, целыми словами."""
    text, found = text.lower().replace("ё", "е"), []
    for variant, term in variants.items():
        words = [re.escape(word).replace(r"\*", r"\w*") for word in variant.lower().replace("ё", "е").split()]
        for match in re.finditer(r"\b" + r"\s+".join(words) + r"(?!\w)", text):
            context = text[max(0, match.start() - 30) : match.end() + 30].replace("\n", " ")
            found.append(f"«{match.group()}» вместо «{term}»: …{context}…")
    return found


def english_paragraphs(markdown: str) -> list[str]:
    """Абзацы без русских букв, но хотя бы с четырьмя английскими словами (кроме кода, цитат и списков)."""
    text = re.sub(r"\$\$.*?\$\$|\$[^$\n]+\$", "", markdown, flags=re.DOTALL)
    soup = BeautifulSoup(markdown2html(text), "html.parser")
    for element in soup.find_all(["code", "pre", "li", "blockquote"]):
        element.decompose()
    texts = [paragraph.get_text() for paragraph in soup.find_all("p")]
    return [
        text
        for text in texts
        if not re.search("[а-яё]", text, re.I) and len(re.findall("[a-z]{2,}", text, re.I)) > 3
    ]


def notebook_text(nb: nbformat.NotebookNode) -> str:
    """Всё, что читает читатель: ячейки и их выводы (без картинок)."""
    texts = []
    for cell in nb.cells:
        texts.append(cell.source)
        for output in cell.get("outputs", []):
            data = output.get("data", {}).items()
            texts += [output.get("text", ""), *(text for kind, text in data if kind.startswith("text/"))]
    return "\n".join(re.sub(r"base64,[A-Za-z0-9+/=]+", "", text) for text in texts)


@pytest.fixture(scope="module")
def variants() -> dict[str, str]:
    return glossary((ROOT / "notebooks" / "glossary.md").read_text(encoding="utf-8"))


def test_notebook_terms(notebook: Path, variants: dict[str, str]) -> None:
    assert not forbidden_uses(notebook_text(nbformat.read(notebook, as_version=4)), variants)


def test_notebook_is_in_russian(notebook: Path) -> None:
    cells = nbformat.read(notebook, as_version=4).cells
    assert not [
        text for cell in cells if cell.cell_type == "markdown" for text in english_paragraphs(cell.source)
    ]


def test_pages(variants: dict[str, str]) -> None:
    """README и пояснения глоссария."""
    readme, page = (ROOT / "README.md", ROOT / "notebooks" / "glossary.md")
    guide = ROOT / "notebooks" / "coursework" / "README.md"
    meanings = "\n".join(line.rsplit("|", 2)[0] for line in _rows(page.read_text("utf-8")))
    for text in (readme.read_text("utf-8"), guide.read_text("utf-8"), meanings):
        assert not forbidden_uses(text, variants)
        assert not english_paragraphs(text)


def test_figures_and_messages(variants: dict[str, str]) -> None:
    """Подписи на рисунках и всё, что говорят пакет и сценарии."""
    folders = {
        "images": {".py", ".svg"}, "notebooks/attention_kit": {".py"}, "tools": {".py"},
        "notebooks/coursework": {".py", ".j2"},
    }  # fmt: skip
    found = []
    for folder, suffixes in folders.items():
        paths = [path for path in (ROOT / folder).rglob("*") if path.suffix in suffixes]
        assert paths, f"В папке {folder} нечего проверять."
        for path in paths:
            found += [
                f"{path.name}: {use}" for use in forbidden_uses(path.read_text(encoding="utf-8"), variants)
            ]
    assert not found, "\n".join(found)


# --- сами проверки: подложенные ошибки ---

PAGE = f"""Текст.

{GLOSSARY_HEADER}
|---|---|---|---|
| кодировщик | encoder | превращает текст в векторы | энкодер*, шифратор |
| самовнимание | self-attention | внимание внутри одной последовательности | внутренн* вниман*, само-внимание |

Дальше.

{GLOSSARY_HEADER}
| --- | --- | --- | --- |
| батч | batch | примеры одного шага | — |
"""


def test_glossary_is_read() -> None:
    accepted = {"энкодер*": "кодировщик", "шифратор": "кодировщик"}
    accepted |= {"внутренн* вниман*": "самовнимание", "само-внимание": "самовнимание"}
    assert glossary(PAGE) == accepted
    assert len(_rows(PAGE)) == 3


@pytest.mark.parametrize(
    "text", ["два энкодера", "внутреннего\nвнимания", "Шифратор.", "трансформер-энкодер"]
)
def test_forbidden_variant_is_seen(text: str) -> None:
    assert len(forbidden_uses(text, glossary(PAGE))) == 1


@pytest.mark.parametrize("text", ["кодировщик", "шифраторы", "внимание внутри", "суперэнкодер"])
def test_accepted_term_is_not_reported(text: str) -> None:
    assert not forbidden_uses(text, glossary(PAGE))


@pytest.mark.parametrize("page", ["", PAGE.replace("превращает текст в векторы", "")])
def test_missing_or_empty_glossary_fails(page: str) -> None:
    with pytest.raises(AssertionError, match="глоссарии|пояснения"):
        glossary(page)


def test_notebook_text_includes_code_and_outputs() -> None:
    output = nbformat.v4.new_output("stream", text="энкодер из вывода")
    picture = nbformat.v4.new_output(
        "display_data", {"text/html": '<img alt="энкодер" src="data:,base64,AAAA">'}
    )
    cells = [
        nbformat.v4.new_markdown_cell("энкодер"),
        nbformat.v4.new_code_cell("# энкодер", outputs=[output, picture]),
    ]
    assert len(forbidden_uses(notebook_text(nbformat.v4.new_notebook(cells=cells)), glossary(PAGE))) == 4


def test_english_paragraph_is_seen() -> None:
    assert english_paragraphs("Текст.\n\nThis paragraph was left in English.")
    fine = [
        "# Title in English is not checked",
        "`a b c d e`",
        "- Bahdanau, Cho and Bengio, 2015",
        "BLEU, AER.",
    ]
    fine += ["> I have a dog today", "$$\\text{some long formula here}$$", "Слово and some English words."]
    assert not english_paragraphs("\n\n".join(fine))
