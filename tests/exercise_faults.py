"""Ошибки, которые обязаны поймать проверки под упражнениями: к каждому упражнению — верный ответ и порча.

Обучения здесь нет: вместо обученного — подставленные числа, а где можно, настоящий код решения.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Answer:
    """Верный ответ на упражнение: ячейки решения (по тексту из них) и код, который даёт имена проверки."""

    cells: tuple[str, ...]
    code: str
    faults: tuple[tuple[str, str, str], ...]  # что в ответе → на что меняется → часть сообщения


IMPORTS = """
from types import SimpleNamespace as Any

import numpy as np
"""

ANSWERS = {
    ("01", 1): Answer(
        ("nb01 = ak.definitions", "class DotAttention"),
        """
rng = np.random.default_rng(0)
query, states = rng.normal(size=(2, 5, 6)), rng.normal(size=(2, 4, 8))
mask = np.array([[True] * 4, [True] * 3 + [False]])
dot_model = Any(decoder=Any(attention=DotAttention(6)))
""",
        (
            ("ops.where(mask[:, None], scores, -1e9)", "scores", "У дополнения вес"),
            ("ops.softmax(scores)", "ops.softmax(scores, axis=1)", "softmax не по словам"),
            ("attention=DotAttention(6)", "attention=nb01.AdditiveAttention(6)", "прежнее внимание"),
        ),
    ),
    ("01", 2): Answer(
        (),
        "half, mixed = [Any(length=3), Any(length=6)], [Any(length=12), Any(length=2)]",
        (
            ("Any(length=6)]", "Any(length=12)]", "только короткие"),
            ("Any(length=12)", "Any(length=4)", "в mixed — любые"),
            ("[Any(length=12), ", "[Any(length=12)] * 5 + [", "Пар не поровну"),
        ),
    ),
    ("01", 3): Answer(
        (),
        "by_weight, by_chance = [True] * 60, [False] * 60",
        (
            ("[False] * 60", "[False] * 70", "не поровну"),
            ("[True] * 60", "[False] * 60", "Строки карты сдвинуты"),
        ),
    ),
    ("02", 1): Answer(
        ("nb02 = ak.definitions", "def plain_scores"),
        """
largest, rows = [], np.random.default_rng(2).integers(0, 10, size=(100, 12))
for scores in (nb02.dot_scores, plain_scores):
    keras.utils.set_random_seed(1)
    undivided = nb02.Reverser(12, positions=True, units=256)
    undivided.attention.scores = scores
    largest.append(np.mean(np.max(undivided(rows, return_weights=True), axis=-1)))
""",
        (
            ("units=256", "units=32", "Ширина не 256"),
            ("(nb02.dot_scores, plain_scores)", "(nb02.dot_scores, nb02.dot_scores)", "Деление осталось"),
            ("largest.append(", "largest.append(1 + ", "измерен после обучения"),
        ),
    ),
    ("02", 2): Answer(
        ("nb02 = ak.definitions", "def causal("),
        """
T, test = 12, np.random.default_rng(2).integers(0, 10, size=(5, 12))
causal_model = nb02.Reverser(T, positions=True)
causal_model.attention.scores = causal
by_place = [0.1] * 6 + [1.0] * 6
""",
        (
            ("scores = causal", "scores = nb02.dot_scores", "Маска потеряна"),
            ("nb02.causal_mask(T)", "~nb02.causal_mask(T)", "есть вес правее диагонали"),
            ("[0.1] * 6 + [1.0] * 6", "[1.0] * 12", "верный ответ — test[:, ::-1]"),
        ),
    ),
    ("02", 3): Answer(
        ("nb02 = ak.definitions", "def with_sinusoids"),
        "T = 12\nwaves = with_sinusoids()\nwaves(np.zeros((1, T), int))",
        (
            ("trainable=False", "trainable=True", "Таблица позиций ещё учится"),
            ("    model.positions = ", "    unused = ", "Позиции не прибавлены"),
        ),
    ),
    ("02", 4): Answer(
        (),
        "own_shifts = np.random.default_rng(0).normal(size=(10, 6, 12))\nown_head = own_shifts[:, 3, 1]",
        (
            ("[:, 3, 1]", "[:, 4, 2]", "номера 3 и 1"),
            ("(10, 6, 12)", "(9, 6, 12)", "Нужны все пары"),
        ),
    ),
    ("03", 1): Answer(
        (),
        'reports, asked, gru_right = (["a", "b"], [0, 1]), ["c", "d"], [True, True]',
        (
            ('["c", "d"]', '["c", "b"]', "на которых учили"),
            ("[True, True]", "[True, False]", "Dropout 0,7"),
        ),
    ),
    ("03", 2): Answer(
        (),
        'vocabularies, curves = [500, 900], {"TF-IDF": [0.6, 0.8], "трансформер": [0.4, 0.7]}',
        (
            ("[500, 900]", "[900, 900]", "Словарь общий"),
            ("[0.6, 0.8]", "[0.9, 1.0]", "обучающая часть"),
        ),
    ),
    ("03", 3): Answer(
        ("nb03 = ak.definitions", "class MaxOverWords", "def make_max"),
        "",
        (
            ("ops.where(mask[..., None], x, -1e9)", "x", "Дополнение меняет ответ"),
            ("ops.where(mask[..., None], x, -1e9)", "ops.where(mask[..., None], x, 0)", "не −10⁹"),
        ),
    ),
    ("06", 1): Answer(
        (),
        "before, slow_rates = [np.ones((8, 4)), np.ones((8, 4))], [1e-5, 2e-5, 3e-5]",
        (
            ("np.ones((8, 4))]", "np.zeros((8, 4))]", "Начало разное"),
            ("3e-5]", "3e-5, 1e-5, 0.0]", "steps — не в примерах"),
        ),
    ),
    ("06", 2): Answer(
        (),
        """
