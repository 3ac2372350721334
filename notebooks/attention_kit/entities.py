"""Встроенный корпус именованных сущностей (английский) и оценка найденных сущностей."""

import re
from collections.abc import Collection, Sequence
from typing import NamedTuple

from attention_kit.sources import NOTEBOOKS

ENTITY_KINDS = ("PER", "ORG", "LOC", "EVENT")  # человек, организация, место, событие
FOLDER = NOTEBOOKS / "data" / "entities-en"
MARKED = re.compile(r"\[([^\[\]]*)\]\(([^()]*)\)")  # [Maria Lopez](PER)
Entity = tuple[int, int, str]  # (начало, конец, вид); text[начало:конец] — сама сущность


class Sentence(NamedTuple):
    """Предложение и его сущности по порядку; границы — номера символов text, конец не входит."""

    text: str
    entities: tuple[Entity, ...]


class EntityScores(NamedTuple):
    """Точность, полнота и F1 найденных сущностей — числа от 0 до 1."""

    precision: float
    recall: float
    f1: float


def load_entities() -> tuple[list[Sentence], list[Sentence]]:
    """Обучающие и тестовые предложения из notebooks/data/entities-en, по порядку строк.

    Ни одна сущность тестовых предложений не встречается в обучающих.
    """
    train, test = (
        [parse(line) for line in (FOLDER / name).read_text(encoding="utf-8").splitlines()]
        for name in ("train.txt", "test.txt")
    )
    return train, test


def parse(line: str) -> Sentence:
    """Разбирает предложение вида `[Maria Lopez](PER) lives in [Oslo](LOC).`"""
    text, entities, end = "", [], 0
    for match in MARKED.finditer(line):
        text += line[end : match.start()]
        entities.append((len(text), len(text) + len(match[1]), match[2]))
        text += match[1]
        end = match.end()
    return Sentence(text + line[end:], tuple(entities))


def entity_scores(
    predicted: Sequence[Collection[Entity]], gold: Sequence[Collection[Entity]]
) -> EntityScores:
    """Точность, полнота и F1 по всему набору (CoNLL-2003: Tjong Kim Sang & De Meulder, 2003).

    В обоих списках — по набору троек (начало, конец, вид) на предложение. Сущность найдена, только если
    совпали обе границы и вид; ничего не предсказано — все три числа равны нулю.
    """
    if len(predicted) != len(gold):
        raise ValueError(
            f"Число предложений не совпадает: предсказано {len(predicted)}, размечено {len(gold)}."
        )
    for entity in (entity for part in (predicted, gold) for found in part for entity in found):
        if not isinstance(entity, tuple) or len(entity) != 3:
            raise ValueError(
                f"Сущность — тройка (начало, конец, вид), а передано {entity!r}: "
                "на предложение нужен набор троек, как Sentence.entities."
            )
    correct = sum(len(set(p) & set(g)) for p, g in zip(predicted, gold, strict=True))
    n_predicted, n_gold = (sum(len(set(found)) for found in part) for part in (predicted, gold))
    if not n_gold:
        raise ValueError("В образце нет ни одной сущности: сравнивать не с чем.")
    return EntityScores(
        precision=correct / n_predicted if n_predicted else 0.0,
        recall=correct / n_gold,
        f1=2 * correct / (n_predicted + n_gold),
    )
