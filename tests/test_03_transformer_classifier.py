"""Код блокнота 03: слои против KerasHub, маски, конвейер, сравнение моделей, плохой ввод."""

import keras
import keras_hub
import numpy as np
import pytest
import tensorflow as tf

CLASSES = ("В мире", "Спорт", "Бизнес", "Наука и техника")
TEXTS = [
    "the home team won the cup final",
    "oil prices fall",
    "the bank lost money on oil and the market fell again after a long quiet week of trade",
    "a new planet was found by a small telescope",
] * 5
LABELS = np.array([1, 2, 2, 3] * 5)


@pytest.fixture(scope="module")
def vectorizer(nb):
    return nb.make_vectorizer(TEXTS)


@pytest.fixture(scope="module")
def model(nb, vectorizer):
    keras.utils.set_random_seed(0)
    model = nb.make_transformer(vectorizer.vocabulary_size(), width=16)
    for weight in model.trainable_weights:  # не нули и не единицы: так видна любая забытая часть
        weight.assign(weight + np.random.default_rng(0).normal(scale=0.3, size=weight.shape))
    return model


IDS = np.array([[5, 7, 4, 9], [3, 8, 0, 0]])


# --- слои ---


@pytest.mark.parametrize("name", ["TransformerBlock", "PreNormBlock"])
def test_block_equals_keras_hub(nb, name: str) -> None:
    """Тот же слой в KerasHub с теми же весами даёт те же числа на настоящих местах."""
    x = np.random.default_rng(0).normal(size=(2, 4, 8)).astype("f")
    mask = IDS > 0
    ours = getattr(nb, name)(width=8, heads=2, hidden=16)
    ours(x, mask=mask)
    for weight in ours.trainable_weights:
        weight.assign(weight + np.random.default_rng(1).normal(scale=0.2, size=weight.shape))
    library = keras_hub.layers.TransformerEncoder(
        16, 2, dropout=0, layer_norm_epsilon=1e-6, normalize_first=name == "PreNormBlock"
    )
    library(x)
    theirs = library._self_attention_layer  # у KerasHub ширина уже разрезана на головы
    theirs.set_weights(
        [w.reshape(t.shape) for w, t in zip(ours.attention.get_weights(), theirs.weights, strict=True)]
    )
    pairs = [
        (ours.norms[0], library._self_attention_layer_norm),
        (ours.norms[1], library._feedforward_layer_norm),
    ]
    pairs += zip(
        ours.forward.layers,
        (library._feedforward_intermediate_dense, library._feedforward_output_dense),
        strict=True,
    )
    for mine, theirs in pairs:
        theirs.set_weights(mine.get_weights())
    expected = np.array(library(x, padding_mask=mask))
    assert np.abs(np.array(ours(x, mask=mask)) - expected)[mask].max() < 1e-5


@pytest.mark.parametrize("name", ["NoAttention", "NoForward", "NoResidual", "NoNorm"])
def test_block_without_a_part(nb, name: str, recwarn) -> None:
    """Убрана ровно одна часть: весов меньше ровно на неё, градиент доходит до всех, маска и форма — прежние."""
    full, less = (nb.make_transformer(20, block=block) for block in (nb.TransformerBlock, getattr(nb, name)))
    block = full.get_layer("block_0")
    gone = {"NoAttention": [block.attention], "NoNorm": block.norms, "NoResidual": [],
            "NoForward": [block.forward, block.norms[1]]}[name]  # fmt: skip
    assert full.count_params() - less.count_params() == sum(layer.count_params() for layer in gone)
    less.compile("sgd", "mse")
    less.fit(np.pad(IDS, ((0, 0), (0, 3))), np.ones((2, 4)), verbose=0)
    assert np.allclose(less(IDS), less(np.pad(IDS, ((0, 0), (0, 3)))), atol=1e-5)
    assert not [w for w in recwarn if w.category is UserWarning]


