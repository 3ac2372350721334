"""Сборка окружения: о каждой неудаче — одна русская фраза и ни одной трассировки."""

import ast
import errno
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

import setup_env
from conftest import ROOT

SCRIPT = "tools/setup_env.py"
NEEDED = [SCRIPT, "requirements.txt", "requirements-weights.txt", "Makefile"]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Копия проекта без окружения, в папке с пробелом и кириллицей."""
    root = tmp_path / "мой курс"
    for name in NEEDED:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, root / name)
    return root


@pytest.fixture
def quiet_build(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """build() без настоящих venv и pip; список получает имена шагов."""
    steps: list[str] = []

    def create(root: str, python: str) -> None:
        steps.append("venv")
        (Path(root) / ".venv" / "bin").mkdir(parents=True)
        (Path(root) / ".venv" / "bin" / "python").touch()

    monkeypatch.setattr(setup_env, "create_venv", create)
    monkeypatch.setattr(setup_env, "check_space", lambda root: None)
    monkeypatch.setattr(setup_env, "pip", lambda root, title, *arguments: steps.append(title))
    return steps


def run(project: Path, prelude: str = "", **environment: str) -> str:
    """Вывод setup_env.py, запущенного отдельно; prelude портит ему окружение. Неудача обязательна."""
    code = f"import runpy, sys\n{prelude}\nrunpy.run_path({SCRIPT!r}, run_name='__main__')"
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=project, capture_output=True, text=True, check=False, timeout=120,
        env={"PATH": "", "HOME": str(project), "PIP_CONFIG_FILE": os.devnull} | environment,
    )  # fmt: skip
    assert result.returncode == 1, result.stdout + result.stderr
    assert not result.stderr
    assert "Traceback" not in result.stdout
    return result.stdout


def fake_python(folder: Path, name: str, answer: str, code: int = 0) -> None:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(f"#!/bin/sh\necho '{answer}'\nexit {code}\n")
    (folder / name).chmod(0o755)


OLD = "sys.version_info = (3, 8, 18, 'final', 0); sys.executable = '/нет/python3.8'"


def test_script_is_readable_for_old_python() -> None:
    """Ни f-строк, ни моржа, ни аннотаций, ни match: всё это старый Python не разберёт, и фразы никто не увидит."""
    new = (ast.JoinedStr, ast.NamedExpr, ast.AnnAssign, ast.Match, ast.AsyncFunctionDef, ast.TryStar)
    for node in ast.walk(ast.parse((ROOT / SCRIPT).read_text("utf-8"))):
        assert not isinstance(node, new), f"строка {node.lineno}"
        if isinstance(node, ast.FunctionDef):
            arguments = node.args
            assert not (
                node.returns or arguments.posonlyargs or any(item.annotation for item in arguments.args)
            )


@pytest.mark.parametrize("name", ["python3.6", "python3.7", "python3.8"])
def test_real_old_python_answers_in_russian(project: Path, name: str) -> None:
    """Там, где старый Python есть на самом деле; остальные тесты его изображают."""
    versions = Path.home() / ".pyenv" / "versions"
    found = next((path for path in versions.glob(f"{name.removeprefix('python')}.*/bin/python3")), None)
    if found is None:
        pytest.skip(f"{name} не установлен")
    result = subprocess.run([found, SCRIPT], cwd=project, env={"PATH": ""}, capture_output=True, check=False)
    assert (result.returncode, result.stderr) == (1, b"")
    assert result.stdout.decode().startswith(f"Нужен Python 3.11, 3.12 или 3.13, а найден только {name[6:]}.")


def test_wrong_python(project: Path) -> None:
    assert run(project, OLD).startswith("Нужен Python 3.11, 3.12 или 3.13, а найден только 3.8.")


def test_suitable_python_is_found_behind_broken_ones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Прокладка pyenv есть, но не работает; дальше в PATH — новый, старый и годный."""
    monkeypatch.setattr(sys, "executable", "/нет/python")
    fake_python(tmp_path / "shims", "python3.13", "pyenv: python3.13: command not found", 127)
    fake_python(tmp_path / "other", "python3.13", "3.14.0 ready /opt/python3.14")
    fake_python(tmp_path / "other", "python3.12", "3.10.1 ready /opt/python3.10")
    fake_python(tmp_path / "last", "python3.12", "3.12.4 ready /opt/my python3.12")
    monkeypatch.setenv("PATH", os.pathsep.join(str(tmp_path / name) for name in ("shims", "other", "last")))
    assert setup_env.choose_python() == "/opt/my python3.12"


