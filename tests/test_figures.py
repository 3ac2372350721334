"""Рисунки: из неверных данных рисунок не получается, из верных — ровно то, что в матрице."""

import os
import re
import subprocess
import sys
import warnings
from io import BytesIO
from itertools import pairwise
from types import SimpleNamespace

import attention_kit as ak
import numpy as np
import pytest
from attention_kit import figures
from matplotlib import pyplot as plt
from matplotlib.patches import Rectangle
from PIL import Image

SOURCE, TARGET = ["у", "меня", "есть", "кошка"], ["i", "have", "a", "$cat$"]
WEIGHTS = np.array([[0.2, 0.7, 0.1, 0.0], [0.1, 0.1, 0.8, 0.0], [0.0, 0.0, 0.5, 0.5], [0.0, 0.0, 0.1, 0.9]])


def texts(labels) -> list[str]:
    return [label.get_text() for label in labels]


def outlines(ax) -> dict[tuple[int, int], str]:
    """{(строка, столбец): вид линии} обведённых клеток."""
    found = [patch for patch in ax.patches if isinstance(patch, Rectangle)]
    return {(round(p.get_y() + 0.4), round(p.get_x() + 0.4)): p.get_linestyle() for p in found}


def test_heatmap_rows_are_target_and_columns_source():
    ax = ak.heatmap(WEIGHTS[:3], SOURCE, TARGET[:3], title="5 $ и $").axes[0]
    assert texts(ax.get_xticklabels()) == SOURCE
    assert texts(ax.get_yticklabels()) == TARGET[:3]
    assert np.array_equal(ax.images[0].get_array(), WEIGHTS[:3])
    assert ax.images[0].get_clim() == (0, 1)
    assert ax.get_ylim() == (2.5, -0.5)  # первое слово — вверху
    assert ax.child_axes[0].get_ylabel() == "вес внимания"


def test_heatmap_is_drawn_where_it_is_asked():
    figure, (_, right) = plt.subplots(1, 2)
    assert ak.heatmap(WEIGHTS, SOURCE, TARGET, ax=right) is figure and len(right.images) == 1
    plt.close(figure)


def gold(sure: set, possible: set) -> SimpleNamespace:
    return SimpleNamespace(sure=sure, possible=possible)


def test_gold_links_are_outlined():
    links = gold({(0, 1), (3, 3)}, {(0, 1), (2, 3)})
    ax = ak.heatmap(WEIGHTS, SOURCE, TARGET, gold=links).axes[0]
    found = outlines(ax)
    assert set(found) == {(0, 1), (3, 3), (2, 3)}
    assert found[0, 1] == found[3, 3] == "-"
    assert found[2, 3] != "-"
    assert texts(ax.get_legend().get_texts()) == ["точная связь", "возможная связь"]


@pytest.mark.parametrize("size", [1, 12, 40])
def test_labels_are_readable_and_do_not_collide(size):
    words = (["достопримечательность", "я", "который", "дом"] * 10)[:size]
    figure = ak.heatmap(np.eye(size), words, words, gold=gold({(0, 0)}, set()))
    assert Image.open(BytesIO(figures.png(figure))).width <= 900
    labels = figure.axes[0].get_yticklabels()
    assert all(label.get_fontsize() >= 7 for label in labels)
    boxes = [label.get_window_extent() for label in labels]
    assert all(upper.y0 >= lower.y1 - 1.5 for upper, lower in pairwise(boxes))


def row(*values: float) -> np.ndarray:
    return np.array([values, values])


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        (WEIGHTS[None], r"формы \(1, 4, 4\).*weights\[0\]"),
        (WEIGHTS[:1], "1×4 меньше, чем слов"),
        (np.full((4, 2), 0.5), "транспонировать"),
        (row(np.nan, 0, 0, 1), "строке 0 .*NaN"),
        (row(1.5, -0.5, 0, 0), "строке 0 есть отрицательный вес.*до softmax"),
        (row(1, 1, 1, 1), "Сумма строки 0 .* равна 4, .*не веса после softmax"),
        (np.array([[0.25] * 4, [0] * 4]), "Сумма строки 1 .* равна 0, .*строки дополнения"),
        (row(0.1, 0.2, 0.2, 0.2, 0.3), "равна 0.7, .*ушёл на дополнение"),
        (row(0.5, 0.5, 0.5, 0.5), "суммы столбцов"),
    ],
)
def test_heatmap_refuses_wrong_weights(weights, message):
    with pytest.raises(ValueError, match=message):
        ak.heatmap(weights, SOURCE, TARGET[:2])


@pytest.mark.parametrize(
    ("source", "target", "message"),
    [
        (SOURCE, [], "переводе нет ни одного слова"),
        ("у меня", TARGET, "списком"),
        (SOURCE, [5, 6, 7, 8], "номерами"),
    ],
)
def test_heatmap_refuses_wrong_labels(source, target, message):
    with pytest.raises(ValueError, match=message):
        ak.heatmap(WEIGHTS, source, target)


