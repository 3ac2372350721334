"""Ошибки, которые видны только по обученной модели: не меньше четырёх на блокнот с обучением."""

from learning import LearningFault

LEARNING_FAULTS = [
    # --- 01 ---

    # --- 03 ---

    # --- 06 ---

    # --- 07 ---
    LearningFault("07", "веса кодировщика не загружены", cell="def fit_classifier(", old="    steps = epochs",
          new="    for w in model.bert.weights:\n        w.assign(tf.random.normal(w.shape, stddev=0.02))\n    steps = epochs",
          caught="losses, seconds = fit_classifier("),
    LearningFault("07", "градиент не доходит до кодировщика", cell="def fit_classifier(", old="    model.compile(",
          new="    model.bert.trainable = False\n    model.compile(", caught="losses, seconds = fit_classifier("),
    LearningFault("07", "потери по вероятностям на логитах", cell="def fit_classifier(", old="from_logits=True", new="from_logits=False",
          caught="losses, seconds = fit_classifier("),
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
]  # fmt: skip
