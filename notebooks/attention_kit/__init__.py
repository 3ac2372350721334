"""Вспомогательный пакет курса: данные, размер запуска, рисунки, метрики, таблица результатов."""

import os

# До первого импорта TensorFlow: без его служебных сообщений.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from attention_kit.corpus import (
    MAX_TEST,
    MAX_TRAIN,
    Corpus,
    Grammar,
    Pair,
    collect,
    load_corpus,
)
from attention_kit.figures import (
    head_grid,
    heatmap,
    image,
    quality_by_length,
    show,
    show_image,
    training_curve,
)
from attention_kit.memory import peak_megabytes
from attention_kit.metrics import (
    AlignmentScore,
    alignment_error_rate,
    best_links,
    bleu,
    by_length,
    diagonal_links,
    exact_match,
)
from attention_kit.minilm import MiniLM, load_minilm
from attention_kit.news import News, clean_news_text, load_news
from attention_kit.profiles import choose, profile
from attention_kit.results import (
    RESULT_COLUMNS,
    RESULT_TITLES,
    hardware,
    record_result,
    results,
)
from attention_kit.sources import SourceError, cache_dir, course_data, download
from attention_kit.tatoeba import split_by_group, tatoeba_pairs
from attention_kit.text import Vocabulary, detokenize, tokenize
from attention_kit.viewer import attention_viewer

__all__ = [
    "MAX_TEST", "MAX_TRAIN", "RESULT_COLUMNS", "RESULT_TITLES", "AlignmentScore", "Corpus", "Grammar", "MiniLM", "News", "Pair", "SourceError", "Vocabulary",
    "alignment_error_rate", "attention_viewer", "best_links", "bleu", "by_length", "cache_dir", "choose", "clean_news_text", "collect", "course_data",
    "detokenize", "diagonal_links", "download", "exact_match", "hardware", "head_grid", "heatmap", "image", "load_corpus", "load_minilm", "load_news", "peak_megabytes", "profile",
    "quality_by_length", "record_result", "results", "show", "show_image", "split_by_group", "tatoeba_pairs",
    "tokenize", "training_curve",
]  # fmt: skip