def test_heatmap_refuses_links_outside():
    with pytest.raises(ValueError, match="выходит за матрицу 4×4"):
        ak.heatmap(WEIGHTS, SOURCE, TARGET, gold=gold(set(), {(0, 4)}))


def heads(*shape: int) -> np.ndarray:
    """Случайные веса (…, T, T) с единичными суммами строк."""
    weights = np.random.default_rng(0).random(shape)
    return weights / weights.sum(axis=-1, keepdims=True)


def panels(figure) -> list:
    return [ax for ax in figure.axes if ax.images and ax.get_label() != "<colorbar>"]


def test_head_grid_rows_are_layers_and_columns_heads():
    weights = heads(2, 3, 4, 4)
    figure = ak.head_grid(weights, SOURCE, title="5 $ и $")
    axes = panels(figure)
    assert np.array_equal([ax.images[0].get_array() for ax in axes], weights.reshape(6, 4, 4))
    left, top = np.array([(ax.get_position().x0, ax.get_position().y1) for ax in axes]).reshape(2, 3, 2).T
    assert (np.diff(left, axis=0) > 0).all() and (np.diff(top, axis=1) < 0).all()
    assert [ax.get_title() for ax in axes] == ["голова 1", "2", "3", "", "", ""]
    assert [ax.get_ylabel() for ax in axes] == ["слой 1", "", "", "слой 2", "", ""]
    assert {ax.images[0].get_clim() for ax in axes} == {(0, 1)}
    assert [texts(ax.get_yticklabels()) for ax in axes] == [SOURCE, [], []] * 2
    assert [texts(ax.get_xticklabels()) for ax in axes] == [[]] * 3 + [SOURCE] * 3
    assert "5 $ и $" in texts(figure.texts)


def test_head_grid_of_one_layer_cuts_padding_off():
    weights = np.zeros((2, 6, 6))
    weights[:, :4, :4] = heads(2, 4, 4)
    axes = panels(ak.head_grid(weights, SOURCE))
    assert np.array_equal([ax.images[0].get_array() for ax in axes], weights[:, :4, :4])
    assert [ax.get_ylabel() for ax in axes] == ["", ""]


def test_large_head_grid_lists_its_words_below():
    words = [f"слово{number}" for number in range(15)]
    figure = ak.head_grid(heads(6, 12, 15, 15), words)
    assert not texts(panels(figure)[0].get_yticklabels())
    assert texts(figure.texts) == ["Слова: " + " ".join(words)]
    assert Image.open(BytesIO(figures.png(figure))).width <= 900


@pytest.mark.parametrize(
    ("weights", "tokens", "message"),
    [
        (heads(4, 4), SOURCE, r"формы \(4, 4\).*weights\[0\]"),
        (heads(2, 3, 3), SOURCE, "меньше, чем слов"),
        (heads(2, 4, 4) * 2, SOURCE, "Сумма строки 0"),
    ],
)
def test_head_grid_refuses(weights, tokens, message):
    with pytest.raises(ValueError, match=message):
        ak.head_grid(weights, tokens)


def test_training_curve():
    history = {"loss": [3, 2], "accuracy": [0.1, 0.2], "val_loss": [3.5, 2.5]}
    loss, accuracy = ak.training_curve(history, "Обучение").axes
    assert (loss.get_ylabel(), accuracy.get_ylabel()) == ("потери", "доля верных ответов")
    assert [list(line.get_ydata()) for line in loss.lines] == [[3, 2], [3.5, 2.5]]
    assert list(loss.lines[0].get_xdata()) == [1, 2]
    assert texts(loss.get_legend().get_texts()) == ["обучение", "проверка"]


@pytest.mark.parametrize(
    ("history", "message"),
    [({}, "пуста"), ({"loss": [1, float("nan")]}, "loss в эпохе 2")],
)
def test_training_curve_refuses(history, message):
    with pytest.raises(ValueError, match=message):
        ak.training_curve(history)


def test_quality_by_length_with_groups():
    curves = {"с вниманием": [("1–5", 99, 10), ("6–10", 95, 8)], "без внимания": [("6–10", 20)]}
    ax = ak.quality_by_length(curves, "BLEU", split_at="1–5").axes[0]
    with_attention, without, edge = ax.lines
    assert (list(with_attention.get_xdata()), list(with_attention.get_ydata())) == ([0, 1], [99, 95])
    assert (list(without.get_xdata()), list(without.get_ydata())) == ([1], [20])
    assert edge.get_xdata()[0] == 0.5
    assert "длиннее обучающих" in ax.texts[0].get_text()
    assert (ax.get_ylabel(), ax.get_ylim()[0]) == ("BLEU", 0)


