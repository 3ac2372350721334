"""Рисунки: тепловые карты внимания, кривые обучения и качества, показ рисунка с описанием (alt)."""

import base64
import html
import json
import textwrap
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from attention_kit.sources import NOTEBOOKS
from matplotlib import patheffects
from matplotlib.axes import Axes
from matplotlib.colors import PowerNorm
from matplotlib.figure import Figure
from matplotlib.font_manager import findfont, get_font
from matplotlib.image import AxesImage
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator

matplotlib.rcdefaults()  # рисунки курса не зависят от matplotlibrc читателя: usetex, шрифта, тёмного стиля
DPI = 100
FONT = get_font(findfont("DejaVu Sans"))
IMAGES = NOTEBOOKS.parent / "images"
METRIC_NAMES = {"loss": "потери", "accuracy": "доля верных ответов"}
MIME_TYPES = {".png": "image/png", ".gif": "image/gif"}


def show(figure_or_path: Figure | Path | str, alt: str) -> None:
    """Показывает рисунок (Figure либо файл PNG или GIF) с описанием alt и закрывает Figure.

    Рисунок встраивается в блокнот, поэтому виден и без сети, и на GitHub, и в Colab.
    """
    from IPython.display import HTML, display

    display(HTML(img_tag(figure_or_path, alt)))


def img_tag(figure_or_path: Figure | Path | str, alt: str) -> str:
    """Тег <img> со встроенным рисунком и описанием alt; Figure закрывается."""
    if not alt or not alt.strip():
        raise ValueError("Нужно описание рисунка (alt): одно предложение о том, что на нём видно.")
    if isinstance(figure_or_path, Figure):
        mime, data = "image/png", png(figure_or_path)
    else:
        mime, data = _image_file(Path(figure_or_path))
    source = f"data:{mime};base64,{base64.b64encode(data).decode('ascii')}"
    return f'<img alt="{html.escape(alt.strip())}" src="{source}">'


def png(figure: Figure) -> bytes:
    from matplotlib import pyplot as plt

    buffer = BytesIO()
    figure.savefig(
        buffer, format="png", dpi=DPI, bbox_inches="tight", facecolor="white", metadata={"Software": None}
    )
    plt.close(figure)
    return buffer.getvalue()


def _image_file(path: Path) -> tuple[str, bytes]:
    if path.suffix.lower() not in MIME_TYPES:
        raise ValueError(f"Файл {path.name} показать нельзя: нужен PNG или GIF.")
    if not path.is_file():
        raise ValueError(f"Рисунка {path.name} нет. Проверьте имя файла.")
    return MIME_TYPES[path.suffix.lower()], path.read_bytes()


def image(name: str) -> Path:
    """Путь к рисунку курса по имени без расширения, например image("alignment")."""
    for suffix in MIME_TYPES:
        if (path := IMAGES / f"{name}{suffix}").is_file():
            return path
    known = sorted(path.stem for path in IMAGES.glob("*") if path.suffix in MIME_TYPES)
    raise ValueError(f"Рисунка «{name}» в курсе нет; есть: {', '.join(known) or 'ни одного'}.")


def show_image(name: str) -> None:
    """Показывает рисунок курса с его описанием из images/alt.json."""
    path = image(name)
    show(path, json.loads((IMAGES / "alt.json").read_text(encoding="utf-8"))[name])


def _drawable(text: str, inches: float = 0, size: float = 11) -> str:
    """Текст, который нарисует наш шрифт; если дана ширина — строками не шире её."""
    text = "".join(map(glyph, text))
    return textwrap.fill(text, int(inches * 72 / (0.62 * size))) if inches else text


@cache
def glyph(sign: str) -> str:
    if FONT.get_char_index(ord(sign)) or sign.isspace():
        return sign
    print(f"Знака {sign} в шрифте рисунков нет: вместо него — код U+{ord(sign):04X}.")
    return f"U+{ord(sign):04X}"


