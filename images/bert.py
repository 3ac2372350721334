"""Рисунки блокнотов 06–08: вход BERT, предобучение, семейство моделей, головы для разных задач."""

import math
from typing import NamedTuple

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
    block,
    box,
    canvas,
    caption,
    decimal,
    elbow,
    grouped,
    label,
)

VOCABULARY, POSITIONS, SEGMENTS = 30_522, 512, 2  # строк в таблицах эмбеддингов
PLAIN = ("white", "#666666")
CODE = {"family": "DejaVu Sans Mono"}

# --- вход ---

SENTENCES = ("the cat drinks milk", "it naps")
# Кусок и его номер в словаре bert-base-uncased (и MiniLM); слова naps в словаре нет.
PIECES = (
    ("[CLS]", 101),
    ("the", 1996),
    ("cat", 4937),
    ("drinks", 8974),
    ("milk", 6501),
    ("[SEP]", 102),
    ("it", 2009),
    ("nap", 18996),
    ("##s", 2015),
    ("[SEP]", 102),
    ("[PAD]", 0),
    ("[PAD]", 0),
)
MASK = [int(number > 0) for _, number in PIECES]
TYPES = [0] * 6 + [1] * 4 + [0] * 2
FIRST = 4.45  # середина первого столбца


def inputs() -> Figure:
    """Вход BERT (Devlin et al., 2019): куски слов, три ряда чисел, сумма трёх эмбеддингов."""
    figure, ax = canvas(17.2, 12.1)
    _pieces(ax)
    _row(ax, 8.3, [number for _, number in PIECES], ENCODER, "input_word_ids", "номера · input_ids")
    _row(ax, 7.2, MASK, PLAIN, "input_mask", "маска · attention_mask")
    _row(ax, 6.1, TYPES, ATTENTION, "input_type_ids", "сегменты · token_type_ids")
    words = [f"$w_{{{number}}}$" for _, number in PIECES]
    _row(ax, 4.75, words, ENCODER, "эмбеддинг слова", f"из таблицы {grouped(VOCABULARY)} × $D$")
    _row(
        ax,
        3.725,
        [f"$s_{kind}$" for kind in TYPES],
        ATTENTION,
        "эмбеддинг сегмента",
        "из таблицы 2 × $D$",
    )
    places = [f"$p_{{{place}}}$" for place in range(len(PIECES))]
    _row(ax, 2.7, places, DECODER, "эмбеддинг позиции", "из таблицы 512 × $D$")
    box(
        ax,
        FIRST + 5.5,
        1.35,
        "сумма  →  LayerNormalization  →  первый слой кодировщика",
        FAINT,
        12,
        fontsize=11,
    )
    for column in range(len(PIECES)):
        for y in (4.225, 3.225):
            label(ax, FIRST + column, y, "+", fontsize=12)
        arrow(ax, (FIRST + column, 2.36), (FIRST + column, 1.83))
    elbow(ax, (15.92, 7.2), (16.42, 7.2), (16.42, 1.35), (16.0, 1.35))
    label(ax, 16.82, 4.3, "на дополнение никто не смотрит", fontsize=9, rotation=90)
    caption(ax, 0.4, "крупно — имена в TF Hub, после точки — в Hugging Face;  $D$ — ширина кодировщика", 10)
    return figure


def _pieces(ax: Axes) -> None:
    """Предложения и куски под ними."""
    for sentence, left, right in ((SENTENCES[0], 1, 4), (SENTENCES[1], 6, 8)):
        middle, width = FIRST + (left + right) / 2, right - left + 0.94
        box(ax, middle, 11.5, sentence, PLAIN, width, 0.75, fontsize=12)
        for column in range(left, right + 1):
            arrow(ax, (FIRST + column, 11.1), (FIRST + column, 10.2))
    label(ax, 3.68, 11.5, "два предложения", ha="right", weight="bold")
    label(ax, 3.68, 9.8, "куски слов", ha="right", weight="bold")
    for column, (piece, number) in enumerate(PIECES):
        special = piece.startswith("[")
        color = INK if number else GREY
        box(ax, FIRST + column, 9.8, piece, FAINT if special else PLAIN, 0.94, 0.7, fontsize=9.5, color=color)


