"""Скачивание против местного сервера, который ведёт себя плохо; COURSE_DATA и кэш."""

import errno
import os
import subprocess
import time

import attention_kit as ak
import pytest
from attention_kit import sources
from filelock import FileLock

from bad_server import bad_server

BODY = "данные курса".encode() * 1000


@pytest.fixture
def server():
    with bad_server() as address:
        yield address


def test_good_file_is_downloaded(server, tmp_path):
    ak.download(server("good", BODY), tmp_path / "file", timeout=20)
    assert (tmp_path / "file").read_bytes() == BODY
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize(
    ("behaviour", "timeout", "reason"),
    [
        ("hang", 1.5, "не отдал файл за 1.5 с"),
        ("drip", 1.5, "не отдал файл за 1.5 с"),
        ("cut", 20, "оборвалось"),
        ("404", 20, "кодом 404"),
    ],
)
def test_failure_is_said_in_time_and_leaves_nothing(server, tmp_path, behaviour, timeout, reason):
    dest = tmp_path / "file"
    dest.write_text("прежний")
    started = time.monotonic()
    with pytest.raises(ak.SourceError, match=reason):
        ak.download(server(behaviour, BODY), dest, timeout=timeout)
    assert time.monotonic() - started < timeout + 2
    assert [p.name for p in tmp_path.iterdir()] == ["file"]
    assert dest.read_text() == "прежний"


def test_no_server_at_all(tmp_path):
    with pytest.raises(ak.SourceError, match="нет связи"):
        ak.download("http://127.0.0.1:9/x", tmp_path / "file", timeout=20)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("code", "said", "reason"),
    [
        (-9, "какой-то вывод", "процесс остановлен системой"),
        (1, f"Traceback\nне удалось ({os.strerror(errno.ENOSPC)})\n", r"не удалось \(на диске нет места\)"),
    ],
)
def test_failed_child_is_said_in_russian(code: int, said: str, reason: str, monkeypatch, tmp_path):
    failed = subprocess.CompletedProcess([], code, "", said)
    monkeypatch.setattr(subprocess, "run", lambda *args, **options: failed)
    with pytest.raises(ak.SourceError, match=reason):
        ak.download("http://127.0.0.1:9/x", tmp_path / "file")


def test_endless_neighbour_is_not_waited_for(tmp_path):
    said = pytest.raises(ak.SourceError, match="другой блокнот")
    with FileLock(tmp_path / "x.lock"), said, sources.writing(tmp_path / "x.zip", timeout=0):
        pass


def test_course_data(monkeypatch, tmp_path):
    monkeypatch.delenv("COURSE_DATA", raising=False)
    assert ak.course_data() is None
    monkeypatch.setenv("COURSE_DATA", str(tmp_path))
    assert ak.course_data() == tmp_path
    monkeypatch.setenv("COURSE_DATA", str(tmp_path / "нет"))
    with pytest.raises(ValueError, match="такой папки нет"):
        ak.course_data()


def test_cache_dir(monkeypatch, tmp_path):
    monkeypatch.delenv("COURSE_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert ak.cache_dir() == tmp_path / "xdg" / "attention-course"
    monkeypatch.setenv("COURSE_CACHE", str(tmp_path / "своя"))
    assert ak.cache_dir() == tmp_path / "своя"
    assert (tmp_path / "своя").is_dir()
    (tmp_path / "файл").touch()
    monkeypatch.setenv("COURSE_CACHE", str(tmp_path / "файл" / "кэш"))
    with pytest.raises(ak.SourceError, match="COURSE_CACHE"):
        ak.cache_dir()


def test_cache_dir_in_the_home_folder(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("COURSE_CACHE", "~/x")
    assert ak.cache_dir() == tmp_path / "x"


def test_no_home_folder(monkeypatch):
    for name in ("HOME", "COURSE_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("os.path.expanduser", lambda path: path)
    with pytest.raises(ak.SourceError, match="Домашней папки нет.*COURSE_CACHE"):
        ak.cache_dir()


@pytest.mark.parametrize("name", ["курс [1]", "курс*"])
def test_pattern_in_the_cache_path(monkeypatch, tmp_path, name):
    monkeypatch.setenv("COURSE_CACHE", str(tmp_path / name))
    with pytest.raises(ak.SourceError, match="шаблон имён.*COURSE_CACHE"):
        ak.cache_dir()


class RustError(Exception):
    """Как SafetensorError: код системы только в тексте."""


FAULTS = {
    "полный диск": (OSError(errno.ENOSPC, "No space left on device"), "нет места"),
    "полный диск, Rust": (RustError("I/O error: No space left on device (os error 28)"), "нет места"),
    "чужой файл": (PermissionError(errno.EACCES, "Permission denied"), "нет права писать"),
    "только чтение": (OSError(errno.EROFS, "Read-only file system"), "только для чтения"),
}


@pytest.mark.parametrize(("error", "reason"), FAULTS.values(), ids=FAULTS)
@pytest.mark.parametrize("place", ["замок", "запись"])
def test_disk_failure_is_said_and_reading_goes_on(monkeypatch, tmp_path, error, reason, place):
    monkeypatch.setenv("COURSE_CACHE", str(tmp_path))

    def fail(*args: object, **options: object) -> None:
        raise error

    def get(prepare):
        return sources.cached("x.zip", prepare, lambda path: path.read_text(), timeout=1)

    with monkeypatch.context() as patch:
        if place == "замок":
            patch.setattr(sources, "FileLock", fail)
        with pytest.raises(ak.SourceError, match=reason):
            get(fail if place == "запись" else lambda path: path.write_text("новый"))
    assert {path.name for path in tmp_path.iterdir()} <= {"x.lock"}
    get(lambda path: path.write_text("готовый"))
    monkeypatch.setattr(sources, "FileLock", fail)
    assert get(fail) == "готовый", "готовое читается без замка и без записи"


def test_error_that_is_not_the_disk_passes(tmp_path):
    with pytest.raises(KeyError), sources.writing(tmp_path / "x"):
        raise KeyError("другое")


@pytest.mark.parametrize("scheme", ["socks5", "ftp"])
def test_scheme_of_the_proxy_is_named(monkeypatch, tmp_path, scheme):
    monkeypatch.setenv("http_proxy", f"{scheme}://127.0.0.1:9")
    with pytest.raises(ak.SourceError, match=f"http_proxy — {scheme}://"):
        ak.download("http://example.test/x", tmp_path / "file", timeout=20)
