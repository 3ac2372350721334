"""Рисунки блокнота 01: кодировщик и декодировщик без внимания и с ним, выравнивание."""

from itertools import pairwise

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from shapes import ATTENTION, DECODER, ENCODER, FAINT, arrow, box, canvas, elbow, label

SOURCE = ("у", "меня", "есть", "кошка")


def attention() -> Figure:
    """Кодировщик и декодировщик с аддитивным вниманием (Bahdanau et al., 2015), шаг t."""
    figure, ax = canvas(17.2, 14.2)
    columns = [1.9, 4.2, 6.5, 8.8]
    _encoder_with_states(ax, columns)
    _decoder_step(ax)
    _scores_and_weights(ax, columns)
    return figure


def _encoder_with_states(ax: Axes, columns: list[float]) -> None:
    for number, (x, word) in enumerate(zip(columns, SOURCE, strict=True), start=1):
        label(ax, x, 0.95, word, fontsize=12)
        box(ax, x - 0.4, 2.25, "→", ENCODER, 0.75, 0.75, color=ENCODER[1], fontsize=11)
        box(ax, x + 0.4, 3.3, "←", ENCODER, 0.75, 0.75, color=ENCODER[1], fontsize=11)
        arrow(ax, (x - 0.4, 1.25), (x - 0.4, 1.87))
        arrow(ax, (x + 0.4, 1.25), (x + 0.4, 2.92))
        arrow(ax, (x - 0.4, 2.63), (x - 0.4, 4.25))
        arrow(ax, (x + 0.4, 3.68), (x + 0.4, 4.25))
        box(ax, x, 4.7, f"$h_{number}$", ENCODER, 1.6, fontsize=13)
        arrow(ax, (x, 5.15), (x, 5.9), ENCODER[1])
    for left, right in pairwise(columns):
        arrow(ax, (left - 0.02, 2.25), (right - 0.78, 2.25), ENCODER[1])
        arrow(ax, (right + 0.02, 3.3), (left + 0.78, 3.3), ENCODER[1])
    label(ax, 5.35, 0.3, "кодировщик: двунаправленная GRU", color=ENCODER[1], weight="bold")


def _scores_and_weights(ax: Axes, columns: list[float]) -> None:
    box(ax, 5.35, 6.85, "", ATTENTION, 9.3, 1.9)
    label(ax, 5.35, 7.42, "оценки:  $e_{tj} = v^{\\top}\\,\\tanh(W s_t + U h_j)$", color=ATTENTION[1])
    box(ax, 5.35, 9.45, "", ATTENTION, 9.3, 1.9)
    label(
        ax,
        5.35,
        10.02,
        "веса:  $\\alpha_{tj} = \\mathrm{softmax}_j(e_{tj})$;  числа — для примера",
        color=ATTENTION[1],
    )
    for number, (x, weight) in enumerate(zip(columns, (0.02, 0.03, 0.08, 0.87), strict=True), start=1):
        label(ax, x, 6.5, f"$e_{{t{number}}}$", fontsize=13)
        arrow(ax, (x, 7.8), (x, 8.5), ATTENTION[1])
        ax.add_patch(Rectangle((x - 0.9, 8.75), 1.8, 0.75, facecolor=mpl.colormaps["viridis"](weight)))
        text = f"$\\alpha_{{t{number}}}$ = {weight:.2f}".replace(".", ",")
        label(ax, x, 9.12, text, color="black" if weight > 0.6 else "white")
        arrow(ax, (x, 10.4), (5.35 + (x - 5.35) * 0.3, 11.3), ATTENTION[1], 0.8 + 3 * weight)
    box(
        ax,
        5.35,
        11.8,
        "контекст:  $c_t = \\alpha_{t1}h_1 + \\alpha_{t2}h_2 + \\alpha_{t3}h_3 + \\alpha_{t4}h_4$",
        ATTENTION,
        7.8,
        1,
    )
    elbow(ax, (13.35, 5.15), (13.35, 6.85), (10, 6.85), color=DECODER[1])
    label(ax, 11.75, 7.2, "$s_t$ спрашивает", color=DECODER[1])
    arrow(ax, (9.25, 11.8), (11.65, 11.8), ATTENTION[1])


def _decoder_step(ax: Axes) -> None:
    for x, name in ((11.3, "$s_{t-1}$"), (16.2, "$s_{t+1}$")):
        box(ax, x, 4.7, name, FAINT, 1.3, fontsize=12, color="#666666")
    box(ax, 13.75, 4.7, "$s_t$", DECODER, 1.6, fontsize=13)
    arrow(ax, (11.95, 4.7), (12.95, 4.7), DECODER[1])
    arrow(ax, (14.55, 4.7), (15.55, 4.7), FAINT[1])
    label(ax, 13.75, 2.6, "$y_{t-1}$ = «a»", fontsize=12)
    label(ax, 13.75, 2.1, "предыдущее слово", fontsize=9)
    arrow(ax, (13.75, 2.95), (13.75, 4.25), DECODER[1])
    label(ax, 13.75, 0.3, "декодировщик: GRU", color=DECODER[1], weight="bold")
    arrow(ax, (14.15, 5.15), (14.15, 11.3), DECODER[1])
    box(ax, 13.75, 11.8, "вероятности слов", DECODER, 4.2, 1)
    arrow(ax, (13.75, 12.3), (13.75, 13.05), DECODER[1])
    label(ax, 13.75, 13.4, "$y_t$ = «cat»", fontsize=12)
    label(ax, 13.75, 13.85, "следующее слово", fontsize=9)
    elbow(ax, (14.9, 13.4), (16.5, 13.4), (16.5, 5.15), color=FAINT[1])
    label(ax, 16.85, 8.5, "на вход следующему шагу", rotation=90, color="#666666", fontsize=9)


