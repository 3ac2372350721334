"""Язык: одно понятие — один термин (глоссарий README), и текст — русский."""

import re
from pathlib import Path

import nbformat
import pytest
from bs4 import BeautifulSoup
from nbconvert.filters import markdown2html

from conftest import ROOT

GLOSSARY_HEADER = "| Термин | английский | не пишем |"


def glossary(readme: str) -> dict[str, str]:
    """{нежелательный вариант: принятый термин} из таблицы README; «основ*» — любое окончание, «—» — нет."""
    assert GLOSSARY_HEADER in readme, f"В README нет таблицы «{GLOSSARY_HEADER}»."
    variants = {}
    for line in _table(readme).splitlines()[2:]:
        term, _, forbidden = (cell.strip() for cell in line.strip().strip("|").split("|"))
        variants |= {variant: term for variant in re.split(r"\s*,\s*", forbidden) if variant not in ("", "—")}
    assert variants, "В глоссарии README нет ни одного нежелательного варианта."
    return variants


def _table(readme: str) -> str:
    start = readme.index(GLOSSARY_HEADER)
    return re.match(r"(?:\|.*\n?)+", readme[start:]).group()


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
def readme() -> str:
    return (ROOT / "README.md").read_text(encoding="utf-8")


def test_notebook_terms(notebook: Path, readme: str) -> None:
    assert not forbidden_uses(notebook_text(nbformat.read(notebook, as_version=4)), glossary(readme))


def test_notebook_is_in_russian(notebook: Path) -> None:
    cells = nbformat.read(notebook, as_version=4).cells
    assert not [
        text for cell in cells if cell.cell_type == "markdown" for text in english_paragraphs(cell.source)
    ]


def test_readme(readme: str) -> None:
    assert not forbidden_uses(readme.replace(_table(readme), ""), glossary(readme))
    assert not english_paragraphs(readme)


def test_figures_and_messages(readme: str) -> None:
    """Подписи на рисунках и всё, что говорят пакет и сценарии."""
    folders = {"images": {".py", ".svg"}, "notebooks/attention_kit": {".py"}, "tools": {".py"}}
    found = []
    for folder, suffixes in folders.items():
        paths = [path for path in (ROOT / folder).rglob("*") if path.suffix in suffixes]
        assert paths, f"В папке {folder} нечего проверять."
        for path in paths:
            found += [
                f"{path.name}: {use}"
                for use in forbidden_uses(path.read_text(encoding="utf-8"), glossary(readme))
            ]
    assert not found, "\n".join(found)


# --- сами проверки: подложенные ошибки ---

README = f"""Текст.

{GLOSSARY_HEADER}
|---|---|---|
| кодировщик | encoder | энкодер*, шифратор |
| самовнимание | self-attention | внутренн* вниман*, само-внимание |
| батч | batch | — |

Дальше.
"""


def test_glossary_is_read() -> None:
    accepted = {"энкодер*": "кодировщик", "шифратор": "кодировщик"}
    accepted |= {"внутренн* вниман*": "самовнимание", "само-внимание": "самовнимание"}
    assert glossary(README) == accepted
    assert "Дальше" not in _table(README)


@pytest.mark.parametrize(
    "text",
    [
        "Энкодер читает",
        "два энкодера",
        "внутреннего\nвнимания",
        "Само-внимание",
        "шифратор.",
        "трансформер-энкодер",
    ],
)
def test_forbidden_variant_is_seen(text: str) -> None:
    assert len(forbidden_uses(text, glossary(README))) == 1


@pytest.mark.parametrize(
    "text", ["кодировщик", "шифраторы", "внимание внутри", "самовнимание", "суперэнкодер"]
)
def test_accepted_term_is_not_reported(text: str) -> None:
    assert not forbidden_uses(text, glossary(README))


@pytest.mark.parametrize(
    "readme", ["", README.replace("не пишем", "нельзя"), f"{GLOSSARY_HEADER}\n|---|---|---|\n"]
)
def test_missing_or_empty_glossary_fails(readme: str) -> None:
    with pytest.raises(AssertionError, match="README"):
        glossary(readme)


def test_notebook_text_includes_code_and_outputs() -> None:
    output = nbformat.v4.new_output("stream", text="энкодер из вывода")
    picture = nbformat.v4.new_output(
        "display_data", {"text/html": '<img alt="энкодер" src="data:,base64,AAAA">'}
    )
    cells = [
        nbformat.v4.new_markdown_cell("энкодер"),
        nbformat.v4.new_code_cell("# энкодер", outputs=[output, picture]),
    ]
    assert len(forbidden_uses(notebook_text(nbformat.v4.new_notebook(cells=cells)), glossary(README))) == 4


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
