"""Код блокнота 01: переводчик, батчи, декодирование, ввод читателя; слой внимания сверяет сам блокнот."""

import attention_kit as ak
import keras
import numpy as np
import pytest

RIVALS = {
    "RNN с вниманием, 8 эпох": "руководство TensorFlow, 120 с",
    "RNN с вниманием, ширина 192, 13 эпох": "руководство TensorFlow, 300 с",
}
PAIRS = ak.collect(ak.Grammar(3), 60, 3, 12, set())


@pytest.fixture(scope="module")
def words(nb):
    return nb.make_words(PAIRS)


@pytest.fixture(scope="module")
def models(nb, words):
    keras.utils.set_random_seed(0)
    return {attention: nb.Translator(words, 16, attention=attention) for attention in (True, False)}


def inputs_of(words, pairs):
    return words.source.encode([p.ru for p in pairs]), words.target.encode([p.en for p in pairs], start=True)


# --- переводчик ---


@pytest.mark.parametrize("attention", [True, False])
def test_padding_changes_nothing(words, models, attention) -> None:
    source, target = inputs_of(words, PAIRS[:8])
    plain = models[attention]((source, target))
    padded = models[attention]((np.pad(source, ((0, 0), (0, 5))), target))
    assert np.abs(np.array(plain) - padded).max() < 1e-5


@pytest.mark.parametrize("attention", [True, False])
def test_every_weight_gets_a_gradient(nb, words, models, attention) -> None:
    source, target = inputs_of(words, PAIRS[:8])
    with nb.tf.GradientTape() as tape:
        logits = models[attention]((source, target[:, :-1]))
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)(target[:, 1:], logits)
    gradients = tape.gradient(loss, models[attention].trainable_variables)
    assert all(g is not None and np.abs(nb.tf.convert_to_tensor(g)).max() > 0 for g in gradients)


@pytest.mark.parametrize("attention", [True, False])
def test_decoder_does_not_see_the_future(words, models, attention) -> None:
    source, target = inputs_of(words, PAIRS[:4])
    changed = target.copy()
    changed[:, 4:] = 7
    before, after = (np.array(models[attention]((source, t))) for t in (target, changed))
    assert np.allclose(before[:, :4], after[:, :4], atol=1e-6)
    assert not np.allclose(before[:, 4:], after[:, 4:], atol=1e-6)


# --- данные ---


def test_batches_hold_every_pair_once(nb, words) -> None:
    seen = []
    for (source, target_in), target_out in nb.make_batches(PAIRS, words, tokens=90, shuffle=True):
        for s, i, o in zip(source.numpy(), target_in.numpy(), target_out.numpy(), strict=True):
            assert i[0] == words.target.START and (i[1:] == o[:-1])[o[1:] > 0].all()
            assert words.target.END in o
            seen.append((tuple(words.source.decode(s)), tuple(words.target.decode(o))))
    assert sorted(seen) == sorted((p.ru, p.en) for p in PAIRS)


def test_batch_is_no_larger_than_tokens(nb, words) -> None:
    for (source, _), target in nb.make_batches(PAIRS, words, tokens=90):
        assert max(source.shape[1], target.shape[1]) * len(source) <= 90 or len(source) == 1


def test_batches_know_their_number(nb, words) -> None:
    batches = nb.make_batches(PAIRS, words, tokens=90)
    assert batches.cardinality().numpy() == sum(1 for _ in batches)


# --- обучение и перевод: модель заучивает несколько пар ---


@pytest.fixture(scope="module")
def memorized(nb):
    """Модель, заучившая шесть пар разной длины, её словари и пары."""
    pairs = list({p.length: p for p in PAIRS if p.length < 9}.values())
    assert len(pairs) == 6
    words = nb.make_words(pairs)
    keras.utils.set_random_seed(1)
    model = nb.Translator(words, 24)
    nb.train(model, pairs * 40, words, epochs=12, tokens=96, rate=1e-2)
    return model, words, pairs


def test_loss_starts_near_uniform_and_ignores_padding(words, models, memorized) -> None:
    """Та самая, с которой учит train: у необученной модели — около ln V, дополнение её не меняет."""
    loss, (source, target) = memorized[0].loss, inputs_of(words, PAIRS[:8])
    target, logits = target[:, 1:], np.array(models[True]((source, target[:, :-1])))
    assert abs(float(loss(target, logits)) - np.log(len(words.target))) < 0.1
    longer, more = np.pad(target, ((0, 0), (0, 4))), np.pad(logits, ((0, 0), (0, 4), (0, 0)))
    assert abs(float(loss(longer, more) - loss(target, logits))) < 1e-5


