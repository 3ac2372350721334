"""Домашняя работа 1: типичные ошибки и верные решения, написанные иначе."""

from coursework import Right, Wrong

WRONG = [
    Wrong("сдвиг забыт", "additive_scores", " + b", "", "Сдвиг b не прибавлен"),
    Wrong("без tanh", "additive_scores", "np.tanh(pairs)", "pairs", "где tanh"),
    Wrong("форма перевёрнута", "additive_scores", "return np.tanh(pairs) @ v", "return (np.tanh(pairs) @ v).T", "запросы × состояния"),
    Wrong("softmax вместо оценок", "additive_scores", "return np.tanh(pairs) @ v",
          "e = np.exp(np.tanh(pairs) @ v)\n    return e / e.sum(-1, keepdims=True)", "ожидались"),
    Wrong("W и U перепутаны", "additive_scores", "query @ W.T", "query @ U[:, : query.shape[1]].T", "другой ширины"),
    Wrong("W без транспонирования", "additive_scores", "W.T", "W", "На другом примере ваш код остановился"),
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
]  # fmt: skip
