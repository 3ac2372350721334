"""Вспомогательный пакет курса: данные, размер запуска, рисунки, метрики, таблица результатов."""

import os

os.environ.setdefault(
    "TF_CPP_MIN_LOG_LEVEL", "3"
)  # до первого импорта TensorFlow: без служебных сообщений

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
    heatmap,
    image,
    quality_by_length,
    show,
    show_image,
    training_curve,
)
from attention_kit.metrics import (
    AlignmentScore,
    alignment_error_rate,
    best_links,
    bleu,
    by_length,
    diagonal_links,
    exact_match,
)
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

__all__ = [
    "MAX_TEST", "MAX_TRAIN", "RESULT_COLUMNS", "RESULT_TITLES", "AlignmentScore", "Corpus", "Grammar", "Pair", "SourceError", "Vocabulary",
    "alignment_error_rate", "best_links", "bleu", "by_length", "cache_dir", "choose", "collect", "course_data",
    "detokenize", "diagonal_links", "download", "exact_match", "hardware", "heatmap", "image", "load_corpus", "profile",
    "quality_by_length", "record_result", "results", "show", "show_image", "split_by_group", "tatoeba_pairs",
    "tokenize", "training_curve",
]  # fmt: skip
