"""Код блокнота 08: перенос в KerasHub, выравнивание меток, выбор отрезка, правила-соперники."""

import json
from collections import Counter

import attention_kit as ak
import keras
import keras_hub
import numpy as np
import pytest
from attention_kit.minilm import minilm_folder
from safetensors.numpy import load_file, save_file

SENTENCES = [
    ak.Sentence("Ada Byron left Oslo.", ((0, 9, "PER"), (15, 19, "LOC"))),
    ak.Sentence(
        "Rain fell on Oslo all day, and nobody at Fjordline minded.", ((13, 17, "LOC"), (41, 50, "ORG"))
    ),
    ak.Sentence("Nobody came.", ()),
]
QUESTIONS = [
    ak.Question("Ada paid nine euros in Oslo.", "How much did Ada pay?", "nine euros", 9),
    ak.Question(
        "It rained. Tuva Sand sold tea, then left for Riga at noon.", "Who sold tea?", "Tuva Sand", 11
    ),
]


@pytest.fixture
def small(nb, monkeypatch):
    """Вместо MiniLM — маленький случайный кодировщик: где важно устройство, а не качество."""

    def load_encoder():
        encoder = keras_hub.models.BertBackbone(30_522, 1, 2, 16, 32, dropout=0.0)
        encoder.token_embedding.trainable = False
        return encoder

    keras.utils.set_random_seed(0)
    monkeypatch.setattr(nb, "load_encoder", load_encoder)
    fine_tune = nb.fine_tune
    monkeypatch.setattr(nb, "fine_tune", lambda *args: fine_tune(*args[:4], rate=1e-2))
    return nb


def rows_of(nb, texts):
    return [nb.features(encoding) for encoding in nb.tokenizer.encode_batch(texts)]


def test_copy_for_keras_hub(nb, tmp_path) -> None:
    """Имена, как у rubert-tiny2 (bert.…, LayerNorm.weight, головы), другое число позиций — веса те же."""
    folder = minilm_folder()
    weights = {f"bert.{name}": array for name, array in load_file(folder / "model.safetensors").items()}
    weights["cls.predictions.bias"] = np.zeros(30_522, "f")
    positions = "bert.embeddings.position_embeddings.weight"
    weights[positions] = weights[positions][:20]
    config = json.loads((folder / "config.json").read_text()) | {"max_position_embeddings": 20}
    (tmp_path / "original").mkdir()
    (tmp_path / "original" / "config.json").write_text(json.dumps(config))
    save_file(weights, tmp_path / "original" / "model.safetensors")
    nb.copy_for_keras_hub(tmp_path / "original", tmp_path / "copy")
    copied = keras_hub.models.BertBackbone.from_preset(str(tmp_path / "copy"), max_sequence_length=20)
    for ours, theirs in zip(copied.get_weights(), nb.load_encoder().get_weights(), strict=True):
        assert np.array_equal(ours, theirs[: len(ours)])


# --- конвейер и обучение ---


def test_batches_keep_every_row(nb) -> None:
    rows = rows_of(nb, [("word " * n).strip() for n in range(1, 40)])
    labels = [[n] * len(row["token_ids"]) for n, row in enumerate(rows)]
    batches = nb.make_batches(rows, labels)
    seen = []
    for inputs, targets in batches.as_numpy_iterator():
        real = inputs["padding_mask"] > 0
        assert (targets[~real] == nb.IGNORE).all() and (inputs["token_ids"][~real] == 0).all()
        seen += [
            (tuple(ids[keep]), target[0])
            for ids, keep, target in zip(inputs["token_ids"], real, targets, strict=True)
        ]
    assert sorted(seen, key=lambda item: item[1]) == [
        (tuple(row["token_ids"]), n) for n, row in enumerate(rows)
    ]
    assert len(batches) == sum(1 for _ in batches)
    classes = next(iter(nb.make_batches(rows, np.arange(len(rows)))))[1]
    assert classes.ndim == 1


def test_predict_keeps_the_order(small) -> None:
    rows = rows_of(small, ["one", "two two two two", "three three", "four four four", "five"])
    model = small.make_tagger()
    together = small.predict(model, rows, batch_size=2)
    for row, output in zip(rows, together, strict=True):
        alone = np.array(model(small.pad([row])))[0]
        assert np.allclose(alone, output[: len(alone)], atol=1e-5)


