"""Дочерний процесс hub_encoder(): MiniLM в виде двух SavedModel. Вызов: python _hub_export.py МОДЕЛЬ ПАПКА.

Интерфейс — как у текстовых моделей TF Hub: preprocess превращает строки в три тензора, encoder
превращает их в pooled_output, sequence_output и encoder_outputs. Отдельный процесс — чтобы память,
занятая экспортом, вернулась системе.
"""

import os
import sys
from pathlib import Path

os.environ["TF_USE_LEGACY_KERAS"] = "1"  # TFBertModel — это Keras 2
os.environ["CUDA_VISIBLE_DEVICES"] = ""  # видеокарта нужна блокноту
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import tensorflow as tf
import tensorflow_text as tf_text

LENGTH = 128  # токенов в ответе обычного вызова; bert_pack_inputs даёт любую другую длину


class PackInputs(tf.Module):
    """Номера одного или двух предложений → [CLS] … [SEP] (… [SEP]), маска и номер предложения."""

    def __init__(self, vocabulary: list[str]) -> None:
        super().__init__()
        self.start, self.end = vocabulary.index("[CLS]"), vocabulary.index("[SEP]")

    @tf.function
    def __call__(self, inputs, seq_length=LENGTH):
        """inputs — список из одного или двух RaggedTensor (B, кусков) или (B, слов, кусков), int32."""
        segments = [part if part.ragged_rank == 1 else part.merge_dims(1, 2) for part in inputs]
        # С int64 проверки длин в RaggedConcat пишут в stderr о loop_optimizer.
        segments = [part.with_row_splits_dtype(tf.int32) for part in segments]
        room = seq_length - len(segments) - 1  # без [CLS] и [SEP]
        # Лишнее отрезается с конца так, чтобы каждому предложению досталось места поровну.
        segments = tf_text.RoundRobinTrimmer(room).trim(segments)
        ids, types = tf_text.combine_segments(segments, self.start, self.end)
        ids, mask = tf_text.pad_model_inputs(ids, seq_length)
        types, _ = tf_text.pad_model_inputs(types, seq_length)
        return {"input_word_ids": ids, "input_mask": mask, "input_type_ids": types}


class Preprocess(tf.Module):
    """Тексты → три тензора (B, 128) int32; по частям — tokenize и bert_pack_inputs."""

    def __init__(self, vocabulary: list[str]) -> None:
        super().__init__()
        self.wordpiece = tf_text.FastWordpieceTokenizer(vocabulary, token_out_type=tf.int32)
        self.continues = tf.constant([piece.startswith("##") for piece in vocabulary])
        self.bert_pack_inputs = PackInputs(vocabulary)

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string)])
    def tokenize(self, texts):
        """Тексты (B,) → номера RaggedTensor (B, слов, кусков)."""
        pieces = self.wordpiece.tokenize(normalize(texts))
        first = ~tf.gather(self.continues, pieces.values)  # с этого куска начинается слово
        words = tf.RaggedTensor.from_row_starts(pieces.values, tf.where(first)[:, 0])
        count = tf.reduce_sum(tf.cast(pieces.with_values(first), tf.int64), axis=1)
        return tf.RaggedTensor.from_row_lengths(words, count)

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string)])
    def __call__(self, texts):
        return self.bert_pack_inputs([self.tokenize(texts)], LENGTH)


def normalize(texts):
    """Те же четыре шага и в том же порядке, что у BertNormalizer из библиотеки tokenizers.

    Готовые FastBertNormalizer и BertTokenizer сворачивают регистр по правилам NFKC (ß → ss, ½ → 1⁄2)
    и расходятся с tokenizers на тысячах знаков.
    """
    # Управляющие, форматирующие и частные знаки, кроме \t, \n, \r, и знак замены.
    texts = tf.strings.regex_replace(texts, r"[\x{FFFD}]|[^\P{C}\t\n\r]", "")
    texts = tf_text.normalize_utf8(texts, "NFD")
    texts = tf.strings.regex_replace(texts, r"\p{Mn}", "")  # надстрочные знаки
    return tf.strings.lower(texts, encoding="utf-8")


def export_preprocess(model: Path, folder: Path) -> None:
    vocabulary = (model / "vocab.txt").read_text(encoding="utf-8").splitlines()
    preprocess = Preprocess(vocabulary)
    length = tf.TensorSpec([], tf.int32)
    for rank in (2, 3):
        part = tf.RaggedTensorSpec([None] * rank, tf.int32, ragged_rank=rank - 1)
        for count in (1, 2):
            preprocess.bert_pack_inputs.__call__.get_concrete_function([part] * count, length)
    tf.saved_model.save(preprocess, folder)


def export_encoder(model: Path, folder: Path) -> None:
    from transformers import TFBertModel
    from transformers.utils.logging import set_verbosity_error

    set_verbosity_error()
    # Иначе маски dropout при каждой загрузке другие, и опыт не повторить.
    tf.random.set_seed(2018)
    bert = TFBertModel.from_pretrained(model).bert

    @tf.function
    def call(inputs, training=False):
        outputs = bert(
            inputs["input_word_ids"],
            attention_mask=inputs["input_mask"],
            token_type_ids=inputs["input_type_ids"],
            output_hidden_states=True,
            training=training,
        )
        return {
            "default": outputs.pooler_output,
            "pooled_output": outputs.pooler_output,
            "sequence_output": outputs.last_hidden_state,
            "encoder_outputs": list(outputs.hidden_states[1:]),
        }

    ids = tf.TensorSpec([None, None], tf.int32)
    names = ("input_word_ids", "input_mask", "input_type_ids")
    for training in (True, False):
        call.get_concrete_function(dict.fromkeys(names, ids), training=training)
    # Этого набора атрибутов hub.KerasLayer и ждёт от модели, которую можно дообучать.
    root = tf.train.Checkpoint(
        variables=bert.variables, trainable_variables=bert.trainable_variables, regularization_losses=[]
    )
    root.__call__ = call
    tf.saved_model.save(root, folder)


def main() -> None:
    sys.stderr.reconfigure(encoding="utf-8")
    model, folder = map(Path, sys.argv[1:])
    try:
        export_preprocess(model, folder / "preprocess")
        export_encoder(model, folder / "encoder")
    except OSError as error:
        sys.exit(f"записать файлы не удалось ({error.strerror or type(error).__name__})")
    except Exception as error:  # что бы ни случилось внутри библиотек, читателю — одна строка
        sys.exit(f"экспорт не удался ({type(error).__name__})")


if __name__ == "__main__":
    main()
