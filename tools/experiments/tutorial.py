"""Модель из руководства TensorFlow «Neural machine translation with attention» — соперник переводчика из 01.

Написана заново по описанию: словари по 5 000 слов, GRU шириной 256 (направления кодировщика складываются), внимание —
MultiHeadAttention с одной головой, остаточная связь и нормализация, Adam с постоянной скоростью, батчи по 64 подряд.
"""

import time
from collections.abc import Sequence

import attention_kit as ak
import keras
import numpy as np
import tensorflow as tf
from keras import layers, ops

UNITS, VOCABULARY, BATCH = 256, 5_000, 64


def vectorizer(lines: Sequence[str]) -> layers.TextVectorization:
    """Слова строки с метками начала и конца → номера, RaggedTensor (строк, слов)."""
    layer = layers.TextVectorization(VOCABULARY, standardize=None, ragged=True)
    layer.adapt(tf.constant(lines))
    return layer


class Encoder(layers.Layer):
    def __init__(self, size: int) -> None:
        super().__init__()
        self.embedding = layers.Embedding(size, UNITS)
        self.rnn = layers.Bidirectional(layers.GRU(UNITS, return_sequences=True), merge_mode="sum")

    def call(self, source):
        mask = ops.not_equal(source, 0)
        return self.rnn(self.embedding(source), mask=mask), mask


class Decoder(layers.Layer):
    def __init__(self, size: int) -> None:
        super().__init__()
        self.embedding = layers.Embedding(size, UNITS)
        self.rnn = layers.GRU(UNITS, return_sequences=True, return_state=True)
        self.attention = layers.MultiHeadAttention(num_heads=1, key_dim=UNITS)
        self.normalization = layers.LayerNormalization()
        self.logits = layers.Dense(size)

    def call(self, target, state, context, mask):
        outputs, state = self.rnn(self.embedding(target), initial_state=state)
        attended = self.attention(outputs, context, attention_mask=mask[:, None])
        return self.logits(self.normalization(outputs + attended)), state


class Translator(keras.Model):
    def __init__(self, source: layers.TextVectorization, target: layers.TextVectorization) -> None:
        super().__init__()
        self.source, self.target = source, target
        self.encoder, self.decoder = Encoder(source.vocabulary_size()), Decoder(target.vocabulary_size())

    def call(self, inputs):
        source, target = inputs
        context, mask = self.encoder(source)
        state = ops.zeros((ops.shape(source)[0], UNITS))
        return self.decoder(target, state, context, mask)[0]


def marked(sentences: Sequence[Sequence[str]]) -> list[str]:
    return [" ".join(["[START]", *words, "[END]"]) for words in sentences]


def batches(model: Translator, pairs: Sequence[ak.Pair]) -> tf.data.Dataset:
    lines = marked([p.ru for p in pairs]), marked([p.en for p in pairs])

    def numbers(ru, en):
        target = model.target(en)
        inputs = model.source(ru).to_tensor(), target[:, :-1].to_tensor()
        return inputs, target[:, 1:].to_tensor()

    data = tf.data.Dataset.from_tensor_slices(lines).shuffle(len(pairs), seed=1).batch(BATCH).map(numbers)
    return ak.finish(data.prefetch(2))


class StopAt(keras.callbacks.Callback):
    """Останавливает обучение, когда прошло столько секунд (первые батчи со сборкой графа — тоже обучение)."""

    def __init__(self, limit: float) -> None:
        super().__init__()
        self.limit = limit

    def on_train_begin(self, logs=None):
        self.start = time.perf_counter()

    def on_train_batch_end(self, batch, logs=None):
        self.seconds = time.perf_counter() - self.start
        self.model.stop_training = self.seconds >= self.limit


def train(pairs: Sequence[ak.Pair], seconds: float, seed: int) -> tuple[Translator, float]:
    """Модель, обученная на этих парах не дольше seconds секунд, и сколько секунд она училась."""
    keras.utils.set_random_seed(seed)
    model = Translator(vectorizer(marked([p.ru for p in pairs])), vectorizer(marked([p.en for p in pairs])))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=0)
    model.compile("adam", loss, jit_compile=False)
    clock = StopAt(seconds)
    model.fit(batches(model, pairs), epochs=1000, verbose=0, callbacks=[clock])
    return model, clock.seconds


def translate_all(model: Translator, sentences: Sequence[Sequence[str]], max_words: int = 50) -> list[str]:
    """Жадные переводы предложений (списков слов) строками."""
    words = np.array(model.target.get_vocabulary())
    start, end = (int(model.target([mark])[0, 0]) for mark in ("[START]", "[END]"))
    step, outputs = tf.function(model.decoder, reduce_retracing=True), []
    for first in range(0, len(sentences), 200):
        source = model.source(marked(sentences[first : first + 200])).to_tensor()
        context, mask = model.encoder(source)
        state, word, chosen = tf.zeros((len(source), UNITS)), tf.fill([len(source), 1], start), []
        for _ in range(max_words):
            logits, state = step(word, state, context, mask)
            word = tf.argmax(logits, axis=-1, output_type=tf.int32)
            chosen.append(word)
        for row in np.concatenate(chosen, axis=1):
            length = (row == end).argmax() if (row == end).any() else len(row)
            outputs.append(ak.detokenize(words[row[:length]]))
    return outputs
