"""Грамматика, порождающая русские предложения с английским переводом и связями слов."""

import random
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from attention_kit.lexicon import (
    CASES,
    adjective_form,
    adjectives,
    determiner,
    expand,
    expand_kinds,
    nouns,
    patterns,
    rules,
    table,
    verbs,
)
from attention_kit.phrases import Clause, En, Noun, Pair, Predicate, Ru, Words, english_agree, finish, head

TYPES_WITH_TENSES = {  # какие времена уместны у глаголов каждого типа; чем чаще в списке, тем чаще в корпусе
    "act": ("pres", "pres", "pres", "past", "past", "fut"),
    "habit": ("pres", "pres", "pres", "past", "past", "fut"),
    "state": ("pres", "pres", "pres", "past", "past"),  # «будет любить» неестественно
    "motion": ("pres", "pres", "past"),  # «идти»: «будет идти» тоже
    "modal": ("pres", "past"),
}
FRAME_OF_GAP = {"L": "loc", "D": "dir", "O": "acc"}  # какое управление у глагола с таким пропуском
PERFECTIVE = ("past", "past", "fut")
GENITIVE_KINDS = ("прямой порядок", "место", "направление", "дательный", "творительный")


class OutOfWords(Exception):
    """Подходящие слова кончились: предложение надо начать заново."""


@dataclass(frozen=True)
class Wish:
    """Каким должно быть простое предложение; по умолчанию — любым."""

    kinds: tuple[str, ...] = ()
    tense: str | None = None
    topic: Noun | None = None  # готовое подлежащее (местоимение)
    gap: str | None = None  # место, занятое словом «который» или вопросительным
    antecedent: Noun | None = None  # кого заменяет «который»
    condition: bool = False  # после «когда», «если»
    question: bool = False
    word: dict | None = None  # вопросительное слово

    @property
    def plain(self) -> bool:
        """Обычный порядок слов: без пропусков и вопросов."""
        return not (self.gap or self.question)


@dataclass
class ClauseParts:
    """Готовые части предложения по местам: русские слова, английские слова и группы."""

    ru: dict[str, list[Ru]] = field(default_factory=dict)
    en: dict[str, list[En]] = field(default_factory=dict)
    nouns: dict[str, Noun] = field(default_factory=dict)


