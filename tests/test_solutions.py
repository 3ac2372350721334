"""Решения упражнений: каждое упражнение урока решено, и решения выполняются строгим nbval в профиле quick."""

import ast
import builtins
import re
from pathlib import Path

import nbformat
import pytest
from bs4 import BeautifulSoup
from IPython.core.inputtransformer2 import TransformerManager
from nbconvert.filters import markdown2html

from conftest import ROOT, notebook_params
from exercise_faults import ANSWERS, IMPORTS
from hygiene import CHECKS, code_cells, has_assert
from learning import run_without_learning
from nbval_run import run_nbval
from test_hygiene import problems_of
from test_language import english_paragraphs, forbidden_uses, glossary, notebook_text
from test_links import ADDRESS, SETUP

LIMIT_SECONDS, LIMIT_GB = 300, 1.8
FAST = ("02", "03", "07", "09")  # остальные долго обучаются: раз в неделю
OTHERWISE = {"amount_of_text", "sections"}  # урок длиннее и кончается вопросами
LESSONS = notebook_params(ROOT / "notebooks")
SOLUTIONS = [ROOT / "notebooks" / "solutions" / lesson.name for lesson in LESSONS]


def each(paths: list[Path], **marks) -> pytest.MarkDecorator:
    params = [
        pytest.param(path, id=path.stem, marks=[] if path.name[:2] in FAST else marks.get("slow", []))
        for path in paths
    ]
    return pytest.mark.parametrize("path", params)


@each(SOLUTIONS, slow=pytest.mark.weekly)
def test_solutions_run(path: Path, tmp_path: Path, record_property) -> None:
    run = run_nbval(path, tmp_path, LIMIT_SECONDS)
    record_property("summary", f"решения {path.stem}: {run.seconds:.0f} с, {run.peak / 1e9:.2f} ГБ")
    assert not run.failures, run.report()
    assert run.peak < LIMIT_GB * 1e9


@pytest.mark.weekly
@each(SOLUTIONS)
def test_nothing_is_learned(path: Path, tmp_path: Path) -> None:
    """Без обновлений весов ни одна проверка «# выучено» не проходит."""
    learned = run_without_learning(path, tmp_path)
    assert not learned.passed, learned.passed


def exercise_texts(nb: nbformat.NotebookNode) -> dict[int, str]:
    """{номер упражнения урока: его текст вместе с проверкой}; под номером 0 — то, что перед первым."""
    text = "\n\n".join(cell.source for cell in nb.cells if cell.cell_type == "markdown")
    section = re.search(r"^## Упражнения\n(.+?)^## ", text, re.MULTILINE | re.DOTALL).group(1)
    before, *parts = re.split(r"^(\d+)\. ", section, flags=re.MULTILINE)
    return {0: before} | {int(k): part for k, part in zip(parts[::2], parts[1::2], strict=True)}


def exercises(nb: nbformat.NotebookNode) -> list[int]:
    """Номера упражнений урока."""
    return list(exercise_texts(nb))[1:]


def checks(nb: nbformat.NotebookNode) -> dict[int, list[str]]:
    """{номер упражнения урока: блоки кода под ним}; в списке markdown они сдвинуты на три пробела."""
    found = {}
    for number, text in exercise_texts(nb).items():
        blocks = re.findall(r"^   ```python\n((?:   .*\n)+)   ```$", text, re.MULTILINE)
        found[number] = [re.sub(r"^   ", "", block, flags=re.MULTILINE) for block in blocks]
    return found


def solved(nb: nbformat.NotebookNode) -> list[int]:
    """Номера решённых упражнений: заголовок, за ним проверка в коде и «Ответ»."""
    found, number, checked = [], None, False
    for cell in nb.cells:
        if heading := re.match(r"## Упражнение (\d+)\. \S", cell.source):
            number, checked = int(heading.group(1)), False
        elif cell.cell_type == "code":
            checked |= has_assert(cell.source)
        elif cell.source.startswith("**Ответ.** ") and checked:
            found.append(number)
    return found


@each(SOLUTIONS)
def test_every_exercise_is_solved(path: Path) -> None:
    lesson = nbformat.read(ROOT / "notebooks" / path.name, as_version=4)
    nb = nbformat.read(path, as_version=4)
    assert exercises(lesson) and solved(nb) == exercises(lesson)
    assert f"](../{path.name})" in nb.cells[0].source


