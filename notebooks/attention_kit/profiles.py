"""Размер запуска: COURSE_PROFILE = quick | cpu | gpu."""

import os
from types import SimpleNamespace

PROFILES = ("quick", "cpu", "gpu")


def profile() -> str:
    """Имя активного профиля; если COURSE_PROFILE не задана — gpu там, где TensorFlow видит GPU, иначе cpu."""
    name = os.environ.get("COURSE_PROFILE", "")
    if not name:
        return "gpu" if _sees_gpu() else "cpu"
    if name not in PROFILES:
        raise ValueError(
            f"COURSE_PROFILE={name!r}: такого профиля нет. Задайте quick, cpu или gpu "
            "либо уберите переменную — тогда профиль выберется сам."
        )
    return name


def _sees_gpu() -> bool:
    import tensorflow as tf  # импорт долгий, а нужен только здесь

    return bool(tf.config.list_physical_devices("GPU"))


def choose(settings: dict[str, dict]) -> SimpleNamespace:
    """Печатает настройки всех профилей и возвращает настройки активного как атрибуты (и `.profile`).

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
    return SimpleNamespace(**settings[active], profile=active)


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