def test_no_venv_module(project: Path, tmp_path: Path) -> None:
    fake_python(tmp_path / "bin", "python3.12", "3.12.3 bare /usr/bin/python3.12")
    said = run(project, OLD, PATH=str(tmp_path / "bin"))
    assert said.startswith("В Python 3.12 нет модуля venv.")
    assert "sudo apt install python3-venv" in said


@pytest.mark.parametrize("left", ["None", "type(sys)(str())"], ids=["ничего", "пустая папка"])
def test_probe_sees_missing_ensurepip(left: str, tmp_path: Path) -> None:
    """Настоящий Python, у которого от ensurepip осталось это."""
    wrapper = tmp_path / "python3"
    hide = f"import sys; sys.modules['ensurepip'] = {left}; exec(sys.argv[1])"
    wrapper.write_text(f'#!/bin/sh\nexec "{sys.executable}" -I -c "{hide}" "$3"\n')
    wrapper.chmod(0o755)
    version = tuple(sys.version_info[:2])
    assert setup_env.probe(str(wrapper))[:2] == (version, False)
    assert setup_env.probe(sys.executable)[:2] == (version, True)


def test_no_disk_space(project: Path) -> None:
    said = run(project, "import shutil; shutil.disk_usage = lambda path: type('Usage', (), {'free': 10**9})")
    assert "свободно 1.0 ГБ, а установке нужно" in said
    assert not (project / ".venv").exists()


def test_disk_fills_up_on_the_way(project: Path) -> None:
    assert "На диске кончилось место" in run(
        project, f"import os\ndef full(*a): raise OSError({errno.ENOSPC}, 'x')\nos.stat = full"
    )


def test_folder_is_read_only(project: Path) -> None:
    assert "нельзя писать" in run(project, "import os; os.access = lambda path, mode: False")


def test_no_network(project: Path) -> None:
    """Настоящие venv и pip против порта, на котором никто не слушает."""
    said = run(project, PIP_INDEX_URL="http://127.0.0.1:9/simple", PIP_NO_INDEX="", PIP_FIND_LINKS="")
    assert "нет связи с хранилищем пакетов" in said
    assert "зеркало" in said
    assert not setup_env.is_ready(str(project))


@pytest.mark.parametrize(
    ("output", "sentence"),
    [
        (
            "ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device",
            "кончилось место",
        ),
        ("WARNING: Retrying (Retry(total=4\nERROR: No matching distribution found for a==1", "нет связи"),
        ("ERROR: No matching distribution found for tensorflow==2.20.0", "не нашлось сборки"),
        ("ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE", "контрольной суммой"),
        ("что-то другое", "Причина неизвестна"),
    ],
)
def test_failure_is_recognised(output: str, sentence: str) -> None:
    assert sentence in setup_env.failure(output)


def test_progress(capsys: pytest.CaptureFixture[str]) -> None:
    """Счёт идёт и по скачанным, и по местным файлам, а пакеты чужих систем из общего числа уходят."""
    progress = setup_env.Progress("1/3 Библиотеки", 3)
    progress.live = True
    for line in ("Ignoring appnope: markers don't match", "Collecting absl-py==2.5.1 (from -r requirements.txt)",
                 "  Downloading absl_py.whl", "Processing ./packages/attrs-26.1.0-py3-none-any.whl (from -r x)",
                 "Installing collected packages: absl-py, attrs"):  # fmt: skip
        progress.line(line)
    progress.close()
    shown = capsys.readouterr().out.replace("\r\033[K", "|").split("|")
    assert shown[1:] == [
        "  скачиваю: 1 из 2  absl-py",
        "  скачиваю: 2 из 2  attrs",
        "  распаковываю и компилирую",
        "",
    ]


