"""Общее для тестов: фикстура `notebook` (каждый блокнот курса по очереди) и сводка замеров в конце."""

import os
import sys
from pathlib import Path
from types import ModuleType

import pytest
from attention_kit import definitions

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "tools"), str(ROOT / "notebooks" / "coursework")]

from grading.sandbox import NoSandbox, check_bubblewrap  # noqa: E402

for name in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS"):  # make, которую зовут тесты, не вложена в `make test`
    os.environ.pop(name, None)


def notebook_params(folder: Path) -> list[Path | None]:
    """Блокноты NN-*.ipynb; если их нет — [None]: пустой список pytest молча пропустит, None уронит тест."""
    return sorted(folder.glob("[0-9][0-9]-*.ipynb")) or [None]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "notebook" in metafunc.fixturenames:
        params = notebook_params(ROOT / "notebooks")
        ids = [path.stem if path else "нет-блокнотов" for path in params]
        metafunc.parametrize("notebook", params, ids=ids, indirect=True)


@pytest.fixture
def notebook(request: pytest.FixtureRequest) -> Path:
    """Путь блокнота курса."""
    assert request.param, "В папке notebooks нет ни одного блокнота NN-*.ipynb."
    return request.param


@pytest.fixture(scope="module")
def nb(request: pytest.FixtureRequest) -> ModuleType:
    """Определения блокнота, которому посвящён файл test_NN_….py."""
    return definitions(request.module.__name__.split("_")[1])


def pytest_terminal_summary(terminalreporter) -> None:
    """Печатает строки, которые тесты записали через record_property("summary", …)."""
    reports = [*terminalreporter.getreports("passed"), *terminalreporter.getreports("failed")]
    lines = [text for report in reports if report.when == "call" for key, text in report.user_properties
             if key == "summary"]  # fmt: skip
    if lines:
        terminalreporter.section("блокноты")
        for line in sorted(lines):
            terminalreporter.write_line(line)


@pytest.fixture(scope="session")
def sandbox() -> None:
    """Тесту нужна песочница. В CI она обязана быть; дома без неё тест пропускается."""
    try:
        check_bubblewrap()
    except NoSandbox as error:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(str(error))
