"""Плагин прогона nbval: ячейка, которая пишет в stderr, не проходит, даже если вывод не сравнивается.

Видно и то, что пишет не Python, а библиотека на C++ (например, TensorFlow): читатель блокнота это увидел бы.
"""

import os
import sys
from unittest.mock import patch

import pytest

# jsonschema при импорте полторы секунды строит грамматику IRI, а схеме nbformat она не нужна.
sys.modules.setdefault("rfc3987_syntax", None)


def pytest_configure() -> None:
    from nbval import plugin

    class RunningKernel(plugin.RunningKernel):
        def __init__(self, *args, **kwargs) -> None:
            with patch.dict(os.environ):
                os.environ.pop("PYTEST_CURRENT_TEST", None)  # с нею ipykernel не перехватывает вывод C++
                super().__init__(*args, **kwargs)

    plugin.RunningKernel = RunningKernel


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item):
    result = yield
    outputs = item.test_outputs or []
    text = "".join(output.text for output in outputs if output.get("name") == "stderr")
    if text:
        item.raise_cell_error("Ячейка пишет в stderr", text)
    return result
