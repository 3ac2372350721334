"""Домашняя работа 2: типичные ошибки и верные решения, написанные иначе."""

from coursework import Right, Wrong

WRONG = [
    Wrong("без √d", "capped_scores", " / query.shape[-1] ** 0.5", "", "не разделено на √d"),
    Wrong("обрезка вместо tanh", "capped_scores", "cap * np.tanh(scores / cap)", "np.clip(scores, -cap, cap)", "Оценки обрезаны"),
    Wrong("tanh не умножен на c", "capped_scores", "cap * np.tanh", "np.tanh", "tanh не умножен на c"),
    Wrong("под tanh нет c", "capped_scores", "scores / cap", "scores", "Под tanh оценка не разделена"),
    Wrong("предел забыт", "capped_scores", "cap * np.tanh(scores / cap)", "scores", "где tanh"),
    Wrong("транспонированы все оси", "capped_scores", "np.swapaxes(key, -1, -2)", "key.T", "На другом примере ваш код остановился"),

    Wrong("дополнение видит дополнение", "packed_mask", " & (numbers != 0)[:, None]", "", "Дополнение смотрит на дополнение"),
    Wrong("предложения не разделены", "packed_mask", "numbers[:, :, None] == numbers[:, None]",
          "(numbers != 0)[:, :, None] & (numbers != 0)[:, None]", "чужое предложение"),
    Wrong("закрыты только столбцы", "packed_mask", "numbers[:, :, None] == numbers[:, None]",
          "np.ones_like(numbers, bool)[:, :, None]", "закройте и строки"),
    Wrong("маска из блокнота", "packed_mask", "same & ", "", "ожидалась (2, 5, 5)"),
    Wrong("маска наоборот", "packed_mask", "return same & (numbers != 0)", "return ~same | (numbers == 0)", "Слово смотрит на дополнение"),
    Wrong("нули и единицы", "packed_mask", "return same", "return 1 * same", "ожидались True и False"),

    Wrong("окно на слово шире", "window_mask", "distance < window", "distance <= window", "видит слов: 3"),
    Wrong("окна нет", "window_mask", " & (distance < window)", "", "где окно"),
    Wrong("окно в обе стороны", "window_mask", "(distance >= 0) & (distance < window)", "abs(distance) < window", "видит будущее"),
    Wrong("себя не видит", "window_mask", "distance >= 0", "distance > 0", "не видит себя"),
    Wrong("строки и столбцы перепутаны", "window_mask", "np.arange(length)[:, None] - np.arange(length)",
          "np.arange(length) - np.arange(length)[:, None]", "видит будущее"),

    Wrong("стока нет", "sink_attention", "np.exp(sink - top) + ", "", "сток ничего не получил"),
    Wrong("единица вместо e в степени b", "sink_attention", "np.exp(sink - top)", "np.exp(-top)", "единица вместо e"),
    Wrong("b вместо e в степени b", "sink_attention", "np.exp(sink - top)", "sink * np.exp(-top)", "В знаменателе b"),
    Wrong("маска забыта", "sink_attention", "np.where(mask, scores, -np.inf)", "scores", "Маска не учтена"),
    Wrong("наибольшее не вычтено", "sink_attention", "np.maximum(scores.max(axis=-1, keepdims=True), sink)", "0.0", "вычтите наибольшее"),
    Wrong("наибольшее без стока", "sink_attention", "np.maximum(scores.max(axis=-1, keepdims=True), sink)",
          "scores.max(axis=-1, keepdims=True)", "Закрытая целиком строка дала NaN"),
    Wrong("маска только в знаменателе", "sink_attention", "weights = parts / (np.exp(sink - top) + parts.sum(axis=-1, keepdims=True))",
          "weights = parts / (np.exp(sink - top) + parts.sum(axis=-1, keepdims=True))\n    weights = weights + 0.1 * ~mask", "Маска не учтена"),
    Wrong("смесь поделена на сумму весов", "sink_attention", "return weights @ value",
          "return weights @ value / np.maximum(weights.sum(axis=-1, keepdims=True), 1e-9)", "Смеси"),

    Wrong("синусы и косинусы чередуются", "positions", "np.concatenate([np.sin(angles), np.cos(angles)], axis=1)",
          "np.stack([np.sin(angles), np.cos(angles)], axis=-1).reshape(length, width)", "чередуются"),
    Wrong("сначала косинусы", "positions", "[np.sin(angles), np.cos(angles)]", "[np.cos(angles), np.sin(angles)]", "Сначала косинусы"),
    Wrong("длина не единица", "positions", "np.sqrt(2 / width) * ", "", "Длина вектора"),
    Wrong("начало забыто", "positions", "start + np.arange(length)", "np.arange(length)", "start не учтено"),
    Wrong("начало съедает строки", "positions", "(start + np.arange(length))", "np.arange(start, length)", "При length=2 форма"),
    Wrong("частоты через одну", "positions", "np.arange(0, width, 2) / width", "np.arange(width // 2) / width", "проверьте частоты"),

    Wrong("у маски нет оси голов", "sharp_attention", "mask[:, None]", "mask", "Маска не учтена"),
    Wrong("softmax до маски", "sharp_attention", "ops.softmax(ops.where(mask[:, None], scores, -1e9))",
          'ops.softmax(scores) * ops.cast(mask[:, None], "float32")', "Суммы весов"),
    Wrong("головы через reshape", "sharp_attention", "return ops.transpose(parts, (0, 2, 1, 3))",
          "return ops.reshape(x, (-1, self.heads, x.shape[1], self.width // self.heads))", "reshape без transpose"),
    Wrong("склейка через reshape", "sharp_attention", "ops.transpose(ops.matmul(weights, v), (0, 2, 1, 3))", "ops.matmul(weights, v)", "склеены без transpose"),
    Wrong("резкость не обучается", "sharp_attention", 'self.add_weight(shape=(heads,), initializer="ones", name="sharpness")', "ops.ones((heads,))", "нужен add_weight"),
    Wrong("резкость одна на всех", "sharp_attention", "shape=(heads,)", "shape=(1,)", "формы (heads,) нет"),
    Wrong("резкость вначале нуль", "sharp_attention", '"ones"', '"zeros"', "ожидались единицы"),
    Wrong("резкость забыта", "sharp_attention", "scores = self.sharpness[:, None, None] * scores", "pass", "При резкости 0"),
    Wrong("деление на резкость", "sharp_attention", "self.sharpness[:, None, None] * scores", "scores / self.sharpness[:, None, None]", "При резкости 0"),
    Wrong("нет выходной матрицы", "sharp_attention", "self.out(ops.reshape(mixed, (-1, query.shape[1], self.width)))",
          "ops.reshape(mixed, (-1, query.shape[1], self.width))", "Обучаемых чисел"),
    Wrong("оценки без √d", "sharp_attention", " / q.shape[-1] ** 0.5", "", "Оценки не разделены на √d"),
    Wrong("√ из ширины слоя", "sharp_attention", "q.shape[-1] ** 0.5", "self.width ** 0.5", "d — ширина одной головы"),
    Wrong("ключи вместо значений", "sharp_attention", "ops.matmul(weights, v)", "ops.matmul(weights, k)", "заняты своим делом"),
    Wrong("ключи из запросов", "sharp_attention", "self.key(source)", "self.key(query)", "Ваш код остановился"),

    Wrong("ворота открыты сразу", "gated_attention", '"zeros"', '"ones"', "Вначале ворота закрыты"),
    Wrong("сигмоида вместо tanh", "gated_attention", "ops.tanh", "ops.sigmoid", "Вначале ворота закрыты"),
    Wrong("x не прибавлен", "gated_attention", "query + ops.tanh", "ops.tanh", "Вначале ворота закрыты"),
    Wrong("ворота не обучаются", "gated_attention", 'self.add_weight(shape=(), initializer="zeros", name="gate")', "ops.zeros(())", "нужен add_weight"),
    Wrong("ворота без tanh", "gated_attention", "ops.tanh(self.gate)", "self.gate", "не как tanh"),
    Wrong("маска источника забыта", "gated_attention", ", attention_mask=source_mask[:, None]", "", "Содержимое дополнения источника"),
    Wrong("пустой источник забыт", "gated_attention",
          "        added = ops.where(ops.any(source_mask, axis=1)[:, None, None], added, 0.0)\n", "", "Пустой источник что-то прибавил"),
    Wrong("пустота одна на батч", "gated_attention", "ops.any(source_mask, axis=1)[:, None, None]", "ops.any(source_mask)", "Пустой источник рядом"),
    Wrong("строки дополнения не нули", "gated_attention", "ops.where(query_mask[..., None], query + ops.tanh(self.gate) * added, 0.0)",
          "query + ops.tanh(self.gate) * added", "не нули"),
    Wrong("нули только в прибавке", "gated_attention", "ops.where(query_mask[..., None], query + ops.tanh(self.gate) * added, 0.0)",
          "query + ops.where(query_mask[..., None], ops.tanh(self.gate) * added, 0.0)", "не нули"),
    Wrong("внимание на себя", "gated_attention", "self.attention(query, source, attention_mask=source_mask[:, None])",
          "self.attention(query, query, attention_mask=query_mask[:, None])", "не зависит от источника"),
    Wrong("запросы из источника", "gated_attention", "self.attention(query, source, ", "self.attention(source, query, ", "Ваш код остановился"),
    Wrong("key_dim на весь слой", "gated_attention", "width // heads", "width", "key_dim — ширина одной головы"),

    Wrong("подслои друг за другом", "parallel_block", "return x + mixed + self.forward(normal)",
          "x = x + mixed\n        return x + self.forward(self.norm(x))", "Поправка к x меняется"),
    Wrong("нормализация после сложения", "parallel_block", "return x + mixed + self.forward(normal)",
          "return self.norm(x + mixed + self.forward(normal))", "должны получать LayerNorm(x)"),
    Wrong("две нормализации", "parallel_block", "[layers.Dense(hidden", "[layers.LayerNormalization(), layers.Dense(hidden", "Слоёв нормализации 2"),
    Wrong("нормализации нет", "parallel_block", "normal = self.norm(x)", "normal = x", "Слоёв нормализации 0"),
    Wrong("вниманию — x без нормализации", "parallel_block", "self.attention(normal, normal", "self.attention(x, x", "Поправка к x меняется"),
    Wrong("плотным слоям — ответ внимания", "parallel_block", "self.forward(normal)", "self.forward(mixed)", "Если выключить внимание"),
    Wrong("вниманию — ответ плотных слоёв", "parallel_block", "mixed = self.attention(normal, normal,",
          "ready = self.forward(normal)\n        mixed = self.attention(ready, ready,", "Если выключить плотные слои"),
    Wrong("остаточного соединения нет", "parallel_block", "x + mixed", "mixed", "Вход x не прибавлен"),
    Wrong("к сумме прибавлен normal", "parallel_block", "x + mixed", "normal + mixed", "Вход x не прибавлен"),
    Wrong("плотных слоёв нет", "parallel_block", " + self.forward(normal)", "", "Нет плотного слоя"),
    Wrong("маска забыта", "parallel_block", ", attention_mask=mask[:, None]", "", "где маска"),
    Wrong("key_dim на весь слой", "parallel_block", "width // heads", "width", "key_dim — ширина одной головы"),

    Wrong("без корня из width", "class_attention", " / x.shape[-1] ** 0.5", "", "не разделены на корень"),
    Wrong("маска забыта", "class_attention", "ops.where(mask[:, None], scores, -1e9)", "scores", "Маска не учтена"),
    Wrong("softmax по классам", "class_attention", "scores, -1e9))", "scores, -1e9), axis=1)", "Сумма весов по классам"),
    Wrong("логиты каждого с каждым", "class_attention", "ops.sum(self.outputs * ops.matmul(weights, x), axis=-1)",
          "ops.matmul(ops.matmul(weights, x), ops.transpose(self.outputs))", "Форма логитов"),
    Wrong("смеси усреднены", "class_attention", "self.outputs * ops.matmul(weights, x)",
          "self.outputs * ops.mean(ops.matmul(weights, x), axis=1, keepdims=True)", "на смесь класса c"),
    Wrong("один вектор на все логиты", "class_attention", "self.outputs = self.add_weight(shape=shape", "self.outputs = self.add_weight(shape=(width,)", "Обучаемых чисел"),
    Wrong("запрос и есть вектор класса", "class_attention", "ops.sum(self.outputs *", "ops.sum(self.queries *", "от разных матриц"),

    Wrong("позиций нет", "classifier", " + self.table[: ids.shape[1]]", "", "почти как наугад"),
    Wrong("дополнение не закрыто", "classifier", "ops.not_equal(ids, 0)", "ops.not_equal(ids, -1)", "Пять лишних нулей"),
    Wrong("softmax на выходе", "classifier", "return (logits, weights)", "logits = ops.softmax(logits)\n        return (logits, weights)", "вернула вероятности"),
    Wrong("потери для вероятностей", "classifier", "from_logits=True", "", "Верно"),
    Wrong("одна эпоха", "classifier", "epochs=epochs", "epochs=1", "Верно"),
    Wrong("модель не обучена", "classifier", "    model.fit(ids, places, batch_size=64, epochs=epochs, verbose=0)", "", "почти как наугад"),
    Wrong("блоки не вызваны", "classifier", "x = block(x, mask)", "block(x, mask)", "Верно"),
    Wrong("весов не вернуть", "classifier", "return (logits, weights) if return_weights else logits", "return logits", "нужны логиты и веса"),

    Wrong("карта новой модели", "place_maps", "= classifier(", "= Classifier()(", "не от обученной модели"),
    Wrong("дополнение на карте", "place_maps", "np.array(looks)[:, : len(phrase)]", "np.array(looks)", "на карте дополнение"),
    Wrong("классы в столбцах", "place_maps", "np.array(looks)[:, : len(phrase)]", "np.array(looks).T[: len(phrase)]", "классы × слова"),
    Wrong("позиции вместо слов", "place_maps", '"columns": phrase', '"columns": list(range(len(phrase)))', "ожидались слова"),
    Wrong("слова делит split", "place_maps", "ak.tokenize(text)", "text.split()", "ожидались слова"),
    Wrong("карта первой фразы для всех", "place_maps", "np.array(looks)[:, : len(phrase)]", "np.array(weights[0])[:, : len(phrase)]", "не от этой фразы"),
]  # fmt: skip

