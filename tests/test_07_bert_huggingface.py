"""Код блокнота 07: токены, батчи, счёт весов и голов, обучение, сохранение, плохой ввод.

Ему нужен Keras 2, а соседним тестам — Keras 3, поэтому всё выполняется в отдельном процессе.
"""

import os
import subprocess
import sys

import attention_kit as ak
import numpy as np
import pytest

from conftest import ROOT

OWN_PROCESS = os.environ.get("TF_USE_LEGACY_KERAS") == "1"
TEXTS = [
    "The home team won the cup final",
    "Oil prices fall",
    "The bank lost money on oil and the market fell again after a long quiet week of trade",
    "A new planet was found by a small telescope, astronomers say",
    "Goalkeeper saves two penalties",
    "Shares of the chip maker rise",
]
LABELS = np.array([1, 2, 2, 3, 1, 2])


@pytest.fixture(scope="module")
def folder() -> str:
    return ak.hf_encoder("minilm").folder


@pytest.fixture(scope="module")
def tokenizer(nb, folder):
    return nb.AutoTokenizer.from_pretrained(folder)


@pytest.fixture(scope="module")
def model(nb, folder):
    """Слой классификации заметно не нулевой: так видна любая разница."""
    nb.keras.utils.set_random_seed(0)
    model, _ = nb.load_classifier(folder)
    model.classifier.kernel.assign(model.classifier.kernel * 20)
    model.config.id2label = {0: "В мире", 1: "Спорт", 2: "Бизнес", 3: "Наука и техника"}
    model.config.label2id = {name: number for number, name in model.config.id2label.items()}
    return model


# --- токены и батчи ---


def test_fast_and_slow_tokenizers_agree(nb, folder, tokenizer) -> None:
    slow = nb.BertTokenizer.from_pretrained(folder)
    texts = [*TEXTS, "Café, ZÜRICH: 2:1!", "вратарь", "主队", "🙂 ok", "", "can't stop-start $3.50"]
    assert slow(texts)["input_ids"] == tokenizer(texts)["input_ids"]
    assert slow(texts, texts)["token_type_ids"] == tokenizer(texts, texts)["token_type_ids"]


@pytest.mark.parametrize("padded", [None, 32])
def test_batches_hold_every_text_once(nb, tokenizer, padded) -> None:
    seen = {}
    for inputs, numbers in nb.make_batches(tokenizer, TEXTS, range(6), 4, length=32, padded=padded):
        longest = inputs["attention_mask"].numpy().sum(axis=1).max()
        assert inputs["input_ids"].shape[1] == (padded or longest)
        for row, number in enumerate(numbers.numpy()):
            real = inputs["attention_mask"][row].numpy() == 1
            seen[number] = inputs["input_ids"][row].numpy()[real].tolist()
            assert not inputs["input_ids"][row].numpy()[~real].any()
            assert not inputs["token_type_ids"][row].numpy().any()
    assert seen == dict(enumerate(tokenizer(TEXTS)["input_ids"]))


def test_batches_are_cut_and_sorted_by_length(nb, tokenizer) -> None:
    widths = [x["input_ids"].shape[1] for x, _ in nb.make_batches(tokenizer, TEXTS, LABELS, 2, length=9)]
    assert widths == sorted(widths) and widths[-1] == 9 and len(widths) == 3


def test_shuffling_changes_the_order_of_batches(nb, tokenizer) -> None:
    batches = nb.make_batches(tokenizer, TEXTS * 3, range(18), 2, shuffle=True)
    first, second = ([tuple(numbers.numpy()) for _, numbers in batches] for _ in range(2))
    assert first != second and sorted(first) == sorted(second) and len(batches) == len(first) == 9


def test_tokenizing_speed(nb) -> None:
    """Лучшая из попыток: первая, медленная, не в счёт."""
    waits = iter([0.2, 0.01, 0.1])
    assert 200 < nb.tokenizing_speed(lambda texts: nb.time.sleep(next(waits)), TEXTS) <= 600


