"""Куски слов (byte-pair encoding): словарь, для которого не бывает неизвестных слов."""

from collections.abc import Iterable, Sequence

import numpy as np
from attention_kit.text import Vocabulary

START_OF_WORD = "▁"


def _plain(text: str) -> str:
    return text.replace("ё", "е")


class Pieces(Vocabulary):
    """Словарь кусков слов (Sennrich, Haddow, Birch, 2016): частое слово — один кусок, редкое — несколько.

    Умеет то же, что Vocabulary: encode берёт списки слов, decode возвращает слова. Куски выучены библиотекой tokenizers
    на предложениях, которые ей дали; кусок, с которого слово начинается, помечен знаком «▁».
    """

    def __init__(self, sentences: Iterable[Sequence[str]], size: int) -> None:
        """sentences — списки слов; size — сколько кусков всего, вместе со служебными (выйдет не больше)."""
        from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

        self._pieces = Tokenizer(models.BPE(unk_token=self.SPECIAL[self.UNKNOWN]))
        self._pieces.pre_tokenizer = pre_tokenizers.Metaspace(START_OF_WORD)
        self._pieces.decoder = decoders.Metaspace(START_OF_WORD)
        trainer = trainers.BpeTrainer(
            vocab_size=size, min_frequency=2, special_tokens=list(self.SPECIAL), show_progress=False
        )
        self._pieces.train_from_iterator((_plain(" ".join(words)) for words in sentences), trainer)
        self.index = self._pieces.get_vocab()
        self.tokens = sorted(self.index, key=self.index.get)
        self._yo = {}  # «ё» уже заменена на «е»
        if len(self.tokens) == len(self.SPECIAL):
            raise ValueError("Куски учить не на чем: передайте списки слов.")

    def split(self, words: Sequence[str]) -> list[str]:
        """Куски предложения, заданного списком слов; «ё» читается как «е»."""
        return self._pieces.encode([_plain(word) for word in words], is_pretokenized=True).tokens

    def encode(
        self, sentences: Sequence[Sequence[str]], maxlen: int | None = None, start: bool = False, end: bool = False
    ) -> np.ndarray:  # fmt: skip
        """Номера кусков, int32 (предложений, длина); остальное — как у Vocabulary.encode."""
        if isinstance(sentences, str) or any(isinstance(words, str) for words in sentences):
            return super().encode(sentences)  # скажет, что нужны списки слов
        return super().encode([self.split(words) for words in sentences], maxlen, start, end)

    def decode(self, ids: Iterable[int]) -> list[str]:
        """Слова предложения до метки конца."""
        return "".join(super().decode(ids)).replace(START_OF_WORD, " ").split()

    def unknown(self, tokens: Iterable[str]) -> list[str]:
        """Слова с буквами и знаками, каких в обучающих предложениях не было."""
        return [word for word in dict.fromkeys(tokens) if self.SPECIAL[self.UNKNOWN] in self.split([word])]


def whole_words(pieces: Sequence[str]) -> list[int]:
    """Номер слова для каждого куска: ▁кни, га, ▁моя → 0, 0, 1."""
    return (np.cumsum([piece.startswith(START_OF_WORD) for piece in pieces]) - 1).clip(0).tolist()


def merge_pieces(weights: np.ndarray, rows: Sequence[str], columns: Sequence[str]) -> np.ndarray:
    """Карта (кусков, кусков) → (слов, слов): столбцы кусков одного слова складываются, строки — усредняются.

    Лишние строки (метка конца) и столбцы отбрасываются; сумма весов в строке остаётся прежней.
    """
    weights = np.asarray(weights)[: len(rows), : len(columns)]
    by_column = np.zeros((len(weights), max(whole_words(columns)) + 1))
    np.add.at(by_column.T, whole_words(columns), weights.T)
    numbers = whole_words(rows)
    return np.stack([by_column[np.equal(numbers, word)].mean(axis=0) for word in range(numbers[-1] + 1)])