# --- проверки под упражнениями ---


def solution_code(nb: nbformat.NotebookNode) -> dict[int, list[str]]:
    """{номер упражнения: ячейки кода под его заголовком}; под номером 0 — то, что раньше первого."""
    found, number = {0: []}, 0
    for cell in nb.cells:
        if heading := re.match(r"## Упражнение (\d+)\. ", cell.source):
            number = int(heading.group(1))
            found[number] = []
        elif cell.cell_type == "code":
            found[number].append(cell.source)
    return found


def read_names(block: str) -> set[str]:
    """Имена, которые проверка берёт готовыми: не свои и не встроенные."""
    nodes = [node for node in ast.walk(ast.parse(block)) if isinstance(node, ast.Name)]
    own = {node.id for node in nodes if isinstance(node.ctx, ast.Store)}
    return {node.id for node in nodes} - own - set(vars(builtins))


def lesson_names(lesson: nbformat.NotebookNode) -> set[str]:
    """Имена, которые останутся после ячеек урока (не внутри функций и классов)."""
    found = set()

    def visit(node: ast.AST) -> None:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            found.add(node.name)
            return
        if isinstance(node, ast.Lambda | ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp):
            return
        if isinstance(node, ast.Import | ast.ImportFrom):
            found.update(alias.asname or alias.name for alias in node.names)
        if isinstance(node, ast.Name):
            if isinstance(node.ctx, ast.Store):
                found.add(node.id)
            elif isinstance(node.ctx, ast.Del):
                found.discard(node.id)
        for child in ast.iter_child_nodes(node):
            visit(child)

    for cell in code_cells(lesson):
        visit(ast.parse(TransformerManager().transform_cell(cell.source)))
    return found


def check_problems(lesson: nbformat.NotebookNode, solution: nbformat.NotebookNode) -> list[str]:
    """Чего не хватает проверкам под упражнениями."""
    texts, blocks, answers = exercise_texts(lesson), checks(lesson), solution_code(solution)
    problems = (
        []
        if "Под упражнением — проверка: вставьте её после своего кода." in texts[0]
        else ["проверки не объяснены"]
    )
    known = lesson_names(lesson)
    for number in exercises(lesson):
        where = f"упражнение {number}: "
        if len(blocks[number]) != 1:
            problems.append(f"{where}проверок {len(blocks[number])}, нужна одна")
            continue
        (block,) = blocks[number]
        lines, tree = block.splitlines(), ast.parse(block)
        asserts = [node for node in ast.walk(tree) if isinstance(node, ast.Assert)]
        if not asserts or len(lines) > 6:
            problems.append(f"{where}проверка — из 1–6 строк и с assert")
        for node in asserts:
            if node.msg is None or not re.search("[а-яё]", ast.unparse(node.msg), re.IGNORECASE):
                problems.append(f"{where}assert без сообщения: {ast.unparse(node)}")
        code = "\n".join(answers.get(number, [])).splitlines()
        problems += [f"{where}в решении нет строки «{line}»" for line in lines if line not in code]
        known |= set(re.findall(r"`([^`\W]+)(?=[`(,]| =)", texts[number]))  # названные в упражнениях
        problems += [f"{where}имя {name} не названо" for name in sorted(read_names(block) - known)]
    return problems


@each(SOLUTIONS)
def test_exercises_have_checks(path: Path) -> None:
    lesson = nbformat.read(ROOT / "notebooks" / path.name, as_version=4)
    problems = check_problems(lesson, nbformat.read(path, as_version=4))
    assert not problems, "\n".join(problems)


@each(SOLUTIONS)
def test_checks_are_shown_inside_the_list(path: Path) -> None:
    lesson = nbformat.read(ROOT / "notebooks" / path.name, as_version=4)
    (text,) = (cell.source for cell in lesson.cells if "## Упражнения\n" in cell.source)
    section = re.search(r"^## Упражнения\n.+?(?=^## )", text, re.MULTILINE | re.DOTALL).group()
    soup = BeautifulSoup(markdown2html(section), "html.parser")
    (whole,) = soup.find_all("ol")
    items = whole.find_all("li", recursive=False)
    assert len(items) == len(exercises(lesson))
    assert all(len(item.find_all("pre")) == 1 for item in items)


