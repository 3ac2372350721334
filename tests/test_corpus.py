"""Русско-английский корпус: состав, связи, формы слов и согласование, сверенные независимо (pymorphy3)."""

import copy
import hashlib
import os
import re
import subprocess
import sys
import time
import tomllib
from collections import Counter, defaultdict
from functools import cache
from itertools import pairwise

import pymorphy3
import pytest
from attention_kit import detokenize, grammar, lexicon, tokenize
from attention_kit.corpus import Grammar, Pair, collect, load_corpus
from attention_kit.grammar import OutOfWords, Wish
from attention_kit.phrases import finish

CASES = {
    "nom": {"nomn"}, "gen": {"gent"}, "dat": {"datv"},
    "acc": {"accs"}, "ins": {"ablt"}, "loc": {"loct", "loc2"},
}  # fmt: skip
GENDERS = {"m": "masc", "f": "femn", "n": "neut", "pl": "plur"}
PERSONS = {"я": "1per sing", "ты": "2per sing", "он": "3per sing", "она": "3per sing", "мы": "1per plur",
           "вы": "2per plur", "они": "3per plur"}  # fmt: skip


@pytest.fixture(scope="module")
def generated():
    """Корпус по умолчанию и секунды процессора, за которые он порождён."""
    started = time.process_time()
    corpus = load_corpus()
    return corpus, time.process_time() - started


@pytest.fixture(scope="module")
def corpus(generated):
    return generated[0]


@pytest.fixture(scope="module")
def pairs(corpus):
    return [*corpus.train, *corpus.valid, *corpus.test, *corpus.long]


@pytest.fixture(scope="module")
def fresh():
    """60 000 новых предложений, в основном коротких: среди них больше всего одинаковых."""
    source = Grammar(7)
    result = []
    while len(result) < 60_000:
        try:
            result.append(source.sentence(source.random.choice([0, 0, 0, 0, 0, 0, 0, 1])))
        except OutOfWords:
            continue
    return result


# --- состав ---
def digest(corpus) -> str:
    rows = [
        (p.ru, p.en, sorted(p.sure), sorted(p.possible), p.kind)
        for part in (corpus.train, corpus.valid, corpus.test, corpus.long)
        for p in part
    ]
    return hashlib.sha256(repr(rows).encode()).hexdigest()


SMALL = {"train": 300, "valid": 20, "test": 30, "long": 20}


def test_same_seed_gives_the_same_corpus_in_another_process():
    code = "import sys; from test_corpus import *; print(digest(load_corpus(**SMALL)))"
    env = {**os.environ, "PYTHONHASHSEED": "4242", "PYTHONPATH": os.pathsep.join(sys.path)}
    run = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True)
    assert run.stdout.strip() == digest(load_corpus(**SMALL)) != digest(load_corpus(**SMALL, seed=1))


def test_caller_cannot_spoil_the_next_load():
    load_corpus(**SMALL).train.clear()
    assert len(load_corpus(**SMALL).train) == SMALL["train"]


def test_size_time_and_vocabulary(generated, pairs, record_property):
    corpus, seconds = generated
    distinct = len({(p.ru, p.en) for p in pairs})
    russian = {word for p in corpus.train for word in p.ru}
    english = {word for p in corpus.train for word in p.en}
    links = sum(len(p.possible) for p in pairs)
    sure = sum(len(p.sure) for p in pairs) / links
    words = f"слов {len(russian)} и {len(english)}"
    record_property(
        "summary", f"корпус: {distinct} пар за {seconds:.1f} с, {words}, верных связей {sure:.1%}"
    )
    assert distinct >= 20_000 and distinct == len(pairs)
    assert seconds < 30
    assert 1_500 < len(russian) < 2_500 and 450 < len(english) < 800
    assert sure >= 0.81


def repeated(*parts: list[Pair]) -> set[tuple[str, ...]]:
    """Русские предложения, которые встречаются больше одного раза — в одной части или в разных."""
    counts = Counter(p.ru for part in parts for p in part)
    return {ru for ru, count in counts.items() if count > 1}


