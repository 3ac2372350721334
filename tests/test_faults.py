"""Находит ли прогон ошибки: в копии блокнота ломается маска, форма, записанное число, карта — и он падает.

Новая ошибка — одна строка таблицы FAULTS:

    Fault("01-rnn-attention", "маска", cell="def masked_softmax(", old="-1e9", new="0.0",
          caught="masked_softmax(scores"),

cell — текст, который есть только в одной ячейке кода; old → new — замена в ней (stored=True — в её
записанном выводе). Упасть должна эта же ячейка или, если сломано определение, первая после неё с текстом
caught. Копия обрезается после упавшей ячейки, поэтому чем она раньше, тем быстрее тест. Если перед нею
что-то долго учится, а ей нужны лишь определения, since называет ячейку, с которой копия начинается: до неё
остаются только импорты и определения.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import nbformat
import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from nbval_run import run_nbval

ROOT = Path(__file__).resolve().parent.parent
KINDS = {"маска", "форма", "число", "карта"}  # по ошибке каждого вида в каждом блокноте
GOAL_SECONDS, LIMIT_SECONDS = 15, 60  # цель — на двух ядрах; предел — с запасом на занятую машину


@dataclass(frozen=True)
class Fault:
    notebook: str
    kind: str
    cell: str
    old: str
    new: str
    stored: bool = False
    caught: str = ""
    since: str = ""


FAULTS = [
    Fault("01-rnn-attention", "маска", cell="class AdditiveAttention(", old="-1e9", new="0.0",
          caught="spoiled = states.copy()"),
    Fault("01-rnn-attention", "форма", cell="class AdditiveAttention(", old="[:, :, None]", new="[:, None]",
          caught="attention = AdditiveAttention(7)"),
    Fault("01-rnn-attention", "число", cell="hand_weights = softmax(scores)", old="0.8829", new="0.8830", stored=True),
    Fault("01-rnn-attention", "карта", cell="hand_made =", old="hand_weights, [", new="scores, ["),
    Fault("02-self-attention", "маска", cell="def scaled_dot_product_attention(", old="-1e9", new="0.0",
          caught="masks = {"),
    Fault("02-self-attention", "форма", cell="def split_heads(", old="(parts, (0, 2, 1, 3))", new="(parts, (0, 1, 2, 3))",
          caught="at_once = join_heads("),
    Fault("02-self-attention", "число", cell="hand_output =", old="0.2228", new="0.2229", stored=True),
    Fault("02-self-attention", "карта", cell="hand_map =", old="hand_weights, words", new="q @ k.T, words"),
    Fault("03-transformer-classifier", "маска", cell="class TokenAndPositionEmbedding(", old="not_equal(ids, 0)", new="not_equal(ids, -1)",
          caught="embed = TokenAndPositionEmbedding("),
    Fault("03-transformer-classifier", "форма", cell="def make_vectorizer(", old="ragged=True", new="ragged=False",
          caught="toy = make_vectorizer("),
    Fault("03-transformer-classifier", "число", cell="out, out_padded = block(", old="(1, 3, 8)", new="(1, 3, 9)", stored=True),
    Fault("03-transformer-classifier", "карта", cell="masked = ak.heatmap(", old="mask[:, None]", new="mask[:, :, None]"),
    Fault("06-bert-tfhub", "маска", cell="def mean_over_tokens(", old="mask=tf.cast(mask, tf.bool)", new="mask=None",
          caught="by_hand = np.tanh("),
    Fault("06-bert-tfhub", "форма", cell="def cosines(", old="unit @ unit.T", new="unit.T @ unit", caught="themes = ["),
    Fault("06-bert-tfhub", "число", cell="shapes = {", old="109\u00a0482\u00a0240", new="109\u00a0482\u00a0241", stored=True),
    Fault("06-bert-tfhub", "карта", cell="themes = [", old="cosines(mean)", new="mean @ mean.T"),
    Fault("07-bert-huggingface", "маска", cell="def make_batches(", old="v.to_tensor(shape=shape)", new="v.to_tensor(1, shape=shape)",
          caught="batches = make_batches("),
    Fault("07-bert-huggingface", "форма", cell="def make_batches(", old="tokenizer(list(texts), truncation=True", new="tokenizer(list(texts), truncation=False",
          caught="batches = make_batches("),
    Fault("07-bert-huggingface", "число", cell="def show_encoded(", old="9653", new="9654", stored=True),
    Fault("07-bert-huggingface", "карта", cell="toy_map = ak.heatmap(", old="ak.heatmap(previous,", new="ak.heatmap(previous.T,"),
    Fault("08-bert-tasks", "маска", cell="INPUTS = {", old='"padding_mask": "attention_mask"', new='"padding_mask": "type_ids"',
          caught="classifier = make_classifier()"),
    Fault("08-bert-tasks", "форма", cell="def make_classifier(", old='(encoder.output["pooled_output"])', new='(encoder.output["sequence_output"])',
          caught="classifier = make_classifier()"),
    Fault("08-bert-tasks", "число", cell="classifier = make_classifier()", old="22\u00a0714\u00a0756", new="22\u00a0714\u00a0757", stored=True),
    Fault("08-bert-tasks", "карта", cell="by_words = span_probabilities(", old="span_grid(start_logits, end_logits)",
          new="span_grid(end_logits, start_logits)", since='words = ["Anna"'),
    Fault("09-summary", "маска", cell="def summary(", old='rows["origin"] == "записано"', new='rows["origin"] != ""',
          caught="by_hand = pd.DataFrame("),
    Fault("09-summary", "форма", cell="def summary(", old='"model", "data", "quality"]', new='"model", "quality"]',
          caught="by_hand = pd.DataFrame("),
    Fault("09-summary", "число", cell="by_hand = pd.DataFrame(", old="82.00", new="82.01", stored=True),
    Fault("09-summary", "карта", cell="maps = ak.heatmap(", old="[1, 1, -1, -1]", new="[1, 0, -1, 0]"),
]  # fmt: skip


def plant(nb: NotebookNode, fault: Fault) -> int:
    """Ломает блокнот и возвращает индекс ячейки, которая теперь должна упасть."""
    index = _find(nb, fault.cell)
    cell = nb.cells[index]
    text = json.dumps(cell.outputs, ensure_ascii=False) if fault.stored else cell.source
    assert fault.old in text, f"{fault.kind}: в ячейке «{fault.cell}» нет текста «{fault.old}»."
    if fault.stored:
        cell.outputs = nbformat.from_dict(json.loads(text.replace(fault.old, fault.new)))
    else:
        cell.source = text.replace(fault.old, fault.new)
    return _find(nb, fault.caught, start=index + 1) if fault.caught else index


def _find(nb: NotebookNode, text: str, start: int | None = None) -> int:
    """Единственная ячейка кода с этим текстом; со start — первая, начиная с него."""
    found = [
        index
        for index, cell in enumerate(nb.cells)
        if cell.cell_type == "code" and text in cell.source and index >= (start or 0)
    ]
    assert found, f"Ячейки с текстом «{text}» нет."
    assert start is not None or len(found) == 1, f"Ячеек с текстом «{text}» несколько: {len(found)}."
    return found[0]


def run_copy(nb: NotebookNode, last: int, since: str, folder: Path) -> tuple[set[int], int, float]:
    """Прогоняет ячейки до last включительно (до since — только определения).

    Возвращает номера упавших ячеек кода, номер последней, секунды.
    """
    first = _find(nb, since) if since else 0
    nb.cells = [
        cell
        for index, cell in enumerate(nb.cells[: last + 1])
        if index >= first or "definition" in cell.metadata.get("tags", [])
    ]
    (folder / "notebooks").mkdir(parents=True)
    (folder / "images").symlink_to(ROOT / "images")  # блокноты ссылаются на ../images и data
    (folder / "notebooks" / "data").symlink_to(ROOT / "notebooks" / "data")
    copy = folder / "notebooks" / "copy.ipynb"
    nbformat.write(nb, copy)
    run = run_nbval(copy, folder, LIMIT_SECONDS)
    return set(run.failures), sum(cell.cell_type == "code" for cell in nb.cells), run.seconds


def check_fault(path: Path, fault: Fault, folder: Path) -> float:
    """Сломанная копия падает ровно в нужной ячейке; возвращает секунды."""
    nb = nbformat.read(path, as_version=4)
    failed, last, seconds = run_copy(nb, plant(nb, fault), fault.since, folder)
    assert failed, f"{fault.kind}: ошибка в ячейке «{fault.cell}» не замечена."
    assert failed == {last}, f"{fault.kind}: упали ячейки кода {sorted(failed)}, а должна была одна {last}."
    return seconds


def check_unbroken(path: Path, faults: Iterable[Fault], folder: Path) -> float:
    """Целая копия до последней из этих ячеек проходит — значит, сломанные падают из-за ошибки."""
    total, faults = 0.0, list(faults)
    for number, since in enumerate(sorted({fault.since for fault in faults})):
        last = max(
            plant(nbformat.read(path, as_version=4), fault) for fault in faults if fault.since == since
        )
        nb = nbformat.read(path, as_version=4)
        failed, _, seconds = run_copy(nb, last, since, folder / str(number))
        assert not failed, f"В целой копии упали ячейки кода {sorted(failed)}."
        total += seconds
    return total


def note(seconds: float) -> str:
    return f"{seconds:.0f} с" + (f" (цель {GOAL_SECONDS} с)" if seconds > GOAL_SECONDS else "")


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: f"{fault.notebook}-{fault.kind}")
def test_fault_is_caught(fault: Fault, tmp_path: Path, record_property) -> None:
    seconds = check_fault(ROOT / "notebooks" / f"{fault.notebook}.ipynb", fault, tmp_path)
    record_property("summary", f"{fault.notebook}, ошибка «{fault.kind}»: найдена за {note(seconds)}")


def test_unbroken_copy_passes(notebook: Path, tmp_path: Path, record_property) -> None:
    faults = [fault for fault in FAULTS if fault.notebook == notebook.stem]
    missing = KINDS - {fault.kind for fault in faults}
    assert not missing, f"В FAULTS нет ошибок для {notebook.stem}: {', '.join(sorted(missing))}."
    seconds = check_unbroken(notebook, faults, tmp_path)
    record_property("summary", f"{notebook.stem}, целая копия: проходит за {note(seconds)}")


# --- сам механизм — на маленьком блокноте ---


@pytest.fixture
def sample(tmp_path: Path) -> Path:
    def cell(number: int, source: str, text: str = "", **metadata) -> NotebookNode:
        outputs = [new_output("stream", text=text)] if text else []
        return new_code_cell(source, execution_count=number, outputs=outputs, metadata=metadata)

    cells = [
        new_markdown_cell("mask"),
        cell(1, "def mask(n):\n    return [1] * n  # ones", tags=["definition"]),
        cell(2, "total = sum(mask(3))\nprint(total)", "3\n"),
        cell(3, "assert total == 3"),
        cell(4, "raise SystemError('сюда копия не доходит')"),
        cell(5, "wide = mask(2)\nassert wide == [1, 1]"),
    ]
    nbformat.write(new_notebook(cells=cells), tmp_path / "sample.ipynb")
    return tmp_path / "sample.ipynb"


CAUGHT = {
    "определение": Fault("sample", "маска", "def mask", "[1]", "[2]", caught="mask("),
    "вывод": Fault("sample", "число", "print(total)", "3", "4", stored=True),
    "код": Fault("sample", "карта", "assert total", "== 3", "== 4"),
    "не с начала": Fault("sample", "карта", "wide =", "mask(2)", "mask(3)", since="wide ="),
}


@pytest.mark.parametrize("name", CAUGHT)
def test_mechanism_sees_a_caught_fault(sample: Path, tmp_path: Path, name: str) -> None:
    check_fault(sample, CAUGHT[name], tmp_path)


def test_mechanism_runs_the_unbroken_copy(sample: Path, tmp_path: Path) -> None:
    check_unbroken(sample, CAUGHT.values(), tmp_path)


def test_mechanism_rejects_a_failing_original(sample: Path, tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="В целой копии упали"):
        check_unbroken(sample, [Fault("sample", "число", "raise", "сюда", "туда")], tmp_path)


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        (Fault("sample", "маска", "def mask", "# ones", "# единицы"), "не замечена"),
        (Fault("sample", "маска", "def mask", "[1]", "[2]", caught="assert"), "упали ячейки кода"),
        (Fault("sample", "маска", "def mask", "нет такого", ""), "нет текста"),
    ],
)
def test_mechanism_rejects_a_bad_row(sample: Path, tmp_path: Path, fault: Fault, message: str) -> None:
    with pytest.raises(AssertionError, match=message):
        check_fault(sample, fault, tmp_path)
