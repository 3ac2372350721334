"""Русско-английский корпус: пары предложений с золотыми связями слов, порождённые грамматикой.

Слова и правила лежат в `notebooks/data/ru-en/` (таблицы TSV и `grammar.toml`), здесь — их разбор.
Английское предложение однозначно определяется русским: артикль, время и порядок слов ставит правило.
"""

from __future__ import annotations

import csv
import random
import re
import tomllib
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).resolve().parent.parent / "data" / "ru-en"
MAX_TRAIN, MAX_TEST = 26, 40  # длина русского предложения в словах, знаки препинания не в счёт
PUNCTUATION = {",", ".", "?", "—"}


@dataclass(frozen=True)
class Pair:
    """Пара предложений. Связи — пары (номер английского слова, номер русского); `possible` включает `sure`."""

    ru: tuple[str, ...]
    en: tuple[str, ...]
    sure: frozenset[tuple[int, int]]
    possible: frozenset[tuple[int, int]]
    kind: str

    @property
    def length(self) -> int:
        """Длина русского предложения в словах, без знаков препинания."""
        return sum(word not in PUNCTUATION for word in self.ru)


@dataclass(eq=False)
class Ru:
    """Русское слово на своём месте; сравнивается как место, а не как буквы."""

    text: str


@dataclass(eq=False)
class En:
    """Английское слово и русские слова, с которыми оно связано: наверняка и возможно."""

    text: str
    sure: list[Ru] = field(default_factory=list)
    possible: list[Ru] = field(default_factory=list)


