"""Переводчик из 01."""

from functools import partial
from types import ModuleType
from typing import Any

import attention_kit as ak

from experiments import Experiment, Outcome, Scores, notebook


def trained(
    seed: int,
    attention: bool = True,
    epochs: int = 4,
    longest: int = 26,
    spread: float | None = None,
) -> tuple[Any, Any, ak.Corpus, float]:
    """Переводчик, обученный на 20 000 пар до `longest` слов, его словари, корпус и секунды обучения.

    spread — разброс начальных эмбеддингов кодировщика; None — как в блокноте.
    """
    nb = notebook("01")
    corpus = ak.load_corpus(20_000, 800, 1200, 300)
    train, valid = ([p for p in part if p.length <= longest] for part in (corpus.train, corpus.valid))
    words = nb.make_words(corpus.train)
    nb.keras.utils.set_random_seed(seed)
    model = nb.Translator(len(words.source), len(words.target), 128, attention, spread)
    _, seconds = nb.train(model, train, words, epochs, valid)
    return model, words, corpus, seconds


def on_our_corpus(seed: int, **options: Any) -> Outcome:
    """BLEU и точные переводы по длинам, AER; options — как у trained."""
    model, words, corpus, seconds = trained(seed, **options)
    return model.count_params(), seconds, scores(notebook("01"), model, words, corpus)


def scores(nb: ModuleType, model: Any, words: Any, corpus: ak.Corpus) -> Scores:
    for low, high in ((2, 6), (7, 13), (14, 21), (22, 26), (27, 40)):
        part = [p for p in corpus.test + corpus.long if low <= p.length <= high]
        outputs, references = nb.translate_all(model, part, words), [ak.detokenize(p.en) for p in part]
        yield f"BLEU, {low}–{high} слов", ak.bleu(outputs, references)
        yield f"точно, {low}–{high} слов, %", ak.exact_match(outputs, references)
    if model.decoder.attention:
        yield "AER", nb.score(nb.links_of(model, corpus.test, words), corpus.test).aer


def on_tatoeba(seed: int, epochs: int) -> Outcome:
    """Все пары Tatoeba из COURSE_DATA."""
    nb = notebook("01")
    train, valid, test = nb.split_tatoeba(ak.tatoeba_pairs(fallback=_no_tatoeba))
    words = nb.make_words(train, min_count=2)
    nb.keras.utils.set_random_seed(seed)
    model = nb.Translator(len(words.source), len(words.target), 128)
    _, seconds = nb.train(model, train, words, epochs, valid)
    found = ak.bleu(nb.translate_all(model, test, words), [ak.detokenize(p.en) for p in test])
    return model.count_params(), seconds, iter([("BLEU", found)])


def _no_tatoeba() -> list:
    raise ak.SourceError("Нужны пары Tatoeba: укажите в COURSE_DATA папку с rus-eng/rus.txt.")


def plan() -> list[Experiment]:
    """С вниманием и без него на трёх зёрнах, затем по одному варианту."""
    ours = partial(Experiment, "01")
    plain = partial(on_our_corpus, attention=False)
    longer = partial(plain, epochs=12)
    short = partial(on_our_corpus, longest=13, epochs=10)
    wide = partial(on_our_corpus, spread=0.5)
    narrow = partial(plain, spread=0.05)
    rows = []
    for seed in (1, 2, 3):
        rows.append(ours("RNN с вниманием", "наш корпус", seed, on_our_corpus))
        rows.append(ours("RNN без внимания", "наш корпус", seed, plain))
    rows.append(ours("RNN с вниманием, разброс 0,5", "наш корпус", 1, wide))
    rows.append(ours("RNN без внимания, разброс 0,05", "наш корпус", 1, narrow))
    rows.append(ours("RNN без внимания, 12 эпох", "наш корпус", 1, longer))
    rows.append(ours("RNN с вниманием", "наш корпус, обучение до 13 слов", 1, short))
    rows.append(ours("RNN с вниманием, 12 эпох", "Tatoeba", 1, partial(on_tatoeba, epochs=12)))
    return rows
