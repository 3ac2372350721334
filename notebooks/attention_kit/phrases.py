"""Слова, именные группы, сказуемые и пары предложений на двух языках, со связями между словами."""

from __future__ import annotations

from dataclasses import dataclass, field

from attention_kit.lexicon import adjective_form, determiner, rules


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


Words = tuple[list[Ru], list[En]]
PUNCTUATION = {",", ".", "?"}


@dataclass(frozen=True)
class Pair:
    """Пара предложений. Связь — номера слов (английского, русского); `possible` включает `sure`."""

    ru: tuple[str, ...]
    en: tuple[str, ...]
    sure: frozenset[tuple[int, int]]
    possible: frozenset[tuple[int, int]]
    kind: str  # вид предложения, а у составного — последний союз

    @property
    def length(self) -> int:
        """Длина русского предложения в словах, без знаков препинания."""
        return sum(word not in PUNCTUATION for word in self.ru)


@dataclass(eq=False)
class Clause:
    """Простое или составное предложение: слова обоих языков и то, что нужно для союзов."""

    ru: list[Ru]
    en: list[En]
    kind: str  # вид всего предложения
    topic: Noun | None = None  # о ком оно
    tense: str = "pres"
    last: str = ""  # вид последнего простого предложения


@dataclass(eq=False)
class Noun:
    """Именная группа: местоимение, имя, существительное с определениями или пропуск («который», «кто»)."""

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

    @property
    def pronoun(self) -> dict:
        """Местоимение, которым эту группу можно назвать ещё раз: «моя сестра» → «она»."""
        same = [r for r in rules()["pronouns"] if r["person"] == self.person and r["number"] == self.number]
        return next((r for r in same if r.get("gender", self.gender) == self.gender), same[0])

    def agree(self, forms: list[str]) -> str:
        """Выбирает из форм «м, ж, ср, мн» ту, что согласована с этой группой."""
        if self.numeral and not self.numeral["few"]:
            return forms[2]  # «нужно пять книг»
        return forms[3] if self.plural else forms["mfn".index(self.gender)]

    def render(self, case: str, article: str = "the") -> Words:
        """Русские и английские слова группы в падеже `case` (ключ таблицы или gen_prep — «у него»).

        article — как в grammar.toml, а ещё subject: подлежащее (местоимение в именительном).
        """
        if self.type == "pronoun":
            word = Ru(self.row[case])
            return [word], [En(self.row["en" if article == "subject" else "en_object"], [word])]
        case = case.removesuffix("_prep")
        if self.type == "gap":
            form = adjective_form(determiner("который"), case, self.gender, self.number, self.living)
            return [Ru(form)], []
        if self.type == "name":
            word = Ru(self.row["ru"] if case == "nom" else self.row[case])
            return [word], [En(self.row["en"], [word])]
        article = "the" if article == "subject" else article
        return self._with_others(*self._with_relative(*self._noun(case, article)), case, article)

    def _noun(self, case: str, article: str) -> Words:
        """Существительное с тем, что стоит перед ним, и с владельцем."""
        number, noun_case, adjective_case = self._government(case)
        noun = Ru(self.row[f"{number}_{noun_case}"])
        words = [
            *self._determiner(case),
            *([(Ru(self.numeral[self.gender]), self.numeral["en"])] if self.numeral else []),
            *((Ru(self._adjective(row, adjective_case)), row["en"]) for row in self.adjectives),
            (noun, self.row["en_plural" if self.plural else "en"]),
        ]
        ru = [word for word, _ in words]
        en = [En(text, [word]) for word, text in words]
        if self.owner:  # «дом моего отца» → my father 's house
            owner_ru, owner_en = self.owner.render("gen")
            return ru + owner_ru, [*owner_en, En("'s", [head(owner_en)]), *en]
        return ru, self._article(article, en[0].text, noun) + en

    def _government(self, case: str) -> tuple[str, str, str]:
        """Число и падеж существительного и падеж прилагательных: при числительном они особые."""
        if not self.numeral:
            return self.number, case, case
        few = self.numeral["few"]  # «две новые книги», «два новых стола», «пять новых книг»
        return "sg" if few else "pl", "gen", case if few and self.gender == "f" else "gen"

    def _adjective(self, row: dict, case: str) -> str:
        return adjective_form(row, case, self.gender, self.number, self.animate)

    def _determiner(self, case: str) -> list[tuple[Ru, str]]:
        if not self.determiner:
            return []
        english = self.determiner["en_plural" if self.plural else "en"]
        return [(Ru(self._adjective(self.determiner, case)), english)]

    def _article(self, article: str, following: str, noun: Ru) -> list[En]:
        """Артикль по правилу; при «мой», «этот», числительном его нет. Связан с существительным возможно."""
        uncounted = self.plural or "mass" in self.row["classes"]
        if self.determiner or self.numeral or article == "bare" or (article != "the" and uncounted):
            return []
        if article == "type" or (article == "a" and "kin" in self.row["classes"]):
            article = "the"  # «увидел отца» → the father, хотя «увидел врача» → a doctor
        if article != "the":
            article = "an" if _vowel(following) else "a"
        return [En(article, possible=[noun])]

    def _with_relative(self, ru: list[Ru], en: list[En]) -> Words:
        if not self.relative:
            return ru, en
        return [*ru, Ru(","), *self.relative.ru, Ru(",")], [*en, *self.relative.en]

    def _with_others(self, ru: list[Ru], en: list[En], case: str, article: str) -> Words:
        for index, other in enumerate(self.others):
            other_ru, other_en = other.render(case, article)
            last = index == len(self.others) - 1
            link = Ru("и" if last else ",")
            ru = [*ru, link, *other_ru]
            en = [*en, En("and" if last else ",", [link]), *other_en]
        return ru, en


