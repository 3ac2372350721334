"""Долгие измерения для notebooks/data/results.csv: `make record`.

Каждое измерение записывается сразу, как закончилось; прерванный запуск продолжается с того же места.
Модели и обучение берутся из самих блокнотов (ячейки с тегом definition), второй копии нет.
"""

import os
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, partial
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


def news_transformer(seed: int, **detail: Any) -> tuple[int, float, Scores]:
    """Трансформер из 03; detail — чем он отличается (одна из ABLATIONS)."""
    return _news_model(seed, lambda nb, size: nb.make_transformer(size, **detail))


def news_ablation(seed: int, name: str) -> tuple[int, float, Scores]:
    return news_transformer(seed, **_news()[0].ABLATIONS[name])


def news_simple(seed: int, builder: str) -> tuple[int, float, Scores]:
    """Мешок эмбеддингов (make_bag) или GRU (make_gru) из 03."""
    return _news_model(seed, lambda nb, size: getattr(nb, builder)(size))


def _news_model(seed: int, build: Callable[[ModuleType, int], Any]) -> tuple[int, float, Scores]:
    nb, (train, valid, test), vectorizer, _ = _news()
    nb.keras.utils.set_random_seed(seed)
    model = build(nb, vectorizer.vocabulary_size())
    batches = nb.make_batches(*train, vectorizer, shuffle=True)
    history, seconds = nb.train_model(model, batches, nb.make_batches(*valid, vectorizer), 14)
    answers = nb.predict(model, test[0], vectorizer).argmax(axis=1)
    return model.count_params(), seconds, _news_scores(answers, seconds / len(history["loss"]))


def news_tutorial(seed: int) -> tuple[int, float, Scores]:
    """Обычный код из 03: пять эпох, веса лучшей по проверочной части."""
    nb, (train, valid, test), vectorizer, _ = _news()
    nb.keras.utils.set_random_seed(seed)
    model = nb.tutorial_model(vectorizer.get_vocabulary())
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"], jit_compile=False)
    data = [nb.tf.data.Dataset.from_tensor_slices(part).batch(128) for part in (train, valid)]
    best = nb.keras.callbacks.EarlyStopping("val_accuracy", patience=5, restore_best_weights=True)
    start = time.perf_counter()
    history = model.fit(
        data[0].shuffle(len(train[0]), seed=1), validation_data=data[1], epochs=5, callbacks=[best], verbose=0
    )
    seconds = time.perf_counter() - start
    answers = model.predict(nb.tf.data.Dataset.from_tensor_slices(test[0]).batch(128), verbose=0).argmax(
        axis=1
    )
    return model.count_params(), seconds, _news_scores(answers, seconds / len(history.history["loss"]))


def news_tfidf(seed: int) -> tuple[int, float, Scores]:
    """TF-IDF из 03: от зерна не зависит."""
    nb, (train, valid, _), _, answers = _news()
    start = time.perf_counter()
    _, size = nb.tfidf(train, valid)
    return size, time.perf_counter() - start, _news_scores(answers)


def _news_scores(answers: Any, epoch_seconds: float | None = None) -> Scores:
    """Доля верных; секунд на эпоху; разница с TF-IDF и p парной проверки, если это не он сам."""
    nb, (_, _, test), _, simple = _news()
    right, simple_right = answers == test[1], simple == test[1]
    yield "верно, %", 100 * right.mean()
    if epoch_seconds:
        yield "с на эпоху", epoch_seconds
        yield "разница, п. п.", 100 * (right.mean() - simple_right.mean())
        yield "p", nb.paired(right, simple_right)[2]


@cache
def _news() -> tuple[ModuleType, list, Any, Any]:
    """Блокнот 03, части AG News, словарь и ответы TF-IDF на тестовой части."""
    nb = definitions(ROOT / "notebooks" / "03-transformer-classifier.ipynb")
    news = ak.load_news()
    if news.source != "AG News":
        raise ak.SourceError("Нужны новости AG News: укажите в COURSE_DATA папку с ag_news_csv.")
    parts = nb.split_news(news)
    predict, _ = nb.tfidf(*parts[:2])
    return nb, parts, nb.make_vectorizer(parts[0][0]), predict(parts[2][0])


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
    return rows + news_experiments()


def news_experiments() -> list[Experiment]:
    """Лестница моделей и детали трансформера из 03."""
    ag = partial(Experiment, "03")
    ladder = {
        "мешок эмбеддингов": partial(news_simple, builder="make_bag"),
        "GRU": partial(news_simple, builder="make_gru"),
        "трансформер": news_transformer,
        "обычный код": news_tutorial,
    }
    details = ("без мест", "без маски", "одна голова", "два слоя", "нормировка до (pre-norm)")
    ladder |= {f"трансформер, {name}": partial(news_ablation, name=name) for name in details}
    rows = [ag("TF-IDF", "AG News", 1, news_tfidf)]
    return rows + [ag(name, "AG News", seed, run) for name, run in ladder.items() for seed in (1, 2, 3)]


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
