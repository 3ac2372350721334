"""Где берутся кодировщики: порядок источников, местные серверы TF Hub и Hugging Face, замки, целость файлов."""

import errno
import hashlib
import importlib.metadata
import importlib.util
import io
import os
import platform
import subprocess
import sys
import tarfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace

import attention_kit as ak
import numpy as np
import pytest
from attention_kit import encoders, minilm
from safetensors.numpy import save as to_safetensors

COMMIT = "c" * 40
FILES = {
    "config.json": b'{"model_type": "bert"}',
    "tokenizer_config.json": b'{"do_lower_case": true}',
    "tokenizer.json": b'{"model": {}}',
    "vocab.txt": b"[PAD]\n[UNK]\n",
    "model.safetensors": to_safetensors({"weight": np.arange(5000, dtype="float32")}),
}
QUICK_SAYS = "Источник: встроенный кодировщик MiniLM — профиль quick другими не пользуется\n"


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch) -> Path:
    for name in ("COURSE_DATA", "HF_HUB_CACHE", "HF_TOKEN", "HTTP_PROXY", "http_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COURSE_PROFILE", "cpu")
    monkeypatch.setenv("COURSE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hugging_face"))
    monkeypatch.setenv("TFHUB_CACHE_DIR", str(tmp_path / "tf_hub"))
    for name in ("HF_HUB_ETAG_TIMEOUT", "HF_HUB_DOWNLOAD_TIMEOUT"):
        monkeypatch.setenv(name, "2")
    monkeypatch.setattr(encoders, "SILENCE_LIMIT", 2)
    return tmp_path


@pytest.fixture
def course_data(tmp_path, monkeypatch) -> Path:
    (tmp_path / "data").mkdir()
    monkeypatch.setenv("COURSE_DATA", str(tmp_path / "data"))
    return tmp_path / "data"


