"""Рисунки блокнота 03: вход трансформера и его слой."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Circle, Rectangle
from shapes import ATTENTION, DECODER, ENCODER, GREY, INK, arrow, box, canvas, elbow, label, numbers

# Номера — как в маленьком словаре блокнота; числа в таблицах придуманы, суммы посчитаны.
TEXT = (("the", 2), ("team", 4), ("won", 3), ("the", 2), ("match", 6), ("доп.", 0))
TOKENS = {
    0: [-0.1, 0.2, 0.1, 0],
    2: [0.1, -0.2, 0, 0.1],
    3: [0.4, 0.9, -0.7, 0.2],
    4: [0.8, -0.3, 0.5, -0.6],
    6: [0.7, -0.1, 0.6, -0.4],
}
PLACES = np.array(
    [
        [0.3, 0.1, -0.2, 0.4],
        [0.2, 0.3, -0.1, -0.3],
        [-0.1, 0.4, 0.2, -0.2],
        [-0.4, 0.2, 0.3, 0.1],
        [-0.3, -0.2, 0.4, 0.3],
        [0.1, -0.4, 0.2, 0.2],
    ]
)
WIDTH, HEIGHT, TOP = 45 / 55, 34 / 55, 308 / 55  # клетка и верх таблиц


def token_position() -> Figure:
    """Вход: эмбеддинг слова плюс эмбеддинг позиции."""
    figure, ax = canvas(17.2, 7.2)
    tokens = np.array([TOKENS[number] for _, number in TEXT])
    for left, matrix, colors, name, size in (
        (3.05, tokens, ENCODER, "эмбеддинг слова", "из таблицы $V\\times D$"),
        (7.75, PLACES, DECODER, "эмбеддинг позиции", "из таблицы $L\\times D$"),
        (11.95, tokens + PLACES, ATTENTION, "вход первого слоя", "$T\\times D$"),
    ):
        numbers(ax, left, TOP, matrix, colors, WIDTH, HEIGHT)
        label(ax, left + 2 * WIDTH, TOP + 1.05, name, color=colors[1], weight="bold")
        label(ax, left + 2 * WIDTH, TOP + 0.45, size)
        for row in (0, 3):
            _outline(ax, left, row, colors[1])
    _words(ax)
    for x, sign in ((6.75, "+"), (11.45, "=")):
        label(ax, x, TOP - 3 * HEIGHT, sign, fontsize=16)
    label(
        ax,
        8.6,
        0.95,
        "слово the стоит дважды: эмбеддинг слова один и тот же, а входы разные — позиции разные",
        fontsize=11,
    )
    label(
        ax,
        8.6,
        0.35,
        "$T$ — слов в тексте,  $V$ — слов в словаре,  $L$ — наибольшая длина,  $D$ — ширина (здесь 4)",
    )
    return figure


def _words(ax: Axes) -> None:
    """Слова, их номера, места и маска."""
    for row, (word, number) in enumerate(TEXT):
        y, color = TOP - HEIGHT * (row + 0.5), INK if number else GREY
        label(ax, 1.55, y, word, fontsize=12, ha="right", color=color)
        label(ax, 2.35, y, str(number), color=color)
        label(ax, 7.3, y, str(row), color=color)
        label(ax, 16.25, y, str(number > 0), color=color)
    for x, text in ((2.35, "номер"), (7.3, "позиция"), (16.25, "маска")):
        label(ax, x, TOP + 0.45, text)


def _outline(ax: Axes, left: float, row: int, color: str) -> None:
    place = (left, TOP - HEIGHT * (row + 1))
    ax.add_patch(Rectangle(place, 4 * WIDTH, HEIGHT, fill=False, edgecolor=color, linewidth=2.4))


def layer() -> Figure:
    """Слой кодировщика: нормализация после сложения (Vaswani et al., 2017) и до (Xiong et al., 2020)."""
    figure, ax = canvas(17.2, 14.5)
    _column(ax, 4.4, "post-norm: нормализация после сложения", _POST)
    _column(ax, 12.8, "pre-norm: нормализация до внимания и FFN", _PRE)
    _formulas(ax)
    _glyph_legend(ax)
    return figure


# (вид, высота середины); снизу вверх
_POST = (("внимание", 4.6), ("+", 5.95), ("норма", 6.9), ("сеть", 8.8), ("+", 10.15), ("норма", 11.1))
_PRE = (("норма", 4.25), ("внимание", 5.7), ("+", 7.05), ("норма", 8.5), ("сеть", 9.95), ("+", 11.3))
_HALF = {"внимание": 0.65, "сеть": 0.65, "норма": 0.35, "+": 0.22, "край": 0}


def _column(ax: Axes, x: float, title: str, parts) -> None:
    label(ax, x, 14.1, title, weight="bold", fontsize=11)
    steps = (("край", 3.0), *parts, ("край", 12.4))
    for (low, start), (high, end) in zip(steps[:-1], steps[1:], strict=True):
        arrow(ax, (x, start + _HALF[low]), (x, end - _HALF[high] - 0.03))
    for kind, y in parts:
        _part(ax, x, y, kind)
    sums = [y for kind, y in parts if kind == "+"]
    for start, end in zip((3.35, 7.6), sums, strict=True):
        elbow(ax, (x, start), (x - 3.1, start), (x - 3.1, end), (x - 0.25, end), color=GREY)
        label(ax, x - 3.4, (start + end) / 2, "остаточное соединение", rotation=90, fontsize=8.5, color=GREY)
    label(ax, x, 2.7, "вход $x$: $(T, D)$")
    label(ax, x, 12.7, "выход: $(T, D)$")


def _part(ax: Axes, x: float, y: float, kind: str) -> None:
    if kind == "внимание":
        box(ax, x, y, "", ATTENTION, 4.8, 1.3)
        label(ax, x - 0.75, y, "многоголовое\nвнимание")
        _glyph(ax, x + 1.5, y, ATTENTION[1], mixing=True)
    elif kind == "сеть":
        box(ax, x, y, "", DECODER, 4.8, 1.3)
        label(ax, x - 0.75, y, "два плотных слоя\n(FFN)")
        _glyph(ax, x + 1.5, y, DECODER[1], mixing=False)
    elif kind == "норма":
        box(ax, x, y, "LayerNormalization", ENCODER, 4.8, 0.7)
    else:
        ax.add_patch(Circle((x, y), 0.22, facecolor="white", edgecolor=INK, linewidth=1.3))
        ax.plot([x - 0.12, x + 0.12], [y, y], color=INK, linewidth=1.3)
        ax.plot([x, x], [y - 0.12, y + 0.12], color=INK, linewidth=1.3)


def _glyph(ax: Axes, x: float, y: float, color: str, mixing: bool) -> None:
    """Четыре слова внизу и вверху: смешиваются все со всеми или каждое идёт само по себе."""
    places = [x - 0.6, x - 0.2, x + 0.2, x + 0.6]
    for start in places:
        for end in places:
            if mixing or start == end:
                ax.plot([start, end], [y - 0.38, y + 0.38], color=color, linewidth=0.8)
    for side in (-0.38, 0.38):
        ax.plot(places, [y + side] * 4, "o", color=color, markersize=4)


def _formulas(ax: Axes) -> None:
    for x, lines in (
        (
            4.4,
            (
                r"$x \leftarrow \mathrm{LN}(x + \mathrm{MHA}(x))$",
                r"$x \leftarrow \mathrm{LN}(x + \mathrm{FFN}(x))$",
            ),
        ),
        (
            12.8,
            (
                r"$x \leftarrow x + \mathrm{MHA}(\mathrm{LN}(x))$",
                r"$x \leftarrow x + \mathrm{FFN}(\mathrm{LN}(x))$",
            ),
        ),
    ):
        label(ax, x, 13.5, lines[0] + "     " + lines[1])


def _glyph_legend(ax: Axes) -> None:
    for y, color, mixing, text in (
        (1.8, ATTENTION[1], True, "внимание (MHA): каждое слово собирает свой новый вектор из всех слов"),
        (
            0.7,
            DECODER[1],
            False,
            "FFN, $D \\to H \\to D$: два плотных слоя, одни и те же для каждого слова; слова не смешиваются",
        ),
    ):
        _glyph(ax, 1.6, y, color, mixing)
        label(ax, 2.6, y, text, ha="left")


FIGURES = {"token-position-embedding": token_position, "transformer-layer": layer}