def test_no_sentence_is_shared_or_repeated(corpus):
    assert not repeated(corpus.train, corpus.valid, corpus.test, corpus.long)
    assert repeated(corpus.train, [corpus.train[5]]) == {corpus.train[5].ru}


def test_lengths(corpus):
    within = Counter(p.length for part in (corpus.train, corpus.valid, corpus.test) for p in part)
    beyond = Counter(p.length for p in corpus.long)
    assert set(within) == set(range(2, 27)) and set(beyond) == set(range(27, 41))
    for length in range(3, 27):
        assert within[length] > 0.6 * within.total() / 25, length
    for length in range(27, 41):
        assert beyond[length] > 0.5 * beyond.total() / 14, length


def test_small_lexicon_and_shorter_sentences(corpus):
    """Корпус блокнота 01 в quick: слов во много раз меньше, длины — свои, связи — по тем же правилам."""
    small = load_corpus(5000, 200, 300, 60, longest=12, lexicon="small")
    within = {p.length for part in (small.train, small.valid, small.test) for p in part}
    assert within == set(range(2, 13)) and {p.length for p in small.long} == set(range(13, 20))
    few, many = ({word for p in c.train for word in p.ru} for c in (small, corpus))
    assert 400 < len(few) < 800 < len(many) and len(few - many) < 10  # редкой формы в полном могло не выпасть
    assert all(p.sure <= p.possible for p in small.train)
    with pytest.raises(ValueError, match="lexicon"):
        load_corpus(**SMALL, lexicon="tiny")


def test_kinds_for_the_heatmaps_exist(corpus):
    kinds = Counter(p.kind for p in corpus.test if p.length <= 12)
    for kind in ("прямой порядок", "дополнение впереди", "у меня есть", "родительный", "вопрос", "отрицание",
                 "место впереди", "который", "адресат", "нравиться", "потому что", "когда"):  # fmt: skip
        assert kinds[kind] >= 2, kind


# --- перевод однозначен ---
def ceiling(pairs: list[Pair]) -> float:
    """Наибольшая доля точных совпадений: у каждого русского предложения — самый частый перевод."""
    translations = defaultdict(Counter)
    for pair in pairs:
        translations[pair.ru][pair.en] += 1
    return sum(max(counts.values()) for counts in translations.values()) / len(pairs)


def test_exact_match_has_no_hidden_ceiling(pairs, fresh):
    assert ceiling(pairs + fresh) == 1
    assert len({p.ru for p in fresh}) < len(fresh)  # одинаковые есть, проверять было что
    wrong = Pair(pairs[0].ru, ("wrong", "."), frozenset(), frozenset(), "")
    assert ceiling([*pairs, wrong]) < 1


def looks_like_subject(pair: Pair) -> bool:
    """«Её дочь увидела мать»: впереди стоит неизменяемое «её» с одушевлённым — кто кого, не понять."""
    first = [word for word in pair.ru if word in NOUNS][0]
    living = {form for row in lexicon.nouns("human,animal") for form in row.values() if isinstance(form, str)}
    return first in living and bool({"его", "её", "их"} & set(pair.ru[: pair.ru.index(first)]))


def test_object_in_front_is_never_taken_for_the_subject(pairs, fresh):
    in_front = [p for p in pairs + fresh if p.kind == "дополнение впереди" and len(p.ru) < 12]
    assert len(in_front) > 500 and not [p.ru for p in in_front if looks_like_subject(p)]
    assert looks_like_subject(Pair(("её", "дочь", "увидела", "мать", "."), (), frozenset(), frozenset(), ""))


def test_round_trip_through_text(pairs):
    for pair in pairs:
        assert tuple(tokenize(detokenize(pair.ru))) == pair.ru
        assert tuple(tokenize(detokenize(pair.en))) == pair.en


