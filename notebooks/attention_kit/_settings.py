"""Настройки других проектов, с которыми курс не работает: что можно — задаёт сам, об остальном говорит."""

import json
import os
import sys
from pathlib import Path


def check() -> None:
    """До импорта TensorFlow задаёт, что можно; ValueError — с тем, что исправить."""
    # До первого импорта TensorFlow: без его служебных сообщений.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    if os.environ.get("COURSE_PROFILE") == "quick":
        # oneDNN быстрее, но освобождённую память держит у себя: до 0,3 ГБ из двух обещанных.
        os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
    os.environ["KERAS_BACKEND"] = "tensorflow"
    if {"USE_TF", "USE_TORCH"} & os.environ.keys():  # их читает transformers
        os.environ |= {"USE_TF": "1", "USE_TORCH": "0"}
    if problem := _no_course() or _optimized() or _too_late() or _keras_file():
        raise ValueError(problem)


def _no_course() -> str:
    if Path(__file__).parents[1].joinpath("data").is_dir():
        return ""
    return (
        "Рядом с пакетом attention_kit нет блокнотов и данных курса: работайте в его папке (make lab) "
        "или установите пакет оттуда командой pip install -e ."
    )


def _optimized() -> str:
    if not sys.flags.optimize:
        return ""
    return (
        "Python запущен с -O или PYTHONOPTIMIZE, и проверки assert не выполняются: "
        "уберите эту настройку и перезапустите ядро."
    )


def _too_late() -> str:
    keras = sys.modules.get("keras")
    if keras and getattr(keras, "config", None) and keras.config.backend() != "tensorflow":
        return f"Keras уже работает на {keras.config.backend()} вместо TensorFlow: перезапустите ядро и начните с первой ячейки."
    eager = sys.modules.get("tensorflow.python.eager.context")
    if eager and eager.context()._initialized:
        return "TensorFlow в этом ядре уже считал: перезапустите ядро и начните с первой ячейки."
    return ""


def _keras_file() -> str:
    home = os.environ.get("KERAS_HOME") or os.path.expanduser("~/.keras")
    try:
        settings = json.loads(Path(home, "keras.json").read_text(encoding="utf-8"))
        floatx = settings.get("floatx", "float32")
    except (OSError, ValueError, AttributeError):
        return ""  # файла нет или он испорчен: Keras возьмёт обычные настройки
    if floatx == "float32":
        return ""
    return f"В keras.json (папка ~/.keras или KERAS_HOME) стоит floatx: {floatx}: замените на float32 и перезапустите ядро."


check()
