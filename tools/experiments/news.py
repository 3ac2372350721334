"""Классификаторы новостей из 03."""

import time
from functools import cache, partial
from typing import Any, NamedTuple

import attention_kit as ak
import numpy as np

from experiments import Experiment, Outcome, Scores, notebook

# Модель → функция (блокнот 03, слов в словаре) → модель Keras.
BUILDERS = {
    "мешок эмбеддингов": lambda nb, size: nb.make_bag(size),
    "GRU": lambda nb, size: nb.make_gru(size),
    "трансформер": lambda nb, size: nb.make_transformer(size),
}
DETAILS = ("без позиций", "без маски", "одна голова", "два слоя", "pre-norm")
EPOCHS = 14
ROWS = 20_971  # столько обучающих новостей берёт блокнот в cpu


class Parts(NamedTuple):
    """Части (тексты, рубрики), словарь и ответы соперников на тестовой части: TF-IDF и дообученной MiniLM."""

    train: tuple
    valid: tuple
    test: tuple
    vectorizer: Any
    simple: np.ndarray
    tuned: np.ndarray | None = None


def ag_news() -> ak.News:
    news = ak.load_news(ROWS)
    if news.source != "AG News":
        raise ak.SourceError("Нужны новости AG News: укажите в COURSE_DATA папку с ag_news_csv.")
    return news


@cache
def parts() -> Parts:
    train, valid, test = ak.split_news(ag_news())
    predict, _ = ak.tfidf(train, valid)
    return Parts(train, valid, test, notebook("03").make_vectorizer(train[0]), predict(test[0]))


def run(seed: int, data: Parts, build: Any, epochs: int = EPOCHS, batch_size: int = 256) -> Outcome:
    """Обучает модель build(блокнот, слов в словаре) способом блокнота 03."""
    nb = notebook("03")
    nb.keras.utils.set_random_seed(seed)
    model = build(nb, data.vectorizer.vocabulary_size())
    batches = nb.make_batches(*data.train, data.vectorizer, batch_size, shuffle=True)
    valid = nb.make_batches(*data.valid, data.vectorizer)
    history, seconds = nb.train_model(model, batches, valid, epochs)
    answers = nb.predict(model, data.test[0], data.vectorizer).argmax(axis=1)
    return model.count_params(), seconds, scores(data, answers, seconds / len(history["loss"]))


def ladder(seed: int, name: str) -> Outcome:
    return run(seed, parts(), BUILDERS[name])


def ablation(seed: int, name: str) -> Outcome:
    return run(seed, parts(), lambda nb, size: nb.make_transformer(size, **nb.ABLATIONS[name]))


def tutorial(seed: int) -> Outcome:
    return run_tutorial(seed, parts())


def run_tutorial(seed: int, data: Parts, epochs: int = 5) -> Outcome:
    """Модель примера Keras из 03, веса лучшей эпохи по проверочной части."""
    nb = notebook("03")
    nb.keras.utils.set_random_seed(seed)
    model = nb.tutorial_model(data.vectorizer.get_vocabulary())
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"], jit_compile=False)
    train, valid = (
        nb.tf.data.Dataset.from_tensor_slices(part).batch(128) for part in (data.train, data.valid)
    )
    best = nb.keras.callbacks.EarlyStopping("val_accuracy", patience=epochs, restore_best_weights=True)
    start = time.perf_counter()
    shuffled = train.shuffle(len(data.train[0]), seed=1)
    history = model.fit(shuffled, validation_data=valid, epochs=epochs, callbacks=[best], verbose=0)
    seconds = time.perf_counter() - start
    answers = tutorial_answers(model, data.test[0])
    return model.count_params(), seconds, scores(data, answers, seconds / len(history.history["loss"]))


def tutorial_answers(model: Any, texts: list[str]) -> np.ndarray:
    batches = notebook("03").tf.data.Dataset.from_tensor_slices(texts).batch(128)
    return model.predict(batches, verbose=0).argmax(axis=1)


def tfidf(seed: int) -> Outcome:
    """От зерна не зависит."""
    data, start = parts(), time.perf_counter()
    _, size = ak.tfidf(data.train, data.valid)
    return size, time.perf_counter() - start, scores(data, data.simple)


def scores(data: Parts, answers: np.ndarray, epoch_seconds: float | None = None) -> Scores:
    """Доля верных; секунд на эпоху; с каждым соперником — разница и p парной проверки."""
    right = answers == data.test[1]
    yield "верно, %", 100 * right.mean()
    if epoch_seconds:
        yield "с на эпоху", epoch_seconds
    for name, rival in (("", data.simple), (" с дообученной", data.tuned)):
        if rival is not None and rival is not answers:
            rival_right = rival == data.test[1]
            yield f"разница{name}, п. п.", 100 * (right.mean() - rival_right.mean())
            yield f"p{name}", ak.paired(right, rival_right)[2]


def plan() -> list[Experiment]:
    """Лестница моделей и детали трансформера на трёх зёрнах."""
    ag = partial(Experiment, "03")
    runs = {name: partial(ladder, name=name) for name in BUILDERS}
    runs["пример Keras"] = tutorial
    runs |= {f"трансформер, {name}": partial(ablation, name=name) for name in DETAILS}
    rows = [ag("TF-IDF", "AG News", 1, tfidf)]
    return rows + [ag(name, "AG News", seed, one) for name, one in runs.items() for seed in (1, 2, 3)]