class NounMaker:
    """Случайные именные группы; всё случайное берёт из одного генератора `seed`.

    lexicon — "full" (все слова) или "small" (короткий словарь из grammar.toml).
    """

    def __init__(self, seed: int, lexicon: str = "full"):
        if lexicon not in ("full", "small"):
            raise ValueError(f'lexicon — "full" или "small", а передано {lexicon!r}.')
        self.random = random.Random(seed)
        self.small = frozenset(rules()["small"]) if lexicon == "small" else None
        self.used: set[str] = set()  # слова, которые в предложении уже есть
        self.rich = 0.5  # насколько часто у слов бывают определения

    def chance(self, probability: float) -> bool:
        return self.random.random() < probability

    def known(self, rows: Iterable[dict]) -> list[dict]:
        """Слова, которые есть в словаре."""
        return [row for row in rows if self.small is None or row["ru"] in self.small]

    def unused(self, rows: Iterable[dict]) -> dict:
        """Слово, которого в предложении ещё не было; если все были — OutOfWords."""
        free = [row for row in self.known(rows) if row["ru"] not in self.used]
        if not free:
            raise OutOfWords
        row = self.random.choice(free)
        self.used.add(row["ru"])
        return row

    def fresh(self, rows: Sequence[dict]) -> dict:
        """Слово, которого в предложении, по возможности, ещё не было."""
        row = self.random.choice([row for row in rows if row["ru"] not in self.used] or rows)
        self.used.add(row["ru"])
        return row

    def person(self, subject: Noun | None = None) -> Noun:
        """Местоимение или имя; не «я вижу меня», если подлежащее известно."""
        if self.chance(0.45):
            return self.name()
        taken = subject.person if subject and subject.type == "pronoun" and subject.person < 3 else None
        row = self.random.choice([row for row in rules()["pronouns"] if row["person"] != taken])
        return pronoun(row, row.get("gender") or self.random.choice("mf"))

    def name(self) -> Noun:
        row = self.unused(rules()["names"])
        return Noun(row, "name", gender=row["gender"])

    def noun(
        self, classes: str, case: str, article: str = "the", *, determined=False, single=False, counted=True
    ) -> Noun:
        """Существительное одного из классов с определениями.

        determined — обязательно с «мой» или «этот»; single — только в единственном числе;
        counted — при артиклях a и own может быть числительное; при own и bare определений нет.
        """
        row = self.unused(nouns(classes))
        plural = row["en_plural"] != "-" and not single and self.chance(0.22)
        noun = Noun(row, "noun", "pl" if plural else "sg", row["gender"])
        things = plural and case in ("nom", "acc") and article in ("a", "own") and not noun.animate
        if determined:
            noun.determiner = self.determiner(noun, changing=True)
        elif counted and things and self.chance(0.5):
            noun.numeral = self.random.choice(rules()["numerals"])
        elif article not in ("own", "bare"):
            self.specify(noun, inverted=article == "a" and case == "nom")
        self.describe(noun)
        return noun

    def specify(self, noun: Noun, inverted: bool) -> None:
        """Добавляет владельца («брат Анны») или «мой», «этот»; inverted — новое в конце: «спит кот»."""
        kin = "kin" in noun.row["classes"]
        if kin and self.chance(0.25):
            noun.owner = self.owner(noun)
        elif self.chance(0.95 if kin else 0 if inverted else 0.28):
            noun.determiner = self.determiner(noun)
        elif not noun.animate and "public" not in noun.row["classes"] and self.chance(0.25 * self.rich):
            noun.owner = self.owner(noun)

    def owner(self, noun: Noun) -> Noun:
        """Чей: имя или «моего отца»; у мужа — женщина, у жены — мужчина."""
        if "spouse" in noun.row["classes"]:
            names = [row for row in rules()["names"] if row["gender"] != noun.gender]
            return Noun(row := self.unused(names), "name", gender=row["gender"])
        if self.chance(0.5):
            return self.name()
        owner = self.noun("adult" if "offspring" in noun.row["classes"] else "human", "gen", single=True)
        if owner.owner and owner.owner.type == "noun":  # «брат бабушки повара» — уже слишком длинно
            owner.owner, owner.determiner = None, self.determiner(owner)
        return owner

    def determiner(self, noun: Noun, changing: bool = False) -> dict:
        """«Мой», «этот», подходящие слову; changing — изменяемые: «её дочь» впереди похоже на подлежащее."""
        allowed = rules()["determiners"]
        for name in ("kin", "human", "public"):
            if name in noun.row["classes"]:
                rows = [determiner(ru) for ru in allowed[name]]
                break
        else:
            rows = [row for row in table("determiners") if row["ru"] not in ("который", "свой")]
        if changing and noun.animate:
            rows = [row for row in rows if row["m_nom"] != row["m_gen"]]
        if "spouse" in noun.row["classes"]:  # «его муж», «наша жена» — нет
            rows = [
                row
                for row in rows
                if row["ru"] in ("мой", "твой", "ваш", "её" if noun.gender == "m" else "его")
            ]
        return self.fresh(self.known(rows))

    def describe(self, noun: Noun) -> None:
        """Добавляет до двух прилагательных из разных групп: «большой красный», но не «большой маленький»."""
        found: list[dict] = []
        while len(found) < 2 and self.chance(0.5 * self.rich):
            groups = [row["group"] for row in found]
            rows = [row for row in adjectives(noun.row["ru"]) if row["group"] not in groups]
            if not rows:
                break
            found.append(self.unused(rows))
        order = [row["ru"] for row in table("adjectives")]  # порядок таблицы — порядок слов
        noun.adjectives = sorted(found, key=lambda row: order.index(row["ru"]))