def test_interrupted_by_the_reader(project: Path) -> None:
    """Ctrl+C посреди скачивания; сервер — порт, который слушают, но не отвечают."""
    import socket

    with socket.create_server(("127.0.0.1", 0)) as server:
        process = subprocess.Popen(
            [sys.executable, SCRIPT], cwd=project, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),  # в фоне Ctrl+C бывает отключён
            env={"PATH": "", "HOME": str(project), "PIP_CONFIG_FILE": os.devnull, "PIP_NO_INDEX": "", "PIP_FIND_LINKS": "",
                 "PIP_INDEX_URL": f"http://127.0.0.1:{server.getsockname()[1]}/simple"},
        )  # fmt: skip
        server.accept()  # pip пришёл за первым пакетом
        os.killpg(process.pid, signal.SIGINT)
        said = process.communicate(timeout=60)[0].decode()
    assert said.endswith("Установка прервана: повторите команду, и она доведёт дело до конца.\n")
    assert process.returncode == 1
    assert "Traceback" not in said
    assert not setup_env.is_ready(str(project))


def test_second_call_does_nothing(project: Path, quiet_build: list[str]) -> None:
    assert not setup_env.is_ready(str(project))
    setup_env.build(str(project))
    assert quiet_build == ["venv", "1/3 Библиотеки", "2/3 Веса кодировщика", "3/3 Пакет курса"]
    assert setup_env.is_ready(str(project))
    started = time.monotonic()
    subprocess.run([sys.executable, SCRIPT], cwd=project, env={"PATH": ""}, check=True)
    assert time.monotonic() - started < 5


def test_interrupted_build_starts_over(
    project: Path, quiet_build: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(root: str, title: str, *arguments: str) -> None:
        raise setup_env.Stop("нет связи")

    with monkeypatch.context() as patch:
        patch.setattr(setup_env, "pip", broken)
        with pytest.raises(setup_env.Stop):
            setup_env.build(str(project))
    (project / ".venv" / "остаток").touch()
    assert not setup_env.is_ready(str(project))
    setup_env.build(str(project))
    assert setup_env.is_ready(str(project))
    assert not (project / ".venv" / "остаток").exists()


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-weights.txt"])
def test_new_versions_or_a_moved_folder_mean_a_new_build(
    project: Path, quiet_build: list[str], name: str
) -> None:
    setup_env.build(str(project))
    moved = project.rename(project.parent / "другое место")
    assert not setup_env.is_ready(str(moved))
    setup_env.build(str(moved))
    (moved / name).write_text("другие версии")
    assert not setup_env.is_ready(str(moved))


def test_environment_without_python_is_rebuilt(project: Path, quiet_build: list[str]) -> None:
    setup_env.build(str(project))
    (project / ".venv" / "bin" / "python").unlink()
    assert not setup_env.is_ready(str(project))


@pytest.mark.parametrize("kind", ["file", "link"])
def test_foreign_venv_is_replaced(project: Path, quiet_build: list[str], kind: str) -> None:
    elsewhere = project / "чужое"
    elsewhere.mkdir()
    if kind == "file":
        (project / ".venv").touch()
    else:
        (project / ".venv").symlink_to(elsewhere)
    setup_env.build(str(project))
    assert setup_env.is_ready(str(project))
    assert elsewhere.is_dir()


def test_two_builds_at_once(project: Path, quiet_build: list[str]) -> None:
    import fcntl

    with open(project / "requirements.txt") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        with pytest.raises(setup_env.Stop, match="в другом окне"):
            setup_env.build(str(project))
    setup_env.build(str(project))


def test_make_without_python(project: Path, tmp_path: Path) -> None:
    """Ни одного Python в PATH (в Makefile есть и полный путь: заменяем его на несуществующий)."""
    makefile = (project / "Makefile").read_text("utf-8")
    assert "/usr/bin/python3" in makefile
    (project / "Makefile").write_text(makefile.replace("/usr/bin/python3", "/нет/python3"))
    make = shutil.which("make")
    result = subprocess.run(
        [make, "lab"], cwd=project, env={"PATH": str(tmp_path)}, capture_output=True, text=True, check=False
    )
    assert result.returncode != 0
    assert result.stdout.startswith("Не найден Python")
