"""Дообучение в Hugging Face из 07, сущности и ответы из 08."""

import gc
from functools import partial

import attention_kit as ak
import numpy as np

from experiments import Experiment, Outcome, bert, news, notebook


def hugging_face(seed: int, rows: int) -> Outcome:
    """TFBertForSequenceClassification из 07 на тех же строках, что и в 06."""
    nb, data, encoder = notebook("07"), bert.parts(rows, seed), ak.hf_encoder()
    gc.collect()
    tokenizer = nb.AutoTokenizer.from_pretrained(encoder.folder)
    batches = nb.make_batches(tokenizer, *data.train, 32, shuffle=True)
    nb.keras.utils.set_random_seed(seed)
    model, _ = nb.load_classifier(encoder.folder)
    losses, seconds = nb.fit_classifier(model, batches, 3, 1e-4, seed=seed)
    asked = nb.make_batches(tokenizer, data.test[0], np.arange(len(data.test[0])), 32)
    answers = nb.predict(model, asked).argmax(axis=1)
    return model.count_params(), seconds, news.scores(data, answers, seconds / len(losses))


def entities(seed: int, capitals: bool = True) -> Outcome:
    """capitals=False — без подсказки о больших буквах: в segment_ids нули."""
    nb, (train, test) = notebook("08"), ak.load_entities()
    rows_of = nb.tag_features if capitals else lambda sentence, encoding: nb.features(encoding)
    nb.keras.utils.set_random_seed(seed)
    model, _, seconds = nb.train_tagger(train, 5, rows_of)
    found = ak.entity_scores(nb.tag(model, test, rows_of), [s.entities for s in test])
    return model.count_params(), seconds, iter([("F1 сущностей, %", 100 * found.f1)])


def entities_by_rule(seed: int) -> Outcome:
    nb, (train, test) = notebook("08"), ak.load_entities()
    rule = nb.learn_rule(train)
    found = [nb.find_by_rule(s.text, rule) for s in test]
    score = ak.entity_scores(found, [s.entities for s in test]).f1
    return 0, 0.0, iter([("F1 сущностей, %", 100 * score)])


def answers(seed: int) -> Outcome:
    nb, (train, test) = notebook("08"), ak.load_questions()
    nb.keras.utils.set_random_seed(seed)
    model, _, seconds = nb.train_reader(train, 4)
    given, _ = nb.read_answers(model, test)
    return model.count_params(), seconds, answer_scores(given, test)


def answers_by_rule(seed: int) -> Outcome:
    nb, (_, test) = notebook("08"), ak.load_questions()
    return 0, 0.0, answer_scores([nb.answer_by_rule(question) for question in test], test)


def answer_scores(given: list[str], questions: list[ak.Question]):
    found = ak.answer_scores(given, [question.answer for question in questions])
    return iter([("точно, %", 100 * found.exact), ("F1 ответа, %", 100 * found.f1)])


def plan() -> list[Experiment]:
    """Дообученные — на трёх зёрнах, правила от зерна не зависят."""
    runs = {
        ("07", "MiniLM, дообучение (Hugging Face)", "AG News, 4000 строк"): partial(hugging_face, rows=4000),
        ("08", "MiniLM, сущности", "наши предложения"): entities,
        ("08", "MiniLM, сущности, без регистра", "наши предложения"): partial(entities, capitals=False),
        ("08", "MiniLM, ответы", "наши вопросы"): answers,
    }
    rows = [
        Experiment("08", "правило, сущности", "наши предложения", 1, entities_by_rule),
        Experiment("08", "правило, ответы", "наши вопросы", 1, answers_by_rule),
    ]
    return rows + [Experiment(*key, seed, run) for seed in (1, 2, 3) for key, run in runs.items()]
