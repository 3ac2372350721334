"""Русско-английский корпус: пары предложений с золотыми связями слов, порождённые грамматикой.

Слова и правила лежат в `notebooks/data/ru-en/`, их разбор — в grammar.py, phrases.py и lexicon.py.
Английское предложение однозначно определяется русским: артикль, время и порядок слов ставит правило.
"""

from dataclasses import dataclass
from functools import cache

from attention_kit.grammar import Grammar, OutOfWords
from attention_kit.phrases import Pair

PATIENCE = 3_000  # столько неудач подряд значат, что новых предложений больше нет


@dataclass(frozen=True)
class Corpus:
    """Части корпуса; `long` — предложения длиннее любого обучающего (до полутора раз)."""

    train: list[Pair]
    valid: list[Pair]
    test: list[Pair]
    long: list[Pair]


def load_corpus(
    train: int = 20_000,
    valid: int = 800,
    test: int = 1_200,
    long: int = 600,
    seed: int = 2014,
    longest: int = 26,
    lexicon: str = "full",
) -> Corpus:
    """Порождает корпус: длины распределены ровно, ни одно предложение не попадает в две части.

    train, valid, test, long — число пар в частях, положительные целые (иначе ValueError; он же —
    если столько разных предложений грамматика не даст). longest — слов в самом длинном русском предложении (знаки не
    в счёт), в части long — от longest + 1 до полутора longest и ещё одно. lexicon — "full" или "small", короткий
    словарь. Один и тот же `seed` даёт один и тот же корпус.
    """
    for name, count in {"train": train, "valid": valid, "test": test, "long": long}.items():
        if not isinstance(count, int) or isinstance(count, bool) or count < 1:
            raise ValueError(f"{name} — число пар: нужно положительное целое, а передано {count!r}.")
    within, beyond = _generate(train + valid + test, long, seed, longest, lexicon)
    return Corpus(
        list(within[valid + test :]), list(within[:valid]), list(within[valid : valid + test]), list(beyond)
    )


@cache
def _generate(
    within: int, beyond: int, seed: int, longest: int, lexicon: str
) -> tuple[list[Pair], list[Pair]]:
    """Пары обучающей длины и длиннее её; повторный вызов ничего не порождает заново."""
    grammar, seen = Grammar(seed, lexicon), set()
    return collect(grammar, within, 2, longest, seen), collect(
        grammar, beyond, longest + 1, longest + longest // 2 + 1, seen
    )


def collect(
    grammar: Grammar, count: int, shortest: int, longest: int, seen: set[tuple[str, ...]]
) -> list[Pair]:
    """Набирает `count` новых пар, по возможности поровну каждой длины от `shortest` до `longest`.

    seen — русские предложения, которые уже есть; новые добавляются туда же.
    """
    share = 1.15 * count / (longest - shortest + 1)
    # Сколько пар каждой длины ещё нужно.
    room = dict.fromkeys(range(shortest, longest + 1), share)
    pairs: list[Pair] = []
    failures = 0
    while len(pairs) < count:
        pair = attempt(grammar, grammar.random.choices(list(room), list(room.values()))[0])
        if pair and room.get(pair.length, 0) > 0 and pair.ru not in seen:
            seen.add(pair.ru)
            room[pair.length] -= 1
            pairs.append(pair)
            failures = 0
        elif (failures := failures + 1) > PATIENCE:
            raise ValueError(
                f"Столько разных предложений длиной {shortest}–{longest} слов грамматика не даёт: "
                f"набралось {len(pairs)} из {count}. Уменьшите части корпуса или добавьте слов в data/ru-en."
            )
    return pairs


def attempt(grammar: Grammar, length: int) -> Pair | None:
    """Предложение примерно такой длины; None, если посреди него кончились подходящие слова."""
    # Союз добавляет 6–7 слов.
    links = max(0, round((length - 7) / 6 + grammar.random.uniform(-1, 1)))
    try:
        return grammar.sentence(links)
    except OutOfWords:
        return None