def heatmap(
    weights: np.ndarray,
    source_tokens: list[str],
    target_tokens: list[str],
    gold: Any = None,
    title: str = "",
    ax: Axes | None = None,
) -> Figure:
    """Тепловая карта весов внимания: строки — слова перевода, столбцы — исходные слова.

    weights — (слов перевода, исходных слов); если матрица больше, лишнее считается дополнением и
    отрезается, но оставшиеся строки должны давать в сумме 1 (до 1e-3). gold — эталонное выравнивание:
    объект с полями sure и possible (как Pair) — связи (слово перевода, исходное слово);
    точные обведены сплошной линией, возможные — штриховой. ValueError, если картинка вышла бы неверной.
    """
    source = _tokens(source_tokens, "исходном предложении")
    target = _tokens(target_tokens, "переводе")
    kept = _weights(weights, len(source), len(target))
    links = None if gold is None else _gold_links(gold, len(source), len(target))
    if ax is None:
        ax = _new_axes(len(source), len(target))
    cell = _cell_inches(ax, len(source), len(target))
    picture = ax.imshow(kept, cmap="viridis", vmin=0, vmax=1)
    _label_axes(ax, source, target, cell)
    if links is not None:
        _draw_links(ax, *links, cell)
    _color_bar(ax, picture, cell * len(source), cell * len(target))
    if title:
        width = max(4, cell * len(source) + 1)
        ax.set_title(_drawable(title, width), fontsize=11, pad=10, parse_math=False)
    return ax.figure


def _tokens(tokens: list[str], where: str) -> list[str]:
    if isinstance(tokens, str):
        raise ValueError(f"Подписи к словам в {where} нужны списком, а дана строка: разбейте её на слова.")
    tokens = list(tokens)
    if not tokens:
        raise ValueError(f"В {where} нет ни одного слова: рисовать нечего.")
    if not all(isinstance(token, str) for token in tokens):
        raise ValueError(
            f"Подписи к словам в {where} должны быть строками, а не номерами: переведите номера в слова."
        )
    tokens = [token if len(token) <= 18 else token[:17] + "…" for token in tokens]
    return list(map(_drawable, tokens))


def _weights(weights: np.ndarray, n_source: int, n_target: int) -> np.ndarray:
    """Проверенная матрица (n_target, n_source) без дополнения."""
    try:
        matrix = np.asarray(weights, dtype=float)
    except (TypeError, ValueError) as error:
        raise ValueError("Веса — не матрица чисел: проверьте, что все строки одной длины.") from error
    if matrix.ndim != 2:
        raise ValueError(
            f"Нужна матрица (слова перевода, исходные слова), а дан массив формы {matrix.shape}: "
            "возьмите одно предложение (и одну голову), например weights[0]."
        )
    if matrix.shape[0] < n_target or matrix.shape[1] < n_source:
        swapped = matrix.shape[0] >= n_source and matrix.shape[1] >= n_target
        raise ValueError(
            f"Матрица {matrix.shape[0]}×{matrix.shape[1]} меньше, чем слов: в переводе {n_target}, в исходном {n_source}. "
            + (
                "Похоже, её нужно транспонировать."
                if swapped
                else "Проверьте, от того ли предложения подписи."
            )
        )
    kept = matrix[:n_target, :n_source]
    if not np.isfinite(kept).all():
        row = int(np.argwhere(~np.isfinite(kept))[0, 0])
        raise ValueError(
            f"В строке {row} матрицы внимания есть NaN или бесконечность: проверьте маску и softmax."
        )
    if (kept < 0).any():
        row = int(np.argwhere(kept < 0)[0, 0])
        raise ValueError(f"В строке {row} есть отрицательный вес: похоже, это оценки до softmax, а не веса.")
    _check_sums(matrix, kept)
    return kept


