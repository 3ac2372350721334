"""Рисунки блокнота 02: внимание как мягкий словарь, много голов, маски."""

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from shapes import (
    ATTENTION,
    DECODER,
    ENCODER,
    FAINT,
    GREY,
    INK,
    arrow,
    box,
    canvas,
    caption,
    cells,
    decimal,
    heat,
    label,
    numbers,
)

# Ручной пример блокнота: признаки слов — предмет, действие, живое.
WORDS = ("кошка", "пьёт", "молоко")
FEATURES = np.array([[1, 0, 1], [0, 1, 0], [1, 0, 0]])
W_Q = np.array([[0, 2, 0], [2, 0, 2], [0, 0, 0]])
W_K, W_V = np.eye(3), 10 * np.eye(3)
QUERY, KEYS, SCORE, WEIGHT, VALUES, ANSWER = 1.4, 5.75, 8.15, 10.45, 12.85, 15.75  # середины столбцов

LINE = ("кошка", "жадно", "пьёт", "молоко")
NEUTRAL = ("#eeeeee", "#666666")
# Стороны клеток — целое число точек (1 = 55 точек), иначе линии лягут неровно.
WIDTH, HEIGHT = 12 / 55, 16 / 55  # клетка матрицы
SQUARE = 18 / 55  # клетка карты внимания

PADDED = ("кошка", "тихо", "пьёт", "молоко", "доп.", "доп.")
CELL, TOP = 40 / 55, 374 / 55  # клетка маски и верх таблиц
USED, UNUSED = (ATTENTION[1], ATTENTION[1]), ("#c9bedd", "#c9bedd")


def softmax(x: np.ndarray) -> np.ndarray:
    exponents = np.exp(x - x.max(axis=-1, keepdims=True))
    return exponents / exponents.sum(axis=-1, keepdims=True)


def lookup() -> Figure:
    """Обычный словарь и внимание — мягкий словарь: одни и те же шаги."""
    figure, ax = canvas(17.2, 11.4)
    _plain_dictionary(ax, [9.55, 8.6, 7.65])
    _soft_dictionary(ax, [3.75, 2.8, 1.85])
    caption(
        ax, 0.4, "числа в векторах — признаки: предмет, действие, живое ($d = 3$);  «пьёт» ищет живой предмет"
    )
    return figure


def _headers(ax: Axes, y: float, score: str, answer: str) -> None:
    for x, text, color in (
        (QUERY, "запрос", DECODER[1]),
        (KEYS, "ключи", ENCODER[1]),
        (SCORE, score, INK),
        (WEIGHT, "веса", INK),
        (VALUES, "значения", ATTENTION[1]),
        (ANSWER, answer, ATTENTION[1]),
    ):
        label(ax, x, y, text, color=color, weight="bold")


def _plain_dictionary(ax: Axes, rows: list[float]) -> None:
    caption(ax, 10.95, "Обычный словарь: совпал один ключ — в ответ его значение", fontsize=12)
    _headers(ax, 10.3, "совпал?", "ответ")
    query, answers = WORDS[2], ("cat", "drinks", "milk")
    box(ax, QUERY, rows[1], query, DECODER, 2.1, 0.7, fontsize=12)
    for y, word, answer in zip(rows, WORDS, answers, strict=True):
        found = word == query
        arrow(ax, (2.55, rows[1]), (4.6, y), DECODER[1])
        box(ax, KEYS, y, word, ENCODER, 2.1, 0.7, fontsize=12)
        label(ax, SCORE, y, "да" if found else "нет")
        _weight(ax, y, float(found), "1" if found else "0")
        box(ax, VALUES, y, answer, ATTENTION, 2.1, 0.7, fontsize=12)
    box(ax, ANSWER, rows[1], answers[WORDS.index(query)], ATTENTION, 2.1, 0.7, fontsize=12)
    arrow(ax, (13.95, rows[2]), (14.62, rows[1] - 0.2), ATTENTION[1], 3.8)


def _soft_dictionary(ax: Axes, rows: list[float]) -> None:
    caption(
        ax, 6.1, "Внимание — мягкий словарь: подходят все ключи, ответ — смесь всех значений", fontsize=12
    )
    _headers(ax, 5.45, "оценки", "ответ")
    _formulas(ax, 4.85)
    query, keys, values = FEATURES[1] @ W_Q, FEATURES @ W_K, FEATURES @ W_V
    products = keys @ query
    weights = softmax(products / np.sqrt(3))
    label(ax, QUERY, rows[1] + 0.7, f"«{WORDS[1]}»", fontsize=12)
    _vector(ax, QUERY, rows[1], query, DECODER)
    for number, y in enumerate(rows):
        arrow(ax, (2.55, rows[1]), (3.15, y), DECODER[1])
        label(ax, 4.55, y, WORDS[number], fontsize=12, ha="right")
        _vector(ax, KEYS, y, keys[number], ENCODER)
        score = decimal(products[number] / np.sqrt(3), 2)
        label(ax, SCORE - 0.1, y, rf"${products[number]:.0f}\,/\sqrt{{3}}$", ha="right")
        label(ax, SCORE, y, f"= {score}", ha="left")
        _weight(ax, y, weights[number], decimal(weights[number], 2))
        _vector(ax, VALUES, y, values[number], ATTENTION)
        end = (14.62, rows[1] + (y - rows[1]) * 0.25)
        arrow(ax, (13.95, y), end, ATTENTION[1], 0.8 + 3 * weights[number])
    _vector(ax, ANSWER, rows[1], weights @ values, ATTENTION)
    label(ax, WEIGHT, rows[2] - 0.62, f"сумма {decimal(weights.sum(), 2)}", fontsize=9)


