"""Код блокнота 07: батчи, порядок ответов, счёт голов, обучение, плохой ввод.

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
    return model


# --- токены и батчи ---


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


# --- модель ---


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


# --- внимание ---


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


# --- обучение ---


def test_collect_keeps_the_order_of_texts(nb, tokenizer) -> None:
    batches = nb.make_batches(tokenizer, TEXTS, range(6), 4)
    lengths = nb.collect(lambda inputs: nb.tf.reduce_sum(inputs["attention_mask"], axis=1), batches)
    assert lengths.tolist() == [len(ids) for ids in tokenizer(TEXTS)["input_ids"]]


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