# --- связи ---
def link_faults(pair: Pair) -> list[str]:
    """Что неверно в связях: номера вне предложения, верная без возможной, слово без связи."""
    faults = []
    places = {(t, s) for t in range(len(pair.en)) for s in range(len(pair.ru))}
    if not pair.possible <= places:
        faults.append("номер вне предложения")
    if not pair.sure <= pair.possible:
        faults.append("верная связь не входит в возможные")
    if {t for t, _ in pair.possible} != set(range(len(pair.en))):
        faults.append("английское слово без связи")
    linked = {s for _, s in pair.possible}
    if any(word != "," and place not in linked for place, word in enumerate(pair.ru)):
        faults.append("русское слово без связи")
    return faults


def test_links_are_sound(pairs, fresh):
    assert not [(p, link_faults(p)) for p in pairs + fresh if link_faults(p)]


def test_spoiled_links_are_noticed(pairs):
    pair = pairs[0]
    link = min(pair.sure)
    outside = frozenset({(len(pair.en), 0)})
    assert link_faults(Pair(pair.ru, pair.en, pair.sure, pair.possible | outside, ""))
    assert link_faults(Pair(pair.ru, pair.en, pair.sure, pair.possible - {link}, ""))
    assert link_faults(Pair(pair.ru, pair.en, frozenset(), frozenset(x for x in pair.possible if x[0]), ""))


DICTIONARY = {  # написан от руки: начало русского слова — все его английские переводы
    "книг": "book books", "газет": "newspaper newspapers", "кошк": "cat cats", "кошек": "cats",
    "собак": "dog dogs", "врач": "doctor doctors", "мальчик": "boy boys", "девоч": "girl girls",
    "сестр": "sister sisters", "окн": "window windows", "магазин": "shop shops",
    "библиотек": "library libraries", "гитар": "guitar guitars", "велосипед": "bicycle bicycles",
    "молок": "milk", "красн": "red", "интересн": "interesting", "голодн": "hungry",
    "чита": "read reads reading", "прочита": "read reads", "купи": "buy buys bought",
    "работа": "work works worked working", "помог": "help helps helped helping", "завтра": "tomorrow",
    "вчера": "yesterday", "часто": "often", "потому": "because", "если": "if", "нашей": "our",
}  # fmt: skip


def wrong_translations(pair: Pair) -> list[tuple[str, str]]:
    """Верные связи, которые спорят со словарём."""
    faults = []
    for t, s in pair.sure:
        ru, en = pair.ru[s], pair.en[t]
        expected = [words.split() for stem, words in DICTIONARY.items() if ru.startswith(stem)]
        if expected and en != "'s" and not any(en in words for words in expected):
            faults.append((ru, en))
    return faults


def test_sure_links_agree_with_a_dictionary(pairs):
    assert not [fault for pair in pairs for fault in wrong_translations(pair)]
    used = Counter(stem for p in pairs for word in p.ru for stem in DICTIONARY if word.startswith(stem))
    assert min(used[stem] for stem in DICTIONARY) > 5


def test_swapped_links_are_noticed(pairs):
    noticed = 0
    for pair in pairs[:300]:
        shifted = frozenset((t, (s + 1) % len(pair.ru)) for t, s in pair.sure)
        noticed += bool(wrong_translations(Pair(pair.ru, pair.en, shifted, shifted, "")))
    assert noticed > 100


# --- таблицы слов ---
@cache
def parses(word: str):
    return _morph().parse(word)


@cache
def _morph():
    return pymorphy3.MorphAnalyzer()


def _plain(word: str) -> str:
    return word.replace("ё", "е")


def has_form(word: str, lemma: str, *tags) -> bool:
    """Есть ли у слова разбор с этой начальной формой и пометами (помета — строка или множество вариантов)."""
    return any(
        _plain(parse.normal_form) == _plain(lemma)
        and all(any(t in parse.tag for t in ({tag} if isinstance(tag, str) else tag)) for tag in tags)
        for parse in parses(word)
    )


def noun_faults(rows) -> list[tuple]:
    faults = []
    for row in rows:
        for number, tag in (("sg", "sing"), ("pl", "plur")):
            for case, cases in CASES.items():
                form = row[f"{number}_{case}"]
                if form != "-" and not has_form(form, row["ru"], cases, tag):
                    faults.append((row["ru"], number, case, form))
        living = {"anim", "inan"} if "food" in row["classes"] else "anim" if row["animate"] == "+" else "inan"
        if not has_form(row["ru"], row["ru"], GENDERS[row["gender"]], living):
            faults.append((row["ru"], row["gender"], row["animate"]))
    return faults