class Grammar(NounMaker):
    """Порождает предложения по правилам `data/ru-en`; `seed` — начальное число генератора."""

    def sentence(self, links: int) -> Pair:
        """Пара предложений; `links` — сколько союзов соединяет простые предложения (0 — обычно одно).

        OutOfWords, если посреди предложения кончились подходящие слова.
        """
        self.used, self.rich, self.lists_left = set(), self.random.random(), links
        self.relatives_left = 0 if links == 0 and self.chance(0.7) else 1 + links // 2
        if links == 0 and self.chance(0.8):
            return finish(self.question() if self.chance(0.15) else self.clause())
        clause = self.opening()
        for _ in range(links):
            clause = self.join(clause)
        return finish(clause)

    # --- простое предложение ---
    def clause(self, wish: Wish = Wish()) -> Clause:
        """Простое предложение по случайному подходящему образцу."""
        pattern = self.pattern(wish)
        if "frame" in pattern:
            return self.verb_clause(pattern, wish)
        return self.fixed_clause(pattern, wish)

    def pattern(self, wish: Wish) -> dict:
        """Образец, который годится: с нужным местом, временем, подлежащим."""
        fits = [
            pattern
            for pattern in patterns(wish.kinds, wish.tense)
            if (verb_fits(pattern, wish) if "frame" in pattern else fixed_fits(pattern, wish))
        ]
        if not fits:
            raise OutOfWords
        return self.random.choices(fits, [pattern["weight"] for pattern in fits])[0]

    # --- предложение без глагола на своём месте ---
    def fixed_clause(self, pattern: dict, wish: Wish) -> Clause:
        """Предложение по образцу: «у меня есть…», «мне нравится…»."""
        slots = {name: self.fixed_noun(name, spec.split(), wish) for name, spec in pattern["slots"].items()}
        orders = pattern["ru"][:1] if "X" in slots and slots["X"].type != "noun" else pattern["ru"]
        ru, english, words = [], {}, {}
        for token in self.random.choice(orders).split():
            name, _, slot = token.partition("~")
            part, english[name] = self.fixed_part(name, slot, slots, pattern["slots"])
            words[name] = head(english[name]) if english[name] else part[-1]
            ru += part
        en = fill(
            pattern["en"], {name: part for name, part in english.items() if name.isupper()}, words, slots
        )
        return Clause(ru, en, pattern["kind"], slots.get("X"), pattern["tense"], pattern["kind"])

    def fixed_noun(self, name: str, spec: list[str], wish: Wish) -> Noun:
        classes, case, *article = spec
        if name == "X" and (wish.topic or wish.antecedent):
            return wish.topic or wish.antecedent
        if name == "X" and self.chance(0.4):
            return self.person()
        return self.noun(classes, case, *article, single=name == "L")

    def fixed_part(self, name: str, slot: str, slots: dict[str, Noun], specs: dict[str, str]) -> Words:
        """Слова одного места образца; у обычного слова английских нет: они стоят в английском образце."""
        if name in slots:
            _, case, *article = specs[name].split()
            words = slots[name].render(case, "subject" if name == "X" else article[0] if article else "the")
            return with_preposition(slots[name], words, "in") if name == "L" else words
        if name == "A":
            return self.predicate(slots["Y"])
        if name == "Z":
            short = self.random.choice(list(rules()["short"].values()))
            return pair_up(slots[slot].agree(short["forms"]), short["en"])
        if name == "F":
            return pair_up(*self.random.choice(rules()["states"]))
        if name == "N":
            return pair_up(*self.age(slots["X"]))
        return [Ru(slots[slot].agree(rules()["agree"][name]) if slot else name)], []

    def predicate(self, subject: Noun) -> Words:
        """Сказуемое-прилагательное: «новая», «очень старый»; не из тех групп, что уже названы."""
        groups = [row["group"] for row in subject.adjectives]
        row = self.unused(row for row in adjectives(subject.row["ru"]) if row["group"] not in groups)
        ru, en = pair_up(adjective_form(row, "nom", subject.gender, subject.number, False), row["en"])
        if row["very"] == "+" and self.chance(0.4):
            very_ru, very_en = pair_up("очень", "very")
            return very_ru + ru, very_en + en
        return ru, en

    def age(self, person: Noun) -> list[str]:
        ages = rules()["ages"]
        if person.type != "noun":
            return self.random.choice([*ages["young"], *ages["adult"]])
        fits = [name for name in ages if name in person.row["classes"]]
        return self.random.choice(ages[fits[0] if fits else "adult"])

    # --- предложение с глаголом ---
    def verb_clause(self, pattern: dict, wish: Wish) -> Clause:
        """Предложение с глаголом: участники, сказуемое, обстоятельства, порядок слов."""
        orders = pattern["ru"] if wish.plain else pattern["ru"][:1]
        order = self.random.choice(orders).split()
        verb = self.verb(pattern, wish)
        predicate = self.predicate_of(verb, pattern, wish, inverted=order[-1] == "S")
        adverb = self.adverb(predicate, wish)
        often = None if adverb else self.frequency(predicate, order, wish)
        predicate.repeated = bool(often) or adverb in rules()["adverbs"]["habit"]
        parts = self.participants(order, pattern, verb, predicate, wish)
        if order[-1] == "O" and not adverb and wish.plain:
            self.add_relative(parts.nouns["O"], 0.15)
        self.render(parts, order, verb, wish)
        subject = parts.nouns["S"]
        group, aux, rest = predicate.render(subject)
        often_ru, often_en = phrase(often)
        when_ru, when_en = phrase(adverb)
        parts.ru["V"] = often_ru + group
        ru = self.russian_order(order, parts, wish, when_ru)
        en = english_order(pattern, parts, aux, often_en + rest, wish) + when_en
        clause = Clause(
            *with_gap_word(ru, en, wish), pattern["kind"], subject, predicate.tense, pattern["kind"]
        )
        return self.named(clause, predicate, parts)

    @staticmethod
    def named(clause: Clause, predicate: Predicate, parts: ClauseParts) -> Clause:
        """Уточняет вид предложения: отрицание, «который», «дом моего отца»; иначе — как у образца."""
        if predicate.negated:
            clause.kind = "отрицание"
        elif any(noun.relative for noun in parts.nouns.values()):
            clause.kind = "который"
        elif clause.kind in GENITIVE_KINDS and any(noun.owner for noun in parts.nouns.values()):
            clause.kind = "родительный"
        return clause

    def verb(self, pattern: dict, wish: Wish) -> dict:
        """Глагол с управлением образца, подходящий времени и слову, которое заменяет «который»."""
        fits = [v for v in self.known(verbs(pattern["frame"])) if wish.tense in (None, *tenses(v))]
        if wish.antecedent:
            column = "subject" if wish.gap == "S" else "object"
            fits = [v for v in fits if expand(v[column]) & wish.antecedent.row["classes"]]
        elif wish.gap == "O":  # «что» спрашивает о вещах
            fits = [v for v in fits if not expand(v["object"]) & {"human", "animal"}]
        if wish.topic:
            fits = [v for v in fits if "human" in expand(v["subject"])]
        if not fits:
            raise OutOfWords
        return self.fresh(fits)

    def tense(self, verb: dict, pattern: dict) -> str:
        fits = [tense for tense in tenses(verb) if tense in pattern.get("tenses", tenses(verb))]
        return self.random.choice(fits)

    def predicate_of(self, verb: dict, pattern: dict, wish: Wish, inverted: bool) -> Predicate:
        """Сказуемое: глагол или «хочет купить», с отрицанием или без."""
        asks = wish.question and wish.gap != "S"  # к подлежащему вопрос без do: who bought
        negated = not inverted and not wish.question and self.chance(0.16)
        chain = None
        if not inverted and not wish.condition and verb["type"] in ("act", "habit") and self.chance(0.15):
            chain = self.chain_verb(verb, wish)
        tense = wish.tense or self.tense(chain or verb, pattern)
        return Predicate(chain or verb, tense, verb if chain else None, negated, asks, wish.condition)

    def chain_verb(self, verb: dict, wish: Wish) -> dict | None:
        """Глагол при инфинитиве: «хочет купить», «может помочь»."""
        fits = [v for v in self.known(verbs("inf")) if v["object"] in ("any", verb["aspect"])]
        fits = [v for v in fits if wish.tense in (None, *tenses(v))]
        return self.random.choice(fits) if fits and "human" in expand(verb["subject"]) else None

    def participants(
        self, order: list[str], pattern: dict, verb: dict, predicate: Predicate, wish: Wish
    ) -> ClauseParts:
        """Кто и что занимает места глагола."""
        parts = ClauseParts()
        for slot in [slot for slot in order if slot != "V"]:
            if slot == wish.gap:
                parts.nouns[slot] = wish.antecedent or Noun({}, "gap")
            elif slot == "S":
                parts.nouns[slot] = wish.topic or self.subject(verb, predicate, order, wish)
            else:
                parts.nouns[slot] = self.complement(slot, pattern, verb, order, parts.nouns.get("S"))
        for slot, noun in parts.nouns.items():
            if slot != "S" and order[0] == "S" and parts.nouns["S"].human:
                make_reflexive(noun, parts.nouns["S"])
        return parts

    def subject(self, verb: dict, predicate: Predicate, order: list[str], wish: Wish) -> Noun:
        """Подлежащее; стоящее в конце («в саду спит кот») — имя или новое лицо, поэтому артикль a."""
        if wish.question and not wish.word and self.chance(0.5):
            row = self.random.choice([row for row in rules()["pronouns"] if row["person"] == 2])
            return pronoun(row, self.random.choice("mf"))
        classes = "human" if predicate.infinitive else verb["subject"]
        human = "human" in expand(classes)
        if order[-1] == "S":
            return self.name() if human and self.chance(0.25) else self.noun(classes, "nom", "a")
        if human and self.chance(0.4):
            return self.person()
        noun = self.noun(classes, "nom")
        if not wish.antecedent:
            self.add_relative(noun, 0.35)
        return noun

    def complement(
        self, slot: str, pattern: dict, verb: dict, order: list[str], subject: Noun | None
    ) -> Noun:
        """Дополнение или место; у дополнения в конце бывают однородные: «хлеб, молоко и яблоки»."""
        classes = "human" if slot == "R" else verb["object"]
        determined = slot in pattern.get("determined", "")
        if slot in "ORI" and not determined and "human" in expand(classes) and self.chance(0.35):
            return self.person(subject)
        article = article_of(slot, verb, order)
        counted = verb["aspect"] == "perf"  # «читает пять книг» неестественно
        noun = self.noun(
            classes, CASES[slot], article, determined=determined, single=slot in "LD", counted=counted
        )
        if slot == "O" and order[-1] == "O" and self.lists_left and not noun.owner and self.chance(0.3):
            self.lists_left -= 1
            same = ",".join(sorted(expand(classes) & noun.row["classes"]))
            noun.others = [
                self.noun(same, "acc", article, counted=counted) for _ in range(self.random.choice([1, 1, 2]))
            ]
        return noun

    def render(self, parts: ClauseParts, order: list[str], verb: dict, wish: Wish) -> None:
        """Заполняет слова каждого места, кроме глагола и пропуска."""
        for slot, noun in parts.nouns.items():
            if slot == wish.gap:
                continue
            words = noun.render(CASES[slot], article_of(slot, verb, order))
            if slot in "LD":
                words = with_preposition(noun, words, "to" if slot == "D" else "in")
            parts.ru[slot], parts.en[slot] = words

    # --- обстоятельства и порядок слов ---
    def adverb(self, predicate: Predicate, wish: Wish) -> list[str] | None:
        """«Вчера», «каждый день»: там, где они уместны."""
        verb, tense = predicate.verb, predicate.tense
        unasked = wish.word is None or wish.word.get("gap")  # «когда он придёт завтра?» — нет
        if wish.condition or verb["type"] in ("state", "modal") or not unasked or not self.chance(0.4):
            return None
        habit = tense == "pres" and not predicate.negated and verb["type"] != "motion"
        rows = [*rules()["adverbs"]["habit"]] if habit else []
        if verb["type"] != "habit":
            rows += rules()["adverbs"][tense]
        rows = [row for row in rows if row[0] not in self.used]
        if not rows:
            return None
        self.used.add((row := self.random.choice(rows))[0])
        return row

    def frequency(self, predicate: Predicate, order: list[str], wish: Wish) -> list[str] | None:
        """«Часто», «иногда»: при действии несовершенного вида, не в будущем."""
        verb = predicate.verb
        action = verb["type"] in ("act", "habit") and verb["aspect"] == "impf" and not predicate.infinitive
        if not action or predicate.negated or predicate.tense == "fut" or order[-1] == "S" or wish.condition:
            return None
        return self.random.choice(rules()["adverbs"]["frequency"]) if self.chance(0.2) else None

    def russian_order(self, order: list[str], parts: ClauseParts, wish: Wish, when: list[Ru]) -> list[Ru]:
        """Русский порядок слов; обстоятельство времени — в начале, перед глаголом или в конце."""
        order = [slot for slot in order if slot != wish.gap]
        named = wish.gap and parts.nouns["S"].type in ("noun", "name")
        if order[0] == "S" and named and self.chance(0.5):  # «книга, которую купил брат», «где живёт Анна?»
            order = ["V", "S", *order[2:]]
        place = self.random.choice(self.places(wish, when, order)) if when else None
        words = list(when) if place == "start" else []
        for slot in order:
            words += when if slot == "V" and place == "verb" else []
            words += parts.ru[slot]
        return words + (when if place == "end" else [])

    @staticmethod
    def places(wish: Wish, when: list[Ru], order: list[str]) -> list[str]:
        """Где может стоять обстоятельство; чем чаще место в списке, тем оно вероятнее."""
        start = [] if wish.gap else ["start", "start"]
        verb = ["verb", "verb"] if wish.gap or order[0] == "S" else []
        end = [] if when[0].text in rules()["adverbs"]["never_last"] else ["end"]
        return start + verb + end

    # --- вопросы и придаточные ---
    def question(self) -> Clause:
        """Вопрос одного из видов: общий, к подлежащему, к дополнению, о месте, направлении, времени."""
        fixed = [pattern for pattern in rules()["clause"] if pattern.get("mark")]
        roll = self.random.random()
        if roll < 0.25:
            pattern = self.random.choices(fixed, [pattern["weight"] for pattern in fixed])[0]
            return self.fixed_clause(pattern, Wish())
        word = self.random.choice(rules()["question"]) if roll > 0.5 else None
        clause = self.clause(Wish(question=True, word=word, gap=word.get("gap") if word else None))
        clause.kind = "вопрос"
        return clause

    def add_relative(self, noun: Noun, probability: float) -> None:
        """Придаточное с «который»: «…, который купил…», «…, которую написал…», «…, у которого есть…»."""
        free = noun.type == "noun" and not noun.owner and not noun.others
        if not free or not self.relatives_left or not self.chance(probability):
            return
        self.relatives_left -= 1
        row = {"classes": noun.row["classes"]}
        gap = Noun(row, "gap", noun.number, noun.gender, living=noun.animate)
        if noun.human and self.chance(0.3):
            kind = self.random.choice(["у меня есть", "у меня есть", "у меня нет", "у меня был"])
            clause = self.clause(Wish(kinds=(kind,), antecedent=gap))
        else:
            place = "S" if noun.human or (noun.animate and self.chance(0.6)) else "O"
            clause = self.clause(
                Wish(gap=place, antecedent=gap, tense=self.random.choice(["past", "past", "pres"]))
            )
        word = next(word for word in clause.ru if word.text.startswith("котор"))
        clause.en = [En("who" if noun.human else "that", [word]), *clause.en]
        noun.relative = clause

    # --- составное предложение ---
    def opening(self) -> Clause:
        """Начало: простое предложение, «я знаю, что…» или «когда…, …»."""
        roll = self.random.random()
        if roll < 0.2:
            return self.say_that()
        return self.when_first() if roll < 0.35 else self.clause()

    def when_first(self) -> Clause:
        """«Когда…, …» и «если…, …»; времена обеих частей одинаковы."""
        link = self.random.choice([link for link in rules()["link"] if link.get("conditional")])
        self.used.add(link["ru"])
        tense = "fut" if link["en"] == "if" else self.random.choice(["past", "fut"])
        first = self.clause(Wish(expand_kinds(tuple(link["second"])), tense, condition=True))
        second = self.clause(Wish(expand_kinds(tuple(link["first"])), tense))
        word, comma = Ru(link["ru"].removeprefix(", ")), Ru(",")
        ru = [word, *first.ru, comma, *second.ru]
        en = [En(link["en"], [word]), *first.en, En(",", [comma]), *second.en]
        return Clause(ru, en, "когда, если", second.topic, tense, second.last)

    def say_that(self) -> Clause:
        """«Мой брат сказал, что…»; после прошедшего времени — прошедшее, чтобы не сдвигать английское."""
        verb = self.random.choice(self.known(verbs("that")))
        tense = "past" if verb["aspect"] == "perf" else "pres"
        subject = self.person() if self.chance(0.4) else self.noun("human", "nom")
        group, aux, rest = Predicate(verb, tense).render(subject)
        ru, en = subject.render("nom", "subject")
        that, inner = Ru("что"), self.clause(Wish(tense="past" if tense == "past" else None))
        en = [*en, *aux, *rest, En("that", [that]), *inner.en]
        return Clause(
            [*ru, *group, Ru(","), that, *inner.ru], en, "что", inner.topic, inner.tense, inner.last
        )

    def join(self, first: Clause) -> Clause:
        """Присоединяет ещё одно предложение подходящим союзом."""
        links = [link for link in rules()["link"] if self.link_fits(link, first)]
        links = [link for link in links if link["ru"] not in self.used] or links
        link = self.random.choices(links, [link["weight"] for link in links])[0]
        self.used.add(link["ru"])
        second = self.clause(self.second_wish(link, first))
        ru = [Ru(word) for word in link["ru"].split()]
        words = link["en"].split()
        en = [En(",", ru[:1])] if words[0] == "," else []
        en += [En(words[-1], ru[1:])]  # «потому что» — оба слова
        kind = link["ru"].removeprefix(", ")
        ru, en = [*first.ru, *ru, *second.ru], [*first.en, *en, *second.en]
        return Clause(ru, en, kind, second.topic or first.topic, second.tense, second.last)

    def link_fits(self, link: dict, first: Clause) -> bool:
        """Годится ли союз после такого предложения."""
        if first.last not in expand_kinds(tuple(link.get("first", [first.last]))):
            return False
        if link.get("conditional"):
            return first.tense == "fut" if link["en"] == "if" else first.tense in ("past", "fut")
        return not link.get("same") or bool(first.topic and first.topic.human)

    def second_wish(self, link: dict, first: Clause) -> Wish:
        """Каким должно быть второе предложение: время, подлежащее, вид."""
        kinds = expand_kinds(tuple(link.get("second", ())))
        if link.get("conditional"):
            return Wish(kinds=kinds, tense=first.tense, condition=True)
        topic = pronoun(first.topic.pronoun, first.topic.gender) if link.get("same") else None
        then = link.get("then", {}).get(first.tense)
        tense = self.random.choice(then) if then else first.tense if self.chance(0.5) else None
        return Wish(kinds=kinds, tense=tense, topic=topic)


