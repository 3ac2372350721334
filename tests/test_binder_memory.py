"""Предел памяти как в Binder: группа процессов останавливает того, кто берёт больше."""

import os
import sys

import pytest

import binder_memory

ROOT_ONLY = pytest.mark.skipif(
    os.geteuid() != 0 or not os.access("/sys/fs/cgroup", os.W_OK), reason="нужны права root и cgroup"
)
TAKE = "import time; block = b'x' * {megabytes} * 2**20; time.sleep(1)"


@ROOT_ONLY
@pytest.mark.parametrize(("megabytes", "killed"), [(60, 0), (400, 1)])
def test_limit_holds(megabytes: int, killed: int) -> None:
    with binder_memory.MemoryGroup(200 * 2**20) as group:
        code = group.start([sys.executable, "-c", TAKE.format(megabytes=megabytes)]).wait()
        assert (group.killed, code) == ((1, -9) if killed else (0, 0))
        assert 60 * 2**20 < group.peak <= 200 * 2**20
    assert not any(folder.exists() for folder in group.folders)


@ROOT_ONLY
def test_children_are_counted_and_one_core_is_given(capfd: pytest.CaptureFixture) -> None:
    code = f"import os, subprocess, sys; print(len(os.sched_getaffinity(0)), flush=True); sys.exit(subprocess.run([sys.executable, '-c', {TAKE.format(megabytes=400)!r}]).returncode)"
    with binder_memory.MemoryGroup(200 * 2**20) as group:
        assert group.start([sys.executable, "-c", code]).wait() != 0
        assert group.killed == 1
    assert capfd.readouterr().out == "1\n"


def test_refusal_is_one_russian_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self, *args, **kwargs):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("pathlib.Path.mkdir", refuse)
    with pytest.raises(SystemExit, match="нужны Linux, права root и cgroup"):
        binder_memory.MemoryGroup(2**30)
