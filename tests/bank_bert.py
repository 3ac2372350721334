"""Домашняя работа 3: типичные ошибки и верные решения, написанные иначе."""

from coursework import Right, Wrong

LINES = """        for start in range(0, len(rows), batch):
            part = order[start : start + batch]
            rates.append(trapezoid(len(rates), steps, peak, warmup, decay))
            model.optimizer.learning_rate = rates[-1]
"""
BY_EPOCH = """        rates.append(trapezoid(len(rates), epochs, peak, 1, 1))
        model.optimizer.learning_rate = rates[-1]
        for start in range(0, len(rows), batch):
            part = order[start : start + batch]
"""
FREEZE = """    trained = [f"transformer_layer_{number}" for number in range(count, encoder.num_layers)]
    for layer in encoder.layers:
        layer.trainable = layer.name in trained
    return sum(encoder.get_layer(name).count_params() for name in trained)
"""
COUNT = "    return sum(weight.shape.num_elements() for weight in map(ops.convert_to_tensor, encoder.trainable_weights))\n"
ONLY_LAYERS = (
    """    for number in range(6):
        encoder.get_layer(f"transformer_layer_{number}").trainable = number >= count
"""
    + COUNT
)
LAST = """            model.optimizer.learning_rate = rates[-1]
            model.train_on_batch(inputs_of([rows[row] for row in part]), labels[part])
"""
LAST_LATE = "".join(reversed(LAST.splitlines(keepends=True)))

