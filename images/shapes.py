"""Общее для рисунков курса: цвета, поле, прямоугольники, надписи, стрелки."""

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch, Rectangle

STYLE = {
    "font.family": "DejaVu Sans",
    "mathtext.fontset": "dejavusans",
    "font.size": 10,
    "svg.hashsalt": "attention-course",
    "svg.fonttype": "none",
}

# (заливка, линия); FAINT — соседние шаги
ENCODER = ("#dcebf7", "#2a6a9e")
DECODER = ("#fde8d4", "#b85c12")
ATTENTION = ("#ece6f5", "#5e4394")
FAINT = ("#f6f6f6", "#b5b5b5")
INK = "#222222"
GREY = "#767676"


def canvas(width: float, height: float) -> tuple[Figure, Axes]:
    """Пустое поле width×height; единица — полдюйма."""
    figure = Figure(figsize=(width / 2, height / 2))
    ax = figure.add_axes((0, 0, 1, 1))
    ax.set(xlim=(0, width), ylim=(0, height))
    ax.axis("off")
    return figure, ax


def box(
    ax: Axes, x: float, y: float, text: str, colors: tuple[str, str], width=1.4, height=0.9, **font
) -> None:
    """Скруглённый прямоугольник с центром (x, y)."""
    place = (x - width / 2, y - height / 2)
    style = "round,pad=0,rounding_size=0.18"
    ax.add_patch(
        FancyBboxPatch(
            place, width, height, boxstyle=style, facecolor=colors[0], edgecolor=colors[1], linewidth=1.3
        )
    )
    label(ax, x, y, text, **font)


def label(ax: Axes, x: float, y: float, text: str, fontsize: float = 10, **font) -> None:
    """Надпись с серединой строчных букв на высоте y: слова в одном ряду стоят на одной строке."""
    if "rotation" not in font and "\n" not in text:
        font = {"va": "baseline"} | font
        y -= 0.01 * fontsize
    ax.text(
        x,
        y,
        text,
        fontsize=fontsize,
        **{"ha": "center", "va": "center", "color": INK, "linespacing": 1.4} | font,
    )


def caption(ax: Axes, y: float, text: str, fontsize: float = 11) -> None:
    """Строка пояснения посередине рисунка обычной ширины (17,2)."""
    label(ax, 8.6, y, text, fontsize)


def arrow(ax: Axes, start, end, color: str = "#555555", width: float = 1.3) -> None:
    look = "-|>,head_length=5,head_width=2.5"
    ax.add_patch(
        FancyArrowPatch(start, end, arrowstyle=look, shrinkA=0, shrinkB=0, color=color, linewidth=width)
    )


def elbow(ax: Axes, *points: tuple[float, float], color: str = "#555555") -> None:
    """Ломаная со стрелкой на последнем отрезке."""
    ax.plot(*zip(*points[:-1], strict=True), color=color, linewidth=1.3, solid_joinstyle="round")
    arrow(ax, points[-2], points[-1], color)


def block(ax: Axes, left: float, low: float, width: float, height: float, colors: tuple[str, str]) -> None:
    """Прямоугольник с тонкой линией; (left, low) — левый нижний угол."""
    ax.add_patch(
        Rectangle((left, low), width, height, facecolor=colors[0], edgecolor=colors[1], linewidth=0.9)
    )


def cells(
    ax: Axes,
    left: float,
    top: float,
    shape: tuple[int, int],
    colors: tuple[str, str],
    width=0.24,
    height=0.24,
) -> None:
    """Матрица из пустых клеток: (строк, столбцов), левый верхний угол — (left, top)."""
    rows, columns = shape
    for row in range(rows):
        for column in range(columns):
            place = (left + column * width, top - (row + 1) * height)
            ax.add_patch(
                Rectangle(place, width, height, facecolor=colors[0], edgecolor=colors[1], linewidth=0.8)
            )


def numbers(ax: Axes, left: float, top: float, matrix, colors, width=0.8, height=0.6, fontsize=10) -> None:
    """Матрица чисел в клетках, левый верхний угол — (left, top); дроби — с одним знаком."""
    digits = 0 if (matrix == matrix.round()).all() else 1
    cells(ax, left, top, matrix.shape, colors, width, height)
    for row, values in enumerate(matrix):
        for column, value in enumerate(values):
            place = (left + (column + 0.5) * width, top - (row + 0.5) * height)
            label(ax, *place, decimal(value, digits), fontsize)


def heat(ax: Axes, left: float, top: float, weights, size: float) -> None:
    """Карта внимания: цвет клетки — вес от 0 до 1."""
    for row, values in enumerate(weights):
        for column, weight in enumerate(values):
            place = (left + column * size, top - (row + 1) * size)
            color = mpl.colormaps["viridis"](weight)
            ax.add_patch(Rectangle(place, size, size, facecolor=color, edgecolor="white", linewidth=0.5))


def decimal(value: float, digits: int) -> str:
    """Число с запятой и знаком минус; ноль — без знака."""
    return f"{round(value, digits) + 0.0:.{digits}f}".replace("-", "−").replace(".", ",")


def grouped(number: int) -> str:
    """Целое число с пробелами между тройками цифр: 30 522."""
    return f"{number:,}".replace(",", "\u00a0")