layers = np.random.default_rng(0).normal(size=(6, 5, 8))
cache, by_layer = {"valid": {"среднее": layers[-1]}}, layers
""",
        (
            (", layers\n", ", layers + 0.1\n", "уже дообучен"),
            (", layers\n", ", [layers[-1]] * 6\n", "k не меняется"),
        ),
    ),
    ("06", 3): Answer(
        (),
        'pair_inputs = {"input_type_ids": np.array([[0, 0, 1, 1, 0]])}',
        (("[0, 0, 1, 1, 0]", "[0, 0, 0, 0, 0]", "передайте две части"),),
    ),
    ("07", 1): Answer(
        (),
        """
tokenizer, probed, fresh = None, ["a", "b", "c", "d"], Any(bert=1.0)
attentions = lambda bert, tokenizer, text: [bert]
head_scores = lambda maps: {"предыдущий": np.mean(list(maps))}
scores = {"предыдущий": 1.0}
""",
        (("Any(bert=1.0)", "Any(bert=0.9)", "fresh уже дообучена"),),
    ),
    ("07", 2): Answer(
        (),
        'moved = {"предыдущий": np.full((6, 12), 0.01), "[CLS]": np.full((6, 12), 0.2)}',
        (
            ("0.01)", "-0.01)", "возьмите модуль"),
            ("0.2)", "0.0)", "нужна дообученная model"),
        ),
    ),
    ("07", 3): Answer(
        (),
        """
class Layer(Any):
    def count_params(self):
        return self.size

    def get_weights(self):
        return [np.full(3, self.value)]


def bert(value):
    layers = [Layer(size=10, value=value) for _ in range(6)]
    return Any(bert=Any(encoder=Any(layer=layers), pooler=Layer(size=5)), classifier=Layer(size=2))


fresh, part, trainable = bert(1.0), bert(1.0), lambda model: 27
""",
        (
            ("lambda model: 27", "lambda model: 67", "обучаться должны 27"),
            ("bert(1.0), bert(1.0)", "bert(1.0), bert(2.0)", "part уже дообучали"),
        ),
    ),
    ("08", 1): Answer(
        (),
        """
plain_tagger, tested, plain = None, ["a"], None
tag = lambda model, sentences, rows_of=0: [rows_of]
plain_found = tag(plain_tagger, tested, plain)
""",
        (("tested, plain)", "tested)", "нужно и в tag"),),
    ),
    ("08", 2): Answer(
        ("nb08 = ak.definitions", "def without_vote"),
        "",
        (
            ('prefix == "I" and kind == previous', 'prefix == "I"', "только I-… другого вида"),
            ('prefix == "I" and kind == previous', "False", "прежнего — продолжает"),
        ),
    ),
    ("08", 3): Answer(
        ("nb08 = ak.definitions", "def make_free_reader", "def read_free"),
        """
make_reader, read_answers = nb08.make_reader, nb08.read_answers
pad, features, encode_question = nb08.pad, nb08.features, nb08.encode_question
keras.utils.set_random_seed(1)
asked_now, free_reader = ak.load_questions()[1][:4], make_free_reader()
""",
        (
            (
                "= ak.load_questions()[1][:4], make_free_reader()",
                "= ak.load_questions()[1][:4], make_reader()",
                "Запрет остался",
            ),
            ("first + text.start, last + text.start", "first + 1, last + 1", "прибавьте text.start"),
        ),
    ),
    ("08", 4): Answer(
        (),
        "random_part = [Any(context=number) for number in range(69)]",
        (("range(69)", "range(17)", "сотня не случайна"),),
    ),
    ("09", 1): Answer(
        (),
        """
import pandas as pd

few_rows = pd.DataFrame({"model": ["а", "б"], "quality": ["верно, %", "верно, %"]})
beaten = {"б"}
""",
        (
            ('["верно, %", "верно, %"]', '["верно, %", "p, дообучение"]', "Смешаны разные метрики"),
            ('{"б"}', '{"б", "в"}', "Кого не измеряли"),
        ),
    ),
    ("09", 2): Answer(
        (),
        """
points = np.array([[2, 0], [0, 2], [1, 1]])
two_maps = [[0.1, 0.1, 0.8], [0.4, 0.4, 0.2]]
""",
        (
            ("[0.4, 0.4, 0.2]", "[0.5, 0.5, 0.0001]", "Это не веса"),
            ("[0.4, 0.4, 0.2]", "[1.1, 1.1, -1.2]", "Это не веса"),
            ("[0.4, 0.4, 0.2]", "[0.1, 0.1, 0.8]", "Карта одна и та же"),
            ("[1, 1]]", "[2, 2]]", "Выходы разные"),
        ),
    ),
    ("09", 3): Answer(
        (),
        "usual, double, fourfold = [0.71, 0.72, 0.70], [0.75, 0.77, 0.74], [0.78, 0.75, 0.74]",
        (
            (
                "[0.71, 0.72, 0.70], [0.75, 0.77, 0.74], [0.78, 0.75, 0.74]",
                "[0.72] * 3, [0.75] * 3, [0.78] * 3",
                "small_model ставит своё",
            ),
        ),
    ),
}
