"""Настройки nbgrader для домашних работ курса; их читают nbgrader, Formgrader и `make grade`."""

import os
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
# Базу баллов nbgrader заводит программой alembic, а ищет её по PATH.
os.environ["PATH"] = os.pathsep.join(
    [str(Path(sys.executable).parent), os.environ.get("PATH", "")]
)

c = get_config()  # noqa: F821 — даёт nbgrader
c.CourseDirectory.root = str(HERE)
c.CourseDirectory.course_id = "attention"
c.Exchange.root = os.environ.get("COURSE_EXCHANGE", "/srv/nbgrader/exchange")

c.ClearSolutions.code_stub = {
    "python": '# ВАШ КОД\nraise NotImplementedError("Задание ещё не сделано.")'
}
c.ClearSolutions.text_stub = "Ваш ответ."

c.Execute.timeout = (
    600  # проверка у самого студента (Validate): обучение длится дольше 30 секунд по умолчанию
)

# Вместо выполнения в обычном ядре: ответы — в исходный блокнот, код — в песочницу, сравнение — снаружи.
OURS, THEIRS = "grading.preprocessors", "nbgrader.preprocessors"
c.Autograde.exporter_class = f"{OURS}.Tolerant"
c.Autograde.sanitize_preprocessors = [f"{THEIRS}.ClearOutput", f"{OURS}.Restore"]
c.Autograde.autograde_preprocessors = [
    f"{OURS}.Run",
    f"{THEIRS}.SaveAutoGrades",
    f"{THEIRS}.AssignLatePenalties",
]
c.AssignLatePenalties.plugin_class = f"{OURS}.LatePenalty"
c.Run.unsafe = os.environ.get("UNSAFE") == "1"

c.GenerateFeedback.exporter_class = "grading.feedback.Feedback"
