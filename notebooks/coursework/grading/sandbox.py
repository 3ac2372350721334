"""Песочница: процесс студента без сети, чужих файлов и с пределами времени, памяти, процессов и диска."""

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from multiprocessing.connection import Connection
from pathlib import Path

from attention_kit.sources import NOTEBOOKS
from grading.limits import Group, Watcher
from grading.wire import LARGEST

HERE = Path(__file__).resolve().parent
HOME = "/home/student"
GRACE = 5  # секунд сверх предела: столько даётся коду, чтобы он остановился сам
READY = 120  # секунд на запуск процесса
NESTED = (
    200_000  # списков и словарей в одном ответе: из байта JSON выходит двадцать байт памяти
)


@dataclass(frozen=True)
class Limits:
    """Пределы одной работы: секунды на ячейку и на всё, байты памяти и диска, процессы (с потоками)."""

    cell: float = 90
    whole: float = 300
    memory: int = 4 * 2**30
    disk: int = 512 * 2**20
    processes: int = 1024


class Dead(Exception):
    """Процесса студента больше нет; сообщение — почему."""


class NoSandbox(Exception):
    """Песочницы на этой машине нет; сообщение — почему и что делать."""


@cache
def check_bubblewrap() -> None:
    """NoSandbox, если bubblewrap нет или он здесь не работает: некоторые системы запрещают пространства имён."""
    way_out = (
        "Проверяйте на Linux с bubblewrap (Debian и Ubuntu: sudo apt install bubblewrap) либо, если всем студентам "
        "доверяете, разрешите проверку без защиты: make grade UNSAFE=1."
    )
    try:
        done = subprocess.run(
            [*isolation(Limits(), "/nonexistent"), "true"],
            capture_output=True,
            text=True,
            timeout=20,
        )
    except FileNotFoundError:
        raise NoSandbox(f"Песочницы нет: не найдена программа bwrap. {way_out}") from None
    if done.returncode:
        raise NoSandbox(f"Песочница не работает: {done.stderr.strip()}. {way_out}")


def isolation(limits: Limits, work: str) -> list[str]:
    """Команда bwrap: видны только система и курс (для чтения), файлы работы (для чтения) и свой диск в памяти."""
    command = ["bwrap", "--unshare-all", "--unshare-user", "--disable-userns"]
    command += ["--die-with-parent", "--new-session", "--cap-drop", "ALL"]
    command += ["--uid", "1000", "--gid", "1000", "--hostname", "student"]
    # Без этого процесс, запущенный от root, менял бы в /proc/sys настройки самой машины.
    command += ["--proc", "/proc", "--ro-bind", "/proc/sys", "/proc/sys", "--dev", "/dev"]
    for folder in ("/tmp", "/dev/shm", HOME):
        command += ["--size", str(limits.disk), "--tmpfs", folder]
    for path in dict.fromkeys(visible()):
        command += ["--ro-bind-try", str(path), str(path)]
    if Path(work).is_dir():
        for path in Path(work).iterdir():
            command += ["--ro-bind", str(path), f"{HOME}/{path.name}"]
    return [*command, "--remount-ro", "/dev", "--remount-ro", "/", "--chdir", HOME, "--"]


def visible() -> Iterator[Path]:
    """Что видно в песочнице: система без настроек и паролей, Python, курс без решений и домашних работ."""
    yield from map(Path, ("/usr", "/bin", "/lib", "/lib64", "/sbin"))
    yield from map(
        Path, ("/etc/ld.so.cache", "/etc/alternatives", "/etc/fonts", "/etc/localtime")
    )
    yield from map(Path, (sys.base_prefix, os.path.realpath(sys.base_prefix), sys.prefix))
    yield from (
        NOTEBOOKS / "attention_kit",
        NOTEBOOKS / "data",
        HERE / "runner.py",
        HERE / "wire.py",
    )
    yield from NOTEBOOKS.glob("[0-9]*.ipynb")


