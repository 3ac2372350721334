"""Запуск nbval над одним блокнотом в отдельном процессе — для test_notebooks и test_faults."""

import os
import re
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

import psutil

from bench import PeakMemory

TESTS = Path(__file__).resolve().parent
CELL_TIMEOUT = 120
DEAD_PROXY = "http://127.0.0.1:9"  # порт, где никто не отвечает: попытка выйти в сеть кончается сразу


@dataclass(frozen=True)
class Run:
    """Итог прогона: упавшие ячейки кода (номер с единицы → отчёт nbval), сколько их всего, секунды, байты."""

    failures: dict[int, str]
    cells: int
    seconds: float
    peak: int

    def report(self) -> str:
        """Отчёты упавших ячеек: их код и что не так."""
        return "\n\n".join(f"=== ячейка кода {number} ===\n{text}" for number, text in self.failures.items())


def run_nbval(notebook: Path, folder: Path, timeout: float) -> Run:
    """Прогоняет блокнот строгим nbval в профиле quick: пустой кэш, без COURSE_DATA и без сети.

    folder — временная папка для кэша и отчёта. AssertionError, если прогон не кончился за timeout секунд
    или ни одна ячейка не была запущена.
    """
    report = folder / "nbval.xml"
    command = [
        sys.executable, "-m", "pytest", "-c", os.devnull, "--rootdir", notebook.parent, "-q", "--color=no",
        "-p", "no:cacheprovider", "-p", "nbval_stderr", "-p", "nbval.plugin",
        "--nbval", "--nbval-current-env", "--nbval-sanitize-with", TESTS / "nbval.cfg",
        "--nbval-cell-timeout", str(CELL_TIMEOUT), "--junitxml", report, notebook,
    ]  # fmt: skip
    started = time.monotonic()
    output = {"text": True, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    process = subprocess.Popen(command, cwd=TESTS, env=_environment(folder), **output)
    with PeakMemory(process.pid) as memory:
        try:
            output, _ = process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            _kill_tree(process)
            raise AssertionError(f"{notebook.name}: не выполнен за {timeout:.0f} с.") from None
    seconds = time.monotonic() - started
    assert report.exists(), f"{notebook.name}: nbval не запустился.\n{output}"
    cells = ElementTree.parse(report).findall(".//testcase")
    assert cells, f"{notebook.name}: nbval не нашёл ячеек.\n{output}"
    return Run(_failures(cells), len(cells), seconds, memory.peak)


def _failures(cells: list[ElementTree.Element]) -> dict[int, str]:
    """Всё, что не прошло: упало, не запустилось или пропущено (так nbval поступает, когда время вышло)."""
    found = {}
    for number, cell in enumerate(cells, start=1):
        for problem in cell:
            if problem.tag in ("failure", "error", "skipped"):
                text = problem.text or problem.get("message", "")
                found[number] = re.sub(r"#x1B\[[0-9;]*m", "", text)
    return found


def _environment(folder: Path) -> dict[str, str]:
    ignored = ("COURSE_", "PYTEST_", "TF_", "KERAS_")  # TF_CPP_MIN_LOG_LEVEL задал импорт attention_kit здесь
    kept = {key: value for key, value in os.environ.items() if not key.startswith(ignored)}
    proxies = dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"), DEAD_PROXY)
    ours = {
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        "COURSE_PROFILE": "quick",
        "COURSE_CACHE": str(folder / "cache"),
        "IPYTHONDIR": str(folder / "ipython"),  # личные настройки IPython не должны влиять на тесты
        "PYTHONUTF8": "1",
    }
    return kept | proxies | ours


def _kill_tree(process: subprocess.Popen) -> None:
    children = psutil.Process(process.pid).children(recursive=True)
    for child in [psutil.Process(process.pid), *children]:
        child.kill()
    process.communicate()
