"""Код блокнота 02: чего не сверяет сам блокнот — перекрёстное внимание, наследники, сохранение, кодировщик."""

import json
import os
import subprocess
import sys

import attention_kit as ak
import keras
import numpy as np
import pytest
from attention_kit import minilm as minilm_module


def random(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def difference(a, b) -> float:
    return float(np.abs(np.array(a) - np.array(b)).max())


IDS = np.array([[7, 3, 9, 4, 5, 1], [6, 2, 8, 0, 0, 0], [5, 0, 0, 0, 0, 0]])


def test_saturation_measures_the_real_gradient(nb) -> None:
    """Норма матрицы производных — та же, что даёт автоматическое дифференцирование."""
    query, key = (np.random.default_rng(3).normal(size=(1, n, 8)) for n in (1, 16))
    scores = nb.tf.constant((query * key).sum(axis=-1)[0])
    with nb.tf.GradientTape() as tape:
        tape.watch(scores)
        weights = nb.tf.nn.softmax(scores)
    expected = np.linalg.norm(tape.jacobian(weights, scores))

    class Fixed:
        values = iter((query, key))

        def normal(self, size):
            return next(self.values)

    weight, norm = nb.saturation(8, 1, Fixed(), n_queries=1)
    assert norm == pytest.approx(expected, rel=1e-6) and weight == pytest.approx(np.max(weights))


def test_layer_equals_keras_across_sequences(nb) -> None:
    """Перекрёстное внимание: длины и ширины входов разные, смещения — не ноль."""
    query, value = random(2, 3, 10), random(2, 7, 6, seed=1)
    ours, theirs = nb.MultiHeadAttention(8, 2), keras.layers.MultiHeadAttention(2, 4, output_shape=8)
    ours(query, value), theirs.build(query.shape, value.shape)
    ours.set_weights([random(*w.shape, seed=i) * 0.3 for i, w in enumerate(ours.get_weights())])
    theirs.set_weights([w.reshape(t.shape) for w, t in zip(ours.get_weights(), theirs.weights, strict=True)])
    mask = np.arange(7) < np.array([[[4]], [[7]]])  # у второго предложения дополнения нет
    for allowed in (None, mask):
        expected, scores = theirs(query, value, attention_mask=allowed, return_attention_scores=True)
        output, weights = ours(query, value, attention_mask=allowed, return_weights=True)
        assert difference(output, expected) < 1e-5 and difference(weights, scores) < 1e-5
        assert difference(ours(query, value, attention_mask=allowed), output) == 0
    key = random(2, 7, 6, seed=2)
    assert difference(ours(query, value, key), theirs(query, value, key)) < 1e-5


def test_layer_works_in_a_functional_model(nb, recwarn) -> None:
    """Длины неизвестны, у входа есть маска слов: слой о ней не предупреждает и передаёт её дальше."""
    ids, mask = keras.Input((None,)), keras.Input((None, None), dtype="bool")
    x = keras.layers.Embedding(10, 8, mask_zero=True)(ids)
    output, weights = nb.MultiHeadAttention(8, 2)(x, attention_mask=mask, return_weights=True)
    model = keras.Model([ids, mask], [output, weights])
    assert output.shape == (None, None, 8) and weights.shape == (None, 2, None, None)
    output, weights = model([IDS, np.array(nb.padding_mask(IDS)).repeat(6, axis=1)])
    assert output.shape == (3, 6, 8) and not np.array(weights)[2, ..., 1:].any()
    assert not [w for w in recwarn if "does not support masking" in str(w.message)]


def test_layer_is_saved_with_its_model(nb, tmp_path, recwarn) -> None:
    x, words = keras.Input((None, 8)), keras.Input((None, 6))
    model = keras.Model([x, words], nb.MultiHeadAttention(8, 2)(x, words))
    model.save(tmp_path / "model.keras")
    known = {"MultiHeadAttention": nb.MultiHeadAttention}
    loaded = keras.models.load_model(tmp_path / "model.keras", custom_objects=known)
    data = [random(2, 3, 8), random(2, 5, 6)]
    assert difference(model(data), loaded(data)) == 0 and not [
        w for w in recwarn if "build" in str(w.message)
    ]


# --- наследники: project и scores заменяются порознь ---


def test_cache_of_keys_and_values(nb) -> None:
    """По слову за шаг с запомненными ключами и значениями — то же, что всё сразу с каузальной маской.

    Запросы и ключи заодно меняют знак (как поворачивают их вместе вращающиеся позиции): оценки прежние.
    """

    class Cached(nb.MultiHeadAttention):
        past = None

        def project(self, query, key, value):
            q, k, v = super().project(query, key, value)
            new = [-k, v]
            if self.past:
                new = [nb.ops.concatenate(pair, axis=2) for pair in zip(self.past, new, strict=True)]
            self.past = new
            return [-q, *new]

    x = random(2, 6, 8)
    whole, cached = nb.MultiHeadAttention(8, 2), Cached(8, 2)
    expected = whole(x, attention_mask=nb.causal_mask(6))
    cached.build((None, None, 8))
    cached.set_weights(whole.get_weights())
    steps = [cached(x[:, i : i + 1]) for i in range(6)]
    assert difference(np.concatenate(steps, axis=1), expected) < 1e-5


def test_relative_positions(nb) -> None:
    """Поправка к оценкам по расстоянию: маска действует и поверх неё, сильный штраф оставляет только соседей."""

    class Relative(nb.MultiHeadAttention):
        def scores(self, q, k):
            distance = np.abs(np.arange(q.shape[2])[:, None] - np.arange(k.shape[2]))
            return super().scores(q, k) - 1000.0 * distance

    x = random(2, 6, 8)
    layer = Relative(8, 2)
    _, weights = layer(x, return_weights=True)
    assert difference(weights, np.broadcast_to(np.eye(6), (2, 2, 6, 6))) < 1e-6
    _, weights = layer(x, attention_mask=~np.eye(6, dtype=bool)[None], return_weights=True)
    assert not np.array(weights)[..., np.eye(6, dtype=bool)].any()


def test_every_weight_gets_a_gradient(nb) -> None:
    x = random(2, 5, 8)
    layer = nb.MultiHeadAttention(8, 2)
    layer(x)
    with nb.tf.GradientTape() as tape:
        loss = nb.ops.sum(layer(x) ** 2 * random(2, 5, 8, seed=1))
    gradients = dict(
        zip([v.path for v in layer.weights], tape.gradient(loss, layer.trainable_variables), strict=True)
    )
    assert len(gradients) == 8 and all(g is not None for g in gradients.values())
    # Смещение ключей прибавляет к оценкам строки одно и то же число, и softmax его не замечает.
    unused = [path for path, g in gradients.items() if np.abs(g).max() < 1e-5]
    assert unused == [layer.key.bias.path]


def test_sinusoids_follow_the_formula(nb) -> None:
    width = 8
    table = nb.sinusoidal_positions(50, width)
    assert table.shape == (50, width)
    for p in (0, 1, 7, 49):
        for i in range(width // 2):
            angle = p / 10_000 ** (2 * i / width)
            assert table[p, 2 * i] == pytest.approx(np.sin(angle), abs=1e-9)
            assert table[p, 2 * i + 1] == pytest.approx(np.cos(angle), abs=1e-9)


@pytest.mark.parametrize(("kind", "weights"), [("GRU", 3), ("самовнимание", 8)])
def test_measured_step_is_a_step_of_training(nb, kind, weights) -> None:
    """Обратный ход — до входа и до каждого веса: прямой ход один стоил бы меньше."""
    assert len(nb.training_step(kind, 4, batch=1, units=8)()) == 1 + weights


# --- MiniLM на нашем слое ---

TEXTS = ["The chicken did not cross the road because it was too wide.", "Unbelievably!", "a " * 120]
REFERENCE = """
import json, sys
import numpy as np
from transformers import BertTokenizerFast, TFBertModel
folder, target, texts = json.loads(sys.argv[1])
model = TFBertModel.from_pretrained(folder, add_pooling_layer=False)
tokenizer = BertTokenizerFast.from_pretrained(folder)
arrays = {}
for number, text in enumerate(texts):
    inputs = tokenizer(text, return_tensors="tf")
    output = model(**inputs, output_attentions=True)
    arrays[f"ids{number}"] = inputs["input_ids"].numpy()[0]
    arrays[f"states{number}"] = output.last_hidden_state.numpy()[0]
    arrays[f"weights{number}"] = np.stack([weights.numpy()[0] for weights in output.attentions])
np.savez(target, **arrays)
"""


@pytest.fixture(scope="module")
def minilm():
    return ak.load_minilm()


@pytest.fixture(scope="module")
def encoder(nb, minilm):
    return nb.Encoder(minilm)


@pytest.fixture(scope="module")
def reference(tmp_path_factory):
    """То же от transformers: в отдельном процессе, потому что ей нужен прежний Keras."""
    target = tmp_path_factory.mktemp("bert") / "reference.npz"
    arguments = json.dumps([str(minilm_module.package_folder()), str(target), TEXTS])
    env = os.environ | {"TF_USE_LEGACY_KERAS": "1", "HF_HUB_OFFLINE": "1"}
    done = subprocess.run(
        [sys.executable, "-c", REFERENCE, arguments], env=env, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return np.load(target)


@pytest.mark.parametrize("number", range(len(TEXTS)))
def test_encoder_equals_transformers(minilm, encoder, reference, number) -> None:
    ids, _ = minilm.tokenize(TEXTS[number])
    assert ids == reference[f"ids{number}"].tolist()
    states, weights = encoder(ids)
    assert weights.shape == (6, 12, len(ids), len(ids))
    assert difference(states, reference[f"states{number}"]) < 1e-4
    assert difference(weights, reference[f"weights{number}"]) < 1e-4


def test_leans_and_shift(nb, minilm, encoder) -> None:
    """Склонность и сдвиг — те самые клетки карт."""
    pair = ("The dog did not jump over the fence because it was too {}.", "dog", "fence", "old", "high")
    maps = {word: encoder(minilm.tokenize(pair[0].format(word))[0])[1] for word in pair[3:]}
    tokens = minilm.tokenize(pair[0].format("old"))[1]
    it, dog, fence = (tokens.index(word) for word in ("it", "dog", "fence"))
    leans = {word: looks[:, :, it, fence] - looks[:, :, it, dog] for word, looks in maps.items()}
    for found, word in zip(nb.leans(encoder, minilm, pair), pair[3:], strict=True):
        assert difference(found, leans[word]) < 1e-6
    assert difference(nb.shift(encoder, minilm, pair), leans["high"] - leans["old"]) < 1e-6


def test_word_of_several_tokens_is_refused(nb, minilm, encoder) -> None:
    with pytest.raises(ValueError):
        nb.lean(encoder, minilm, "The aardvark did not cross because it was tired.", "aardvark", "it")
