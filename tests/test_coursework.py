"""Домашние работы: устройство исходных блокнотов, готовое из курса и библиотек вместо ответов, банк решений."""

import ast
import importlib
import re
from collections.abc import Iterator

import nbformat
import pytest
from grading.frame import defined, grade_id, is_grade, is_solution, is_test, tags
from grading.judge import HIDDEN

from coursework import COURSEWORK, ROOT, SOLUTION, Bench
from test_language import english_paragraphs, forbidden_uses, glossary, notebook_text
from test_links import ADDRESS, SETUP

SOURCES = sorted(COURSEWORK.glob("source/*/*.ipynb"))
NAMES = [path.stem for path in SOURCES]
HEADING = re.compile(r"^## Задание (\d+)\. .+ — (\d+) балл(?:а|ов)?, (\d+) минут[ыа]?$", re.MULTILINE)
PREPARES = re.compile(r"^\*Готов[ия]т .+\*", re.MULTILINE)


@pytest.fixture(params=SOURCES, ids=NAMES)
def source(request: pytest.FixtureRequest) -> nbformat.NotebookNode:
    return nbformat.read(request.param, as_version=4)


def tasks(nb: nbformat.NotebookNode) -> Iterator[tuple[re.Match, str, list]]:
    """Задания: заголовок с баллами, текст, ячейки до следующего задания."""
    starts = [at for at, cell in enumerate(nb.cells) if HEADING.search(cell.source)]
    for start, end in zip(starts, [*starts[1:], len(nb.cells)], strict=True):
        text = nb.cells[start].source
        yield HEADING.search(text), text, nb.cells[start:end]


def test_there_are_three() -> None:
    assert NAMES == ["bert", "rnn-attention", "transformer"]


def test_heading_tells_points_minutes_and_what_prepares(source: nbformat.NotebookNode) -> None:
    for number, (heading, text, cells) in enumerate(tasks(source), 1):
        points = [cell.metadata.nbgrader.points for cell in cells if is_grade(cell)]
        assert int(heading[1]) == number, heading[0]
        assert points == [int(heading[2])], f"{heading[0]}: в ячейке {points}"
        assert PREPARES.search(text), f"{heading[0]}: не сказано, какой раздел готовит"
    total = sum(cell.metadata.nbgrader.points for cell in source.cells if is_grade(cell))
    assert f"**Баллы:** {total:.0f}" in source.cells[0].source
    assert len([cell for cell in source.cells if is_test(cell)]) >= 10
    assert [cell for cell in source.cells if is_grade(cell) and is_solution(cell)], "нет ответа словами"


def test_every_cell_has_its_own_name(source: nbformat.NotebookNode) -> None:
    names = [grade_id(cell) for cell in source.cells if cell.cell_type == "code"]
    assert all(names) and len(set(names)) == len(names)
    for cell in filter(is_test, source.cells):
        assert f"{grade_id(cell)}_answer" in names


def test_every_assert_says_what_is_wrong(source: nbformat.NotebookNode) -> None:
    for cell in filter(is_test, source.cells):
        checks = [node for node in ast.walk(ast.parse(cell.source)) if isinstance(node, ast.Assert)]
        assert all(check.msg for check in checks), grade_id(cell)
        visible = HIDDEN.sub("", cell.source)
        assert visible.count("assert ") >= 2 and HIDDEN.search(cell.source), grade_id(cell)


def test_hidden_messages_give_no_numbers_away(source: nbformat.NotebookNode) -> None:
    """В скрытых сообщениях не подставляют ожидаемые значения: по ним подобрали бы ответ."""
    for cell in filter(is_test, source.cells):
        tree = ast.parse("\n".join(HIDDEN.findall(cell.source)))
        for check in (node for node in ast.walk(tree) if isinstance(node, ast.Assert)):
            used = {node.id for node in ast.walk(check.msg) if isinstance(node, ast.Name)}
            assert not used & {"expected", "truth", "gold"}, f"{grade_id(cell)}: {ast.unparse(check.msg)}"


def test_grader_needs_no_tensorflow(source: nbformat.NotebookNode) -> None:
    shared = [cell for cell in source.cells if {"shared", "student"} & set(tags(cell))]
    code = "\n".join(cell.source for cell in [*shared, *filter(is_test, source.cells)])
    imported = {
        alias.name.split(".")[0]
        for node in ast.walk(ast.parse(code))
        if isinstance(node, ast.Import)
        for alias in node.names
    }
    imported |= {
        node.module.split(".")[0] for node in ast.walk(ast.parse(code)) if isinstance(node, ast.ImportFrom)
    }
    assert not imported & {"tensorflow", "keras", "keras_hub", "tf_keras", "transformers"}


def test_solutions_are_marked(source: nbformat.NotebookNode) -> None:
    for cell in source.cells:
        if cell.cell_type == "code" and is_solution(cell) and "student" not in tags(cell):
            assert len(SOLUTION.findall(cell.source)) % 2 == 0 and SOLUTION.search(cell.source), grade_id(
                cell
            )


