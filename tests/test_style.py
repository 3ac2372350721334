"""Код и блокноты оформлены так, как требует ruff; разметка файлов проверена и на подложенной ошибке."""

import subprocess
import sys
from pathlib import Path

import pytest

from conftest import ROOT

RUFF = [sys.executable, "-m", "ruff"]


@pytest.mark.parametrize("command", [["check"], ["format", "--check"]], ids=" ".join)
def test_ruff(command: list[str]) -> None:
    done = subprocess.run([*RUFF, *command, str(ROOT)], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("command", "code"),
    [(["check"], "import os\n"), (["format", "--check"], "x = 'a'\n")],
    ids=["check", "format"],
)
def test_ruff_finds_a_fault(tmp_path: Path, command: list[str], code: str) -> None:
    (tmp_path / "bad.py").write_text(code)
    config = ["--config", str(ROOT / "pyproject.toml")]
    done = subprocess.run([*RUFF, *command, *config, str(tmp_path)], capture_output=True, text=True)
    assert done.returncode == 1, done.stdout + done.stderr
