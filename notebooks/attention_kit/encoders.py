"""Предобученные кодировщики для TF Hub, Hugging Face и KerasHub: из сети, из папки или встроенный MiniLM."""

import hashlib
import importlib.metadata
import importlib.util
import json
import os
import platform
import re
import shutil
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from attention_kit.minilm import REPAIR, SHA256, minilm_folder
from attention_kit.profiles import profile
from attention_kit.sources import SourceError, cache_dir, course_data, disk, run_script, writing

# tensorflow_hub при импорте жалуется на setuptools, а читателю с этим делать нечего.
warnings.filterwarnings("ignore", message="pkg_resources is deprecated")

NAME = "MiniLM"
EMBEDDED_LINE = "Источник: встроенный кодировщик MiniLM"
QUICK = "профиль quick другими не пользуется"
PREPROCESS = "https://tfhub.dev/tensorflow/bert_en_uncased_preprocess/3"
EXPORT_VERSION = 1  # номер устройства экспорта: сменился — папка в кэше строится заново
EXPORT_LIMIT = 600  # секунд; обычно хватает двадцати
DOWNLOAD_LIMIT = 900  # секунд на модель целиком
SILENCE_LIMIT = 20  # секунд без единого байта — значит, сервер завис
TOKENIZER = ("tokenizer.json", "vocab.txt")
WEIGHTS = ("model.safetensors", "tf_model.h5", "model.safetensors.index.json")


class HubEncoder(NamedTuple):
    """Две папки SavedModel с интерфейсом текстовых моделей TF Hub — для hub.load и hub.KerasLayer.

    preprocess: тексты (B,) → input_word_ids, input_mask, input_type_ids, все (B, 128) int32;
    encoder: такие же три тензора (B, T) → pooled_output (B, ширина), sequence_output
    (B, T, ширина), encoder_outputs — список таких же тензоров, по одному на слой.
    name — как называть кодировщик в таблицах.
    """

    preprocess: str
    encoder: str
    name: str


class HFEncoder(NamedTuple):
    """Папка модели для from_pretrained из transformers и имя для таблиц."""

    folder: str
    name: str


def hub_encoder(encoder: str = "minilm", preprocess: str | None = None) -> HubEncoder:
    """Кодировщик и предобработка для TF Hub; печатает одну строку о том, откуда они.

    encoder, preprocess — «minilm», адрес https://… или папка SavedModel. Без preprocess к адресу берётся
    bert_en_uncased_preprocess/3, к папке — встроенная предобработка: словарь у неё тот же, что у всех
    английских BERT без регистра. Адрес ищется в COURSE_DATA, потом в сети; не нашлось — MiniLM.
    В профиле quick всегда MiniLM. Не та папка или не хватает библиотеки — ValueError.
    """
    check_libraries("tensorflow_text")
    if preprocess is None:
        preprocess = PREPROCESS if _is_address(encoder) else "minilm"
    if encoder == preprocess == "minilm":
        reason = "экспортирован для TF Hub"
    elif profile() == "quick":
        reason = QUICK
    else:
        try:
            model, kind = _hub_part(encoder, "encoder")
            ready, _ = _hub_part(preprocess, "preprocess")
            print(f"Источник: {kind}, {hub_name(encoder)}")
            return HubEncoder(ready, model, hub_name(encoder))
        except (SourceError, OSError) as error:
            reason = f"{hub_name(encoder)} из сети не получен ({_said(error)})"
    found = exported_minilm()
    print(f"{EMBEDDED_LINE} — {reason}")
    return found