def _row(ax: Axes, y: float, values: list, colors: tuple[str, str], name: str, note: str) -> None:
    """Ряд клеток под кусками и подпись из двух строк слева: имена в коде — моноширинным шрифтом."""
    font = CODE if "_" in name else {"color": colors[1]}
    label(ax, 3.68, y + 0.2, name, ha="right", weight="bold", **font)
    label(ax, 3.68, y - 0.25, note, 9, ha="right", color=GREY)
    for column, value in enumerate(values):
        block(ax, FIRST + column - 0.47, y - 0.31, 0.94, 0.62, colors)
        label(ax, FIRST + column, y, str(value), 9, color=GREY if column >= sum(MASK) else INK)


# --- предобучение ---

TEXT = "[CLS] the cat drinks milk every day [SEP] then it sleeps on the red sofa [SEP]"
CHOSEN = {4: "[MASK]", 10: "seven"}  # место → что поставлено
GUESSES = {  # вероятности придуманы
    4: {"milk": 0.62, "water": 0.17, "tea": 0.06, "wine": 0.03},
    10: {"sleeps": 0.31, "sits": 0.24, "lies": 0.16, "jumps": 0.07},
}
NEXT = {"да": 0.98, "нет": 0.02}


def masked_words() -> Figure:
    """Предобучение BERT: закрытые слова и следующее предложение (Devlin et al., 2019, раздел 3.1)."""
    figure, ax = canvas(17.2, 14.3)
    pieces = TEXT.split()
    _step(ax, 13.9, "1.  Выбрать наугад 15 % кусков — здесь 2 из 13; [CLS] и [SEP] не выбирают")
    _text(ax, 13.1, pieces, [pieces[place] for place in CHOSEN])
    _step(ax, 12.1, "2.  О каждом выбранном куске бросить жребий; например, о куске milk:")
    _lots(ax, 11.3)
    _step(ax, 9.35, "3.  Кодировщик читает испорченный текст")
    spoilt = [CHOSEN.get(place, piece) for place, piece in enumerate(pieces)]
    _text(ax, 8.55, spoilt, list(CHOSEN.values()))
    for column in range(len(pieces)):
        arrow(ax, (_column(column), 8.15), (_column(column), 7.63))
    box(ax, 8.6, 7.15, "кодировщик BERT", ENCODER, 16.8, 0.9, fontsize=12)
    _step(ax, 4.65, "4.  Угадать, что стояло в выбранных позициях; потери — только в них")
    _next_sentence(ax)
    for place, left in zip(CHOSEN, (4.05, 10.7), strict=True):
        _guess(ax, place, left)
    caption(ax, 0.35, "потери обеих задач складываются;  вероятности — для примера", 10)
    return figure


def _column(number: int) -> float:
    return 0.75 + 1.045 * number


def _step(ax: Axes, y: float, text: str) -> None:
    label(ax, 0.25, y, text, fontsize=11, ha="left", weight="bold")


def _text(ax: Axes, y: float, pieces: list[str], framed: list[str]) -> None:
    for column, piece in enumerate(pieces):
        if piece in framed:
            box(ax, _column(column), y, piece, DECODER, 1.04, 0.7, fontsize=9.5)
        else:
            label(ax, _column(column), y, piece, color=GREY if piece.startswith("[") else INK)


def _lots(ax: Axes, y: float) -> None:
    """Три исхода: ширина полосы — вероятность."""
    left = 0.6
    for share, name, result in (
        (80, "закрыть", "[MASK]"),
        (10, "случайный", "seven"),
        (10, "как есть", "milk"),
    ):
        width = 0.16 * share
        block(ax, left, y - 0.33, width, 0.66, DECODER)
        label(ax, left + width / 2, y, f"{share} %", fontsize=11)
        label(ax, left + width / 2, y - 0.65, name)
        label(ax, left + width / 2, y - 1.1, f"→ {result}", color=DECODER[1])
        left += width


def _guess(ax: Axes, place: int, left: float) -> None:
    """Распределение над словарём в выбранном месте; верный кусок — первый."""
    x, guesses = _column(place), GUESSES[place]
    arrow(ax, (x, 6.7), (x, 6.05), DECODER[1], 2)
    box(ax, left + 3.15, 5.6, f"голова:  $D$ → {grouped(VOCABULARY)},  softmax", DECODER, 6.3, 0.8)
    rest = f"ещё {grouped(VOCABULARY - len(guesses))}"
    for row, (word, share) in enumerate([*guesses.items(), (rest, 1 - sum(guesses.values()))]):
        _share(ax, left + 1.9, 3.85 - 0.5 * row, word, share, 3.4, best=row == 0)
    _loss(ax, left + 3.15, max(guesses.values()))


