"""Сборка окружения: настоящие make, venv и pip без сети; о частых бедах — русская фраза."""

import base64
import hashlib
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from conftest import ROOT

MAKE = [shutil.which("make"), "environment"]
BACKEND = '''
import shutil
def build_editable(folder, config_settings=None, metadata_directory=None):
    return shutil.copy("packages/course-1.0-py3-none-any.whl", folder).rpartition("/")[2]
'''  # fmt: skip
PYTHON = """#!/bin/sh
# Питон, который умеет только -m venv и -m pip, зато мгновенно
case "$*" in
    *"-m venv"*) mkdir -p .venv/bin && cp "$0" .venv/bin/python && echo venv >> steps ;;
    *"-m pip"*) echo pip >> steps; exec 2>&1; . ./pip.sh "$@" ;;
    *base_executable*) echo "$0" ;;
esac
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Копия проекта без окружения, в папке с пробелом и кириллицей; Python в ней — тот, что в папке bin."""
    root = tmp_path / "мой $курс'"
    for name in ("Makefile", "tools/environment.sh", "requirements.txt", "requirements-weights.txt"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, root / name)
    script = root / "tools" / "environment.sh"
    script.write_text(script.read_text("utf-8").replace("/usr/bin/", "/нет/").replace("/opt/", "/нет/"))
    (root / "pip.sh").touch()
    fake_python(root, "python3", PYTHON)
    for tool in [
        "sh",
        "awk",
        "cat",
        "cksum",
        "cp",
        "cut",
        "df",
        "echo",
        "grep",
        "mkdir",
        "pwd",
        "rm",
        "touch",
    ]:
        (root / "bin" / tool).symlink_to(shutil.which(tool))
    return root


def fake_python(root: Path, name: str, script: str) -> None:
    path = root / "bin" / name
    path.parent.mkdir(exist_ok=True)
    path.unlink(missing_ok=True)
    path.write_text(script)
    path.chmod(0o755)


def environment(project: Path, **variables: str) -> dict[str, str]:
    return {"PATH": str(project / "bin"), "HOME": str(project), "PIP_CONFIG_FILE": os.devnull} | variables


def make(project: Path, code: int = 0, **variables: str) -> str:
    result = subprocess.run(
        MAKE, cwd=project, capture_output=True, text=True, check=False, timeout=120, env=environment(project, **variables)
    )  # fmt: skip
    assert bool(result.returncode) == bool(code), result.stdout + result.stderr
    assert "Traceback" not in result.stdout + result.stderr
    return result.stdout


def steps(project: Path) -> list[str]:
    """Что сделано со времени прошлого вызова."""
    path = project / "steps"
    done = path.read_text().split() if path.exists() else []
    path.unlink(missing_ok=True)
    return done


EVERYTHING = ["venv", "pip", "pip", "pip"]


def test_second_call_does_nothing(project: Path) -> None:
    assert make(project).endswith("Окружение готово.\n")
    assert steps(project) == EVERYTHING
    os.utime(project / "requirements.txt")  # git меняет и время файла, и не меняя содержания
    make(project)
    assert not steps(project)


def spoil(project: Path, kind: str) -> Path:
    if kind == "папка переехала":
        return project.rename(project.parent / "другое место")
    if kind == "другие версии":
        (project / "requirements-weights.txt").write_text("x==1\n")
    elif kind == "Python удалён":
        (project / ".venv/bin/python").unlink()
    elif kind == "Python обновлён":  # import pip не проходит: пакеты остались в папке прежней версии
        fake_python(project, "python3", PYTHON)
        (project / ".venv/bin/python").write_text('#!/bin/sh\ncase "$*" in *"import pip") exit 1 ;; esac\n')
    return project


@pytest.mark.parametrize("kind", ["папка переехала", "другие версии", "Python удалён", "Python обновлён"])
def test_what_no_longer_fits_is_rebuilt(project: Path, kind: str) -> None:
    make(project)
    project = spoil(project, kind)
    steps(project)
    make(project)
    assert steps(project) == EVERYTHING
    make(project)
    assert not steps(project)


def test_half_finished_build_starts_over(project: Path) -> None:
    (project / "pip.sh").write_text('case "$*" in *weights*) exit 1 ;; esac')
    assert "причина — выше" in make(project, code=1)
    (project / ".venv" / "остаток").touch()
    (project / "pip.sh").write_text("")
    steps(project)
    make(project)
    assert steps(project) == EVERYTHING
    assert not (project / ".venv" / "остаток").exists()