def _check_sums(matrix: np.ndarray, kept: np.ndarray) -> None:
    sums = kept.sum(axis=1)
    wrong = np.flatnonzero(np.abs(sums - 1) > 1e-3)
    if not len(wrong):
        return
    row = int(wrong[0])
    if np.isclose(matrix[row].sum(), 1, atol=1e-3):
        reason = "остальной вес ушёл на дополнение: маска не применена или подписи не от этого предложения"
    elif np.isclose(sums[row], 0):
        reason = "так выглядят строки дополнения: слов перевода меньше, чем подписей"
    elif np.allclose(kept.sum(axis=0), 1, atol=1e-3):
        reason = "единице равны суммы столбцов: матрицу нужно транспонировать, или softmax взят не по той оси"
    else:
        reason = "похоже, это не веса после softmax"
    raise ValueError(f"Сумма строки {row} матрицы внимания равна {sums[row]:.4g}, а должна быть 1: {reason}.")


def _gold_links(gold: Any, n_source: int, n_target: int) -> tuple[set, set]:
    """Точные связи и возможные, но не точные."""
    sure, possible = ({tuple(link) for link in links} for links in (gold.sure, gold.possible))
    for target, source in sorted(sure | possible):
        if not (0 <= target < n_target and 0 <= source < n_source):
            raise ValueError(
                f"Эталонная связь ({target}, {source}) выходит за матрицу {n_target}×{n_source}: "
                "нужны пары (номер слова перевода, номер исходного слова), счёт с нуля."
            )
    return sure, possible - sure


def _new_axes(n_source: int, n_target: int) -> Axes:
    """Поле для карты: клетка не меньше 0,16 дюйма, вся карта — в ширину блокнота.

    Вокруг — место для самых длинных подписей; лишнее срежет show.
    """
    cell = float(np.clip(6.6 / max(n_source, n_target), 0.16, 0.45))
    width, height, margin = cell * n_source, cell * n_target, 1.8
    full = (width + 2 * margin, height + 2 * margin)
    place = (margin / full[0], margin / full[1], width / full[0], height / full[1])
    return Figure(figsize=full).add_axes(place)


def _cell_inches(ax: Axes, n_source: int, n_target: int) -> float:
    box = ax.get_position()
    width, height = ax.figure.get_size_inches()
    return min(box.width * width / n_source, box.height * height / n_target)


def _label_axes(ax: Axes, source: list[str], target: list[str], cell: float) -> None:
    size = float(np.clip(cell * 72 * 0.62, 5, 11))
    ax.set_xticks(range(len(source)), source, parse_math=False, fontsize=size)
    ax.set_yticks(range(len(target)), target, parse_math=False, fontsize=size)
    ax.xaxis.tick_top()
    for label in ax.get_xticklabels():
        label.set(rotation=60, ha="left", va="center", rotation_mode="anchor")
    ax.tick_params(length=0, pad=4)
    ax.spines[:].set_visible(False)
    ax.set_xticks(np.arange(len(source) - 1) + 0.5, minor=True)
    ax.set_yticks(np.arange(len(target) - 1) + 0.5, minor=True)
    ax.grid(which="minor", color="white", linewidth=float(np.clip(cell * 2, 0.3, 1)), alpha=0.5)
    ax.tick_params(which="minor", length=0)


def _color_bar(ax: Axes, picture: AxesImage, width: float, height: float) -> None:
    """Шкала той же высоты, что и карта; width и height — размеры карты в дюймах."""
    place = ax.inset_axes([1 + 0.12 / width, 0, 0.14 / width, 1])
    _scale(picture, place, [0, 0.5, 1] if height < 2 else None)


def _scale(picture: AxesImage, place: Axes, ticks: list[float] | None) -> None:
    bar = picture.figure.colorbar(picture, cax=place, ticks=ticks)
    bar.set_label("вес внимания", fontsize=9)
    bar.ax.tick_params(labelsize=8)
    bar.outline.set_visible(False)


