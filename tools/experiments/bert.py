"""Перенос обучения из 06–08: кривая обучения на AG News, дообучение в Hugging Face, сущности и ответы.

Соперникам на проверочной части (2 098 заметок) каждый раз выбирают параметры и число эпох; дообучение MiniLM
её не видит, его скорость и число эпох выбраны по ней один раз, заранее (RECIPES в блокноте).
"""

import gc
import time
from functools import cache, lru_cache, partial
from typing import Any

import attention_kit as ak
import numpy as np

from experiments import Experiment, Outcome, news, notebook

ALL = 20_971  # вся обучающая часть вместе с проверочной
SEEDS = {50: 5, 200: 5, 1000: 3, 4000: 3}
TUNED = "MiniLM, дообучение"


@cache
def split() -> tuple:
    """Части AG News: (тексты, рубрики) обучающей, проверочной, тестовой."""
    return ak.split_news(news.ag_news())


@cache
def hub_parts() -> tuple[ak.HubEncoder, Any]:
    """Где кодировщик и загруженный препроцессор."""
    found = ak.hub_encoder()
    return found, notebook("06").hub.load(found.preprocess)


def rows_of(rows: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Номера и рубрики размеченных строк."""
    numbers, labels = ak.take((np.arange(len(split()[0][0])), split()[0][1]), rows, seed)
    return np.asarray(numbers), labels


@lru_cache(1)
def parts(rows: int, seed: int) -> news.Parts:
    """Те же строки для соперников и ответы TF-IDF, обученной на них."""
    (texts, _), valid, test = split()
    numbers, labels = rows_of(rows, seed)
    train = [texts[i] for i in numbers], labels
    answer, _ = ak.tfidf(train, valid)
    vectorizer = notebook("03").make_vectorizer(train[0])
    return news.Parts(train, valid, test, vectorizer, answer(test[0]))


def tfidf(seed: int, rows: int) -> Outcome:
    data, start = parts(rows, seed), time.perf_counter()
    _, size = ak.tfidf(data.train, data.valid)
    return size, time.perf_counter() - start, news.scores(data, data.simple)


def scratch(seed: int, rows: int, name: str) -> Outcome:
    """Модель из 03 с нуля; строк мало — батч меньше, эпох больше."""
    data = parts(rows, seed)
    if rows == 4000:
        data = data._replace(tuned=fine_tuned(seed, rows)[2])
    if name == "пример Keras":
        return news.run_tutorial(seed, data, epochs=15)
    return news.run(seed, data, news.BUILDERS[name], 3 * news.EPOCHS, batch_size=32)


@cache
def features() -> tuple[dict[str, list[np.ndarray]], int, float]:
    """Признаки {"pooled" | "среднее": [обучающей, проверочной, тестовой]}, весов кодировщика, секунд на текст."""
    nb, (found, preprocess) = notebook("06"), hub_parts()
    encoder, start = nb.hub.KerasLayer(found.encoder, trainable=False), time.perf_counter()
    done = [nb.features(encoder, texts, preprocess) for texts, _ in split()]
    per_text = (time.perf_counter() - start) / sum(len(texts) for texts, _ in split())
    named = {name: [pair[i] for pair in done] for i, name in enumerate(("pooled", "среднее"))}
    return named, nb.count(encoder.weights), per_text


def frozen(seed: int, rows: int, name: str) -> Outcome:
    nb, (numbers, labels) = notebook("06"), rows_of(rows, seed)
    named, size, per_text = features()
    train, valid, test = named[name]
    nb.keras.utils.set_random_seed(seed)
    head, seconds = nb.train_head(train[numbers], labels, valid, split()[1][1])
    answers = head(test).numpy().argmax(axis=1)
    seconds += rows * per_text  # признаки обучающих строк
    return size + head.count_params(), seconds, news.scores(parts(rows, seed), answers)


def tuned(seed: int, rows: int) -> Outcome:
    size, seconds, answers = fine_tuned(seed, rows)
    epochs, _ = notebook("06").RECIPES[rows]
    data = news.parts() if rows == ALL else parts(rows, seed)
    return size, seconds, news.scores(data, answers, seconds / epochs)


@lru_cache(1)
def fine_tuned(seed: int, rows: int) -> tuple[int, float, np.ndarray]:
    """Дообучает MiniLM; rows=ALL — на всех строках, вместе с проверочными. Весов, секунд, ответы на тестовой части."""
    nb, (found, preprocess) = notebook("06"), hub_parts()
    epochs, batch_size = nb.RECIPES[rows]
    train, valid, test = split()
    texts, labels = train[0] + valid[0], np.concatenate([train[1], valid[1]])
    if rows != ALL:
        texts, labels = parts(rows, seed).train
    nb.keras.backend.clear_session()
    gc.collect()
    nb.keras.utils.set_random_seed(seed)
    model = nb.make_classifier(nb.hub.KerasLayer(found.encoder, trainable=True))
    batches = nb.make_batches(texts, labels, preprocess, 128, batch_size, seed=seed)
    _, _, seconds = nb.fine_tune(model, batches, epochs)
    return model.count_params(), seconds, nb.predict(model, test[0], preprocess).argmax(axis=1)


def plan() -> list[Experiment]:
    """Кривая обучения — одни и те же строки у всех моделей, зерно за зерном — и одно долгое дообучение."""
    rows = [
        Experiment("06", name, f"AG News, {size} строк", seed, partial(run, rows=size))
        for seed in range(1, max(SEEDS.values()) + 1)
        for size, seeds in SEEDS.items()
        for name, run in models(size).items()
        if seed <= seeds
    ]
    return [*rows, Experiment("06", TUNED, f"AG News, {ALL} строка", 1, partial(tuned, rows=ALL))]


def models(rows: int) -> dict[str, Any]:
    """Название → функция (зерно, rows); с нуля на малом числе строк — только трансформер."""
    found = {"TF-IDF": tfidf, TUNED: tuned}
    found |= {f"MiniLM, {name}, заморожен": partial(frozen, name=name) for name in ("среднее", "pooled")}
    names = [*news.BUILDERS, "пример Keras"] if rows == 4000 else ["трансформер"]
    return found | {name: partial(scratch, name=name) for name in names}
