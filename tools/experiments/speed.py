"""Скорость вывода: сколько текстов в секунду успевает каждая модель серии, вместе с подготовкой текста."""

import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from experiments import Experiment, Outcome, bert, news, notebook, rnn

DATA = "скорость вывода"


def per_second(parameters: int, predict: Callable[[Sequence], Any], texts: Sequence) -> Outcome:
    """Второй проход: в первом собирается граф."""
    predict(texts)
    start = time.perf_counter()
    predict(texts)
    seconds = time.perf_counter() - start
    return parameters, seconds, iter([("текстов в секунду", len(texts) / seconds)])


def translator(seed: int, attention: bool) -> Outcome:
    """Переводчик из 01, обученный: необученный не знает, где закончить перевод."""
    model, words, corpus, _ = rnn.trained(seed, attention=attention)
    translate = notebook("01").translate_all
    return per_second(model.count_params(), lambda pairs: translate(model, pairs, words), corpus.test)


def classifier(seed: int, name: str) -> Outcome:
    """Классификатор из 03; на скорость веса не влияют, поэтому он не обучен."""
    nb, data = notebook("03"), news.parts()
    nb.keras.utils.set_random_seed(seed)
    if name == "TF-IDF":
        predict, size = nb.tfidf(data.train, data.valid)
        return per_second(size, predict, data.test[0])
    if name == "обычный код":
        model = nb.tutorial_model(data.vectorizer.get_vocabulary())
        predict = partial(news.tutorial_answers, model)
    else:
        model = news.BUILDERS[name](nb, data.vectorizer.vocabulary_size())
        predict = partial(nb.predict, model, vectorizer=data.vectorizer)
    return per_second(model.count_params(), predict, data.test[0])


def minilm(seed: int) -> Outcome:
    """MiniLM из 06: заморожена она или дообучена, скорость вывода одна."""
    nb, (found, preprocess) = notebook("06"), bert.hub_parts()
    nb.keras.utils.set_random_seed(seed)
    model = nb.make_classifier(nb.hub.KerasLayer(found.encoder, trainable=True))
    predict = partial(nb.predict, model, preprocess=preprocess)
    return per_second(model.count_params(), predict, news.parts().test[0][:2000])


def plan() -> list[Experiment]:
    rows = [
        Experiment("01", name, DATA, 1, partial(translator, attention=attention))
        for name, attention in (("RNN с вниманием", True), ("RNN без внимания", False))
    ]
    names = ("TF-IDF", *news.BUILDERS, "обычный код")
    rows += [Experiment("03", name, DATA, 1, partial(classifier, name=name)) for name in names]
    return [*rows, Experiment("06", bert.TUNED, DATA, 1, minilm)]