def _draw_links(ax: Axes, sure: set, possible: set, cell: float) -> None:
    """Белая линия с чёрной каймой видна и на тёмных, и на светлых клетках."""
    width = float(np.clip(cell * 4.5, 0.9, 2))
    halo = [patheffects.withStroke(linewidth=width + 1.8, foreground="black")]
    base = {"edgecolor": "white", "path_effects": halo}
    kinds = {"точная связь": (sure, "-"), "возможная связь": (possible, (0, (2, 1.2)))}
    legend = []
    for name, (links, style) in kinds.items():
        look = base | {"linestyle": style, "linewidth": width}
        for target, source in links:
            ax.add_patch(Rectangle((source - 0.4, target - 0.4), 0.8, 0.8, fill=False, **look))
        if links:
            look |= {"facecolor": "0.6", "linewidth": 1.2}
            legend.append(Rectangle((0, 0), 1, 1, label=name, **look))
    place = {"loc": "upper left", "bbox_to_anchor": (0, -0.01), "ncols": 2}
    ax.legend(handles=legend, fontsize=9, frameon=False, handlelength=1.4, handleheight=1.2, **place)


def head_grid(weights: np.ndarray, tokens: list[str], title: str = "") -> Figure:
    """Карты всех голов сразу: строки рисунка — слои, столбцы — головы; в каждой карте строка — кто смотрит.

    weights — (слоёв, голов, T, T) или (голов, T, T); как и в heatmap, лишнее сверх tokens считается
    дополнением. Слова подписаны, если помещаются, иначе перечислены под рисунком. Цвет растёт как корень
    из веса: иначе слабых весов не видно.
    """
    words, grid = _tokens(tokens, "предложении"), _grid(weights)
    n_layers, n_heads = grid.shape[:2]
    panel = min(7.2 / n_heads, 2.4)
    axes = _grid_axes(n_layers, n_heads, panel)
    labelled = panel / len(words) >= 0.12
    for (layer, head), ax in np.ndenumerate(axes):
        picture = ax.imshow(
            _weights(grid[layer, head], len(words), len(words)), cmap="viridis", norm=PowerNorm(0.5, 0, 1)
        )
        _label_panel(ax, words if labelled else [], layer == n_layers - 1, head == 0)
        if layer == 0:
            ax.set_title("голова 1" if head == 0 else f"{head + 1}", fontsize=9)
        if head == 0 and n_layers > 1:
            ax.set_ylabel(f"слой {layer + 1}", fontsize=9)
    _finish_grid(axes, picture, title, "" if labelled else "Слова: " + " ".join(words))
    return picture.figure


def _grid(weights: np.ndarray) -> np.ndarray:
    """Веса как (слоёв, голов, T, T)."""
    grid = np.asarray(weights)
    if grid.ndim == 3:
        grid = grid[None]
    if grid.ndim != 4 or not grid.shape[0] * grid.shape[1]:
        raise ValueError(
            f"Нужны веса (слоёв, голов, слов, слов) или (голов, слов, слов), а дан массив формы {np.shape(weights)}: "
            "возьмите одно предложение, например weights[0]."
        )
    return grid


def _grid_axes(n_layers: int, n_heads: int, panel: float) -> np.ndarray:
    """Поля сетки: сторона каждого — panel дюймов; вокруг — место для подписей, лишнее срежет show."""
    margin = 1.5
    width, height = panel * n_heads + 2 * margin, panel * n_layers + 2 * margin
    return Figure(figsize=(width, height)).subplots(
        n_layers,
        n_heads,
        squeeze=False,
        gridspec_kw={
            "left": margin / width,
            "right": 1 - margin / width,
            "bottom": margin / height,
            "top": 1 - margin / height,
            "wspace": 0.06,
            "hspace": 0.06,
        },
    )


def _label_panel(ax: Axes, words: list[str], last_row: bool, first_column: bool) -> None:
    ax.set_xticks(range(len(words) * last_row), words * last_row, parse_math=False)
    ax.set_yticks(range(len(words) * first_column), words * first_column, parse_math=False)
    ax.tick_params(length=0, labelsize=8)
    ax.tick_params(axis="x", rotation=90)
    ax.spines[:].set_visible(False)


