"""Код блокнота 06: размеры, вход, признаки, расписание, затухание весов, дообучение."""

import attention_kit as ak
import keras
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_hub as hub
from attention_kit import definitions

from conftest import ROOT

TEXTS = [
    "oil prices fall",
    "the home team won the cup final after a long and noisy evening in the rain",
    "the bank lost money on oil, and the market fell again",
    "a new planet",
    "the goalkeeper dived left",
    "a probe lands on the moon; engineers cheer",
]
LABELS = np.array([2, 1, 2, 3, 1, 3])


@pytest.fixture(scope="module")
def nb(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COURSE_CACHE", str(tmp_path_factory.mktemp("cache")))
        patch.setenv("COURSE_PROFILE", "quick")
        patch.setenv("TF_USE_LEGACY_KERAS", "1")  # блокнот задаёт её сам; здесь — чтобы потом вернуть
        yield definitions(ROOT / "notebooks" / "06-bert-tfhub.ipynb")


@pytest.fixture(scope="module")
def handle(nb) -> ak.HubEncoder:
    return ak.hub_encoder()


@pytest.fixture(scope="module")
def preprocess(handle):
    return hub.load(handle.preprocess)


@pytest.fixture(scope="module")
def frozen(nb, handle):
    """Кодировщик, который тесты не меняют."""
    return hub.KerasLayer(handle.encoder, trainable=False)


@pytest.fixture(scope="module")
def slow(nb):
    return nb.BertTokenizer.from_pretrained(ak.hf_encoder().folder)


def plain(length: int = 40) -> dict[str, np.ndarray]:
    return {"padding": "max_length", "max_length": length, "truncation": True, "return_tensors": "np"}


# --- кодировщик и его выходы ---


def test_keras_2_in_the_notebook(nb) -> None:
    assert nb.keras.__version__.startswith("2.") and keras.__version__.startswith("3.")


def test_sizes(nb, frozen) -> None:
    assert nb.bert_size(12, 768) == 109_482_240  # 109 485 316 с головой на четыре рубрики (3 076)
    assert nb.bert_size(24, 1024) == 335_141_888
    assert nb.bert_size(6, 384) == nb.count(frozen.weights)


# --- вход и дополнение ---


def test_pack_equals_the_usual_tokenizer(nb, preprocess, slow) -> None:
    ours, theirs = nb.pack(TEXTS, preprocess, 40, fixed=True), slow(TEXTS, **plain())
    names = dict(zip(nb.INPUTS, ("input_ids", "attention_mask", "token_type_ids"), strict=True))
    for name, usual in names.items():
        assert np.array_equal(ours[name], theirs[usual]), name


def test_pack_pads_to_the_longest(nb, preprocess) -> None:
    mask = nb.pack(TEXTS, preprocess)["input_mask"].numpy()
    assert mask.all(axis=1).any() and not mask.all()  # самый длинный — без дополнения, но не все
    assert nb.pack(TEXTS, preprocess, 10)["input_mask"].shape == (6, 10)
    assert nb.pack(TEXTS[:1], preprocess, 64, fixed=True)["input_mask"].shape == (1, 64)
    assert nb.pack([""], preprocess)["input_word_ids"].numpy().tolist() == [[101, 102]]


def test_close_lengths_take_every_text_once(nb, preprocess) -> None:
    texts = [*TEXTS, "antidisestablishmentarianism floccinaucinihilipilification"]  # слов два, кусков много
    batches = nb.close_lengths(texts, preprocess, 4)
    assert sorted(np.concatenate(batches)) == list(range(7)) and [len(part) for part in batches] == [4, 3]
    lengths = np.array([sum(map(len, words)) for words in preprocess.tokenize(texts).to_list()])
    assert lengths[batches[0]].max() <= lengths[batches[1]].min() and 6 in batches[1]


def test_batches_keep_every_item_and_change_order(nb, preprocess, slow) -> None:
    texts, labels = [f"{text} {number}" for number in range(5) for text in TEXTS], np.arange(30)
    batches = nb.make_batches(texts, labels, preprocess, 40, 8, seed=1)
    assert len(batches) == 4
    expected = slow(texts, **plain())["input_ids"]
    orders = []
    for _ in range(2):
        orders.append([])
        for inputs, numbers in batches:
            width = inputs["input_word_ids"].shape[1]
            assert np.array_equal(inputs["input_word_ids"], expected[numbers.numpy()][:, :width])
            orders[-1] += numbers.numpy().tolist()
    assert sorted(orders[0]) == sorted(orders[1]) == list(range(30)) and orders[0] != orders[1]


# --- замороженный кодировщик ---


def test_features_equal_direct_call(nb, frozen, preprocess) -> None:
    """Признаки из кэша — те же, что у каждого текста отдельно, и в том же порядке."""
    pooled, mean = nb.features(frozen, TEXTS, preprocess, batch_size=4)
    for number, text in enumerate(TEXTS):
        inputs = preprocess([text])
        outputs = frozen(inputs)
        assert np.abs(pooled[number] - outputs["pooled_output"][0]).max() < 1e-4
        alone = nb.mean_over_tokens(outputs["sequence_output"], inputs["input_mask"])
        assert np.abs(mean[number] - alone[0]).max() < 1e-4


def test_weights_before_and_after_unfreezing(nb, handle) -> None:
    """Размораживается всё, кроме таблицы слов; ни один вес не потерян и не сосчитан дважды."""
    layer = nb.Encoder(handle.encoder, trainable=False)
    model = nb.make_classifier(layer)
    head, words = 384 * 4 + 4, 30_522 * 384
    assert nb.count(model.trainable_weights) == head
    layer.trainable = True
    assert nb.count(model.trainable_weights) == nb.bert_size(6, 384) + head - words
    assert [weight.shape for weight in model.non_trainable_weights] == [(30_522, 384)]
    assert nb.count(model.weights) == nb.bert_size(6, 384) + head


def test_keras_3_refuses_the_hub_layer(frozen) -> None:
    with pytest.raises(ValueError, match="Only instances of `keras.Layer`"):
        keras.Sequential([frozen])


# --- дообучение ---


@pytest.mark.parametrize(("steps", "warmup"), [(10, 1), (37, 5)])
def test_schedule_equals_the_library(nb, steps: int, warmup: int) -> None:
    from transformers.optimization_tf import WarmUp

    decay = nb.keras.optimizers.schedules.PolynomialDecay(2e-4, steps - warmup, end_learning_rate=0.0)
    library, ours = WarmUp(2e-4, decay, warmup), nb.WarmupDecay(2e-4, steps, warmup)
    for step in range(steps + 3):
        assert float(ours(step)) == pytest.approx(float(library(tf.constant(step))), abs=1e-9)
    assert float(ours(warmup)) == pytest.approx(2e-4) and float(ours(steps)) == 0


def test_decay_spares_biases_and_norms(nb, frozen) -> None:
    """С нулевым градиентом меняет веса одно затухание: × (1 − скорость · 0,01), но не у исключённых."""
    names = [weight.name for weight in frozen.weights]
    weights = [tf.Variable([1.0], name=name.removesuffix(":0")) for name in names]
    nb.make_optimizer(0.1).apply_gradients([(tf.zeros(1), weight) for weight in weights])
    for weight, original in zip(weights, frozen.weights, strict=True):
        spared = len(original.shape) == 1  # сдвиги, γ и β — векторы, всё остальное — матрицы
        assert float(weight[0]) == pytest.approx(1.0 if spared else 0.999, abs=1e-7), original.name
        assert spared == any(part in original.name for part in nb.NO_DECAY)


def test_fine_tuning(nb, handle, preprocess) -> None:
    """Замороженный кодировщик обучение не меняет, размороженный — меняет; скорость — по плану."""
    nb.keras.utils.set_random_seed(0)
    layer = nb.Encoder(handle.encoder, trainable=False)
    model = nb.make_classifier(layer)
    batches = nb.make_batches(TEXTS[:4], LABELS[:4], preprocess, 16, 2, seed=0)
    before = [weight.numpy() for weight in layer.weights]
    nb.fine_tune(model, batches, epochs=1)
    assert all(np.array_equal(old, new) for old, new in zip(before, layer.weights, strict=True))

    layer.trainable = True
    history, rates, seconds = nb.fine_tune(model, batches, epochs=6)
    schedule = nb.WarmupDecay(1e-4, 12, 1)
    assert np.allclose(rates, [schedule(step) for step in range(12)], atol=1e-9)
    assert history["loss"][-1] < history["loss"][0] and seconds > 0
    unchanged = [
        weight.name for old, weight in zip(before, layer.weights, strict=True) if np.array_equal(old, weight)
    ]
    assert all("pooler" in name or "word_emb" in name for name in unchanged), (
        unchanged
    )  # голова смотрит на среднее

    logits = nb.predict(model, TEXTS, preprocess, batch_size=4)
    alone = np.concatenate([nb.predict(model, [text], preprocess) for text in TEXTS])
    whole = nb.end_to_end(model, preprocess)(tf.constant(TEXTS)).numpy()
    assert np.abs(logits - alone).max() < 1e-3 and np.abs(logits - whole).max() < 1e-3
