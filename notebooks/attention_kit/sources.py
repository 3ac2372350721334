"""Откуда берутся данные: COURSE_DATA, сеть, встроенное. Скачивание — с общим ограничением времени."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

NOTEBOOKS = Path(__file__).resolve().parents[1]  # папка с блокнотами, data/ и этим пакетом


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
    value = os.environ.get("COURSE_CACHE", "")
    usual = (
        Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "attention-course"
    )
    path = Path(value) if value else usual
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ValueError(
            f"Папку кэша {path} создать не удалось ({error.strerror}). "
            "Задайте в COURSE_CACHE папку, в которую можно писать."
        ) from error
    return path


def file_sha256(path: Path) -> str:
    """Контрольная сумма SHA-256 файла, шестнадцатеричная."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def download(
    url: str, dest: Path | str, sha256: str | None = None, timeout: float = 60
) -> Path:
    """Скачивает url в файл dest не дольше timeout секунд в сумме и возвращает путь к нему.

    Качает дочерний процесс: у библиотек нет общего ограничения времени, а процесс можно остановить,
    даже если сервер отдаёт по байту в секунду. До проверки файл лежит рядом под именем *.part;
    при любой неудаче (SourceError) не остаётся ничего недописанного, а прежний dest цел.
    """
    dest = Path(dest)
    part = dest.with_name(f"{dest.name}.{os.getpid()}.part")
    try:
        run_script("_fetch.py", url, part, timeout=timeout, late="сервер не отдал файл")
        if sha256 and file_sha256(part) != sha256:
            raise SourceError("контрольная сумма скачанного файла не совпала с ожидаемой")
        part.replace(dest)
    finally:
        part.unlink(missing_ok=True)
    return dest


def run_script(
    script: str, *arguments: object, timeout: float, late: str, **environment: str
) -> str:
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
        reason = done.stderr.strip().splitlines()[-1:] if done.returncode > 0 else []
        raise SourceError(*reason or ["процесс остановлен системой"])
    return done.stdout