class Sandbox:
    """Запущенный процесс студента. work — папка с его файлами; unsafe — без bubblewrap, только с пределами."""

    def __init__(
        self, work: Path, limits: Limits, unsafe: bool = False, cgroup: bool = True
    ) -> None:
        if not unsafe:
            check_bubblewrap()
        self._expired = self._out_of_memory = False
        self._received = 0  # байт во всех ответах
        self.limits, self._end = limits, time.monotonic() + limits.whole + READY
        self._folder = tempfile.TemporaryDirectory(prefix="attention-course-")
        home = self._folder.name if unsafe else HOME
        if unsafe:
            shutil.copytree(work, home, dirs_exist_ok=True)
        ours, theirs = socket.socketpair()
        command = [] if unsafe else isolation(limits, str(work))
        command += [sys.executable, str(HERE / "runner.py"), str(theirs.fileno())]
        try:
            self.group = Group(limits.memory, limits.processes) if cgroup else None
        except OSError:
            self.group = None
        self.process = subprocess.Popen(
            self.group.command(command) if self.group else command,
            pass_fds=[theirs.fileno()], cwd=home if unsafe else "/", env=environment(home),
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        theirs.close()
        self.connection = Connection(ours.detach())
        self.watcher = Watcher(self.process, limits.memory, limits.processes)
        if not self.group:
            self.watcher.start()

    def __enter__(self) -> "Sandbox":
        try:
            self.ask("run", READY, source="")
        except Dead as reason:  # кода студента ещё не было: виновата машина, а не он
            raise NoSandbox(f"Процесс для проверки не запустился: {reason}.") from None
        self._end = time.monotonic() + self.limits.whole
        return self

    def __exit__(self, *_) -> None:
        self.close()

    def ask(self, action: str, seconds: float | None = None, **request) -> dict:
        """Ответ процесса; Dead, если он не ответил вовремя, умер или ответил не данными."""
        left = self._end - time.monotonic()
        if left <= 0:
            self.close()
            raise Dead("вышло время на всю работу")
        seconds = min(seconds or self.limits.cell, left)
        alarm = threading.Timer(seconds + GRACE, self._expire)
        alarm.start()
        try:
            message = {"action": action, "seconds": seconds, **request}
            self.connection.send_bytes(json.dumps(message).encode())
            raw = self.connection.recv_bytes(LARGEST)
            self._received += len(raw)
            if self._received > 8 * LARGEST or raw.count(b"[") + raw.count(b"{") > NESTED:
                raise ValueError("ответ слишком большой")
            reply = json.loads(raw)
            if isinstance(reply, dict):
                return reply
            raise ValueError("ответ — не словарь")
        except (OSError, EOFError, ValueError, RecursionError) as error:
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(1)
            self.close()
            if self._expired:
                raise Dead(f"код не остановился за {seconds:.0f} с") from None
            raise Dead(self._reason(error)) from None
        finally:
            alarm.cancel()

    def _expire(self) -> None:
        self._expired = True
        self._kill()

    def _kill(self) -> None:
        """Останавливает всё, что студент запустил."""
        if self.group:
            self.group.kill()
        else:
            self.watcher.kill()
        self.process.kill()

    def _reason(self, error: Exception) -> str:
        if self.watcher.reason:
            return self.watcher.reason
        if self._out_of_memory:
            return f"код занял больше {self.limits.memory / 2**30:.1f} ГиБ памяти"
        if isinstance(error, (EOFError, ConnectionError)):
            return f"код завершил свою работу сам (код {self.process.returncode})"
        return "код прислал испорченный или слишком большой ответ"

    def close(self) -> None:
        """Останавливает всё и убирает за студентом."""
        if self.connection.closed:
            return
        self.connection.close()
        self.watcher.close()
        self._kill()
        self.process.wait()
        if self.group:
            self._out_of_memory = self.group.killed > 0
            self.group.close()
        self._folder.cleanup()


def environment(home: str) -> dict[str, str]:
    """Переменные процесса студента: только то, без чего не работают Python и курс."""
    cores = str(
        len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    )
    return {
        "HOME": home, "USER": "student", "LOGNAME": "student", "LANG": "C.UTF-8",
        "TMPDIR": "/tmp" if home == HOME else home, "PATH": "/usr/bin:/bin", "COURSE_PROFILE": "quick",
        "COURSE_CACHE": f"{home}/.cache", "MPLBACKEND": "module://matplotlib_inline.backend_inline",
        "IPYTHONDIR": f"{home}/.ipython", "OMP_NUM_THREADS": cores, "TF_NUM_INTRAOP_THREADS": cores,
        "PYTHONDONTWRITEBYTECODE": "1",
    }  # fmt: skip
