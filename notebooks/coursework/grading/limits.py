"""Пределы памяти и числа процессов: группа Linux (cgroup), а где её нет — наблюдатель."""

import os
import threading
import time
import uuid
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import psutil

CGROUP = Path("/sys/fs/cgroup")


class Group:
    """Группа процессов: не больше memory байт памяти (без подкачки) и processes потоков. Нужны права root.

    OSError, если такой группы здесь завести нельзя.
    """

    def __init__(self, memory: int, processes: int | None = None) -> None:
        self.second = (CGROUP / "cgroup.controllers").exists()
        name = f"attention-course-{os.getpid()}-{uuid.uuid4().hex[:8]}"
        limits = {"memory.max" if self.second else "memory.limit_in_bytes": memory}
        if processes:
            limits["pids.max"] = processes
        if self.second:
            with suppress(OSError):  # учёт включает корневая группа
                (CGROUP / "cgroup.subtree_control").write_text("+memory +pids")
            self.folders = {CGROUP / name}
        else:
            self.folders = {CGROUP / limit.split(".")[0] / name for limit in limits}
        try:
            for folder in self.folders:
                remove_abandoned(folder.parent)
                folder.mkdir()
            for limit, value in limits.items():
                self._file(limit).write_text(str(value))
        except OSError:
            self._remove()
            raise
        with suppress(OSError):  # там, где подкачки нет, нет и её предела
            swap = "memory.swap.max" if self.second else "memory.memsw.limit_in_bytes"
            self._file(swap).write_text("0" if self.second else str(memory))

    def _file(self, name: str) -> Path:
        folder = next(
            f for f in self.folders if self.second or f.parent.name == name.split(".")[0]
        )
        return folder / name

    def command(self, command: Sequence[str]) -> list[str]:
        """Команда, которая сначала входит в группу."""
        enter = " && ".join(f"echo $$ > {folder}/cgroup.procs" for folder in self.folders)
        return ["sh", "-c", f'{enter} && exec "$@"', "sh", *command]

    def read(self, file: str, key: str) -> int:
        """Число из файла вида «ключ число»."""
        lines = (line.split() for line in self._file(file).read_text().splitlines())
        return next(int(line[1]) for line in lines if line[0] == key)

    @property
    def killed(self) -> int:
        """Сколько процессов система остановила из-за нехватки памяти."""
        return self.read("memory.events" if self.second else "memory.oom_control", "oom_kill")

    @property
    def used(self) -> int:
        """Занято сейчас, байт; страницы файлов не считаются."""
        return self.read("memory.stat", "anon" if self.second else "total_rss")

    def kill(self) -> None:
        """Останавливает все процессы группы."""
        with suppress(FileNotFoundError):  # группу уже удалил другой поток
            for folder in self.folders:
                while pids := (folder / "cgroup.procs").read_text().split():
                    for pid in pids:
                        with suppress(ProcessLookupError):
                            os.kill(int(pid), 9)
                    time.sleep(0.02)

    def close(self) -> None:
        """Останавливает всё, что осталось в группе, и удаляет её."""
        self.kill()
        self._remove()

    def _remove(self) -> None:
        for folder in self.folders:
            with suppress(OSError):
                folder.rmdir()


def remove_abandoned(root: Path) -> None:
    """Удаляет пустые группы проверок, прерванных на середине."""
    for folder in root.glob("attention-course-*-*"):
        if not psutil.pid_exists(int(folder.name.split("-")[2])):
            with suppress(OSError):
                folder.rmdir()


class Watcher(threading.Thread):
    """То же без прав root: раз в 0,1 с считает память и процессы и останавливает тех, кто вышел за предел."""

    def __init__(self, process, memory: int, processes: int) -> None:
        super().__init__(daemon=True)
        self.process, self.memory, self.processes = process, memory, processes
        self.reason, self._stop_event = "", threading.Event()

    def run(self) -> None:
        while not self._stop_event.wait(0.1) and not self.reason:
            family = self._family()
            if len(family) > self.processes:
                self.reason = f"код запустил больше {self.processes} процессов"
            elif sum(map(_memory, family)) > self.memory:
                self.reason = f"код занял больше {self.memory / 2**30:.1f} ГиБ памяти"
        if self.reason:
            self.kill()

    def _family(self) -> list[psutil.Process]:
        with suppress(psutil.Error):
            parent = psutil.Process(self.process.pid)
            return [parent, *parent.children(recursive=True)]
        return []

    def kill(self) -> None:
        """Останавливает процесс со всеми потомками."""
        for process in reversed(self._family()):
            with suppress(psutil.Error):
                process.kill()

    def close(self) -> None:
        self._stop_event.set()


def _memory(process: psutil.Process) -> int:
    """Память процесса, байт; общее с другими поделено (pss), где система это считает."""
    with suppress(psutil.Error):
        info = process.memory_full_info()
        return getattr(info, "pss", info.rss)
    return 0