def test_drop_mask(nb, tokenizer) -> None:
    inputs, labels = next(iter(nb.drop_mask(nb.make_batches(tokenizer, TEXTS, LABELS, 6))))
    assert set(inputs) == {"input_ids"} and sorted(labels.numpy()) == sorted(LABELS)


# --- модель ---


def test_messages_are_caught_and_handlers_return(nb, folder, capfd) -> None:
    before = nb.logging.getLogger("transformers").handlers[:]
    _, said = nb.load_classifier(folder)
    assert "newly initialized: ['classifier.weight', 'classifier.bias']" in said
    with pytest.raises(KeyError), nb.transformers_log():
        raise KeyError
    assert nb.logging.getLogger("transformers").handlers == before
    assert capfd.readouterr().err == ""


def test_padding_changes_nothing(nb, tokenizer, model) -> None:
    close, wide = (
        nb.predict(model, nb.make_batches(tokenizer, TEXTS, range(6), 2, padded=padded))
        for padded in (None, 128)
    )
    assert np.allclose(close, wide, atol=1e-4)
    forgot = nb.drop_mask(nb.make_batches(tokenizer, TEXTS, range(6), 2, padded=128))
    assert np.abs(nb.predict(model, forgot) - close).max() > 0.1


def test_predict_keeps_the_order(nb, tokenizer, model) -> None:
    together = nb.predict(model, nb.make_batches(tokenizer, TEXTS, range(6), 4))
    alone = [model({**tokenizer([text], return_tensors="np")}).logits[0] for text in TEXTS]
    assert np.allclose(together, alone, atol=1e-4)


def test_count_weights(nb, model) -> None:
    body, top = nb.count_weights(model.config)
    assert model.num_parameters() == body + top and top == 384 * 4 + 4
    try:
        assert nb.trainable(model) == body + top
        model.bert.trainable = False
        assert nb.trainable(model) == top
    finally:
        model.bert.trainable = True


def test_count_weights_of_bert_base(nb) -> None:
    """Настоящий bert-base, построенный по конфигурации: веса случайные, но их столько же."""
    config = nb.BertConfig(num_labels=4)
    with nb.transformers_log():
        model = nb.TFBertForSequenceClassification(config)
        model.build()
    everything = nb.trainable(model)
    model.bert.trainable = False
    assert (everything, nb.trainable(model)) == (109_485_316, 3_076)
    assert nb.count_weights(config) == (109_482_240, 3_076)


# --- внимание ---


def test_attentions_of_the_first_layer_by_hand(nb, tokenizer, model) -> None:
    """Внимание первого слоя прямо из файла весов: эмбеддинги, нормализация, softmax(QKᵀ/√d)."""
    minilm = ak.load_minilm()
    ids, expected_tokens = minilm.tokenize("Oil prices fall again")
    get = minilm.weights.__getitem__
    x = get("embeddings.word_embeddings.weight")[ids]
    x = x + get("embeddings.position_embeddings.weight")[: len(ids)]
    x = x + get("embeddings.token_type_embeddings.weight")[0]
    x = (x - x.mean(axis=-1, keepdims=True)) / np.sqrt(x.var(axis=-1, keepdims=True) + 1e-12)
    x = x * get("embeddings.LayerNorm.weight") + get("embeddings.LayerNorm.bias")
    q, k = (
        (x @ get(f"encoder.layer.0.attention.self.{name}.weight").T
         + get(f"encoder.layer.0.attention.self.{name}.bias")).reshape(len(ids), 12, 32)
        for name in ("query", "key")
    )  # fmt: skip
    scores = np.exp(np.einsum("ihd,jhd->hij", q, k) / np.sqrt(32))
    weights, tokens = nb.attentions(model.bert, tokenizer, "Oil prices fall again")
    assert weights.shape == (6, 12, 6, 6) and tokens == expected_tokens
    assert np.allclose(weights[0], scores / scores.sum(axis=-1, keepdims=True), atol=1e-4)


