"""Долгие измерения `make record`: по файлу на часть курса, в каждом — функция plan().

Модели и обучение берутся из самих блокнотов (ячейки с тегом definition), второй копии нет.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import ModuleType

from attention_kit import definitions

NOTEBOOKS = Path(__file__).resolve().parents[2] / "notebooks"
Scores = Iterator[tuple[str, float]]  # (метрика, значение)
Outcome = tuple[int, float, Scores]  # весов, секунд обучения, метрики


@dataclass(frozen=True)
class Experiment:
    """Одно обучение: что за модель, на чём, с каким зерном и функция, которая обучает и измеряет."""

    notebook: str
    model: str
    data: str
    seed: int
    run: Callable[[int], Outcome]  # зерно → …

    @property
    def key(self) -> tuple[str, str, str, str]:
        return self.notebook, self.model, self.data, str(self.seed)


@cache
def notebook(number: str) -> ModuleType:
    """Определения блокнота с этим номером."""
    (path,) = NOTEBOOKS.glob(f"{number}-*.ipynb")
    return definitions(path)