def _share(ax: Axes, x: float, y: float, name: str, share: float, width: float, best: bool) -> None:
    """Полоска вероятности: имя слева, число справа от неё."""
    label(ax, x - 0.15, y, name, ha="right", weight="bold" if best else "normal")
    ax.add_patch(Rectangle((x, y - 0.16), width * share, 0.32, facecolor=INK if best else FAINT[1]))
    label(ax, x + width * share + 0.12, y, decimal(share, 2), ha="left")


def _loss(ax: Axes, x: float, share: float) -> None:
    label(ax, x, 1.15, f"потери −ln {decimal(share, 2)} = {decimal(-math.log(share), 2)}", fontsize=10.5)


def _next_sentence(ax: Axes) -> None:
    """Вторая задача, на [CLS] через pooler: идут ли предложения подряд."""
    x = _column(0)
    arrow(ax, (x, 6.7), (x, 6.05), ATTENTION[1], 2)
    box(ax, 1.95, 5.76, "pooler, tanh:  $D$ → $D$", ENCODER, 3.5, 0.5, fontsize=10)
    box(ax, 1.95, 5.23, "голова:  $D$ → 2", ATTENTION, 3.5, 0.44, fontsize=10)
    label(ax, 0.25, 3.65, "А на [CLS]: следующее\nли это предложение?", ha="left", color=ATTENTION[1])
    for row, (name, share) in enumerate(NEXT.items()):
        _share(ax, 1.1, 2.7 - 0.5 * row, name, share, 1.5, best=row == 0)
    _loss(ax, 1.95, NEXT["да"])


# --- семейство ---


class Sizes(NamedTuple):
    """Размеры кодировщика; ширина внутри FFN у всех — 4 × width."""

    name: str
    note: str
    layers: int
    width: int
    heads: int
    segments: int = SEGMENTS
    pooler: bool = True


FAMILY = (
    Sizes("BERT-large", "uncased", 24, 1024, 16),
    Sizes("BERT-base", "uncased", 12, 768, 12),
    Sizes("DistilBERT", "base-uncased", 6, 768, 12, segments=0, pooler=False),
    Sizes("MiniLM", "all-MiniLM-L6-v2", 6, 384, 12),
    Sizes("small_bert", "L-4_H-128_A-2", 4, 128, 2),
)


NOTES = (
    "Словарь у всех один: 30 522 куска.",
    "DistilBERT и MiniLM учились повторять модель побольше.",
    "Встроенная MiniLM дообучена на сходство предложений.",
    "У DistilBERT нет сегментов и pooler.",
)


def weights(sizes: Sizes) -> tuple[int, int]:
    """Сколько весов в кодировщике без головы: (эмбеддинги, слои вместе с pooler)."""
    width, inner = sizes.width, 4 * sizes.width
    embeddings = (VOCABULARY + POSITIONS + sizes.segments) * width + 2 * width  # и LayerNormalization
    attention = 4 * (width * width + width)  # W_Q, W_K, W_V, W_O со сдвигами
    forward = width * inner + inner + inner * width + width
    layer = attention + forward + 2 * 2 * width  # две LayerNormalization
    return embeddings, sizes.layers * layer + sizes.pooler * (width * width + width)


def family() -> Figure:
    """Слои, ширина и веса пяти кодировщиков."""
    figure, ax = canvas(17.2, 14.3)
    bottom, height = 8.0, 0.225
    for number, sizes in enumerate(FAMILY):
        x, width = 4.0 + 2.95 * number, sizes.width / 1024 * 2.6
        for layer in range(sizes.layers):
            block(ax, x - width / 2, bottom + layer * height, width, height, ATTENTION)
        label(ax, x, bottom - 0.45, sizes.name, fontsize=11, weight="bold")
        label(ax, x, bottom - 0.9, sizes.note, fontsize=9, color=GREY)
        for row, value in enumerate((sizes.layers, sizes.width, sizes.heads)):
            label(ax, x, bottom - 1.5 - 0.5 * row, str(value), fontsize=11)
    for row, text in enumerate(("слоёв", "ширина $D$", "голов")):
        label(ax, 0.3, bottom - 1.5 - 0.5 * row, text, fontsize=11, ha="left")
    _step(ax, 13.9, "Этаж — слой трансформера, длина этажа — ширина кодировщика")
    for row, text in enumerate(NOTES):
        label(ax, 8.2, 13.0 - 0.55 * row, text, ha="left")
    _weight_bars(ax, 4.6)
    caption(ax, 0.5, "в статье о BERT для base и large указано 110 и 340 млн")
    return figure


