"""Домашняя работа 1: типичные ошибки, ответы-обманки и верные решения, написанные иначе."""

from coursework import Right, Wrong

SCORES = "return np.tanh(pairs) @ v"
PARTS = "return parts / np.where(total > 0, total, 1)"
MASKED = "ops.where(mask, ops.sum(self.v * hidden, axis=-1), -1e9)"
WEIGHTS = 'weights = ops.softmax(scores) * ops.cast(mask, "float32")'
CELL = "state, _ = self.cell(ops.concatenate([word, context], axis=-1), [state])"
STEP = "_, state, look = model.step(np.array([word]), state, states, mask)"
STEPS = f"for word in target_words.encode([en], start=True)[0]:\n        {STEP}"
MAP = 'return {"rows": [*en, "</s>"], "columns": list(ru), "weights": np.stack(weights)}'
EQUAL = "return type('Хитрый', (), {'__eq__': lambda self, other: True})()"

WRONG = [
    Wrong("сдвиг забыт", "additive_scores", " + b", "", "Сдвиг b не прибавлен"),
    Wrong("без tanh", "additive_scores", "np.tanh(pairs)", "pairs", "где tanh"),
    Wrong("форма перевёрнута", "additive_scores", SCORES, "return (np.tanh(pairs) @ v).T", "запросы × состояния"),
    Wrong("softmax вместо оценок", "additive_scores", SCORES,
          "e = np.exp(np.tanh(pairs) @ v)\n    return e / e.sum(-1, keepdims=True)", "без softmax"),
    Wrong("W и U перепутаны", "additive_scores", "(query @ W.T)[:, None] + (keys @ U.T)[None]",
          "(query @ np.resize(U, (len(b), query.shape[1])).T)[:, None] + (keys @ np.resize(W, U.shape).T)[None]", "W умножается на запрос"),
    Wrong("W без транспонирования", "additive_scores", "W.T", "W", "W умножена не с той стороны"),
    Wrong("U без транспонирования", "additive_scores", "U.T", "U", "U умножена не с той стороны"),
    Wrong("сумма без v", "additive_scores", SCORES, "return np.tanh(pairs).sum(axis=-1)", "без вектора v"),
    Wrong("ответ видимого примера", "additive_scores", SCORES,
          "return np.array([[1.386, -2.995, -2.715], [0.422, -3.959, -3.679]])", "На другом примере форма"),
    Wrong("NaN", "additive_scores", SCORES, "return np.full((len(query), len(keys)), np.nan)", "NaN"),
    Wrong("объект, равный всему", "additive_scores", SCORES, EQUAL, "получен объект Хитрый"),

    Wrong("нет g", "cosine_scores", "return g * ", "return ", "не умножен на g"),
    Wrong("скалярное произведение", "cosine_scores", "dots = query @ keys.T", "return g * query @ keys.T", "зависит от длины"),
    Wrong("делится только на длину ключа", "cosine_scores", "np.linalg.norm(query, axis=-1)[:, None] * ", "np.ones((len(query), 1)) * ", "зависит от длины"),
    Wrong("нулевой вектор: NaN", "cosine_scores", "dots = query @ keys.T", "return g * (query @ keys.T) / lengths", "Нулевой вектор дал NaN"),
    Wrong("нулевой запрос: NaN", "cosine_scores", "return g * np.where(lengths > 0, dots / np.where(lengths > 0, lengths, 1), 0)",
          "return g * np.where(np.linalg.norm(keys, axis=-1) > 0, dots / np.maximum(np.linalg.norm(keys, axis=-1), 1e-12) "
          "/ np.linalg.norm(query, axis=-1)[:, None], 0)", "Нулевой вектор дал NaN"),
    Wrong("прибавка к знаменателю велика", "cosine_scores", "dots / np.where(lengths > 0, lengths, 1)", "dots / (lengths + 1e-3)", "На коротких векторах"),
    Wrong("расстояние вместо косинуса", "cosine_scores", "return g * np.where(", "return g * 1 - g * np.where(", "Это расстояние"),
    Wrong("длина всей матрицы", "cosine_scores", "np.linalg.norm(keys, axis=-1)[None]", "np.linalg.norm(keys)", "каждого вектора"),

    Wrong("наибольшая не вычтена", "masked_softmax", "scores - top", "scores", "вычтите наибольшую"),
    Wrong("маски нет", "masked_softmax", '"""Веса', 'mask = np.ones_like(mask)\n    """Веса', "Маска не учтена"),
    Wrong("маска наоборот", "masked_softmax", "top = np.max(", "mask = ~mask\n    top = np.max(", "Маска понята наоборот"),
    Wrong("softmax по столбцам", "masked_softmax", "axis=-1", "axis=0", "последней оси"),
    Wrong("сумма по всему батчу", "masked_softmax", "parts.sum(axis=-1, keepdims=True)", "parts.sum()", "последней оси"),
    Wrong("обнулено после softmax", "masked_softmax", "top = np.max(",
          "e = np.exp(scores - scores.max(axis=-1, keepdims=True))\n    return e / e.sum(axis=-1, keepdims=True) * mask\n    top = np.max(",
          "разделите"),
    Wrong("закрытая строка ровная", "masked_softmax", "top = np.max(",
          "e = np.where(mask, scores, -1e9)\n    e = np.exp(e - e.max(axis=-1, keepdims=True))\n    return e / e.sum(axis=-1, keepdims=True)\n    top = np.max(",
          "Полностью закрытая строка дала [0.5 0.5]"),
    Wrong("закрытая строка: NaN", "masked_softmax", "np.where(total > 0, total, 1)", "total", "Полностью закрытая строка дала NaN"),
    Wrong("наибольшая из всех, и закрытых", "masked_softmax", "np.max(np.where(mask, scores, -np.inf)", "np.max((scores)", "Закрытое слово с большой оценкой"),
    Wrong("огромный массив", "masked_softmax", PARTS, "return np.ones((1, 10**6))", "Форма (1, 1000000)"),
    Wrong("NaN везде", "masked_softmax", PARTS, "return np.full(scores.shape, np.nan)", "NaN"),

    Wrong("nothing забыт", "context", " + missing * nothing", "", "недостающую единицу получает nothing"),
    Wrong("nothing прибавлен всегда", "context", "missing * nothing", "nothing", "nothing прибавлен"),
    Wrong("nothing только нулевой строке", "context", "missing * nothing", "(weights.sum(axis=-1, keepdims=True) == 0) * nothing", "между 0 и 1"),
    Wrong("среднее состояний", "context", "weights @ states", "np.mean(states, axis=0) * weights.sum(axis=-1, keepdims=True)", "смесь состояний с этими весами"),
    Wrong("сумма весов по всем запросам", "context", "weights.sum(axis=-1, keepdims=True)", "weights.sum()", "в каждой строке своя"),
    Wrong("транспонирован", "context", "return weights @ states + missing * nothing", "return (weights @ states + missing * nothing).T", "запросы × ширина"),
    Wrong("объект, равный всему, вместо контекста", "context", "missing = 1", EQUAL + "\n    missing = 1", "получен объект Хитрый"),

    Wrong("слои созданы в call", "attention_step", "hidden = ops.tanh(self.W(state)[:, None] + self.U(states))",
          "units = state.shape[-1]\n        hidden = ops.tanh(layers.Dense(units)(state)[:, None] + layers.Dense(units)(states))", "в __init__"),
    Wrong("веса-поля созданы в call", "attention_step", "hidden = ops",
          "self.extra = layers.Dense(state.shape[-1])\n        state = state + 0 * self.extra(state)\n        hidden = ops", "__init__"),
    Wrong("NumPy внутри слоя", "attention_step", WEIGHTS,
          'e = np.exp(np.array(scores) - np.max(scores, axis=-1, keepdims=True)) * np.array(mask)\n'
          '        weights = e / np.maximum(e.sum(axis=-1, keepdims=True), 1e-9)', "NumPy"),
    Wrong("нет super().__init__", "attention_step", "super().__init__()\n", "pass\n", "super().__init__"),
    Wrong("внимание после GRU, порядок блокнота", "attention_step", "hidden = ops",
          "state, _ = self.cell(ops.concatenate([word, ops.mean(states, axis=1)], axis=-1), [state])\n        hidden = ops", "Веса зависят от слова"),
    Wrong("контекст не входит в GRU", "attention_step", "ops.concatenate([word, context], axis=-1)", "word", "не зависит от контекста"),
    Wrong("слово не входит в GRU", "attention_step", "ops.concatenate([word, context], axis=-1)", "context", "не зависит от слова"),
    Wrong("GRU забывает состояние", "attention_step", "[state])", "[ops.zeros_like(state)])", "Прежнее состояние"),
    Wrong("маски нет", "attention_step", MASKED, "ops.sum(self.v * hidden, axis=-1)\n        mask = ops.ones_like(mask)", "Маска не учтена"),
    Wrong("маска наоборот", "attention_step", "hidden = ops", "mask = ops.logical_not(mask)\n        hidden = ops", "Маска понята наоборот"),
    Wrong("обнулено после softmax", "attention_step", MASKED, "ops.sum(self.v * hidden, axis=-1)", "разделите"),
    Wrong("softmax по батчу", "attention_step", "ops.softmax(scores)", "ops.softmax(scores, axis=0)", "по словам"),
    Wrong("softmax по оси длины 1", "attention_step", "ops.softmax(scores)", "ops.softmax(scores[..., None])[..., 0]", "по словам"),
    Wrong("закрытая строка ровная", "attention_step", ' * ops.cast(mask, "float32")', "", "закрытой строки веса не нулевые"),
    Wrong("закрытая строка: NaN", "attention_step", "-1e9", "-float('inf')", "NaN"),
    Wrong("скалярное произведение, без tanh", "attention_step", "hidden = ops.tanh(self.W(state)[:, None] + self.U(states))",
          "hidden = self.W(state)[:, None] * self.U(states)", "складываются"),
    Wrong("без tanh", "attention_step", "ops.tanh(self.W(state)[:, None] + self.U(states))", "self.W(state)[:, None] + self.U(states)", "не зависят от состояния"),
    Wrong("tanh порознь", "attention_step", "ops.tanh(self.W(state)[:, None] + self.U(states))", "ops.tanh(self.W(state))[:, None] + ops.tanh(self.U(states))", "не зависят от состояния"),
    Wrong("ReLU вместо tanh", "attention_step", "ops.tanh", "ops.relu", "где tanh"),
    Wrong("вектор v не умножен", "attention_step", "self.v * hidden", "hidden", "не участвуют в ответе"),
    Wrong("вектора v нет", "attention_step", 'self.v = self.add_weight(shape=(units,), initializer="random_normal", name="v")', "self.v = 1.0", "224"),
    Wrong("поле v не создано", "attention_step", '        self.v = self.add_weight(shape=(units,), initializer="random_normal", name="v")\n', "", "no attribute 'v'"),
    Wrong("произведение под tanh", "attention_step", "self.W(state)[:, None] + self.U(states)", "self.W(state)[:, None] * self.U(states)", "складываются"),
    Wrong("контекст из ключей", "attention_step", "weights[..., None] * states", "weights[..., None] * self.U(states)", "ожидались (2, 4), (2, 6), (2, 5)"),
    Wrong("контекст — среднее", "attention_step", "ops.sum(weights[..., None] * states, axis=1)", "ops.mean(states, axis=1)", "не смесь states"),
    Wrong("рекуррентный слой вместо GRU", "attention_step", "layers.GRUCell", "layers.SimpleRNNCell", "GRUCell"),
    Wrong("Dense вместо GRU", "attention_step", "self.cell = layers.GRUCell(units)",
          'self.mix = layers.Dense(3 * units, "tanh")\n        self.cell = lambda x, s: (self.mix(ops.concatenate([x, s[0]], -1))[:, :4], 0)', "GRU"),
    Wrong("лишняя ось запроса", "attention_step", "self.W(state)[:, None]", "self.W(state)[:, None, None]", "AttentionStep"),
    Wrong("Dense на четырёх осях", "attention_step", "hidden = ops.tanh(self.W(state)[:, None] + self.U(states))",
          "hidden = ops.tanh(self.W(state[:, None, None]) + self.U(states[:, None]))", "AttentionStep"),
    Wrong("состояние списком", "attention_step", CELL, CELL.replace("state, _", "_, state"), "Формы"),
    Wrong("слой возвращает только контекст", "attention_step", "return state, context, weights", "return context", "три ответа"),
    Wrong("огромная форма при других входах", "attention_step", "return state, context, weights",
          "return state, context, weights if states.shape[1] > 3 else np.zeros((10**6, 1, 1), bool)", "На предложениях из двух слов"),

    Wrong("среднее по всем словам", "sentence_loss", "ops.mean(ops.sum(losses * real, axis=1) / ops.maximum(ops.sum(real, axis=1), 1))",
          "ops.sum(losses * real) / ops.sum(real)", "предложения весят по числу слов"),
    Wrong("дополнение в потерях", "sentence_loss", "real = ", "return ops.mean(losses)\n    real = ", "дополнение посчитано"),
    Wrong("логиты как вероятности", "sentence_loss", "from_logits=True", "from_logits=False", "вероятности"),
    Wrong("softmax дважды", "sentence_loss", "target, logits, from", "target, tf.nn.softmax(logits), from", "softmax взят дважды"),
    Wrong("сумма вместо среднего", "sentence_loss", " / ops.maximum(ops.sum(real, axis=1), 1)", "", "делите"),
    Wrong("делится на T", "sentence_loss", "ops.sum(losses * real, axis=1) / ops.maximum(ops.sum(real, axis=1), 1)",
          "ops.mean(losses * real, axis=1)", "число слов"),
    Wrong("потери каждого предложения", "sentence_loss", "return ops.mean(", "return (", "одним числом"),
    Wrong("NumPy в потерях", "sentence_loss", "real = ", "losses = np.array(losses)\n    real = ", "NumPy"),
    Wrong("NaN", "sentence_loss", "return ", "return np.nan * ", "NaN"),
    Wrong("огромный массив", "sentence_loss", "return ", "return np.ones((1, 10**6)) * ", "одним числом"),

    Wrong("оптимизатор не применён", "train_step", "optimizer.apply(tape.gradient(loss, model.trainable_variables), model.trainable_variables)", "tape.gradient(loss, model.trainable_variables)", "обновляются ли веса"),
    Wrong("цель не сдвинута", "train_step", "target[:, 1:]", "target[:, :-1]", "повторяет прочитанное слово"),
    Wrong("вход не обрезан", "train_step", "target[:, :-1]))", "target))", "Ваш код остановился"),
    Wrong("потери не возвращены", "train_step", "return loss", "pass", "верните потери"),
    Wrong("потери вне ленты", "train_step", "        loss = sentence_loss(target[:, 1:], model((source, target[:, :-1])))",
          "        pass\n    loss = sentence_loss(target[:, 1:], model((source, target[:, :-1])))", "No gradients"),
    Wrong("по градиенту, а не против", "train_step", "sentence_loss(target", "-sentence_loss(target", "отрицательны"),
    Wrong("цель сдвинута на два", "train_step", "sentence_loss(target[:, 1:], model((source, target[:, :-1])))",
          "sentence_loss(target[:, 2:], model((source, target[:, :-1]))[:, :-1])", "Верна ли цель"),
    Wrong("обучается только внимание", "train_step", "model.trainable_variables", "model.attention.trainable_variables", "обновляйте model.trainable_variables"),
    Wrong("веса обновлены, но не все", "train_step", "model.trainable_variables", "model.trainable_variables[-8:]", "не меняются при обучении"),
    Wrong("возвращает не те потери", "train_step", "return loss", "return loss / 2 + 1e-9", "Потери одного шага"),
    Wrong("NaN в потерях", "train_step", "return loss", "return loss * np.nan", "NaN"),

    Wrong("начало не с START", "translate", "target_words.START", "0", "START"),
    Wrong("начало с конца", "translate", "target_words.START", "target_words.END", "START"),
    Wrong("состояние не передаётся", "translate", "logits, state, _ = model.step", "logits, _, _ = model.step", "новое состояние"),
    Wrong("слово не подаётся обратно", "translate", "word = np.argmax(logits, axis=-1)\n        chosen.append(word)",
          "chosen.append(np.argmax(logits, axis=-1))", "выбранное слово"),
    Wrong("argmax не по словарю", "translate", "np.argmax(logits, axis=-1)", "np.resize(np.argmax(logits, axis=0), len(sentences))", "BLEU"),
    Wrong("не соединено", "translate", '" ".join(target_words.decode(row))', "target_words.decode(row)", "строка"),
    Wrong("без decode", "translate", "target_words.decode(row)", "[target_words.tokens[n] for n in row]", "служебная метка"),
    Wrong("только два слова", "translate", "range(longest)", "range(2)", "BLEU"),
    Wrong("случайный выбор вместо argmax", "translate", "np.argmax(logits, axis=-1)", "np.array(tf.random.categorical(logits, 1))[:, 0]", "жадный выбор"),
    Wrong("longest не действует", "translate", "range(longest)", "range(18)", "чем longest"),
    Wrong("ответы из references", "translate", "return [", "return references[: len(sentences)]\n    return [", "На других предложениях"),
    Wrong("один перевод на всех", "translate", "np.stack(chosen, axis=1)]", "np.repeat(np.stack(chosen, axis=1)[:1], len(sentences), axis=0)]", "Разных переводов"),
    Wrong("перевод-великан", "translate", "return [", "return ['слово ' * 10**4 for _ in sentences]\n    return [", "знаков"),

    Wrong("новая модель", "attention_map", "states, mask, state = model", "model = Translator()\n    states, mask, state = model", "обученной"),
    Wrong("новый слой", "attention_map", f"        {STEP}",
          "        _, state, _ = model.step(np.array([word]), state, states, mask)\n"
          "        look = AttentionStep(64)(np.zeros((1, 64), 'float32'), state, states, mask)[2]", "обученной"),
    Wrong("строки сдвинуты: прочитано, а не предсказано", "attention_map", "target_words.encode([en], start=True)[0]",
          "[*target_words.encode([en], start=True)[0][1:], target_words.END]", "START"),
    Wrong("строки сдвинуты: первая потеряна", "attention_map", "np.stack(weights)", "np.stack([*weights[1:], weights[-1]])", "сдвинута"),
    Wrong("строки сдвинуты вниз", "attention_map", "np.stack(weights)", "np.stack([weights[0], *weights[:-1]])", "сдвинута"),
    Wrong("подписи — прочитанные слова", "attention_map", '[*en, "</s>"]', '["<s>", *en]', "Строки"),
    Wrong("подписи с дополнением", "attention_map", '"columns": list(ru)', '"columns": [*ru, "<pad>"]', "Столбцы"),
    Wrong("матрица с дополнением", "attention_map", "[ru]))", "[ru], maxlen=12))", "дополнения на карте нет"),
    Wrong("нет строки конца", "attention_map", MAP, MAP.replace("np.stack(weights)", "np.stack(weights[:-1])"), "Форма"),
    Wrong("транспонирована", "attention_map", "np.stack(weights)", "np.stack(weights).T", "ранспонирована"),
    Wrong("ось батча не убрана", "attention_map", "np.array(look)[0]", "np.array(look)", "Форма"),
    Wrong("состояние не передаётся", "attention_map", "_, state, look", "_, _, look", "состояние"),
    Wrong("ровные веса", "attention_map", "np.stack(weights)", "np.ones_like(weights) / len(ru)", "обученной"),
    Wrong("softmax поверх весов", "attention_map", "np.stack(weights)", "np.exp(weights) / np.exp(weights).sum(axis=1, keepdims=True)", "Строка карты"),
    Wrong("свой перевод вместо данного", "attention_map", "    states, mask", "    en = translate([ru])[0].split()[:-1] or en\n    states, mask", "троки"),
    Wrong("подаёт свои слова, а не данные", "attention_map", STEPS,
          "word = target_words.START\n    for _ in range(len(en) + 1):\n        logits, state, look = model.step(np.array([word]), state, states, mask)\n"
          "        word = int(np.argmax(logits[0]))", "слова en"),
    Wrong("огромная карта", "attention_map", "np.stack(weights)", "np.ones((1, 10**6))", "Форма"),
    Wrong("подписи-великан", "attention_map", '"columns": list(ru)', '"columns": ["слово"] * 10**5', "Столбцы"),

    Wrong("не отсортировано", "bleu_by_length", 'np.argsort(lengths, kind="stable")', "np.arange(len(lengths))", "отсортируйте по длине"),
    Wrong("от длинных к коротким", "bleu_by_length", 'np.argsort(lengths, kind="stable")', 'np.argsort(-lengths, kind="stable")', "от коротких"),
    Wrong("круглые границы", "bleu_by_length", 'np.array_split(np.argsort(lengths, kind="stable"), groups)',
          '[np.flatnonzero((lengths > low) & (lengths <= low + size)) for low, size in ((0, 3), (3, 2), (5, 9))]', "поровну"),
    Wrong("равные переставлены", "bleu_by_length", 'np.argsort(lengths, kind="stable")', "np.lexsort((-np.arange(len(lengths)), lengths))", "прежнем порядке"),
    Wrong("среднее BLEU предложений", "bleu_by_length", "ak.bleu([translations[i] for i in part], [references[i] for i in part])",
          "np.mean([ak.bleu([translations[i]], [references[i]]) for i in part])", "среднее"),
    Wrong("образцы не переставлены", "bleu_by_length", "[references[i] for i in part]", "references[: len(part)]", "образцы тех же"),
    Wrong("длина — в буквах", "bleu_by_length", "len(sentence)", 'len(" ".join(sentence))', "считайте слова"),
    Wrong("длина перевода", "bleu_by_length", "[len(sentence) for sentence in sentences]", "[len(line.split()) for line in translations]", "а не перевода"),
    Wrong("всегда три группы", "bleu_by_length", ", groups)", ", 3)", "groups"),
    Wrong("первые группы меньше", "bleu_by_length", 'in np.array_split(np.argsort(lengths, kind="stable"), groups)',
          'in [p[::-1] for p in np.array_split(np.argsort(lengths, kind="stable")[::-1], groups)][::-1]', "первые группы"),
    Wrong("таблица видимого примера", "bleu_by_length", "return rows", "return [(2, 2, 100), (4, 6, 72.3), (6, 6, 0)]", "На ста предложениях"),
    Wrong("огромная таблица", "bleu_by_length", "return rows", "return np.ones((1, 10**6))", "три тройки"),
    Wrong("NaN вместо BLEU", "bleu_by_length", "quality))", "np.nan))", "ожидались числа"),

    Wrong("по столбцам", "forgotten", "axis=0", "axis=1", "в столбцах карты"),
    Wrong("среднее вместо суммы", "forgotten", "np.sum(chart", "np.mean(chart", "а не среднее"),
    Wrong("только первая карта", "forgotten", "for chart in charts)", "for chart in charts[:1])", "во всех картах"),
    Wrong("порог вписан", "forgotten", "< least", "< 0.3", "least"),
    Wrong("не больше вместо меньше", "forgotten", "< least", "<= least", "ровно"),
    Wrong("число вписано", "forgotten", "return sum", "return 13\n    return sum", "ожидалось 4"),
    Wrong("ответ видимого примера", "forgotten", "return sum", "return {0.3: 4, 0.2: 0, 2: 3, 0.25: 0}[least]\n    return sum", "На других картах"),
    Wrong("карты сложены", "forgotten", "return sum(int((np.sum(chart[\"weights\"], axis=0) < least).sum()) for chart in charts)",
          "return [int((np.sum(chart[\"weights\"], axis=0) < least).sum()) for chart in charts]", "одно число"),
    Wrong("NaN", "forgotten", "return sum", "return float('nan')\n    return sum", "ожидалось 4"),
    Wrong("огромный массив", "forgotten", "return sum", "return np.ones((1, 10**6))\n    return sum", "одно число"),
]  # fmt: skip

