"""Враждебные работы: каждая обязана остаться в своих границах и получить ровно то, что заработала."""

from collections.abc import Callable
from typing import NamedTuple

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell

from small_course import SECRET, TASKS


class Hostile(NamedTuple):
    """Работа: что делает; заработанные баллы за три задания; слова, которые должны быть в отзыве."""

    name: str
    spoil: Callable[[NotebookNode], NotebookNode | str | bytes]
    marks: tuple[int, int, int]
    said: str = ""


def at(nb: NotebookNode, name: str) -> int:
    return next(
        i for i, cell in enumerate(nb.cells) if cell.metadata.get("nbgrader", {}).get("grade_id") == name
    )


def after(name: str, code: str) -> Callable[[NotebookNode], NotebookNode]:
    """Приписать код к ответу."""

    def spoil(nb: NotebookNode) -> NotebookNode:
        nb.cells[at(nb, name)].source += f"\n{code}"
        return nb

    return spoil


def instead(name: str, code: str) -> Callable[[NotebookNode], NotebookNode]:
    """Заменить ячейку."""

    def spoil(nb: NotebookNode) -> NotebookNode:
        nb.cells[at(nb, name)].source = code
        return nb

    return spoil


def without_tests(nb: NotebookNode) -> NotebookNode:
    nb.cells = [cell for cell in nb.cells if cell.metadata.get("nbgrader", {}).get("grade_id") not in TASKS]
    return instead("third_answer", "def third(x): return 0")(nb)


def doubled_tests(nb: NotebookNode) -> NotebookNode:
    easy = nbformat.from_dict(nb.cells[at(nb, "third")])
    easy.source = "assert True"
    nb.cells += [easy, easy]
    return instead("third_answer", "def third(x): return 0")(nb)


def more_points(nb: NotebookNode) -> NotebookNode:
    nb.cells[at(nb, "double")].metadata.nbgrader["points"] = 1000.0
    nb.cells[at(nb, "words")].metadata.nbgrader["solution"] = False
    return instead("third_answer", "def third(x): return 0")(nb)


def written(text: str) -> Callable[[NotebookNode], NotebookNode]:
    return instead("words", text)


LOOK = f"""
import os
secret, found = "{SECRET[::-1]}"[::-1], []
for root in ("/", "/proc/1/root", "/proc/1/cwd", os.getcwd()):
    for folder, inner, files in os.walk(root):
        inner[:] = [name for name in inner if name not in ("proc", "usr", "dev", "site-packages", "lib", "lib64")]
        for name in files:
            path = os.path.join(folder, name)
            if name.endswith((".db", ".csv")) and "/data/" not in path or "/submitted/" in path:
                found.append(path)
            elif name.endswith((".ipynb", ".py", ".txt")):
                try:
                    if secret in open(path, errors="ignore").read(): found.append(path)
                except OSError: pass
found += [k for k, v in os.environ.items() if "grade" in v.lower() and "runner" not in v]
if len([p for p in os.listdir("/proc") if p.isdigit()]) > 4: found.append("чужие процессы")
if found:
    del double, table, third  # нашёл — значит, дыра: баллы за это поле пропадут
"""  # fmt: skip

NETWORK = """
import socket
for address in [("127.0.0.1", 22), ("10.0.2.2", 80), ("1.1.1.1", 53)]:
    try:
        socket.create_connection(address, 1)
        del double
    except OSError: pass
"""  # fmt: skip

FORGED = """
import gc
Runner = next(type(item) for item in gc.get_objects() if type(item).__name__ == "Runner")
Runner.call = lambda *a, **k: {"value": True}
Runner.value = lambda *a, **k: {"value": {"object": 0, "type": "function"}}
"""

SETTINGS = """
import os, subprocess
for folder, _, files in os.walk("/proc/sys"):
    for name in files:
        if os.access(os.path.join(folder, name), os.W_OK): raise SystemExit(globals().pop("double"))
if subprocess.run(["unshare", "-Urm", "true"], capture_output=True).returncode == 0: del double
"""


def extra(*codes: str) -> Callable[[NotebookNode], NotebookNode]:
    """Свои ячейки после проверки первого задания."""

    def spoil(nb: NotebookNode) -> NotebookNode:
        place = at(nb, "double") + 1
        nb.cells[place:place] = [new_code_cell(code) for code in codes]
        return nb

    return spoil


