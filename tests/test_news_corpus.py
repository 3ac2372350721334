"""Встроенные новости: сколько их, не повторяются ли они и насколько трудны."""

import csv
from collections import Counter

import attention_kit as ak
import numpy as np
import pytest
from attention_kit import news

PARTS = ("train", "test")


@pytest.fixture(scope="module")
def rows() -> dict[str, list[tuple[str, str, int]]]:
    return {
        name: news.parse_news((news.FOLDER / f"{name}.csv").read_bytes(), f"{name}.csv") for name in PARTS
    }


def test_enough_items_and_balanced_labels(rows):
    assert len(rows["train"]) + len(rows["test"]) >= 1_600
    assert len(rows["test"]) >= 400
    for part in rows.values():
        counts = Counter(label for *_, label in part)
        assert set(counts) == {0, 1, 2, 3}
        assert max(counts.values()) - min(counts.values()) <= 2


def test_labels_are_mixed(rows):
    """Подряд идущие новости не одного класса: блокам одинаковых меток в файле не место."""
    for part in rows.values():
        labels = [label for *_, label in part]
        same = sum(a == b for a, b in zip(labels, labels[1:], strict=False)) / len(labels)
        assert same < 0.35


def test_length_and_characters(rows):
    for name in PARTS:
        for title, text, _ in rows[name]:
            assert 25 <= len(f"{title} {text}".split()) <= 60, title
            assert f"{title}{text}".isascii(), title
            assert title and text


def test_cleaning_changes_nothing_in_our_texts():
    for name in PARTS:
        with open(news.FOLDER / f"{name}.csv", encoding="utf-8", newline="") as file:
            for row in csv.reader(file):
                assert [ak.clean_news_text(text) for text in row] == row


def test_titles_are_different(rows):
    """Общих новостей у частей тоже нет: даже заголовки не повторяются."""
    titles = Counter(title.lower() for part in rows.values() for title, *_ in part)
    texts = Counter(text.lower() for part in rows.values() for _, text, _ in part)
    assert max(titles.values()) == max(texts.values()) == 1


def test_neither_trivial_nor_hopeless(monkeypatch, record_property):
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression

    monkeypatch.setenv("COURSE_PROFILE", "quick")
    train, test, *_ = ak.load_news()
    vectorizer = TfidfVectorizer(ngram_range=(1, 2))
    model = LogisticRegression(max_iter=1000)
    model.fit(vectorizer.fit_transform(train["title"] + " " + train["description"]), train["label"])
    predicted = model.predict(vectorizer.transform(test["title"] + " " + test["description"]))
    accuracy = np.mean(predicted == test["label"])
    record_property("summary", f"встроенные новости: TF-IDF угадывает {accuracy:.1%}")
    assert 0.80 <= accuracy <= 0.95
    recalls = [np.mean(predicted[test["label"] == label] == label) for label in range(4)]
    assert min(recalls) > 0.6, recalls  # ни один класс не пропадает
