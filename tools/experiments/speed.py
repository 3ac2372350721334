"""Скорость вывода: сколько текстов в секунду успевает каждая модель серии, вместе с подготовкой текста.

Классификаторы новостей идут одним путём: тексты близкой длины батчами по 64, скомпилированный граф.
"""

import time
from collections.abc import Callable, Sequence
from functools import cache, partial
from typing import Any

import attention_kit as ak
import numpy as np

from experiments import Experiment, Outcome, bert, news, notebook, rnn

DATA = "скорость вывода"
FEW = 2000  # текстов медленным моделям
BATCH, LONGEST = 64, 128  # текстов в батче; токенов MiniLM в тексте — не больше


def per_second(parameters: int, predict: Callable[[Sequence], Any], texts: Sequence) -> Outcome:
    """Быстрейший проход из трёх; перед ними — ещё один: в нём собирается граф."""
    predict(texts)
    passes = []
    for _ in range(3):
        start = time.perf_counter()
        predict(texts)
        passes.append(time.perf_counter() - start)
    seconds = min(passes)
    return parameters, seconds, iter([("текстов в секунду", len(texts) / seconds)])


def translator(seed: int, attention: bool) -> Outcome:
    """Переводчик из 01, обученный: необученный не знает, где закончить перевод."""
    model, words, corpus, _ = rnn.trained(seed, attention=attention)
    translate = notebook("01").translate_all
    return per_second(model.count_params(), lambda pairs: translate(model, pairs, words), corpus.test)


def one_way(forward: Callable, prepare: Callable[[list[str]], Any], texts: Sequence[str]) -> None:
    """Логиты всех текстов: батчи близкой длины, prepare готовит вход, forward — скомпилированная модель."""
    order = np.argsort([len(text) for text in texts])
    for start in range(0, len(texts), BATCH):
        forward(prepare([texts[i] for i in order[start : start + BATCH]]))


def classifier(seed: int, name: str) -> Outcome:
    """Классификатор из 03; на скорость веса не влияют, поэтому он не обучен."""
    nb, data = notebook("03"), news.parts()
    nb.keras.utils.set_random_seed(seed)
    if name == "TF-IDF":
        predict, size = ak.tfidf(data.train, data.valid)
        return per_second(size, partial(one_way, predict, list), data.test[0])
    if name == "пример Keras":
        model = nb.tutorial_model(data.vectorizer.get_vocabulary())
        prepare = nb.tf.constant
    else:
        model = news.BUILDERS[name](nb, data.vectorizer.vocabulary_size())

        def prepare(part: list[str]) -> Any:
            return data.vectorizer(nb.tf.constant(part))[:, : nb.MAX_LENGTH].to_tensor()

    return per_second(model.count_params(), partial(one_way, compiled(nb, model), prepare), data.test[0])


def compiled(nb: Any, model: Callable) -> Callable:
    """Граф один на все длины."""
    return nb.tf.function(lambda inputs: model(inputs, training=False), reduce_retracing=True)


@cache
def hub_rate() -> tuple[int, float, float]:
    """Весов, секунд и текстов в секунду у MiniLM из 06."""
    nb, (found, preprocess) = notebook("06"), bert.hub_parts()
    model = nb.make_classifier(nb.hub.KerasLayer(found.encoder))

    def prepare(part: list[str]) -> Any:
        return nb.pack(nb.tf.constant(part), preprocess, LONGEST)

    predict = partial(one_way, compiled(nb, model), prepare)
    _, seconds, scores = per_second(0, predict, news.parts().test[0][:FEW])
    return nb.count(model.weights), seconds, next(scores)[1]


def minilm(seed: int) -> Outcome:
    """Заморожен кодировщик или дообучен, считать одно и то же, поэтому измерение одно."""
    parameters, seconds, rate = hub_rate()
    return parameters, seconds, iter([("текстов в секунду", rate)])


def hugging_face(seed: int) -> Outcome:
    """Классификатор из 07, вместе с токенизатором."""
    nb, encoder = notebook("07"), ak.hf_encoder()
    tokenizer = nb.AutoTokenizer.from_pretrained(encoder.folder)
    model, _ = nb.load_classifier(encoder.folder)

    def prepare(part: list[str]) -> Any:
        options = dict(padding=True, truncation=True, max_length=LONGEST, return_tensors="tf")
        return dict(tokenizer(part, **options))

    predict = partial(one_way, compiled(nb, model), prepare)
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
