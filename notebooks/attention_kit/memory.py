"""Сколько памяти занимал процесс и как её вернуть."""

import ctypes
import gc
import re
import sys
from pathlib import Path


def peak_megabytes() -> float:
    """Наибольшая память (RSS) этого процесса с его начала, МБ (2²⁰ байт)."""
    if sys.platform == "linux":
        # Не getrusage: его ru_maxrss переживает exec, и новому процессу достаётся максимум родителя.
        status = Path("/proc/self/status").read_text(encoding="ascii", errors="replace")
        return int(re.search(r"VmHWM:\s*(\d+)", status)[1]) / 2**10
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20  # в macOS — байты


def release() -> None:
    """Возвращает системе память, которую занимали удалённые модели: TensorFlow держит её в запасе (Linux)."""
    gc.collect()
    if sys.platform == "linux" and hasattr(libc := ctypes.CDLL(None), "malloc_trim"):
        libc.malloc_trim(0)