def test_fine_tune(small, monkeypatch) -> None:
    """Шаги считаются в батчах, таблица слов не меняется, остальное учится."""
    made = []
    original = small.make_optimizer

    def make_optimizer(steps, rate):
        assert steps == 20 * 3 and rate == 1e-2  # три батча, а не 24 примера
        made.append(original(steps, rate))
        return made[0]

    monkeypatch.setattr(small, "make_optimizer", make_optimizer)
    model = small.make_classifier(2)
    before = {weight.path: keras.ops.convert_to_numpy(weight) for weight in model.weights}
    batches = small.make_batches(rows_of(small, ["good"] * 12 + ["bad"] * 12), np.repeat([0, 1], 12))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    losses, seconds = small.fine_tune(model, batches, loss, 20)
    assert int(made[0].iterations) == 20 * len(batches) == 60
    assert len(losses) == 20 and losses[-1] < 0.1 < losses[0] and seconds > 0
    same = {w.path for w in model.weights if np.array_equal(before[w.path], keras.ops.convert_to_numpy(w))}
    # Сдвиг ключей softmax не чувствует: его градиент — ноль по построению.
    assert {path for path in same if not path.endswith("key/bias")} == {"token_embedding/embeddings"}


def test_optimizer(nb) -> None:
    """Прогрев — десятая часть батчей, в конце ноль; затухания нет у сдвигов и нормализаций."""
    optimizer = nb.make_optimizer(60, rate=1e-2)
    rates = [float(optimizer._learning_rate(step)) for step in (0, 3, 6, 33, 60)]
    assert rates == pytest.approx([0, 5e-3, 1e-2, 5e-3, 0], abs=1e-6)
    weights = keras_hub.models.BertBackbone(9, 1, 1, 4, 4).trainable_weights
    optimizer.build(weights)
    decayed = {weight.name for weight in weights if optimizer._use_weight_decay(weight)}
    assert decayed == {"embeddings", "kernel"}


# --- сущности ---


def certain(nb, labels):
    return np.eye(len(nb.LABELS))[labels]


@pytest.mark.parametrize(
    "sentence",
    [
        ak.Sentence("Kigali, Kampala", ((0, 6, "LOC"), (8, 15, "LOC"))),
        ak.Sentence("Kigali Kampala", ((0, 6, "LOC"), (7, 14, "LOC"))),  # подряд: вторая начинается с B
        ak.Sentence("Jakarta-born O'Brien's aunt", ((0, 7, "LOC"), (13, 20, "PER"))),
        ak.Sentence("(Bank of Ålesund) — Šárka", ((1, 16, "ORG"), (20, 25, "PER"))),
        ak.Sentence("", ()),
        ak.Sentence("...", ()),
    ],
    ids=lambda sentence: sentence.text or "пусто",
)
def test_labels_and_back_on_hard_cases(nb, sentence) -> None:
    encoding = nb.tokenizer.encode(sentence.text)
    assert nb.entities_of(certain(nb, nb.word_labels(sentence, encoding)), encoding) == sentence.entities


def test_entities_of_impossible_labels(nb) -> None:
    encoding = nb.tokenizer.encode("one two three four")
    number = {label: i for i, label in enumerate(nb.LABELS)}

    def found(*labels):
        return nb.entities_of(
            certain(nb, [nb.IGNORE, *(number[label] for label in labels), nb.IGNORE]), encoding
        )

    assert found("O", "I-LOC", "O", "O") == ((4, 7, "LOC"),)  # I после O начинает имя
    assert found("B-PER", "I-ORG", "I-ORG", "O") == ((0, 13, "ORG"),)  # вид — голосованием
    assert found("B-PER", "B-PER", "O", "I-EVENT") == ((0, 3, "PER"), (4, 7, "PER"), (14, 18, "EVENT"))
    assert found("O", "O", "O", "O") == ()


def test_kinds_are_the_corpus_kinds(nb) -> None:
    assert nb.KINDS == ak.ENTITY_KINDS and len(nb.LABELS) == 9