def adjective_faults(rows) -> list[tuple]:
    faults = []
    for row in rows:
        for column, form in row.items():
            gender, _, case = column.partition("_")
            if (
                gender in GENDERS
                and case in CASES
                and not has_form(form, row["ru"], CASES[case], GENDERS[gender])
            ):
                faults.append((row["ru"], column, form))
    return faults


VERB_TAGS = {
    "p1": "1per sing", "p2": "2per sing", "p3": "3per sing", "p4": "1per plur", "p5": "2per plur",
    "p6": "3per plur", "past_m": "past masc", "past_f": "past femn", "past_n": "past neut",
    "past_pl": "past plur",
}  # fmt: skip


def verb_faults(rows) -> list[tuple]:
    return [
        (row["ru"], column, row[column])
        for row in rows
        for column, tags in VERB_TAGS.items()
        if not has_form(row[column], row["ru"], *tags.split(), row["aspect"])
    ]


CHECKS = {
    "nouns": noun_faults,
    "adjectives": adjective_faults,
    "determiners": adjective_faults,
    "verbs": verb_faults,
}


@pytest.mark.parametrize("name", CHECKS)
def test_forms_in_tables(name):
    assert not CHECKS[name](lexicon.table(name))


@pytest.mark.parametrize(
    ("name", "word", "column", "wrong"),
    [
        ("nouns", "книга", "sg_acc", "книга"),
        ("nouns", "дверь", "gender", "m"),
        ("adjectives", "новый", "f_acc", "новой"),
        ("determiners", "мой", "pl_dat", "моих"),
        ("verbs", "писать", "p3", "пишут"),
    ],
)
def test_wrong_form_in_a_table_is_noticed(name, word, column, wrong):
    rows = [{**row, column: wrong} if row["ru"] == word else row for row in lexicon.table(name)]
    assert any(fault[0] == word for fault in CHECKS[name](rows))


def test_names_and_pronouns():
    for row in lexicon.rules()["names"]:
        for case in ("gen", "dat", "acc", "ins", "loc"):
            assert has_form(row[case], row["ru"], CASES[case], "Name"), row[case]
    for row in lexicon.rules()["pronouns"]:
        for case in ("gen", "dat", "acc", "ins"):
            assert has_form(row[case], row["ru"], CASES[case], "NPRO"), row[case]


# --- согласование ---
def readings(word: str, part: str) -> set[tuple]:
    """Разборы слова как части речи: (род или мн. число, падеж, одушевлённость)."""
    result = set()
    for parse in parses(word):
        tag = parse.tag
        if tag.case and part == tag.POS:
            case = {"loc2": "loct", "gen2": "gent"}.get(tag.case, tag.case)
            genders = (
                ["plur"] if tag.number == "plur" else [tag.gender] if tag.gender else ["masc", "femn", "neut"]
            )
            living = [tag.animacy] if tag.animacy else ["anim", "inan"]
            result |= {(gender, case, alive) for gender in genders for alive in living}
    return result


NUMERALS = {form for row in lexicon.rules()["numerals"] for form in (row["m"], row["f"])}
NOUNS = {form for row in lexicon.table("nouns") for key, form in row.items() if key[:3] in ("sg_", "pl_")}
NOUNS -= {"-"}
MODIFIERS = {
    form
    for name in ("adjectives", "determiners")
    for row in lexicon.table(name)
    for key, form in row.items()
    if key.partition("_")[2] in CASES and row["ru"] not in ("его", "её", "их", "который")
} - {"мою"}  # и глагол: «мою окна»


