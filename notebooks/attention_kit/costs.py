"""Цена функции блокнота — время и память; измеряет отдельный процесс."""

import inspect
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence

from attention_kit.memory import peak_megabytes

Row = tuple[int, float, float]  # размер, миллисекунд, прибавка памяти в МБ


def step_costs(make_step: Callable[[str, int], Callable], kind: str, sizes: Sequence[int]) -> list[Row]:
    """Цена вызова make_step(kind, size)() при каждом размере; размеры — по возрастанию.

    Память — наибольшая за жизнь процесса, поэтому процесс новый: иначе в неё попал бы весь блокнот.
    make_step — функция блокнота; кроме keras и tensorflow (tf) ей ничего не должно быть нужно.
    RuntimeError с последней строкой ошибки, если измерить не удалось.
    """
    lines = [
        "import json, keras, tensorflow as tf",
        "from attention_kit.costs import measure",
        inspect.getsource(make_step),
        f"print(json.dumps(measure({make_step.__name__}, {kind!r}, {list(sizes)})))",
    ]
    env = os.environ | {"CUDA_VISIBLE_DEVICES": "-1"}
    command = [sys.executable, "-c", "\n".join(lines)]
    done = subprocess.run(command, env=env, capture_output=True, text=True)
    if done.returncode:
        reason = done.stderr.strip().splitlines()[-1:] or ["процесс остановлен системой"]
        raise RuntimeError(f"Измерить цену не удалось: {reason[0]}")
    return json.loads(done.stdout.splitlines()[-1])


def measure(make_step: Callable[[str, int], Callable], kind: str, sizes: Sequence[int]) -> list[Row]:
    """То же в этом процессе: время — наименьшее из пяти или более вызовов, память — прибавка к разгону."""
    rows, start = [], None
    for size in (2, *sizes):  # размер 2 — для разгона
        step, seconds, total = make_step(kind, size), [], 0.0
        step()
        while len(seconds) < 5 or total < 0.3:
            begin = time.perf_counter()
            step()
            seconds.append(time.perf_counter() - begin)
            total += seconds[-1]
        start = start or peak_megabytes()
        rows.append((size, min(seconds) * 1000, peak_megabytes() - start))
    return rows[1:]
