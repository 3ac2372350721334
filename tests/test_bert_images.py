"""Рисунки о BERT: числа и тексты на них — настоящие, надписи не обрезаны и не накладываются."""

import importlib
import json
import math
import re
import sys
from collections.abc import Callable
from functools import cache
from itertools import combinations, pairwise
from pathlib import Path

import attention_kit as ak
import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.text import Text

IMAGES = Path(__file__).resolve().parents[1] / "images"
sys.path.insert(0, str(IMAGES))
BERT, TRANSFER, SHAPES = map(importlib.import_module, ("bert", "transfer", "shapes"))
FIGURES = BERT.FIGURES | TRANSFER.FIGURES
SMALLEST_FONT = 8.5  # как на прежних рисунках


@pytest.fixture(scope="module")
def minilm() -> ak.MiniLM:
    """У MiniLM словарь bert-base-uncased."""
    return ak.load_minilm()


def draw(make: Callable[[], Figure]) -> Figure:
    with mpl.rc_context({**mpl.rcParamsDefault, **SHAPES.STYLE, "backend": "agg"}):
        figure = make()
        FigureCanvasAgg(figure).draw()
    return figure


@cache
def drawn(name: str) -> Figure:
    return draw(FIGURES[name])


def texts(name: str) -> list[str]:
    """Надписи рисунка; пробелы внутри чисел — обычные."""
    return [text.get_text().replace("\u00a0", " ") for text in drawn(name).findobj(Text)]


def faults(figure: Figure) -> list[str]:
    """Надписи, которые мелки, вышли за край или легли одна на другую."""
    labels = [text for text in figure.findobj(Text) if text.get_text().strip()]
    found = [f"мелко: {text.get_text()}" for text in labels if text.get_fontsize() < SMALLEST_FONT]
    frames = [(text.get_text(), text.get_window_extent().padded(-0.5)) for text in labels]
    edge = figure.bbox
    for text, frame in frames:
        if frame.x0 < 1 or frame.y0 < 1 or frame.x1 > edge.x1 - 1 or frame.y1 > edge.y1 - 1:
            found.append(f"за краем: {text}")
    overlapping = [(one[0], other[0]) for one, other in combinations(frames, 2) if one[1].overlaps(other[1])]
    return found + [f"внахлёст: {one} — {other}" for one, other in overlapping]


@pytest.mark.parametrize("name", FIGURES)
def test_labels_are_readable(name):
    assert not faults(drawn(name))


def test_unreadable_labels_would_be_noticed():
    def bad() -> Figure:
        figure, ax = SHAPES.canvas(4, 4)
        SHAPES.label(ax, 2, 3, "мелко", fontsize=8)
        SHAPES.label(ax, 0.1, 2, "обрезано")
        SHAPES.label(ax, 2, 1, "одно")
        SHAPES.label(ax, 2.2, 1.1, "другое")
        return figure

    assert faults(draw(bad)) == ["мелко: мелко", "за краем: обрезано", "внахлёст: одно — другое"]


@pytest.mark.parametrize("name", FIGURES)
def test_description_tells_only_what_is_drawn(name):
    """Каждое число описания стоит на рисунке (в маленьких целых ошибиться негде)."""
    alt = json.loads((IMAGES / "alt.json").read_text(encoding="utf-8"))[name].replace("\u00a0", " ")
    shown = " ".join(texts(name))
    numbers = re.findall(r"\d{1,3}(?: \d{3})+|\d+,\d+|\d{3,}|\d+ %", alt)
    assert numbers and not [number for number in numbers if number not in shown]


# --- вход ---


def test_input_is_what_the_tokenizer_gives(minilm):
    encoded = minilm.tokenizer.encode(*BERT.SENTENCES)
    padding = len(BERT.PIECES) - len(encoded.ids)
    assert padding == 2
    assert [piece for piece, _ in BERT.PIECES] == encoded.tokens + ["[PAD]"] * padding
    assert [number for _, number in BERT.PIECES] == encoded.ids + [0] * padding
    assert encoded.attention_mask + [0] * padding == BERT.MASK
    assert encoded.type_ids + [0] * padding == BERT.TYPES
    shown = texts("bert-inputs")
    assert [text for text in shown if re.fullmatch(r"\d+", text)][:12] == [str(n) for _, n in BERT.PIECES]


# --- предобучение ---


def test_masking_follows_the_rule(minilm):
    pieces = BERT.TEXT.split()
    words = [piece for piece in pieces if not piece.startswith("[")]
    assert minilm.tokenizer.encode(" ".join(words)).tokens[1:-1] == words  # каждое слово — один кусок
    assert len(BERT.CHOSEN) == round(0.15 * len(words)) == 2 and len(words) == 13
    assert all(pieces[place] in words for place in BERT.CHOSEN)
    vocabulary = minilm.tokenizer.get_vocab()
    assert len(vocabulary) == BERT.VOCABULARY
    assert set(BERT.CHOSEN.values()) | {word for guess in BERT.GUESSES.values() for word in guess} <= set(
        vocabulary
    )


def test_guesses_are_distributions_and_losses_are_their_logarithms():
    pieces, shown = BERT.TEXT.split(), " ".join(texts("masked-words"))
    for place, guesses in BERT.GUESSES.items():
        assert next(iter(guesses)) == pieces[place] == max(guesses, key=guesses.get)
        assert sum(guesses.values()) < 1
        assert all(one > other for one, other in pairwise(guesses.values()))
    assert math.isclose(sum(BERT.NEXT.values()), 1)
    assert "pooler" in shown  # голова второй задачи стоит за ним
    for share in (0.62, 0.31, 0.98):
        assert f"−ln {share} = {-math.log(share):.2f}".replace(".", ",") in shown