def verb_fits(pattern: dict, wish: Wish) -> bool:
    """Годится ли образец с глаголом: пропуск и готовое подлежащее требуют прямого порядка."""
    straight = pattern["ru"][0][0] == "S" or (wish.plain and not wish.topic)
    return straight and FRAME_OF_GAP.get(wish.gap, pattern["frame"]) == pattern["frame"]


def fixed_fits(pattern: dict, wish: Wish) -> bool:
    """Годится ли образец без глагола: в «письмо короткое» говорить не о ком, «если будет…» не переводим."""
    about = not wish.topic or "X" in pattern["slots"]
    late = wish.condition and pattern["tense"] == "fut"
    return wish.plain and about and not late and not pattern.get("mark")


def tenses(verb: dict) -> tuple[str, ...]:
    """Времена, в которых глагол уместен."""
    return PERFECTIVE if verb["aspect"] == "perf" else TYPES_WITH_TENSES[verb["type"]]


def pronoun(row: dict, gender: str) -> Noun:
    return Noun(row, "pronoun", row["number"], gender, row["person"])


def make_reflexive(noun: Noun, subject: Noun) -> None:
    """«Мой» о вещи подлежащего — «свой»: «я вижу свой дом», «Анна видит дом своего отца» (тоже my, her)."""
    own = noun.determiner and noun.determiner["pronoun"] == subject.pronoun["ru"]
    if own:
        english = {key: noun.determiner[key] for key in ("en", "en_plural")}
        noun.determiner = {**determiner("свой"), **english}
    for part in [*noun.others, *([noun.owner] if noun.owner else [])]:
        make_reflexive(part, subject)