def _formulas(ax: Axes, y: float) -> None:
    for x, formula in (
        (QUERY, "$q = x_i W_Q$"),
        (KEYS, "$k_j = x_j W_K$"),
        (SCORE, r"$e_j = q\cdot k_j\,/\sqrt{d}$"),
        (WEIGHT, r"$\alpha_j = \mathrm{softmax}_j(e_j)$"),
        (VALUES, "$v_j = x_j W_V$"),
        (ANSWER, r"$z = \Sigma_j\,\alpha_j v_j$"),
    ):
        label(ax, x, y, formula)


def _vector(ax: Axes, x: float, y: float, vector: np.ndarray, colors: tuple[str, str]) -> None:
    numbers(ax, x - 1.05, y + 0.3, vector[None], colors, 0.7, 0.6)


def _weight(ax: Axes, y: float, weight: float, text: str) -> None:
    color = mpl.colormaps["viridis"](weight)
    ax.add_patch(Rectangle((WEIGHT - 0.6, y - 0.36), 1.2, 0.72, facecolor=color))
    label(ax, WEIGHT, y, text, color="black" if weight > 0.6 else "white")


def example_heads() -> list[np.ndarray]:
    """Карты трёх голов шириной 2 для LINE: softmax(QKᵀ/√2); признаки слов и матрицы придуманы."""
    angles = np.arange(4) * np.pi / 3
    # предмет, действие, живое, образ действия
    content = np.array([[1, 0, 1, 0], [0, 0, 0, 1], [0, 1, 0, 0], [1, 0, 0, 0]])
    x = np.column_stack([content, np.cos(angles), np.sin(angles)])  # два последних числа — место
    turn = np.array([[0.5, -(0.75**0.5)], [0.75**0.5, 0.5]])  # на одно место назад
    zero = np.zeros((4, 2))
    heads = [  # W_Q и W_K каждой головы, (6, 2)
        ([*zero, *5 * turn], [*zero, *np.eye(2)]),
        ([[0, 4], [5, 0], [0, 0], [0, 4], *zero[:2]], [[0.3, 0], [0, 1], [0.7, 0], *zero[:3]]),
        ([[4, 0], [0, 4], [0, 0], [0, 4], *zero[:2]], [[1, 0], [0, 1], [0, 0], [0, 1], *zero[:2]]),
    ]
    return [softmax((x @ np.array(w_q)) @ (x @ np.array(w_k)).T / np.sqrt(2)) for w_q, w_k in heads]


def multi_head() -> Figure:
    """Многоголовое внимание (Vaswani et al., 2017): клеток столько, сколько чисел в матрицах."""
    figure, ax = canvas(17.2, 12.3)
    middle, centers = 6.4, (9.8, 6.4, 3.0)
    _matrix(ax, 1.25, middle, (4, 6), NEUTRAL, "$X$")
    _row_words(ax, 1.13, middle, HEIGHT)
    for number, (y, weights) in enumerate(zip(centers, example_heads(), strict=True), start=1):
        arrow(ax, (2.7, middle), (3.2, y))
        _head(ax, y, number, weights)
        arrow(ax, (11.6, y), (12.15, middle + (y - middle) * 0.1), ATTENTION[1])
    _output(ax, middle)
    label(ax, 5.35, 11.85, "$Q = XW_Q$,  $K = XW_K$,  $V = XW_V$")
    label(ax, 9.6, 11.85, r"$A = \mathrm{softmax}(QK^{\top}/\sqrt{d})$")
    sizes = "слов $T = 4$, ширина $D = 6$, голов $h = 3$, ширина одной головы $d = D/h = 2$"
    caption(ax, 0.9, sizes)
    caption(ax, 0.35, "строка карты — кто смотрит, столбец — на кого; чем светлее, тем больше вес")
    return figure


def _row_words(ax: Axes, right: float, middle: float, step: float) -> None:
    for row, word in enumerate(LINE):
        label(ax, right, middle + step * (1.5 - row), word, fontsize=8.5, ha="right")


def _matrix(ax: Axes, left: float, middle: float, shape: tuple[int, int], colors, name: str) -> None:
    """Матрица и её имя под ней."""
    cells(ax, left, middle + shape[0] * HEIGHT / 2, shape, colors, WIDTH, HEIGHT)
    place = (left + shape[1] * WIDTH / 2, middle - shape[0] * HEIGHT / 2 - 0.3)
    label(ax, *place, name, color=colors[1])


