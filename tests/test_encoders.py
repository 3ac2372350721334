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

    mode — как он ведёт себя с большим файлом: good, hang (молчит), stall (замолкает на середине),
    drip (по байту), cut (обрывает на середине и больше не отвечает) или код ответа.
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
        files = self.hub.models.get(name.removeprefix("cdn/"))
        if path.startswith("hub/"):
            self.send(self.hub.archive, "archive", {})
        elif files is None:
            self.head(404, {"X-Error-Code": "RepoNotFound"})
        elif file not in files:
            self.head(404, {"X-Error-Code": "EntryNotFound", "X-Repo-Commit": COMMIT})
        else:
            plain = name.startswith("cdn/")
            self.send(files[file], file, {} if plain else hub_headers(FILES.get(file, files[file]), file))

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
        if mode in ("hang", "down") or mode.isdigit():
            return
        self.head(200, {"Content-Length": str(len(data)), **headers})
        if self.command == "HEAD":
            return
        if file not in ("archive", "model.safetensors"):  # портится только большой файл
            mode = "good"
        for start in range(0, len(data), 1 if mode == "drip" else len(data) // 2 + 1):
            self.wfile.write(data[start : start + (1 if mode == "drip" else len(data) // 2 + 1)])
            self.wfile.flush()
            if mode == "cut":
                self.hub.mode = "down"
                return
            if mode != "good" and self.hub.stop.wait(0.2 if mode == "drip" else 30):
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


def hf_left(folder: Path) -> list[str]:
    """Что осталось в кэше Hugging Face от весов и недокачанного."""
    return [path.name for path in folder.rglob("*") if path.name.endswith(("safetensors", ".incomplete"))]


@pytest.mark.parametrize("name", ["own/tiny", "tiny"])
def test_hugging_face_name(server, capsys, name: str) -> None:
    found = ak.hf_encoder(name)
    assert capsys.readouterr().out == f"Источник: Hugging Face, {name}\n"
    assert found.name == name and contents(Path(found.folder)) == FILES
    server.mode, server.requests = "hang", 0
    assert ak.hf_encoder(name) == found and server.requests == 0  # второй раз — без сети


def test_weights_of_tensorflow_only(server) -> None:
    server.models["tiny"]["tf_model.h5"] = server.models["tiny"].pop("model.safetensors")
    assert "tf_model.h5" in contents(Path(ak.hf_encoder("tiny").folder))


FAILURES = [
    ("hang", "сервер не отвечает"),
    ("drip", "сервер не отдал модель за 3 с"),
    ("cut", "соединение оборвалось на середине файла"),
    ("503", "сервер ответил кодом 503"),
    ("401", "модели с таким именем нет"),  # так huggingface.co отвечает на незнакомое имя
]


@pytest.mark.parametrize(("mode", "reason"), FAILURES, ids=[mode for mode, _ in FAILURES])
def test_hugging_face_failure(server, cache, capsys, monkeypatch, mode: str, reason: str) -> None:
    monkeypatch.setattr(encoders, "DOWNLOAD_LIMIT", 3 if mode == "drip" else 60)
    server.mode = mode
    started = time.monotonic()
    minilm_is_used(ak.hf_encoder("own/tiny"), capsys, f"own/tiny с Hugging Face не получен ({reason})")
    assert time.monotonic() - started < 20
    assert not hf_left(cache / "hugging_face")
    server.mode = "good"
    monkeypatch.setattr(encoders, "DOWNLOAD_LIMIT", 60)
    assert contents(Path(ak.hf_encoder("own/tiny").folder)) == FILES


MISSING = [
    ("config.json", "в модели нет config.json"),
    ("model.safetensors", "в модели нет весов model.safetensors или tf_model.h5"),
    ("tokenizer.json vocab.txt tokenizer_config.json", "в модели нет токенизатора"),
    ("tokenizer.json vocab.txt", "в модели нет токенизатора"),
]


@pytest.mark.parametrize(("names", "reason"), MISSING, ids=[names for names, _ in MISSING])
def test_model_without_a_file(server, capsys, names: str, reason: str) -> None:
    for name in names.split():
        del server.models["tiny"][name]
    minilm_is_used(ak.hf_encoder("tiny"), capsys, reason)


def test_unknown_name(server, capsys) -> None:
    minilm_is_used(ak.hf_encoder("own/typo"), capsys, "модели с таким именем нет")


def test_server_of_something_else(server, capsys, monkeypatch) -> None:
    monkeypatch.setattr(sys.modules[__name__], "hub_headers", lambda data, file: {})
    minilm_is_used(ak.hf_encoder("tiny"), capsys, "это не Hugging Face")


def test_network_forbidden(server, capsys, monkeypatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    minilm_is_used(ak.hf_encoder("tiny"), capsys, "сеть запрещена переменной HF_HUB_OFFLINE")
    assert server.requests == 0
    monkeypatch.delenv("HF_HUB_OFFLINE")
    found = ak.hf_encoder("tiny")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert ak.hf_encoder("tiny") == found


def test_no_link(capsys, monkeypatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    minilm_is_used(ak.hf_encoder("tiny"), capsys, "нет связи с сервером")


def test_half_of_a_cached_model_is_not_taken(server, capsys) -> None:
    """Библиотека скачала раньше не всё — остальное докачивается; обрезанные веса не годятся."""
    folder = Path(ak.hf_encoder("tiny").folder)
    (folder / "model.safetensors").unlink()
    assert contents(Path(ak.hf_encoder("tiny").folder)) == FILES
    (folder / "model.safetensors").resolve().write_bytes(FILES["model.safetensors"][:-9])
    capsys.readouterr()
    minilm_is_used(ak.hf_encoder("tiny"), capsys, "файл с весами испорчен")


def test_local_folder(tmp_path, capsys) -> None:
    folder = write(tmp_path / "моя модель", FILES)
    assert ak.hf_encoder(str(folder)) == ak.HFEncoder(str(folder), "моя модель")
    assert capsys.readouterr().out == "Источник: ваша папка, моя модель\n"


INCOMPLETE = [
    ({"config.json": None}, "нет config.json"),
    ({"config.json": b"{"}, "config.json испорчен"),
    ({"tokenizer.json": None, "vocab.txt": None}, "нет токенизатора .tokenizer.json или vocab.txt."),
    ({"model.safetensors": None}, "нет весов .model.safetensors или tf_model.h5."),
    ({"model.safetensors": FILES["model.safetensors"][:-9]}, "файл с весами испорчен"),
]


@pytest.mark.parametrize(("changes", "message"), INCOMPLETE, ids=[message for _, message in INCOMPLETE])
def test_incomplete_local_folder(tmp_path, changes: dict, message: str) -> None:
    files = {name: data for name, data in {**FILES, **changes}.items() if data is not None}
    folder = write(tmp_path / "папка", files)
    with pytest.raises(ValueError, match=f"Папка папка не годится: .*{message}"):
        ak.hf_encoder(str(folder))


@pytest.mark.parametrize("name", ["./нет/папки", "a/b/c", "", "имя с пробелом", ".нет"])
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
    ("stall", "сервер не отвечает"),
    ("cut", "сервер отдал не архив модели или не весь архив"),
    ("drip", "сервер не отдал модель за 3 с"),
    ("part", "это не SavedModel, в модели нет variables/variables.index"),
]


@pytest.mark.parametrize(("mode", "reason"), HUB_FAILURES, ids=[mode for mode, _ in HUB_FAILURES])
def test_hub_failure(
    server, saved_model, cache, capsys, monkeypatch, exported, mode: str, reason: str
) -> None:
    if mode == "drip":
        monkeypatch.setattr(encoders, "DOWNLOAD_LIMIT", 3)
    server.mode = "good" if mode == "part" else mode
    server.archive = archive(saved_model, *(["saved_model.pb"] if mode == "part" else []))
    address = f"{server.address}/hub/small/double/1"
    found = ak.hub_encoder(address, preprocess=address)
    minilm_is_used(found, capsys, f"small/double из сети не получен ({reason})")
    assert found == exported
    assert not list((cache / "tf_hub").iterdir())


def test_hub_without_network(capsys, exported) -> None:
    minilm_is_used(ak.hub_encoder("http://127.0.0.1:9/own/model/1"), capsys, "(нет связи с сервером)")


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
    files = contents(saved_model)
    cases = {
        "нет saved_model.pb": {k: v for k, v in files.items() if k != "saved_model.pb"},
        "нет variables/variables.index": {k: v for k, v in files.items() if "index" not in k},
        "saved_model.pb испорчен": files | {"saved_model.pb": files["saved_model.pb"][:-9]},
    }
    for number, (message, case) in enumerate(cases.items()):
        folder = write(tmp_path / f"папка{number}", case)
        with pytest.raises(ValueError, match=f"Папка папка{number} не годится: .*{message}"):
            ak.hub_encoder(str(folder))
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
        write(folder, {"preprocess/a": b"a" * 99, "encoder/b": b"b" * 99})

    monkeypatch.setattr(encoders, "export_for_hub", export)
    return folders


def test_built_once(built, cache) -> None:
    found = ak.hub_encoder()
    assert found == ak.hub_encoder() and len(built) == 1
    folder = cache / "cache" / "encoders" / "minilm-tf-hub"
    assert found == ak.HubEncoder(str(folder / "preprocess"), str(folder / "encoder"), "MiniLM")


@pytest.mark.parametrize("change", ["версия", "веса", "нет записи"])
def test_outdated_is_built_again(built, cache, capsys, monkeypatch, change: str) -> None:
    found = ak.hub_encoder()
    if change == "версия":
        monkeypatch.setattr(encoders, "EXPORT_VERSION", 2)
    elif change == "веса":
        monkeypatch.setitem(encoders.SHA256, "model.safetensors", "0")
        monkeypatch.setattr(encoders, "minilm_folder", lambda: None)
    else:
        (Path(found.encoder).parent / "made-from").unlink()
    capsys.readouterr()
    assert ak.hub_encoder() == found and len(built) == 2
    said = capsys.readouterr().out.splitlines()
    assert said[0] == "MiniLM в кэше курса не от этой версии курса: строим заново."
    assert said[1:] == ["Источник: встроенный кодировщик MiniLM — экспортирован для TF Hub"]
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


def test_export_has_a_time_limit(cache, monkeypatch) -> None:
    monkeypatch.setattr(encoders, "EXPORT_LIMIT", 0.5)
    with pytest.raises(ValueError, match="экспорт не закончился за 0.5 с"):
        ak.hub_encoder()
    assert [path.name for path in (cache / "cache" / "encoders").iterdir() if path.is_dir()] == []


SLOW = """
import sys, time
from pathlib import Path
import attention_kit as ak
from attention_kit import encoders

def export(model, folder):
    folder.mkdir()
    (folder / "half").write_text("half")
    print("строю", flush=True)
    time.sleep(float(sys.argv[1]))

encoders.export_for_hub = export
print(ak.hub_encoder().encoder)
"""


def start_slow(seconds: float) -> subprocess.Popen:
    command = [sys.executable, "-c", SLOW, str(seconds)]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, encoding="utf-8", env=os.environ | {"PYTHONUTF8": "1"}
    )


def test_two_notebooks_at_once_build_once(cache) -> None:
    said = [process.communicate(timeout=60)[0] for process in [start_slow(2), start_slow(2)]]
    assert sum(text.count("строю") for text in said) == 1
    assert said[0].splitlines()[-1] == said[1].splitlines()[-1]


def test_killed_process_leaves_nothing_for_the_next(built, cache) -> None:
    process = start_slow(60)
    while "строю" not in process.stdout.readline():
        pass
    process.kill()
    process.wait()
    found = ak.hub_encoder()
    assert len(built) == 1 and Path(found.encoder, "b").is_file()
    folders = [path.name for path in (cache / "cache" / "encoders").iterdir() if path.is_dir()]
    assert folders == ["minilm-tf-hub"]


def test_keras_hub_copy(cache, capsys) -> None:
    """Что веса в ней те же, проверяет test_08: числа KerasHub равны числам transformers."""
    assert set(contents(Path(ak.keras_hub_folder()))) == set(minilm.SHA256) | {"made-from"}
    assert capsys.readouterr().out == "Источник: встроенный кодировщик MiniLM — имена весов как в KerasHub\n"


# --- библиотеки ---


def test_libraries_are_there(monkeypatch) -> None:
    ak.check_libraries("tensorflow_text", "transformers")


@pytest.mark.parametrize(
    ("system", "advice"), [("Windows", "WSL2, Google Colab или Binder"), ("Linux", "make clean")]
)
def test_no_tensorflow_text(monkeypatch, system: str, advice: str) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr(platform, "system", lambda: system)
    for call in (lambda: ak.check_libraries("tensorflow_text"), ak.hub_encoder):
        with pytest.raises(ValueError, match=f"tensorflow-text.*{advice}"):
            call()


@pytest.mark.parametrize("version", ["4.54.0", "4.57.1", "5.0.0"])
@pytest.mark.parametrize("imported", [True, False])
def test_wrong_transformers(monkeypatch, version: str, imported: bool) -> None:
    monkeypatch.setitem(sys.modules, "transformers", SimpleNamespace(__version__=version))
    if not imported:
        monkeypatch.delitem(sys.modules, "transformers")
        monkeypatch.setattr(importlib.metadata, "version", lambda name: version)
    with pytest.raises(ValueError, match=rf"transformers {version}.*%pip install transformers==4.53.3.*ядро"):
        ak.check_libraries("transformers")


def test_no_transformers(monkeypatch) -> None:
    def version(name: str) -> str:
        raise importlib.metadata.PackageNotFoundError

    monkeypatch.delitem(sys.modules, "transformers", raising=False)
    monkeypatch.setattr(importlib.metadata, "version", version)
    with pytest.raises(ValueError, match="Не установлена библиотека transformers.*make clean"):
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


def test_no_keras_2(monkeypatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ValueError, match="Не установлена библиотека tf-keras.*make clean"):
        ak.check_libraries("keras2")
