"""Сколько памяти занимал процесс."""

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
