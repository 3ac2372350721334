"""Рисунки блокнота 06: признаки из кэша или дообучение всех весов; прогрев и спад скорости обучения."""

from bert import FAMILY, HEAD_WIDTH, PLAIN, head_weights, weights
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
    grouped,
    label,
)

# --- два способа переноса ---

CLASSES, TEXTS = 4, 1000
ENCODER_WEIGHTS, NEW_WEIGHTS = sum(weights(FAMILY[1])), head_weights(CLASSES)
CACHE_MB = TEXTS * HEAD_WIDTH * 4 / 1e6  # float32
STATE_GB = (ENCODER_WEIGHTS + NEW_WEIGHTS) * 4 * 4 / 1e9  # вес, градиент и два числа AdamW


def finetune_or_freeze() -> Figure:
    """Замороженный кодировщик с кэшем признаков и дообучение всех весов."""
    figure, ax = canvas(17.2, 14.0)
    label(ax, 0.3, 13.6, "Кодировщик заморожен, признаки — из кэша", fontsize=12, ha="left", weight="bold")
    _chain(ax, 11.1, frozen=True)
    _facts(
        ax,
        8.95,
        ("учится", f"только голова: {grouped(NEW_WEIGHTS)} весов"),
        (
            "хранится",
            f"в кэше — {HEAD_WIDTH} чисел на текст: {grouped(TEXTS)} текстов занимают {CACHE_MB:.0f} МБ",
        ),
        ("за эпоху", "через голову проходят готовые признаки, кодировщик больше не нужен"),
    )
    label(ax, 0.3, 6.95, "Дообучение: учатся все веса", fontsize=12, ha="left", weight="bold")
    _chain(ax, 4.45, frozen=False)
    _facts(
        ax,
        2.3,
        ("учится", f"кодировщик и голова: {grouped(ENCODER_WEIGHTS + NEW_WEIGHTS)} весов"),
        (
            "хранится",
            f"веса, градиенты и два числа AdamW на вес — {decimal(STATE_GB, 2)} ГБ; выходы всех слоёв на батче",
        ),
        ("за эпоху", "каждый текст проходит кодировщик вперёд, а градиент — назад"),
    )
    caption(ax, 0.4, f"числа — для BERT-base ($D$ = {HEAD_WIDTH}), четырёх рубрик и float32", 10)
    return figure


def _chain(ax: Axes, y: float, frozen: bool) -> None:
    """Тексты → кодировщик → признаки → голова → потери; обратно — градиент."""
    encoder = f"кодировщик\n{grouped(ENCODER_WEIGHTS)} весов"
    box(ax, 1.3, y, "тексты", PLAIN, 2.0, 1.0, fontsize=11)
    box(ax, 5.05, y, encoder, FAINT if frozen else ENCODER, 3.5, 1.6)
    box(ax, 12.7, y, f"голова\n{grouped(NEW_WEIGHTS)} весов", DECODER, 2.3, 1.6)
    box(ax, 16.0, y, "потери", PLAIN, 2.0, 1.0, fontsize=11)
    _features(ax, 8.75, y, frozen)
    for start, end in ((2.35, 3.25), (6.85, 7.65), (9.85, 11.5), (13.9, 14.95)):
        arrow(ax, (start, y + 0.25), (end, y + 0.25))
    for start, end in ((14.95, 13.9), (11.5, 10.7) if frozen else (11.5, 9.85)):
        arrow(ax, (start, y - 0.25), (end, y - 0.25), DECODER[1], 3)
    label(ax, 15.1, y - 0.8, "градиент", fontsize=9.5, color=DECODER[1])
    if frozen:
        ax.plot([10.6] * 2, [y - 0.65, y + 0.1], color=INK, linewidth=3)
        label(ax, 10.6, y - 1.3, "дальше\nне идёт", fontsize=9.5, color=DECODER[1])
        _bracket(ax, 0.3, 9.8, y + 1.3, "один раз")
        _bracket(ax, 10.1, 17.0, y + 1.3, "каждую эпоху")
    else:
        arrow(ax, (7.65, y - 0.25), (6.85, y - 0.25), DECODER[1], 3)
        _bracket(ax, 0.3, 17.0, y + 1.3, "каждую эпоху")
    label(ax, 5.05, y - 1.1, "веса не меняются" if frozen else "веса меняются", color=GREY)
    label(ax, 12.7, y - 1.1, "веса меняются", color=GREY)


def _features(ax: Axes, x: float, y: float, frozen: bool) -> None:
    """Признаки, строка на текст: всех текстов — из кэша — или одного батча."""
    rows, text = (6, "кэш: признаки\nвсех текстов") if frozen else (3, "признаки\nодного батча")
    cells(ax, x - 1.0, y + 0.12 * rows, (rows, 8), ATTENTION, 0.25, 0.24)
    label(ax, x, y - 1.3, text, fontsize=9.5, color=ATTENTION[1])


def _bracket(ax: Axes, left: float, right: float, y: float, text: str) -> None:
    ax.plot([left, left, right, right], [y - 0.2, y, y, y - 0.2], color=GREY, linewidth=1.3)
    label(ax, (left + right) / 2, y + 0.3, text, fontsize=11)


