"""MiniLM, экспортированный для TF Hub: номера токенов — как у tokenizers, числа — как у TFBertModel."""

import os

import attention_kit as ak
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_hub as hub
import tensorflow_text  # noqa: F401  — операции предобработки
import tf_keras
from attention_kit import news

NAMES = ("input_word_ids", "input_mask", "input_type_ids")


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    """Кэш на весь модуль: экспорт идёт секунд двадцать."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COURSE_CACHE", str(tmp_path_factory.mktemp("cache")))
        patch.setenv("COURSE_PROFILE", "quick")
        # Обычно здесь Keras 3; import transformers включил бы в этом процессе старый.
        patch.setenv("TF_USE_LEGACY_KERAS", os.environ.get("TF_USE_LEGACY_KERAS", "0"))
        yield


@pytest.fixture(scope="module")
def handle(cache) -> ak.HubEncoder:
    return ak.hub_encoder()


@pytest.fixture(scope="module")
def preprocess(handle):
    return hub.load(handle.preprocess)


@pytest.fixture(scope="module")
def encoder(handle):
    return hub.load(handle.encoder)


@pytest.fixture(scope="module")
def minilm() -> ak.MiniLM:
    return ak.load_minilm()


def hugging_face_ids(minilm: ak.MiniLM, texts: list[str]) -> list[list[int]]:
    encoded = minilm.tokenizer.encode_batch(texts, add_special_tokens=False)
    return [item.ids for item in encoded]


def our_ids(preprocess, texts: list[str]) -> list[list[int]]:
    return preprocess.tokenize(tf.constant(texts)).merge_dims(1, 2).to_list()


# --- токены ---


def test_same_ids_on_embedded_news(preprocess, minilm) -> None:
    rows = [row for part in news.read_folder(news.FOLDER).values() for row in part]
    texts = [f"{title} {description}" for title, description, _ in rows]
    assert our_ids(preprocess, texts) == hugging_face_ids(minilm, texts)


@pytest.mark.parametrize(
    "text",
    ["", " \t\n", "ß ﬁ ½ Ⅻ ＡＢＣ ª", "a\0b\ufffdc\u200bd\te\nf\ue000g", "Ёлка É İ ǅ", "e\u0301 각 ΐ हिन्दी", "中文字 ##ing don't", "a" * 100, "a" * 101],
    ids=["пустой", "пробелы", "NFKC", "управляющие", "регистр", "NFD", "знаки", "100 букв", "101 буква"],
)  # fmt: skip
def test_same_ids_where_tensorflow_text_usually_differs(preprocess, minilm, text: str) -> None:
    assert our_ids(preprocess, [text]) == hugging_face_ids(minilm, [text])


def test_pieces_are_grouped_into_words(preprocess, minilm) -> None:
    texts = ["An unbelievably tokenizable word!", "", "xyzzyx 日本 [UNK"]
    words = preprocess.tokenize(tf.constant(texts))
    assert words.dtype == tf.int32 and words.shape.as_list() == [3, None, None]
    expected = []
    for encoded in minilm.tokenizer.encode_batch(texts, add_special_tokens=False):
        pieces = list(zip(encoded.word_ids, encoded.ids, strict=True))
        groups = dict.fromkeys(encoded.word_ids)
        expected.append([[piece for word, piece in pieces if word == number] for number in groups])
    assert words.to_list() == expected
    assert expected[0][1] == [4895, 8671, 2666, 3567, 6321]  # un ##bel ##ie ##va ##bly


@pytest.mark.parametrize(
    ("text", "ours", "theirs"),
    [
        ("ΟΔΟΣ", "ο ##δ ##ος", "ο ##δ ##ο ##σ"),  # ς только в конце слова, Rust же этого не смотрит
        ("я" * 51, "[UNK]", "я" + " ##я" * 50),  # 102 байта, но 51 знак
        ("a [SEP] b", "a [ sep ] b", "a [SEP] b"),
        ("[MASK]", "[ mask ]", "[MASK]"),
    ],
)
def test_texts_that_differ(preprocess, minilm, text: str, ours: str, theirs: str) -> None:
    to_text = minilm.tokenizer.id_to_token
    assert " ".join(map(to_text, our_ids(preprocess, [text])[0])) == ours
    assert " ".join(map(to_text, hugging_face_ids(minilm, [text])[0])) == theirs


# --- упаковка ---


def packed(preprocess, texts: list[list[str]], **arguments) -> list[list[list[int]]]:
    """Три тензора для пары (или одного) списков текстов — списками."""
    parts = [preprocess.tokenize(tf.constant(part)) for part in texts]
    result = preprocess.bert_pack_inputs(parts, **arguments)
    assert set(result) == set(NAMES) and {value.dtype for value in result.values()} == {tf.int32}
    return [result[name].numpy().tolist() for name in NAMES]


@pytest.mark.parametrize("pair", [False, True], ids=["одно", "пара"])
def test_pack_equals_hugging_face(preprocess, minilm, pair: bool) -> None:
    first, second = ["A good day.", "No"], ["Was it?", "Unbelievably so"]
    minilm.tokenizer.enable_padding(length=16)
    encoded = minilm.tokenizer.encode_batch(list(zip(first, second, strict=True)) if pair else first)
    minilm.tokenizer.no_padding()
    expected = [[getattr(item, name) for item in encoded] for name in ("ids", "attention_mask", "type_ids")]
    assert packed(preprocess, [first, second][: 1 + pair], seq_length=16) == expected


@pytest.mark.parametrize("length", [5, 8, 13])
def test_long_pair_is_cut_round_robin(preprocess, length: int) -> None:
    """Места даются по очереди: первому, второму, первому…; кому больше не нужно — пропускается."""
    texts = [["one two three four five six seven"], ["eight nine ten"]]
    parts = [preprocess.tokenize(tf.constant(text)).merge_dims(1, 2)[0].numpy().tolist() for text in texts]
    kept = [0, 0]
    for turn in range(2 * length):
        which = turn % 2
        if sum(kept) < length - 3 and kept[which] < len(parts[which]):
            kept[which] += 1
    expected = [101, *parts[0][: kept[0]], 102, *parts[1][: kept[1]], 102]
    ids, mask, types = packed(preprocess, texts, seq_length=length)
    assert ids == [expected + [0] * (length - len(expected))]
    assert mask == [[int(token > 0) for token in ids[0]]]
    assert types == [[0] * (kept[0] + 2) + [1] * (kept[1] + 1) + [0] * (length - len(expected))]


def test_plain_call_pads_to_128(preprocess) -> None:
    texts = ["short", "long " * 200]
    result = preprocess(tf.constant(texts))
    assert [result[name].numpy().tolist() for name in NAMES] == packed(preprocess, [texts])
    flat = preprocess.tokenize(tf.constant(texts)).merge_dims(1, 2)
    assert np.array_equal(preprocess.bert_pack_inputs([flat])["input_word_ids"], result["input_word_ids"])
    assert result["input_word_ids"].shape == (2, 128)
    assert result["input_word_ids"][1, -1] == 102
    assert result["input_mask"].numpy().sum(axis=1).tolist() == [3, 128]


def test_keras_layers_from_text_to_logits(handle, preprocess) -> None:
    texts = [tf_keras.Input((), dtype=tf.string) for _ in range(2)]
    tokens = [hub.KerasLayer(preprocess.tokenize)(text) for text in texts]
    pack = hub.KerasLayer(preprocess.bert_pack_inputs, arguments={"seq_length": 12})
    inputs = pack(tokens)
    assert {name: tuple(value.shape) for name, value in inputs.items()} == dict.fromkeys(NAMES, (None, 12))
    outputs = hub.KerasLayer(handle.encoder)(inputs)
    model = tf_keras.Model(texts, outputs["pooled_output"])
    assert model([tf.constant(["a", "b"]), tf.constant(["c", "d"])]).shape == (2, 384)
    plain = hub.KerasLayer(handle.preprocess)(texts[0])
    assert tuple(plain["input_mask"].shape) == (None, 128)


# --- кодировщик ---


@pytest.fixture(scope="module")
def inputs() -> dict[str, np.ndarray]:
    """Три строки разной длины, дополненные до 23; в первых двух — по два предложения."""
    places, lengths = np.arange(23), np.array([[23], [11], [2]])
    mask = (places < lengths).astype("int32")
    ids = np.random.default_rng(0).integers(1000, 30_000, (3, 23)).astype("int32")
    return dict(zip(NAMES, (ids * mask, mask, (places > 9).astype("int32") * mask), strict=True))


@pytest.fixture(scope="module")
def reference(cache, inputs) -> tuple[list[np.ndarray], np.ndarray]:
    """Что на этих входах даёт TFBertModel: выходы слоёв и pooler."""
    from transformers import TFBertModel

    model = TFBertModel.from_pretrained(ak.minilm.minilm_folder())
    ids, mask, types = inputs.values()
    outputs = model(input_ids=ids, attention_mask=mask, token_type_ids=types, output_hidden_states=True)
    return [layer.numpy() for layer in outputs.hidden_states[1:]], outputs.pooler_output.numpy()


def gap(ours, theirs, inputs: dict[str, np.ndarray]) -> float:
    """Наибольшее различие на настоящих местах."""
    return np.abs(np.array(ours) - theirs)[inputs["input_mask"] > 0].max()


def tensors(inputs: dict[str, np.ndarray]) -> dict[str, tf.Tensor]:
    return {name: tf.constant(value) for name, value in inputs.items()}


def test_encoder_equals_transformers(encoder, inputs, reference) -> None:
    layers, pooled = reference
    outputs = encoder(tensors(inputs))
    assert set(outputs) == {"default", "pooled_output", "sequence_output", "encoder_outputs"}
    assert len(outputs["encoder_outputs"]) == len(layers) == 6
    for ours, theirs in zip(outputs["encoder_outputs"], layers, strict=True):
        assert gap(ours, theirs, inputs) < 1e-4
    assert np.array_equal(outputs["sequence_output"], outputs["encoder_outputs"][-1])
    assert np.abs(outputs["pooled_output"] - pooled).max() < 1e-4
    assert np.array_equal(outputs["default"], outputs["pooled_output"])


@pytest.mark.parametrize("length", [1, 30, 512])
def test_any_length_and_padding_changes_nothing(encoder, inputs, reference, length: int) -> None:
    padding = ((0, 0), (0, max(0, length - 23)))
    resized = {name: np.pad(value[:, :length], padding) for name, value in inputs.items()}
    states = encoder(tensors(resized))["sequence_output"]
    assert states.shape == (3, length, 384)
    assert length < 23 or gap(states[:, :23], reference[0][-1], inputs) < 1e-4


def test_weights_and_their_names(encoder, minilm) -> None:
    """По этим именам веса исключают из weight decay; значения — те же, что в файле."""
    names = [variable.name for variable in encoder.trainable_variables]
    assert len(names) == len(set(names)) == len(encoder.variables) == 103
    assert sum("LayerNorm" in name for name in names) == 2 * (1 + 2 * 6)
    assert sum("bias" in name for name in names) == 6 * 6 + 1
    assert sum(variable.shape.num_elements() for variable in encoder.variables) == 22_713_216
    words = next(v for v in encoder.variables if "word_embeddings" in v.name)
    assert np.array_equal(words, minilm.weights["embeddings.word_embeddings.weight"])
    assert list(encoder.regularization_losses) == []


def test_dropout_only_in_training_and_repeatable(handle, encoder, inputs) -> None:
    inputs = tensors(inputs)
    plain = encoder(inputs)["sequence_output"].numpy()
    assert np.array_equal(plain, encoder(inputs, training=False)["sequence_output"])
    first, second = (hub.load(handle.encoder)(inputs, training=True)["sequence_output"] for _ in range(2))
    assert np.abs(first - plain).max() > 0.01
    assert np.array_equal(first, second)  # одинаковые маски: опыт повторим


def test_gradient_reaches_every_weight(handle, inputs) -> None:
    """Через оба выхода — и до слоя над [CLS]; что замороженное не меняется, проверяет test_06."""
    layer = hub.KerasLayer(handle.encoder, trainable=True)
    with tf.GradientTape() as tape:
        outputs = layer(tensors(inputs))
        loss = tf.reduce_sum(outputs["pooled_output"] ** 2) + tf.reduce_sum(outputs["sequence_output"][:, 1])
    gradients = tape.gradient(loss, layer.trainable_weights)
    assert len(gradients) == 103 and all(gradient is not None for gradient in gradients)