def hf_encoder(name: str = "minilm") -> HFEncoder:
    """Папка модели Hugging Face для from_pretrained; печатает одну строку о том, откуда она.

    name — «minilm», папка или имя на Hugging Face; имя ищется в COURSE_DATA, потом в кэше и в сети
    (HF_ENDPOINT, HF_HOME — как обычно); не нашлось — MiniLM. В профиле quick всегда MiniLM.
    ValueError, если в папке чего-то не хватает.
    """
    if name == "minilm" or profile() == "quick":
        print(EMBEDDED_LINE if name == "minilm" else f"{EMBEDDED_LINE} — {QUICK}")
        return HFEncoder(str(minilm_folder()), NAME)
    if name and (folder := Path(name).expanduser()).is_dir():
        if problem := _model_problem(folder):
            raise ValueError(f"Папка {folder.name} не годится: {problem}.")
        print(f"Источник: ваша папка, {folder.name}")
        return HFEncoder(str(folder), folder.name)
    if not re.fullmatch(r"[\w.-]+(/[\w.-]+)?", name) or name.startswith("."):
        raise ValueError(
            f"{name!r} — не папка и не имя модели на Hugging Face. Укажите имя вида "
            "bert-base-uncased или cointegrated/rubert-tiny2, существующую папку или minilm."
        )
    try:
        places = dict.fromkeys([name, name.split("/")[-1]])
        folder, kind = _from_course_data(places, _model_problem) or _from_hugging_face(name)
    except (SourceError, OSError) as error:
        print(f"{EMBEDDED_LINE} — {name} с Hugging Face не получен ({_said(error)})")
        return HFEncoder(str(minilm_folder()), NAME)
    print(f"Источник: {kind}, {name}")
    return HFEncoder(str(folder), name)


def keras_hub_folder() -> str:
    """Папка MiniLM для from_preset из keras_hub 0.26: он ждёт имён весов, как у первых моделей BERT.

    Печатает одну строку о том, откуда модель. GELU в keras_hub считается приближённо, через tanh,
    а в transformers — точно: выходы расходятся на тысячные.
    """
    folder = _built("minilm-keras-hub", _rename_weights)
    print(f"{EMBEDDED_LINE} — имена весов как в KerasHub")
    return str(folder)


# --- библиотеки ---


def check_libraries(*names: str) -> None:
    """Есть ли библиотеки, нужные блокноту: «tensorflow_text», «transformers», «keras2».

    ValueError с указанием, что делать, если чего-то нет или версия не та.
    """
    for name in names:
        LIBRARIES[name]()


def _check_tensorflow_text() -> None:
    if importlib.util.find_spec("tensorflow_text"):
        return
    if platform.system() == "Windows":
        raise ValueError(
            "Этому блокноту нужна библиотека tensorflow-text, а под Windows её нет. "
            "Откройте его в WSL2, Google Colab или Binder — как, сказано в README."
        )
    raise ValueError(f"Не установлена библиотека tensorflow-text. {REPAIR}")


def _check_transformers() -> None:
    try:
        imported = sys.modules.get("transformers")
        version = imported.__version__ if imported else importlib.metadata.version("transformers")
    except importlib.metadata.PackageNotFoundError:
        raise ValueError(f"Не установлена библиотека transformers. {REPAIR}") from None
    if not version.startswith("4.53."):
        raise ValueError(
            f"Установлена transformers {version}, а обычные веса BERT читают классы TensorFlow из 4.53.3: "
            "с 4.54 они этого не умеют, с 5 их нет. Выполните в ячейке "
            "`%pip install transformers==4.53.3` и перезапустите ядро."
        )


def _check_keras2() -> None:
    if not importlib.util.find_spec("tf_keras"):
        raise ValueError(f"Не установлена библиотека tf-keras (это Keras 2). {REPAIR}")
    legacy = os.environ.get("TF_USE_LEGACY_KERAS") in ("1", "true", "True")
    tensorflow = sys.modules.get("tensorflow")
    # Раз обратившись к tf.keras, TensorFlow от переменной уже не зависит; version есть только в Keras 3.
    if not legacy or (tensorflow and hasattr(tensorflow.keras, "version")):
        raise ValueError(
            "Этому блокноту нужен Keras 2, а TensorFlow настроен на Keras 3. Перезапустите ядро и "
            'выполните ячейки с первой: TF_USE_LEGACY_KERAS="1" задаётся до import tensorflow.'
        )


LIBRARIES: dict[str, Callable[[], None]] = {
    "tensorflow_text": _check_tensorflow_text,
    "transformers": _check_transformers,
    "keras2": _check_keras2,
}


# --- TF Hub ---


def _is_address(handle: str) -> bool:
    return handle.startswith(("https://", "http://"))