def agreement_faults(ru: tuple[str, ...]) -> list[str]:
    """Определения с существительным: общий род, число и падеж; предлог: нужный падеж (кроме числительных)."""
    faults, modifiers, preposition, counted = [], [], None, False
    for word in ru:
        if word in MODIFIERS:
            modifiers.append(word)
            continue
        if word in NOUNS and not counted:
            shared = set.intersection(readings(word, "NOUN"), *(readings(m, "ADJF") for m in modifiers))
            allowed = {"у": {"gent"}, "в": {"loct", "accs"}, "на": {"loct", "accs"}}.get(preposition)
            if allowed:
                shared = {reading for reading in shared if reading[1] in allowed}
            if not shared:
                faults.append(" ".join([preposition or "", *modifiers, word]))
        if word in ("его", "её", "их"):
            continue
        counted = word in NUMERALS
        preposition = {"во": "в"}.get(word, word) if word in ("у", "в", "во", "на") else None
        modifiers = []
    return faults


def verb_agreement_faults(ru: tuple[str, ...]) -> list[str]:
    """Местоимение-подлежащее и глагол (или краткое прилагательное) между соседними знаками препинания."""
    faults = []
    for segment in re.split(r"[,.?]", " ".join(ru)):
        words = segment.split()
        for pronoun in (word for word in words if word in PERSONS):
            faults += [segment for verb in words if verb in VERBS and not _agrees(verb, pronoun)]
    return faults


# личные глаголы и краткие прилагательные (но не «мою» и не «право»)
VERBS = {
    form for row in lexicon.table("verbs") for key, form in row.items() if key in VERB_TAGS
} | {form for row in lexicon.rules()["short"].values() for form in row["forms"]} | {
    "был", "была", "было", "были", "буду", "будешь", "будет", "будем", "будете", "будут",
}  # fmt: skip
VERBS -= MODIFIERS | NOUNS | {"мою"}


def _agrees(verb: str, pronoun: str) -> bool:
    person, number = PERSONS[pronoun].split()
    gender = {"он": "masc", "она": "femn"}.get(pronoun)
    for parse in parses(verb):
        tag = parse.tag
        if tag.POS not in ("VERB", "ADJS", "PRTS") or tag.number != number:
            continue
        if tag.person == person or (tag.person is None and gender in (None, tag.gender) or number == "plur"):
            return tag.person in (None, person)
    return False


def relative_faults(ru: tuple[str, ...]) -> list[str]:
    """«Который» одного рода и числа со словом перед запятой."""
    faults = []
    for place, word in enumerate(ru):
        if word.startswith("котор"):
            before = place - 2 if ru[place - 1] == "," else place - 3  # «…, у которого»
            ours = {gender for gender, *_ in readings(word, "ADJF")}
            if NUMERALS & set(ru[max(0, before - 3) : before]):  # «два стола, которые»
                continue
            if not ours & {gender for gender, *_ in readings(ru[before], "NOUN")}:
                faults.append(f"{ru[before]} … {word}")
    return faults


def agreement(ru: tuple[str, ...]) -> list[str]:
    return agreement_faults(ru) + verb_agreement_faults(ru) + relative_faults(ru)


def test_agreement_in_sentences(pairs, fresh):
    faults = [fault for pair in pairs[:6000] + pairs[-600:] + fresh[:10_000] for fault in agreement(pair.ru)]
    assert not faults, faults[:10]


@pytest.mark.parametrize(
    "wrong",
    [
        "он читает интересная книгу .",
        "котёнок спит в комната .",
        "я читает книгу .",
        "она вчера купил хлеб .",
        "мальчик , которая купила хлеб , спит .",
    ],
)
def test_wrong_agreement_is_noticed(wrong):
    assert agreement(tuple(wrong.split()))


def english_faults(en: tuple[str, ...]) -> list[str]:
    """a/an по звуку, удвоенное слово, глагол при he, she, it."""
    faults = []
    for word, after in pairwise(en):
        vowel = after[0] in "aeiou" and not after.startswith("uni")
        wrong_article = word in ("a", "an") and (word == "an") != vowel
        wrong_verb = word in ("he", "she") and after in set(
            ["do", "have", "are", "am", "were", "need", "like", "want"]
        )
        asked = word in ("i", "we", "they") and after in {"does", "has", "needs", "likes", "wants"}
        if wrong_article or asked or (wrong_verb and not _after_auxiliary(en, word)):
            faults.append(f"{word} {after}")
    return faults