SIZE = 7
EXACT = {
    "предыдущий": np.eye(SIZE, k=-1),
    "следующий": np.eye(SIZE, k=1),
    "сам токен": np.eye(SIZE),
    "[SEP]": np.eye(SIZE)[[-1] * SIZE],
    "[CLS]": np.eye(SIZE)[[0] * SIZE],
}


@pytest.mark.parametrize("name", EXACT)
def test_head_that_does_one_thing(nb, name: str) -> None:
    """Голова, которая смотрит ровно туда, получает 1 за это и ничего за чужие токены."""
    scores = nb.head_scores([EXACT[name][None, None]])
    assert scores[name] == 1 and set(scores) == set(EXACT)
    others = [score for other, score in scores.items() if other != name]
    assert max(others) <= 1 / (SIZE - 2)  # крайнее слово стоит рядом с [CLS] или [SEP]


def test_head_scores_average_over_tokens_of_all_texts(nb) -> None:
    short, long = np.eye(4, k=-1)[None, None], np.full((1, 1, 12, 12), 1 / 12)
    assert nb.head_scores([short, long])["предыдущий"] == pytest.approx((1 * 1 + 9 / 12) / 10)


def test_head_scores_keep_the_heads_apart(nb) -> None:
    maps = np.stack([np.stack([np.eye(5), np.eye(5, k=1)]), np.full((2, 5, 5), 0.2)])
    scores = nb.head_scores(iter([maps]))
    assert scores["сам токен"].tolist() == [[1, 0], [pytest.approx(0.2)] * 2]
    assert scores["следующий"][0].tolist() == [0, 1]


# --- обучение ---


def test_collect_keeps_the_order_of_texts(nb, tokenizer) -> None:
    batches = nb.make_batches(tokenizer, TEXTS, range(6), 4)
    lengths = nb.collect(lambda inputs: nb.tf.reduce_sum(inputs["attention_mask"], axis=1), batches)
    assert lengths.tolist() == [len(ids) for ids in tokenizer(TEXTS)["input_ids"]]


