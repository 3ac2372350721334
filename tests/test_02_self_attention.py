"""Код блокнота 02: внимание, головы, маски, позиции, цена, кодировщик — против Keras, transformers и против ошибок."""

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


def masks(nb) -> dict:
    padding, causal = nb.padding_mask(IDS), nb.causal_mask(6)
    return {"нет": None, "дополнение": padding, "каузальная": causal, "обе": padding & causal}


MASKS = ["нет", "дополнение", "каузальная", "обе"]

# --- внимание через скалярное произведение ---


@pytest.mark.parametrize("name", MASKS)
def test_attention_equals_keras(nb, name) -> None:
    query, key, value = random(3, 3, 4, 6, 8)
    mask = masks(nb)[name]
    mask = None if mask is None else mask[:, None]
    output, weights = nb.scaled_dot_product_attention(query, key, value, mask)
    swapped = (np.swapaxes(x, 1, 2) for x in (query, key, value))
    expected = keras.ops.dot_product_attention(*swapped, mask=mask)
    assert difference(output, np.swapaxes(expected, 1, 2)) < 1e-5
    assert np.allclose(np.sum(weights, axis=-1), 1, atol=1e-5)


def test_attention_by_hand(nb) -> None:
    query, key, value = random(2, 8), random(3, 8, seed=1), random(3, 5, seed=2)
    output, weights = nb.scaled_dot_product_attention(query, key, value)
    for i in range(2):
        exponents = [np.exp(sum(a * b for a, b in zip(query[i], k, strict=True)) / 8**0.5) for k in key]
        expected = np.array(exponents) / sum(exponents)
        assert difference(weights[i], expected) < 1e-6
        assert difference(output[i], sum(w * v for w, v in zip(expected, value, strict=True))) < 1e-5


def test_saturation_without_scaling(nb) -> None:
    rng = np.random.default_rng(0)
    (narrow, _), (wide, small) = nb.saturation(4, 1, rng), nb.saturation(1024, 1, rng)
    scaled_weight, scaled_jacobian = nb.saturation(1024, 32, rng)
    assert narrow < 0.5 < 0.99 < wide and small < 1e-3
    assert scaled_weight < 0.4 and scaled_jacobian > 0.2


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


# --- много голов ---


@pytest.mark.parametrize("heads", [1, 2, 4])
def test_split_heads_is_the_loop_over_columns(nb, heads) -> None:
    x, width = random(3, 6, 8), 8 // heads
    parts = np.array(nb.split_heads(x, heads))
    assert parts.shape == (3, heads, 6, width)
    for head in range(heads):
        assert (parts[:, head] == x[..., head * width : (head + 1) * width]).all()
    assert (np.array(nb.join_heads(parts)) == x).all()


