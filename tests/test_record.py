"""Долгие измерения: прерванные продолжаются, записанное не повторяется, файл курса тесты не трогают."""

import importlib

import attention_kit as ak
import pytest

record = importlib.import_module("record")
results = importlib.import_module("attention_kit.results")


@pytest.fixture
def table(tmp_path, monkeypatch):
    path = tmp_path / "results.csv"
    monkeypatch.setattr(record, "RECORDED", path)
    monkeypatch.setattr(results, "RECORDED", path)
    monkeypatch.setenv("COURSE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("COURSE_PROFILE", "cpu")
    return path


def plan(monkeypatch, runs: list, fail_on: int | None = None, error: type = KeyboardInterrupt) -> None:
    """Три «обучения»; fail_on — зерно, на котором запуск прерывается."""

    def run(seed: int):
        runs.append(seed)
        if seed == fail_on:
            raise error("Прервано.")
        return 100, 1.5, iter([("BLEU", 10.0 + seed), ("AER", 0.123456)])

    rows = [record.Experiment("01", "проба", "данные", seed, run) for seed in (1, 2, 3)]
    monkeypatch.setattr(record, "experiments", lambda: rows)


def test_interrupted_run_continues(table, monkeypatch) -> None:
    runs: list[int] = []
    plan(monkeypatch, runs, fail_on=2)
    with pytest.raises(KeyboardInterrupt):
        record.main()
    assert runs == [1, 2] and len(ak.results()) == 2
    plan(monkeypatch, runs)
    assert record.main() == 0
    assert runs == [1, 2, 2, 3]
    rows = ak.results()
    assert list(rows["seed"]) == ["1", "1", "2", "2", "3", "3"]
    assert set(rows["origin"]) == {"записано"} and set(rows["value"]) == {11, 12, 13, 0.1235}


def test_missing_data_is_said(table, monkeypatch, capsys) -> None:
    plan(monkeypatch, [], fail_on=1, error=ak.SourceError)
    assert record.main() == 1
    assert "не измерено: Прервано." in capsys.readouterr().err
    assert not table.exists()


def test_plan_has_no_repetitions_and_enough_seeds() -> None:
    keys = [experiment.key for experiment in record.experiments()]
    assert len(set(keys)) == len(keys)
    for model in ("RNN с вниманием", "RNN без внимания"):
        assert [key[3] for key in keys if key[1:3] == (model, "наш корпус")] == ["1", "2", "3"]
