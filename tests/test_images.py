"""Рисунки курса: хранящиеся картинки — именно те, что рисует images/draw.py, и у каждой есть описание."""

import importlib.util
import json
import re
from pathlib import Path

import pytest
from matplotlib.testing.compare import compare_images
from PIL import Image

IMAGES = Path(__file__).resolve().parents[1] / "images"
TOLERANCE = 0.5  # среднеквадратичная разница яркости; одна изменённая цифра в надписи даёт больше


def load_draw():
    spec = importlib.util.spec_from_file_location("course_draw", IMAGES / "draw.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


DRAW = load_draw()
NAMES = sorted(DRAW.FIGURES)


@pytest.fixture(scope="module")
def fresh(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("images")
    DRAW.draw(folder)
    return folder


def svg_texts(path: Path) -> list[str]:
    return re.findall(r"<(?:text|tspan)[^>]*>([^<]*)<", path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", NAMES)
def test_stored_image_is_fresh(fresh, name):
    difference = compare_images(IMAGES / f"{name}.png", fresh / f"{name}.png", tol=TOLERANCE)
    assert difference is None, f"Рисунок {name} устарел: выполните make images.\n{difference}"
    assert svg_texts(IMAGES / f"{name}.svg") == svg_texts(fresh / f"{name}.svg"), (
        f"{name}.svg: выполните make images."
    )


def test_stale_image_would_be_noticed(fresh, tmp_path):
    """Одна изменённая цифра — и сравнение не сходится."""
    changed = load_draw()
    original = changed.label
    changed.label = lambda ax, x, y, text, *args, **font: original(
        ax, x, y, text.replace("0,87", "0,88"), *args, **font
    )
    changed.FIGURES = {"encoder-decoder-attention": changed.attention}
    changed.draw(tmp_path)
    name = "encoder-decoder-attention"
    assert compare_images(fresh / f"{name}.png", tmp_path / f"{name}.png", tol=TOLERANCE) is not None
    assert svg_texts(fresh / f"{name}.svg") != svg_texts(tmp_path / f"{name}.svg")


def test_every_image_is_drawn_and_described():
    alts = json.loads((IMAGES / "alt.json").read_text(encoding="utf-8"))
    for suffix in ("png", "svg"):
        assert sorted(path.stem for path in IMAGES.glob(f"*.{suffix}")) == NAMES
    assert sorted(alts) == NAMES
    assert all(re.search("[а-яё]{3}", alt) and len(alt) > 60 for alt in alts.values())


@pytest.mark.parametrize("name", NAMES)
def test_image_fits_a_notebook(name):
    with Image.open(IMAGES / f"{name}.png") as picture:
        assert picture.width <= 950
        assert round(picture.info["dpi"][0]) <= 110