def _after_auxiliary(en: tuple[str, ...], subject: str) -> bool:
    """Вопрос: does he like…"""
    return en[-1] == "?" and any(
        a in ("does", "did", "will", "can", "could") and b == subject for a, b in pairwise(en)
    )


def test_english_is_regular(pairs, fresh):
    assert not [fault for pair in pairs + fresh for fault in english_faults(pair.en)]
    assert english_faults(["he", "is", "reading", "a", "interesting", "book", "."])
    assert english_faults(["he", "does", "not", "see", "an", "university", "."])
    assert english_faults(["he", "have", "a", "book", "."])


def test_punctuation(pairs):
    for pair in pairs:
        for words in (pair.ru, pair.en):
            text = " ".join(words)
            assert not re.search(r"[,.?] [,.?]|^[,.?]|[.?] .", text), text
            assert words[-1] in ".?"
        assert pair.ru[-1] == pair.en[-1] == ("?" if pair.kind == "вопрос" else ".")


# --- вручную: образцы | предложение | слово=русское (верная связь), слово~русское (возможная) ---
EXPECTED = """
прямой порядок | студент читает книгу . | the~студент student=студент is~читает reading=читает a~книгу book=книгу .=.
дополнение впереди | эту книгу написал мой брат . | my=мой brother=брат wrote=написал this=эту book=книгу .=.
прямой порядок | анна продала дом моего отца . | anna=анна sold=продала my=моего father=отца 's=отца house=дом .=.
у меня есть | у меня есть брат . | i=меня have=есть~у a~брат brother=брат .=.
у меня нет | у него нет хлеба . | he=него does~нет not=нет have=нет~у bread=хлеба .=.
у меня был | у неё было пять книг . | she=неё had=было~у five=пять books=книг .=.
прямой порядок | ты читаешь газету ? | are~читаешь you=ты reading=читаешь a~газету newspaper=газету ?=?
прямой порядок | кто купил хлеб ? | who=кто bought=купил bread=хлеб ?=?
прямой порядок | что купила мария ? | what=что did~купила maria=мария buy=купила ?=?
место | где живёт ваш дедушка ? | where=где does~живёт your=ваш grandfather=дедушка live=живёт ?=?
прямой порядок | мы не купили яблоки . | we=мы did~купили not=не buy=купили apples=яблоки .=.
место впереди | в саду спит котёнок . | a~котёнок kitten=котёнок is~спит sleeping=спит in=в the~саду garden=саду .=.
прямой порядок | она будет читать эту статью . | she=она will=будет read=читать this=эту article=статью .=.
дательный | мария помогает своей сестре . | maria=мария is~помогает helping=помогает her=своей sister=сестре .=.
дательный | я помогаю своей сестре . | i=я am~помогаю helping=помогаю my=своей sister=сестре .=.
нравиться | мне нравятся старые книги . | i=мне like=нравятся old=старые books=книги .=.
нужен | нам нужны два новых стола . | we=нам need=нужны two=два new=новых tables=стола .=.
адресат | вчера мой отец подарил мне велосипед . | my=мой father=отец gave=подарил a~велосипед bicycle=велосипед to~мне me=мне yesterday=вчера .=.
прямой порядок | ольга хочет купить апельсин . | olga=ольга wants=хочет to=хочет buy=купить an~апельсин orange=апельсин .=.
есть / нет | в городе есть музей . | there~есть is=есть a~музей museum=музей in=в the~городе city=городе .=.
место; у меня есть | девочка , у которой есть собака , гуляет в парке . | the~девочка girl=девочка who=которой has=есть~у a~собака dog=собака is~гуляет walking=гуляет in=в the~парке park=парке .=.
прямой порядок | я прочитал письмо , которое написала анна . | i=я read=прочитал a~письмо letter=письмо that=которое anna=анна wrote=написала .=.
направление; у меня не было | олег пошёл в магазин , потому что у него не было хлеба . | oleg=олег went=пошёл to=в the~магазин shop=магазин because=потому=что he=него did~было not=не have=было~у bread=хлеба .=.
направление; дательный | если анна позвонит мне , я приду в школу . | if=если anna=анна calls=позвонит me=мне ,=, i=я will~приду come=приду to=в the~школу school=школу .=.
"""  # noqa: E501 — пара в строке
SENTENCES = [line.split(" | ") for line in EXPECTED.strip().splitlines()]


