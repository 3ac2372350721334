"""Код, которому учит блокнот, — для следующих блокнотов, заданий и тестов: без второй копии."""

import json
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

from attention_kit.sources import NOTEBOOKS


def definitions(notebook: str | Path) -> ModuleType:
    """Модуль с именами, которые определяют ячейки блокнота с тегом `definition` (по порядку).

    notebook — имя без расширения («01-rnn-attention»), его номер («01») или путь к файлу.
    ValueError, если такого блокнота или таких ячеек нет.
    """
    path = notebook if isinstance(notebook, Path) else next(NOTEBOOKS.glob(f"{notebook}*.ipynb"), None)
    if path is None:
        raise ValueError(f"Блокнота {notebook} рядом с курсом нет.")
    cells = [
        "".join(cell["source"])
        for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]
        if cell["cell_type"] == "code" and "definition" in cell["metadata"].get("tags", [])
    ]
    if not cells:
        raise ValueError(f"В блокноте {path.name} нет ячеек с тегом definition.")
    source, filename = "\n\n\n".join(cells) + "\n", f"{path.stem}.py"
    module = ModuleType(f"notebook_{path.stem.replace('-', '_')}")
    module.__file__ = filename
    # Исходный текст нужен inspect.getsource: через него tf.function разбирает циклы и условия. Файла с таким
    # именем нет, поэтому текст отдаёт загрузчик; запись в linecache.cache TensorFlow стирает.
    module.__loader__ = SimpleNamespace(get_source=lambda name: source)
    sys.modules[module.__name__] = module
    exec(compile(source, filename, "exec"), module.__dict__)
    return module