def write(folder: Path, files: dict[str, bytes]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


# --- местный сервер: TF Hub и Hugging Face ---


class Server:
    """Отдаёт архив TF Hub по адресам /hub/… и модели Hugging Face из models.

    mode — как он отвечает: good, hang (молчит), drip (большой файл — по байту) или код ответа.
    """

    def __init__(self) -> None:
        self.mode, self.archive, self.requests = "good", b"", 0
        self.models = {"own/tiny": dict(FILES), "tiny": dict(FILES)}
        self.stop = threading.Event()


class Handler(BaseHTTPRequestHandler):
    hub: Server

    def do_HEAD(self) -> None:
        self.hub.requests += 1
        path = self.path.split("?")[0].strip("/")
        name, _, file = path.partition("/resolve/main/")
        files = self.hub.models.get(name)
        if path.startswith("hub/"):
            self.send(self.hub.archive, "archive", {})
        elif files is None:
            self.head(404, {"X-Error-Code": "RepoNotFound"})
        elif file not in files:
            self.head(404, {"X-Error-Code": "EntryNotFound", "X-Repo-Commit": COMMIT})
        else:
            self.send(files[file], file, hub_headers(files[file], file))

    do_GET = do_HEAD

    def head(self, code: int, headers: dict[str, str]) -> None:
        self.send_response(code)
        for key, value in {"Content-Length": "0", **headers}.items():
            self.send_header(key, value)
        self.end_headers()

    def send(self, data: bytes, file: str, headers: dict[str, str]) -> None:
        mode = self.hub.mode
        if mode == "hang":
            self.hub.stop.wait(30)
        elif mode.isdigit():
            self.head(int(mode), {})
        if mode == "hang" or mode.isdigit():
            return
        self.head(200, {"Content-Length": str(len(data)), **headers})
        if self.command == "HEAD":
            return
        drip = mode == "drip" and file in ("archive", "model.safetensors")  # медлит только большой файл
        step = 1 if drip else len(data)
        for start in range(0, len(data), step):
            self.wfile.write(data[start : start + step])
            self.wfile.flush()
            if drip and self.hub.stop.wait(0.2):
                return

    def log_message(self, *_) -> None:
        pass


def hub_headers(data: bytes, file: str) -> dict[str, str]:
    """Сумма весов — sha256 (Git LFS), прочих файлов — git-sha1; так отвечает huggingface.co."""
    if file == "model.safetensors":
        etag = {"X-Linked-Etag": f'"{hashlib.sha256(data).hexdigest()}"', "X-Linked-Size": str(len(data))}
    else:
        etag = {"ETag": f'"{hashlib.sha1(b"blob %d" % len(data) + bytes(1) + data).hexdigest()}"'}
    return {"X-Repo-Commit": COMMIT, **etag}


@contextmanager
def running(server: Server) -> Iterator[str]:
    handler = type("Handler", (Handler,), {"hub": server})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as http:
        http.daemon_threads = True
        threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        yield f"http://127.0.0.1:{http.server_port}"
        server.stop.set()
        http.shutdown()


@pytest.fixture
def server(monkeypatch) -> Iterator[Server]:
    server = Server()
    with running(server) as address:
        monkeypatch.setenv("HF_ENDPOINT", address)
        server.address = address
        yield server


def minilm_is_used(found: ak.HFEncoder | ak.HubEncoder, capsys, reason: str) -> None:
    """Взят MiniLM, и об этом сказано одной строкой с причиной, без путей и трассировок."""
    said = capsys.readouterr().out
    assert found.name == "MiniLM"
    assert said.startswith("Источник: встроенный кодировщик MiniLM — ") and said.count("\n") == 1
    assert reason in said
    assert "Traceback" not in said and "/tmp" not in said


# --- Hugging Face ---


@pytest.mark.parametrize("name", ["own/tiny", "tiny"])
def test_hugging_face_name(server, capsys, name: str) -> None:
    found = ak.hf_encoder(name)
    assert capsys.readouterr().out == f"Источник: Hugging Face, {name}\n"
    assert found.name == name and contents(Path(found.folder)) == FILES
    server.mode, server.requests = "hang", 0
    assert ak.hf_encoder(name) == found and server.requests == 0  # второй раз — без сети


def test_old_weights_only_if_there_are_no_others(server) -> None:
    server.models["own/tiny"]["tf_model.h5"] = b"keras"
    assert contents(Path(ak.hf_encoder("own/tiny").folder)) == FILES
    server.models["tiny"]["tf_model.h5"] = server.models["tiny"].pop("model.safetensors")
    assert contents(Path(ak.hf_encoder("tiny").folder)) == server.models["tiny"]


FAILURES = [
    ("hang", "сервер не отвечает"),
    ("drip", "сервер не отдал модель за 3 с"),
    ("503", "сервер ответил кодом 503"),
    ("401", "модели с таким именем нет"),  # так huggingface.co отвечает на незнакомое имя
    ("no weights", "в модели нет весов"),
]


@pytest.mark.parametrize(("mode", "reason"), FAILURES, ids=[mode for mode, _ in FAILURES])
def test_hugging_face_failure(server, cache, capsys, monkeypatch, mode: str, reason: str) -> None:
    monkeypatch.setattr(encoders, "DOWNLOAD_LIMIT", 3 if mode == "drip" else 60)
    server.mode = mode
    if mode == "no weights":
        del server.models["own/tiny"]["model.safetensors"]
    started = time.monotonic()
    minilm_is_used(ak.hf_encoder("own/tiny"), capsys, f"own/tiny с Hugging Face не получен ({reason}")
    assert time.monotonic() - started < 20
    assert not list((cache / "hugging_face").rglob("*.incomplete"))
    server.mode, server.models = "good", {"own/tiny": FILES}  # полмодели в кэше потом докачивается
    monkeypatch.setattr(encoders, "DOWNLOAD_LIMIT", 60)
    assert contents(Path(ak.hf_encoder("own/tiny").folder)) == FILES


def test_no_network(capsys, monkeypatch, exported) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    minilm_is_used(ak.hf_encoder("tiny"), capsys, "нет связи с сервером")
    minilm_is_used(ak.hub_encoder("http://127.0.0.1:9/own/model/1"), capsys, "нет связи с сервером")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    minilm_is_used(ak.hf_encoder("tiny"), capsys, "сеть запрещена переменной HF_HUB_OFFLINE")


def test_local_folder(tmp_path, capsys) -> None:
    folder = write(tmp_path / "моя модель", FILES)
    assert ak.hf_encoder(str(folder)) == ak.HFEncoder(str(folder), "моя модель")
    assert capsys.readouterr().out == "Источник: ваша папка, моя модель\n"


@pytest.mark.parametrize("missing", ["config.json", "vocab.txt", "model.safetensors"])
def test_incomplete_local_folder(tmp_path, missing: str) -> None:
    names = FILES.keys() - {missing, "tokenizer.json"}
    folder = write(tmp_path / "папка", {name: FILES[name] for name in names})
    with pytest.raises(ValueError, match=f"Папка папка не годится: в ней нет .*{missing}"):
        ak.hf_encoder(str(folder))


def test_cut_weights_are_not_taken(tmp_path) -> None:
    """Скопировано не до конца: без проверки transformers упал бы с английской ошибкой."""
    cut = {"model.safetensors": FILES["model.safetensors"][:-9]}
    with pytest.raises(ValueError, match="файл с весами испорчен"):
        ak.hf_encoder(str(write(tmp_path / "папка", FILES | cut)))


@pytest.mark.parametrize("name", ["./нет", "a/b/c", "", "имя с пробелом"])
def test_neither_name_nor_folder(name: str) -> None:
    with pytest.raises(ValueError, match="не папка и не имя модели.*bert-base-uncased"):
        ak.hf_encoder(name)


@pytest.mark.parametrize("place", ["own/tiny", "tiny"])
def test_course_data_comes_first(course_data, capsys, monkeypatch, place: str) -> None:
    monkeypatch.setattr(encoders, "run_script", None)  # обращение к сети — ошибка
    write(course_data / place, FILES)
    assert ak.hf_encoder("own/tiny") == ak.HFEncoder(str(course_data / place), "own/tiny")
    assert capsys.readouterr().out == "Источник: COURSE_DATA, own/tiny\n"


def test_incomplete_course_data_is_mentioned(course_data, server, capsys) -> None:
    write(course_data / "tiny", {"config.json": b"{}"})
    assert contents(Path(ak.hf_encoder("tiny").folder)) == FILES
    said = capsys.readouterr().out.splitlines()
    assert said[0].startswith("В COURSE_DATA есть папка tiny, но не годится: в ней нет токенизатора")
    assert said[1] == "Источник: Hugging Face, tiny"


def test_embedded_folder(capsys) -> None:
    found = ak.hf_encoder()
    assert capsys.readouterr().out == "Источник: встроенный кодировщик MiniLM\n"
    assert found == ak.HFEncoder(str(minilm.package_folder()), "MiniLM")


def test_quick_uses_the_embedded_one(monkeypatch, capsys) -> None:
    monkeypatch.setenv("COURSE_PROFILE", "quick")
    monkeypatch.setattr(encoders, "run_script", None)
    monkeypatch.setattr(encoders, "exported_minilm", lambda: ak.HubEncoder("a", "b", "MiniLM"))
    assert ak.hf_encoder("bert-base-uncased").name == "MiniLM"
    assert capsys.readouterr().out == QUICK_SAYS
    assert ak.hub_encoder("https://tfhub.dev/x/y/1").name == "MiniLM"
    assert capsys.readouterr().out == QUICK_SAYS


# --- TF Hub ---


@pytest.fixture(scope="session")
def saved_model(tmp_path_factory) -> Path:
    """Маленькая многоразовая SavedModel."""
    import tensorflow as tf

    class Double(tf.Module):
        def __init__(self) -> None:
            super().__init__()
            self.scale = tf.Variable(tf.fill([1000], 2.0))

        @tf.function(input_signature=[tf.TensorSpec([None])])
        def __call__(self, x):
            return x * self.scale[0]

    folder = tmp_path_factory.mktemp("hub") / "double"
    tf.saved_model.save(Double(), folder)
    return folder


def archive(folder: Path, *names: str) -> bytes:
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w:gz") as tar:
        for name in names or (".",):
            tar.add(folder / name, name)
    return data.getvalue()


@pytest.fixture
def exported(monkeypatch) -> ak.HubEncoder:
    """Вместо долгого экспорта MiniLM — готовый ответ."""
    found = ak.HubEncoder("предобработка", "кодировщик", "MiniLM")
    monkeypatch.setattr(encoders, "exported_minilm", lambda: found)
    return found


def test_hub_address(server, saved_model, cache, capsys) -> None:
    server.archive = archive(saved_model)
    address = f"{server.address}/hub/small/double/1"
    found = ak.hub_encoder(address, preprocess=address)
    assert capsys.readouterr().out == "Источник: TF Hub, small/double\n"
    folder = cache / "tf_hub" / hashlib.sha1(address.encode()).hexdigest()  # там же, где его ищет TF Hub
    assert found == ak.HubEncoder(str(folder), str(folder), "small/double")
    assert contents(folder) == contents(saved_model)
    assert [path.name for path in folder.parent.iterdir()] == [folder.name]
    server.mode, server.requests = "hang", 0
    assert ak.hub_encoder(address, preprocess=address) == found and server.requests == 0


HUB_FAILURES = [
    ("hang", "сервер не отвечает"),
    ("404", "сервер ответил кодом 404"),
    ("drip", "сервер не отдал модель за 3 с"),
    ("html", "сервер отдал не модель или не всю модель"),
    ("part", "это не SavedModel, в модели нет variables/variables.index"),
]


@pytest.mark.parametrize(("mode", "reason"), HUB_FAILURES, ids=[mode for mode, _ in HUB_FAILURES])
def test_hub_failure(
    server, saved_model, cache, capsys, monkeypatch, exported, mode: str, reason: str
) -> None:
    if mode == "drip":
        monkeypatch.setattr(encoders, "DOWNLOAD_LIMIT", 3)
    server.mode = mode
    names = ["saved_model.pb"] if mode == "part" else []
    server.archive = b"<html>" if mode == "html" else archive(saved_model, *names)
    address = f"{server.address}/hub/small/double/1"
    found = ak.hub_encoder(address, preprocess=address)
    minilm_is_used(found, capsys, f"small/double из сети не получен ({reason})")
    assert found == exported
    assert not list((cache / "tf_hub").iterdir())


@pytest.fixture
def fetched(monkeypatch, saved_model) -> list[str]:
    """Вместо скачивания — копирование; возвращает список запрошенных адресов."""
    addresses = []

    def run_script(script, kind, address, *_, TFHUB_CACHE_DIR, **__) -> str:
        addresses.append(address)
        folder = Path(TFHUB_CACHE_DIR, hashlib.sha1(address.encode()).hexdigest())
        write(folder, contents(saved_model))
        return f"{folder}\n"

    monkeypatch.setattr(encoders, "run_script", run_script)
    return addresses


ADDRESS = "https://tfhub.dev/tensorflow/small_bert/bert_en_uncased_L-4_H-128_A-2/1"


def test_preprocess_that_goes_with_an_address(fetched, capsys) -> None:
    assert ak.hub_encoder(ADDRESS).name == "small_bert/bert_en_uncased_L-4_H-128_A-2"
    assert fetched == [ADDRESS, "https://tfhub.dev/tensorflow/bert_en_uncased_preprocess/3"]


def test_hub_course_data_comes_first(course_data, monkeypatch, saved_model, capsys) -> None:
    monkeypatch.setattr(encoders, "run_script", None)
    folder = write(course_data / "small_bert" / "bert_en_uncased_L-4_H-128_A-2", contents(saved_model))
    write(course_data / "bert_en_uncased_preprocess", contents(saved_model))
    assert ak.hub_encoder(ADDRESS).encoder == str(folder)
    assert capsys.readouterr().out.startswith("Источник: COURSE_DATA, small_bert/")


def test_hub_folder(saved_model, exported, capsys) -> None:
    found = ak.hub_encoder(str(saved_model))
    assert found == ak.HubEncoder(exported.preprocess, str(saved_model), "double")
    assert capsys.readouterr().out == "Источник: ваша папка, double\n"


def test_not_a_hub_folder(saved_model, tmp_path, monkeypatch) -> None:
    import tensorflow as tf

    monkeypatch.setattr(encoders, "exported_minilm", None)  # ошибка — до долгого экспорта
    files = {name: data for name, data in contents(saved_model).items() if "index" not in name}
    with pytest.raises(ValueError, match="Папка папка не годится: .*нет variables/variables.index"):
        ak.hub_encoder(str(write(tmp_path / "папка", files)))
    tf.saved_model.save(tf.Module(), tmp_path / "пустая")
    with pytest.raises(ValueError, match="нельзя вызвать как слой"):
        ak.hub_encoder(str(tmp_path / "пустая"))
    with pytest.raises(ValueError, match="не папка и не адрес.*https://tfhub.dev"):
        ak.hub_encoder("bert-base-uncased")


@pytest.mark.parametrize(
    ("handle", "name"),
    [
        (ADDRESS, "small_bert/bert_en_uncased_L-4_H-128_A-2"),
        ("https://tfhub.dev/google/experts/bert/wiki_books/2?tf-hub-format=compressed", "experts/bert/wiki_books"),
        ("https://host/model", "model"),
        ("minilm", "MiniLM"),
        ("/папка/модель", "модель"),
    ],
)  # fmt: skip
def test_names_for_tables(handle: str, name: str) -> None:
    assert encoders.hub_name(handle) == name


# --- то, что строится из MiniLM ---


@pytest.fixture
def built(monkeypatch) -> list[Path]:
    """Вместо долгого экспорта — два файла; возвращает список построенных папок."""
    folders = []

    def export(model: Path, folder: Path) -> None:
        folders.append(folder)
        time.sleep(0.3)
        write(folder, {"preprocess/a": b"a" * 99, "encoder/b": b"b" * 99})

    monkeypatch.setattr(encoders, "export_for_hub", export)
    return folders


def test_built_once(built, cache) -> None:
    found = ak.hub_encoder()
    assert found == ak.hub_encoder() and len(built) == 1
    folder = cache / "cache" / "encoders" / "minilm-tf-hub"
    assert found == ak.HubEncoder(str(folder / "preprocess"), str(folder / "encoder"), "MiniLM")


def test_two_notebooks_at_once_build_once(built) -> None:
    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(lambda _: ak.hub_encoder(), range(2))
    assert first == second and len(built) == 1


def test_outdated_and_half_built_are_built_again(built, cache, capsys, monkeypatch) -> None:
    folder = cache / "cache" / "encoders"
    (folder / "minilm-tf-hub.1.part").mkdir(parents=True)  # осталась от убитого процесса
    found = ak.hub_encoder()
    assert [path.name for path in folder.iterdir() if path.is_dir()] == ["minilm-tf-hub"]
    monkeypatch.setattr(encoders, "EXPORT_VERSION", 2)
    capsys.readouterr()
    assert ak.hub_encoder() == found and len(built) == 2
    said = capsys.readouterr().out.splitlines()
    assert said[0] == "MiniLM в кэше курса не от этой версии курса: строим заново."
    assert ak.hub_encoder() == found and len(built) == 2


def test_ready_is_read_without_a_lock(built, monkeypatch) -> None:
    found = ak.hub_encoder()
    monkeypatch.setattr(encoders, "writing", None)
    assert ak.hub_encoder() == found


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (ak.SourceError("процесс остановлен системой"), "процесс остановлен системой"),
        (OSError(errno.ENOSPC, "No space left on device"), ".*на диске нет места"),
    ],
)
def test_failed_build_leaves_nothing(cache, monkeypatch, error: Exception, reason: str) -> None:
    def export(model: Path, folder: Path) -> None:
        write(folder, {"encoder/b": b"half"})
        raise error

    monkeypatch.setattr(encoders, "export_for_hub", export)
    with pytest.raises(ValueError, match=rf"Подготовить MiniLM не удалось \({reason}\).*ещё раз"):
        ak.hub_encoder()
    assert [path.name for path in (cache / "cache" / "encoders").iterdir() if path.is_dir()] == []


