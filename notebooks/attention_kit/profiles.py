"""Размер запуска: COURSE_PROFILE = quick | cpu | gpu."""

import os
import shutil
from types import SimpleNamespace

PROFILES = ("quick", "cpu", "gpu")


def profile() -> str:
    """Имя активного профиля из COURSE_PROFILE; если она не задана — cpu (его размеры годятся и на видеокарте)."""
    name = os.environ.get("COURSE_PROFILE") or "cpu"
    if name not in PROFILES:
        raise ValueError(
            f"COURSE_PROFILE={name!r}: такого профиля нет. Задайте quick, cpu или gpu "
            "либо уберите переменную — тогда это будет cpu."
        )
    return name


def choose(settings: dict[str, dict]) -> SimpleNamespace:
    """Печатает настройки всех профилей и возвращает настройки активного как атрибуты.

    settings — {"quick": {имя: значение, …}, "cpu": {…}, "gpu": {…}}; имена во всех профилях одни и те же.
    """
    if set(settings) != set(PROFILES):
        raise ValueError(
            f"Нужны настройки ровно для профилей quick, cpu и gpu, а даны: {', '.join(settings)}."
        )
    names = list(settings["quick"])
    for key in PROFILES:
        if different := set(settings[key]) ^ set(names):
            raise ValueError(
                f"Настройки {', '.join(sorted(different))} есть не во всех профилях. "
                "Задайте одни и те же имена для quick, cpu и gpu."
            )
    active = profile()
    _print_table(names, settings, active)
    if active != "gpu" and shutil.which("nvidia-smi"):
        print("Есть видеокарта: полный запуск — с COURSE_PROFILE=gpu (его время не измерялось).")
    if active == "gpu" and not shutil.which("nvidia-smi"):
        print("COURSE_PROFILE=gpu, а видеокарты не видно: уберите переменную, на процессоре это часы.")
    return SimpleNamespace(**settings[active])


def _print_table(names: list[str], settings: dict[str, dict], active: str) -> None:
    header = ["профиль", *(f"▶ {key}" if key == active else key for key in PROFILES)]
    rows = [[name, *(str(settings[key][name]) for key in PROFILES)] for name in names]
    widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]
    for row in [header, *rows]:
        cells = [
            row[0].ljust(widths[0]),
            *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)),
        ]
        print("  ".join(cells))
