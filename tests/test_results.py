"""Таблица результатов: две записи сразу, испорченный файл, отказы."""

import csv
import importlib
import subprocess
import sys
from types import SimpleNamespace

import attention_kit as ak
import pytest

module = importlib.import_module("attention_kit.results")  # ak.results — одноимённая функция
ROW = {"notebook": "01", "model": "GRU", "data": "встроенный", "parameters": 1000, "quality": "BLEU"}
ROW |= {"value": 91.5, "seconds": 60}
WRITER = "import attention_kit as ak\nfor i in range(50): ak.record_result(**{row!r} | {{'model': '{name}', 'seed': i}})"


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_CACHE", str(tmp_path))
    monkeypatch.setenv("COURSE_PROFILE", "quick")
    return tmp_path


def test_a_row_is_filled_and_comes_back():
    ak.record_result(**ROW)
    table = ak.results(recorded=False)
    row = table.iloc[0]
    assert list(table.columns) == [*ak.RESULT_COLUMNS, "origin"] == list(ak.RESULT_TITLES)
    assert (row["model"], row["value"], row["parameters"], row["origin"]) == ("GRU", 91.5, 1000, "ваш запуск")
    assert row["profile"] == "quick"
    assert "CPU" in row["hardware"]
    assert len(row["date"]) == len("2026-01-31")


def test_two_processes_lose_no_row(own_cache):
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITER.format(row=ROW, name=name)])
        for name in ("первый", "второй")
    ]
    assert [writer.wait(60) for writer in writers] == [0, 0]
    table = ak.results(recorded=False)
    assert sorted(zip(table["model"], map(int, table["seed"]), strict=True)) == sorted(
        (name, i) for name in ("первый", "второй") for i in range(50)
    )


def test_recorded_rows_come_first_and_are_never_written(tmp_path, monkeypatch):
    recorded = tmp_path / "recorded.csv"
    line = "01,GRU,x,10,BLEU,80.5,5,T4,gpu,2026-01-31,abc,0"
    recorded.write_text(",".join(ak.RESULT_COLUMNS) + f"\n{line}\n", encoding="utf-8")
    before = recorded.read_bytes()
    monkeypatch.setattr(module, "RECORDED", recorded)
    ak.record_result(**ROW)
    assert list(ak.results()["origin"]) == ["записано", "ваш запуск"]
    assert list(ak.results(recorded=False)["origin"]) == ["ваш запуск"]
    assert recorded.read_bytes() == before


HEADER = ",".join(ak.RESULT_COLUMNS)


@pytest.mark.parametrize(
    "content",
    [
        b"a,b\n1,2\n",
        HEADER.encode() + b"\n01,GRU,x",
        HEADER.encode() + b"\n01,GRU,x,1,BLEU,1,1,c,quick,d,e,f",
        HEADER.encode() + b"\n01,GRU,x,many,BLEU,1,1,c,quick,d,e,f\n",
    ],
    ids=["foreign", "cut", "cut-at-the-end", "text-for-number"],
)
def test_broken_file_is_named_and_left_as_it_is(own_cache, capsys, content):
    (own_cache / "results.csv").write_bytes(content)
    ak.record_result(**ROW)
    assert len(ak.results(recorded=False)) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[0].startswith("Результат не записан: файл results.csv испорчен")
    assert said[1].startswith("Ваших результатов в таблице нет: файл results.csv испорчен")
    assert (own_cache / "results.csv").read_bytes() == content
    assert len(ak.results()) > 0  # записанные с курсом видны


def test_both_notebooks_began_the_file(own_cache):
    ak.record_result(**ROW)
    path = own_cache / "results.csv"
    path.write_bytes(path.read_bytes() * 2)
    assert len(ak.results(recorded=False)) == 2


def test_failure_costs_only_the_record(own_cache, capsys):
    (own_cache / "results.csv").mkdir()
    ak.record_result(**ROW)
    assert capsys.readouterr().out.startswith("Результат не записан: ")


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (ROW | {"accuracy": 1}, "нет столбцов accuracy"),
        ({"notebook": "01"}, "Не хватает столбцов: model"),
        (ROW | {"value": float("nan")}, "В столбцах value"),
        (ROW | {"parameters": "много"}, "В столбцах parameters .*'много'"),
    ],
)
def test_bad_row_is_refused_and_nothing_is_written(own_cache, row, message):
    with pytest.raises(ValueError, match=message):
        ak.record_result(**row)
    assert not (own_cache / "results.csv").exists()


def test_text_with_commas_and_quotes_survives(own_cache):
    ak.record_result(**ROW | {"model": 'GRU, 128 «с вниманием» "да"\nи нет'})
    assert ak.results(recorded=False)["model"][0] == 'GRU, 128 «с вниманием» "да"\nи нет'
    with open(own_cache / "results.csv", encoding="utf-8", newline="") as file:
        assert next(csv.reader(file)) == ak.RESULT_COLUMNS


@pytest.mark.parametrize(("cores", "text"), [(2, "2 ядра CPU"), (12, "12 ядер"), (21, "21 ядро")])
def test_hardware_in_good_russian(monkeypatch, cores, text):
    monkeypatch.setattr(module.os, "sched_getaffinity", lambda _: range(cores), raising=False)
    assert ak.hardware().startswith(text)


@pytest.mark.parametrize(("details", "name"), [({"device_name": "Tesla T4"}, "Tesla T4"), ({}, "GPU")])
def test_hardware_names_the_gpu(monkeypatch, details, name):
    monkeypatch.setenv("COURSE_PROFILE", "gpu")
    experimental = SimpleNamespace(get_device_details=lambda device: details)
    config = SimpleNamespace(list_physical_devices=lambda kind: [kind], experimental=experimental)
    monkeypatch.setitem(sys.modules, "tensorflow", SimpleNamespace(config=config))
    assert ak.hardware() == name