def test_cache_that_cannot_be_written(cache, capsys, exported) -> None:
    (cache / "tf_hub").write_text("это файл")
    minilm_is_used(ak.hub_encoder(ADDRESS, ADDRESS), capsys, "из сети не получен (")


def test_keras_hub_copy(cache, capsys) -> None:
    """Что веса в ней те же, показывает приложение блокнота 08: числа равны числам transformers."""
    assert set(contents(Path(ak.keras_hub_folder()))) == set(minilm.SHA256) | {"made-from"}
    assert capsys.readouterr().out == "Источник: встроенный кодировщик MiniLM — имена весов как в KerasHub\n"


# --- библиотеки ---


def test_libraries_are_there(monkeypatch) -> None:
    ak.check_libraries("tensorflow_text", "transformers")


LIBRARIES = [("tensorflow_text", "tensorflow-text"), ("transformers", "transformers"), ("keras2", "tf-keras")]


@pytest.mark.parametrize(("name", "package"), LIBRARIES)
def test_missing_library(monkeypatch, name: str, package: str) -> None:
    def version(name: str) -> str:
        raise importlib.metadata.PackageNotFoundError

    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    monkeypatch.delitem(sys.modules, "transformers", raising=False)
    monkeypatch.setattr(importlib.metadata, "version", version)
    monkeypatch.setattr(platform, "system", lambda: "Linux")
    with pytest.raises(ValueError, match=f"Не установлена библиотека {package}.*make clean"):
        ak.check_libraries(name)


