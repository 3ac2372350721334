"""Простая модель для сравнения: учится, выбирает порог и C на проверочной части."""

import attention_kit as ak
import numpy as np
from attention_kit import baselines

TEXTS = ["the home team won", "oil prices fall", "the bank lost money", "a new planet was found"] * 4
LABELS = np.array([1, 2, 2, 3] * 4)


def test_tfidf_learns() -> None:
    predict, size = ak.tfidf((TEXTS, LABELS), (TEXTS[:8], LABELS[:8]))
    assert (predict(TEXTS) == LABELS).all()
    assert size == 3 * len({*" ".join(TEXTS[:4]).split(), *PAIRS} - {"a"})


# Пары соседних слов; однобуквенные слова TfidfVectorizer пропускает.
PAIRS = {"the home", "home team", "team won", "oil prices", "prices fall", "the bank", "bank lost", "lost money",
         "new planet", "planet was", "was found"}  # fmt: skip


def test_rare_words_are_kept_only_on_few_texts(monkeypatch) -> None:
    texts, labels = [*TEXTS, "unique"], np.append(LABELS, 2)
    held = ["unique", "oil prices fall"], np.array([2, 2])
    assert ak.tfidf((texts, labels), held)[1] == ak.tfidf((TEXTS, LABELS), held)[1] + 3
    monkeypatch.setattr(baselines, "MANY", 10)
    assert ak.tfidf((texts, labels), held)[1] == ak.tfidf((TEXTS, LABELS), held)[1]
