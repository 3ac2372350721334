"""Процесс студента: выполняет ячейки его блокнота и отвечает на вызовы проверки.

Запускается в песочнице; всё, что он отвечает, для проверки — только данные.
"""

import base64
import io
import json
import linecache
import os
import re
import signal
import sys
from contextlib import redirect_stderr, redirect_stdout
from multiprocessing.connection import Connection
from typing import Any

from IPython.core.displaypub import CapturingDisplayPublisher
from IPython.core.interactiveshell import InteractiveShell
from wire import decode, encode

TEXT = 100_000  # знаков вывода одной ячейки; остальное отбрасывается
OUTPUTS = 20  # рисунков и других выводов одной ячейки
TRACEBACK = 20  # последних частей трассировки


class Printed(io.StringIO):
    """Напечатанное — не длиннее TEXT."""

    def write(self, text: str) -> int:
        return super().write(text[: max(0, TEXT - self.tell())])

    def isatty(self) -> bool:
        return False


class Shell(InteractiveShell):
    """Оболочка IPython без окон: рисунки и ошибки — в выводах ячейки."""

    def enable_gui(self, gui: str | None = None) -> None:
        pass

    def _showtraceback(self, etype: type, evalue: BaseException, stb: list[str]) -> None:
        self.traceback = stb


class Runner:
    def __init__(self) -> None:
        self.objects: list[Any] = []
        self.shell = Shell.instance(
            display_pub_class=CapturingDisplayPublisher, colors="nocolor"
        )
        self.shell.history_manager.enabled = False

    def run(self, source: str) -> dict:
        """Выполняет ячейку; её выводы — как в файле блокнота."""
        printed, shown = Printed(), self.shell.display_pub
        shown.outputs.clear()
        with redirect_stdout(printed), redirect_stderr(printed):
            result = self.shell.run_cell(source)
        outputs = [
            {"output_type": "display_data", "data": output["data"], "metadata": {}}
            for output in shown.outputs[:OUTPUTS]
        ]
        if text := printed.getvalue():
            outputs.insert(0, {"output_type": "stream", "name": "stdout", "text": text})
        problem = describe(result.error_before_exec or result.error_in_exec)
        if problem:
            outputs.append(
                {"output_type": "error", "ename": problem["error"], "evalue": problem["message"],
                 "traceback": self.shell.traceback[-TRACEBACK:]}
            )  # fmt: skip
        return {"outputs": json.loads(json.dumps(outputs, default=as_text)), **problem}

    def value(self, name: str) -> dict:
        """Значение имени из блокнота студента."""
        if name not in self.shell.user_ns:
            return {"missing": True}
        return {"value": encode(self.shell.user_ns[name], self.keep)}

    def call(self, target: dict, attribute: str | None, args: list, kwargs: dict) -> dict:
        """Вызов функции, слоя или метода; attribute без args — значение атрибута."""
        try:
            with redirect_stdout(Printed()), redirect_stderr(Printed()):
                value = self.find(target)
                value = getattr(value, attribute) if attribute else value
                if args is not None:
                    args, kwargs = decode(args, self.find), decode(kwargs, self.find)
                    value = value(*args, **kwargs)
                return {"value": encode(value, self.keep)}
        except BaseException as error:  # в том числе SystemExit
            return describe(error)

    def keep(self, value: Any) -> dict:
        self.objects.append(value)
        return {"object": len(self.objects) - 1, "type": type(value).__name__}

    def find(self, tree: dict) -> Any:
        return self.objects[tree["object"]]


def as_text(value: Any) -> str:
    """Картинка → base64, как в файле блокнота; прочее — строкой."""
    return base64.b64encode(value).decode() if isinstance(value, bytes) else str(value)


def describe(error: BaseException | None) -> dict:
    """Вид ошибки, её слова и строка блокнота, где она случилась."""
    if error is None:
        return {}
    place, frame = "", error.__traceback__
    while frame:
        if (
            "ipython-input" in (name := frame.tb_frame.f_code.co_filename)
            or "ipykernel" in name
        ):
            place = linecache.getline(name, frame.tb_lineno).strip()
        frame = frame.tb_next
    words = re.sub(r"\x1b?\[\d+m", "", str(error)).split("\n\nArguments received")[
        0
    ]  # так пишет Keras
    return {"error": type(error).__name__, "message": words[:500], "line": place[:200]}


def expired(*_) -> None:
    raise TimeoutError("время вышло")


def main() -> None:
    connection, runner = Connection(int(sys.argv[1])), Runner()
    sys.path.append(os.getcwd())  # файлы, которые студент приложил к блокноту
    signal.signal(signal.SIGALRM, expired)
    while True:
        try:
            request = json.loads(connection.recv_bytes())
        except EOFError:
            return
        action, seconds = request.pop("action"), request.pop("seconds")
        signal.setitimer(signal.ITIMER_REAL, seconds)
        try:
            reply = json.dumps(getattr(runner, action)(**request))
        except BaseException as error:
            reply = json.dumps(describe(error))
        signal.setitimer(signal.ITIMER_REAL, 0)
        connection.send_bytes(reply.encode())


if __name__ == "__main__":
    main()
