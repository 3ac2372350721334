"""Слова и номера: простое разбиение текста на слова, обратная сборка и словарь."""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np

# дробь, время | английское слово до 't вместе с n | слово (в том числе через дефис) | 's, 'll … | любой другой знак
_TOKEN = re.compile(r"\d+(?:[.,:]\d+)+|n't\b|\w+?(?=n't\b)|\w+(?:-\w+)*|'(?:s|m|d|re|ve|ll)\b|\S")
_PLAIN = str.maketrans(
    dict.fromkeys("«»„“”‟″", '"')
    | dict.fromkeys("’‘‚‛`´", "'")
    | dict.fromkeys("‐‑‒–−", "-")
    | dict.fromkeys("—―", " - ")
    | {"\u0300": "", "\u0301": "", "ѐ": "е", "ѝ": "и"}  # ударение: «за́мок» и «замок» — одно слово
)
_CLITICS = {"n't", "'s", "'m", "'d", "'re", "'ve", "'ll"}
_CLOSING = set(".,!?:;…)]}»%") | _CLITICS
_OPENING = set("([{«$")


def clean_text(text: str) -> str:
    """Текст таким, каким его набрали бы на простой клавиатуре; с него начинают все, кто читает ваш текст.

    Кавычки, тире и апострофы — простые, без ударений и невидимых знаков (мягкий перенос, BOM), пробелы — по
    одному, кавычек вокруг всего текста нет.
    """
    if not isinstance(text, str):
        raise ValueError(f"Нужна строка текста, а передано {text!r:.60}: возьмите текст в кавычки.")
    text = unicodedata.normalize("NFC", text).translate(_PLAIN)
    text = "".join(sign for sign in text if unicodedata.category(sign) != "Cf")
    text = " ".join(text.split())
    return re.sub(r'^"([^"]*)"$', r"\1", text).strip()


def tokenize(text: str) -> list[str]:
    """Слова и знаки строки в нижнем регистре: «My father's house.» → my, father, 's, house, ."""
    return _TOKEN.findall(clean_text(text).lower())


def sentences(text: str) -> list[list[str]]:
    """Предложения текста, каждое — список слов с «.» или «?» в конце: «!» и «…» — точка, «?!» — вопрос."""
    result = []
    for part in re.split(r'(?<=[.!?…])\s+|(?<=[.!?…]")\s+', clean_text(text)):
        part = part if part.count('"') % 2 else part.strip('"')  # кавычки вокруг предложения
        words = tokenize(part.rstrip(".!?… "))
        if any(word[0].isalnum() for word in words):
            result.append([*words, "?" if "?" in part[len(part.rstrip(".!?… ")) :] else "."])
    return result


def detokenize(tokens: Iterable[str]) -> str:
    """Собирает слова в строку: знаки и английские 's, n't — без пробела перед собой."""
    text, glue, quoted = "", True, False
    for token in tokens:
        closing_quote = token == '"' and quoted
        text += token if glue or token in _CLOSING or closing_quote else f" {token}"
        quoted ^= token == '"'
        glue = token in _OPENING or (token == '"' and quoted)
    return text


class Vocabulary:
    """Словарь «слово ↔ номер». Номера 0–3 заняты: дополнение, неизвестное слово, начало, конец предложения."""

    SPECIAL = ("<pad>", "<unk>", "<s>", "</s>")
    PAD, UNKNOWN, START, END = range(4)

    def __init__(self, sentences: Iterable[Sequence[str]], min_count: int = 1) -> None:
        """Слова, которые встретились хотя бы min_count раз, — по убыванию частоты (равные — по алфавиту)."""
        counts = Counter(token for tokens in sentences for token in tokens if token not in self.SPECIAL)
        words = [
            word
            for word, count in sorted(counts.items(), key=lambda item: (-item[1], item[0]))
            if count >= min_count
        ]
        if not words:
            raise ValueError(
                "Словарь пуст: передайте списки слов, в которых есть хотя бы одно достаточно частое."
            )
        self.tokens = [*self.SPECIAL, *words]
        self.index = {token: number for number, token in enumerate(self.tokens)}
        # «е» вместо «ё»: из нескольких слов — самое частое
        self._yo = {t.replace("ё", "е"): n for t, n in reversed(self.index.items()) if "ё" in t}

    def __len__(self) -> int:
        return len(self.tokens)

    def _number(self, token: str) -> int:
        return self.index.get(token, self._yo.get(token, self.UNKNOWN))

    def encode(
        self,
        sentences: Sequence[Sequence[str]],
        maxlen: int | None = None,
        start: bool = False,
        end: bool = False,
    ) -> np.ndarray:
        """Номера слов, int32 (предложений, maxlen или наибольшая длина), дополненные нулями справа.

        start и end добавляют метки начала и конца; они входят в длину.
        """
        if isinstance(sentences, str) or any(isinstance(tokens, str) for tokens in sentences):
            raise ValueError("Нужен список предложений, каждое — список слов: разбейте текст через tokenize.")
        for number, tokens in enumerate(sentences):
            if not len(tokens):
                raise ValueError(f"Предложение {number} (счёт с нуля) пустое: в нём нет ни одного слова.")
        rows = [
            [self.START] * start + [self._number(token) for token in tokens] + [self.END] * end
            for tokens in sentences
        ]
        longest = max(map(len, rows), default=0)
        if not rows:
            raise ValueError("Нет ни одного предложения.")
        if maxlen is not None and longest > maxlen:
            raise ValueError(
                f"Самое длинное предложение с метками занимает {longest} мест, а maxlen={maxlen}: "
                "отберите предложения короче или увеличьте maxlen."
            )
        ids = np.zeros((len(rows), maxlen or longest), dtype="int32")
        for row, numbers in zip(ids, rows, strict=True):
            row[: len(numbers)] = numbers
        return ids

    def decode(self, ids: Iterable[int]) -> list[str]:
        """Слова одного предложения до метки конца; дополнение и метка начала пропущены."""
        words = []
        for number in map(int, ids):
            if number == self.END:
                break
            if number not in (self.PAD, self.START):
                words.append(self.tokens[number])
        return words

    def unknown(self, tokens: Iterable[str]) -> list[str]:
        """Слова, которых в словаре нет (ни с «е», ни с «ё»), — каждое один раз, по порядку."""
        return [token for token in dict.fromkeys(tokens) if token not in self.index and token not in self._yo]


def spaced(number: float) -> str:
    """Целое по-русски, с неразрывным пробелом между тысячами: 22714756 → «22 714 756»."""
    return f"{number:,.0f}".replace(",", "\u00a0")
