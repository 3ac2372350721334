"""Долгие измерения для notebooks/data/results.csv: `make record`.

Каждое измерение записывается сразу, как закончилось; прерванный запуск продолжается с того же места.
Модели и обучение берутся из самих блокнотов (ячейки с тегом definition), второй копии нет.
"""

import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

os.environ.setdefault("COURSE_PROFILE", "cpu")

import attention_kit as ak
from attention_kit.results import RECORDED, course_version

from notebook_code import definitions

ROOT = Path(__file__).resolve().parent.parent
Scores = Iterator[tuple[str, float]]  # (метрика, значение)


@dataclass(frozen=True)
class Experiment:
    """Одно обучение: что за модель, на чём, с каким зерном и функция, которая обучает и измеряет."""

    notebook: str
    model: str
    data: str
    seed: int
    run: Callable[[int], tuple[int, float, Scores]]  # зерно → (весов, секунд обучения, метрики)

    @property
    def key(self) -> tuple[str, str, str, str]:
        return self.notebook, self.model, self.data, str(self.seed)


def rnn_on_our_corpus(
    seed: int,
    attention: bool = True,
    epochs: int = 4,
    longest: int = ak.MAX_TRAIN,
    spread: float | None = None,
) -> tuple[int, float, Scores]:
    """Переводчик из 01: 20 000 пар до `longest` слов; BLEU и точные переводы по длинам, AER.

    spread — разброс начальных эмбеддингов кодировщика; None — как в блокноте.
    """
    nb = definitions(ROOT / "notebooks" / "01-rnn-attention.ipynb")
    corpus = ak.load_corpus(20_000, 800, 1200, 300)
    train, valid = ([p for p in part if p.length <= longest] for part in (corpus.train, corpus.valid))
    words = nb.make_words(corpus.train)
    nb.keras.utils.set_random_seed(seed)
    model = nb.Translator(len(words.source), len(words.target), 128, attention, spread)
    _, seconds = nb.train(model, train, words, epochs, valid)
    return model.count_params(), seconds, rnn_scores(nb, model, words, corpus)


def rnn_scores(nb: ModuleType, model: Any, words: Any, corpus: ak.Corpus) -> Scores:
    for low, high in ((2, 6), (7, 13), (14, 21), (22, 26), (27, 40)):
        part = [p for p in corpus.test + corpus.long if low <= p.length <= high]
        outputs, references = nb.translate_all(model, part, words), [ak.detokenize(p.en) for p in part]
        yield f"BLEU, {low}–{high} слов", ak.bleu(outputs, references)
        yield f"точно, {low}–{high} слов, %", ak.exact_match(outputs, references)
    if model.decoder.attention:
        yield "AER", nb.score(nb.links_of(model, corpus.test, words), corpus.test).aer


def rnn_on_tatoeba(seed: int, epochs: int) -> tuple[int, float, Scores]:
    """Переводчик из 01 на всех парах Tatoeba из COURSE_DATA."""
    nb = definitions(ROOT / "notebooks" / "01-rnn-attention.ipynb")
    train, valid, test = nb.split_tatoeba(ak.tatoeba_pairs(fallback=_no_tatoeba))
    words = nb.make_words(train, min_count=2)
    nb.keras.utils.set_random_seed(seed)
    model = nb.Translator(len(words.source), len(words.target), 128)
    _, seconds = nb.train(model, train, words, epochs, valid)
    outputs = nb.translate_all(model, test, words)
    return (
        model.count_params(),
        seconds,
        iter([("BLEU", ak.bleu(outputs, [ak.detokenize(p.en) for p in test]))]),
    )


def _no_tatoeba() -> list:
    raise ak.SourceError("Нужны пары Tatoeba: укажите в COURSE_DATA папку с rus-eng/rus.txt.")


def experiments() -> list[Experiment]:
    """Все измерения: сравнение моделей на трёх зёрнах, затем по одному долгому."""
    ours = partial(Experiment, "01")
    plain = partial(rnn_on_our_corpus, attention=False)
    longer = partial(rnn_on_our_corpus, attention=False, epochs=12)
    short = partial(rnn_on_our_corpus, longest=13, epochs=10)
    wide = partial(rnn_on_our_corpus, spread=0.5)
    narrow = partial(plain, spread=0.05)
    tatoeba = partial(rnn_on_tatoeba, epochs=12)
    rows = []
    for seed in (1, 2, 3):
        rows.append(ours("RNN с вниманием", "наш корпус", seed, rnn_on_our_corpus))
        rows.append(ours("RNN без внимания", "наш корпус", seed, plain))
    rows.append(ours("RNN с вниманием, разброс 0,5", "наш корпус", 1, wide))
    rows.append(ours("RNN без внимания, разброс 0,05", "наш корпус", 1, narrow))
    rows.append(ours("RNN без внимания, 12 эпох", "наш корпус", 1, longer))
    rows.append(ours("RNN с вниманием", "наш корпус, обучение до 13 слов", 1, short))
    rows.append(ours("RNN с вниманием, 12 эпох", "Tatoeba", 1, tatoeba))
    return rows


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
