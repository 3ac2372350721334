"""Просмотр внимания: неподвижная сетка всегда, выбор — если есть ipywidgets."""

import re
import sys

import attention_kit as ak
import ipywidgets
import numpy as np
import pytest
from attention_kit import viewer
from bs4 import BeautifulSoup

from hygiene import remote_resources


def example(words: str, seed: int) -> tuple[np.ndarray, list[str]]:
    tokens = words.split()
    weights = np.random.default_rng(seed).random((2, 3, len(tokens), len(tokens)))
    return weights / weights.sum(axis=-1, keepdims=True), tokens


EXAMPLES = {"мама мыла раму": example("мама мыла раму", 0), "кот спит": example("кот спит", 1)}


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> list:
    """Всё показанное: HTML-объекты и словари MIME."""
    items = []
    monkeypatch.setattr("IPython.display.display", lambda item, **_: items.append(item))
    return items


@pytest.fixture
def widgets(monkeypatch: pytest.MonkeyPatch) -> list:
    """Созданные виджеты целиком."""
    made, controls = [], viewer.widget_controls
    monkeypatch.setattr(viewer, "widget_controls", lambda *args: made.append(controls(*args)) or made[-1])
    return made


def test_static_grid_comes_first_and_widget_has_no_text(shown: list) -> None:
    ak.attention_viewer(EXAMPLES)
    grid, widget = shown
    assert re.match('<img alt="Тепловая карта всех голов: слоёв 2, голов 3; «мама мыла раму»"', grid.data)
    assert list(widget) == [viewer.WIDGET_MIME]


def test_without_ipywidgets_only_the_grid(shown: list, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ipywidgets", None)
    ak.attention_viewer(EXAMPLES)
    assert len(shown) == 1 and "<img" in shown[0].data


def test_choice_changes_the_picture(shown: list, widgets: list, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = []
    monkeypatch.setattr(
        viewer, "heatmap", lambda w, *args, **kw: drawn.append((w, *args)) or ak.heatmap(w, *args, **kw)
    )
    ak.attention_viewer(EXAMPLES)
    sentence, (layer, head), picture = *widgets[0].children[:1], widgets[0].children[1].children, widgets[0].children[2]  # fmt: skip
    pictures = [picture.value]
    for control, value in ((layer, 2), (head, 3), (sentence, "кот спит")):
        control.value = value
        pictures.append(picture.value)
    weights, tokens = EXAMPLES["кот спит"]
    assert np.array_equal(drawn[-1][0], weights[1, 2]) and drawn[-1][1] == drawn[-1][2] == tokens
    assert "слой 2, голова 3, «кот спит»" in pictures[-1]
    assert len(set(pictures)) == 4


def test_nothing_comes_from_the_network(shown: list, widgets: list) -> None:
    ak.attention_viewer(EXAMPLES)
    for page in (shown[0].data, widgets[0].children[2].value):
        assert not remote_resources(BeautifulSoup(page, "html.parser"))
    assert isinstance(widgets[0].children[2], ipywidgets.HTML)


@pytest.mark.parametrize(
    ("examples", "message"),
    [
        ({}, "ни одной"),
        ({"а б": (np.eye(2)[None], ["а", "б"])}, r"формы: \(1, 2, 2\)"),
        ({"а б": (np.ones((1, 1, 2, 2)), ["а", "б"])}, "Сумма строки 0"),
    ],
)
def test_bad_examples(examples: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ak.attention_viewer(examples)
