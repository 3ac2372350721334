"""Конвейеры tf.data: настройка, которая нужна каждому блокноту с обучением."""


def finish(data, batches: int | None = None):
    """Отключает автонастройку (с ней конец эпохи подвисает) и сообщает Keras число батчей.

    batches — сколько их; None — сосчитать (заодно наполняется кэш конвейера).
    """
    import tensorflow as tf

    options = tf.data.Options()
    options.autotune.enabled = False
    data = data.with_options(options)
    count = sum(1 for _ in data) if batches is None else batches
    return data.apply(tf.data.experimental.assert_cardinality(count))
