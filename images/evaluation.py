"""Анимация блокнота 03: как кодировщик читает новость — все слова сразу, слой за слоем."""

from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from self_attention import softmax
from shapes import ATTENTION, DECODER, ENCODER, FAINT, GREY, INK, arrow, box, canvas, decimal, elbow, label

WORDS = ("goalkeeper", "saves", "penalty", "in", "cup", "final")
CLASSES = ("В мире", "Спорт", "Бизнес", "Наука и техника")
# Эмбеддинги придуманы: одно число на рубрику. saves ближе к бизнесу, penalty — к новостям мира.
EMBEDDINGS = np.array(
    [
        [0, 2, 0, 0],
        [0, 0.6, 0.9, 0.3],
        [0.9, 0.7, 0, 0],
        [0.1, 0.1, 0.1, 0.1],
        [0, 1.5, 0.2, 0],
        [0.6, 0.9, 0.3, 0.3],
    ]
)


class Evaluation(NamedTuple):
    """Всё, что посчитано: векторы (3, 6, 4) входа и двух слоёв, веса (2, 6, 6), среднее, вероятности."""

    states: np.ndarray
    weights: np.ndarray
    mean: np.ndarray
    probabilities: np.ndarray


def evaluate() -> Evaluation:
    """Два слоя post-norm с одной головой: W_Q = 1,4 I, W_K = W_V = I, FFN(x) = relu(x) / 2."""
    angles = np.arange(6)[:, None] / np.array([1, 1, 10, 10]) + np.array([0, 1, 0, 1]) * np.pi / 2
    states, weights = [EMBEDDINGS + 0.2 * np.sin(angles)], []  # место: синусы и косинусы
    for _ in range(2):
        x = states[-1]
        weights.append(softmax(1.4 * x @ x.T / np.sqrt(x.shape[1])))
        x = _normalize(x + weights[-1] @ x)
        states.append(_normalize(x + np.maximum(x, 0) / 2))
    mean = states[-1].mean(axis=0)
    return Evaluation(np.stack(states), np.stack(weights), mean, softmax(1.2 * mean))


def _normalize(x: np.ndarray) -> np.ndarray:
    return (x - x.mean(axis=1, keepdims=True)) / np.sqrt(x.var(axis=1, keepdims=True) + 1e-6)


class Scene(NamedTuple):
    """Один кадр: сколько видно рядов векторов, по какому слою линии, сколько слов прочитала RNN."""

    milliseconds: int
    title: str
    note: str
    rows: int = 0
    lines: int | None = None  # номер слоя, чьи веса показаны
    word: int | None = None  # только строка этого слова
    layers: int = 0  # пройдено слоёв
    read: int = 0  # слов прочитала RNN
    mean: bool = False
    answer: bool = False
    rnn_answer: bool = False


READ = "RNN тем временем читает по слову: $h_{}$ нельзя вычислить раньше, чем $h_{}$"


def scenes(result: Evaluation) -> list[Scene]:
    best = int(result.probabilities.argmax())
    answer = f"Ответ: рубрика «{CLASSES[best]}», {result.probabilities[best]:.0%}".replace("%", " %")
    one, two, three = {"rows": 1}, {"rows": 2, "layers": 1, "read": 1}, {"rows": 3, "layers": 2}
    ready = three | {"mean": True, "answer": True}
    return [
        Scene(
            2500, "Новость приходит целиком", "веса этой маленькой модели подобраны вручную, числа посчитаны"
        ),
        Scene(
            3000,
            "Эмбеддинг слова + эмбеддинг позиции",
            "вектор слова — четыре числа; чем темнее, тем больше",
            **one,
        ),
        Scene(
            3500,
            "Слой 1: слово penalty смотрит на все слова",
            "веса в сумме дают 1; чем толще линия, тем больше вес",
            lines=0,
            word=WORDS.index("penalty"),
            **one,
        ),
        Scene(
            2500,
            "Слой 1: так смотрят все слова — одновременно",
            "шесть строк весов — одно умножение матриц",
            lines=0,
            **one,
        ),
        Scene(
            3000,
            "Слой 1 готов: внимание, FFN, сложения и нормализация",
            "каждый вектор учёл соседей: saves и penalty стали ближе к спорту",
            **two,
        ),
        Scene(2500, "Слой 2: снова все ко всем", "теперь сравниваются векторы после слоя 1", lines=1, **two),
        Scene(2000, "Слой 2 готов", "слоёв два — шагов друг за другом тоже два", read=2, **three),
        Scene(2000, "Среднее по словам", "из шести векторов — один", read=2, mean=True, **three),
        Scene(3000, answer, "плотный слой и softmax по четырём рубрикам", read=3, **ready),
        Scene(2000, answer, READ.format(4, 3), read=4, **ready),
        Scene(1000, answer, READ.format(5, 4), read=5, **ready),
        Scene(1000, answer, READ.format(6, 5), read=6, **ready),
        Scene(
            7000,
            "Шагов у трансформера столько, сколько слоёв, у RNN — сколько слов",
            "в новости из 40 слов их было бы 2 и 40",
            read=6,
            rnn_answer=True,
            **ready,
        ),
    ]


COLUMNS = [3.3 + 1.85 * number for number in range(6)]
LEVELS = (4.6, 7.0, 9.4)  # вход, слой 1, слой 2
CELL = 0.36