# --- что мешает ---


def test_wrong_python(project: Path) -> None:
    fake_python(project, "python3", "#!/bin/sh\nexit 1\n")
    assert make(project, code=1).startswith("Нужен Python 3.11, 3.12 или 3.13")
    (project / "bin" / "python3").unlink()
    assert make(project, code=1).startswith("Нужен Python 3.11, 3.12 или 3.13")


@pytest.mark.parametrize(
    ("version", "fits"), [((3, 10), False), ((3, 11), True), ((3, 13), True), ((3, 14), False)]
)
def test_python_versions(version: tuple[int, int], fits: bool) -> None:
    check = re.search(r"CHECK='(.+)'", (ROOT / "tools/environment.sh").read_text("utf-8")).group(1)
    code = check.replace("import sys;", f"import sys; sys.version_info = {(*version, 4)};")
    assert (subprocess.run([sys.executable, "-I", "-c", code], capture_output=True).returncode == 0) == fits


def test_no_venv_module(project: Path) -> None:
    """Настоящий Python, у которого от ensurepip осталась пустая папка; годный нашёлся дальше — берётся он."""
    hide = "import sys; sys.modules['ensurepip'] = type(sys)('ensurepip'); "
    hide += "sys._base_executable = sys.argv[2]; exec(sys.argv[1])"
    fake_python(project, "python3", f'#!/bin/sh\nexec "{sys.executable}" -I -c "{hide}" "$3" "$0"\n')
    said = make(project, code=1)
    assert "нет модуля venv" in said
    assert "sudo apt install python3-venv" in said
    fake_python(project, "python3.12", PYTHON)
    make(project)


def test_no_disk_space(project: Path) -> None:
    fake_python(project, "df", "#!/bin/sh\necho Filesystem\necho /dev/sda 9999999 4600000 5399999 46% /\n")
    assert make(project, code=1).startswith("Мало места на диске: нужно 5,5 ГБ")
    assert not (project / ".venv").exists()


def test_disk_fills_up_on_the_way(project: Path) -> None:
    (project / "pip.sh").write_text(
        "echo 'OSError: [Errno 28] No space left on device' > .venv/install.log; exit 1"
    )
    assert "На диске кончилось место" in make(project, code=1)


# --- настоящие venv и pip ---


@pytest.fixture
def real(project: Path) -> Path:
    """Проект с настоящим Python, двумя зависимостями по нескольку байтов и своим пакетом."""
    fake_python(project, "python3", f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    (project / "packages").mkdir()
    wheel(project, "course")
    for package, file in (("library", "requirements.txt"), ("weights", "requirements-weights.txt")):
        (project / file).write_text(f"{package}==1.0 --hash=sha256:{wheel(project, package)}\n")
    (project / "backend.py").write_text(BACKEND)
    (project / "pyproject.toml").write_text(
        '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
        '[project]\nname = "course"\nversion = "1.0"\n'
    )
    return project


def wheel(project: Path, name: str) -> str:
    """Пакет из одного модуля в папке packages; возвращает его sha256."""
    info, path = f"{name}-1.0.dist-info", project / "packages" / f"{name}-1.0-py3-none-any.whl"
    files = {
        f"{name}.py": "",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: x\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    sums = {
        key: base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()) for key, text in files.items()
    }
    record = "".join(f"{key},sha256={value.rstrip(b'=').decode()},\n" for key, value in sums.items())
    with zipfile.ZipFile(path, "w") as archive:
        for key, text in (files | {f"{info}/RECORD": f"{record}{info}/RECORD,,\n"}).items():
            archive.writestr(key, text)
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_packages_from_a_folder(real: Path) -> None:
    """Класс без интернета; байт-код готов, чужие настройки Python и pip не мешают."""
    settings = {"PIP_USER": "1", "PIP_NO_COMPILE": "0", "PYTHONHOME": "/нет", "PYTHONPATH": "/нет"}
    make(real, PIP_NO_INDEX="1", PIP_FIND_LINKS="packages", **settings)
    code = "import library, weights, course, os; print(os.path.exists(library.__cached__))"
    done = subprocess.run(
        [real / ".venv/bin/python", "-B", "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout == "True\n"


def test_no_network(real: Path) -> None:
    said = make(real, code=1, PIP_INDEX_URL="http://127.0.0.1:9/simple")
    assert "нет связи с хранилищем пакетов" in said
    assert "зеркало" in said
