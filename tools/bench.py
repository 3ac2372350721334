"""Замеры блокнотов: `make bench` — время, память, секунды на эпоху и до первой тепловой карты."""

import os
import re
import sys
import tempfile
import threading
import time
from contextlib import suppress
from pathlib import Path

import nbformat
import pandas as pd
import psutil
from attention_kit.results import hardware
from nbclient import NotebookClient
from nbformat import NotebookNode

from run_notebooks import BUILD, NotebookError, execute, parse

HEATMAP_ALT = 'alt="Тепловая карта'
EPOCH_LINE = re.compile(r"^(.*?)[\s:—-]*(\d+(?:[.,]\d+)?) с на эпоху", re.MULTILINE)
COLUMNS = {
    "notebook": "блокнот",
    "seconds": "всего, с",
    "peak_gb": "память, ГБ",
    "first_heatmap": "до карты, с",
    "per_epoch": "с на эпоху",
    "error": "ошибка",
}


class PeakMemory:
    """Наибольшая сумма RSS всех потомков процесса pid, в байтах (`.peak`); замер каждые 0,1 с."""

    def __init__(self, pid: int) -> None:
        self.peak = 0
        self._process = psutil.Process(pid)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> "PeakMemory":
        self._thread.start()
        return self

    def __exit__(self, *_) -> None:
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._stop.wait(0.1):
            self.peak = max(self.peak, self._now())

    def _now(self) -> int:
        total = 0
        with suppress(psutil.NoSuchProcess):  # процесс мог закончиться между двумя вызовами
            for child in self._process.children(recursive=True):
                with suppress(psutil.NoSuchProcess):
                    total += child.memory_info().rss
        return total


class HeatmapClient(NotebookClient):
    """Запоминает, когда пришла первая тепловая карта (`.heatmap_at`, time.monotonic)."""

    heatmap_at: float | None = None

    def process_message(self, msg, cell, cell_index):
        html = (msg["content"].get("data") or {}).get("text/html", "")
        if self.heatmap_at is None and HEATMAP_ALT in html:
            self.heatmap_at = time.monotonic()
        return super().process_message(msg, cell, cell_index)


def measure(path: Path, profile: str) -> dict[str, str]:
    """Выполняет блокнот с пустым кэшем; возвращает строку таблицы (ключи COLUMNS)."""
    nb, started, row = nbformat.read(path, as_version=4), time.monotonic(), dict.fromkeys(COLUMNS, "")
    with tempfile.TemporaryDirectory() as cache, PeakMemory(os.getpid()) as memory:
        try:
            env = {"COURSE_PROFILE": profile, "COURSE_CACHE": cache}
            client = execute(nb, path.parent, env, client_class=HeatmapClient)
        except NotebookError as error:
            return row | {"notebook": path.stem, "error": str(error).splitlines()[0]}
        seconds = time.monotonic() - started
    heatmap = client.heatmap_at and client.heatmap_at - started
    return row | {
        "notebook": path.stem,
        "seconds": f"{seconds:.0f}",
        "peak_gb": f"{memory.peak / 1e9:.2f}",
        "first_heatmap": f"{heatmap:.0f}" if heatmap else "нет карты",
        "per_epoch": epoch_seconds(nb),
    }


def epoch_seconds(nb: NotebookNode) -> str:
    """Строки «модель: 12,3 с на эпоху», которые напечатали ячейки: «модель 12,3; …»."""
    texts = (output.get("text", "") for cell in nb.cells for output in cell.get("outputs", []))
    return "; ".join(
        f"{model} {value}".strip() for text in texts for model, value in EPOCH_LINE.findall(text)
    )


def machine() -> str:
    """Процессор, ядра и память — или имя GPU в профиле gpu."""
    info = Path("/proc/cpuinfo")
    names = re.findall(r"^model name\s*:\s*(.+)$", info.read_text(), re.MULTILINE) if info.exists() else []
    return ", ".join([hardware(), *names[:1]])


def main(arguments: list[str] | None = None) -> None:
    options = parse("Измерить время и память блокнотов; таблица — в build/bench.csv.", "cpu", arguments)
    os.environ["COURSE_PROFILE"] = options.profile
    rows = []
    for path in options.paths:
        print(f"{path.stem}: выполняется…", flush=True)
        rows.append(measure(path, options.profile))
    table, where = pd.DataFrame(rows), machine()
    shown = table.loc[:, (table != "").any()].rename(columns=COLUMNS)
    print(f"\nМашина: {where}; профиль {options.profile}\n{shown.to_string(index=False)}")
    BUILD.mkdir(exist_ok=True)
    table.assign(profile=options.profile, hardware=where).to_csv(BUILD / "bench.csv", index=False)
    if any(table["error"]):
        sys.exit(1)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit("\nПрервано.")
