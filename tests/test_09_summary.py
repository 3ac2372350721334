"""Код блокнота 09: сводка по зёрнам, числа таблицы и текста — только из CSV, фронт, советы, графики."""

import csv
import re

import attention_kit as ak
import matplotlib.pyplot as plt
import nbformat
import numpy as np
import pandas as pd
import pytest

from conftest import ROOT

RESULTS = ROOT / "notebooks" / "data" / "results.csv"


def rows(*given: dict) -> pd.DataFrame:
    """Таблица вида ak.results() из строк, где задано только важное для теста."""
    usual = {
        "notebook": "03", "model": "А", "data": "AG News", "parameters": 10, "quality": "верно, %", "value": 50.0,
        "seconds": 5, "hardware": "2 ядра CPU", "profile": "cpu", "date": "2026-01-01", "commit": "", "seed": "1",
        "origin": "записано",
    }  # fmt: skip
    return pd.DataFrame([usual | row for row in given])


# --- сводка ---


@pytest.mark.parametrize("column", ["notebook", "model", "data", "quality"])
def test_summary_keeps_different_things_apart(nb, column: str) -> None:
    """Одна модель на разных данных (в разных блокнотах, по разным метрикам) — разные строки."""
    table = nb.summary(rows({"value": 80.0}, {"value": 20.0, column: "другое"}))
    assert table["mean"].tolist() == [80, 20] and table["seeds"].tolist() == [1, 1]


def test_summary_joins_speed_by_model(nb) -> None:
    speed = {"data": "скорость вывода", "quality": nb.SPEED}
    table = nb.summary(
        rows(
            {"data": "мало"}, {"data": "много"}, {"model": "Б"}, {"notebook": "06"}, speed | {"value": 300.0}
        )
    ).fillna(-1)
    assert table["speed"].tolist() == [300, 300, -1, 300]
    assert nb.SPEED not in set(table["quality"])


def test_main_rows_choose_one_row_per_measurement(nb) -> None:
    """Одна группа длин, от 4 000 строк, по номерам блокнотов; ни разниц, ни p, ни AER."""
    few, many = (
        {"notebook": "06", "data": "AG News, 50 строк"},
        {"notebook": "06", "data": "AG News, 4000 строк"},
    )
    lengths = [{"notebook": "04", "quality": f"BLEU, {group} слов"} for group in ("2–6", "14–21")]
    names = (*nb.AUXILIARY, "разница, п. п.", "разница с дообученной, п. п.", "p с дообученной")
    aside = [{"quality": name} for name in names] + [{"quality": "точно, 14–21 слов, %"}]
    last = {"notebook": "06", "model": "Б", "data": "AG News, 20971 строка"}
    table = nb.main_rows(
        nb.summary(
            rows(
                {},
                *lengths,
                *aside,
                few,
                many,
                {**few, "model": "Б"},
                last,
                {"notebook": "05", "quality": "перплексия"},
            )
        )
    )
    kept = list(table[["notebook", "model", "data", "quality"]].itertuples(index=False, name=None))
    assert kept == [
        ("03", "А", "AG News", "верно, %"),
        ("04", "А", "AG News", "BLEU, 14–21 слов"),
        ("05", "А", "AG News", "перплексия"),
        ("06", "А", "AG News, 4000 строк", "верно, %"),
        ("06", "Б", "AG News, 20971 строка", "верно, %"),
    ]


def test_readable_shows_what_is_unknown(nb) -> None:
    table = nb.readable(nb.summary(rows({"parameters": 1234567, "value": 50.126})))
    row = table.iloc[0].to_dict()
    assert (row["среднее"], row["от"], row["до"], row["зёрен"]) == ("50.13", "—", "—", 1)
    assert (row["весов"], row[nb.SPEED]) == ("1\u00a0234\u00a0567", "—")
    assert not set(row) & {"mean", "low", "high", "seeds", "parameters", "speed"}  # заголовки русские


# --- сторож: всё, что в таблице, есть в CSV, и наоборот ---