def head(words: list[En]) -> Ru:
    """Последнее русское слово, с которым группа связана наверняка."""
    return words[-1].sure[-1]


def _vowel(word: str) -> bool:
    return word[0] in "aeio" or (word[0] == "u" and not word.startswith("uni"))


BE = {"am": ("am", "is", "are"), "is": ("is", "is", "are"), "was": ("was", "was", "were")}
WILL = ("буду", "будешь", "будет", "будем", "будете", "будут")


def english_agree(word: str, subject: Noun) -> str:
    """have → has, do → does, am → is/are, like → likes: согласование с подлежащим."""
    first = subject.type == "pronoun" and subject.person == 1 and not subject.plural
    third = subject.person == 3 and not subject.plural
    if word in BE:
        return BE[word][0 if first else 1 if third else 2]
    if not third:
        return word
    return {"have": "has", "do": "does"}.get(word, word + "s")


@dataclass
class Predicate:
    """Сказуемое: глагол, при нём инфинитив и «не», и условия, от которых зависит английская форма."""

    verb: dict
    tense: str  # pres | past | fut
    infinitive: dict | None = None  # «хочет купить»
    negated: bool = False
    asks: bool = False  # вопрос, требующий вспомогательного глагола
    condition: bool = False  # после «когда», «если» вместо будущего — настоящее
    repeated: bool = False  # при «часто», «каждый день» — Simple

    def render(self, subject: Noun) -> tuple[list[Ru], list[En], list[En]]:
        """Русские слова, английский вспомогательный глагол с not и всё остальное."""
        negation = [Ru("не")] if self.negated else []
        future, main = self._russian(subject)
        auxiliary, text = self._english(subject)
        # will связан с «будет»; вспомогательный, у которого русского слова нет, — с глаголом возможно
        own = [main] if self.verb["type"] == "modal" else future if auxiliary == "will" else []
        aux = [En(auxiliary, own, [] if own else [main])] if auxiliary else []
        aux += [En("not", [word]) for word in negation]
        spare = future if self.condition else []  # «если он будет спать» → if he sleeps
        rest = [En(word, [main], spare) for word in text.split()]
        infinitive = [Ru(self.infinitive["ru"])] if self.infinitive else []
        if self.infinitive:
            rest += [En(word, infinitive) for word in self.infinitive["en"].split()]
        return [*negation, *future, main, *infinitive], aux, rest

    def _russian(self, subject: Noun) -> tuple[list[Ru], Ru]:
        """«будет» (если надо) и глагол в нужной форме."""
        index = subject.person - 1 + 3 * subject.plural
        if self.tense == "past":
            return [], Ru(self.verb["past_pl" if subject.plural else f"past_{subject.gender}"])
        if self.tense == "fut" and self.verb["aspect"] == "impf":
            return [Ru(WILL[index])], Ru(self.verb["ru"])
        return [], Ru(self.verb[f"p{index + 1}"])

    def _english(self, subject: Noun) -> tuple[str, str]:
        """Вспомогательный глагол (или пусто) и смысловой.

        Несовершенный вид действия без наречия частоты — Continuous (прошедшее с «не» — Simple),
        всё прочее — Simple; после «когда» и «если» вместо будущего — настоящее.
        """
        verb, past = self.verb, self.tense == "past"
        base = verb["en"]
        if verb["type"] == "modal":
            return verb["en_past"] if past else base, ""
        if self.tense == "fut" and not self.condition:
            return "will", base
        if self._continuous or base.startswith("be "):
            be = english_agree("was" if past else "am", subject)
            return be, verb["en_ing"] if self._continuous else base.removeprefix("be ")
        if self.negated or self.asks:
            return "did" if past else english_agree("do", subject), base
        if past:
            return "", verb["en_past"]
        return "", verb["en_3sg"] if english_agree("do", subject) == "does" else base

    @property
    def _continuous(self) -> bool:
        action = self.verb["type"] in ("act", "motion") and self.verb["aspect"] == "impf"
        simple = self.repeated or self.condition or (self.negated and self.tense == "past")
        return action and not simple


def finish(clause: Clause) -> Pair:
    """Ставит конечный знак, убирает лишние запятые и переводит связи слов в номера."""
    end = Ru("?" if clause.kind == "вопрос" else ".")
    everything = [*clause.ru, end]
    en = [*clause.en, En(end.text, [end])]
    following = [*everything[1:], None]
    ru = [
        word
        for word, after in zip(everything, following, strict=True)
        if not (word.text == "," and after and after.text in PUNCTUATION)
    ]
    place = {word: index for index, word in enumerate(ru)}
    sure = frozenset((t, place[word]) for t, e in enumerate(en) for word in e.sure)
    possible = frozenset((t, place[word]) for t, e in enumerate(en) for word in e.possible)
    return Pair(
        tuple(word.text for word in ru), tuple(e.text for e in en), sure, sure | possible, clause.kind
    )
