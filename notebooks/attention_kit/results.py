"""Таблица результатов: записанные вместе с курсом и те, что получил читатель."""

import csv
import io
import math
import os
import subprocess
import sys
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from attention_kit.profiles import profile
from attention_kit.sources import NOTEBOOKS, SourceError, cache_dir, disk

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

    path — другая таблица: `make record` пишет в RECORDED. Не получилось записать в свою — об этом сказано, и только.

    Обязательны notebook, model, data, parameters (число весов), quality (название метрики, например «BLEU»),
    value и seconds; остальные столбцы заполняются сами, если не заданы.
    """
    if unknown := set(row) - set(RESULT_COLUMNS):
        raise ValueError(f"В таблице результатов нет столбцов {', '.join(sorted(unknown))}.")
    if missing := [name for name in RESULT_COLUMNS[:7] if name not in row]:
        raise ValueError(f"Не хватает столбцов: {', '.join(missing)}.")
    if wrong := [name for name in NUMBERS if not _is_number(row[name])]:
        raise ValueError(f"В столбцах {', '.join(wrong)} должны быть числа, а не {row[wrong[0]]!r}.")
    filled = {"hardware": hardware(), "profile": profile(), "date": date.today().isoformat()}
    filled |= {"commit": course_version(), "seed": ""} | row
    try:
        _append(path or own_path(), [str(filled[name]) for name in RESULT_COLUMNS])
    except (OSError, SourceError, ValueError) as error:
        if path:
            raise
        print(f"Результат не записан: {disk(error) or error}")


def results(recorded: bool = True) -> "pd.DataFrame":
    """Все результаты — pandas.DataFrame со столбцами RESULT_COLUMNS и `origin`: «записано» или «ваш запуск»."""
    import pandas as pd

    rows = []
    if recorded:
        rows += [{**row, "origin": "записано"} for row in _read(RECORDED)]
    try:
        rows += [{**row, "origin": "ваш запуск"} for row in _read(own_path())]
    except (OSError, SourceError, ValueError) as error:
        print(f"Ваших результатов в таблице нет: {disk(error) or error}")
    table = pd.DataFrame(rows, columns=list(RESULT_TITLES))
    for name in NUMBERS:
        table[name] = pd.to_numeric(table[name])
    return table


def own_path() -> Path:
    """Таблица читателя: она только дописывается."""
    return cache_dir() / "results.csv"


def _append(path: Path, row: list[str]) -> None:
    """Одна запись в конец файла: два блокнота сразу друг другу не мешают."""
    _read(path)  # в чужой или испорченный файл не пишем
    file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
    try:
        text = io.StringIO()
        rows = [row] if os.fstat(file).st_size else [RESULT_COLUMNS, row]
        csv.writer(text, lineterminator="\n").writerows(rows)
        os.write(file, text.getvalue().encode())
    finally:
        os.close(file)


def _read(path: Path) -> list[dict[str, str]]:
    """Строки таблицы; файла нет — ни одной; ValueError, если это не наша таблица или она испорчена."""
    if not path.exists() or not path.stat().st_size:
        return []
    try:
        text = path.read_text(encoding="utf-8")
        header, *rows = csv.reader(io.StringIO(text, newline=""), strict=True)
        rows = [row for row in rows if row != header]  # два блокнота могли начать файл одновременно
        table = [dict(zip(RESULT_COLUMNS, row, strict=True)) for row in rows]
        numbers = all(_is_number(row[name]) for row in table for name in NUMBERS)
    except (csv.Error, ValueError):
        header = None
    if header != RESULT_COLUMNS or not numbers or not text.endswith("\n"):
        raise ValueError(
            f"файл {path.name} испорчен или в нём не таблица результатов. Он не тронут: "
            "уберите его из папки кэша, и таблица начнётся заново."
        )
    return table


def _is_number(value: str | float) -> bool:
    try:
        return math.isfinite(float(value))
    except (TypeError, ValueError):
        return False


def course_version() -> str:
    """Версия курса по git («-dirty» — с несохранёнными правками); пусто, если это не рабочая копия git."""
    try:
        command = ["git", "describe", "--always", "--dirty"]
        done = subprocess.run(command, check=False, cwd=NOTEBOOKS, capture_output=True, text=True, timeout=10)
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