# --- семейство ---


def test_weights_are_counted_right(minilm):
    """Сверка: настоящие веса MiniLM и числа классов TensorFlow из transformers 4.53.3 для каждого размера."""
    counts = {sizes.name: sum(BERT.weights(sizes)) for sizes in BERT.FAMILY}
    assert counts == {
        "BERT-large": 335_141_888,
        "BERT-base": 109_482_240,
        "DistilBERT": 66_362_880,
        "MiniLM": 22_713_216,
        "small_bert": 4_782_464,
    }
    sizes = {sizes.name: sizes for sizes in BERT.FAMILY}["MiniLM"]
    real = {name: array.size for name, array in minilm.weights.items()}
    embeddings = sum(size for name, size in real.items() if "embeddings" in name)
    assert BERT.weights(sizes) == (embeddings, sum(real.values()) - embeddings)
    assert (sizes.layers, sizes.width, sizes.heads) == tuple(
        minilm.config[k] for k in ("layers", "width", "heads")
    )


def test_family_shows_its_counts():
    shown = texts("bert-family")
    for sizes in BERT.FAMILY:
        embeddings, total = BERT.weights(sizes)[0], sum(BERT.weights(sizes))
        assert f"{total / 1e6:.1f}".replace(".", ",") in shown
        assert f"эмбеддинги — {embeddings / total:.0%}".replace("%", " %") in shown


def test_towers_are_drawn_to_scale():
    """Этажей — сколько слоёв, длина этажа пропорциональна ширине; полосы пропорциональны весам."""
    patches = [patch for patch in drawn("bert-family").axes[0].patches if isinstance(patch, Rectangle)]
    floors = [patch.get_width() for patch in patches if patch.get_height() == 0.225]
    assert [round(floor / floors[0] * 1024) for floor in floors] == [
        s.width for s in BERT.FAMILY for _ in range(s.layers)
    ]
    bars = [patch.get_width() for patch in patches if patch.get_height() == 0.4]
    counted = [count for sizes in BERT.FAMILY for count in BERT.weights(sizes)]
    assert np.allclose(np.divide(bars, bars[0]), np.divide(counted, counted[0]))


# --- головы ---


def test_examples_are_cut_as_the_tokenizer_cuts(minilm):
    for task in BERT.TASKS:
        first, *second = [part.split() for part in task.text[5:-5].split(" [SEP] ") if part.strip()]
        sentences = [" ".join(part).replace(" ##", "") for part in (first, *second)]
        assert minilm.tokenizer.encode(*sentences).tokens == task.text.split()


def test_heads_have_their_weights():
    shown = texts("bert-heads")
    for task, count in zip(BERT.TASKS, ("3 076", "2 307", "5 383", "1 538"), strict=True):
        assert (
            BERT.head_weights(task.outputs)
            == 768 * task.outputs + task.outputs
            == int(count.replace(" ", ""))
        )
        assert f"новых весов {count}" in shown
    assert sum(BERT.weights(BERT.FAMILY[1])) + BERT.head_weights(4) == 109_485_316  # bert-base и 4 рубрики


def test_tags_and_span_fit_their_pieces():
    tagged, asked = (task.text.split() for task in BERT.TASKS[2:])
    skipped = [piece.startswith(("[", "##")) for piece in tagged]
    assert [tag == "—" for tag in BERT.TAGS] == skipped
    assert BERT.TASKS[2].outputs == 1 + 2 * 3  # O и B/I для человека, организации, места
    start, end = np.argmax(BERT.START), np.argmax(BERT.END)
    assert asked[start : end + 1] == ["marie", "cu", "##rie"]
    assert len(BERT.START) == len(BERT.END) == len(asked)
    assert math.isclose(sum(BERT.START), 1) and math.isclose(sum(BERT.END), 1)


# --- перенос обучения ---


def test_memory_is_counted_right():
    shown = " ".join(texts("finetune-or-freeze"))
    features = np.zeros((1000, 768), np.float32)
    assert f"1 000 текстов занимают {features.nbytes / 1e6:.0f} МБ" in shown
    assert "109 485 316" in shown and f"{109_485_316 * 16 / 1e9:.2f} ГБ".replace(".", ",") in shown


def test_schedule_warms_up_and_decays():
    """По батчам — до верху и до нуля; по примерам за те же батчи — меньше трети."""
    batches, examples = TRANSFER.BATCHES, TRANSFER.EXAMPLES * TRANSFER.EPOCHS
    assert (batches, examples) == (300, 9600)
    planned = [TRANSFER.schedule(step, batches) for step in range(batches + 1)]
    assert planned[0] == planned[-1] == 0 and planned.index(max(planned)) == 30 and max(planned) == 1
    assert np.allclose(np.diff(planned[:31]), 1 / 30) and np.allclose(np.diff(planned[30:]), -1 / 270)
    wrong = [TRANSFER.schedule(step, examples) for step in range(batches + 1)]
    assert np.allclose(np.diff(wrong), 1 / 960) and wrong[-1] == 0.3125
    assert {"31 %", "30", "300", "960"} <= set(texts("warmup-schedule"))