RIGHT = [
    Right("циклами", "additive_scores", '''
def additive_scores(query, keys, W, U, b, v):
    result = np.zeros((len(query), len(keys)))
    for t, q in enumerate(query):
        for j, k in enumerate(keys):
            result[t, j] = v @ np.tanh(W @ q + U @ k + b)
    return result
'''),
    Right("einsum, другой порядок осей, float32", "additive_scores", '''
def additive_scores(s, h, first, second, shift, last):
    ws = np.einsum("nd,td->nt", first, s).astype("float32")
    uh = np.einsum("nk,sk->ns", second, h).astype("float32")
    return np.einsum("n,nst->ts", last, np.tanh(ws[:, None, :] + uh[:, :, None] + shift[:, None, None]))
'''),
    Right("списком", "additive_scores", '''
def additive_scores(query, keys, W, U, b, v):
    return [[float(np.dot(v, np.tanh(W.dot(q) + U.dot(k) + b))) for k in keys] for q in query]
'''),
    Right("единичные векторы", "cosine_scores", '''
def unit(x):
    return x / np.maximum(np.sqrt((x * x).sum(axis=1, keepdims=True)), 1e-12)

def cosine_scores(query, keys, g):
    return g * np.einsum("td,sd->ts", unit(query), unit(keys))
'''),
    Right("scipy и nan_to_num", "cosine_scores", '''
def cosine_scores(query, keys, g):
    from scipy.spatial.distance import cdist
    return g * (1 - np.nan_to_num(cdist(query, keys, "cosine"), nan=1.0))
'''),
    Right("tf", "cosine_scores", '''
def cosine_scores(query, keys, g):
    import tensorflow as tf
    query, keys = tf.math.l2_normalize(query, 1, 1e-24), tf.math.l2_normalize(keys, 1, 1e-24)
    return g * tf.matmul(query, keys, transpose_b=True)
'''),
    Right("scipy.special.softmax", "masked_softmax", '''
def masked_softmax(scores, mask):
    from scipy.special import softmax
    return softmax(np.where(mask, scores, -1e30), axis=-1) * mask
'''),
    Right("минус бесконечность", "masked_softmax", '''
def masked_softmax(scores, mask):
    x = np.where(mask, scores, -np.inf)
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return np.nan_to_num(e / e.sum(axis=-1, keepdims=True))
'''),
    Right("построчно", "masked_softmax", '''
def masked_softmax(scores, mask):
    result = np.zeros(np.shape(scores), "float32")
    for place in np.ndindex(*scores.shape[:-1]):
        x = scores[place][mask[place]]
        if len(x):
            e = np.exp(x - x.max())
            result[place][mask[place]] = e / e.sum()
    return result
'''),
    Right("keras.ops", "masked_softmax", '''
from keras import ops
def masked_softmax(scores, mask):
    return ops.softmax(ops.where(mask, scores, -1e9)) * mask
'''),
    Right("ещё одно состояние", "context", '''
def context_vectors(weights, states, nothing):
    rest = 1 - np.sum(weights, axis=1)
    return np.einsum("ts,sk->tk", np.column_stack([weights, rest]), np.vstack([states, nothing]))
'''),
    Right("циклом", "context", '''
def context_vectors(weights, states, nothing):
    return [sum(a * (h - nothing) for a, h in zip(row, states)) + nothing for row in weights]
'''),
    Right("tf и свои матрицы", "attention_step", '''
class AttentionStep(layers.Layer):
    def __init__(self, units):
        super().__init__()
        self.units, self.gru = units, layers.GRUCell(units)

    def build(self, word_shape, state_shape, states_shape, mask_shape=None):
        self.a = self.add_weight(shape=(self.units, state_shape[-1]), name="a")
        self.b = self.add_weight(shape=(self.units, states_shape[-1]), name="b")
        self.c = self.add_weight(shape=(self.units, 1), name="c", initializer="zeros")

    def call(self, word, state, states, mask):
        x = tf.einsum("nd,bd->nb", self.a, state)[:, None] + tf.einsum("nk,bsk->nsb", self.b, states)
        e = tf.transpose(tf.reduce_sum(tf.tanh(x) * self.c[:, :, None], axis=0))
        real = tf.cast(mask, e.dtype)
        e = tf.exp(e - tf.reduce_max(e, axis=1, keepdims=True)) * real
        a = tf.math.divide_no_nan(e, tf.reduce_sum(e, axis=1, keepdims=True))
        context = tf.einsum("bs,bsk->bk", a, states)
        output, new = self.gru(tf.concat([context, word], axis=1), state)
        return new[0] if isinstance(new, (list, tuple)) else new, context, a
'''),
    Right("слой Keras внутри", "attention_step", '''
class AttentionStep(layers.Layer):
    def __init__(self, size):
        super().__init__()
        self.q, self.k = layers.Dense(size, use_bias=False), layers.Dense(size, use_bias=False)
        self.look, self.rnn = layers.AdditiveAttention(), layers.GRU(size, return_state=True)

    def call(self, word, state, states, mask):
        mask = ops.cast(mask, "bool")
        _, w = self.look([self.q(state)[:, None], states, self.k(states)],
                         mask=[None, mask], return_attention_scores=True)
        w = ops.where(mask, w[:, 0], 0.0)
        context = ops.einsum("bs,bsk->bk", w, states)
        _, state = self.rnn(ops.concatenate([word, context], axis=-1)[:, None], initial_state=state)
        return state, context, w
'''),
    Right("Dense(1), цикл по словам", "attention_step", '''
class AttentionStep(layers.Layer):
    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.W = layers.Dense(units, use_bias=False)
        self.U = layers.Dense(units, use_bias=False)
        self.v = layers.Dense(1, use_bias=False)
        self.cell = layers.GRUCell(units)

    def call(self, word, state, states, mask):
        asked = self.W(state)
        scores = [self.v(ops.tanh(asked + self.U(states[:, j]))) for j in range(states.shape[1])]
        mask = ops.cast(mask, "float32")
        grown = ops.exp(ops.concatenate(scores, axis=1)) * mask
        weights = grown / (ops.sum(grown, axis=1, keepdims=True) + 1e-9)
        context = ops.squeeze(ops.matmul(weights[:, None, :], states), 1)
        state, _ = self.cell(ops.concatenate([word, context], -1), state)
        return [state, context, weights]
'''),
    Right("log_softmax и one_hot, float64", "sentence_loss", '''
def sentence_loss(target, logits):
    logs = ops.log_softmax(ops.cast(logits, "float64"))
    picked = -ops.sum(ops.one_hot(target, logits.shape[-1], dtype="float64") * logs, axis=-1)
    real = ops.cast(target > 0, "float64")
    return ops.mean(ops.sum(picked * real, -1) / ops.sum(real, -1))
'''),
    Right("tf и веса слов", "sentence_loss", '''
def sentence_loss(target, logits):
    losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=target, logits=logits)
    real = tf.cast(tf.not_equal(target, 0), tf.float32)
    shares = real / tf.reduce_sum(real, axis=1, keepdims=True) / tf.cast(tf.shape(target)[0], tf.float32)
    return tf.tensordot(losses, shares, 2)
'''),
    Right("через вероятности", "sentence_loss", '''
def sentence_loss(target, logits):
    shares = ops.softmax(logits)
    each = keras.losses.sparse_categorical_crossentropy(target, shares)
    total = 0.0
    for row in range(target.shape[0]):
        mine = ops.cast(target[row] != 0, "float32")
        total += ops.sum(each[row] * mine) / ops.sum(mine)
    return total / target.shape[0]
'''),
    Right("apply_gradients, лишний шаг отрезан, свой tf.function", "train_step", '''
@tf.function
def train_step(net, opt, src, tgt):
    with tf.GradientTape() as tape:
        value = sentence_loss(tgt[:, 1:], net([src, tgt])[:, :-1])
    weights = net.trainable_weights
    opt.apply_gradients(zip(tape.gradient(value, weights), weights))
    return value
'''),
    Right("потери блокнота", "train_step", '''
def train_step(model, optimizer, source, target):
    lose = keras.losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=0)
    with tf.GradientTape() as tape:
        loss = lose(target[:, 1:], model((source, target[:, :-1]), training=True))
    slopes = tape.gradient(loss, model.trainable_variables)
    optimizer.apply_gradients(list(zip(slopes, model.trainable_variables)))
    return loss
'''),
    Right("с остановкой, tf", "translate", '''
def translate(sentences, longest=18):
    states, mask, state = model.encode(tf.constant(source_words.encode(sentences)))
    word = tf.fill([len(sentences)], target_words.START)
    rows, done = [[] for _ in sentences], set()
    while len(done) < len(sentences) and longest > 0:
        logits, state, _ = model.step(word, state, states, mask)
        word = tf.argmax(tf.nn.softmax(logits), axis=1, output_type=tf.int32)
        for i, number in enumerate(word.numpy()):
            done |= {i} if number == target_words.END else set()
            rows[i] += [] if i in done else [target_words.tokens[number]]
        longest -= 1
    return [" ".join(row) for row in rows]
'''),
    Right("по одному предложению", "translate", '''
def translate(sentences, longest=18):
    result = []
    for sentence in sentences:
        states, mask, state = model.encode(source_words.encode([sentence]))
        number, words = target_words.START, []
        while len(words) < longest:
            logits, state, _ = model.step(np.array([number]), state, states, mask)
            number = int(ops.argmax(logits[0]))
            if number == target_words.END:
                break
            words.append(target_words.tokens[number])
        result.append(" ".join(words))
    return result
'''),
    Right("модель целиком на каждом шаге", "translate", '''
def translate(sentences, longest=18):
    source = source_words.encode(sentences)
    prefix = np.full((len(source), 1), target_words.START)
    for _ in range(longest):
        word = np.array(model((source, prefix)))[:, -1].argmax(axis=-1)
        prefix = np.hstack([prefix, word[:, None]])
    return [" ".join(target_words.decode(row[1:])) for row in prefix]
'''),
    Right("слой напрямую, списками", "attention_map", '''
def attention_map(russian, english):
    states, mask, state = model.encode(np.array([[source_words.index.get(w, 1) for w in russian]]))
    matrix, previous = [], "<s>"
    for word in [*english, "</s>"]:
        number = tf.constant([target_words.index.get(previous, 1)])
        state, _, look = model.attention(model.heard(number), state, states, mask)
        matrix.append([float(x) for x in look[0]])
        previous = word
    return dict(rows=list(english) + ["</s>"], columns=tuple(russian), weights=matrix)
'''),
    Right("с меткой конца, лишняя строка не считается", "attention_map", '''
def attention_map(ru, en):
    states, mask, state = model.encode(source_words.encode([ru]))
    ids = target_words.encode([en], start=True, end=True)
    looks = []
    for t in range(ids.shape[1] - 1):
        _, state, look = model.step(ids[:, t], state, states, mask)
        looks.append(look)
    return {"weights": tf.concat(looks, axis=0), "rows": [*en, "</s>"], "columns": [*ru]}
'''),
    Right("sorted и срезы", "bleu_by_length", '''
def bleu_by_length(sentences, translations, references, groups=3):
    order = sorted(range(len(sentences)), key=lambda i: len(sentences[i]))
    size, more = divmod(len(order), groups)
    table, start = [], 0
    for g in range(groups):
        part = order[start : start + size + (g < more)]
        start += len(part)
        sizes = [len(sentences[i]) for i in part]
        table.append([min(sizes), max(sizes), ak.bleu([translations[i] for i in part], [references[i] for i in part])])
    return np.array(table)
'''),
    Right("циклами", "forgotten", '''
def forgotten(charts, least=0.3):
    count = 0
    for chart in charts:
        for j in range(len(chart["columns"])):
            total = 0.0
            for row in np.array(chart["weights"]):
                total += row[j]
            count += total < least
    return np.int64(count)
'''),
]  # fmt: skip