def recorded_by_hand() -> dict[tuple, list[dict]]:
    """Строки CSV без pandas: (блокнот, модель, данные, метрика) → записи."""
    groups: dict[tuple, list[dict]] = {}
    with open(RESULTS, encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            groups.setdefault(
                tuple(row[name] for name in ("notebook", "model", "data", "quality")), []
            ).append(row)
    return groups


def average(group: list[dict], name: str) -> float:
    return sum(float(row[name]) for row in group) / len(group)


def plain(text: str) -> str:
    return text.replace("\u00a0", "")


@pytest.fixture
def shown(nb, tmp_path, monkeypatch) -> pd.DataFrame:
    """Главная таблица, как её видит читатель, у которого есть и свои запуски."""
    monkeypatch.setenv("COURSE_CACHE", str(tmp_path))
    monkeypatch.setenv("COURSE_PROFILE", "quick")
    first = next(group[0] for key, group in recorded_by_hand().items() if key[3] == "верно, %")
    names = ("notebook", "model", "data", "parameters", "quality", "seconds", "seed")
    ak.record_result(value=-12345, **{name: first[name] for name in names})
    return nb.readable(nb.main_rows(nb.summary(ak.results())))


def test_every_number_shown_is_recorded(nb, shown) -> None:
    groups = recorded_by_hand()
    for row in shown.to_dict("records"):
        key = tuple(row[name] for name in ("блокнот", "модель", "данные", "метрика"))
        group = groups[key]
        values, alone = [float(line["value"]) for line in group], len({line["seed"] for line in group}) == 1
        speed = [
            line
            for (_, model, _, quality), lines in groups.items()
            for line in lines
            if (model, quality) == (key[1], nb.SPEED)
        ]
        assert row["среднее"] == f"{sum(values) / len(values):.2f}", key
        assert (row["от"], row["до"]) == (
            ("—", "—") if alone else (f"{min(values):.2f}", f"{max(values):.2f}")
        ), key
        assert row["зёрен"] == len(group), key
        assert plain(row["весов"]) == f"{average(group, 'parameters'):.0f}", key
        assert plain(row["обучение, с"]) == f"{average(group, 'seconds'):.0f}", key
        assert plain(row[nb.SPEED]) == (f"{average(speed, 'value'):.0f}" if speed else "—"), key


def test_every_recorded_model_is_shown(nb, shown) -> None:
    expected = {key[:2] for key in recorded_by_hand() if key[3] != nb.SPEED}
    assert set(zip(shown["блокнот"], shown["модель"], strict=True)) == expected


# --- экран «задача → модель → цена»: числа текста — из CSV ---


def mean_of(key: tuple, name: str = "value") -> float:
    return average(recorded_by_hand()[key], name)


def test_numbers_of_the_screen_are_recorded() -> None:
    page = nbformat.read(ROOT / "notebooks" / "09-summary.ipynb", as_version=4)
    screen = next(cell.source for cell in page.cells if "| Задача | Модель |" in cell.source)

    def said(notebook: str, model: str, data: str, quality: str = "верно, %") -> tuple[str, str]:
        key = (notebook, model, data, quality)
        return f"{mean_of(key):.1f}".replace(".", ","), f"{mean_of(key, 'seconds'):.0f}"

    frozen, tuned = "MiniLM, среднее, заморожен", "MiniLM, дообучение"
    few, many = "AG News, 200 строк", "AG News, 4000 строк"
    (head, few_seconds), (bag, _) = said("06", frozen, few), said("06", "TF-IDF", few)
    best, _ = said("06", tuned, few)
    assert f"{few_seconds} с; на 200 заметках {head} %, у TF-IDF {bag} %, у дообучения {best} %" in screen
    (best, seconds), (less, short) = said("06", tuned, many), said("06", frozen, many)
    assert f"{seconds} с вместо {short}; на 4 000 — {best} % вместо {less} %" in screen
    bag, seconds = said("06", "TF-IDF", many)
    words, _ = said("06", "мешок эмбеддингов", many)
    assert f"{seconds} с; на 4 000 — {bag} %, у мешка эмбеддингов {words} %" in screen
    share, seconds = said("08", "MiniLM, сущности", "наши предложения", "F1 сущностей, %")
    exact, longer = said("08", "MiniLM, ответы", "наши вопросы", "точно, %")
    assert f"имена: {seconds} с, F1 {share} %; ответы: {longer} с, точно {exact} %" in screen


def test_one_encoder_has_one_speed() -> None:
    """MiniLM из TF Hub и из Hugging Face измерены одним путём — значит, и скорость почти одна."""
    hub, hugging_face = (
        mean_of((notebook, model, "скорость вывода", "текстов в секунду"))
        for notebook, model in (("06", "MiniLM, дообучение"), ("07", "MiniLM, дообучение (Hugging Face)"))
    )
    assert 0.8 < hub / hugging_face < 1.25


# --- советы ---


def row(**given) -> pd.Series:
    usual = {"mean": 50.0, "low": 50.0, "high": 50.0, "seeds": 3, "seconds": 10.0, "speed": 100.0}
    return pd.Series(usual | {"model": "А", "data": "мало", "quality": "верно, %"} | given)


@pytest.mark.parametrize(
    ("first", "second", "column", "answer"),
    [
        (row(mean=60, low=56), row(high=55), "mean", "да"),
        (row(mean=60, low=56), row(high=55, seeds=1), "mean", "да, но зерно одно"),
        (row(mean=60, low=54), row(high=55), "mean", "в среднем да"),
        (row(), row(mean=60, low=60), "mean", "нет"),
        (row(seeds=1), row(mean=60, low=60), "mean", "нет, но зерно одно"),
        (row(), row(), "mean", "в среднем нет"),
        (row(seconds=1.0), row(), "seconds", "да"),
        (row(), row(seconds=1.0), "seconds", "нет"),
        (row(), row(speed=1.0), "speed", "да"),
        (row(speed=np.nan), row(), "speed", "не измерялось"),
    ],
)
def test_verdict(nb, capsys, first, second, column: str, answer: str) -> None:
    assert nb.advise("Совет", first, second, column) == answer
    head, *lines = capsys.readouterr().out.splitlines()
    assert head == f"Совет: {answer}" and len(lines) == 2


def test_pick_wants_exactly_one_row(nb) -> None:
    table = nb.summary(rows({"value": 80.0}))
    assert nb.pick(table, "03", "А", "AG News")["mean"] == 80
    with pytest.raises(ValueError, match="Строк «Б, AG News, верно, %»: 0, а нужна 1"):
        nb.pick(table, "03", "Б", "AG News")


# --- кривая обучения ---


def test_learning_curve_takes_the_full_run_of_03(nb) -> None:
    part = {"notebook": "06", "data": "AG News, 200 строк"}
    full = {"notebook": "06", "model": "MiniLM", "data": "AG News, 20971 строка"}
    others = ({"model": "нет в 06"}, {"data": "наши"}, {**part, "quality": "p"})
    curve = nb.learning_curve(nb.summary(rows({"value": 90.0}, part, full, *others)))
    assert sorted(zip(curve["model"], curve["n"], curve["mean"], strict=True)) == [
        ("MiniLM", 20971, 50.0), ("А", 200, 50.0), ("А", 18873, 90.0),  # проверочные в 03 не учат
    ]  # fmt: skip


def test_rows_to_reach_reads_the_curve_backwards(nb) -> None:
    simple = pd.Series([50.0, 70.0, 80.0], index=[100, 1000, 10000])
    assert nb.rows_to_reach(70, simple) == "около 1\u00a0000"
    assert nb.rows_to_reach(75, simple) == "около 3\u00a0000"  # 10 ** 3.5: середина на логарифмической шкале
    assert nb.rows_to_reach(81, simple) == "больше 10\u00a0000"
    assert nb.rows_to_reach(50, simple) == nb.rows_to_reach(40, simple) == "не больше 100"


def test_wins_count_only_significant_differences(nb) -> None:
    pairs = pd.DataFrame(
        {
            "model": ["А", "А", "А", "Б", "Б"],
            "data": ["AG News, 50 строк"] * 3 + ["AG News, 200 строк"] * 2,
            "разница, п. п.": [5.0, -5.0, 5.0, 1.0, 2.0],
            "p": [0.01, 0.01, 0.5, 0.01, np.nan],  # NaN — с соперником не сравнивали
        }
    )
    head, _, *lines = nb.wins(pairs).splitlines()
    assert head.split() == ["заметок", "50", "200"]
    cells = [re.split(r"\s{2,}", line) for line in lines]
    assert cells == [["А", "+1 −1 из 3", "—"], ["Б", "—", "+1 −0 из 1"]]


# --- графики ---


LOOK = {
    "точная": ("C0", "o"),
    "дорогая": ("C1", "^"),
    "неточная": ("C2", "s"),
    "А": ("C0", "o"),
    "MiniLM": ("C1", "^"),
}


def drawn(ax) -> dict[str, list]:
    """Подпись в легенде → точки, концы отрезков, закрашена ли."""
    found = {}
    for bars, label in zip(*ax.get_legend_handles_labels(), strict=True):
        ends = [[low[1], high[1]] for low, high in bars.lines[2][0].get_segments()]
        filled = bars.lines[0].get_markerfacecolor() != "white"
        found[label] = [bars.lines[0].get_xydata().tolist(), ends, filled]
    return found


def test_pareto_keeps_what_nobody_beats(nb) -> None:
    table = pd.DataFrame(
        {
            "model": ["дешёвая", "хуже и дороже", "точная", "равная, дороже", "неизвестно", "даром"],
            "mean": [70.0, 65, 90, 90, 99, 99],
            "price": [1, 2, 3, 4, np.nan, 0],  # нуля на логарифмической шкале нет
        }
    )
    assert nb.pareto(table, "price")["model"].tolist() == ["дешёвая", "точная"]
    assert nb.pareto(table[::-1], "price")["model"].tolist() == ["дешёвая", "точная"]
    same = pd.DataFrame({"model": ["хуже", "лучше"], "mean": [50.0, 60], "price": [1, 1]})
    assert nb.pareto(same, "price")["model"].tolist() == ["лучше"]


def test_looks_follow_notebook_06(nb) -> None:
    """Цвета и значки — по порядку кривых 06; у остальных моделей — следующие."""
    order = [{"model": "мешок"}, {"notebook": "06", "model": "Б"}, {"notebook": "06", "model": "А"}]
    looks = nb.looks(nb.summary(rows(*order)))
    assert looks == {"Б": ("C0", "o"), "А": ("C1", "^"), "мешок": ("C2", "v")}


def test_price_plot_shows_means_ranges_and_the_front(nb) -> None:
    table = nb.summary(
        rows(
            {"model": "неточная", "value": 70.0, "parameters": 20},
            {"model": "точная", "value": 90.0, "parameters": 10},
            {"model": "точная", "value": 94.0, "parameters": 10, "seed": "2"},
            {"model": "дорогая", "value": 95.0, "parameters": 100},
        )
    )
    figure = nb.price_plot(table, {"parameters": "весов", "seconds": "обучение, с"}, LOOK)
    assert drawn(figure.axes[0]) == {
        "неточная": [[[20, 70]], [[70, 70]], False],
        "точная": [[[10, 92]], [[90, 94]], True],
        "дорогая": [[[100, 95]], [[95, 95]], True],
    }
    step = figure.axes[0].lines[0].get_xydata().tolist()
    assert step == [[10, 92], [100, 95]]
    assert [filled for *_, filled in drawn(figure.axes[1]).values()] == [False, False, True]
    assert [ax.get_xlabel() for ax in figure.axes] == ["весов", "обучение, с"]
    plt.close(figure)


def test_curves_skip_what_was_not_measured(nb) -> None:
    few, more = {"data": "AG News, 50 строк"}, {"data": "AG News, 200 строк"}
    given = (few | {"value": 40.0}, more, {**few, "model": "MiniLM", "value": 60.0})
    spread = (few | {"value": 50.0, "seed": "2"},)
    table = nb.summary(rows(*given, *spread))
    figure = nb.curves_plot(table.assign(n=nb.rows_of(table["data"]).astype(int)), LOOK)
    assert drawn(figure.axes[0]) == {
        "А": [[[50, 45], [200, 50]], [[40, 50], [50, 50]], True],
        "MiniLM": [[[50, 60]], [[60, 60]], True],
    }
    plt.close(figure)


# --- модель для реплик ---


def test_small_model_ignores_padding(nb) -> None:
    model, ids = nb.small_model(), np.random.default_rng(0).integers(1, 5000, (2, 12))
    assert np.allclose(model(ids), model(np.pad(ids, ((0, 0), (0, 5)))), atol=1e-5)
    assert [len(nb.in_batches(ids, [0, 1], 3, drop=drop)) for drop in (True, False)] == [0, 1]
