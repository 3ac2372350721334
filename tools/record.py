"""Долгие измерения для notebooks/data/results.csv: `make record`.

Каждое измерение записывается сразу, как закончилось; прерванный запуск продолжается с того же места.
"""

import os
import sys

os.environ.setdefault("COURSE_PROFILE", "cpu")

import attention_kit as ak
from attention_kit.results import RECORDED, course_version

from experiments import Experiment, bert, news, rnn, speed, tasks


def experiments() -> list[Experiment]:
    """Все измерения, в порядке выполнения."""
    return [*rnn.plan(), *news.plan(), *bert.plan(), *tasks.plan(), *speed.plan()]


def recorded() -> set[tuple[str, str, str, str]]:
    """Что уже записано."""
    table = ak.results()
    table = table[table["origin"] == "записано"]
    return set(table[["notebook", "model", "data", "seed"]].itertuples(index=False, name=None))


def main() -> int:
    done, planned, version = recorded(), experiments(), course_version()
    for number, experiment in enumerate(planned, start=1):
        head = f"[{number} из {len(planned)}] {experiment.model}, {experiment.data}, зерно {experiment.seed}"
        if experiment.key in done:
            print(f"{head}: уже записано", flush=True)
            continue
        print(head, flush=True)
        try:
            parameters, seconds, scores = experiment.run(experiment.seed)
            rows = [(quality, round(value, 4)) for quality, value in scores]
        except (ak.SourceError, ValueError) as error:
            print(f"  не измерено: {error}", file=sys.stderr)
            return 1
        for quality, value in rows:
            ak.record_result(
                RECORDED, notebook=experiment.notebook, model=experiment.model, data=experiment.data,
                parameters=parameters, quality=quality, value=value, seconds=round(seconds), seed=experiment.seed, commit=version,
            )  # fmt: skip
            print(f"  {quality}: {value}", flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