@cache
def table(name: str) -> list[dict]:
    """Строки таблицы `data/ru-en/<name>.tsv` словарями; столбец `classes` — множеством."""
    with open(FOLDER / f"{name}.tsv", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    for row in rows:
        row["classes"] = set(row.get("classes", "").split(","))
    return rows


@cache
def grammar() -> dict:
    """Правила из `grammar.toml`."""
    return tomllib.loads((FOLDER / "grammar.toml").read_text(encoding="utf-8"))


@cache
def expand(classes: str) -> frozenset[str]:
    """Сводные классы (`own`) раскрываются в простые (`ware`, `animal`…); несколько — через запятую."""
    groups = grammar()["groups"]
    return frozenset(simple for name in classes.split(",") for simple in groups.get(name, [name]))


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


@dataclass(eq=False)
class Noun:
    """Именная группа: местоимение, имя или существительное с определениями."""

    row: dict
    type: str  # pronoun | name | noun | gap
    number: str = "sg"
    gender: str = "m"
    person: int = 3
    determiner: dict | None = None
    adjectives: list[dict] = field(default_factory=list)
    numeral: dict | None = None
    owner: Noun | None = None
    relative: Clause | None = None
    others: list[Noun] = field(default_factory=list)  # однородные члены
    living: bool = True  # для «который»: одушевлено ли слово, вместо которого он стоит

    @property
    def animate(self) -> bool:
        return self.type != "noun" or self.row["animate"] == "+"

    @property
    def human(self) -> bool:
        return self.type != "noun" or "human" in self.row["classes"]

    @property
    def plural(self) -> bool:
        return self.number == "pl"

    def agree(self, forms: list[str]) -> str:
        """Выбирает из форм «м, ж, ср, мн» ту, что согласована с этой группой."""
        if self.numeral and not self.numeral["few"]:
            return forms[2]
        return forms[3] if self.plural else forms["mfn".index(self.gender)]

    def render(self, case: str, article: str = "the", preposition: bool = False) -> tuple[list[Ru], list[En]]:
        """Русские и английские слова группы в падеже `case`; article: subject | the | a | own | bare.

        subject — подлежащее (местоимение в именительном), own — «у меня есть брат» → a brother.
        """
        if self.type == "pronoun":
            word = Ru(self.row["gen_prep"] if preposition else self.row[case])
            return [word], [En(self.row["en"] if article == "subject" else self.row["en_object"], [word])]
        if self.type == "gap":
            row = next(r for r in table("determiners") if r["ru"] == "который")
            return [Ru(adjective_form(row, case, self.gender, self.number, self.living))], []
        if self.type == "name":
            word = Ru(self.row["ru"] if case == "nom" else self.row[case])
            return [word], [En(self.row["en"], [word])]
        return self._render_noun(case, "the" if article == "subject" else article)

    def _render_noun(self, case: str, article: str) -> tuple[list[Ru], list[En]]:
        noun_case, adjective_number = case, self.number
        noun_number = self.number
        ru, en = [], []
        if self.numeral:
            noun_case = "gen"
            noun_number = "sg" if self.numeral["few"] else "pl"
        adjective_case = case
        if self.numeral and not (self.numeral["few"] and self.gender == "f"):
            adjective_case = "gen"
        article_word = None
        if self.determiner:
            form = adjective_form(self.determiner, case, self.gender, self.number, self.animate)
            word = Ru(form)
            ru.append(word)
            en.append(En(self.determiner["en_plural" if self.plural else "en"], [word]))
        elif self.owner is None and not self.numeral:
            article_word = self._article(article)
            if article_word:
                en.append(article_word)
        if self.numeral:
            word = Ru(self.numeral[self.gender])
            ru.append(word)
            en.append(En(self.numeral["en"], [word]))
        for row in self.adjectives:
            word = Ru(adjective_form(row, adjective_case, self.gender, adjective_number, self.animate))
            ru.append(word)
            en.append(En(row["en"], [word]))
        noun = Ru(self.row[f"{noun_number}_{noun_case}"])
        ru.append(noun)
        en.append(En(self.row["en_plural" if self.plural else "en"], [noun]))
        if self.owner:  # «дом моего отца» → my father 's house
            owner_ru, owner_en = self.owner.render("gen")
            ru += owner_ru
            en = owner_en + [En("'s", possible=[_head(owner_en)])] + en
        if article_word:
            article_word.possible = [noun]
            if article_word.text == "a":
                following = en[en.index(article_word) + 1].text
                article_word.text = "an" if _vowel(following) else "a"
        if self.relative:
            ru += [Ru(","), *self.relative.ru, Ru(",")]
            en += self.relative.en
        for index, other in enumerate(self.others):
            other_ru, other_en = other.render(case, article)
            last = index == len(self.others) - 1
            link = Ru("и" if last else ",")
            ru += [link, *other_ru]
            en += [En("and" if last else ",", [link]), *other_en]
        return ru, en

    def _article(self, article: str) -> En | None:
        if article == "bare" or (article in ("a", "own") and (self.plural or "mass" in self.row["classes"])):
            return None
        if article == "a" and "kin" in self.row["classes"]:
            return En("the")
        return En("a" if article == "own" else article)


def _head(words: list[En]) -> Ru:
    """Последнее русское слово, с которым группа связана наверняка."""
    return words[-1].sure[-1]


def _vowel(word: str) -> bool:
    return word[0] in "aeio" or (word[0] == "u" and not word.startswith("uni"))


BE = {"am": ("am", "is", "are"), "is": ("is", "is", "are"), "was": ("was", "was", "were")}


def english_agree(word: str, subject: Noun) -> str:
    """have → has, do → does, am → is/are, like → likes: согласование с подлежащим."""
    first = subject.type == "pronoun" and subject.person == 1 and not subject.plural
    third = subject.person == 3 and not subject.plural
    if word in BE:
        return BE[word][0 if first else 1 if third else 2]
    if not third:
        return word
    return {"have": "has", "do": "does"}.get(word, word + "s")


@dataclass(eq=False)
class Clause:
    """Простое предложение: слова обоих языков, вид и подлежащее."""

    ru: list[Ru]
    en: list[En]
    kind: str
    topic: Noun | None = None
    tense: str = ""


class Grammar:
    """Порождает пары предложений из правил; всё случайное берёт из одного генератора `seed`."""

    def __init__(self, seed: int):
        self.random = random.Random(seed)
        self.used: set[str] = set()
        self.rich = 0.5  # насколько часто у слов бывают определения
        self.by_frame: dict[str, list[dict]] = {}
        for verb in table("verbs"):
            name, _, classes = verb["frame"].partition(":")
            self.by_frame.setdefault(name, []).append({**verb, "frame": name, "object": classes})

    # --- именные группы ---
    def chance(self, probability: float) -> bool:
        return self.random.random() < probability

    def noun(self, classes: str, case: str, *, only_noun=False, determined=False, bare=False, single=False) -> Noun:
        """Случайная группа из классов `classes`; слово не повторяется в одном предложении.

        only_noun — без местоимений и имён; determined — с «мой» или «этот»; bare — без них;
        single — в единственном числе.
        """
        wanted = expand(classes)
        if "human" in wanted and not only_noun and not determined and self.chance(0.4):
            return self.pronoun() if self.chance(0.55) else self.name()
        row = self.unused(r for r in table("nouns") if r["classes"] & wanted)
        plural = row["en_plural"] != "-" and not single and self.chance(0.22)
        noun = Noun(row, "noun", "pl" if plural else "sg", row["gender"])
        self.determine(noun, case, determined, bare)
        self.describe(noun)
        return noun

    def unused(self, rows) -> dict:
        """Слово, которого в предложении ещё не было (если все были — IndexError, и предложение начинают заново)."""
        row = self.random.choice([r for r in rows if r["ru"] not in self.used])
        self.used.add(row["ru"])
        return row

    def determine(self, noun: Noun, case: str, determined: bool, bare: bool) -> None:
        """Добавляет «мой», «этот», числительное или владельца: «три книги», «брат Анны»."""
        kin, human = "kin" in noun.row["classes"], noun.human
        if not determined and kin and not bare and self.chance(0.25):
            noun.owner = self.name() if self.chance(0.6) else self.noun("human", "gen", only_noun=True, bare=True, single=True)
        elif determined or (not bare and self.chance(0.95 if kin else 0.28)):
            rows = [r for r in table("determiners") if r["ru"] != "который"]
            own = [r for r in rows if r["en"] not in ("this", "that")]
            noun.determiner = self.random.choice(own if kin else [r for r in rows if r not in own] if human else rows)
        elif noun.plural and case in ("nom", "acc") and not noun.animate and self.chance(0.5):
            noun.numeral = self.random.choice(grammar()["numerals"])
        elif not bare and not noun.animate and self.chance(0.2 * self.rich):
            noun.owner = self.name() if self.chance(0.4) else self.noun("human", "gen", only_noun=True, single=True)

    def describe(self, noun: Noun) -> None:
        """Добавляет до двух прилагательных из разных групп: «большой красный», но не «большой маленький»."""
        groups: set[str] = set()
        while len(groups) < 2 and self.chance(0.5 * self.rich):
            rows = [r for r in table("adjectives") if r["classes"] & noun.row["classes"] and r["group"] not in groups]
            if not rows:
                return
            row = self.unused(rows)
            groups.add(row["group"])
            noun.adjectives.append(row)

    def pronoun(self) -> Noun:
        row = self.random.choice(grammar()["pronouns"])
        gender = row.get("gender") or self.random.choice("mf")
        return Noun(row, "pronoun", row["number"], gender, row["person"])

    def name(self) -> Noun:
        row = self.unused(grammar()["names"])
        return Noun(row, "name", gender=row["gender"])

    # --- простое предложение ---
    def clause(self, *, kinds=None, tense=None, topic=None, gap=None, head=None, condition=False, question=None) -> Clause:
        """Простое предложение.

        topic — готовое подлежащее (местоимение); gap и head — место, занятое словом «который» или вопросом;
        condition — предложение после «когда», «если»; question — "yes" либо вопросительное слово.
        """
        pattern = self.pattern(kinds, tense, topic, gap, head, question)
        if "frame" in pattern:
            return self.verb_clause(pattern, tense, topic, gap, head, condition, question)
        return self.fixed_clause(pattern, topic, head)

    def pattern(self, kinds, tense, topic, gap, head, question) -> dict:
        patterns = grammar()["clause"]
        if tense or gap or question:
            need = {"R": "dat", "L": "loc", "D": "dir", "O": "acc"}.get(gap or "")
            patterns = [p for p in patterns if "frame" in p and (need is None or p["frame"] == need)]
            patterns = [p for p in patterns if p["ru"][0][0] == "S"]  # без инверсии: порядок задаёт пропуск
        else:
            patterns = [p for p in patterns if not p.get("mark")]
        if kinds:
            patterns = [p for p in patterns if p["kind"] in kinds]
        if topic:  # «дом», «в саду» — здесь говорить не о ком
            patterns = [p for p in patterns if "frame" in p and p["ru"][0][0] == "S" or "X" in p.get("slots", {})]
        return self.random.choices(patterns, [p["weight"] for p in patterns])[0]

    def question(self) -> Clause:
        """Вопрос одного из видов: общий, к подлежащему, к дополнению, о месте, направлении, времени."""
        fixed = [p for p in grammar()["clause"] if p.get("mark")]
        roll = self.random.random()
        if roll < 0.25:
            pattern = self.random.choices(fixed, [p["weight"] for p in fixed])[0]
            result = self.fixed_clause(pattern, None, None)
        elif roll < 0.5:
            result = self.clause(question="yes")
        else:
            word = self.random.choice(grammar()["question"])
            result = self.clause(gap=word.get("gap"), question=word)
        result.kind = "вопрос"
        return result

    def fixed_clause(self, pattern: dict, topic: Noun | None, gap: Noun | None) -> Clause:
        """Предложение по образцу без глагольного места: «у меня есть…», «мне нравится…»."""
        slots: dict[str, Noun] = {}
        order = self.random.choice(pattern["ru"])
        specs = {name: spec.split() for name, spec in pattern.get("slots", {}).items()}
        for name, (classes, case, *article) in specs.items():
            if name == "X" and (topic or gap):
                slots[name] = topic or gap
            else:
                bare = article[:1] in (["own"], ["a"], ["bare"])
                slots[name] = self.noun(classes, case, only_noun=name == "Y", bare=bare, single=name == "L" or not bare)
        ru, words, english = [], {}, {}
        for token in order.split():
            name, _, agree = token.partition("~")
            if name in slots:
                _, case, *article = specs[name]
                mode = "subject" if name == "X" else "the" if not article else article[0]
                part, en = slots[name].render(case, mode, preposition=order.startswith("у "))
                if name == "L":
                    part, en = self.with_preposition(slots[name], part, en, "in")
                ru += part
                english[name] = en
                words[name] = _head(en) if en else part[-1]
            elif name in "FNA":
                part, english[name] = self.predicate(name, slots.get("Y"))
                ru += part
                words[name] = part[-1]
            else:
                form = slots[agree].agree(grammar()["agree"][name]) if agree else name
                words[name] = Ru(form)
                ru.append(words[name])
        en = self.fill(pattern["en"], english, words, slots)
        return Clause(ru, en, pattern["kind"], slots.get("X"))

    def predicate(self, name: str, subject: Noun | None) -> tuple[list[Ru], list[En]]:
        """Сказуемое: состояние (F), число лет (N), прилагательное (A)."""
        if name == "A":
            row = self.unused(r for r in table("adjectives") if r["classes"] & subject.row["classes"])
            text = adjective_form(row, "nom", subject.gender, subject.number, False)
            word, very = Ru(text), Ru("очень")
            en = [En(row["en"], [word])]
            return ([very, word], [En("very", [very]), *en]) if self.chance(0.4) else ([word], en)
        text, english = self.random.choice(grammar()["states" if name == "F" else "ages"])
        word = Ru(text)
        return [word], [En(english, [word])]

    @staticmethod
    def fill(template: str, english: dict[str, list[En]], words: dict[str, Ru], slots: dict[str, Noun]) -> list[En]:
        """Подставляет готовые части в английский образец; запись образца описана в grammar.toml."""
        result: list[En] = []
        for token in template.split():
            name, agree, links = re.fullmatch(r"(\w+)(?:@(\w))?(?:<(.*)>)?", token).groups()
            if name in english:
                result += english[name]
                continue
            names = links.split(",") if links else []
            sure = [words[n] for n in names if not n.startswith("?")]
            possible = [words[n[1:]] for n in names if n.startswith("?")]
            result.append(En(english_agree(name, slots[agree]) if agree else name, sure, possible))
        return result

    @staticmethod
    def with_preposition(noun: Noun, ru: list[Ru], en: list[En], english: str) -> tuple[list[Ru], list[En]]:
        """Ставит «в саду / in the garden» или «в сад / to the garden»."""
        prep, place = (noun.row["prepositions"] + "/in").split("/")[:2]
        word = Ru("во" if prep == "в" and ru[0].text.startswith("двор") else prep)
        return [word, *ru], [En("to" if english == "to" else place, [word]), *en]

    # --- предложение с глаголом ---
    def verb_clause(self, pattern, tense, topic, gap, head, condition, question) -> Clause:
        order = self.random.choice(pattern["ru"]).split()
        inverted = order[0] != "S" and order[-1] == "S"
        determined = pattern.get("determined", "")
        verb = self.verb(pattern, tense, gap, head)
        tense = tense or self.tense(verb, pattern.get("tenses"))
        matrix = None
        if not inverted and not condition and verb["type"] == "act" and self.chance(0.15):
            matrix = self.matrix(verb, tense)
        nouns: dict[str, Noun] = {}
        cases = {"S": "nom", "O": "acc", "R": "dat", "I": "ins", "L": "loc", "D": "acc"}
        for slot in [s for s in order if s != "V"]:
            if slot == gap:
                nouns[slot] = head or Noun({}, "gap")
            elif slot == "S":
                nouns[slot] = topic or self.subject(verb, matrix, inverted, question)
            else:
                classes = "human" if slot == "R" else verb["object"]
                nouns[slot] = self.noun(classes, cases[slot], only_noun=slot in "LD", determined=slot in determined, single=slot in "LD")
        subject = nouns["S"]
        finite = matrix or verb
        negated = not inverted and question is None and self.chance(0.16)
        adverb = None if isinstance(question, dict) and not question.get("gap") else self.adverb(finite, tense, negated, condition)
        frequency = None
        if adverb is None and not negated and not matrix and finite["type"] == "act" and finite["aspect"] == "impf" and tense != "fut":
            if not inverted and self.chance(0.3):
                frequency = self.random.choice(grammar()["adverbs"]["frequency"])
        simple = frequency is not None or (adverb is not None and adverb in grammar()["adverbs"]["habit"])
        ru_verb, aux, rest = self.verb_group(finite, matrix and verb, tense, subject, negated, bool(question), simple, condition)

        ru, parts = {"V": ru_verb}, {}
        for slot in [s for s in order if s != "V" and s != gap]:
            article = {"S": "a" if inverted else "subject", "O": "a", "I": "a"}.get(slot, "the")
            if slot == "O" and not inverted and not nouns[slot].others and self.lists_left and nouns[slot].type == "noun":
                self.add_list(nouns[slot], verb["object"])
            ru[slot], parts[slot] = nouns[slot].render(cases[slot], article)
            if slot in "LD":
                ru[slot], parts[slot] = self.with_preposition(nouns[slot], ru[slot], parts[slot], "to" if slot == "D" else "in")
        often = self.phrase(frequency) if frequency else ([], [])
        if frequency:
            ru["V"] = often[0] + ru["V"] if self.chance(0.7) else ru["V"] + often[0]
        when = self.phrase(adverb) if adverb else ([], [])
        words_ru = self.russian_order(order, ru, gap, when[0], inverted)
        if head:
            words_ru = head.render(cases[gap])[0] + words_ru
        en = self.english_order(pattern, parts, aux, often[1], rest, gap, question)
        en += when[1]
        if question and isinstance(question, dict):
            words_ru, en = self.ask(question, words_ru, en)
        return Clause(words_ru, en, "отрицание" if negated else pattern["kind"], subject, tense)

    def verb(self, pattern: dict, tense: str | None, gap: str | None, head: Noun | None) -> dict:
        verbs = [v for v in self.by_frame[pattern["frame"]] if tense != "pres" or v["aspect"] == "impf"]
        if head:
            column = "subject" if gap == "S" else "object"
            verbs = [v for v in verbs if expand(v[column]) & head.row["classes"]]
        elif gap == "O":  # «что» спрашивает о вещах
            verbs = [v for v in verbs if not expand(v["object"]) & {"human", "animal"}]
        return self.random.choice(verbs)

    def tense(self, verb: dict, allowed: list[str] | None) -> str:
        tenses = allowed or (["past", "past", "fut"] if verb["aspect"] == "perf" else ["pres", "pres", "pres", "past", "past", "fut"])
        return self.random.choice(tenses)

    def matrix(self, verb: dict, tense: str) -> dict | None:
        """Глагол при инфинитиве: «хочет купить», «может помочь»."""
        fits = [m for m in self.by_frame["inf"] if m["object"] in ("any", verb["aspect"])]
        fits = [m for m in fits if (m["aspect"] == "impf" and tense != "fut") or (m["aspect"] == "perf" and tense != "pres")]
        return self.random.choice(fits) if fits else None

    def subject(self, verb: dict, matrix: dict | None, inverted: bool, question) -> Noun:
        if question == "yes" and self.chance(0.5):
            row = self.random.choice([r for r in grammar()["pronouns"] if r["person"] == 2])
            return Noun(row, "pronoun", row["number"], self.random.choice("mf"), row["person"])
        classes = "human" if matrix else verb["subject"]
        if inverted:
            return self.noun(classes, "nom", only_noun=True, bare=True)
        noun = self.noun(classes, "nom")
        if noun.type == "noun" and self.relatives_left and self.chance(0.35):
            self.add_relative(noun)
        return noun

    def adverb(self, verb: dict, tense: str, negated: bool, condition: bool) -> list[str] | None:
        adverbs = grammar()["adverbs"]
        if condition or verb["type"] != "act" or not self.chance(0.4):
            return None
        rows = adverbs[tense] + (adverbs["habit"] if tense == "pres" and not negated else [])
        rows = [row for row in rows if row[0] not in self.used]
        if not rows:
            return None
        self.used.add((row := self.random.choice(rows))[0])
        return row

    @staticmethod
    def phrase(pair: list[str]) -> tuple[list[Ru], list[En]]:
        """Наречный оборот: слова связаны по порядку, лишние английские — со всем оборотом возможно."""
        ru = [Ru(word) for word in pair[0].split()]
        english = pair[1].split()
        if len(ru) == len(english):
            return ru, [En(e, [r]) for e, r in zip(english, ru, strict=True)]
        return ru, [En(e, [ru[-1]]) if i == len(english) - 1 else En(e, [], [ru[0]]) for i, e in enumerate(english)]

    def verb_group(self, verb, inner, tense, subject, negated, question, simple, condition):
        """Глагол на двух языках: русские слова, английский вспомогательный и остальное.

        Время и вид английского глагола — по правилу: несовершенный вид действия без наречия
        частоты — Continuous, всё прочее — Simple; после «когда» и «если» вместо будущего — настоящее.
        """
        ru: list[Ru] = [Ru("не")] if negated else []
        main = self.russian_verb(verb, tense, subject, ru)
        no = [En("not", [ru[0]])] if negated else []
        base, third, ing, past = verb["en"], verb["en_3sg"], verb["en_ing"], verb["en_past"]
        continuous = verb["type"] == "act" and verb["aspect"] == "impf" and not simple and not condition
        auxiliary = lambda text: [En(text, [], [main])]  # noqa: E731
        whole = lambda text: [En(w, [main]) for w in text.split()]  # noqa: E731
        if tense == "fut" and condition:
            tense = "pres"
        if verb["type"] == "modal":
            aux, rest = [En(past if tense == "past" else base, [main])] + no, []
        elif tense == "fut":
            will = next((w for w in ru if w.text.startswith("буд")), None)
            aux, rest = [En("will", [will] if will else [], [] if will else [main])] + no, whole(base)
        elif continuous and tense == "pres":
            aux, rest = auxiliary(english_agree("am", subject)) + no, whole(ing)
        elif continuous and not negated:
            aux, rest = auxiliary(english_agree("was", subject)), whole(ing)
        elif base.startswith("be "):
            aux, rest = auxiliary(english_agree("was" if tense == "past" else "am", subject)) + no, whole(base[3:])
        elif negated or question:
            aux, rest = auxiliary("did" if tense == "past" else english_agree("do", subject)) + no, whole(base)
        else:
            aux, rest = [], whole(past if tense == "past" else third if english_agree("do", subject) == "does" else base)
        if inner:
            word = Ru(inner["ru"])
            ru.append(word)
            rest += [En(w, [word]) for w in inner["en"].split()]
        return ru, aux, rest

    @staticmethod
    def russian_verb(verb: dict, tense: str, subject: Noun, ru: list[Ru]) -> Ru:
        """Дописывает к `ru` глагол в нужной форме (с «будет», если надо) и возвращает смысловой глагол."""
        index = subject.person - 1 + 3 * subject.plural
        if tense == "past":
            form = verb["past_pl"] if subject.plural else verb[f"past_{subject.gender}"]
        elif tense == "fut" and verb["aspect"] == "impf":
            ru.append(Ru(["буду", "будешь", "будет", "будем", "будете", "будут"][index]))
            form = verb["ru"]
        else:
            form = verb[f"p{index + 1}"]
        ru.append(Ru(form))
        return ru[-1]

    def russian_order(self, order, ru, gap, when, inverted) -> list[Ru]:
        """Порядок слов; обстоятельство времени — в начале, перед глаголом или в конце."""
        order = [slot for slot in order if slot != gap]
        if gap and order[0] == "S" and self.chance(0.4):  # «книга, которую купил мой брат»
            order = ["V", "S", *order[2:]]
        place = self.random.choice(["start", "verb", "end"]) if when else None
        words: list[Ru] = []
        for slot in order:
            if slot == "V" and place == "verb" and not inverted and order[0] == "S":
                words += when
                place = None
            words += ru[slot]
        if place == "start" and not gap:
            return when + words
        return words + (when if place else [])

    @staticmethod
    def english_order(pattern, parts, aux, often, rest, gap, question) -> list[En]:
        """Английский порядок всегда один: подлежащее, сказуемое, остальное; в вопросе — do впереди."""
        result: list[En] = []
        asks = bool(question) and gap != "S"
        for token in pattern["en"].split():
            name = token[0]
            if name == gap:
                continue
            if token.startswith("to<"):
                result.append(En("to", [], [_head(parts["R"])] if "R" in parts else []))
            elif name == "S":
                result += (aux if asks else []) + parts["S"]
            elif name == "V":
                result += ([] if asks else aux) + often + rest
            else:
                result += parts[name]
        return result

    @staticmethod
    def ask(question: dict, ru: list[Ru], en: list[En]) -> tuple[list[Ru], list[En]]:
        word = Ru(question["ru"])
        return [word, *ru], [En(question["en"], [word]), *en]

    # --- придаточные и однородные ---
    def add_list(self, noun: Noun, classes: str) -> None:
        """Однородные дополнения: «хлеб, молоко и яблоки»."""
        if noun.owner or noun.relative or not self.chance(0.3):
            return
        self.lists_left -= 1
        for _ in range(self.random.choice([1, 1, 2])):
            noun.others.append(self.noun(classes, "acc", only_noun=True))

    def add_relative(self, noun: Noun) -> None:
        """Придаточное с «который»: к подлежащему, к дополнению, «у которого есть»."""
        self.relatives_left -= 1
        head = Noun({"classes": noun.row["classes"]}, "gap", noun.number, noun.gender, living=noun.animate)
        roll = self.random.random()
        if noun.human and roll < 0.3:
            pattern = next(p for p in grammar()["clause"] if p["kind"] == "у меня есть")
            clause = self.fixed_clause(pattern, None, head)
        else:
            gap = "S" if roll < 0.65 or noun.human else "O"
            clause = self.clause(gap=gap, head=head, tense=self.random.choice(["past", "past", "pres"]))
        word = next(w for w in clause.ru if w.text.startswith("котор"))
        noun.relative = Clause(clause.ru, [En("who" if noun.human else "that", [word]), *clause.en], "который")

    # --- целое предложение ---
    def start(self, links: int, rich: float, relatives: int) -> None:
        self.used, self.rich, self.relatives_left, self.lists_left = set(), rich, relatives, links

    def simple(self) -> Clause:
        return self.question() if self.chance(0.15) else self.clause()

    def complex(self, links: int) -> Clause:
        """Несколько предложений, соединённых союзами; «когда» и «если» могут стоять впереди."""
        clause = self.opening()
        for _ in range(links):
            clause = self.join(clause)
        return clause

    def opening(self) -> Clause:
        """Начало: простое предложение, «я знаю, что…» или «когда…, …»."""
        roll = self.random.random()
        if roll < 0.2:
            return self.say_that()
        if roll < 0.35:
            when = self.random.choice([w for w in grammar()["link"] if w.get("conditional")])
            self.used.add(when["ru"])
            tense = "fut" if when["en"] == "if" else self.random.choice(["past", "fut"])
            first = self.clause(tense=tense, condition=True)
            second = self.clause(tense=tense)
            word, comma = Ru(when["ru"].split()[-1]), Ru(",")
            return Clause(
                [word, *first.ru, comma, *second.ru],
                [En(when["en"], [word]), *first.en, En(",", [comma]), *second.en],
                "когда, если",
                second.topic,
                tense,
            )
        return self.clause()

    def say_that(self) -> Clause:
        """«Мой брат сказал, что…»"""
        verb = self.random.choice(self.by_frame["that"])
        tense = "past" if verb["aspect"] == "perf" else "pres"
        subject = self.noun("human", "nom")
        group, aux, rest = self.verb_group(verb, None, tense, subject, False, False, True, False)
        ru, en = subject.render("nom", "subject")
        that, inner = Ru("что"), self.clause()
        en = [*en, *aux, *rest, En("that", [that]), *inner.en]
        return Clause([*ru, *group, Ru(","), that, *inner.ru], en, "что", inner.topic, inner.tense)

    def join(self, first: Clause) -> Clause:
        """Присоединяет ещё одно предложение подходящим союзом."""
        topic = first.topic if first.topic is not None and first.topic.human else None
        links = [w for w in grammar()["link"] if (topic or not w.get("same")) and (first.tense in ("past", "fut") or not w.get("conditional"))]
        links = [w for w in links if w["ru"] not in self.used and (w["en"] != "if" or first.tense == "fut")]
        link = self.random.choices(links, [w["weight"] for w in links])[0]
        self.used.add(link["ru"])
        if link.get("conditional"):
            second = self.clause(tense=first.tense, condition=True)
        else:
            tense = first.tense if first.tense and self.chance(0.5) and not link.get("second") else None
            second = self.clause(kinds=link.get("second"), tense=tense, topic=self.same(topic) if link.get("same") else None)
        ru = [Ru(word) for word in link["ru"].split()]
        words = link["en"].split()
        en = [En(",", ru[:1])] if words[0] == "," else []
        conjunction = En(words[-1], ru[1:])  # «потому что» — оба слова
        kind = link["ru"].removeprefix(", ")
        return Clause([*first.ru, *ru, *second.ru], [*first.en, *en, conjunction, *second.en], kind, second.topic or topic, second.tense)

    def same(self, topic: Noun) -> Noun:
        """Местоимение вместо уже названного лица."""
        rows = [r for r in grammar()["pronouns"] if r["person"] == topic.person and r["number"] == topic.number]
        row = next((r for r in rows if r.get("gender", topic.gender) == topic.gender), rows[0])
        return Noun(row, "pronoun", topic.number, topic.gender, topic.person)

    def sentence(self, links: int) -> Pair:
        """Пара предложений; `links` — сколько союзов соединяет простые предложения."""
        self.start(links, rich=self.random.random(), relatives=0 if links == 0 and self.chance(0.7) else 1 + links // 2)
        clause = self.simple() if links == 0 and self.chance(0.8) else self.complex(links)
        return finish(clause)

    def collect(self, count: int, shortest: int, longest: int, seen: set[tuple[str, ...]]) -> list[Pair]:
        """Набирает `count` новых пар, по возможности поровну каждой длины от `shortest` до `longest`."""
        share = 1.15 * count / (longest - shortest + 1)
        room = dict.fromkeys(range(shortest, longest + 1), share)
        pairs: list[Pair] = []
        while len(pairs) < count:
            wanted = self.random.choices(list(room), list(room.values()))[0]
            try:
                pair = self.sentence(links=max(0, round(wanted / 5.5 - 1 + self.random.uniform(-0.7, 0.7))))
            except IndexError:  # подходящие слова кончились: такое предложение бросаем
                continue
            if room.get(pair.length, 0) > 0 and pair.ru not in seen:
                seen.add(pair.ru)
                room[pair.length] -= 1
                pairs.append(pair)
        return pairs


@dataclass(frozen=True)
class Corpus:
    """Части корпуса; `long` — предложения длиннее любого обучающего (27–40 слов)."""

    train: list[Pair]
    valid: list[Pair]
    test: list[Pair]
    long: list[Pair]


@cache
def load_corpus(train: int = 20_000, valid: int = 800, test: int = 1_200, long: int = 600, seed: int = 2014) -> Corpus:
    """Порождает корпус: длины распределены ровно, ни одно предложение не попадает в две части.

    train, valid, test, long — число пар в частях. Один и тот же `seed` даёт один и тот же корпус.
    """
    source = Grammar(seed)
    seen: set[tuple[str, ...]] = set()
    within = source.collect(train + valid + test, 2, MAX_TRAIN, seen)
    beyond = source.collect(long, MAX_TRAIN + 1, MAX_TEST, seen)
    return Corpus(within[valid + test :], within[:valid], within[valid : valid + test], beyond)


def finish(clause: Clause) -> Pair:
    """Ставит конечный знак, убирает лишние запятые и переводит связи слов в номера."""
    end = Ru("?" if clause.kind == "вопрос" else ".")
    ru, en = [*clause.ru, end], [*clause.en, En(end.text, [end])]
    ru = [w for w, following in zip(ru, [*ru[1:], None], strict=True) if not (w.text == "," and following and following.text in ",.?")]
    place = {word: i for i, word in enumerate(ru)}
    sure = frozenset((t, place[w]) for t, e in enumerate(en) for w in e.sure if w in place)
    possible = frozenset((t, place[w]) for t, e in enumerate(en) for w in e.possible if w in place)
    return Pair(tuple(w.text for w in ru), tuple(e.text for e in en), sure, sure | possible, clause.kind)
