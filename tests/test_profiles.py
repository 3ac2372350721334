"""Размер запуска: COURSE_PROFILE и выбор настроек."""

import os
import subprocess
import sys

import attention_kit as ak
import pytest

SETTINGS = {
    "quick": {"epochs": 1, "rows": 200},
    "cpu": {"epochs": 8, "rows": 5000},
    "gpu": {"epochs": 20, "rows": None},
}


@pytest.mark.parametrize("name", ["quick", "cpu", "gpu"])
def test_profile_is_taken_from_the_environment(monkeypatch, name):
    monkeypatch.setenv("COURSE_PROFILE", name)
    monkeypatch.setitem(sys.modules, "tensorflow", None)  # импорт TensorFlow здесь — ошибка
    assert ak.profile() == name


def test_unset_profile_is_cpu(monkeypatch):
    monkeypatch.setenv("COURSE_PROFILE", "")
    assert ak.profile() == "cpu"
    monkeypatch.delenv("COURSE_PROFILE")
    assert ak.profile() == "cpu"


@pytest.mark.parametrize(
    ("profile", "found", "said"),
    [("cpu", "/usr/bin/nvidia-smi", "COURSE_PROFILE=gpu"), ("gpu", None, "видеокарты не видно")],
)
def test_gpu_and_profile_that_do_not_match_are_said(monkeypatch, capsys, profile, found, said):
    monkeypatch.setenv("COURSE_PROFILE", profile)
    monkeypatch.setattr("shutil.which", lambda name: found)
    ak.choose(SETTINGS)
    assert said in capsys.readouterr().out.splitlines()[-1]


def test_unknown_profile_is_refused(monkeypatch):
    monkeypatch.setenv("COURSE_PROFILE", "fast")
    with pytest.raises(ValueError, match="'fast'.*quick, cpu или gpu"):
        ak.profile()


def test_choose_prints_all_profiles_and_returns_the_active_one(monkeypatch, capsys):
    monkeypatch.setenv("COURSE_PROFILE", "cpu")
    params = ak.choose(SETTINGS)
    assert vars(params) == SETTINGS["cpu"], "имени профиля здесь нет: проверки от него не зависят"
    assert capsys.readouterr().out.splitlines() == [
        "профиль  quick  ▶ cpu   gpu",
        "epochs       1      8    20",
        "rows       200   5000  None",
    ]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"quick": {}, "cpu": {}}, "ровно для профилей"),
        (SETTINGS | {"gpu": {"epochs": 20}}, "rows есть не во всех"),
    ],
)
def test_choose_refuses_incomplete_settings(monkeypatch, settings, message):
    monkeypatch.setenv("COURSE_PROFILE", "quick")
    with pytest.raises(ValueError, match=message):
        ak.choose(settings)


def test_import_does_not_load_tensorflow(monkeypatch):
    monkeypatch.delenv("TF_CPP_MIN_LOG_LEVEL", raising=False)
    code = "import attention_kit, os, sys; print('tensorflow' in sys.modules, os.environ['TF_CPP_MIN_LOG_LEVEL'])"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.split() == ["False", "3"]


@pytest.mark.parametrize(
    ("profile", "given", "expected"), [("quick", "", "0"), ("quick", "1", "1"), ("cpu", "", "")]
)
def test_only_quick_turns_onednn_off_and_only_unasked(monkeypatch, profile, given, expected):
    monkeypatch.setenv("COURSE_PROFILE", profile)
    monkeypatch.delenv("TF_ENABLE_ONEDNN_OPTS", raising=False)
    if given:
        monkeypatch.setenv("TF_ENABLE_ONEDNN_OPTS", given)
    code = "import attention_kit, os; print(os.environ.get('TF_ENABLE_ONEDNN_OPTS', ''))"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == expected


def imported(tmp_path, code: str = "", **environment: str) -> subprocess.CompletedProcess:
    """import attention_kit в новом процессе с чужими настройками; code выполняется до него."""
    code += (
        "\nimport attention_kit, os; print(*map(os.environ.get, ('KERAS_BACKEND', 'USE_TF', 'USE_TORCH')))"
    )
    environment = os.environ | {"KERAS_HOME": str(tmp_path)} | environment
    return subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"KERAS_BACKEND": "torch"}, "tensorflow None None"),
        ({"USE_TF": "0"}, "tensorflow 1 0"),
        ({"USE_TORCH": "1"}, "tensorflow 1 0"),
    ],
)
def test_settings_of_other_projects_are_replaced(monkeypatch, tmp_path, given, expected):
    for name in ("USE_TF", "USE_TORCH"):
        monkeypatch.delenv(name, raising=False)
    assert imported(tmp_path, **given).stdout.strip() == expected


USED = """
import sys, types
for name in ("keras", "tensorflow.python.eager.context"):
    sys.modules[name] = types.SimpleNamespace(
        config=types.SimpleNamespace(backend=lambda: "{backend}"),
        context=lambda: types.SimpleNamespace(_initialized={used}),
    )
"""


@pytest.mark.parametrize(
    ("given", "code", "keras_json", "message"),
    [
        ({"PYTHONOPTIMIZE": "1"}, "", "", "PYTHONOPTIMIZE"),
        ({}, USED.format(backend="torch", used=False), "", "Keras уже работает на torch"),
        ({}, USED.format(backend="tensorflow", used=True), "", "TensorFlow в этом ядре уже считал"),
        ({}, "", '{"floatx": "float16"}', "floatx: float16"),
        ({}, USED.format(backend="tensorflow", used=False), '{"floatx": "float32"}', ""),
        ({}, "", "испорчен", ""),
    ],
)
def test_settings_that_cannot_be_replaced_are_named(tmp_path, given, code, keras_json, message):
    if keras_json:
        (tmp_path / "keras.json").write_text(keras_json, encoding="utf-8")
    said = imported(tmp_path, code, **given).stderr.strip()
    assert message in (said.splitlines() or [""])[-1]
    assert bool(said) == bool(message)