def expected_pair(russian: str, english: str) -> tuple[tuple[str, ...], set, set]:
    """Разбирает запись перевода: английские слова, верные и возможные связи."""
    ru, en, sure, possible = russian.split(), [], set(), set()
    for place, token in enumerate(english.split()):
        word, *links = re.findall(r"[=~]?[^=~]+", token)
        en.append(word)
        for link in links:
            (sure if link[0] == "=" else possible).add((place, ru.index(link[1:])))
    return tuple(en), sure, sure | possible


@pytest.fixture
def narrowed(monkeypatch):
    """Оставляет грамматике только слова и образцы, нужные одному предложению."""

    def narrow(words: set[str], kinds: set[str]) -> None:
        def keep(rows):
            return tuple(row for row in rows if words & set(map(str, row.values())))

        def table(name):
            return keep(lexicon.table(name)) if name == "determiners" else lexicon.table(name)

        rules = copy.deepcopy(lexicon.rules())
        for name in ("names", "pronouns", "numerals", "question"):
            rules[name] = keep(rules[name])
        rules["link"] = [row for row in rules["link"] if set(row["ru"].split()) <= words]
        own = {row["ru"] for row in table("determiners")}
        rules["determiners"] = {
            key: [ru for ru in row if ru in own] for key, row in rules["determiners"].items()
        }
        for key in ("past", "fut", "pres", "habit"):
            rules["adverbs"][key] = [row for row in rules["adverbs"][key] if row[0] in words]
        monkeypatch.setattr(grammar, "rules", lambda: rules)
        monkeypatch.setattr(grammar, "table", table)
        monkeypatch.setattr(
            grammar, "patterns", lambda *key: tuple(r for r in lexicon.patterns(*key) if r["kind"] in kinds)
        )
        monkeypatch.setattr(grammar, "nouns", lambda classes: keep(lexicon.nouns(classes)))
        monkeypatch.setattr(grammar, "verbs", lambda frame: keep(lexicon.verbs(frame)))
        monkeypatch.setattr(grammar, "adjectives", lambda noun: keep(lexicon.adjectives(noun)))

    return narrow


def compose(russian: str) -> Pair:
    """Порождает ровно это предложение: пробует, пока случай не выберет нужные формы и порядок."""
    source = Grammar(1)
    for _ in range(30_000):
        source.used, source.rich, source.lists_left, source.relatives_left = set(), 0.3, 0, 1
        try:
            if russian.endswith("?"):
                pair = finish(source.question())
            elif "потому" in russian:
                pair = finish(source.join(source.clause()))
            else:
                pair = finish(source.when_first() if "если" in russian else source.clause())
        except (OutOfWords, IndexError):  # слов оставлено так мало, что выбирать бывает не из чего
            continue
        if " ".join(pair.ru) == russian:
            return pair
    raise AssertionError(f"не порождается: {russian}")


@pytest.mark.parametrize(("kinds", "russian", "english"), SENTENCES, ids=[ru for _, ru, _ in SENTENCES])
def test_translation_and_links_by_hand(kinds, russian, english, narrowed):
    possessive = {"мой", "её"} if "своей" in russian else set()  # «свой» ставится вместо них
    narrowed({*russian.split(), *possessive}, set(kinds.split("; ")))
    pair = compose(russian)
    en, sure, possible = expected_pair(russian, english)
    assert pair.en == en
    assert (pair.sure, pair.possible) == (sure, possible)


