"""Блокноты без обучения и с ошибками обучения: долгие прогоны — `make test-learning` и раз в неделю."""

from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from conftest import ROOT
from learning import LearningFault, check_learning_fault, claims, run_without_learning
from learning_faults import LEARNING_FAULTS

TRAINED = ("01", "03", "06", "07", "08")


def path_of(name: str) -> Path:
    (path,) = (ROOT / "notebooks").glob(f"{name}*.ipynb")
    return path


@pytest.mark.weekly
@pytest.mark.parametrize("name", TRAINED)
def test_nothing_is_learned_without_learning(name: str, tmp_path: Path, record_property) -> None:
    learned = run_without_learning(path_of(name), tmp_path)
    for claim, passed in learned.claims.items():
        record_property("summary", f"{name} без обучения: {'ПРОШЛА' if passed else 'не прошла'} {claim}")
    assert not learned.passed, f"Прошли и без обучения: {learned.passed}"


@pytest.mark.weekly
@pytest.mark.parametrize("fault", LEARNING_FAULTS, ids=lambda fault: f"{fault.notebook}-{fault.what}")
def test_learning_fault_is_caught(fault: LearningFault, tmp_path: Path) -> None:
    check_learning_fault(path_of(fault.notebook), fault, tmp_path)


@pytest.mark.parametrize("name", TRAINED)
def test_notebook_marks_its_claims_and_has_faults(name: str) -> None:
    """Быстрая часть на каждой отправке: пометки есть, ошибок не меньше четырёх, и каждая ложится на нынешний текст."""
    nb = nbformat.read(path_of(name), as_version=4)
    assert sum(len(claims(cell.source)) for cell in nb.cells if cell.cell_type == "code") >= 4
    faults = [fault for fault in LEARNING_FAULTS if fault.notebook == name]
    assert len(faults) >= 4, f"{name}: ошибок обучения {len(faults)}, а нужно хотя бы 4."
    for fault in faults:
        fault.plant(nbformat.read(path_of(name), as_version=4))


# --- сам механизм — на крошечной регрессии ---

MODEL = """import {keras} as keras
keras.utils.set_random_seed(0)
model = keras.Sequential([keras.layers.Input((1,)), keras.layers.Dense(1)])
model.compile({optimizer}, "mse")"""
FIT = """import numpy as np
x = np.linspace(-1, 1, 64)[:, None]
first = model.evaluate(x, 3 * x + 1, verbose=0)
model.fit(x, 3 * x + 1, epochs=60, verbose=0)
assert model.optimizer.iterations == 120"""
CLAIM = "last = model.evaluate(x, 3 * x + 1, verbose=0)\nassert last < 0.01, last  # выучено"


def sample(
    folder: Path, *cells: str, keras: str = "keras", optimizer: str = "keras.optimizers.Adam(0.1)"
) -> Path:
    sources = [MODEL.format(keras=keras, optimizer=optimizer), *cells]
    nbformat.write(new_notebook(cells=[new_code_cell(text) for text in sources]), folder / "01-sample.ipynb")
    return folder / "01-sample.ipynb"


@pytest.mark.parametrize(
    ("keras", "optimizer"),
    [
        ("keras", "keras.optimizers.Adam(0.1)"),
        ("keras", "keras.optimizers.AdamW(0.1, weight_decay=0.001)"),
        ("tf_keras", "keras.optimizers.Adam(0.1)"),
        ("tf_keras", "keras.optimizers.AdamW(0.1)"),
        ("tf_keras", "keras.optimizers.legacy.Adam(0.1)"),
    ],
)
def test_learned_claim_fails_only_without_learning(tmp_path: Path, keras: str, optimizer: str) -> None:
    path = sample(tmp_path, FIT, CLAIM, keras=keras, optimizer=optimizer)
    assert run_without_learning(path, tmp_path).claims == {"[2] last < 0.01": False}
    from run_notebooks import execute

    execute(nbformat.read(path, as_version=4), tmp_path, {})  # с обучением проходит


def test_claim_that_needs_no_learning_is_named(tmp_path: Path) -> None:
    path = sample(tmp_path, FIT, CLAIM, "assert last < 1e9  # выучено")
    assert run_without_learning(path, tmp_path).passed == ["[3] last < 1000000000.0"]


def test_unmarked_claim_of_learning_is_found(tmp_path: Path) -> None:
    path = sample(tmp_path, FIT, CLAIM.replace("  # выучено", ""))
    with pytest.raises(AssertionError, match="ошибка в ячейке 3 из 3"):
        run_without_learning(path, tmp_path)


def test_notebook_without_claims_is_refused(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="ни одной проверки"):
        run_without_learning(sample(tmp_path, FIT), tmp_path)


def fault(old: str, new: str, caught: str = "last <") -> LearningFault:
    return LearningFault("01", "цель", "model.fit(", old, new, caught)


def test_learning_fault_must_be_caught_where_it_says(tmp_path: Path) -> None:
    path = sample(tmp_path, FIT, CLAIM)
    check_learning_fault(path, fault("x, 3 * x + 1, epochs", "x, 3 * x, epochs"), tmp_path)
    with pytest.raises(AssertionError, match="не замечена"):
        check_learning_fault(path, fault("epochs=60", "epochs=60, shuffle=False"), tmp_path)
    with pytest.raises(AssertionError, match="упало другое"):
        check_learning_fault(path, fault("epochs=60", "epochs=30"), tmp_path)
    with pytest.raises(AssertionError, match="нет текста"):
        check_learning_fault(path, fault("такого нет", ""), tmp_path)