def test_embedding_equals_keras_hub(nb) -> None:
    ours = nb.TokenAndPositionEmbedding(10, 4, 6)
    library = keras_hub.layers.TokenAndPositionEmbedding(10, 4, 6)
    ours(IDS), library(IDS)
    library.token_embedding.set_weights(ours.tokens.get_weights())
    library.position_embedding.set_weights(ours.positions.get_weights())
    assert np.abs(np.array(ours(IDS)) - library(IDS)).max() < 1e-6
    assert (ours.compute_mask(IDS).numpy() == (IDS > 0)).all()


def test_variants_lose_what_they_say(model, nb) -> None:
    """Полной модели дополнение безразлично, а порядок слов — нет; без маски и без позиций — наоборот."""
    keras.utils.set_random_seed(0)
    padded, turned = np.pad(IDS, ((0, 0), (0, 5))), IDS[:1, ::-1]
    careless, blind = (nb.make_transformer(20, width=16, embedding=e) for e in (nb.NoMask, nb.NoPositions))
    assert np.allclose(model(IDS), model(padded), atol=1e-5)
    assert not np.allclose(careless(IDS), careless(padded), atol=1e-3)
    assert not nb.look(model, padded)[1, :, :, 2:].any()
    assert not np.allclose(model(IDS[:1]), model(turned), atol=1e-3)
    assert np.allclose(blind(IDS[:1]), blind(turned), atol=1e-6)


@pytest.mark.parametrize("detail", ["", "без позиций", "без маски", "одна голова", "два слоя", "pre-norm"])
def test_gradients_and_file(nb, detail: str, tmp_path) -> None:
    """Градиент доходит до каждого веса; модель из файла даёт те же логиты."""
    model = nb.make_transformer(20, **(nb.ABLATIONS[detail] if detail else {}))
    with tf.GradientTape() as tape:
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)(LABELS[:2], model(IDS))
    gradients = tape.gradient(loss, [weight.value for weight in model.trainable_weights])
    for weight, gradient in zip(model.trainable_weights, gradients, strict=True):
        size = 0 if gradient is None else np.abs(tf.convert_to_tensor(gradient)).max()
        # Сдвиг ключей softmax не чувствует: его градиент — ноль по построению.
        assert size > 0 or weight.path.endswith("key/bias"), weight.path
    model.save(tmp_path / "model.keras")
    assert np.array_equal(keras.saving.load_model(tmp_path / "model.keras")(IDS), model(IDS))


def test_heads_share_the_width(nb) -> None:
    """Одна голова или четыре — весов поровну: key_dim — ширина одной головы."""
    sizes = {heads: nb.make_transformer(20, heads=heads).count_params() for heads in (1, 4)}
    assert sizes[1] == sizes[4]


# --- данные ---


def test_batches_keep_every_item(nb, vectorizer) -> None:
    batches = nb.make_batches(TEXTS, LABELS, vectorizer, batch_size=4)
    seen = [
        (tuple(row[row > 0]), label)
        for ids, labels in batches.as_numpy_iterator()
        for row, label in zip(ids, labels, strict=True)
    ]
    expected = [
        (tuple(vectorizer([text])[0].numpy()), label) for text, label in zip(TEXTS, LABELS, strict=True)
    ]
    assert sorted(seen) == sorted(expected)
    assert len(batches) == sum(1 for _ in batches)


def test_batches_are_cut_and_shuffled(nb, vectorizer) -> None:
    long = nb.make_batches(["team " * 300], LABELS[:1], vectorizer)
    assert next(iter(long))[0].shape == (1, nb.MAX_LENGTH)
    shuffled = nb.make_batches(TEXTS, np.arange(len(TEXTS)), vectorizer, batch_size=20, shuffle=True)
    first, second = ([int(x) for _, labels in shuffled for x in labels] for _ in range(2))
    assert first != second and sorted(first) == sorted(second)


