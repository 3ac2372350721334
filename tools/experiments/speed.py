"""Скорость вывода: сколько текстов в секунду успевает каждая модель серии, вместе с подготовкой текста."""

import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import attention_kit as ak

from experiments import Experiment, Outcome, bert, news, notebook, rnn

DATA = "скорость вывода"
FEW = 2000  # текстов медленным моделям


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
        predict, size = ak.tfidf(data.train, data.valid)
        return per_second(size, predict, data.test[0])
    if name == "пример Keras":
        model = nb.tutorial_model(data.vectorizer.get_vocabulary())
        predict = partial(news.tutorial_answers, model)
    else:
        model = news.BUILDERS[name](nb, data.vectorizer.vocabulary_size())
        predict = partial(nb.predict, model, vectorizer=data.vectorizer)
    return per_second(model.count_params(), predict, data.test[0])


def minilm(seed: int) -> Outcome:
    """Классификатор из 06: заморожен он или дообучен, считать приходится одно и то же."""
    nb, (found, preprocess) = notebook("06"), bert.hub_parts()
    nb.keras.utils.set_random_seed(seed)
    model = nb.make_classifier(nb.hub.KerasLayer(found.encoder))
    predict = partial(nb.predict, model, preprocess=preprocess)
    return per_second(nb.count(model.weights), predict, news.parts().test[0][:FEW])


def hugging_face(seed: int) -> Outcome:
    """Классификатор из 07, вместе с токенизатором."""
    nb, encoder = notebook("07"), ak.hf_encoder()
    tokenizer = nb.AutoTokenizer.from_pretrained(encoder.folder)
    model, _ = nb.load_classifier(encoder.folder)

    def predict(texts: Sequence) -> Any:
        return nb.predict(model, nb.make_batches(tokenizer, texts, range(len(texts)), 32))

    return per_second(model.count_params(), predict, news.parts().test[0][:FEW])


def tagger(seed: int) -> Outcome:
    nb, (_, test) = notebook("08"), ak.load_entities()
    model = nb.make_tagger()
    return per_second(model.count_params(), partial(nb.tag, model), test)


def reader(seed: int) -> Outcome:
    nb, (_, test) = notebook("08"), ak.load_questions()
    model = nb.make_reader()
    return per_second(model.count_params(), partial(nb.read_answers, model), test)


def plan() -> list[Experiment]:
    """По одному замеру на модель."""
    runs = {
        ("01", "RNN с вниманием"): partial(translator, attention=True),
        ("01", "RNN без внимания"): partial(translator, attention=False),
    }
    names = ("TF-IDF", *news.BUILDERS, "пример Keras")
    runs |= {("03", name): partial(classifier, name=name) for name in names}
    names = (bert.TUNED, "MiniLM, среднее, заморожен", "MiniLM, pooled, заморожен")
    runs |= {("06", name): minilm for name in names}
    runs |= {
        ("07", "MiniLM, дообучение (Hugging Face)"): hugging_face,
        ("08", "MiniLM, сущности"): tagger,
        ("08", "MiniLM, ответы"): reader,
    }
    return [Experiment(*key, DATA, 1, run) for key, run in runs.items()]
