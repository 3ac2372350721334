"""Слова и правила грамматики: таблицы `notebooks/data/ru-en/*.tsv` и файл `grammar.toml`."""

from __future__ import annotations

import csv
import tomllib
from collections.abc import Iterable
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).resolve().parent.parent / "data" / "ru-en"
CASES = {
    "S": "nom",
    "O": "acc",
    "R": "dat",
    "I": "ins",
    "L": "loc",
    "D": "acc",
}  # места при глаголе
TENSES = ("pres", "past", "fut")


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
    return frozenset(
        simple for name in classes.split(",") for simple in groups.get(name, [name])
    )


@cache
def expand_kinds(kinds: tuple[str, ...]) -> tuple[str, ...]:
    """Сводные виды предложений («действие») раскрываются в простые («прямой порядок», «место»…)."""
    return tuple(simple for kind in kinds for simple in rules()["kinds"].get(kind, [kind]))


@cache
def patterns(kinds: tuple[str, ...], tense: str | None) -> tuple[dict, ...]:
    """Образцы предложений этих видов (пусто — любых), возможные в этом времени (None — в любом)."""
    fits = [row for row in rules()["clause"] if not kinds or row["kind"] in kinds]
    return tuple(
        row for row in fits if tense in (None, *row.get("tenses", [row.get("tense", tense)]))
    )


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


@cache
def check_rules() -> None:
    """Проверяет, что правила и таблицы называют только то, что есть; иначе ValueError с названием."""
    for row in table("verbs"):
        name, _, classes = row["frame"].partition(":")
        needed = row["subject"] if name in ("inf", "that") else f"{row['subject']},{classes}"
        _need_nouns(needed, f"verbs.tsv, глагол «{row['ru']}»")
    for row in table("adjectives"):
        _need_nouns(
            ",".join(sorted(row["classes"])), f"adjectives.tsv, прилагательное «{row['ru']}»"
        )
    for pattern in rules()["clause"]:
        _check_pattern(pattern)
    tables = [*map(table, ("nouns", "adjectives", "determiners", "verbs")), rules()["names"]]
    words = {row["ru"] for rows in tables for row in rows}
    _known(rules()["small"], words, "grammar.toml, короткий словарь small", "слова")
    kinds = {pattern["kind"] for pattern in rules()["clause"]}
    for link in rules()["link"]:
        named = (*link.get("first", ()), *link.get("second", ()))
        _known(
            expand_kinds(named), kinds, f"grammar.toml, союз «{link['ru']}»", "вида предложений"
        )


def _need_nouns(classes: str, where: str) -> None:
    for name in classes.split(","):
        if not nouns(name):
            raise ValueError(f"{where}: класса «{name}» нет ни у одного слова в nouns.tsv.")


def _known(names: Iterable[str], known: Iterable[str], where: str, what: str) -> None:
    for name in names:
        if name not in known:
            raise ValueError(f"{where}: нет {what} «{name}»; есть: {', '.join(sorted(known))}.")


def _check_pattern(pattern: dict) -> None:
    """Один образец предложения: его места, классы, управление и согласуемые слова."""
    where = f"grammar.toml, образец «{pattern['kind']}»"
    tokens = [token for order in pattern["ru"] for token in order.split()]
    if "frame" in pattern:
        _known(
            [pattern["frame"]],
            {row["frame"].partition(":")[0] for row in table("verbs")},
            where,
            "управления",
        )
        _known(tokens, {*CASES, "V"}, where, "места")
        return
    _known([pattern["tense"]], TENSES, where, "времени")
    for spec in pattern["slots"].values():
        _need_nouns(spec.split()[0], where)
    for token in tokens:
        word, _, slot = token.partition("~")
        if slot:
            _known([word], {*rules()["agree"], "Z"}, where, "согласуемого слова")
            _known([slot], pattern["slots"], where, "места")
        elif word.isascii():
            _known([word], {*pattern["slots"], *"AFN"}, where, "места")