def _finish_grid(axes: np.ndarray, picture: AxesImage, title: str, note: str) -> None:
    """Общая шкала справа, название вверху, список слов внизу."""
    figure, (width, height) = picture.figure, picture.figure.get_size_inches()
    low, high = axes[-1, -1].get_position(), axes[0, -1].get_position()
    place = (high.x1 + 0.12 / width, low.y0, 0.14 / width, high.y1 - low.y0)
    _scale(picture, figure.add_axes(place), [0, 0.1, 0.25, 0.5, 1])
    for text, y, side, size in (
        (title, high.y1 + 0.35 / height, "bottom", 11),
        (note, low.y0 - 0.25 / height, "top", 8),
    ):
        if text:
            text = _drawable(text, width - 2, size)
            figure.text(0.5, y, text, ha="center", va=side, fontsize=size, parse_math=False)


def training_curve(history: dict[str, list[float]], title: str = "") -> Figure:
    """Кривые обучения: history — словарь вида History.history; на каждую величину — своё поле."""
    names = [name for name in history if not name.startswith("val_")]
    if not names or not len(history[names[0]]):
        raise ValueError("История обучения пуста: передайте History.history после fit.")
    figure = Figure(figsize=(min(4.2 * len(names), 8.6), 3.2), layout="constrained")
    for ax, name in zip(figure.subplots(1, len(names), squeeze=False)[0], names, strict=True):
        for key, label, look in ((name, "обучение", "o-"), (f"val_{name}", "проверка", "s--")):
            if key in history:
                ax.plot(_epochs(history, key), history[key], look, markersize=4, label=label)
        ax.set(xlabel="эпоха", ylabel=METRIC_NAMES.get(name, name))
        _plain(ax)
        ax.xaxis.set_major_locator(MaxNLocator(integer=True))
        ax.legend(frameon=False)
    figure.suptitle(_drawable(title, figure.get_figwidth()), fontsize=11)
    return figure


def _epochs(history: dict[str, list[float]], key: str) -> range:
    values = np.asarray(history[key], dtype=float)
    if not np.isfinite(values).all():
        epoch = int(np.flatnonzero(~np.isfinite(values))[0]) + 1
        raise ValueError(
            f"{key} в эпохе {epoch} — не число: проверьте, нет ли в данных NaN и номеров вне словаря; "
            "если нет, уменьшите скорость обучения."
        )
    return range(1, len(values) + 1)


def quality_by_length(curves: dict[str, list[tuple]], ylabel: str, split_at: str | None = None) -> Figure:
    """Качество по длине предложения, по линии на модель.

    curves — {модель: вывод by_length, то есть [(группа длин, значение, …), …]}. split_at — последняя группа, какая
    была в обучении: правее неё проводится черта «дальше — длиннее обучающих».
    """
    labels = list(dict.fromkeys(point[0] for points in curves.values() for point in points))
    if not labels or (split_at and split_at not in labels):
        raise ValueError(f"Нет точек или группы длин «{split_at}»; есть: {', '.join(labels)}.")
    figure = Figure(figsize=(7, 3.6), layout="constrained")
    ax = figure.subplots()
    looks = ("o-", "s--", "^-.", "D:", "v-") * len(curves)
    for (name, points), look in zip(curves.items(), looks, strict=False):
        values = [point[1] for point in points]
        if not np.isfinite(values).all():
            raise ValueError(f"Среди значений модели «{name}» есть NaN или бесконечность.")
        ax.plot([labels.index(point[0]) for point in points], values, look, label=name)
    ax.set_xticks(range(len(labels)), labels)
    if split_at:
        edge, note = labels.index(split_at) + 0.5, "дальше — длиннее обучающих →"
        ax.axvline(edge, color="0.4", linestyle=":")
        ax.text(edge, 1.02, note, ha="right", fontsize=9, transform=ax.get_xaxis_transform())
    ax.set_ylim(bottom=0)
    ax.set(xlabel="слов в исходном предложении", ylabel=ylabel)
    _plain(ax)
    figure.legend(frameon=False, loc="outside lower center", ncols=2)  # линий не закрывает
    return figure


def _plain(ax: Axes) -> None:
    ax.spines[["top", "right"]].set_visible(False)
    ax.grid(alpha=0.3)
