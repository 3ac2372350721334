"""Рисует все рисунки курса: `python images/draw.py` (её вызывает make images). Описания — в images/alt.json."""

import json
import re
import sys
from base64 import b64decode
from io import BytesIO
from pathlib import Path

import bert
import classifier
import evaluation
import matplotlib as mpl
import rnn_attention
import self_attention
import transfer
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from PIL import Image
from shapes import ATTENTION, DECODER, ENCODER, FAINT, GREY, INK, STYLE

FOLDER = Path(__file__).resolve().parent
DPI, GIF_DPI = 110, 100
PARTS = (rnn_attention, self_attention, classifier, bert, transfer)
FIGURES = {name: make for part in PARTS for name, make in part.FIGURES.items()}
ANIMATIONS = evaluation.ANIMATIONS
STORED = {"first-heatmap": ("01-rnn-attention.ipynb", "seen[epoch]")}  # рисунок: блокнот, код ячейки


def draw(folder: Path) -> None:
    """Пишет в folder каждый рисунок дважды: PNG для блокнотов и SVG — исходник к нему; анимации — GIF."""
    with mpl.rc_context({**mpl.rcParamsDefault, **STYLE, "backend": "agg"}):
        for name, make in FIGURES.items():
            figure = make()
            figure.savefig(folder / f"{name}.png", dpi=DPI, facecolor="white", metadata={"Software": None})
            figure.savefig(folder / f"{name}.svg", facecolor="white", metadata={"Date": None})
            print(name)
        for name, make in ANIMATIONS.items():
            figures, milliseconds = zip(*make(), strict=True)
            save_gif(folder / f"{name}.gif", [render(figure) for figure in figures], milliseconds)
            print(name)
    for name, (notebook, code) in STORED.items():
        (folder / f"{name}.png").write_bytes(stored(FOLDER.parent / "notebooks" / notebook, code))
        print(name)


def stored(path: Path, code: str) -> bytes:
    """PNG из сохранённого вывода ячейки, в которой есть code."""
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    cell = next(cell for cell in cells if code in "".join(cell["source"]))
    shown = "".join("".join(output.get("data", {}).get("text/html", "")) for output in cell["outputs"])
    return b64decode(re.search('src="data:image/png;base64,([^"]+)"', shown).group(1))


def render(figure: Figure) -> Image.Image:
    buffer = BytesIO()
    figure.savefig(buffer, format="png", dpi=GIF_DPI, facecolor="white")
    return Image.open(buffer).convert("RGB")


def save_gif(path: Path, pictures: list[Image.Image], milliseconds: tuple[int, ...]) -> None:
    """Анимация с палитрой курса, без зернистости (dithering); повторяется без конца."""
    palette = Image.new("P", (1, 1))
    palette.putpalette(gif_palette())
    first, *rest = [picture.quantize(palette=palette, dither=Image.Dither.NONE) for picture in pictures]
    first.save(path, save_all=True, append_images=rest, duration=list(milliseconds), loop=0)


def gif_palette() -> list[int]:
    """Белый, заливки и по восемь ступеней от каждого цвета линий к белому — для сглаженных краёв."""
    colors = [(1.0, 1.0, 1.0), *(to_rgb(pair[0]) for pair in (ATTENTION, DECODER, ENCODER, FAINT))]
    for color in (INK, GREY, FAINT[1], ATTENTION[1], DECODER[1], ENCODER[1]):
        colors += [tuple(1 - step / 8 * (1 - part) for part in to_rgb(color)) for step in range(1, 9)]
    return [round(255 * part) for color in colors for part in color]


if __name__ == "__main__":
    draw(Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER)