def test_layer_learns_from_logits_and_not_from_a_string(nb) -> None:
    """Признаки разделимы: верные потери это находят, а строка — хуже."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 4, 400)
    features = np.tanh(rng.normal(size=(4, 32))[labels] + rng.normal(size=(400, 32))).astype("f")
    right = {}
    for loss in nb.LOSSES:
        layers = [nb.train_layer(features, labels, loss, "10 эпох по 0,01", seed) for seed in (1, 1, 2)]
        weights = [layer.get_weights()[0] for layer in layers]
        assert np.array_equal(*weights[:2]) and not np.array_equal(*weights[1:])
        right[loss] = [nb.share(layer, features, labels) for layer in layers]
    assert min(right["логиты"]) > 0.95 and max(right["строка"]) < min(right["логиты"])


def test_fine_tuning_moves_every_weight(nb, folder, tokenizer) -> None:
    model, _ = nb.load_classifier(folder)
    before = [weight.numpy() for weight in model.weights]
    batches = nb.make_batches(tokenizer, TEXTS, LABELS, 3, shuffle=True)
    losses, seconds = nb.fit_classifier(model, batches, 4, rate=1e-3)
    assert not any(np.array_equal(a, b) for a, b in zip(before, model.weights, strict=True))
    assert losses[-1] < losses[0] and len(losses) == 4 and seconds > 0


def test_rate_ends_at_zero(nb, folder, tokenizer) -> None:
    """Прогрев и спад посчитаны в батчах: наибольшая скорость — после десятой части шагов, в конце — ноль."""
    model, _ = nb.load_classifier(folder)
    batches = nb.make_batches(tokenizer, TEXTS, LABELS, 2)
    nb.fit_classifier(model, batches, 10, rate=1e-4)
    rates = [float(model.optimizer.learning_rate(step)) for step in range(31)]
    assert int(model.optimizer.iterations) == 30 and np.argmax(rates) == 3
    assert rates[3] == pytest.approx(1e-4) and rates[0] == rates[30] == 0


def test_default_loss_is_on_logits(nb, folder, tokenizer) -> None:
    """Потери обученной модели — те же, что посчитаны по логитам вручную; скорость — ноль: веса на месте."""
    nb.keras.utils.set_random_seed(3)
    model, _ = nb.load_classifier(folder)
    nb.keras.utils.set_random_seed(3)
    assert np.array_equal(nb.load_classifier(folder)[0].classifier.kernel, model.classifier.kernel)
    batches = nb.make_batches(tokenizer, TEXTS, LABELS, 6)
    losses, _ = nb.fit_classifier(model, batches, 1, rate=0.0)
    ((inputs, labels),) = batches
    logits = model(inputs).logits.numpy().astype("float64")
    by_hand = np.log(np.exp(logits).sum(axis=1)) - logits[np.arange(6), labels]
    assert model.evaluate(batches, verbose=0)[0] == pytest.approx(by_hand.mean(), abs=1e-4)
    assert losses[0] == pytest.approx(np.log(4), abs=0.3)


def test_saved_model_answers_the_same(nb, tokenizer, model, tmp_path) -> None:
    model.save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    loaded, said = nb.load_classifier(tmp_path)
    again = nb.AutoTokenizer.from_pretrained(tmp_path)
    before, after = (
        nb.predict(m, nb.make_batches(t, TEXTS, range(6), 4))
        for m, t in ((model, tokenizer), (loaded, again))
    )
    assert np.array_equal(before, after) and "newly initialized" not in said
    assert loaded.config.id2label == model.config.id2label
    assert loaded.config.label2id == model.config.label2id


# --- плохой ввод ---


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "ни одного знакомого куска"),
        (" \n", "ни одного знакомого куска"),
        ("🙂🙂", "ни одного знакомого куска"),
        (None, "Нужен текст.*NoneType"),
        (17, "дано: int"),
        (["goal"], "дано: list"),
    ],
)
def test_bad_text(nb, model, tokenizer, text, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        nb.classify(text, model, tokenizer)


def test_long_text_is_cut_aloud(nb, model, tokenizer, capsys) -> None:
    name, probability = nb.classify("goal " * 1000, model, tokenizer, length=32)
    assert "В тексте 1000 кусков; прочитаны первые 30." in capsys.readouterr().out
    assert (name, probability) == nb.classify("goal " * 30, model, tokenizer, length=32)
    assert capsys.readouterr().out == "" and 0.25 <= probability <= 1


@pytest.mark.parametrize("text", ["Вратарь отразил пенальти", "主队进入决赛"])
def test_foreign_text_is_doubted_aloud(nb, model, tokenizer, capsys, text: str) -> None:
    """Русские слова рассыпаются на буквы, из иероглифов почти все — [UNK]."""
    nb.classify(text, model, tokenizer)
    assert "возможно, текст не английский" in capsys.readouterr().out


@pytest.mark.parametrize("text", ["Goalkeeper saves two penalties", "U.S.A.", "U.K. 2:1 U.S. 🙂"])
def test_english_text_is_not_doubted(nb, model, tokenizer, capsys, text: str) -> None:
    """Знаки препинания — отдельные куски, но слова от них не рассыпаются."""
    nb.classify(text, model, tokenizer)
    assert capsys.readouterr().out == ""


if not OWN_PROCESS:
    for name in [name for name in globals() if name.startswith("test_")]:
        del globals()[name]

    def test_in_own_process() -> None:
        env = {key: value for key, value in os.environ.items() if not key.startswith(("PYTEST_", "TF_"))}
        command = [sys.executable, "-m", "pytest", __file__, "-q", "-p", "no:xdist", "-p", "no:cacheprovider"]
        done = subprocess.run(
            command, capture_output=True, text=True, env=env | {"TF_USE_LEGACY_KERAS": "1"}, cwd=ROOT
        )
        assert done.returncode == 0, done.stdout + done.stderr
