"""Как в Binder: `make test-memory` — сервер JupyterLab и ядро вместе, одно ядро процессора, 2 ГиБ памяти, профиль quick.

Память ограничивает группа процессов Linux (cgroup, первой или второй версии), поэтому нужны права root.
"""

import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path

from run_notebooks import parse

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "notebooks" / "coursework"))

from grading.limits import Group  # noqa: E402

LIMIT = 2 * 2**30  # столько даёт Binder серверу и ядру вместе, байт
MARGIN = 0.1 * 2**30  # столько должно оставаться свободным: на занятой машине память возвращают позже


class MemoryGroup(Group):
    """Группа процессов с общим пределом памяти в limit байт; `.peak` — наибольшая занятая, без кэша файлов."""

    def __init__(self, limit: int) -> None:
        try:
            super().__init__(limit)
        except OSError as error:
            raise SystemExit(
                f"Ограничить память нельзя ({error.strerror}): нужны Linux, права root и cgroup."
            ) from None
        self.peak, self._stop = 0, threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> "MemoryGroup":
        self._thread.start()
        return self

    def __exit__(self, *_) -> None:
        self._stop.set()
        self._thread.join()
        self.close()

    def start(self, command: Sequence[object], **options) -> subprocess.Popen:
        """Запускает команду в этой группе и на одном ядре процессора."""
        one = str(min(os.sched_getaffinity(0)))
        return subprocess.Popen(self.command(["taskset", "-c", one, *map(str, command)]), **options)

    def _watch(self) -> None:
        while not self._stop.wait(0.1):
            self.peak = max(self.peak, self.used)


def measure(path: Path) -> str:
    """Выполняет блокнот рядом с работающим сервером; возвращает описание неудачи или пустую строку."""
    with tempfile.TemporaryDirectory() as folder, MemoryGroup(LIMIT) as group:
        env = os.environ | {"COURSE_PROFILE": "quick", "COURSE_DATA": "", "COURSE_CACHE": folder}
        quiet = {"env": env, "cwd": ROOT, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        server = [sys.executable, "-m", "jupyterlab", "notebooks", "--no-browser", "--allow-root", "--port=0"]
        group.start(server, **quiet)
        run = group.start(
            [sys.executable, "tools/run_notebooks.py", "--profile", "quick", path.stem], **quiet
        )
        code = run.wait()
        print(f"{path.stem}: до {group.peak / 2**30:.2f} ГиБ из {LIMIT / 2**30:.0f}", flush=True)
        if group.killed:
            return f"{path.stem}: памяти не хватило, ядро остановлено"
        if code:
            return f"{path.stem}: упала ячейка, см. build/{path.name}"
        if group.peak > LIMIT - MARGIN:
            return f"{path.stem}: запаса почти нет — {(LIMIT - group.peak) / 2**20:.0f} МиБ"
    return ""


def main(arguments: list[str] | None = None) -> None:
    paths = parse("Выполнить блокноты в условиях Binder.", "quick", arguments).paths
    if problems := [problem for path in paths if (problem := measure(path))]:
        sys.exit("\n".join(problems))


if __name__ == "__main__":
    main()
