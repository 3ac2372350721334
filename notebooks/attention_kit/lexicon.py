"""Слова и правила грамматики: таблицы `notebooks/data/ru-en/*.tsv` и файл `grammar.toml`."""

import csv
import tomllib
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).resolve().parent.parent / "data" / "ru-en"
CASES = {"S": "nom", "O": "acc", "R": "dat", "I": "ins", "L": "loc", "D": "acc"}  # места при глаголе


@cache
def table(name: str) -> tuple[dict, ...]:
    """Строки таблицы `<name>.tsv` словарями; столбец `classes` — множеством."""
    with open(FOLDER / f"{name}.tsv", encoding="utf-8", newline="") as file:
        rows = tuple(csv.DictReader(file, delimiter="\t"))
    for row in rows:
        row["classes"] = frozenset((row.get("classes") or "").split(","))
    return rows


@cache
def rules() -> dict:
    """Правила из `grammar.toml`."""
    return tomllib.loads((FOLDER / "grammar.toml").read_text(encoding="utf-8"))


@cache
def expand(classes: str) -> frozenset[str]:
    """Сводные классы (`own`) раскрываются в простые (`ware`, `animal`…); несколько — через запятую."""
    groups = rules()["groups"]
    return frozenset(simple for name in classes.split(",") for simple in groups.get(name, [name]))


@cache
def expand_kinds(kinds: tuple[str, ...]) -> tuple[str, ...]:
    """Сводные виды предложений («действие») раскрываются в простые («прямой порядок», «место»…)."""
    return tuple(simple for kind in kinds for simple in rules()["kinds"].get(kind, [kind]))


@cache
def patterns(kinds: tuple[str, ...], tense: str | None) -> tuple[dict, ...]:
    """Образцы предложений этих видов (пусто — любых), возможные в этом времени (None — в любом)."""
    fits = [row for row in rules()["clause"] if not kinds or row["kind"] in kinds]
    return tuple(row for row in fits if tense in (None, *row.get("tenses", [row.get("tense", tense)])))


@cache
def nouns(classes: str) -> tuple[dict, ...]:
    """Существительные хотя бы одного из классов, по порядку таблицы."""
    return tuple(row for row in table("nouns") if row["classes"] & expand(classes))


@cache
def adjectives(noun: str) -> tuple[dict, ...]:
    """Прилагательные, которые сочетаются с существительным (его начальная форма)."""
    classes = next(row["classes"] for row in table("nouns") if row["ru"] == noun)
    return tuple(row for row in table("adjectives") if row["classes"] & classes)


@cache
def verbs(frame: str) -> tuple[dict, ...]:
    """Глаголы с управлением `frame`; классы слов при глаголе — в поле `object`."""
    result = []
    for row in table("verbs"):
        name, _, classes = row["frame"].partition(":")
        if name == frame:
            result.append({**row, "object": classes})
    return tuple(result)


def determiner(ru: str) -> dict:
    """Строка таблицы определений по начальной форме."""
    return next(row for row in table("determiners") if row["ru"] == ru)


def adjective_form(row: dict, case: str, gender: str, number: str, animate: bool) -> str:
    """Форма прилагательного или определения, согласованная с существительным."""
    if case == "acc" and (number == "pl" or gender == "m"):
        case = "gen" if animate else "nom"
    if number == "pl":
        return row["pl_gen" if case == "loc" else f"pl_{case}"]
    if gender == "f":
        return row[f"f_{case}" if case in ("nom", "acc") else "f_gen"]
    if gender == "n" and case in ("nom", "acc"):
        return row["n_nom"]
    return row[f"m_{case}"]