def hub_name(handle: str) -> str:
    """…/tensorflow/small_bert/bert_en_uncased_L-4_H-128_A-2/1 → small_bert/bert_en_uncased_L-4_H-128_A-2."""
    if not _is_address(handle):
        return NAME if handle == "minilm" else Path(handle).name
    parts = handle.split("?")[0].rstrip("/").split("/")[3:]
    if len(parts) > 1 and parts[-1].isdigit():
        del parts[-1]  # номер версии
    return "/".join(parts[1:] or parts)  # без имени издателя


def _hub_part(handle: str, part: str) -> tuple[str, str]:
    """Папка SavedModel и вид источника; part — preprocess или encoder, если handle — «minilm»."""
    if handle == "minilm":
        return getattr(exported_minilm(), part), "встроенный кодировщик"
    if _is_address(handle):
        folder, kind = _from_course_data([hub_name(handle)], _saved_model_problem) or _from_hub(handle)
        return str(folder), kind
    folder = Path(handle).expanduser()
    if not folder.is_dir():
        raise ValueError(
            f"{handle!r} — не папка и не адрес. Укажите адрес вида {PREPROCESS}, существующую папку "
            "SavedModel или minilm."
        )
    if problem := _saved_model_problem(folder):
        raise ValueError(f"Папка {folder.name} не годится: {problem}.")
    return str(folder), "ваша папка"


def _saved_model_problem(folder: Path) -> str:
    """Почему это не многоразовый SavedModel; пустая строка, если это он."""
    for file in ("saved_model.pb", "variables/variables.index"):
        if not (folder / file).is_file():
            return f"это не SavedModel, в ней нет {file}"
    from google.protobuf.message import DecodeError
    from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

    try:
        model = SavedModel.FromString((folder / "saved_model.pb").read_bytes())
        root = model.meta_graphs[0].object_graph_def.nodes[0]
    except (DecodeError, IndexError):
        return "файл saved_model.pb испорчен"
    if "__call__" not in {child.local_name for child in root.children}:
        return "эту SavedModel нельзя вызвать как слой (нет __call__)"
    return ""


def _from_course_data(places: Iterable[str], problem_of: Callable[[Path], str]) -> tuple[Path, str] | None:
    """Первая годная папка из COURSE_DATA; о негодной сказано."""
    for place in places if (data := course_data()) else ():
        if (folder := data / place).is_dir():
            if not (problem := problem_of(folder)):
                return folder, "COURSE_DATA"
            print(f"В COURSE_DATA есть папка {place}, но не годится: {problem}.")
    return None


def _from_hub(address: str) -> tuple[Path, str]:
    """Модель из кэша TF Hub или из сети; SourceError с причиной."""
    usual = Path(tempfile.gettempdir(), "tfhub_modules")
    cache = Path(os.environ.get("TFHUB_CACHE_DIR") or usual)
    folder = cache / hashlib.sha1(address.encode()).hexdigest()  # так её назовёт и сам TF Hub
    if not folder.is_dir():
        with _alone(folder.name), _part(folder) as part:
            run_script(
                "_download.py", "hub", address, SILENCE_LIMIT, timeout=DOWNLOAD_LIMIT,
                late="сервер не отдал модель", TFHUB_CACHE_DIR=str(part),
            )  # fmt: skip
            if problem := _saved_model_problem(part / folder.name):
                raise SourceError(problem.replace("в ней", "в модели"))
            os.replace(part / folder.name, folder)
    return folder, "TF Hub"


# --- Hugging Face ---


def _model_problem(folder: Path) -> str:
    """Чего не хватает в папке модели; пустая строка, если всё на месте."""
    try:
        json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        return "в ней нет config.json"
    except ValueError:
        return "файл config.json испорчен"
    if not any((folder / name).is_file() for name in TOKENIZER):
        return f"в ней нет токенизатора ({' или '.join(TOKENIZER)})"
    if not any((folder / name).is_file() for name in WEIGHTS):
        return f"в ней нет весов ({' или '.join(WEIGHTS[:2])})"
    from safetensors import SafetensorError, safe_open

    try:
        for path in folder.glob("*.safetensors"):
            with safe_open(path, "np"):  # сверяет длину файла с оглавлением
                pass
    except (SafetensorError, OSError):
        return "файл с весами испорчен"
    return ""