def frame(scene: Scene, result: Evaluation) -> Figure:
    figure, ax = canvas(17.2, 12)
    label(ax, 8.6, 11.5, scene.title, fontsize=13, weight="bold")
    label(ax, 8.6, 10.9, scene.note, fontsize=11, color="#555555")
    _words(ax, scene)
    if scene.lines is not None:
        _lines(ax, scene, result.weights[scene.lines])
    for row, name in enumerate(("вход", "слой 1", "слой 2")):
        label(ax, 2.2, LEVELS[row], name, fontsize=11, ha="right", color=INK if row < scene.rows else GREY)
        for x, vector in zip(COLUMNS, result.states[row], strict=True):
            _vector(ax, x, LEVELS[row], vector if row < scene.rows else None)
    _head(ax, scene, result)
    _rnn(ax, scene)
    _counter(ax, scene)
    return figure


def _words(ax: Axes, scene: Scene) -> None:
    for number, (x, word) in enumerate(zip(COLUMNS, WORDS, strict=True)):
        label(ax, x, 3.2, word, fontsize=10.5, weight="bold" if scene.word == number else "normal")
        if scene.rows:
            arrow(ax, (x - 0.35, 3.5), (x - 0.35, LEVELS[0] - 0.3), ENCODER[1])
            label(ax, x + 0.38, 3.85, f"позиция {number}", fontsize=8.5, color=DECODER[1])


def _vector(ax: Axes, x: float, y: float, vector: np.ndarray | None) -> None:
    """Полоска из четырёх клеток; ещё не вычисленная — пустая."""
    for number in range(4):
        color = FAINT[0] if vector is None else _tint((vector[number] + 1.2) / 3.4)
        edge = FAINT[1] if vector is None else ATTENTION[1]
        place = (x + CELL * (number - 2), y - 0.22)
        ax.add_patch(Rectangle(place, CELL, 0.44, facecolor=color, edgecolor=edge, linewidth=0.8))


def _tint(share: float) -> tuple[float, ...]:
    """Цвет от белого до фиолетового, восемь ступеней: в GIF мало цветов."""
    step = np.clip(round(share * 8) / 8, 0, 1)
    return tuple(1 - step * (1 - part) for part in to_rgb(ATTENTION[1]))


def _lines(ax: Axes, scene: Scene, weights: np.ndarray) -> None:
    """Линии от слов нижнего ряда к словам верхнего; сильные — поверх слабых."""
    low, high = LEVELS[scene.lines] + 0.27, LEVELS[scene.lines + 1] - 0.27
    looks = range(6) if scene.word is None else [scene.word]
    for weight, to, source in sorted(
        (weights[to, source], to, source) for to in looks for source in range(6)
    ):
        ends = [COLUMNS[source], COLUMNS[to]]
        ax.plot(ends, [low, high], color=_tint(0.25 + 2 * weight), linewidth=0.5 + 10 * weight, zorder=0.5)
    if scene.word is not None:
        for source, weight in enumerate(weights[scene.word]):
            x = COLUMNS[source] + 0.3 * (COLUMNS[scene.word] - COLUMNS[source])
            text = {"facecolor": "white", "edgecolor": "none", "pad": 1.5}
            label(ax, x, low + 0.3 * (high - low), decimal(weight, 2), fontsize=10.5, bbox=text)


def _head(ax: Axes, scene: Scene, result: Evaluation) -> None:
    """Среднее по словам и вероятности рубрик."""
    x, y = 15.2, LEVELS[2]
    if scene.mean:
        for column in COLUMNS:
            ax.plot([column, column], [y + 0.25, y + 0.55], color="#555555", linewidth=1.3)
        elbow(ax, (COLUMNS[0], y + 0.55), (x, y + 0.55), (x, y + 0.27))
        _vector(ax, x, y, result.mean)
        label(ax, x, y - 0.55, "среднее")
    if scene.answer:
        arrow(ax, (x, y - 0.85), (x, y - 1.25))
        for row, (name, share) in enumerate(zip(CLASSES, result.probabilities, strict=True)):
            top = y - 1.6 - 0.75 * row
            best = share == result.probabilities.max()
            label(ax, 13.75, top, name, ha="left", weight="bold" if best else "normal")
            label(ax, 16.95, top, f"{share:.0%}".replace("%", " %"), ha="right")
            color = ATTENTION[1] if best else "#c9bedd"
            ax.add_patch(Rectangle((13.75, top - 0.42), 3.2 * share, 0.2, facecolor=color))


def _rnn(ax: Axes, scene: Scene) -> None:
    """Внизу для сравнения — рекуррентная сеть над теми же словами."""
    label(ax, 2.2, 1.6, "RNN", fontsize=11, ha="right", color=DECODER[1] if scene.read else GREY)
    for number, x in enumerate(COLUMNS):
        colors = DECODER if number < scene.read else FAINT
        box(ax, x, 1.6, f"$h_{number + 1}$", colors, 1.0, 0.7, color=colors[1] if colors is FAINT else INK)
        arrow(ax, (x, 2.9), (x, 2.0), colors[1])
        if number:
            arrow(ax, (x - 1.33, 1.6), (x - 0.53, 1.6), colors[1])
    colors = DECODER if scene.rnn_answer else FAINT
    arrow(ax, (COLUMNS[5] + 0.52, 1.6), (13.9, 1.6), colors[1])
    box(ax, 15.2, 1.6, "рубрика", colors, 2.5, 0.7, color=colors[1] if colors is FAINT else INK)


def _counter(ax: Axes, scene: Scene) -> None:
    text = f"шагов друг за другом:  трансформер {scene.layers},  RNN {scene.read}"
    label(ax, 8.6, 0.55, text, fontsize=12)


def frames() -> list[tuple[Figure, int]]:
    """Кадры анимации и сколько миллисекунд виден каждый."""
    result = evaluate()
    return [(frame(scene, result), scene.milliseconds) for scene in scenes(result)]


ANIMATIONS = {"transformer-evaluation": frames}
