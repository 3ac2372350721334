"""Блокноты без обучения и с ошибками обучения: долгие прогоны — `make test-learning` и раз в неделю."""

import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from conftest import ROOT
from learning import FREEZE, LearningFault, check_learning_fault, claims, run_without_learning
from learning_faults import LEARNING_FAULTS

TRAINED = ("01", "03", "06", "07", "08")


def path_of(name: str) -> Path:
    (path,) = (ROOT / "notebooks").glob(f"{name}*.ipynb")
    return path


@pytest.mark.weekly
@pytest.mark.parametrize("name", ["02", *TRAINED])
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


# --- сам механизм: без Keras, обучение здесь — переменная learning ---

SAMPLE = [
    "learning = {learning}",
    "quality = 0.9 if learning else 0.2",
    "assert quality > 0.5  # выучено",
    "assert quality > 0.1",
]


def sample(folder: Path, *cells: str, learning: bool = False) -> Path:
    sources = [SAMPLE[0].format(learning=learning), *(cells or SAMPLE[1:])]
    nbformat.write(new_notebook(cells=[new_code_cell(text) for text in sources]), folder / "01-sample.ipynb")
    return folder / "01-sample.ipynb"


def test_claims_are_recorded_and_do_not_stop_the_run(tmp_path: Path) -> None:
    assert run_without_learning(sample(tmp_path), tmp_path).claims == {"[2] quality > 0.5": False}


def test_claim_that_needs_no_learning_is_named(tmp_path: Path) -> None:
    learned = run_without_learning(sample(tmp_path, learning=True), tmp_path)
    assert learned.passed == ["[2] quality > 0.5"]


def test_unmarked_claim_of_learning_is_found(tmp_path: Path) -> None:
    path = sample(tmp_path, "quality = 0.2", "assert quality > 0.5")
    with pytest.raises(AssertionError, match="ошибка в ячейке 3 из 3"):
        run_without_learning(path, tmp_path)


def test_notebook_without_claims_is_refused(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="ни одной проверки"):
        run_without_learning(sample(tmp_path, "x = 1"), tmp_path)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("0.9", "0.4", None),
        ("0.9", "0.8", "не замечена"),
        ("quality = 0.9", "raise ValueError; quality = 0.9", "упало другое"),
        ("такого нет", "", "нет текста"),
    ],
)
def test_learning_fault_must_be_caught_where_it_says(
    tmp_path: Path, old: str, new: str, message: str | None
) -> None:
    fault = LearningFault("01", "ошибка", "quality = 0.9", old, new, caught="# выучено")
    with pytest.raises(AssertionError, match=message) if message else nullcontext():
        check_learning_fault(sample(tmp_path, learning=True), fault, tmp_path)


FROZEN = """
import sys
import {keras} as keras
import numpy as np

x = np.linspace(-1, 1, 64, dtype="float32")[:, None]
for optimizer in {optimizers}:
    model = keras.Sequential([keras.layers.Input((1,)), keras.layers.Dense(1)])
    model.compile(optimizer, "mse")
    before = model.get_weights()
    {freeze}
    model.fit(x, 3 * x + 1, epochs=2, verbose=0)
    same = all(np.array_equal(old, new) for old, new in zip(before, model.get_weights()))
    print(same, int(model.optimizer.iterations))
"""


OPTIMIZERS = ["keras.optimizers.Adam(0.1)", "keras.optimizers.AdamW(0.1, weight_decay=0.1)"]
LEGACY = "keras.optimizers.legacy.Adam(0.1)"  # от него наследует AdamWeightDecay из transformers


@pytest.mark.parametrize(
    ("keras", "optimizers"), [("keras", OPTIMIZERS), ("tf_keras", [*OPTIMIZERS, LEGACY])], ids=["3", "2"]
)
@pytest.mark.parametrize("freeze", [True, False])
def test_updates_are_switched_off(keras: str, optimizers: list[str], freeze: bool) -> None:
    """Веса не меняются, а счётчик шагов идёт: расписание и прогрев остаются на месте."""
    listed = f"[{', '.join(optimizers)}]"
    code = FROZEN.format(keras=keras, optimizers=listed, freeze=f"exec({FREEZE!r})" if freeze else "pass")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == f"{freeze} 4\n" * len(optimizers)