def marked_broken(nb: NotebookNode) -> NotebookNode:
    nb.metadata["attention_course_broken"] = ""
    nb.metadata["attention_course_graded"] = True
    return nb


HOSTILE = [
    Hostile("ядро завершает себя", after("table_answer", "import os; os._exit(1)"), (1, 0, 0), "завершил свою работу сам"),
    Hostile("бесконечный цикл", after("table_answer", "while True: pass"), (1, 1, 1)),
    Hostile("не слушает остановки", after("table_answer", """
import signal
signal.signal(signal.SIGALRM, signal.SIG_IGN)
while True: pass"""), (1, 0, 0), "не остановился"),
    Hostile("висит при проверке", instead("third_answer", """
def third(x):
    import signal; signal.setitimer(signal.ITIMER_REAL, 0)
    while True: pass"""), (1, 1, 0), "не остановился"),
    Hostile("плодит процессы", after("table_answer", """
import os
while True:
    try: os.fork()
    except OSError: pass"""), (1, 0, 0), "прервано"),
    Hostile("оставляет потомка", after("double_answer", """
import os, time
if os.fork() == 0: time.sleep(1000); os._exit(0)"""), (1, 1, 1)),
    Hostile("съедает память", after("table_answer", "junk = [bytearray(50 << 20) for _ in range(1000)]"), (1, 0, 0), "памяти"),
    Hostile("съедает память при проверке", instead("third_answer", "def third(x): return [bytearray(50 << 20) for _ in range(1000)]"), (1, 1, 0), "памяти"),
    Hostile("заливает вывод", after("table_answer", "for _ in range(100_000): print('a' * 1000)"), (1, 1, 1)),
    Hostile("льёт мимо вывода", after("table_answer", "import os\nfor _ in range(50_000): os.write(1, b'a' * 10_000); os.write(2, b'b' * 10_000)"), (1, 1, 1)),
    Hostile("забивает диск", after("table_answer", """
import os
for folder in (".", "/tmp", "/dev/shm", "/", "/dev", "/work"):
    try:
        with open(os.path.join(folder, "big"), "wb") as file:
            while True: file.write(bytes(1 << 20))
    except OSError: pass"""), (1, 1, 1)),
    Hostile("правит проверки", lambda nb: instead("third", "assert True")(instead("third_answer", "def third(x): return 0")(nb)), (1, 1, 0), "Не среднее"),
    Hostile("удаляет проверки", without_tests, (1, 1, 0), "Не среднее"),
    Hostile("повторяет проверки", doubled_tests, (1, 1, 0), "Не среднее"),
    Hostile("назначает себе баллы", more_points, (1, 1, 0), "Не среднее"),
    Hostile("подменяет np.allclose", after("double_answer", """
np.allclose = np.testing.assert_allclose = lambda *a, **k: True
np.shape = lambda x: (5,)
def double(x): return [0]"""), (0, 1, 1), "Не"),
    Hostile("подменяет встроенное", after("double_answer", """
import builtins
builtins.AssertionError = type("Never", (BaseException,), {})
builtins.len = lambda x: 3
def table(): return []"""), (0, 0, 0), "прервано"),
    Hostile("равен всему", instead("double_answer", """
class Any:
    def __eq__(self, other): return True
    def __array__(self, *a, **k): raise RuntimeError
    shape = (5,)
def double(x): return Any()"""), (0, 1, 1), "RuntimeError"),
    Hostile("объект вместо чисел", instead("double_answer", "class Any: pass\ndef double(x): return Any()"), (0, 1, 1), "Any"),
    Hostile("не число", instead("double_answer", "def double(x): return np.full(np.shape(x), np.nan)"), (0, 1, 1), "Не вдвое"),
    Hostile("ищет решения и баллы", after("double_answer", LOOK), (1, 1, 1)),
    Hostile("выходит в сеть", after("double_answer", NETWORK), (1, 1, 1)),
    Hostile("убивает соседей", after("double_answer", "import os, signal\nfor pid in (1, os.getppid()):\n    try: os.kill(pid, signal.SIGKILL)\n    except OSError: pass"), (1, 1, 1)),
    Hostile("чужой вариант", instead("table_answer", "STUDENT, SEED = 'sosed', 3\ndef table(): return [9, 16, 25]"), (1, 0, 1), "не вашего варианта"),
    Hostile("подменяет данные", after("double_answer", "def table(): return [0, 1, 4]\nSEED = 0"), (1, 0, 1), "варианта"),
    Hostile("ответ-великан", instead("third_answer", "def third(x): return np.zeros(3 * 10**6)"), (1, 1, 0), "большой ответ"),
    Hostile("раздутая форма", instead("third_answer", "def third(x): return np.full((1_000_000, 1), 0.5)"), (1, 1, 0), "не та"),
    Hostile("портит канал", after("double_answer", """
import os
for fd in range(3, 30):
    try: os.write(fd, b"\\x00\\x00\\x00\\x05hello")
    except OSError: pass"""), (0, 0, 0), "прервано"),
    Hostile("недосылает ответ", after("double_answer", """
import os, stat, time
for fd in map(int, os.listdir("/proc/self/fd")):
    try:
        if stat.S_ISSOCK(os.fstat(fd).st_mode): os.write(fd, b"\\x00\\x01\\x00\\x00half")
    except OSError: pass
while True: time.sleep(1)"""), (0, 0, 0), "прервано"),
    Hostile("останавливает сам себя", after("table_answer", "import os, signal; os.kill(os.getpid(), signal.SIGSTOP)"), (1, 0, 0), "не остановился"),
    Hostile("подделывает выводы", after("table_answer", """
import gc
Runner = next(type(item) for item in gc.get_objects() if type(item).__name__ == "Runner")
Runner.run = lambda *a, **k: {"outputs": [1, {"output_type": "stream"}, {"output_type": "display_data", "data": {"image/png": "<b>"}}]}"""), (1, 1, 0), "Имени third нет"),
    Hostile("подделывает ответы", after("double_answer", FORGED), (0, 0, 0)),
    Hostile("выходит через sys.exit", after("table_answer", "import sys; sys.exit()"), (1, 1, 1)),
    Hostile("вложенность без дна", instead("third_answer", """
def third(x):
    deep = []
    for _ in range(100_000): deep = [deep]
    return deep"""), (1, 1, 0)),
    Hostile("выдаёт входы проверки", instead("third_answer", """
def third(x):
    if np.array_equal(x, np.eye(2)): return [0.5, 0.5]
    raise ValueError("входы: %s" % list(np.ravel(x)))"""), (1, 1, 0), "На другом примере"),
    Hostile("меняет настройки машины", after("double_answer", SETTINGS), (1, 1, 1)),
    Hostile("тянет время", extra("import signal; signal.signal(signal.SIGALRM, signal.SIG_IGN)", *["import time; time.sleep(4)"] * 8), (1, 0, 0), "вышло время"),
    Hostile("непечатаемые знаки", instead("third_answer", "print('\\ud800')\ndef third(x): raise ValueError('\\ud800')"), (1, 1, 0), "остановился"),
    Hostile("большие числа", instead("third_answer", "def third(x): return 10 ** 5000"), (1, 1, 0)),
    Hostile("глубокое выражение", extra("x = 1" + " + 1" * 3000, "y = " + "-" * 20_000 + "1"), (1, 1, 1)),
    Hostile("ячейка в пять мегабайт", extra("x = [" + "1," * 2_500_000 + "]"), (0, 0, 0), "не проверяется"),
    Hostile("помечает себя проверенной", marked_broken, (1, 1, 1)),
    Hostile("невозможная формула", written("$\\left($ и $x_$, $x^2^3$, $$ $$"), (1, 1, 1), "x_"),
    Hostile("формула-бомба", written("$" + "\\begin{a}" * 5000 + "$ " + "1" * 4000), (1, 1, 1)),
    Hostile("скрипт в формуле", written('$\\unicode{<\nimg/src="x"onerror="document.title=1">}$ [жми](javascript&colon;document.title=2)'), (1, 1, 1)),
    Hostile("не JSON", lambda nb: '{"cells": [', (0, 0, 0), "не читается"),
    Hostile("пустой файл", lambda nb: "", (0, 0, 0), "пустой"),
    Hostile("архив вместо блокнота", lambda nb: b"PK\x03\x04" + bytes(100), (0, 0, 0), "архив"),
    Hostile("JSON не того вида", lambda nb: '{"cells": 5, "nbformat": 4, "nbformat_minor": 5, "metadata": {}}', (0, 0, 0), "не читается"),
    Hostile("скрипт в ответе", written('<script>document.title = "взлом"</script><img src=x onerror="document.title=1"> [x](javascript:alert(1))'), (1, 1, 1)),
]  # fmt: skip