def test_language(source: nbformat.NotebookNode) -> None:
    variants = glossary((ROOT / "notebooks" / "glossary.md").read_text(encoding="utf-8"))
    assert not forbidden_uses(notebook_text(source), variants)
    texts = [cell.source for cell in source.cells if cell.cell_type == "markdown"]
    assert not [text for cell in texts for text in english_paragraphs(cell)]


def test_links_and_setup_cell(source: nbformat.NotebookNode) -> None:
    """Разделы, которые названы в заданиях, в блокнотах есть; первая ячейка — та же, что в уроках."""
    assert next(cell.source for cell in source.cells if "setup" in tags(cell)) == SETUP.format(
        address=ADDRESS
    )
    lessons = {
        path.name[:2]: path.read_text(encoding="utf-8") for path in (ROOT / "notebooks").glob("[0-9]*.ipynb")
    }
    for number in re.findall(r"main/notebooks/([\w-]+\.ipynb)\)", source.cells[0].source):
        assert (ROOT / "notebooks" / number).exists()
    for _, text, _ in tasks(source):
        prepares = PREPARES.search(text)[0]
        for title in re.findall("«([^»]+)»", prepares):
            assert any(re.search(rf'"#+ [^"]*{re.escape(title)}', lesson) for lesson in lessons.values()), (
                title
            )


# Готовое вместо ответа


LIBRARY = """
import attention_kit as ak, keras, keras_hub, scipy.special
READY = {}
for number in ("01", "02", "03", "08"):
    for name, value in vars(ak.definitions(number)).items():
        if callable(value) and getattr(value, "__module__", "").startswith("notebook_"):
            READY[f"{number}: {name}"] = value
for module in (keras.layers, keras_hub.layers, keras.ops, keras.losses, keras.optimizers.schedules, ak):
    for name in dir(module):
        value = getattr(module, name)
        if callable(value) and not name.startswith("_"):
            READY[f"{module.__name__}: {name}"] = value
READY["scipy: softmax"] = scipy.special.softmax
ORDER = list(READY)
"""  # fmt: skip


def answered_by(bench: Bench, task: str, code: str) -> bool:
    """Зачтено ли задание, если вместо ответа выполнить code."""
    test = bench.nb.cells[bench.at(task)].source
    if defined(bench.answer(task)) & {
        node.id for node in ast.walk(ast.parse(test)) if isinstance(node, ast.Name)
    }:
        bench.sandbox.ask("run", source=code)  # проверка зовёт сам ответ: остальное выполнять незачем
        if bench.judge.check(test):
            return False
    return not bench.attempt(task, code)


@pytest.mark.coursework
@pytest.mark.usefixtures("sandbox")
@pytest.mark.parametrize("name", NAMES)
def test_nothing_ready_made_answers(name: str) -> None:
    """Всё, что определяют блокноты, и все слои и функции библиотек по очереди вместо каждого ответа."""
    with Bench(name) as bench:
        bench.sandbox.ask("run", source=LIBRARY)
        ready = bench.sandbox.ask("value", name="ORDER")["value"]
        assert len(ready) > 400
        found = []
        for task in bench.tasks():
            asked = defined(bench.answer(task))
            for number, what in enumerate(ready):
                code = "; ".join(f"{one} = READY[ORDER[{number}]]" for one in asked)
                if answered_by(bench, task, code):
                    found.append(f"{task} ← {what}")
            assert not bench.attempt(task, bench.answer(task)), "верный ответ после этого не засчитан"
    assert not found


# Банк решений


def bank(name: str):
    return importlib.import_module(f"bank_{name.replace('-', '_')}")


def check_bank(name: str, rows: list) -> list[str]:
    """Прогоняет решения банка; возвращает те, с которыми проверка обошлась неверно."""
    problems = []
    with Bench(name) as bench:
        order = bench.tasks()
        for row in sorted(rows, key=lambda row: -order.index(row.task)):  # переобучать модель — в конце
            wrong = hasattr(row, "message")
            said = bench.wrong(row) if wrong else bench.attempt(row.task, row.source)
            if (wrong and (not said or row.message not in said)) or (not wrong and said):
                problems.append(f"{row.task}, {row.name}: «{said}»")
    return problems


def test_bank_is_large() -> None:
    banks = [bank(name) for name in NAMES]
    assert sum(len(one.WRONG) for one in banks) >= 60 and sum(len(one.RIGHT) for one in banks) >= 15
    for name, one in zip(NAMES, banks, strict=True):
        nb = nbformat.read(COURSEWORK / "source" / name / f"{name}.ipynb", as_version=4)
        known = {grade_id(cell) for cell in filter(is_test, nb.cells)}
        assert {row.task for row in one.WRONG} == known, "у каждого задания есть хотя бы одна ошибка"
        names = [(row.task, row.name) for row in [*one.WRONG, *one.RIGHT]]
        assert len(set(names)) == len(names)


@pytest.mark.coursework
@pytest.mark.usefixtures("sandbox")
@pytest.mark.parametrize("name", NAMES)
def test_whole_bank(name: str) -> None:
    assert not check_bank(name, [*bank(name).RIGHT, *bank(name).WRONG])