def test_masked_loss_of_a_batch(nb) -> None:
    """Среднее — по меткам всего батча, а не по строкам: равна Keras с ignore_class; меток нет — ноль."""
    rng = np.random.default_rng(0)
    logits, labels = rng.normal(size=(3, 5, 9)).astype("f"), rng.integers(0, 9, (3, 5))
    labels[0, 1:] = labels[1, 3:] = nb.IGNORE
    library = keras.losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=nb.IGNORE)
    assert float(nb.masked_loss(labels, logits)) == pytest.approx(float(library(labels, logits)), abs=1e-6)
    assert float(nb.masked_loss(np.full((3, 5), nb.IGNORE), logits)) == 0


def test_capital_letters_are_marked(nb) -> None:
    sentence = ak.Sentence("In Szalontai's iPod", ())
    encoding = nb.tokenizer.encode(sentence.text)
    segments = nb.tag_features(sentence, encoding)["segment_ids"]
    shown = Counter(zip([sentence.text[a:b] for a, b in encoding.offsets], segments, strict=True))
    assert segments[0] == segments[-1] == 0  # [CLS] и [SEP]
    capital = {piece for piece, mark in shown if mark}
    assert capital == {"In"} | {sentence.text[a:b] for a, b in encoding.offsets if a >= 3 and b <= 12}


def test_tagger_learns(small) -> None:
    model, losses, _ = small.train_tagger(SENTENCES * 8, 20)
    assert losses[-1] < losses[0] / 2
    nothing = ak.Sentence("", ())
    found = small.tag(model, [nothing, *SENTENCES])
    assert found == [sentence.entities for sentence in (nothing, *SENTENCES)]


def test_tagger_without_the_hint_ignores_case(small) -> None:
    """rows_of доходит и до обучения, и до разметки: без подсказки большие буквы ничего не значат."""
    seen = []

    def plain(sentence, encoding):
        seen.append(sentence.text)
        return small.features(encoding)

    model, *_ = small.train_tagger(SENTENCES, 1, plain)
    assert seen == [sentence.text for sentence in SENTENCES]
    lower = [ak.Sentence(sentence.text.lower(), ()) for sentence in SENTENCES]
    assert small.tag(model, lower, plain) == small.tag(model, SENTENCES, plain)
    encoding = small.tokenizer.encode(lower[0].text)
    assert small.tag_features(lower[0], encoding) == plain(lower[0], encoding)


def test_mistakes(nb) -> None:
    gold = [((0, 3, "PER"), (5, 9, "LOC"), (12, 15, "ORG"), (20, 25, "EVENT"), (40, 45, "LOC"))]
    found = [((0, 3, "PER"), (5, 9, "ORG"), (12, 18, "ORG"), (30, 33, "LOC"))]
    counts = nb.mistakes(found, gold)
    assert counts == {"верно": 1, "вид": 1, "границы": 1, "пропуск": 2, "лишнее": 1}
    assert nb.mistakes(gold, gold) == {"верно": 5, "лишнее": 0}


def test_entity_rule(nb) -> None:
    rule = nb.learn_rule(
        [
            ak.Sentence("On Monday the Bank of Oslo sued Ada Byron.", ((14, 26, "ORG"), (32, 41, "PER"))),
            ak.Sentence("The storm hit Bergen on Monday.", ((14, 20, "LOC"),)),
        ]
    )
    text = "On Monday the Bank of Riga hit Turku."
    found = nb.find_by_rule(text, rule)
    assert [(text[a:b], kind) for a, b, kind in found] == [("Bank of Riga", "ORG"), ("Turku", "LOC")]
    assert nb.find_by_rule("nothing here.", rule) == nb.find_by_rule("", rule) == ()


def test_rules_are_fair_rivals(nb) -> None:
    """Правила находят немало — иначе сравнивать не с чем, — но задачу не решают."""
    train, test = ak.load_entities()
    rule = nb.learn_rule(train)
    scores = ak.entity_scores([nb.find_by_rule(s.text, rule) for s in test], [s.entities for s in test])
    assert 0.45 < scores.f1 < 0.6
    _, questions = ak.load_questions()
    answers = [nb.answer_by_rule(question) for question in questions]
    assert all(answer in q.context for answer, q in zip(answers, questions, strict=True))
    scores = ak.answer_scores(answers, [question.answer for question in questions])
    assert 0.1 < scores.exact < scores.f1 < 0.3


