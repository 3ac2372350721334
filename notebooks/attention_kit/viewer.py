"""Просмотр внимания: предложение, слой и голова выбираются в блокноте; рядом всегда неподвижная сетка голов."""

from types import ModuleType
from typing import Any

import numpy as np
from attention_kit.figures import head_grid, heatmap, img_tag, show

WIDGET_MIME = "application/vnd.jupyter.widget-view+json"
Examples = dict[str, tuple[np.ndarray, list[str]]]


def attention_viewer(examples: Examples) -> None:
    """Показывает все головы на первом предложении, а под ними — выбор предложения, слоя и головы.

    examples — {предложение: (веса (слоёв, голов, T, T), токены)}, слоёв и голов всюду поровну. Сетка видна и в
    сохранённом блокноте; выбор работает, пока работает ядро и если установлен ipywidgets.
    ValueError, если веса не подходят к токенам.
    """
    n_layers, n_heads = _size(examples)
    text, (weights, tokens) = next(iter(examples.items()))
    grid = head_grid(weights, tokens, title=text)
    show(grid, f"Тепловая карта всех голов: слоёв {n_layers}, голов {n_heads}; «{text}»")
    try:
        import ipywidgets
    except ImportError:
        return
    _display(widget_controls(ipywidgets, examples, n_layers, n_heads))


def _size(examples: Examples) -> tuple[int, int]:
    """(слоёв, голов), одни и те же у всех предложений."""
    shapes = {np.shape(weights) for weights, _ in examples.values()}
    if len({shape[:2] for shape in shapes}) != 1 or any(len(shape) != 4 for shape in shapes):
        raise ValueError(
            "Нужен словарь {предложение: (веса, токены)}, где веса — (слоёв, голов, слов, слов), слоёв и голов всюду "
            f"поровну, а даны формы: {', '.join(map(str, sorted(shapes))) or 'ни одной'}."
        )
    return shapes.pop()[:2]


def widget_controls(ipywidgets: ModuleType, examples: Examples, n_layers: int, n_heads: int) -> Any:
    """Три списка и картинка, которая меняется вместе с ними."""
    sentence = ipywidgets.Dropdown(
        options=list(examples), description="текст", layout={"width": "max-content"}
    )
    layer = ipywidgets.Dropdown(options=range(1, n_layers + 1), description="слой")
    head = ipywidgets.Dropdown(options=range(1, n_heads + 1), description="голова")
    picture = ipywidgets.HTML()

    def redraw(_: Any = None) -> None:
        weights, tokens = examples[sentence.value]
        title = f"слой {layer.value}, голова {head.value}"
        figure = heatmap(weights[layer.value - 1][head.value - 1], tokens, tokens, title=title)
        picture.value = img_tag(figure, f"Тепловая карта: {title}, «{sentence.value}»")

    for control in (sentence, layer, head):
        control.observe(redraw, "value")
    redraw()
    return ipywidgets.VBox([sentence, ipywidgets.HBox([layer, head]), picture])


def _display(widget: Any) -> None:
    """Показывает виджет без текстовой замены: где виджетов нет, не появится и строка «VBox(…)»."""
    from IPython.display import display

    view = {"version_major": 2, "version_minor": 0, "model_id": widget.model_id}
    display({WIDGET_MIME: view}, raw=True)
