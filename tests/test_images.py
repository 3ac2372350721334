"""Рисунки курса: хранящиеся картинки — именно те, что рисует images/draw.py, и у каждой есть описание."""

import importlib
import json
import math
import re
import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from matplotlib.testing.compare import compare_images
from PIL import Image, ImageSequence

IMAGES = Path(__file__).resolve().parents[1] / "images"
sys.path.insert(0, str(IMAGES))
DRAW = importlib.import_module("draw")
STILL, MOVING, STORED = sorted(DRAW.FIGURES), sorted(DRAW.ANIMATIONS), sorted(DRAW.STORED)
TOLERANCE = 0.5  # среднеквадратичная разница яркости; одна изменённая цифра в надписи даёт больше
GIF_BYTES = 300_000


@pytest.fixture(scope="module")
def fresh(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("images")
    DRAW.draw(folder)
    return folder


def svg_texts(path: Path) -> list[str]:
    return re.findall(r"<(?:text|tspan)[^>]*>([^<]*)<", path.read_text(encoding="utf-8"))


class Animation(NamedTuple):
    frames: list[np.ndarray]
    milliseconds: list[int]
    loop: int | None


def read_gif(path: Path) -> Animation:
    with Image.open(path) as gif:
        loop, pairs = gif.info.get("loop"), []
        for frame in ImageSequence.Iterator(gif):
            pairs.append((np.array(frame.convert("RGB")), frame.info["duration"]))
    return Animation(*map(list, zip(*pairs, strict=True)), loop)


def gif_differences(stored: Animation, drawn: Animation) -> list[str]:
    """Чем отличаются анимации: кадры, время, повтор; пусто — ничем."""
    return [
        name
        for name, one, other in zip(Animation._fields, stored, drawn, strict=True)
        if not np.array_equal(one, other)
    ]


def gif_faults(path: Path) -> list[str]:
    """Чем анимация не годится для блокнота."""
    gif, found = read_gif(path), []
    if path.stat().st_size > GIF_BYTES:
        found.append("больше 300 кБ")
    if not 8 <= len(gif.frames) <= 16:
        found.append("кадров")
    if not 700 <= gif.frames[0].shape[1] <= 860:
        found.append("ширина")
    if min(gif.milliseconds) < 700:
        found.append("кадр не успеть прочесть")
    if gif.milliseconds[-1] < 5000:
        found.append("нет паузы в конце")
    if gif.loop != 0:
        found.append("не повторяется")
    if (gif.frames[0][0, 0] != 255).any():
        found.append("фон не белый")
    return found


@pytest.mark.parametrize("name", STILL)
def test_stored_image_is_fresh(fresh, name):
    difference = compare_images(IMAGES / f"{name}.png", fresh / f"{name}.png", tol=TOLERANCE)
    assert difference is None, f"Рисунок {name} устарел: выполните make images.\n{difference}"
    assert svg_texts(IMAGES / f"{name}.svg") == svg_texts(fresh / f"{name}.svg"), (
        f"{name}.svg: выполните make images."
    )


@pytest.mark.parametrize("name", MOVING)
def test_stored_animation_is_fresh(fresh, name):
    stored, drawn = IMAGES / f"{name}.gif", fresh / f"{name}.gif"
    differences = gif_differences(read_gif(stored), read_gif(drawn))
    assert not differences, f"{name}.gif: выполните make images. Другое: {'; '.join(differences)}."


@pytest.mark.parametrize("name", STORED)
def test_picture_from_a_notebook_is_fresh(fresh, name):
    assert (IMAGES / f"{name}.png").read_bytes() == (fresh / f"{name}.png").read_bytes(), (
        f"{name}.png: выполните make images."
    )


@pytest.mark.parametrize(
    ("module", "name", "old", "new"),
    [
        ("rnn_attention", "encoder-decoder-attention", "0,87", "0,88"),
        ("self_attention", "attention-lookup", "0,71", "0,77"),
    ],
)
def test_stale_image_would_be_noticed(fresh, tmp_path, monkeypatch, module, name, old, new):
    """Один изменённый знак — и сравнение не сходится."""
    change_labels(monkeypatch, module, old, new)
    monkeypatch.setattr(DRAW, "FIGURES", {name: DRAW.FIGURES[name]})
    monkeypatch.setattr(DRAW, "ANIMATIONS", {})
    DRAW.draw(tmp_path)
    assert compare_images(fresh / f"{name}.png", tmp_path / f"{name}.png", tol=TOLERANCE) is not None
    assert svg_texts(fresh / f"{name}.svg") != svg_texts(tmp_path / f"{name}.svg")


def change_labels(monkeypatch, module: str, old: str, new: str) -> None:
    target = importlib.import_module(module)
    original = target.label
    monkeypatch.setattr(
        target,
        "label",
        lambda ax, x, y, text, *a, **font: original(ax, x, y, text.replace(old, new), *a, **font),
    )


def test_stale_animation_would_be_noticed(fresh, tmp_path, monkeypatch):
    """Изменённая цифра в одном кадре."""
    change_labels(monkeypatch, "evaluation", "0,25", "0,26")
    monkeypatch.setattr(DRAW, "FIGURES", {})
    DRAW.draw(tmp_path)
    name = "transformer-evaluation.gif"
    assert gif_differences(read_gif(fresh / name), read_gif(tmp_path / name)) == ["frames"]


@pytest.mark.parametrize("name", MOVING)
def test_animation_fits_a_notebook(name):
    assert not gif_faults(IMAGES / f"{name}.gif")


def test_unfit_animation_would_be_noticed(tmp_path):
    """Шум вместо рисунка не сжимается; и кадров мало, и ширина не та, и паузы нет."""
    noise = np.random.default_rng(0).integers(0, 255, size=(3, 500, 900), dtype=np.uint8)
    first, *rest = map(Image.fromarray, noise)
    first.save(tmp_path / "bad.gif", save_all=True, append_images=rest, duration=100)
    faults = ["больше 300 кБ", "кадров", "ширина", "кадр не успеть прочесть", "нет паузы в конце"]
    assert gif_faults(tmp_path / "bad.gif") == [*faults, "не повторяется", "фон не белый"]


def test_every_image_is_drawn_and_described():
    alts = json.loads((IMAGES / "alt.json").read_text(encoding="utf-8"))
    for suffix, names in (("png", sorted(STILL + STORED)), ("svg", STILL), ("gif", MOVING)):
        assert sorted(path.stem for path in IMAGES.glob(f"*.{suffix}")) == names
    assert sorted(alts) == sorted(STILL + MOVING + STORED)
    assert all(re.search("[а-яё]{3}", alt) and len(alt) > 60 for alt in alts.values())


@pytest.mark.parametrize("name", STILL)
def test_image_fits_a_notebook(name):
    with Image.open(IMAGES / f"{name}.png") as picture:
        assert picture.width <= 950
        assert round(picture.info["dpi"][0]) <= 110


# --- числа на рисунках посчитаны верно ---


def numbers_in(texts: list[str]) -> list[float]:
    """Дроби из надписей, по порядку: «−0,2» → −0.2."""
    found = re.findall(r"−?\d+,\d+", " ".join(texts))
    return [float(text.replace("−", "-").replace(",", ".")) for text in found]


def test_lookup_shows_the_softmax_of_its_scores(fresh):
    exponents = [math.exp(product / math.sqrt(3)) for product in (4, 0, 2)]
    weights = [exponent / sum(exponents) for exponent in exponents]
    answer = [10 * (weights[0] + weights[2]), 10 * weights[1], 10 * weights[0]]
    rows = [(product / math.sqrt(3), weight) for product, weight in zip((4, 0, 2), weights, strict=True)]
    expected = [round(number, 2) for row in rows for number in row] + [round(number, 1) for number in answer]
    assert numbers_in(svg_texts(fresh / "attention-lookup.svg")) == [*expected, 1.0]


def test_input_is_the_sum_of_its_tables(fresh):
    shown = numbers_in(svg_texts(fresh / "token-position-embedding.svg"))
    tokens, places, sums = np.reshape(shown, (3, 6, 4))
    assert np.allclose(tokens + places, sums)
    assert np.array_equal(tokens[0], tokens[3]) and not np.allclose(sums[0], sums[3])  # слово the


def test_maps_of_heads_are_distributions_and_differ():
    maps = importlib.import_module("self_attention").example_heads()
    assert np.shape(maps) == (3, 4, 4) and np.allclose(np.sum(maps, axis=2), 1)
    assert maps[0].argmax(axis=1).tolist() == [0, 0, 1, 2]  # предыдущее слово
    assert maps[1].argmax(axis=1).tolist() == [2, 2, 0, 2]  # «пьёт», а у него — «кошка»
    assert np.allclose(maps[2], maps[2][::-1, ::-1], atol=1e-9)  # «кошка» с «молоком», «жадно» с «пьёт»


def test_animation_shows_a_computed_encoder():
    module = importlib.import_module("evaluation")
    result = module.evaluate()
    assert np.allclose(result.weights.sum(axis=2), 1) and math.isclose(result.probabilities.sum(), 1)
    assert np.allclose(result.states[1:].mean(axis=2), 0)  # после LayerNormalization
    assert np.allclose(result.states[1:].var(axis=2), 1, atol=1e-4)
    before, after = result.states[0].argmax(axis=1), result.states[2].argmax(axis=1)
    assert [before[1], before[2], *after[1:3]] == [2, 0, 1, 1]  # saves и penalty перешли в «Спорт»
    assert result.weights[0, 2].round(2).sum().round(2) == 1  # шесть чисел в кадре 3
    percents = (100 * result.probabilities).round()
    assert percents.sum() == 100 and percents[1] == 83
    assert "83 %" in json.loads((IMAGES / "alt.json").read_text(encoding="utf-8"))["transformer-evaluation"]