def test_no_tensorflow_text_under_windows(monkeypatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr(platform, "system", lambda: "Windows")
    with pytest.raises(ValueError, match="tensorflow-text.*WSL2, Google Colab или Binder"):
        ak.hub_encoder()


@pytest.mark.parametrize("version", ["4.54.0", "5.0.0"])
def test_wrong_transformers(monkeypatch, version: str) -> None:
    monkeypatch.setitem(sys.modules, "transformers", SimpleNamespace(__version__=version))
    with pytest.raises(ValueError, match=rf"transformers {version}.*%pip install transformers==4.53.3.*ядро"):
        ak.check_libraries("transformers")


KERAS = """
import os, sys
for step in sys.argv[1:]:
    if step == "keras3":
        import tensorflow as tf
        tf.keras.layers
    else:
        os.environ["TF_USE_LEGACY_KERAS"] = step
import attention_kit as ak
ak.check_libraries("keras2")
"""


@pytest.mark.parametrize(
    ("steps", "good"),
    [(["1"], True), ([], False), (["0"], False), (["1", "keras3"], True), (["keras3", "1"], False)],
    ids=["задана", "не задана", "выключена", "задана до импорта", "задана после импорта"],
)
def test_keras_2(steps: list[str], good: bool) -> None:
    env = {name: value for name, value in os.environ.items() if name != "TF_USE_LEGACY_KERAS"}
    done = subprocess.run(
        [sys.executable, "-c", KERAS, *steps],
        check=False, capture_output=True, encoding="utf-8", env=env | {"PYTHONUTF8": "1"},
    )  # fmt: skip
    assert (done.returncode == 0) == good, done.stderr
    assert good or "нужен Keras 2" in done.stderr.splitlines()[-1]