@pytest.mark.parametrize(
    ("curves", "split_at", "message"),
    [
        ({}, None, "Нет точек"),
        ({"модель": [("1–5", float("nan"))]}, None, "«модель» есть NaN"),
        ({"модель": [("1–5", 1)]}, "6–10", "группы длин «6–10»; есть: 1–5"),
    ],
)
def test_quality_by_length_refuses(curves, split_at, message):
    with pytest.raises(ValueError, match=message):
        ak.quality_by_length(curves, "BLEU", split_at)


@pytest.fixture
def shown(monkeypatch) -> list[str]:
    """HTML всего показанного."""
    pages = []
    monkeypatch.setattr("IPython.display.display", lambda page: pages.append(page.data))
    return pages


def test_show_embeds_a_figure_and_closes_it(shown):
    figure = plt.figure()
    ak.show(figure, 'Карта: «да» & "нет" <5>')
    assert not plt.fignum_exists(figure.number)
    assert re.fullmatch(
        r'<img alt="Карта: «да» &amp; &quot;нет&quot; &lt;5&gt;" src="data:image/png;base64,[\w+/=]+">',
        shown[0],
    )


def test_show_embeds_files(tmp_path, shown):
    (tmp_path / "a.gif").write_bytes(b"GIF89a")
    ak.show(tmp_path / "a.gif", "Анимация")
    ak.show(str(tmp_path / "a.gif"), "Анимация")
    assert shown == ['<img alt="Анимация" src="data:image/gif;base64,R0lGODlh">'] * 2


@pytest.mark.parametrize(
    ("name", "alt", "message"),
    [("a.gif", " ", "описание"), ("a.svg", "Схема", "PNG или GIF"), ("b.png", "Схема", "b.png нет")],
)
def test_show_refuses(tmp_path, name, alt, message):
    for suffix in ("gif", "svg"):
        (tmp_path / f"a.{suffix}").touch()
    with pytest.raises(ValueError, match=message):
        ak.show(tmp_path / name, alt)


def test_course_image_is_shown_with_its_own_alt(tmp_path, monkeypatch, shown):
    monkeypatch.setattr(figures, "IMAGES", tmp_path)
    (tmp_path / "схема.png").write_bytes(b"PNG")
    (tmp_path / "alt.json").write_text('{"схема": "Описание схемы"}', encoding="utf-8")
    assert ak.image("схема") == tmp_path / "схема.png"
    ak.show_image("схема")
    assert 'alt="Описание схемы"' in shown[0]
    with pytest.raises(ValueError, match="«другая» в курсе нет; есть: схема"):
        ak.image("другая")


# --- чужие настройки, длинные подписи, незнакомые знаки ---


def width(figure) -> int:
    return Image.open(BytesIO(figures.png(figure))).width


@pytest.mark.parametrize("draw", ["карта", "сетка", "кривая"])
def test_long_title_and_words_wrap(draw):
    words, title = [f"слово{i}" for i in range(42)], "очень длинное название рисунка " * 9
    uniform = np.full((42, 42), 1 / 42)
    figure = {
        "карта": lambda: ak.heatmap(uniform, words, words, title=title),
        "сетка": lambda: ak.head_grid(np.stack([uniform] * 4), words, title=title),
        "кривая": lambda: ak.training_curve({"loss": [2, 1]}, title=title),
    }[draw]()
    assert width(figure) < 1100


def test_signs_that_the_font_lacks_become_codes(capsys):
    figures.glyph.cache_clear()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        figure = ak.heatmap(np.eye(2), ["кот", "貓"], ["cat", "貓"], title="貓")
        figures.png(figure)
    assert texts(figure.axes[0].get_xticklabels()) == ["кот", "U+8C93"]
    assert capsys.readouterr().out.count("U+8C93") == 1


SETTINGS = ["text.usetex: True", "font.family: Нет такого", "axes.facecolor: black", "figure.dpi: 300"]


@pytest.mark.parametrize("setting", SETTINGS)
def test_style_of_the_reader_changes_nothing(tmp_path, setting):
    code = """
import hashlib, attention_kit as ak
from attention_kit import figures
print(hashlib.sha256(figures.png(ak.training_curve({"loss": [2, 1]}, title="Кривая"))).hexdigest())
"""
    shown = []
    for text in ("", setting):
        (tmp_path / "matplotlibrc").write_text(text, encoding="utf-8")
        environment = os.environ | {"MATPLOTLIBRC": str(tmp_path / "matplotlibrc")}
        command = [sys.executable, "-W", "error::UserWarning", "-c", code]
        shown.append(subprocess.run(command, check=True, env=environment, capture_output=True).stdout)
    assert shown[0] == shown[1]
