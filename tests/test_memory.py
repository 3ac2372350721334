"""Наибольшая память процесса: освобождённое помнится, память родителя не приписывается потомку."""

import subprocess
import sys

import attention_kit as ak
import pytest

PRINT = "from attention_kit.memory import peak_megabytes as peak\n"


def run(code: str) -> list[float]:
    """Числа, которые напечатал новый процесс."""
    done = subprocess.run([sys.executable, "-c", PRINT + code], capture_output=True, text=True, check=True)
    return [float(number) for number in done.stdout.split()]


def test_freed_memory_is_remembered() -> None:
    before, after = run("print(peak()); block = b'x' * 200_000_000; del block; print(peak())")
    assert 180 < after - before < 220


def test_memory_of_the_parent_is_not_counted() -> None:
    block = b"x" * 500_000_000
    (child,) = run("print(peak())")
    assert ak.peak_megabytes() > len(block) / 2**20 > 2 * child


NOW = "now = lambda: int(open('/proc/self/statm').read().split()[1]) * 4 / 1024\n"


@pytest.mark.skipif(sys.platform != "linux", reason="память возвращает только glibc")
def test_release_gives_the_memory_back() -> None:
    """Мелкие куски под живым верхним Python освобождает, но системе не отдаёт."""
    code = "import attention_kit as ak\nblocks = [bytearray(100_000) for _ in range(3000)]\ntop = bytearray(100_000)\n"
    kept, given = run(NOW + code + "del blocks\nprint(now())\nak.release()\nprint(now())")
    assert given < kept - 200