# --- неверный ввод ---
@pytest.mark.parametrize("count", [0, -5, 2.5, True, "10", None])
@pytest.mark.parametrize("part", ["train", "long"])
def test_bad_counts(part, count):
    with pytest.raises(ValueError, match=f"{part} — число пар"):
        load_corpus(**{**SMALL, part: count})


def test_impossible_request_says_so(monkeypatch):
    monkeypatch.setattr("attention_kit.corpus.PATIENCE", 50)
    with pytest.raises(ValueError, match="Столько разных предложений длиной 2–2 слов"):
        collect(Grammar(1), 10_000, 2, 2, set())


# --- правила и таблицы называют только то, что есть ---
TABLES = {name: lexicon.table(name) for name in CHECKS}


def absent(rules: dict, tables: dict[str, tuple[dict, ...]]) -> set[str]:
    """Названные, но не существующие слова, классы, управления, места: с опечаткой образец молча не встречался бы."""
    words = {row["ru"] for rows in (*tables.values(), rules["names"]) for row in rows}
    classes = set().union(*(row["classes"] for row in tables["nouns"])) | set(rules["groups"])
    frames = {row["frame"].partition(":")[0] for row in tables["verbs"]}
    kinds = {row["kind"] for row in rules["clause"]} | set(rules["kinds"])
    used = [(name, words) for name in rules["small"]]
    used += [(name, classes) for row in tables["adjectives"] for name in row["classes"]]
    used += [
        (name, kinds) for row in rules["link"] for end in ("first", "second") for name in row.get(end, ())
    ]
    for row in tables["verbs"]:
        frame, _, objects = row["frame"].partition(":")
        both = row["subject"] if frame in ("inf", "that") else f"{row['subject']},{objects}"
        used += [(name, classes) for name in both.split(",")]
    for row in rules["clause"]:
        slots, tokens = row.get("slots", {}), " ".join(row["ru"]).split()
        used += [(name, classes) for spec in slots.values() for name in spec.split()[0].split(",")]
        used += [(row["frame"], frames)] if "frame" in row else [(row["tense"], ("pres", "past", "fut"))]
        for word, agreed, slot in (token.partition("~") for token in tokens):
            if agreed:
                used += [(word, {*rules["agree"], "Z"}), (slot, slots)]
            elif word.isascii():
                used.append((word, {*lexicon.CASES, "V"} if "frame" in row else {*slots, *"AFN"}))
    return {name for name, known in used if name not in known}


def test_only_what_exists_is_named():
    assert not absent(lexicon.rules(), TABLES)


@pytest.mark.parametrize(
    ("old", "new", "name"),
    [
        ('"ware nom a"', '"warez nom a"', "warez"),
        ("понравился~Y", "понравилсся~Y", "понравилсся"),
        ('"чувство", "у меня есть"', '"чувства", "у меня есть"', "чувства"),
        ('"врач", "мальчик"', '"врачь", "мальчик"', "врачь"),
    ],
)
def test_unknown_name_in_the_grammar_is_noticed(old, new, name):
    text = (lexicon.FOLDER / "grammar.toml").read_text(encoding="utf-8")
    assert old in text and absent(tomllib.loads(text.replace(old, new, 1)), TABLES) == {name}


def test_unknown_class_in_a_table_is_noticed():
    rows = tuple({**r, "frame": "acc:drinks"} if r["ru"] == "пить" else r for r in TABLES["verbs"])
    assert absent(lexicon.rules(), TABLES | {"verbs": rows}) == {"drinks"}


def test_pattern_from_the_readme_works(monkeypatch):
    example = re.search(
        r"```toml\n(.*?)```", (lexicon.FOLDER / "README.md").read_text(encoding="utf-8"), re.S
    )[1]
    clauses = tomllib.loads(example)["clause"]
    assert not absent(lexicon.rules() | {"clause": lexicon.rules()["clause"] + clauses}, TABLES)
    monkeypatch.setattr(grammar, "patterns", lambda *_: clauses)
    source = Grammar(1)
    source.used, source.rich = set(), 0.5
    pair = finish(source.clause(Wish(kinds=("пора",))))
    assert " ".join(pair.en).endswith("to go home .") and not link_faults(pair)