def test_smoothed_loss_is_the_library_one(nb) -> None:
    """Как CategoricalCrossentropy(label_smoothing) по настоящим кускам."""
    rng = np.random.default_rng(0)
    logits, target = rng.normal(size=(3, 5, 7)).astype("float32"), rng.integers(1, 7, size=(3, 5))
    target[1, 3:] = 0
    for share in (0.0, 0.1):
        library = keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=share)
        expected = library(np.eye(7)[target[target > 0]], logits[target > 0])
        assert abs(float(nb.smoothed(target, logits, share)) - float(expected)) < 1e-5


def test_fit_turns_dropout_on(nb, words) -> None:
    losses = []
    for dropout in (0.0, 0.9):
        keras.utils.set_random_seed(1)
        history, _ = nb.train(nb.Translator(words, 16, dropout=dropout), PAIRS[:40], words, 6, rate=1e-2)
        losses.append(history["loss"][-1])
    assert losses[1] > losses[0] + 0.3


def test_greedy_translates_what_was_learned(nb, memorized) -> None:
    model, words, pairs = memorized
    translations, weights = nb.greedy(model, [p.ru for p in pairs], words)
    assert [tuple(t) for t in translations] == [p.en for p in pairs]
    assert np.allclose(weights.sum(axis=-1), 1, atol=1e-4)
    for matrix, pair in zip(weights, pairs, strict=True):
        assert not matrix[:, len(pair.ru) :].any()


def test_translate_all_keeps_the_order(nb, memorized) -> None:
    model, words, pairs = memorized
    outputs = nb.translate_all(model, pairs[::-1], words, batch_size=2)
    assert outputs == [ak.detokenize(p.en) for p in pairs[::-1]]


def test_beam_search_agrees_with_greedy_and_is_never_less_probable(nb, memorized) -> None:
    model, words, pairs = memorized
    for pair in pairs[:3]:
        assert nb.beam_search(model, pair.ru, words, width=1) == nb.greedy(model, [pair.ru], words)[0][0]
        assert tuple(nb.beam_search(model, pair.ru, words, width=4)) == pair.en


def test_beam_search_finds_what_greedy_misses(nb, words) -> None:
    """Первое слово a вероятнее b, но самый вероятный перевод начинается с b."""
    start, end, a, b = words.target.START, words.target.END, 4, 5
    nxt = {start: {a: 0.6, b: 0.4}, a: {a: 0.5, end: 0.5}, b: {end: 1.0}}

    class Toy:
        @staticmethod
        def encoder(source):
            return [np.zeros((1, 1, 1), "f"), np.zeros((1, 1), "f"), np.ones((1, 1), bool)]

        @staticmethod
        def decoder(word, state, memory):
            logits = np.full((len(word), 1, len(words.target)), -30.0, "f")
            for row, last in enumerate(np.array(word)[:, -1]):
                for token, probability in nxt.get(int(last), {end: 1.0}).items():
                    logits[row, 0, token] = np.log(probability)
            return nb.tf.constant(logits), state, None

    names = words.target.tokens
    assert nb.beam_search(Toy, PAIRS[0].ru, words, width=2, max_words=3) == [names[b]]
    assert nb.beam_search(Toy, PAIRS[0].ru, words, width=1, max_words=3)[0] == names[a]


def test_shifted_labels_spoil_the_alignment(nb, words, monkeypatch) -> None:
    """Веса, верные по золоту: без сдвига AER около нуля, с подписями на строку раньше — много больше."""

    class Oracle:
        @staticmethod
        def encoder(source):
            return None, None, source > 0

        @staticmethod
        def decoder(target, state, memory):
            weights = np.zeros((*target.shape, 40), "f")
            for row, pair in enumerate(chunk):
                for t in range(len(pair.en)):
                    weights[row, t, min(s for i, s in pair.possible if i == t)] = 1
            return None, None, weights

    chunk = PAIRS
    right, shifted = (nb.score(nb.links_of(Oracle, chunk, words, shift=s), chunk) for s in (0, 1))
    assert right.precision == 1 and right.aer < 0.1
    assert shifted.aer > right.aer + 0.3