def bottleneck() -> Figure:
    """Кодировщик и декодировщик без внимания (Sutskever et al., 2014; Cho et al., 2014)."""
    figure, ax = canvas(17.2, 6.2)
    encoder, decoder = [1.0, 2.8, 4.6, 6.4], [10.6, 12.05, 13.5, 14.95, 16.4]
    for number, (x, word) in enumerate(zip(encoder, SOURCE, strict=True), start=1):
        label(ax, x, 1.6, word, fontsize=12)
        arrow(ax, (x, 1.95), (x, 2.75))
        box(ax, x, 3.2, f"$h_{number}$", ENCODER, 1.2, fontsize=13)
    for number, (x, word) in enumerate(zip(decoder, ("i", "have", "a", "cat", "</s>"), strict=True), start=1):
        read = ("<s>", "i", "have", "a", "cat")[number - 1]
        label(ax, x, 1.6, read, fontsize=11, color="#666666")
        arrow(ax, (x, 1.95), (x, 2.75))
        box(ax, x, 3.2, f"$s_{number}$", DECODER, 1.1, fontsize=13)
        arrow(ax, (x, 3.65), (x, 4.45), DECODER[1])
        label(ax, x, 4.75, word, fontsize=12)
    for left, right in pairwise(encoder):
        arrow(ax, (left + 0.6, 3.2), (right - 0.6, 3.2), ENCODER[1])
    for left, right in pairwise(decoder):
        arrow(ax, (left + 0.55, 3.2), (right - 0.55, 3.2), DECODER[1])
    _single_vector(ax)
    label(ax, 3.7, 0.85, "кодировщик", color=ENCODER[1], weight="bold")
    label(ax, 13.5, 0.85, "декодировщик", color=DECODER[1], weight="bold")
    label(ax, 8.6, 0.25, "4 слова в предложении или 40 — вектор один, и чисел в нём столько же", fontsize=11)
    return figure


def _single_vector(ax: Axes) -> None:
    for y in (2.1, 2.54, 2.98, 3.42, 3.86):
        ax.add_patch(
            Rectangle((8.32, y), 0.44, 0.44, facecolor=ATTENTION[0], edgecolor=ATTENTION[1], linewidth=1.3)
        )
    arrow(ax, (7.0, 3.2), (8.27, 3.2), ATTENTION[1], 3)
    arrow(ax, (8.8, 3.2), (10.02, 3.2), ATTENTION[1], 3)
    label(ax, 8.54, 5.2, "всё предложение —\nв одном векторе", color=ATTENTION[1], weight="bold")


def alignment() -> Figure:
    """Выравнивание «новый дом отца» и “the father 's new house” линиями и матрицей."""
    source, target = ["новый", "дом", "отца"], ["the", "father", "'s", "new", "house"]
    sure, possible = {(1, 2), (2, 2), (3, 0), (4, 1)}, {(0, 2)}  # (слово перевода, исходное слово)
    figure, ax = canvas(17.2, 7.6)
    _alignment_lines(ax, source, target, sure, possible)
    _alignment_matrix(ax, source, target, sure, possible)
    _alignment_legend(ax)
    return figure


def _alignment_lines(ax: Axes, source: list[str], target: list[str], sure: set, possible: set) -> None:
    top, bottom = [2.1, 4.4, 6.7], [0.9, 2.75, 4.6, 6.45, 8.3]
    for x, word in zip(top, source, strict=True):
        box(ax, x, 6.1, word, ENCODER, 1.7, fontsize=12)
    for x, word in zip(bottom, target, strict=True):
        box(ax, x, 2.9, word, DECODER, 1.55, fontsize=12)
    for t, s in sure | possible:
        style = "-" if (t, s) in sure else (0, (3, 2))
        ax.plot([bottom[t], top[s]], [3.35, 5.65], color=ATTENTION[1], linewidth=2.2, linestyle=style)


def _alignment_matrix(ax: Axes, source: list[str], target: list[str], sure: set, possible: set) -> None:
    left, top, cell = 12.0, 6.7, 1.0
    for column, word in enumerate(source):
        label(ax, left + cell * (column + 0.5), top + 0.4, word, fontsize=12)
    for row, word in enumerate(target):
        label(ax, left - 0.25, top - cell * (row + 0.5), word, fontsize=12, ha="right")
        for column in range(len(source)):
            place = (left + cell * column, top - cell * (row + 1))
            ax.add_patch(Rectangle(place, cell, cell, facecolor="white", edgecolor="#cccccc"))
            if (row, column) in sure | possible:
                link(ax, place[0] + cell / 2, place[1] + cell / 2, cell * 0.78, (row, column) in sure)


def link(ax: Axes, x: float, y: float, size: float, sure: bool) -> None:
    """Клетка связи: точная закрашена и обведена сплошной линией, возможная обведена штриховой."""
    ax.add_patch(
        Rectangle(
            (x - size / 2, y - size / 2),
            size,
            size,
            facecolor=ATTENTION[1] if sure else "white",
            edgecolor=ATTENTION[1],
            linewidth=2.2,
            linestyle="-" if sure else (0, (3, 2)),
        )
    )


def _alignment_legend(ax: Axes) -> None:
    for y, sure, text in (
        (1.05, True, "точная связь (sure): одно слово переводит другое; 's передаёт родительный падеж"),
        (
            0.4,
            False,
            "возможная связь (possible): русского артикля нет, the относится к слову «отца»",
        ),
    ):
        link(ax, 0.75, y, 0.42, sure)
        label(ax, 1.25, y, text, ha="left")


FIGURES = {"encoder-decoder-attention": attention, "alignment": alignment, "bottleneck": bottleneck}