def pair_of_layers(nb, units: int, heads: int, query: np.ndarray, value: np.ndarray):
    """Наш слой и слой Keras с теми же случайными весами (и смещениями не ноль)."""
    ours = nb.MultiHeadAttention(units, heads)
    ours(query, value)
    ours.set_weights([random(*w.shape, seed=i) * 0.3 for i, w in enumerate(ours.get_weights())])
    theirs = keras.layers.MultiHeadAttention(heads, units // heads, output_shape=units)
    theirs.build(query.shape, value.shape)
    theirs.set_weights([w.reshape(t.shape) for w, t in zip(ours.get_weights(), theirs.weights, strict=True)])
    return ours, theirs


@pytest.mark.parametrize("name", MASKS)
@pytest.mark.parametrize(("units", "heads"), [(8, 1), (8, 2), (12, 4)])
def test_layer_equals_keras(nb, units, heads, name) -> None:
    x, mask = random(3, 6, units), masks(nb)[name]
    ours, theirs = pair_of_layers(nb, units, heads, x, x)
    output, weights = ours(x, attention_mask=mask, return_weights=True)
    expected, scores = theirs(x, x, attention_mask=mask, return_attention_scores=True)
    assert difference(output, expected) < 1e-5
    assert difference(weights, scores) < 1e-5


def test_layer_equals_keras_across_sequences(nb) -> None:
    """Перекрёстное внимание: длины и ширины входов разные."""
    query, value = random(2, 3, 10), random(2, 7, 6, seed=1)
    ours, theirs = pair_of_layers(nb, 8, 2, query, value)
    mask = np.arange(7) < np.array([[[4]], [[7]]])  # у второго предложения дополнения нет
    for allowed in (None, mask):
        expected, scores = theirs(query, value, attention_mask=allowed, return_attention_scores=True)
        output, weights = ours(query, value, attention_mask=allowed, return_weights=True)
        assert difference(output, expected) < 1e-5 and difference(weights, scores) < 1e-5
        assert difference(ours(query, value, attention_mask=allowed), output) == 0


def test_layer_takes_keys_of_their_own(nb) -> None:
    query, value, key = random(2, 3, 8), random(2, 7, 8, seed=1), random(2, 7, 8, seed=2)
    ours, theirs = pair_of_layers(nb, 8, 2, query, value)
    assert difference(ours(query, value, key), theirs(query, value, key)) < 1e-5
    assert difference(ours(query, value, key), ours(query, value)) > 1e-3


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
    """По слову за шаг с запомненными ключами и значениями — то же, что всё сразу с каузальной маской."""

    class Cached(nb.MultiHeadAttention):
        past = None

        def project(self, query, key, value):
            q, *new = super().project(query, key, value)
            if self.past:
                new = [nb.ops.concatenate(pair, axis=2) for pair in zip(self.past, new, strict=True)]
            self.past = new
            return [q, *new]

    x = random(2, 6, 8)
    whole, cached = nb.MultiHeadAttention(8, 2), Cached(8, 2)
    expected = whole(x, attention_mask=nb.causal_mask(6))
    cached.build((None, None, 8))
    cached.set_weights(whole.get_weights())
    steps = [cached(x[:, i : i + 1]) for i in range(6)]
    assert difference(np.concatenate(steps, axis=1), expected) < 1e-5


def test_rotary_positions(nb) -> None:
    """Повороты запросов и ключей (RoFormer): оценки зависят только от расстояния."""

    class Rotary(nb.MultiHeadAttention):
        def turn(self, x, start):
            angles = (start + np.arange(x.shape[2]))[:, None] / 100.0 ** np.arange(x.shape[3] // 2)
            even, odd = np.array(x)[..., ::2], np.array(x)[..., 1::2]
            pairs = (
                even * np.cos(angles) - odd * np.sin(angles),
                even * np.sin(angles) + odd * np.cos(angles),
            )
            return np.stack(pairs, axis=-1).reshape(x.shape).astype("float32")

        def project(self, query, key, value):
            q, k, v = super().project(query, key, value)
            return [self.turn(q, self.start), self.turn(k, self.start), v]

    x, layer, outputs = random(1, 5, 8), Rotary(8, 2), []
    for layer.start in (0, 3, 40):
        outputs.append(layer(x))
    assert difference(outputs[0], outputs[1]) < 1e-4 and difference(outputs[0], outputs[2]) < 1e-4
    plain = nb.MultiHeadAttention(8, 2)
    plain(x)
    plain.set_weights(layer.get_weights())
    assert difference(plain(x), outputs[0]) > 1e-3


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


@pytest.mark.parametrize("heads", [1, 2, 8])
def test_parameters_do_not_depend_on_heads(nb, heads) -> None:
    layer = nb.MultiHeadAttention(32, heads)
    layer(random(1, 2, 32))
    assert layer.count_params() == 4_224 == 4 * (32**2 + 32)


@pytest.mark.parametrize(("key_dim", "weights"), [(32, 8_416), (16, 4_224)])
def test_key_dim_is_the_width_of_one_head(key_dim, weights) -> None:
    layer = keras.layers.MultiHeadAttention(2, key_dim)
    layer.build((1, 2, 32), (1, 2, 32))
    assert layer.count_params() == weights


# --- маски ---


@pytest.fixture(scope="module")
def layer(nb):
    keras.utils.set_random_seed(0)
    return nb.MultiHeadAttention(8, 2)


def test_adding_padding_changes_nothing_at_real_positions(nb, layer) -> None:
    x = random(3, 6, 8)
    output, weights = layer(x, attention_mask=nb.padding_mask(IDS), return_weights=True)
    longer = np.concatenate([x, random(3, 4, 8, seed=5) * 100], axis=1)
    mask = nb.padding_mask(np.pad(IDS, ((0, 0), (0, 4))))
    more, more_weights = layer(longer, attention_mask=mask, return_weights=True)
    assert difference(output, more[:, :6]) < 1e-5
    assert difference(weights, more_weights[:, :, :6, :6]) < 1e-6
    assert not np.array(more_weights)[..., 6:].any()


def test_without_the_mask_padding_would_change_the_output(layer) -> None:
    x = random(3, 6, 8)
    longer = np.concatenate([x, random(3, 4, 8, seed=5)], axis=1)
    assert difference(layer(x), layer(longer)[:, :6]) > 1e-3


def test_causal_mask_hides_the_future(nb, layer) -> None:
    x = random(2, 6, 8)
    before = layer(x, attention_mask=nb.causal_mask(6))
    for cut in range(1, 6):
        changed = x.copy()
        changed[:, cut:] = random(2, 6 - cut, 8, seed=cut)
        after = layer(changed, attention_mask=nb.causal_mask(6))
        assert difference(before[:, :cut], after[:, :cut]) < 1e-6
        assert difference(before[:, cut], after[:, cut]) > 1e-3


def test_shapes_and_values_of_masks(nb) -> None:
    assert nb.padding_mask(IDS).shape == (3, 1, 6) and nb.padding_mask(IDS)[1, 0].tolist() == [
        1,
        1,
        1,
        0,
        0,
        0,
    ]
    assert nb.causal_mask(3).tolist() == [[[1, 0, 0], [1, 1, 0], [1, 1, 1]]]


def test_keras_hides_rows_of_padding_and_takes_the_mask_off() -> None:
    """То, что сказано в тексте о слое Keras 3.13; изменится — надо править текст."""
    x = keras.layers.Embedding(10, 8, mask_zero=True)(IDS)
    theirs = keras.layers.MultiHeadAttention(2, 4)
    sums = [np.sum(theirs(x, x, return_attention_scores=True)[1], axis=-1)[1, 0] for _ in range(2)]
    assert sums[0].round(4).tolist() == [1, 1, 1, 0, 0, 0]
    assert sums[1].round(4).tolist() == [1] * 6


# --- порядок ---


def test_equivariance(layer) -> None:
    x, order = random(2, 6, 8), np.random.default_rng(1).permutation(6)
    output, weights = layer(x, return_weights=True)
    moved, moved_weights = layer(x[:, order], return_weights=True)
    assert difference(moved, np.array(output)[:, order]) < 1e-5
    assert difference(moved_weights, np.array(weights)[:, :, order][..., order]) < 1e-5


@pytest.mark.parametrize("positions", [True, False])
def test_reverser_sees_order_only_with_positions(nb, positions) -> None:
    keras.utils.set_random_seed(0)
    model, order = nb.Reverser(6, positions), np.array([2, 0, 5, 1, 4, 3])
    digits = np.array([[3, 1, 4, 1, 5, 9]])
    same = difference(model(digits[:, order]), np.array(model(digits))[:, order]) < 1e-5
    assert same != positions


@pytest.mark.parametrize("width", [2, 8, 64])
def test_sinusoids_follow_the_formula(nb, width) -> None:
    table = nb.sinusoidal_positions(50, width)
    assert table.shape == (50, width)
    for p in (0, 1, 7, 49):
        for i in range(width // 2):
            angle = p / 10_000 ** (2 * i / width)
            assert table[p, 2 * i] == pytest.approx(np.sin(angle), abs=1e-9)
            assert table[p, 2 * i + 1] == pytest.approx(np.cos(angle), abs=1e-9)


# --- цена ---


def test_cost_grows_with_length(nb) -> None:
    (short, short_ms, _), (long, long_ms, memory) = ak.step_costs(nb.training_step, "самовнимание", (16, 512))
    assert (short, long) == (16, 512) and 0 < short_ms < long_ms
    # Четыре головы × батч 8 × 512² весов по 4 байта: для обратного хода их надо хранить хотя бы раз.
    assert 4 * 8 * 512**2 * 4 / 2**20 < memory < 1000


@pytest.mark.parametrize(("kind", "name"), [("GRU", "GRU"), ("самовнимание", "MultiHeadAttention")])
def test_step_trains_the_layer_it_was_asked_for(nb, monkeypatch, kind, name) -> None:
    called = []

    def watch(layer):
        original = getattr(keras.layers, layer).__call__

        def call(self, *args, **kwargs):
            called.append(layer)
            return original(self, *args, **kwargs)

        monkeypatch.setattr(getattr(keras.layers, layer), "__call__", call)

    watch("GRU")
    watch("MultiHeadAttention")
    gradients = nb.training_step(kind, 4, batch=1, units=8)()
    assert set(called) == {name}
    assert gradients[0].shape == (1, 4, 8) and len(gradients) == (4 if kind == "GRU" else 9)
    assert all(np.abs(np.array(gradient)).max() > 0 for gradient in gradients if gradient.shape != (2, 4))


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


def test_layer_norm_equals_keras(nb) -> None:
    x, gamma, beta = random(3, 5, 8) * 7 + 3, random(8, seed=1), random(8, seed=2)
    theirs = keras.layers.LayerNormalization(epsilon=1e-12)
    theirs.build(x.shape)
    theirs.set_weights([gamma, beta])
    assert difference(nb.layer_norm(x, gamma, beta), theirs(x)) < 1e-5


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