# --- ответы ---


def test_answers_fit_into_the_longest_span(nb) -> None:
    targets = [nb.target(q, nb.encode_question(q)) for part in ak.load_questions() for q in part]
    assert max(end - start + 1 for start, end in targets) <= nb.LONGEST


@pytest.mark.parametrize("longest", [1, 3, 50])
def test_best_span_equals_search(nb, longest: int) -> None:
    rng = np.random.default_rng(longest)
    for size in (1, 2, 7, 30):
        start, end = rng.normal(size=(2, size))
        pairs = [(i, j) for i in range(size) for j in range(i, min(size, i + longest))]
        expected = max(pairs, key=lambda pair: start[pair[0]] + end[pair[1]])
        assert tuple(nb.best_span(start, end, longest)) == expected
        grid = nb.span_grid(start, end, longest)
        assert {tuple(map(int, cell)) for cell in np.argwhere(np.isfinite(grid))} == set(pairs)
        probabilities = nb.span_probabilities(grid)
        by_hand = {pair: np.exp(start[pair[0]] + end[pair[1]]) for pair in pairs}
        assert probabilities[expected] == pytest.approx(by_hand[expected] / sum(by_hand.values()))
        assert probabilities.sum() == pytest.approx(1)


def test_answer_rule(nb) -> None:
    assert nb.answer_by_rule(QUESTIONS[0]) == "nine euros"
    assert nb.answer_by_rule(QUESTIONS[1]) == "Tuva Sand"
    when = ak.Question(
        "Snow fell in May 1987. The bridge opened in 1990.", "When did the bridge open?", "1990", 44
    )
    assert nb.answer_by_rule(when) == "1990"
    nothing = ak.Question("Snow fell.", "Why did it melt?", "Snow", 0)
    assert nb.answer_by_rule(nothing) in nothing.context
    city = ak.Question("The city of Oslo runs nine trams.", "How many vehicles does it own?", "nine", 22)
    assert nb.answer_by_rule(city) == "nine"  # «city» кончается на ty, но это не число


def test_long_text_is_read_by_windows(small, monkeypatch) -> None:
    """Окна покрывают весь текст: побеждает отрезок с наибольшей суммой, в каком бы окне он ни стоял."""
    filler = "It rained and rained all over the town. " * 40
    text = filler + "Tuva Sand sold tea. " + filler
    sand = small.tokenizer.token_to_id("tu")  # «Tuva» → tu ##va

    def predict(model, rows):
        """Логит начала велик у «Tu», конца — у следующего за ним «Sand»."""
        ids = [np.array(row["token_ids"]) for row in rows]
        inside = [(row["segment_ids"] * (x != small.SEP)) > 0 for row, x in zip(rows, ids, strict=True)]
        return [
            (np.where(keep, x == sand, -1e9), np.where(keep, np.roll(x, 2) == sand, -1e9))
            for x, keep in zip(ids, inside, strict=True)
        ]

    monkeypatch.setattr(small, "predict", predict)
    answer, windows = small.ask(None, text, "Who sold “tea”?")
    assert answer == "Tuva Sand" and windows > 8
    assert small.tokenizer.truncation is None
    assert small.ask(None, "Tuva Sand sold tea.", "Who?") == ("Tuva Sand", 1)
    for wrong in (("", "Who?"), ("Tuva Sand sold tea.", "who " * 60), (None, "Who?")):
        with pytest.raises(ValueError, match="текст"):
            small.ask(None, *wrong)


def test_names_in_the_readers_text(small) -> None:
    model, *_ = small.train_tagger(SENTENCES * 8, 20)
    assert small.names_in("«Ada\u00ad Byron left Oslo.»", model) == "[Ada Byron](PER) left [Oslo](LOC)."
    with pytest.raises(ValueError, match="602.* 512"):
        small.names_in("Oslo " * 600, model)
    with pytest.raises(ValueError, match="строка"):
        small.names_in(2026, model)