def test_pieces_serve_as_words(nb, memorized) -> None:
    """С кусками слов модель учится и переводит той же самой функцией; карта — по кускам."""
    *_, pairs = memorized
    words = nb.Words(ak.Pieces([p.ru for p in pairs], 60), ak.Pieces([p.en for p in pairs], 60))
    keras.utils.set_random_seed(1)
    model = nb.Translator(words, 32)
    nb.train(model, pairs * 40, words, epochs=12, tokens=160, rate=1e-2)
    assert nb.translate_all(model, pairs, words) == [ak.detokenize(p.en) for p in pairs]
    rows, columns = words.target.split(pairs[0].en), words.source.split(pairs[0].ru)
    (matrix,) = nb.maps_of(model, pairs[:1], words)
    assert len(rows) > len(pairs[0].en) and matrix.shape == (len(rows) + 1, len(columns))
    merged = ak.merge_pieces(matrix, rows, columns)
    assert merged.shape == (len(pairs[0].en), len(pairs[0].ru))
    assert np.allclose(merged.sum(axis=1), 1, atol=1e-4)


# --- ввод читателя ---


@pytest.mark.parametrize("text", ["", "   ", "!!!", "...?"])
def test_empty_sentence(nb, memorized, text) -> None:
    with pytest.raises(ValueError, match="напишите хотя бы одно русское слово"):
        nb.translate(text, memorized[0], memorized[1])


def test_unknown_word_is_named_with_hints(nb, memorized) -> None:
    model, words, pairs = memorized
    word = next(w for w in pairs[0].ru if len(w) > 3)
    with pytest.raises(ValueError, match="квадрокоптер") as error:
        nb.translate(f"{word}ъ квадрокоптер", model, words)
    assert f"похоже: {word}" in str(error.value)


def test_own_sentence_is_translated(nb, memorized) -> None:
    model, words, pairs = memorized
    first, second = (ak.detokenize(pairs[i].ru).capitalize() for i in (0, 1))
    expected = " ".join(ak.detokenize(pairs[i].en) for i in (0, 1))
    assert nb.translate(f"{first} {second}", model, words) == expected


def test_dropout_only_when_training(nb, words) -> None:
    model, inputs = nb.Translator(words, 8, dropout=0.5), inputs_of(words, PAIRS[:4])
    first, second, trained = (np.array(model(inputs, training=t)) for t in (False, False, True))
    assert np.array_equal(first, second) and not np.allclose(first, trained)


def test_input_and_output_share_the_embeddings(nb, words) -> None:
    decoder = nb.Translator(words, 8).decoder
    memory = np.zeros((1, 3, 16), "f"), np.zeros((1, 8), "f"), np.ones((1, 3), bool)
    logits, _, _ = decoder(np.array([[2, 4]]), memory[1], memory)
    assert logits.shape == (1, 2, len(words.target))
    assert sum(len(words.target) in w.shape for w in decoder.weights) == 1


def test_tatoeba_split_shares_no_sentence(nb) -> None:
    pairs = [(f"Я вижу {i // 3 if i < 150 else i} .", f"I see {i} .") for i in range(300)]
    parts = nb.split_tatoeba(pairs)
    for side in ("ru", "en"):
        sets = [{getattr(p, side) for p in part} for part in parts]
        assert all(sets) and not (sets[0] & sets[1] or sets[0] & sets[2] or sets[1] & sets[2])


# --- записанное ---


def test_recorded_model_is_ahead_of_the_tutorial() -> None:
    """Обещанное в разделе 11: за те же секунды — хотя бы на 4 BLEU впереди, худшее зерно против лучшего."""
    rows = ak.results()
    rows = rows[(rows["data"] == "Tatoeba") & (rows["origin"] == "записано")].groupby("model")
    low, high, seconds = rows["value"].min(), rows["value"].max(), rows["seconds"].mean()
    assert (rows["seed"].nunique()[list(RIVALS) + list(RIVALS.values())] == 3).all()
    for ours, rival in RIVALS.items():
        assert low[ours] > high[rival] + 4
        assert seconds[ours] < 1.1 * seconds[rival]
    assert low.max() > 27
    wide = "RNN с вниманием, ширина 192, 13 эпох"
    assert high[f"{wide}, без прореживания"] < low[wide] - 1  # прореживание помогает при долгом обучении
    short = "RNN с вниманием, 8 эпох"
    assert low[f"{short}, без прореживания"] > high[short] + 1  # и мешает при коротком
    assert max(high[f"{short}, без {what}"] for what in ("сглаживания", "кусков")) < low[short] - 0.5