def _from_hugging_face(name: str) -> tuple[Path, str]:
    """Модель из кэша huggingface_hub или из сети; SourceError с причиной."""
    from huggingface_hub import try_to_load_from_cache

    home = os.environ.get("HF_HOME") or Path(
        os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache", "huggingface"
    )
    cache = Path(os.environ.get("HF_HUB_CACHE") or Path(home, "hub"))
    config = try_to_load_from_cache(name, "config.json", cache_dir=cache)
    if isinstance(config, str) and not _model_problem(Path(config).parent):
        return Path(config).parent, "Hugging Face"
    with _alone(f"hf-{name.replace('/', '--')}"):
        try:
            printed = run_script(
                "_download.py", "hugging_face", name,
                timeout=DOWNLOAD_LIMIT, late="сервер не отдал модель",
            )  # fmt: skip
        finally:
            for part in cache.glob(f"models--{name.replace('/', '--')}/blobs/*.incomplete"):
                part.unlink(missing_ok=True)
    folder = Path(printed.splitlines()[-1])
    if problem := _model_problem(folder):
        raise SourceError(problem.replace("в ней", "в модели"))
    return folder, "Hugging Face"


# --- MiniLM в других видах ---


def exported_minilm() -> HubEncoder:
    """Две SavedModel из весов MiniLM; строятся один раз, секунд за двадцать."""
    folder = _built("minilm-tf-hub", export_for_hub)
    return HubEncoder(str(folder / "preprocess"), str(folder / "encoder"), NAME)


def export_for_hub(model: Path, folder: Path) -> None:
    check_libraries("transformers")
    run_script(
        "_hub_export.py", model, folder,
        timeout=EXPORT_LIMIT, late="экспорт не закончился",
    )  # fmt: skip


def _rename_weights(model: Path, folder: Path) -> None:
    from safetensors.numpy import load_file, save_file

    def renamed(name: str) -> str:
        name = name.replace("LayerNorm.weight", "LayerNorm.gamma")
        return "bert." + name.replace("LayerNorm.bias", "LayerNorm.beta")

    weights = load_file(model / "model.safetensors")
    folder.mkdir()
    save_file({renamed(name): array for name, array in weights.items()}, folder / "model.safetensors")
    for name in SHA256.keys() - {"model.safetensors"}:
        shutil.copyfile(model / name, folder / name)


def _built(name: str, build: Callable[[Path, Path], None]) -> Path:
    """Папка name в кэше курса, которую build делает из MiniLM; устаревшая строится заново."""
    folder = cache_dir() / "encoders" / name
    stamp = folder / "made-from"
    made_from = f"{EXPORT_VERSION} {SHA256['model.safetensors']}"

    def ready() -> bool:
        return stamp.is_file() and stamp.read_text() == made_from

    if ready():
        return folder
    try:
        with _alone(name):
            if ready():  # пока ждали, её построил сосед
                return folder
            if folder.exists():
                print(f"{NAME} в кэше курса не от этой версии курса: строим заново.")
                shutil.rmtree(folder)
            with _part(folder) as part:
                build(minilm_folder(), part / name)
                (part / name / stamp.name).write_text(made_from)
                os.replace(part / name, folder)
    except (SourceError, OSError) as error:
        raise ValueError(
            f"Подготовить MiniLM не удалось ({_said(error)}). Устраните причину и выполните ячейку ещё раз."
        ) from error
    return folder


# --- временные папки ---


@contextmanager
def _alone(name: str) -> Iterator[None]:
    """Пока один блокнот строит или скачивает, остальные ждут."""
    folder = cache_dir() / "encoders"
    folder.mkdir(exist_ok=True)
    with writing(folder / name, timeout=DOWNLOAD_LIMIT + 60):
        yield


@contextmanager
def _part(folder: Path) -> Iterator[Path]:
    """Временная папка рядом с folder; исчезает при любом исходе, а от убитых процессов — при следующем."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    for forgotten in folder.parent.glob(f"{folder.name}.*.part"):
        shutil.rmtree(forgotten, ignore_errors=True)
    part = folder.with_name(f"{folder.name}.{os.getpid()}.part")
    part.mkdir()
    try:
        yield part
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _said(error: Exception) -> str:
    """Причина неудачи для читателя: без пути, который есть в тексте OSError."""
    return f"{disk(error) or error}" if isinstance(error, OSError) else f"{error}"
