"""Переводчик из 01 и его соперник — модель из руководства TensorFlow."""

import os
from functools import partial
from typing import Any

import attention_kit as ak

from experiments import Experiment, Outcome, Scores, notebook, tutorial

FEW = 9_246  # столько пар из 20 000 не длиннее 13 слов


def trained(
    seed: int,
    attention: bool = True,
    epochs: int = 4,
    longest: int = 26,
    pairs: int = 20_000,
    spread: float | None = None,
) -> tuple[Any, Any, ak.Corpus, float]:
    """Переводчик, обученный на первых pairs парах до longest слов, его словари, корпус и секунды обучения.

    spread — разброс начальных эмбеддингов кодировщика; None — как в блокноте.
    """
    nb = notebook("01")
    corpus = ak.load_corpus(20_000, 800, 1200, 300)
    train, valid = ([p for p in part if p.length <= longest][:pairs] for part in (corpus.train, corpus.valid))
    words = nb.make_words(corpus.train)
    nb.keras.utils.set_random_seed(seed)
    model = nb.Translator(words, 128, attention, spread)
    _, seconds = nb.train(model, train, words, epochs, valid)
    return model, words, corpus, seconds


def on_our_corpus(seed: int, **options: Any) -> Outcome:
    """BLEU и точные переводы по длинам, AER; options — как у trained."""
    model, words, corpus, seconds = trained(seed, **options)
    return model.count_params(), seconds, scores(model, words, corpus)


def scores(model: Any, words: Any, corpus: ak.Corpus) -> Scores:
    nb = notebook("01")
    for low, high in ((2, 6), (7, 13), (14, 21), (22, 26), (27, 40)):
        part = [p for p in corpus.test + corpus.long if low <= p.length <= high]
        outputs, references = nb.translate_all(model, part, words), [ak.detokenize(p.en) for p in part]
        yield f"BLEU, {low}–{high} слов", ak.bleu(outputs, references)
        yield f"точно, {low}–{high} слов, %", ak.exact_match(outputs, references)
    if model.decoder.attention:
        yield "AER", nb.score(nb.links_of(model, corpus.test, words), corpus.test).aer


def tatoeba() -> list[list[ak.Pair]]:
    """Все пары Tatoeba из COURSE_DATA: обучающие, проверочные, тестовые."""
    return notebook("01").split_tatoeba(ak.tatoeba_pairs(fallback=_no_tatoeba))


def on_tatoeba(
    seed: int,
    epochs: int,
    units: int = 128,
    pieces: bool = True,
    dropout: float = 0.3,
    smoothing: bool = True,
) -> Outcome:
    """Модель раздела 10 блокнота; pieces=False — слова, встретившиеся хотя бы дважды, вместо кусков."""
    nb = notebook("01")
    train, valid, test = tatoeba()
    sides = [p.ru for p in train], [p.en for p in train]
    if pieces:
        words = nb.Words(ak.Pieces(sides[0], 4000), ak.Pieces(sides[1], 3000))
    else:
        words = nb.Words(*(ak.Vocabulary(side, min_count=2) for side in sides))
    nb.keras.utils.set_random_seed(seed)
    model = nb.Translator(words, units, dropout=dropout)
    loss = nb.smoothed if smoothing else None
    _, seconds = nb.train(model, train, words, epochs, valid, rate=5e-3, loss=loss)
    found = ak.bleu(nb.translate_all(model, test, words), [ak.detokenize(p.en) for p in test])
    return model.count_params(), seconds, iter([("BLEU", found)])


def tutorial_on_tatoeba(seed: int, limit: float) -> Outcome:
    """Модель руководства TensorFlow на тех же парах, обученная limit секунд."""
    train, _, test = tatoeba()
    model, seconds = tutorial.train(train, limit, seed)
    outputs = tutorial.translate_all(model, [p.ru for p in test])
    return (
        model.count_params(),
        seconds,
        iter([("BLEU", ak.bleu(outputs, [ak.detokenize(p.en) for p in test]))]),
    )


def _no_tatoeba() -> list:
    raise ak.SourceError("Нужны пары Tatoeba: укажите в COURSE_DATA папку с rus-eng/rus.txt.")


def plan() -> list[Experiment]:
    """С вниманием и без него и сравнение на Tatoeba — на трёх зёрнах, остальное — по одному."""
    ours = partial(Experiment, "01")
    plain = partial(on_our_corpus, attention=False)
    rows = []
    for seed in (1, 2, 3):
        rows.append(ours("RNN с вниманием", "наш корпус", seed, on_our_corpus))
        rows.append(ours("RNN без внимания", "наш корпус", seed, plain))
    rows.append(ours("RNN с вниманием, разброс 0,5", "наш корпус", 1, partial(on_our_corpus, spread=0.5)))
    rows.append(ours("RNN без внимания, разброс 0,05", "наш корпус", 1, partial(plain, spread=0.05)))
    rows.append(ours("RNN без внимания, 12 эпох", "наш корпус", 1, partial(plain, epochs=12)))
    few = partial(on_our_corpus, epochs=10, pairs=FEW)
    rows.append(
        ours("RNN с вниманием, 10 эпох", "наш корпус, 9 246 пар до 13 слов", 1, partial(few, longest=13))
    )
    rows.append(ours("RNN с вниманием, 10 эпох", "наш корпус, 9 246 пар", 1, few))
    for seed in (1, 2, 3):
        rows.append(ours("RNN с вниманием, 8 эпох", "Tatoeba", seed, partial(on_tatoeba, epochs=8)))
        rows.append(
            ours(
                "RNN с вниманием, ширина 192, 13 эпох",
                "Tatoeba",
                seed,
                partial(on_tatoeba, epochs=13, units=192),
            )
        )
        for limit in (120, 300):
            rows.append(
                ours(
                    f"руководство TensorFlow, {limit} с",
                    "Tatoeba",
                    seed,
                    partial(tutorial_on_tatoeba, limit=limit),
                )
            )
    short, long = {"epochs": 8}, {"epochs": 13, "units": 192}
    for name, options in (
        ("8 эпох, без прореживания", short | {"dropout": 0.0}),
        ("8 эпох, без сглаживания", short | {"smoothing": False}),
        ("8 эпох, без кусков", short | {"pieces": False}),
        ("ширина 192, 13 эпох, без прореживания", long | {"dropout": 0.0}),
    ):
        rows.append(ours(f"RNN с вниманием, {name}", "Tatoeba", 1, partial(on_tatoeba, **options)))
    return rows


def main() -> None:
    """Для `make bench`: обе модели одна за другой, равное время обучения, одни и те же пары."""
    os.environ.setdefault("COURSE_PROFILE", "cpu")
    try:
        size, seconds, ours = on_tatoeba(1, epochs=8)
        rival_size, rival_seconds, rival = tutorial_on_tatoeba(1, seconds)
    except ak.SourceError as error:
        print(f"Сравнение переводчиков пропущено: {error}")
        return
    print("переводчик, Tatoeba       весов   секунд   BLEU")
    for name, *numbers, found in (
        ("RNN с вниманием", size, seconds, ours),
        ("руководство TensorFlow", rival_size, rival_seconds, rival),
    ):
        print(f"{name:22} {ak.spaced(numbers[0]):>10} {numbers[1]:6.0f} {dict(found)['BLEU']:8.1f}")


if __name__ == "__main__":
    main()