def _head(ax: Axes, y: float, number: int, weights: np.ndarray) -> None:
    box(ax, 7.38, y + 0.1, "", FAINT, 8.25, 3.1)
    label(ax, 3.5, y + 1.3, f"голова {number}", ha="left", weight="bold")
    for column, (name, colors) in enumerate(zip("QKV", (DECODER, ENCODER, ATTENTION), strict=True)):
        _matrix(ax, 3.5 + 0.62 * column, y, (6, 2), colors, f"$W_{name}$")
        _matrix(ax, 5.85 + 0.62 * column, y, (4, 2), colors, f"${name}$")
    arrow(ax, (5.3, y), (5.72, y))
    arrow(ax, (7.65, y), (8.05, y))
    _row_words(ax, 9.0, y - 0.2, SQUARE)
    heat(ax, 9.07, y - 0.2 + 2 * SQUARE, weights, SQUARE)
    for column, word in enumerate(LINE):
        place = (9.07 + SQUARE * (column + 0.5), y - 0.1 + 2 * SQUARE)
        label(ax, *place, word, fontsize=8.5, rotation=90, va="bottom")
    arrow(ax, (10.47, y), (10.8, y))
    _matrix(ax, 10.88, y, (4, 2), ATTENTION, "$AV$")


def _output(ax: Axes, middle: float) -> None:
    """Ответы голов рядом, умножение на W_O."""
    for number in range(3):
        left = 12.25 + number * (2 * WIDTH + 0.06)
        cells(ax, left, middle + 2 * HEIGHT, (4, 2), ATTENTION, WIDTH, HEIGHT)
        label(ax, left + WIDTH, middle + 2 * HEIGHT + 0.25, f"{number + 1}", color=ATTENTION[1])
    label(ax, 12.97, middle - 2 * HEIGHT - 0.3, "склейка", color=ATTENTION[1])
    label(ax, 13.87, middle, r"$\cdot$", fontsize=16)
    _matrix(ax, 14.03, middle, (6, 6), NEUTRAL, "$W_O$")
    label(ax, 15.55, middle, "=", fontsize=12)
    _matrix(ax, 15.75, middle, (4, 6), NEUTRAL, "выход")


def masks() -> Figure:
    """Маска дополнения, каузальная маска и обе вместе; строка смотрит на столбец."""
    figure, ax = canvas(17.2, 9.2)
    real = np.array([word != "доп." for word in PADDED])
    padding, causal = np.tile(real, (6, 1)), np.tril(np.ones((6, 6), dtype=bool))
    for left, name, mask in (
        (1.7, "маска дополнения", padding),
        (7.05, "каузальная маска", causal),
        (12.4, "обе вместе", padding & causal),
    ):
        _mask(ax, left, TOP, mask, real)
        label(ax, left + 3 * CELL, TOP + 1.95, name, weight="bold", color=ATTENTION[1], fontsize=11)
    for row, word in enumerate(PADDED):
        label(ax, 1.55, TOP - CELL * (row + 0.5), word, ha="right", color=INK if real[row] else GREY)
    for x, sign in ((6.4, "&"), (11.75, "=")):
        label(ax, x, TOP - 3 * CELL, sign, fontsize=14)
    _mask_legend(ax)
    return figure


def _mask(ax: Axes, left: float, top: float, mask: np.ndarray, real: np.ndarray) -> None:
    """Закрашено — смотреть можно; бледно — строки дополнения, их ответы никому не нужны."""
    for column, word in enumerate(PADDED):
        place = (left + CELL * (column + 0.5), top + 0.12)
        label(ax, *place, word, rotation=90, va="bottom", color=INK if real[column] else GREY)
    cells(ax, left, top, mask.shape, ("white", "#cccccc"), CELL, CELL)
    for row, column in np.argwhere(mask):
        _square(
            ax, left + CELL * (column + 0.5), top - CELL * (row + 0.5), CELL, USED if real[row] else UNUSED
        )


def _square(ax: Axes, x: float, y: float, size: float, colors: tuple[str, str]) -> None:
    side = 0.72 * size
    place = (x - side / 2, y - side / 2)
    ax.add_patch(Rectangle(place, side, side, facecolor=colors[0], edgecolor=colors[1]))


def _mask_legend(ax: Axes) -> None:
    for y, colors, text in (
        (1.65, USED, "слово в строке может смотреть на слово в столбце (True)"),
        (1.05, ("white", "#999999"), "нельзя (False): оценка заменяется на −10⁹, вес после softmax — 0"),
        (0.45, UNUSED, "строки дополнения: маски их не закрывают, но их ответы дальше не используются"),
    ):
        _square(ax, 1.9, y, 0.55, colors)
        label(ax, 2.4, y, text, ha="left")


FIGURES = {"attention-lookup": lookup, "multi-head": multi_head, "masks": masks}
