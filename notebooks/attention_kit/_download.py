"""Дочерний процесс hub_encoder() и hf_encoder(): скачивает модель в обычный кэш её библиотеки.

Вызов: python _download.py hub АДРЕС СЕКУНД (без единого байта — значит, сервер завис) или
python _download.py hugging_face ИМЯ. Печатает папку модели.
"""

import os
import socket
import sys
import tarfile
import urllib.error
import urllib.request
from pathlib import Path

TOKENIZER = ("tokenizer_config.json", "special_tokens_map.json", "tokenizer.json", "vocab.txt")
WEIGHTS = ("model.safetensors", "tf_model.h5")  # второй нужен, только если нет первого
SILENT, NO_LINK = "сервер не отвечает", "нет связи с сервером"
UNKNOWN, NOT_WHOLE = "модели с таким именем нет", "сервер отдал не модель или не всю модель"


class Failure(Exception):
    """Причина неудачи — одной русской строкой."""


# --- TF Hub ---


def hub(address: str, silence: str) -> str:
    """Скачивает и распаковывает модель TF Hub."""
    socket.setdefaulttimeout(float(silence))
    try:
        return _resolve(address)
    except urllib.error.HTTPError as error:
        raise Failure(f"сервер ответил кодом {error.code}") from error
    except urllib.error.URLError as error:
        late = isinstance(error.reason, TimeoutError)
        raise Failure(SILENT if late else NO_LINK) from error
    except TimeoutError as error:
        raise Failure(SILENT) from error
    except (ConnectionError, EOFError, tarfile.TarError) as error:
        raise Failure(NOT_WHOLE) from error
    except OSError as error:
        if error.errno:  # отказал диск
            raise
        raise Failure(NOT_WHOLE) from error


def _resolve(address: str) -> str:
    # Отвечает ли сервер, узнаем до долгого импорта TensorFlow.
    query = "&" if "?" in address else "?"
    urllib.request.urlopen(f"{address}{query}tf-hub-format=compressed").close()
    os.environ["CUDA_VISIBLE_DEVICES"] = ""  # видеокарта нужна блокноту
    os.environ["TFHUB_MODEL_LOAD_FORMAT"] = "COMPRESSED"
    import tensorflow_hub

    return tensorflow_hub.resolve(address)


# --- Hugging Face ---


def hugging_face(name: str) -> str:
    """Скачивает настройки, токенизатор и — последними — веса; что уже есть в кэше, не скачивает."""
    os.environ["HF_HUB_DISABLE_PROGRESS_BARS"] = "1"
    os.environ["HF_HUB_DISABLE_XET"] = "1"  # у обычного HTTP есть пределы времени
    import requests
    from huggingface_hub import constants, errors, hf_hub_url

    if constants.HF_HUB_OFFLINE:
        raise Failure("сеть запрещена переменной HF_HUB_OFFLINE")
    try:
        # Сама библиотека при обрыве связи повторяет попытки больше минуты.
        url = hf_hub_url(name, "config.json")
        answer = requests.head(url, timeout=constants.HF_HUB_ETAG_TIMEOUT)
        if answer.status_code >= 500:
            raise requests.HTTPError(response=answer)
        return _fetched(name)
    except errors.GatedRepoError as error:
        raise Failure("для этой модели нужно разрешение её авторов") from error
    except errors.RepositoryNotFoundError as error:
        raise Failure(UNKNOWN) from error
    except (requests.RequestException, errors.LocalEntryNotFoundError) as error:
        raise Failure(_no_answer(error)) from error


def _no_answer(error: BaseException) -> str:
    """Причина по ошибке библиотеки requests; huggingface_hub прячет её под своей."""
    import requests

    error = error.__cause__ or error
    if isinstance(error, requests.HTTPError):
        code = error.response.status_code
        return UNKNOWN if code in (401, 404) else f"сервер ответил кодом {code}"
    if isinstance(error, requests.Timeout) or "timed out" in str(error):
        return SILENT
    return NO_LINK if isinstance(error, requests.ConnectionError) else NOT_WHOLE


def _fetched(name: str) -> str:
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import EntryNotFoundError, LocalEntryNotFoundError

    def fetch(file: str) -> Path | None:
        try:
            return Path(hf_hub_download(name, file))
        except LocalEntryNotFoundError:
            raise
        except EntryNotFoundError:
            return None

    config = fetch("config.json")
    if not config:
        raise Failure("в модели нет config.json")
    for file in TOKENIZER:
        fetch(file)
    any(map(fetch, WEIGHTS))  # чего не хватает, скажет hf_encoder()
    return str(config.parent)


def main() -> None:
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(encoding="utf-8")
    kind, *arguments = sys.argv[1:]
    try:
        print({"hub": hub, "hugging_face": hugging_face}[kind](*arguments))
    except Failure as error:
        sys.exit(str(error))
    except OSError as error:
        sys.exit(f"записать скачанное не удалось ({error.strerror or type(error).__name__})")
    except Exception as error:  # что бы ни случилось внутри библиотеки, читателю — одна строка
        sys.exit(f"скачать не удалось ({type(error).__name__})")


if __name__ == "__main__":
    main()