WRONG = [
    # 1. Голова и хвост
    Wrong("[CLS] и [SEP] входят в счёт", "head_tail", "text[:head] + text[len(text) - tail :]",
          "text[: head - 1] + text[len(text) - tail + 1 :]", "не входят в счёт"),
    Wrong("text[-0:]", "head_tail", "text[len(text) - tail :]", "text[-tail:]", "При tail=0"),
    Wrong("короткий текст повторён", "head_tail", "if len(text) > head + tail:", "if True:", "повторены"),
    Wrong("только начало", "head_tail", "text[:head] + text[len(text) - tail :]", "text[: head + tail]", "Отрезан конец"),
    Wrong("[SEP] потерян", "head_tail", ", ids[-1]]", "]", "потерян"),
    Wrong("[CLS] потерян", "head_tail", "[ids[0], *text", "[*text", "Первым должен остаться"),
    # 2. Пара текстов
    Wrong("поровну", "encode_pair", "place * len(first) // total", "min(len(first), place // 2)", "пропорционально длинам"),
    Wrong("укорочен только второй", "encode_pair", "place * len(first) // total", "len(first)", "пропорционально длинам"),
    Wrong("доля округлена", "encode_pair", "place * len(first) // total", "round(place * len(first) / total)", "округляется вниз"),
    Wrong("место для служебных забыто", "encode_pair", "longest - 3", "longest", "место нужно и для [CLS]"),
    Wrong("место для [CLS] забыто", "encode_pair", "longest - 3", "longest - 2", "место нужно и для [CLS]"),
    Wrong("первый [SEP] отнесён ко второму", "encode_pair", "(len(first) + 2) + [1] * (len(second) + 1)",
          "(len(first) + 1) + [1] * (len(second) + 2)", "Первый [SEP]"),
    Wrong("сегменты одни нули", "encode_pair", "[1] * (len(second) + 1)", "[0] * (len(second) + 1)", "Последний [SEP]"),
    Wrong("последний [SEP] — ноль", "encode_pair", "[1] * (len(second) + 1)", "[1] * len(second) + [0]", "Последний [SEP]"),
    Wrong("оставлен конец первого", "encode_pair", "first[:share]", "first[-share:]", "первые токены"),
    # 3. Батч и маска
    Wrong("маска по номеру", "pack", "mask[at, : len(row)] = 1", "mask[at] = ids[at] != pad", "маску считайте по длинам"),
    Wrong("до самой длинной", "pack", "-(-longest // multiple) * multiple", "longest", "до самой длинной строки"),
    Wrong("кратное — всегда следующее", "pack", "-(-longest // multiple)", "(longest // multiple + 1)", "уже делится"),
    Wrong("предел забыт", "pack", "min(-(-longest // multiple) * multiple, limit)", "-(-longest // multiple) * multiple", "позиций нет"),
    Wrong("дополнение слева", "pack", "ids[at, : len(row)]", "ids[at, width - len(row) :]", "дополнение — справа"),
    Wrong("дополнение нулями", "pack", "np.full((len(rows), width), pad)", "np.zeros((len(rows), width), int)", "а pad=3"),
    Wrong("маска из одних единиц", "pack", "np.zeros((len(rows), width), int)", "np.ones((len(rows), width), int)", "единица стоит и у дополнения"),
    Wrong("маска наоборот", "pack", "mask[at, : len(row)] = 1", "mask[at, len(row) :] = 1", "закрыт"),
    # 4. Батчи по бюджету
    Wrong("сумма длин", "budget_batches", "(len(batches[-1]) + 1) * lengths[row]",
          "sum(lengths[other] for other in batches[-1]) + lengths[row]", "не сумму длин"),
    Wrong("строго меньше", "budget_batches", "<= budget", "< budget", "три строки"),
    Wrong("без сортировки", "budget_batches", "sorted(range(len(lengths)), key=lambda row: lengths[row])",
          "range(len(lengths))", "не от коротких к длинным"),
    Wrong("от длинных к коротким", "budget_batches", "key=lambda row: lengths[row]", "key=lambda row: -lengths[row]", "не от коротких к длинным"),
    Wrong("длинная строка выброшена", "budget_batches", "        if batches and",
          "        if lengths[row] > budget:\n            continue\n        if batches and", "длиной 20 потеряна"),
    Wrong("последний батч потерян", "budget_batches", "return batches", "return batches[:-1]", "длиной 20 потеряна"),
    Wrong("первый батч пуст", "budget_batches", "batches = []", "batches = [[]]", "пустой батч не нужен"),
    # 5. Сколько шагов
    Wrong("шаги — примеры", "count_steps", "batches = -(-rows // batch)", "batches = rows", "это примеры"),
    Wrong("неполный батч забыт", "count_steps", "-(-rows // batch)", "rows // batch", "неполный батч"),
    Wrong("эпохи слиты", "count_steps", "epochs * -(-batches // accumulate)", "-(-rows * epochs // (batch * accumulate))", "остатки эпох не складываются"),
    Wrong("неполное накопление забыто", "count_steps", "-(-batches // accumulate)", "(batches // accumulate)", "остаток батчей"),
    Wrong("накопление сквозь эпохи", "count_steps", "epochs * -(-batches // accumulate)", "-(-epochs * batches // accumulate)", "не переносится"),
    Wrong("накопление забыто", "count_steps", "-(-batches // accumulate)", "batches", "ожидалось 16"),
    # 6. Расписание
    Wrong("прогрев с нуля", "trapezoid", "(step + 1)", "step", "На нулевом шаге"),
    Wrong("линейный спад", "trapezoid", "(late / decay) ** 0.5", "late / decay", "Спад линейный"),
    Wrong("корень из оставшегося", "trapezoid", "(1 - (late / decay) ** 0.5)", "(1 - late / decay) ** 0.5", "пройденной части"),
    Wrong("за концом — ниже нуля", "trapezoid", "    if step >= steps:\n        return 0.0\n", "", "После последнего шага"),
    Wrong("за концом — плато", "trapezoid", "return 0.0", "return peak", "После последнего шага"),
    Wrong("деление на нуль", "trapezoid", "peak * (1 - (late / decay) ** 0.5) if late >= 0 and decay else peak",
          "peak * min(1, 1 - (max(late, 0) / decay) ** 0.5)", "ZeroDivisionError"),
    Wrong("спад сразу после прогрева", "trapezoid", "(late / decay) ** 0.5) if late >= 0 and decay",
          "((step - warmup) / (steps - warmup)) ** 0.5) if steps > warmup", "На плато"),
    Wrong("наибольшая скорость — единица", "trapezoid", "decay else peak", "decay else 1.0", "задаёт peak"),
    # 7. Среднее без служебных токенов
    Wrong("маска забыта", "mean_vectors", 'ops.logical_and(word, ops.cast(mask, "bool"))', "word", "Дополнение вошло"),
    Wrong("служебные не исключены", "mean_vectors", 'ops.logical_and(word, ops.cast(mask, "bool"))',
          'ops.cast(mask, "bool")', "вошли в среднее"),
    Wrong("исключён только [CLS]", "mean_vectors", "ops.logical_and(ops.not_equal(ids, CLS), ops.not_equal(ids, SEP))",
          "ops.not_equal(ids, CLS)", "вошли в среднее"),
    Wrong("делится на длину строки", "mean_vectors", "ops.maximum(ops.sum(weights, axis=1), 1)", "states.shape[1]", "на всю длину строки"),
    Wrong("делится и на служебные", "mean_vectors", "ops.maximum(ops.sum(weights, axis=1), 1)",
          'ops.sum(ops.cast(mask, "float32"), axis=1, keepdims=True)', "и на служебные"),
    Wrong("пустой текст — NaN", "mean_vectors", "ops.maximum(ops.sum(weights, axis=1), 1)", "ops.sum(weights, axis=1)", "NaN"),
    Wrong("служебные — по месту", "mean_vectors", "ops.logical_and(ops.not_equal(ids, CLS), ops.not_equal(ids, SEP))",
          'ops.logical_and(ops.arange(ids.shape[1]) > 0, ops.roll(ops.cast(mask, "int32"), -1, axis=1) > 0)', "есть пара"),
    Wrong("дополнение — по номеру 0", "mean_vectors", 'ops.cast(mask, "bool")', "ops.not_equal(ids, 0)", "номер 0 в тексте"),
    # 8. Что обучается
    Wrong("заморожен весь кодировщик", "freeze", "    for layer in encoder.layers:\n",
          "    encoder.trainable = False\n    for layer in encoder.layers:\n", "Заморожен сам кодировщик"),
    Wrong("весь кодировщик, счёт по весам", "freeze", FREEZE, FREEZE.replace("    for", "    encoder.trainable = False\n    for", 1)
          .rsplit("    return", 1)[0] + COUNT, "Обучается 0 весов"),
    Wrong("на слой меньше", "freeze", "range(count, ", "range(count + 1, ", "на один слой"),
    Wrong("заморожены не слои, а остальное", "freeze", FREEZE, ONLY_LAYERS, "замораживать надо не одни слои"),
    Wrong("pooler обучается", "freeze", 'trained = [f"', 'trained = ["pooled_dense"] + [f"', "Обучается и pooler"),
    Wrong("pooler обучается молча", "freeze", "layer.name in trained", 'layer.name in [*trained, "pooled_dense"]', "хотя в число не вошли: pooled_dense"),
    Wrong("число тензоров", "freeze", "return sum(encoder.get_layer(name).count_params() for name in trained)",
          "return len(encoder.trainable_weights)", "число тензоров"),
    Wrong("слои не оттаивают", "freeze", "layer.trainable = layer.name in trained",
          "layer.trainable = layer.trainable and layer.name in trained", "не оттаяли"),
    Wrong("только число", "freeze", "        layer.trainable = layer.name in trained\n", "        pass\n", "хотя в число не вошли"),
    # 9. Признаки
    Wrong("последний слой", "features", "[-4:]", "[-1:]", "только последний слой"),
    Wrong("все состояния", "features", "[-4:]", "", "все семь"),
    Wrong("слои сложены", "features", "np.mean([", "np.sum([", "сложены"),
    Wrong("первые слои", "features", "[-4:]", "[1:5]", "Признаки начинаются с"),
    Wrong("маска среднему не дана", "features", "mean_vectors(x, ids, mask)", "mean_vectors(x, ids, np.ones_like(mask))", "зависят от соседей"),
    Wrong("маска кодировщику не дана", "features", "states(inputs)", "states(inputs | {'padding_mask': np.ones_like(mask)})", "зависят от соседей"),
    Wrong("служебные вошли", "features", "mean_vectors(x, ids, mask)", "mean_vectors(x, np.zeros_like(ids), mask)", "вошли [CLS] и [SEP]"),
    Wrong("порядок не восстановлен", "features", "    found = []\n", "    found, rows = [], sorted(rows, key=len)\n", "не в том порядке"),
    # 10. Дообучение
    Wrong("шаги в примерах", "fine_tune", "count_steps(len(rows), batch, epochs)", "len(rows) * epochs", "посчитан в примерах"),
    Wrong("скорость раз в эпоху", "fine_tune", LINES, BY_EPOCH, "по одной на эпоху"),
    Wrong("неполный батч потерян", "fine_tune", "range(0, len(rows), batch)", "range(0, len(rows) - batch + 1, batch)", "неполный батч"),
    Wrong("скорость не присвоена", "fine_tune", "            model.optimizer.learning_rate = rates[-1]\n", "", "присваивайте свою"),
    Wrong("без спада", "fine_tune", "steps // 3", "0", "спада нет"),
    Wrong("рубрики не перемешаны", "fine_tune", "labels[part]", "labels[start : start + batch]", "Рубрики не от тех строк"),
    Wrong("спад вдвое длиннее", "fine_tune", "steps // 3", "steps // 2", "длину прогрева и спада"),
    Wrong("прогрев — пятая часть", "fine_tune", "steps // 10", "steps // 5", "длину прогрева и спада"),
    Wrong("строки не перемешаны", "fine_tune", "random.permutation(len(rows))", "np.arange(len(rows))", "в исходном порядке"),
    Wrong("один порядок на все эпохи", "fine_tune", "order = random.permutation(len(rows))", "order = np.random.default_rng(1).permutation(len(rows))", "во всех эпохах один"),
    Wrong("скорость после батча", "fine_tune", LAST, LAST_LATE, "после батча"),
    Wrong("потери на вероятностях", "fine_tune", "from_logits=True", "from_logits=False", "те ли потери"),
    Wrong("шаги — одной эпохи", "fine_tune", "count_steps(len(rows), batch, epochs)", "count_steps(len(rows), batch, 1)", "У части шагов скорость 0"),
    Wrong("эпоха одна", "fine_tune", "for _ in range(epochs)", "for _ in range(1)", "Размеры батчей"),
    # 11. Кто кого
    Wrong("точный критерий", "compare", "2 * binom.cdf(least - 1, total, 0.5) + binom.pmf(least, total, 0.5)",
          "2 * binom.cdf(least, total, 0.5)", "точный критерий"),
    Wrong("одна сторона", "compare", "2 * binom.cdf(least - 1, total, 0.5) + binom.pmf(least, total, 0.5)",
          "binom.cdf(least - 1, total, 0.5) + binom.pmf(least, total, 0.5) / 2", "одной стороны"),
    Wrong("исход не учтён", "compare", " + binom.pmf(least, total, 0.5)", "", "не учтён"),
    Wrong("модели перепутаны", "compare", "only_first, only_second = int(", "only_second, only_first = int(", "перепутаны"),
    Wrong("все верные", "compare", "int(np.sum(first & ~second)), int(np.sum(second & ~first))", "int(np.sum(first)), int(np.sum(second))", "только она"),
    Wrong("совпадения в счёте", "compare", "total, least = only_first + only_second", "total, least = len(first)", "ожидалось 0.1094"),
]  # fmt: skip