def test_match_reports_hide_the_answer_from_words(nb) -> None:
    """В паре слова одни, ответы разные; ответ верен: победили ли львы, видно по глаголу и порядку."""
    texts, labels = nb.match_reports(np.random.default_rng(3))
    assert len(texts) == len(labels) == len(set(texts)) == 3600
    for first, second, a, b in zip(texts[::2], texts[1::2], labels[::2], labels[1::2], strict=True):
        assert sorted(first.split()) == sorted(second.split()) and a + b == 1
    for text, won in zip(texts, labels, strict=True):
        lions_first = "lions" in text.split(" beat ")[0].split(" defeated ")[0].split(" to the ")[0]
        assert won == (lions_first == (" beat " in text or " defeated " in text)), text


# --- обучение и сравнение ---


def test_training_keeps_the_best_weights(nb, vectorizer) -> None:
    """Проверочные рубрики нарочно неверны: чем дольше учить, тем на них хуже."""
    keras.utils.set_random_seed(0)
    model = nb.make_transformer(vectorizer.vocabulary_size(), width=16)
    train, wrong = (nb.make_batches(TEXTS, y, vectorizer, batch_size=4) for y in (LABELS, LABELS - 1))
    history, _ = nb.train_model(model, train, wrong, epochs=6, rate=1e-2)
    assert history["val_loss"][-1] > 1.5 * min(history["val_loss"])
    assert model.evaluate(wrong, verbose=0)[0] == pytest.approx(min(history["val_loss"]), rel=1e-4)


def test_predict_keeps_the_order(nb, model, vectorizer) -> None:
    texts = [TEXTS[i] for i in (2, 1, 0, 3)]
    together = nb.predict(model, texts, vectorizer)
    alone = np.concatenate([nb.predict(model, [text], vectorizer) for text in texts])
    assert np.allclose(together, alone, atol=1e-5) and np.allclose(together.sum(axis=1), 1)


def test_interval(nb) -> None:
    low, high = nb.interval(np.array([True] * 90 + [False] * 10))
    assert 0.82 < low < 0.83 and 0.94 < high < 0.95  # Уилсон: 0,8256–0,9448


# --- куда смотрят головы и что важно ---


def test_fall_finds_the_word_that_matters(nb) -> None:
    """Модель считает только слово 7: закрыть его — значит уронить логит, остальные ни на что не влияют."""

    def only_seven(ids):
        found = (np.array(ids) == 7).sum(axis=1)
        return np.stack([found, np.full(len(found), 0.5)], axis=1)

    ids = np.array([5, 7, 9, 7])
    assert nb.fall(only_seven, ids, range(4)).tolist() == [0, 1, 0, 1]
    assert nb.fall(only_seven, ids, [[0, 1], [1, 3], []]).tolist() == [1, 2, 0]


def test_evenness(nb, model) -> None:
    assert nb.evenness(np.full((2, 3, 3), 1 / 3)) == pytest.approx(1, abs=1e-6)
    assert nb.evenness(np.eye(3)[None]) == pytest.approx(0, abs=1e-6)
    assert 0 < nb.evenness(nb.look(model, IDS[:1])[0]) < 1


# --- плохой ввод ---


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "нет ни одного слова"),
        ("  ... !", "нет ни одного слова"),
        (None, "Нужен текст"),
        (17, "дано: int"),
        ("вратарь отразил", "Ни одного знакомого слова"),
    ],
)
def test_bad_text(nb, model, vectorizer, text, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        nb.classify(text, model, vectorizer, CLASSES)


def test_long_text_is_cut_aloud(nb, model, vectorizer, capsys) -> None:
    name, probability = nb.classify("team " * 10_000, model, vectorizer, CLASSES)
    assert name in CLASSES and 0.25 <= probability <= 1
    assert "В тексте 10\xa0000 слов; прочитаны первые 256." in capsys.readouterr().out
    assert name == nb.classify("team " * 256, model, vectorizer, CLASSES)[0]
