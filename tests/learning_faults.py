"""Ошибки, которые видны только по обученной модели: не меньше четырёх на блокнот с обучением."""

from learning import LearningFault

LEARNING_FAULTS = [
    # --- 01 ---
    LearningFault("01", "перевод не сдвинут на слово", "def make_batches(", "t[:, 1:]))", "t[:, :-1]))", "short = ak.collect("),
    LearningFault("01", "потери ждут вероятностей", "def train(", "from_logits=True", "from_logits=False", "short = ak.collect("),
    LearningFault("01", "прогрев не кончается", "def train(", "min(100, steps // 4)", "1000 * steps", "short = ak.collect("),
    LearningFault("01", "контекст чужого предложения", "class AdditiveAttention(", "ops.matmul(weights, states)",
                  "ops.matmul(weights, ops.roll(states, 1, axis=0))", "short = ak.collect("),
    LearningFault("01", "подписи карты сдвинуты на слово", "def maps_of(", "[w[:r, :c]", "[np.roll(w[:r, :c], 1, axis=0)", "short = ak.collect("),
    LearningFault("01", "жадный перевод забывает состояние", "def greedy(", "logits, state, weights = step(", "logits, _, weights = step(",
                  "figure, axes ="),
    LearningFault("01", "модель без внимания — с вниманием", "class Decoder(", " if attention else None", "", "curves = {"),
    LearningFault("01", "переводы в другом порядке строк", "def translate_all(", "in zip(chunk,", "in zip(sorted(chunk),", "checked = corpus.test"),

    # --- 03 ---

    # --- 06 ---
    LearningFault("06", "предобученные веса не загружены", "frozen = Encoder(", 'name="encoder")',
                  'name="encoder")\nfrozen.set_weights([np.random.default_rng(0).normal(0, 0.05, w.shape) for w in frozen.get_weights()])',
                  "others = (matrix"),
    LearningFault("06", "замороженный слой не заморожен", "frozen = Encoder(", "trainable=False", "trainable=True", "whole = end_to_end("),
    LearningFault("06", "признаки в другом порядке строк", "def features(", "in zip(rows, outputs", "in zip(sorted(rows), outputs", "cache = {}"),
    LearningFault("06", "кодировщик так и не разморожен", "frozen.trainable = trainable", "= trainable\n", "= False\n", "frozen.trainable ="),
    LearningFault("06", "градиент не доходит до кодировщика", "def make_classifier(", 'mean_over_tokens(outputs["sequence_output"]',
                  'mean_over_tokens(tf.stop_gradient(outputs["sequence_output"])', "on_valid > 0.7"),
    LearningFault("06", "потери ждут вероятностей", "def fine_tune(", "from_logits=True", "from_logits=False", "on_valid > 0.7"),
    LearningFault("06", "прогрев в примерах", "def fine_tune(", "epochs * len(batches)", "epochs * len(batches) * 8", "planned = WarmupDecay"),
    LearningFault("06", "прогрев не кончается", "def fine_tune(", "warmup=max(1, steps // 10)", "warmup=1000 * steps", "on_valid > 0.7"),
    LearningFault("06", "ответы в другом порядке строк", "def predict(", "result[rows] =", "result[np.sort(rows)] =", "on_valid > 0.7"),
    LearningFault("06", "маска внимания потеряна", "def make_classifier(", "encoder(inputs)",
                  'encoder({**inputs, "input_mask": tf.ones_like(inputs["input_mask"])})', "packs = {"),

    # --- 07 ---
    LearningFault("07", "веса кодировщика не загружены", cell="def fit_classifier(", old="    steps = epochs",
          new="    for w in model.bert.weights:\n        w.assign(tf.random.normal(w.shape, stddev=0.02))\n    steps = epochs",
          caught="losses, seconds = fit_classifier("),
    LearningFault("07", "градиент не доходит до кодировщика", cell="def fit_classifier(", old="    model.compile(",
          new="    model.bert.trainable = False\n    model.compile(", caught="losses, seconds = fit_classifier("),
    LearningFault("07", "потери по вероятностям на логитах", cell="def fit_classifier(", old="from_logits=True", new="from_logits=False",
          caught='assert names[-1] == "дообучен"'),
    LearningFault("07", "прогрев и спад посчитаны в примерах", cell="def fit_classifier(", old="epochs * len(batches)",
          new="epochs * len(batches) * 8", caught="losses, seconds = fit_classifier("),
    LearningFault("07", "строки батча не в том порядке, что метки", cell="def make_batches(", old="np.asarray(labels)[order]",
          new="np.asarray(labels)", caught="worse = ["),
    LearningFault("07", "слой обучен на логитах с потерями-строкой", cell="SCHEDULES = {", old="from_logits=True", new="from_logits=False",
          caught="worse = ["),
    LearningFault("07", "predict забывает маску", cell="def fit_classifier(", old="model.predict(batches,", new="model.predict(drop_mask(batches),",
          caught='assert moved["до 128, с маской"]'),
    LearningFault("07", "ответы в порядке батчей, а не текстов", cell="def fit_classifier(", old=".logits[np.argsort(numbers)]", new=".logits",
          caught='assert names[-1] == "дообучен"'),
    LearningFault("07", "подписи карты сдвинуты на один токен", cell="def attentions(", old='["input_ids"][0])', new='["input_ids"][0][1:]) + ["[PAD]"]',
          caught="assert tokens[1:-1] =="),

    # --- 08 ---
    LearningFault("08", "предобученные веса не загружены", "def load_encoder(", "from_preset(ak.keras_hub_folder())", "from_preset(ak.keras_hub_folder(), load_weights=False)",
                  "news = ak.load_news("),
    LearningFault("08", "замороженная таблица не заморожена", "def load_encoder(", "trainable = False", "trainable = True", "news = ak.load_news("),
    LearningFault("08", "прогрев не кончается", "def make_optimizer(", "warmup_steps=warmup", "warmup_steps=1000 * warmup", "tagger, losses, seconds ="),
    LearningFault("08", "градиент не доходит до кодировщика", "def make_tagger(", 'Dropout(0.1)(encoder.output["sequence_output"])',
                  'Dropout(0.1)(ops.stop_gradient(encoder.output["sequence_output"]))', "tagger, losses, seconds ="),
    LearningFault("08", "метки сдвинуты на кусок", "def train_tagger(", "[word_labels(*p) for p in pairs]", "[np.roll(word_labels(*p), 1).tolist() for p in pairs]", "tested = test["),
    LearningFault("08", "начало и конец ответа перепутаны", "def train_reader(", "target(*pair) for", "target(*pair)[::-1] for", "answered = {"),
    LearningFault("08", "потери ждут вероятностей", "def train_reader(", "from_logits=True", "from_logits=False", "reader, losses, seconds ="),
]  # fmt: skip