def _weight_bars(ax: Axes, top: float) -> None:
    _step(ax, top, "Миллионы весов в кодировщике без головы")
    for x, colors, text in ((9.6, ENCODER, "эмбеддинги"), (13.3, ATTENTION, "слои и pooler")):
        block(ax, x, top - 0.17, 0.45, 0.34, colors)
        label(ax, x + 0.6, top, text, ha="left")
    for row, sizes in enumerate(FAMILY):
        y, left = top - 0.6 * (row + 1), 2.7
        label(ax, 0.3, y, sizes.name, ha="left")
        for count, colors in zip(weights(sizes), (ENCODER, ATTENTION), strict=True):
            width = count / 1e6 * 0.031
            block(ax, left, y - 0.2, width, 0.4, colors)
            left += width
        embeddings, total = weights(sizes)[0], sum(weights(sizes))
        label(ax, left + 0.15, y, decimal(total / 1e6, 1), ha="left", weight="bold")
        share = f"эмбеддинги — {100 * embeddings / total:.0f} %"
        label(ax, left + 1.15, y, share, fontsize=9, ha="left", color=GREY)


# --- головы ---

HEAD_WIDTH = 768  # ширина BERT-base


class Task(NamedTuple):
    """Задача: пример входа и сколько чисел на выходе головы."""

    title: str
    text: str
    outputs: int


TASKS = (
    Task("Классификация текста", "[CLS] goalkeeper saves penalty [SEP]", 4),
    Task("Пара предложений", "[CLS] he plays chess [SEP] he sleeps [SEP]", 3),
    Task("Разметка: именованные сущности", "[CLS] marie cu ##rie lived in warsaw [SEP]", 7),
    Task("Поиск ответа на вопрос", "[CLS] who won ? [SEP] marie cu ##rie won [SEP]", 2),
)
TAGS = ("—", "B-PER", "I-PER", "—", "O", "O", "B-LOC", "—")
START = (0.02, 0.01, 0.01, 0, 0, 0.86, 0.07, 0.01, 0.02, 0)  # вероятности придуманы
END = (0.02, 0, 0.01, 0, 0, 0.06, 0.05, 0.81, 0.05, 0)


def head_weights(outputs: int) -> int:
    """Весов в новом плотном слое, со сдвигами."""
    return HEAD_WIDTH * outputs + outputs


