"""Код, которому учит блокнот, — для тестов и `make record`: без второй копии."""

import linecache
import sys
from pathlib import Path
from types import ModuleType

import nbformat


def definitions(path: Path) -> ModuleType:
    """Модуль с именами, которые определяют ячейки блокнота с тегом `definition` (по порядку).

    ValueError, если таких ячеек нет.
    """
    cells = [
        cell.source
        for cell in nbformat.read(path, as_version=4).cells
        if cell.cell_type == "code" and "definition" in cell.metadata.get("tags", [])
    ]
    if not cells:
        raise ValueError(f"В блокноте {path.name} нет ячеек с тегом definition.")
    source, filename = "\n\n\n".join(cells) + "\n", f"<{path.name}>"
    module = ModuleType(f"notebook_{path.stem.replace('-', '_')}")
    module.__file__ = filename
    # Исходный текст нужен inspect.getsource: через него tf.function разбирает циклы и условия.
    linecache.cache[filename] = (len(source), None, source.splitlines(keepends=True), filename)
    sys.modules[module.__name__] = module
    exec(compile(source, filename, "exec"), module.__dict__)
    return module
