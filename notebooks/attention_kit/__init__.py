"""Вспомогательный пакет курса: данные, размер запуска, рисунки, метрики, таблица результатов."""

from attention_kit import _settings  # noqa: F401 — первым: до всех остальных проверяет настройки
from attention_kit.baselines import tfidf
from attention_kit.corpus import Corpus, Grammar, Pair, collect, load_corpus
from attention_kit.costs import step_costs
from attention_kit.definitions import definitions
from attention_kit.encoders import (
    HFEncoder,
    HubEncoder,
    check_libraries,
    hf_encoder,
    hub_encoder,
    keras_hub_folder,
)
from attention_kit.entities import ENTITY_KINDS, Sentence, entity_scores, load_entities
from attention_kit.figures import (
    head_grid,
    heatmap,
    image,
    quality_by_length,
    show,
    show_image,
    training_curve,
)
from attention_kit.memory import peak_megabytes, release
from attention_kit.metrics import (
    alignment_error_rate,
    best_links,
    bleu,
    by_length,
    diagonal_links,
    exact_match,
    paired,
)
from attention_kit.minilm import MiniLM, load_minilm
from attention_kit.news import News, clean_news_text, load_news, split_news, take, texts_of
from attention_kit.pieces import Pieces, merge_pieces
from attention_kit.pipelines import finish
from attention_kit.profiles import choose, profile
from attention_kit.questions import Question, answer_scores, load_questions, shorten
from attention_kit.results import RESULT_COLUMNS, RESULT_TITLES, hardware, record_result, results
from attention_kit.sources import SourceError, cache_dir, course_data, download
from attention_kit.tatoeba import split_by_group, tatoeba_pairs
from attention_kit.text import Vocabulary, clean_text, detokenize, sentences, spaced, tokenize
from attention_kit.viewer import attention_viewer