def article_of(slot: str, verb: dict, order: list[str]) -> str:
    """Артикль места: подлежащее и место — the, дополнение — по глаголу, новое в конце — a."""
    if slot == "S":
        return "a" if order[-1] == "S" else "subject"
    return verb["article"] if slot in "OI" else "the"


def pair_up(ru: str, en: str) -> Words:
    """Русское слово и его английский перевод одним словом."""
    word = Ru(ru)
    return [word], [En(en, [word])]


def phrase(pair: list[str] | None) -> Words:
    """Наречный оборот: слова связаны по порядку, лишние английские — со всем оборотом возможно."""
    ru = [Ru(word) for word in pair[0].split()] if pair else []
    english = pair[1].split() if pair else []
    if len(ru) == len(english):
        return ru, [En(e, [r]) for e, r in zip(english, ru, strict=True)]
    *first, last = english
    return ru, [*(En(e, [], [ru[0]]) for e in first), En(last, [ru[-1]])]


def with_preposition(noun: Noun, words: Words, english: str) -> Words:
    """Ставит «в саду / in the garden» или «в сад / to the garden»; «во дворе» — по звуку."""
    ru, en = words
    russian, place = noun.row["prepositions"].split("/")
    word = Ru("во" if russian == "в" and ru[0].text.startswith("двор") else russian)
    return [word, *ru], [En("to" if english == "to" else place, [word]), *en]


def fill(
    template: str, english: dict[str, list[En]], words: dict[str, Ru], slots: dict[str, Noun]
) -> list[En]:
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


def english_order(pattern: dict, parts: ClauseParts, aux: list[En], rest: list[En], wish: Wish) -> list[En]:
    """Английский порядок всегда один: подлежащее, сказуемое, остальное; в вопросе — do впереди."""
    result: list[En] = []
    inverted = wish.question and wish.gap != "S"
    for token in pattern["en"].split():
        if token == wish.gap:
            continue
        if token.startswith("to<"):
            result.append(En("to", [], [head(parts.en["R"])]))
        elif token == "S":
            result += (aux if inverted else []) + parts.en["S"]
        elif token == "V":
            result += rest if inverted else aux + rest
        else:
            result += parts.en[token]
    return result


def with_gap_word(ru: list[Ru], en: list[En], wish: Wish) -> Words:
    """Ставит впереди «который» или вопросительное слово."""
    if wish.antecedent:
        return wish.antecedent.render(CASES[wish.gap])[0] + ru, en
    if wish.word:
        word = Ru(wish.word["ru"])
        return [word, *ru], [En(wish.word["en"], [word]), *en]
    return ru, en
