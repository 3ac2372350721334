"""Как в Binder: `make test-memory` — сервер JupyterLab и ядро вместе, одно ядро процессора, 2 ГиБ памяти, профиль quick.

Память ограничивает группа процессов Linux (cgroup, первой или второй версии), поэтому нужны права root.
"""

import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from run_notebooks import parse

ROOT = Path(__file__).resolve().parent.parent
LIMIT = 2 * 2**30  # столько даёт Binder серверу и ядру вместе, байт
MARGIN = 0.1 * 2**30  # столько должно оставаться свободным: на занятой машине память возвращают позже


class MemoryGroup:
    """Группа процессов с общим пределом памяти в limit байт, без подкачки; `.peak` — наибольшая занятая, без кэша файлов."""

    def __init__(self, limit: int) -> None:
        root = Path("/sys/fs/cgroup")
        self._second = (root / "cgroup.controllers").exists()
        self.folder = (root if self._second else root / "memory") / f"attention-course-{os.getpid()}"
        with suppress(OSError):  # во второй версии учёт памяти включает корневая группа
            (root / "cgroup.subtree_control").write_text("+memory")
        try:
            self.folder.mkdir()
            name = "memory.max" if self._second else "memory.limit_in_bytes"
            (self.folder / name).write_text(str(limit))
        except OSError as error:
            with suppress(OSError):
                self.folder.rmdir()
            raise SystemExit(
                f"Ограничить память нельзя ({error.strerror}): нужны Linux, права root и cgroup."
            ) from None
        with suppress(OSError):  # там, где подкачки нет, нет и её предела
            swap = "memory.swap.max" if self._second else "memory.memsw.limit_in_bytes"
            (self.folder / swap).write_text("0" if self._second else str(limit))
        self.peak, self._stop = 0, threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> "MemoryGroup":
        self._thread.start()
        return self

    def __exit__(self, *_) -> None:
        self._stop.set()
        self._thread.join()
        for pid in (self.folder / "cgroup.procs").read_text().split():
            with suppress(ProcessLookupError):
                os.kill(int(pid), 9)
        while (self.folder / "cgroup.procs").read_text():  # группа удаляется после последнего процесса
            time.sleep(0.1)
        self.folder.rmdir()

    def start(self, command: Sequence[object], **options) -> subprocess.Popen:
        """Запускает команду в этой группе и на одном ядре процессора."""
        one = min(os.sched_getaffinity(0))
        enter = f'echo $$ > {self.folder}/cgroup.procs && exec taskset -c {one} "$@"'
        return subprocess.Popen(["sh", "-c", enter, "sh", *map(str, command)], **options)

    def _read(self, file: str, key: str) -> int:
        lines = (self.folder / file).read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.split()[0] == key)

    @property
    def killed(self) -> int:
        """Сколько процессов система остановила из-за нехватки памяти."""
        return self._read("memory.events" if self._second else "memory.oom_control", "oom_kill")

    def _watch(self) -> None:
        while not self._stop.wait(0.1):
            self.peak = max(self.peak, self._read("memory.stat", "anon" if self._second else "total_rss"))


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
