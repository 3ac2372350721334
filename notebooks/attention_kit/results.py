"""Таблица результатов: записанные вместе с курсом и те, что получил читатель."""

import csv
import math
import os
import subprocess
import sys
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from attention_kit.profiles import profile
from attention_kit.sources import NOTEBOOKS, cache_dir
from filelock import FileLock

if TYPE_CHECKING:
    import pandas as pd

RESULT_TITLES = {  # столбец → заголовок для показа: results().rename(columns=RESULT_TITLES)
    "notebook": "блокнот",
    "model": "модель",
    "data": "данные",
    "parameters": "параметров",
    "quality": "метрика",
    "value": "значение",
    "seconds": "секунд",
    "hardware": "на чём",
    "profile": "профиль",
    "date": "дата",
    "commit": "версия",
    "seed": "зерно",
    "origin": "откуда",
}
*RESULT_COLUMNS, _ = RESULT_TITLES  # origin в файле не хранится
NUMBERS = ("parameters", "value", "seconds")
RECORDED = NOTEBOOKS / "data" / "results.csv"


def record_result(path: Path | None = None, **row: str | float) -> None:
    """Добавляет строку в таблицу читателя (results.csv в кэше); можно из нескольких блокнотов сразу.

    path — другая таблица: `make record` пишет в RECORDED.

    Обязательны notebook, model, data, parameters (число весов), quality (название метрики, например «BLEU»),
    value и seconds; остальные столбцы заполняются сами, если не заданы.
    """
    if unknown := set(row) - set(RESULT_COLUMNS):
        raise ValueError(f"В таблице результатов нет столбцов {', '.join(sorted(unknown))}.")
    if missing := [name for name in RESULT_COLUMNS[:7] if name not in row]:
        raise ValueError(f"Не хватает столбцов: {', '.join(missing)}.")
    if wrong := [name for name in NUMBERS if not _is_number(row[name])]:
        raise ValueError(
            f"В столбцах {', '.join(wrong)} должны быть числа, а не {row[wrong[0]]!r}."
        )
    filled = {"hardware": hardware(), "profile": profile(), "date": date.today().isoformat()}
    filled |= {"commit": course_version(), "seed": ""} | row
    path = path or cache_dir() / "results.csv"
    with _lock(path):
        _write(path, [*_read_own(path), {name: str(filled[name]) for name in RESULT_COLUMNS}])


def results(recorded: bool = True) -> "pd.DataFrame":
    """Все результаты — pandas.DataFrame со столбцами RESULT_COLUMNS и `origin`: «записано» или «ваш запуск»."""
    import pandas as pd

    rows = []
    if recorded and RECORDED.exists():
        rows += [{**row, "origin": "записано"} for row in _read(RECORDED)]
    path = cache_dir() / "results.csv"
    with _lock(path):
        rows += [{**row, "origin": "ваш запуск"} for row in _read_own(path)]
    table = pd.DataFrame(rows, columns=list(RESULT_TITLES))
    for name in NUMBERS:
        table[name] = pd.to_numeric(table[name])
    return table


def _lock(path: Path) -> FileLock:
    return FileLock(path.with_suffix(".lock"), timeout=60)


def _read(path: Path) -> list[dict[str, str]]:
    """Строки таблицы; ValueError, если это не наша таблица или она испорчена."""
    try:
        with open(path, encoding="utf-8", newline="") as file:
            header, *rows = csv.reader(file, strict=True)
        table = [dict(zip(RESULT_COLUMNS, row, strict=True)) for row in rows]
    except (csv.Error, ValueError) as error:
        raise ValueError(f"Файл {path.name} — не таблица результатов или испорчен.") from error
    if header != RESULT_COLUMNS or not all(
        _is_number(row[name]) for row in table for name in NUMBERS
    ):
        raise ValueError(f"В файле {path.name} не те столбцы или не числа там, где они нужны.")
    return table


def _is_number(value: str | float) -> bool:
    try:
        return math.isfinite(float(value))
    except (TypeError, ValueError):
        return False


def _read_own(path: Path) -> list[dict[str, str]]:
    """Строки читателя; чужой или испорченный файл откладывается под именем *.broken, а таблица начинается заново."""
    if not path.exists():
        return []
    try:
        return _read(path)
    except ValueError as error:
        aside, number = path.with_name(f"{path.name}.broken"), 1
        while aside.exists():
            number += 1
            aside = path.with_name(f"{path.name}.{number}.broken")
        path.rename(aside)
        print(f"{error} Он сохранён рядом под именем {aside.name}, таблица начата заново.")
        return []


def _write(path: Path, rows: list[dict[str, str]]) -> None:
    # Сначала рядом, затем одна атомарная замена: оборванная запись таблицу не портит.
    part = path.with_suffix(".part")
    with open(part, "w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, RESULT_COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    part.replace(path)


def course_version() -> str:
    """Версия курса по git («-dirty» — с несохранёнными правками); пусто, если это не рабочая копия git."""
    try:
        command = ["git", "describe", "--always", "--dirty"]
        done = subprocess.run(
            command, check=False, cwd=NOTEBOOKS, capture_output=True, text=True, timeout=10
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def hardware() -> str:
    """На чём считаем: имя видеокарты, если TensorFlow её видит, иначе, например, «2 ядра CPU, 23 ГБ»."""
    if tf := sys.modules.get("tensorflow"):
        for device in tf.config.list_physical_devices("GPU"):
            return tf.config.experimental.get_device_details(device).get("device_name", "GPU")
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    gigabytes = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{cores} {_plural(cores, 'ядро', 'ядра', 'ядер')} CPU, {gigabytes:.0f} ГБ"


def _plural(number: int, one: str, few: str, many: str) -> str:
    if number % 10 == 1 and number % 100 != 11:
        return one
    return few if number % 10 in (2, 3, 4) and number % 100 not in (12, 13, 14) else many