RIGHT = [
    Right("номерами позиций", "head_tail", '''
def head_tail(ids, head, tail):
    ids, size = np.array(ids), len(ids) - 2
    place = np.arange(len(ids))
    keep = (place <= head) | (place > size - tail) | (place == size + 1)
    return ids[keep]
'''),
    Right("сначала длины", "encode_pair", '''
def encode_pair(first, second, longest):
    a, b, room = len(first), len(second), longest - 3
    left = a if a + b <= room else int(np.floor(room * a / (a + b)))
    right = b if a + b <= room else room - left
    ids, segments = [CLS], [0]
    for token in first[:left]:
        ids.append(token)
        segments.append(0)
    ids.append(SEP)
    segments.append(0)
    for token in [*second[:right], SEP]:
        ids.append(token)
        segments.append(1)
    return np.array(ids), np.array(segments)
'''),
    Right("списками, маска из bool", "pack", '''
import math

def pack(rows, pad=0, multiple=8, limit=512):
    width = min(limit, multiple * math.ceil(max(map(len, rows)) / multiple))
    ids = [list(row) + [pad] * (width - len(row)) for row in rows]
    mask = [[place < len(row) for place in range(width)] for row in rows]
    return {"token_ids": ids, "padding_mask": np.array(mask)}
'''),
    Right("через текущий батч", "budget_batches", '''
def budget_batches(lengths, budget):
    order = np.argsort(lengths, kind="stable")
    result, current = [], []
    for row in order:
        if current and lengths[row] * (len(current) + 1) > budget:
            result.append(current)
            current = []
        current.append(row)
    if current:
        result.append(current)
    return result
'''),
    Right("счётом по одному", "count_steps", '''
def count_steps(rows, batch, epochs, accumulate=1):
    steps = 0
    for _ in range(epochs):
        kept = 0
        for start in range(0, rows, batch):
            kept += 1
            if kept == accumulate or start + batch >= rows:
                steps, kept = steps + 1, 0
    return steps
'''),
    Right("одной формулой", "trapezoid", '''
def trapezoid(step, steps, peak, warmup, decay):
    rise = (step + 1) / max(warmup, 1) if step < warmup else 1.0
    late = max(0, step - (steps - decay))
    fall = 1.0 if decay == 0 else 1 - np.sqrt(min(late, decay) / decay)
    return np.float32(peak * min(rise, fall) * (step < steps))
'''),
    Right("einsum", "mean_vectors", '''
def mean_vectors(states, ids, mask):
    keep = ops.cast(mask, "float32")
    for token in (CLS, SEP):
        keep = keep * ops.cast(ids != token, "float32")
    total = ops.einsum("bt,btd->bd", keep, ops.cast(states, "float32"))
    count = ops.sum(keep, axis=1, keepdims=True)
    return ops.where(count > 0, total / ops.where(count > 0, count, 1), 0.0)
'''),
    Right("сначала всё, потом слои", "freeze", '''
def freeze(encoder, count):
    encoder.trainable = True
    for layer in encoder.layers:
        layer.trainable = False
    for number in range(count, 6):
        encoder.get_layer(f"transformer_layer_{number}").trainable = True
    return int(sum(np.prod(weight.shape) for weight in encoder.trainable_weights))
'''),
    Right("по длине, с возвратом порядка", "features", '''
def features(rows):
    result = np.zeros((len(rows), 384))
    order = np.argsort([len(row) for row in rows])
    for part in np.array_split(order, max(1, len(rows) // 16)):
        inputs = inputs_of([rows[at] for at in part])
        stack = ops.mean(ops.stack(states(inputs)[3:]), axis=0)  # среднее слоёв, затем токенов — то же самое
        result[part] = mean_vectors(stack, inputs["token_ids"], inputs["padding_mask"])
    return result
'''),
    Right("fit с расписанием Keras", "fine_tune", '''
class Rate(keras.optimizers.schedules.LearningRateSchedule):
    def __init__(self, rates):
        self.rates = rates

    def __call__(self, step):
        return ops.take(ops.convert_to_tensor(self.rates + [0.0]), ops.cast(step, "int32"))

def fine_tune(model, rows, labels, epochs, batch=8, peak=1e-4):
    steps = epochs * int(np.ceil(len(rows) / batch))
    rates = [float(trapezoid(s, steps, peak, max(1, steps // 10), steps // 3)) for s in range(steps)]
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.AdamW(Rate(rates)), loss, jit_compile=False)
    model.fit(inputs_of(rows), labels, batch_size=batch, epochs=epochs, verbose=0)
    return rates
'''),
    Right("критерий из scipy с поправкой", "compare", '''
from scipy.stats import binom, binomtest

def compare(first, second):
    table = np.zeros((2, 2), int)
    for one, two in zip(first, second):
        table[int(one), int(two)] += 1
    b, c = table[1, 0], table[0, 1]
    p = 1.0
    if b != c:
        p = binomtest(int(b), int(b + c)).pvalue - binom.pmf(b, b + c, 0.5)
    return dict(both=table[1, 1], first=b, second=c, neither=table[0, 0], p=p)
'''),
]  # fmt: skip