def run_check(lesson: str, number: int, old: str = "", new: str = "") -> None:
    """Выполняет ответ из ANSWERS, где old заменено на new, и проверку урока под упражнением."""
    (path,) = (path for path in SOLUTIONS if path.name.startswith(lesson))
    answer, nb = ANSWERS[lesson, number], nbformat.read(path, as_version=4)
    (check,) = checks(nbformat.read(ROOT / "notebooks" / path.name, as_version=4))[number]
    source = IMPORTS
    for text in answer.cells:
        (cell,) = (cell.source for cell in code_cells(nb) if text in cell.source)
        source += cell + "\n"
    source += answer.code + "\n"
    assert not old or source.count(old) == 1, f"текст «{old}» стоит в ответе {source.count(old)} раз"
    exec(compile(source.replace(old, new) + check, f"{path.stem}, упражнение {number}", "exec"), {})


@pytest.mark.parametrize(("lesson", "number"), ANSWERS)
def test_right_answer_passes(lesson: str, number: int) -> None:
    run_check(lesson, number)


@pytest.mark.parametrize(
    ("lesson", "number", "old", "new", "message"),
    [(*key, *fault) for key, answer in ANSWERS.items() for fault in answer.faults],
)
def test_wrong_answer_is_named(lesson: str, number: int, old: str, new: str, message: str) -> None:
    with pytest.raises(AssertionError, match=re.escape(message)):
        run_check(lesson, number, old, new)


def test_every_check_has_a_fault() -> None:
    numbers = {
        (path.name[:2], number) for path in LESSONS for number in exercises(nbformat.read(path, as_version=4))
    }
    assert set(ANSWERS) == numbers and all(answer.faults for answer in ANSWERS.values())


# --- оформление решений ---


@pytest.mark.parametrize("name", sorted(set(CHECKS) - OTHERWISE))
@each(SOLUTIONS)
def test_hygiene(path: Path, name: str) -> None:
    problems = problems_of(path, name)
    assert not problems, "\n".join([path.name, *problems])


@each(SOLUTIONS)
def test_language_and_setup(path: Path) -> None:
    nb = nbformat.read(path, as_version=4)
    variants = glossary((ROOT / "notebooks" / "glossary.md").read_text(encoding="utf-8"))
    assert not forbidden_uses(notebook_text(nb), variants)
    assert not [
        text for cell in nb.cells if cell.cell_type == "markdown" for text in english_paragraphs(cell.source)
    ]
    assert code_cells(nb)[0].source == SETUP.format(address=ADDRESS)


def test_missing_check_is_seen() -> None:
    """Проверки нет, сообщения нет, строки нет в решении, имя не названо: обо всём сказано."""
    new = nbformat.v4
    text = (
        "## Упражнения\n\n1. Раз (`x`).\n\n   ```python\n   assert x == y\n   ```\n\n2. Два.\n\n"
        '3. Три (`z`).\n\n   ```python\n   assert z, "Нет z."\n   ```\n\n## Итоги\n'
    )
    lesson = new.new_notebook(cells=[new.new_code_cell("def f():\n    y = 1"), new.new_markdown_cell(text)])
    cells = [new.new_markdown_cell(f"## Упражнение {k}. Так") for k in (1, 3)]
    code = [new.new_code_cell("assert x == y"), new.new_code_cell('assert z, "Нет"')]
    solution = new.new_notebook(cells=[cells[0], code[0], cells[1], code[1]])
    assert check_problems(lesson, solution) == [
        "проверки не объяснены",
        "упражнение 1: assert без сообщения: assert x == y",
        "упражнение 1: имя y не названо",
        "упражнение 2: проверок 0, нужна одна",
        'упражнение 3: в решении нет строки «assert z, "Нет z."»',
    ]


def test_missing_solution_is_seen() -> None:
    new = nbformat.v4
    heading = [new.new_markdown_cell(f"## Упражнение {number}. Маска") for number in (1, 2, 3)]
    answer, code = new.new_markdown_cell("**Ответ.** Да."), new.new_code_cell("assert x == 1")
    cells = [heading[0], code, answer, heading[1], answer, heading[2], code]
    assert solved(new.new_notebook(cells=cells)) == [1]  # у второго нет проверки, у третьего — ответа
    lesson = new.new_markdown_cell("## Упражнения\n\n1. Раз.\n2. Два.\n\n## Итоги\n\n3. Три.")
    assert exercises(new.new_notebook(cells=[lesson])) == [1, 2]