def heads() -> Figure:
    """Один кодировщик — четыре головы: меняется только верх (Devlin et al., 2019, раздел 4)."""
    figure, ax = canvas(17.2, 15.9)
    draw = (_one_text, _one_text, _tags, _span)
    for number, (task, head) in enumerate(zip(TASKS, draw, strict=True)):
        left, bottom = 0.25 + 8.6 * (number % 2), (8.8, 1.0)[number // 2]
        label(ax, left + 4.05, bottom + (6.6, 7.0)[number // 2], task.title, fontsize=12, weight="bold")
        columns = _body(ax, task, left, bottom, everywhere=number > 1)
        head(ax, task, columns, bottom)
    caption(
        ax,
        0.4,
        "голубое обучено заранее, у всех одно и то же;  оранжевое — новое, с числом весов при $D$ = 768",
    )
    return figure


def _body(ax: Axes, task: Task, left: float, bottom: float, everywhere: bool) -> list[float]:
    """Куски, кодировщик и векторы на его выходе; возвращает середины столбцов."""
    pieces = task.text.split()
    step = 8.1 / len(pieces)
    columns = [left + step * (number + 0.5) for number in range(len(pieces))]
    box(
        ax,
        left + 4.05,
        bottom + 1.3,
        "кодировщик BERT:  $T$ кусков → $T \\times D$",
        ENCODER,
        8.1,
        0.85,
        fontsize=11,
    )
    for number, (x, piece) in enumerate(zip(columns, pieces, strict=True)):
        used = everywhere or number == 0
        colors = ATTENTION if used else FAINT
        label(ax, x, bottom + 0.2, piece, fontsize=9, color=GREY if piece.startswith("[") else INK)
        arrow(ax, (x, bottom + 0.47), (x, bottom + 0.85))
        arrow(ax, (x, bottom + 1.73), (x, bottom + 2.1), colors[1])
        block(ax, x - 0.2, bottom + 2.12, 0.4, 0.4, colors)
        if used:
            arrow(ax, (x, bottom + 2.55), (x, bottom + 3.0), ATTENTION[1])
    return columns


def _one_text(ax: Axes, task: Task, columns: list[float], bottom: float) -> None:
    """Ответ один на весь вход: вектор [CLS], его плотный слой с tanh и новый плотный слой."""
    x, left = columns[0], columns[0] - 0.5
    box(ax, left + 1.9, bottom + 3.4, "Dense(tanh):  $D$ → $D$", ENCODER, 3.8, 0.75)
    label(ax, left + 4.05, bottom + 3.4, "pooler, обучен заранее", fontsize=9.5, ha="left", color=GREY)
    arrow(ax, (x, bottom + 3.8), (x, bottom + 4.25))
    box(ax, left + 1.9, bottom + 4.65, f"Dense:  $D$ → {task.outputs}", DECODER, 3.8, 0.75)
    _count(ax, left + 4.05, bottom + 4.65, task, "left")
    arrow(ax, (x, bottom + 5.05), (x, bottom + 5.5))
    answer, choice = {
        4: ("«Спорт»", "одна из четырёх рубрик"),
        3: ("«противоречит»", "а не «следует» или «не связано»"),
    }[task.outputs]
    label(ax, left, bottom + 5.85, answer, fontsize=12, ha="left", weight="bold")
    label(ax, left + 3.3, bottom + 5.85, choice, fontsize=9.5, ha="left", color=GREY)


def _count(ax: Axes, x: float, y: float, task: Task, side: str) -> None:
    text = f"новых весов {grouped(head_weights(task.outputs))}"
    label(ax, x, y, text, fontsize=9.5, ha=side, color=DECODER[1])


def _everywhere(ax: Axes, task: Task, columns: list[float], bottom: float) -> None:
    """Один и тот же плотный слой в каждой позиции."""
    middle = (columns[0] + columns[-1]) / 2
    box(ax, middle, bottom + 3.4, f"Dense:  $D$ → {task.outputs}  в каждой позиции", DECODER, 8.1, 0.75)
    for x in columns:
        arrow(ax, (x, bottom + 3.8), (x, bottom + 4.15), DECODER[1])


def _tags(ax: Axes, task: Task, columns: list[float], bottom: float) -> None:
    _everywhere(ax, task, columns, bottom)
    for x, tag in zip(columns, TAGS, strict=True):
        label(ax, x, bottom + 4.45, tag, weight="bold" if "-" in tag else "normal")
    middle = (columns[0] + columns[-1]) / 2
    for y, text in (
        (5.75, "B — начало имени, I — продолжение, O — не имя;"),
        (5.3, "«—» в потери не входит"),
    ):
        label(ax, middle, bottom + y, text, fontsize=9.5, color=GREY)
    _count(ax, middle, bottom + 6.35, task, "center")


def _span(ax: Axes, task: Task, columns: list[float], bottom: float) -> None:
    """Две softmax по позициям: где ответ начинается и где кончается."""
    _everywhere(ax, task, columns, bottom)
    left = columns[0] - 0.3
    for y, name, shares in ((4.25, "начало", START), (5.2, "конец", END)):
        label(ax, left, bottom + y + 0.35, f"{name}: softmax", fontsize=9.5, ha="left", color=GREY)
        for x, share in zip(columns, shares, strict=True):
            color = DECODER[1] if share == max(shares) else FAINT[1]
            height = max(0.02, 0.75 * share)
            ax.add_patch(Rectangle((x - 0.22, bottom + y), 0.44, height, facecolor=color))
    ends = [columns[START.index(max(START))] - 0.3, columns[END.index(max(END))] + 0.3]
    ax.plot(ends, [bottom + 6.1] * 2, color=INK, linewidth=2)
    label(ax, sum(ends) / 2, bottom + 6.4, "«marie curie»", fontsize=11, weight="bold")
    _count(ax, left, bottom + 6.35, task, "left")


FIGURES = {
    "bert-inputs": inputs,
    "masked-words": masked_words,
    "bert-family": family,
    "bert-heads": heads,
}
