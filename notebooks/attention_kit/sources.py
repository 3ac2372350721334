"""Откуда берутся данные: COURSE_DATA, сеть, встроенное. Скачивание — с общим ограничением времени."""

import errno
import hashlib
import os
import re
import subprocess
import sys
import urllib.request
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from filelock import FileLock, Timeout

T = TypeVar("T")

NOTEBOOKS = Path(__file__).resolve().parents[1]  # папка с блокнотами, data/ и этим пакетом


DISK = {  # прочие причины — словами системы
    errno.ENOSPC: "на диске нет места",
    errno.EDQUOT: "исчерпана квота на диске",
    errno.EACCES: "нет права писать",
    errno.EPERM: "нет права писать",
    errno.EROFS: "папка только для чтения",
}


class SourceError(RuntimeError):
    """Источник данных недоступен или испорчен; сообщение — одно русское предложение с причиной."""


def course_data() -> Path | None:
    """Папка с данными пользователя из COURSE_DATA; None, если переменная не задана."""
    value = os.environ.get("COURSE_DATA", "")
    if not value:
        return None
    if not Path(value).is_dir():
        raise ValueError(
            f"COURSE_DATA={value!r}: такой папки нет. Укажите полный путь к существующей папке или уберите переменную."
        )
    return Path(value)


def cache_dir() -> Path:
    """Папка курса в кэше пользователя: COURSE_CACHE, иначе $XDG_CACHE_HOME или ~/.cache; создаётся, если её нет."""
    own = os.environ.get("COURSE_CACHE")
    way_out = "Задайте в COURSE_CACHE папку, в которую можно писать."
    try:
        usual = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache", "attention-course")
        path = Path(own or usual).expanduser()
        path.mkdir(parents=True, exist_ok=True)
    except RuntimeError as error:
        raise SourceError(f"Домашней папки нет. {way_out}") from error
    except OSError as error:
        raise SourceError(f"Папку кэша создать не удалось: {disk(error)}. {way_out}") from error
    if signs := sorted(set("[]*?") & set(str(path))):
        raise SourceError(
            f"В пути к папке кэша есть {' '.join(signs)}, для TensorFlow это шаблон имён. {way_out}"
        )
    return path


def disk(error: Exception) -> str | None:
    """Причина отказа диска по-русски; None — диск ни при чём. Библиотеки на Rust пишут код только в тексте."""
    code = getattr(error, "errno", None)
    if found := re.search(r"os error (\d+)", str(error)):
        code = int(found[1])
    return DISK.get(code) or (os.strerror(code) if code else None)


@contextmanager
def writing(path: Path, timeout: float = 60) -> Iterator[None]:
    """Один пишущий на файл path; замок не дождались или диск отказал — SourceError с причиной.

    Читать можно и без замка: готовый файл появляется одной заменой.
    """
    try:
        with FileLock(path.with_suffix(".lock"), timeout=timeout):
            yield
    except Timeout:
        raise SourceError("другой блокнот слишком долго пишет те же данные") from None
    except Exception as error:
        if not (reason := disk(error)):
            raise
        raise SourceError(f"записать в папку кэша не удалось: {reason}") from error


def cached(name: str, prepare: Callable[[Path], object], read: Callable[[Path], T], timeout: float) -> T:
    """Прочитанный файл кэша; если его нет или он повреждён, prepare(путь) готовит новый."""
    path = cache_dir() / name
    part = path.with_suffix(".part")
    try:
        return read(path)
    except (SourceError, OSError):
        old = path.exists() and path.stat().st_mtime_ns
    with writing(path, timeout):
        if path.exists():
            if path.stat().st_mtime_ns != old:  # пока ждали замка, файл подготовил сосед
                return read(path)
            print(f"Файл {name} в кэше повреждён: удаляем и скачиваем заново.")
            path.unlink()
        try:
            prepare(part)
            value = read(part)
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
    return value


def read_zip(path: Path, *names: str) -> list[bytes]:
    """Файлы архива; если он повреждён — SourceError."""
    try:
        with zipfile.ZipFile(path) as content:  # read сверяет CRC
            return [content.read(name) for name in names]
    # от испорченного байта zipfile бросает что угодно, вплоть до NotImplementedError
    except Exception as error:
        raise SourceError(f"файл — не архив с {' и '.join(names)} или повреждён") from error


def file_sha256(path: Path) -> str:
    """Контрольная сумма SHA-256 файла, шестнадцатеричная."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def download(url: str, dest: Path, timeout: float = 60) -> None:
    """Скачивает url в файл dest не дольше timeout секунд в сумме.

    Качает дочерний процесс: у библиотек нет общего ограничения времени, а процесс можно остановить,
    даже если сервер отдаёт по байту в секунду. Пока не скачан весь, файл лежит рядом под именем *.part;
    при любой неудаче (SourceError) не остаётся ничего недописанного, а прежний dest цел.
    """
    part = dest.with_name(f"{dest.name}.{os.getpid()}.part")
    try:
        run_script("_fetch.py", url, part, timeout=timeout, late="сервер не отдал файл")
        part.replace(dest)
    finally:
        part.unlink(missing_ok=True)


def run_script(script: str, *arguments: object, timeout: float, late: str, **environment: str) -> str:
    """Выполняет script этого пакета в дочернем процессе не дольше timeout секунд; возвращает его вывод.

    Неудача — SourceError: с последней строкой, которую процесс написал в stderr, или «late за … с».
    environment — переменные среды процесса вдобавок к нынешним.
    """
    command = [sys.executable, "-P", Path(__file__).with_name(script), *arguments]
    try:
        done = subprocess.run(
            list(map(str, command)), check=False, capture_output=True, timeout=timeout,
            env=os.environ | environment, encoding="utf-8", errors="replace",
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise SourceError(f"{late} за {timeout:g} с") from None
    if done.returncode:
        said = done.stderr.strip().splitlines()[-1:] if done.returncode > 0 else []
        reason = said[0] if said else "процесс остановлен системой"
        for code, words in DISK.items():  # дочерний процесс пишет отказ диска словами системы
            reason = reason.replace(os.strerror(code), words)
        raise SourceError("; ".join([reason, *_odd_proxies()]))
    return done.stdout


def _odd_proxies() -> list[str]:
    """Прокси, которых не понимают библиотеки скачивания, например socks5://."""
    found = {k: p.split("://")[0] for k, p in urllib.request.getproxies().items() if "://" in p}
    return [
        f"прокси из {kind}_proxy — {scheme}://, а нужен http://"
        for kind, scheme in found.items()
        if kind in ("http", "https", "all") and scheme not in ("http", "https")
    ]