RIGHT = [
    Right("циклами", "capped_scores", '''
def capped_scores(query, key, cap):
    products = np.einsum("...td,...sd->...ts", query, key)
    return cap * np.tanh(products / (cap * np.sqrt(key.shape[-1])))
'''),
    Right("циклами", "packed_mask", '''
def packed_mask(numbers):
    batch, length = numbers.shape
    mask = np.zeros((batch, length, length), dtype=bool)
    for row in range(batch):
        for t in range(length):
            for j in range(length):
                mask[row, t, j] = numbers[row, t] > 0 and numbers[row, t] == numbers[row, j]
    return mask
'''),
    Right("вычитание треугольников", "window_mask", '''
def window_mask(length, window):
    square = np.ones((length, length), dtype=bool)
    return np.tril(square) & ~np.tril(square, -window)
'''),
    Right("сток — лишний столбец", "sink_attention", '''
def sink_attention(scores, value, mask, sink):
    closed = np.where(mask, scores, -1e30)
    wide = np.concatenate([closed, np.full((*closed.shape[:-1], 1), sink)], axis=-1)
    wide = np.exp(wide - wide.max(axis=-1, keepdims=True))
    weights = (wide / wide.sum(axis=-1, keepdims=True))[..., :-1]
    return np.einsum("...ts,...sv->...tv", weights, value), weights
'''),
    Right("циклами", "positions", '''
def positions(length, width, start=0):
    half = width // 2
    rows = []
    for p in range(start, start + length):
        angles = [p / 10_000 ** (2 * i / width) for i in range(half)]
        rows.append([np.sin(a) for a in angles] + [np.cos(a) for a in angles])
    return np.array(rows) * (2 / width) ** 0.5
'''),
    Right("каждая голова отдельно, без смещений", "sharp_attention", '''
class SharpAttention(layers.Layer):
    def __init__(self, width, heads):
        super().__init__()
        self.heads, self.size = heads, width // heads
        self.q, self.k, self.v, self.o = [layers.Dense(width, use_bias=False) for _ in range(4)]
        self.g = self.add_weight(shape=(heads,), initializer="ones")

    def call(self, query, source, mask):
        q, k, v = self.q(query), self.k(source), self.v(source)
        answers, looks = [], []
        for head in range(self.heads):
            own = slice(head * self.size, (head + 1) * self.size)
            scores = self.g[head] * ops.einsum("btd,bsd->bts", q[..., own], k[..., own]) / self.size**0.5
            looks.append(ops.softmax(ops.where(mask, scores, -1e9), axis=-1))
            answers.append(ops.einsum("bts,bsd->btd", looks[-1], v[..., own]))
        return self.o(ops.concatenate(answers, axis=-1)), ops.stack(looks, axis=1)
'''),
    Right("наследник слоя из блокнота 02, головы через одну", "sharp_attention", '''
class SharpAttention(layers.Layer):
    def __init__(self, width, heads):
        super().__init__()
        self.width, self.heads = width, heads
        self.query, self.key, self.value, self.out = (layers.Dense(width) for _ in range(4))
        self.sharpness = self.add_weight(shape=(heads,), initializer="ones")

    def call(self, query, source, mask):
        def parts(x):  # (батч, T, d, heads)
            return ops.reshape(x, (x.shape[0], x.shape[1], self.width // self.heads, self.heads))

        q, k, v = parts(self.query(query)), parts(self.key(source)), parts(self.value(source))
        scores = ops.einsum("btdh,bsdh,h->bhts", q, k, self.sharpness) / (self.width / self.heads) ** 0.5
        scores = scores + (1 - ops.cast(mask, "float32"))[:, None] * -1e9
        weights = ops.softmax(scores)
        mixed = ops.einsum("bhts,bsdh->btdh", weights, v)
        return self.out(ops.reshape(mixed, (mixed.shape[0], mixed.shape[1], self.width))), weights
'''),
    Right("внимание из блокнота 02, маски умножением", "gated_attention", '''
class GatedAttention(layers.Layer):
    def __init__(self, width, heads):
        super().__init__()
        self.attention = ak.definitions("02-self-attention").MultiHeadAttention(width, heads)
        self.alpha = self.add_weight(shape=(1,), initializer="zeros")

    def call(self, query, source, query_mask, source_mask):
        real = ops.cast(query_mask, "float32")[:, :, None]
        filled = ops.cast(ops.max(ops.cast(source_mask, "int32"), axis=1), "float32")[:, None, None]
        found = self.attention(query, source, attention_mask=source_mask[:, None])
        return real * (query + filled * ops.tanh(self.alpha) * found)
'''),
    Right("внимание с резкостью", "gated_attention", '''
class GatedAttention(layers.Layer):
    def __init__(self, width, heads):
        super().__init__()
        self.attention = SharpAttention(width, heads)
        self.alpha = self.add_weight(shape=(), initializer="zeros")

    def call(self, query, source, query_mask, source_mask):
        both = query_mask[:, :, None] & source_mask[:, None]
        found, _ = self.attention(query, source, both)
        found = found * ops.cast(ops.any(both, axis=-1), "float32")[..., None]
        return (query + ops.tanh(self.alpha) * found) * ops.cast(query_mask, "float32")[..., None]
'''),
    Right("внимание с резкостью, плотные слои порознь", "parallel_block", '''
class ParallelBlock(layers.Layer):
    def __init__(self, width, heads, hidden):
        super().__init__()
        self.attention, self.norm = SharpAttention(width, heads), layers.LayerNormalization(epsilon=1e-6)
        self.wide, self.narrow = layers.Dense(hidden), layers.Dense(width)

    def call(self, x, mask):
        n = self.norm(x)
        x = x + self.narrow(ops.relu(self.wide(n)))
        return x + self.attention(n, n, mask[:, None, :])[0]
'''),
    Right("плотные слои без смещений", "class_attention", '''
class ClassAttention(layers.Layer):
    def __init__(self, width, classes):
        super().__init__()
        self.ask = layers.Dense(classes, use_bias=False)
        self.judge = self.add_weight(shape=(width, classes), initializer="glorot_uniform")
        self.width = width

    def call(self, x, mask):
        scores = ops.transpose(self.ask(x) / self.width**0.5, (0, 2, 1))
        weights = ops.softmax(scores - 1e9 * ops.cast(~mask[:, None], "float32"), axis=-1)
        return ops.einsum("bct,btd,dc->bc", weights, x, self.judge), weights
'''),
    Right("обучаемые позиции и слои из блокнота 03", "classifier", '''
class Classifier(keras.Model):
    def __init__(self):
        super().__init__()
        block = ak.definitions("03-transformer-classifier").TransformerBlock
        self.tokens, self.places = layers.Embedding(len(words), 32), layers.Embedding(40, 32)
        self.first, self.second, self.head = block(32, 4, 64), block(32, 4, 64), ClassAttention(32, 3)

    def call(self, ids, return_weights=False):
        mask = ids != 0
        x = self.tokens(ids) * 32**0.5 + self.places(ops.arange(ops.shape(ids)[1]))
        logits, weights = self.head(self.second(self.first(x, mask=mask), mask=mask), mask)
        if return_weights:
            return logits, weights
        return logits


def train(model, ids, places, epochs):
    optimizer, rng = keras.optimizers.Adam(0.003), np.random.default_rng(0)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer=optimizer, loss=loss, metrics=["accuracy"])
    for _ in range(epochs):
        order = rng.permutation(len(ids))
        model.fit(ids[order], places[order], batch_size=64, shuffle=False, verbose=0)
'''),
    Right("по одной фразе", "place_maps", '''
def place_maps(texts):
    maps = []
    for text in texts:
        phrase = ak.tokenize(text)
        weights = classifier(words.encode([phrase]), return_weights=True)[1]
        maps.append({"rows": list(PLACES), "columns": phrase, "weights": np.asarray(weights[0])})
    return maps
'''),
]  # fmt: skip