def _facts(ax: Axes, top: float, *facts: tuple[str, str]) -> None:
    for row, (name, text) in enumerate(facts):
        label(ax, 0.3, top - 0.5 * row, name, ha="left", weight="bold")
        label(ax, 2.0, top - 0.5 * row, text, ha="left")


# --- прогрев ---

EXAMPLES, BATCH_SIZE, EPOCHS, WARMUP = 3200, 32, 3, 0.1
BATCHES = EXAMPLES * EPOCHS // BATCH_SIZE


def schedule(step: float, steps: int) -> float:
    """Доля наибольшей скорости обучения на шаге step из steps: прогрев, затем линейный спад до нуля."""
    warm = WARMUP * steps
    return min(step / warm, (steps - step) / (steps - warm))


def warmup() -> Figure:
    """Прогрев и спад по батчам — и что выходит, если вместо батчей считать примеры."""
    figure, ax = canvas(17.2, 9.4)
    counted = EXAMPLES * EPOCHS  # примеров за всё обучение
    _plan_by_batches(ax, counted)
    _plan_by_examples(ax, counted)
    arithmetic = (
        f"{grouped(EXAMPLES)} текстов × {EPOCHS} эпохи = {grouped(counted)} примеров"
        f" = {BATCHES} батчей по {BATCH_SIZE};  прогрев — первые {100 * WARMUP:.0f} % шагов"
    )
    caption(ax, 0.95, arithmetic)
    caption(ax, 0.4, "веса меняются один раз за батч, поэтому шаг расписания — батч, а не пример")
    return figure


def _axes(ax: Axes, left: float, right: float, ticks: dict[float, str], name: str) -> None:
    """Оси графика: внизу батчи, вверх — скорость обучения от нуля до наибольшей (y от 2,6 до 7,6)."""
    arrow(ax, (left, 2.6), (right + 0.35, 2.6), INK)
    arrow(ax, (left, 2.6), (left, 8.1), INK)
    for x, text in ticks.items():
        ax.plot([x, x], [2.6, 2.5], color=INK, linewidth=1.3)
        label(ax, x, 2.2, text)
    label(ax, (left + right) / 2, 1.7, name)


def _curve(ax: Axes, left: float, unit: float, steps: int, last: float, color: str, **line) -> None:
    """Ломаная расписания на steps шагов от нуля до шага last; unit — ширина одного шага."""
    points = [step for step in (0, WARMUP * steps) if step < last] + [last]
    heights = [2.6 + 5 * schedule(step, steps) for step in points]
    ax.plot([left + unit * step for step in points], heights, color=color, **line)


def _plan_by_batches(ax: Axes, counted: int) -> None:
    left, right, reached = 1.9, 9.4, schedule(BATCHES, counted)
    unit, warm = (right - left) / BATCHES, WARMUP * BATCHES
    label(ax, 5.6, 8.9, f"Скорость обучения на деле, {BATCHES} батчей", fontsize=12, weight="bold")
    ax.add_patch(Rectangle((left, 2.6), unit * warm, 5, facecolor=ATTENTION[0]))
    ticks = {left: "0", left + unit * warm: f"{warm:.0f}", right: str(BATCHES)}
    _axes(ax, left, right, ticks, "батч")
    for share in (1, reached):
        ax.plot([left, right], [2.6 + 5 * share] * 2, color=FAINT[1], linewidth=1, linestyle=(0, (2, 3)))
        label(ax, left - 0.15, 2.6 + 5 * share, f"{100 * share:.0f} %", ha="right")
    label(ax, 0.45, 5.1, "доля от наибольшей", rotation=90)
    _curve(ax, left, unit, BATCHES, BATCHES, ATTENTION[1], linewidth=3)
    _curve(ax, left, unit, counted, BATCHES, DECODER[1], linewidth=3, linestyle=(0, (4, 2)))
    label(ax, left + unit * warm / 2, 8.0, "прогрев", fontsize=9.5, color=ATTENTION[1], ha="left")
    label(ax, 6.3, 6.4, "счёт по батчам:\nпрогрев и линейный спад", ha="left", color=ATTENTION[1])
    label(ax, 3.0, 4.8, "счёт по примерам:\nскорость едва растёт", ha="left", color=DECODER[1])


def _plan_by_examples(ax: Axes, counted: int) -> None:
    left, right = 11.0, 16.6
    unit, warm = (right - left) / counted, WARMUP * counted
    label(ax, 13.9, 8.9, "План, если считать примеры", fontsize=12, weight="bold")
    ticks = {left: "0", left + unit * warm: f"{warm:.0f}", right: grouped(counted)}
    _axes(ax, left, right, ticks, "шаги расписания")
    _curve(ax, left, unit, counted, counted, GREY, linewidth=1.5, linestyle=(0, (2, 2)))
    _curve(ax, left, unit, counted, BATCHES, DECODER[1], linewidth=4)
    end = 2.6 + 5 * schedule(BATCHES, counted)
    label(ax, 12.15, 3.4, f"обучение кончилось\nна шаге {BATCHES}", 9.5, ha="left", color=DECODER[1])
    arrow(ax, (12.05, 3.55), (left + unit * BATCHES + 0.1, end - 0.1), DECODER[1])
    label(ax, 13.9, 6.6, "до этих шагов\nдело не дойдёт", ha="left", color=GREY)


FIGURES = {"finetune-or-freeze": finetune_or_freeze, "warmup-schedule": warmup}
