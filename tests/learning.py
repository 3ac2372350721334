"""Что доказывают проверки блокнота: копия без обучения и копии с ошибками, которые видны только по обученной модели.

Проверка обученности помечена в блокноте комментарием `# выучено` в строке assert. В копии без обучения
обновления весов отключены: каждая помеченная проверка обязана не пройти, все остальные — пройти.
"""

import ast
import json
from dataclasses import dataclass, field
from pathlib import Path

import nbformat
from IPython.core.inputtransformer2 import TransformerManager
from nbformat import NotebookNode

from run_notebooks import NotebookError, execute

ROOT = Path(__file__).resolve().parent.parent
MARK = "# выучено"

# Выполняется перед каждой ячейкой: отключает обновления у Keras 3 и у Keras 2, как только они загружены.
FREEZE = """
def _freeze():
    import sys

    def nothing(self, *args, **kwargs):
        return None

    def count(self, *args, **kwargs):
        return self.iterations.assign_add(1)

    for name, update in {"keras": "_backend_apply_gradients", "tf_keras": "_internal_apply_gradients"}.items():
        if name in sys.modules:
            optimizer = sys.modules[name].optimizers.Optimizer
            setattr(optimizer, update, nothing if name == "keras" else count)
            optimizer._apply_weight_decay = nothing
    if "tf_keras" in sys.modules:  # create_optimizer из transformers строит прежний оптимизатор

        def count_only(self, *args, **kwargs):
            with sys.modules["tensorflow"].init_scope():
                steps = self.iterations
            return steps.assign_add(1)

        sys.modules["tf_keras"].optimizers.legacy.Optimizer.apply_gradients = count_only


_freeze()
del _freeze
"""


@dataclass(frozen=True)
class Learned:
    """Проверки `# выучено` в копии без обучения: текст → прошла ли."""

    claims: dict[str, bool] = field(default_factory=dict)

    @property
    def passed(self) -> list[str]:
        return [claim for claim, passed in self.claims.items() if passed]


def claims(source: str) -> list[ast.Assert]:
    """Проверки ячейки с пометкой `# выучено` (комментарий — в любой строке assert)."""
    source = TransformerManager().transform_cell(source)
    lines = source.splitlines()
    return [
        node
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Assert)
        and any(MARK in line for line in lines[node.lineno - 1 : node.end_lineno])
    ]


def recording(source: str, cell: int, report: Path) -> str:
    """Код ячейки, где помеченные проверки не роняют её, а дописывают свой итог в файл report."""
    tree = ast.parse(TransformerManager().transform_cell(source))
    marked = {(node.lineno, node.col_offset) for node in claims(source)}

    class Recorder(ast.NodeTransformer):
        def visit_Assert(self, node: ast.Assert) -> ast.AST | list[ast.stmt]:
            if (node.lineno, node.col_offset) not in marked:
                return node
            text = f"[{cell}] {ast.unparse(node.test)}"
            code = f"print(__import__('json').dumps([{text!r}, bool(TEST)]), file=open({str(report)!r}, 'a', encoding='utf-8'))"
            (statement,) = ast.parse(code.replace("TEST", f"({ast.unparse(node.test)})")).body
            return statement

    return ast.unparse(ast.fix_missing_locations(Recorder().visit(tree)))


def run_without_learning(path: Path, folder: Path) -> Learned:
    """Выполняет копию блокнота в профиле quick с отключёнными обновлениями весов.

    AssertionError, если не прошла проверка без пометки или в блокноте нет ни одной помеченной.
    """
    nb, report = nbformat.read(path, as_version=4), folder / "claims.jsonl"
    report.touch()
    for index, cell in enumerate(nb.cells):
        if cell.cell_type == "code" and "setup" not in cell.metadata.get("tags", []):
            body = recording(cell.source, index, report) if claims(cell.source) else cell.source
            cell.source = FREEZE + body
    _run(nb, path.parent, folder)
    found = dict(json.loads(line) for line in report.read_text(encoding="utf-8").splitlines())
    assert found, f"{path.stem}: ни одной проверки с пометкой «{MARK}»."
    return Learned(found)


def _run(nb: NotebookNode, where: Path, folder: Path) -> None:
    try:
        execute(
            nb, where, {"COURSE_PROFILE": "quick", "COURSE_DATA": "", "COURSE_CACHE": str(folder / "cache")}
        )
    except NotebookError as error:
        raise AssertionError(f"без обучения упала проверка или ячейка: {error}") from None


@dataclass(frozen=True)
class LearningFault:
    """Ошибка в обучении или показе: в ячейке с текстом cell текст old меняется на new.

    caught — текст ячейки, чья проверка обязана её заметить (первая такая ячейка после испорченной, если не она сама).
    """

    notebook: str
    what: str
    cell: str
    old: str
    new: str
    caught: str

    def plant(self, nb: NotebookNode) -> int:
        """Портит блокнот; возвращает номер ячейки кода (с единицы), которая теперь должна упасть."""
        code = [cell for cell in nb.cells if cell.cell_type == "code"]
        broken = [i for i, cell in enumerate(code) if self.cell in cell.source]
        assert len(broken) == 1, f"{self.what}: ячеек с текстом «{self.cell}» — {len(broken)}, а нужна одна."
        cell = code[broken[0]]
        assert self.old in cell.source, f"{self.what}: в ячейке «{self.cell}» нет текста «{self.old}»."
        cell.source = cell.source.replace(self.old, self.new)
        caught = [i for i, cell in enumerate(code) if i >= broken[0] and self.caught in cell.source]
        assert caught, f"{self.what}: после ячейки «{self.cell}» нет ячейки с текстом «{self.caught}»."
        assert "assert" in code[caught[0]].source, f"{self.what}: в ячейке «{self.caught}» нет assert."
        return caught[0] + 1


def check_learning_fault(path: Path, fault: LearningFault, folder: Path) -> None:
    """Копия с ошибкой падает на assert ровно в той ячейке, которую называет fault.caught."""
    nb = nbformat.read(path, as_version=4)
    number = fault.plant(nb)
    try:
        execute(
            nb,
            path.parent,
            {"COURSE_PROFILE": "quick", "COURSE_DATA": "", "COURSE_CACHE": str(folder / "cache")},
        )
    except NotebookError as error:
        assert f"ошибка в ячейке {number} из" in str(error) and "AssertionError" in str(error), (
            f"{fault.what}: ожидалась ячейка {number}, а упало другое: {error}"
        )
    else:
        raise AssertionError(f"{fault.what}: ошибка не замечена.")
