"""Проверка ответов: ячейки проверки выполняются здесь, а имена студента в них — заместители его ответов."""

import ast
import builtins
import re
from contextlib import redirect_stdout
from io import StringIO
from typing import Any

from grading.sandbox import Dead, Sandbox
from grading.wire import Handle, decode, encode

HIDDEN = re.compile(
    r"^### BEGIN HIDDEN TESTS$(.*?)^### END HIDDEN TESTS$", re.MULTILINE | re.DOTALL
)

LONGEST = 2_000  # знаков сообщения: в нём бывает и ответ студента


def readable(text: str) -> str:
    """Текст, который можно записать в файл: одиночных половин суррогатной пары в нём нет."""
    return text.encode("utf-8", "replace").decode()


class Mistake(Exception):
    """Ошибка в коде студента при вызове из проверки."""

    def __init__(self, reply: dict) -> None:
        kind, message = str(reply.get("error"))[:100], str(reply.get("message"))[:500]
        self.kind = kind if hasattr(builtins, kind) else "ошибка"
        line = f" Строка: {str(reply['line'])[:200]}" if reply.get("line") else ""
        super().__init__(f"Ваш код остановился — {kind}: {message}.{line}")


class Remote(Handle):
    """Объект из процесса студента: его можно вызвать и спросить о полях, остальное — только у него самого."""

    def __init__(self, judge: "Judge", target: dict) -> None:
        self._judge, self.tree = judge, {"object": target["object"]}
        self._type = str(target.get("type"))[:40]

    def __call__(self, *args, **kwargs) -> Any:
        return self._judge.call(self.tree, None, args, kwargs)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return self._judge.call(self.tree, name, None, None)

    def _refuse(self, *_) -> Any:
        raise TypeError(f"нужны числа или текст, а получен объект {self._type}")

    __bool__ = __len__ = __iter__ = __getitem__ = __array__ = __eq__ = __float__ = _refuse
    __hash__ = None


class Judge:
    """Проверяет ответы одной работы. given — имена, которые дают ячейки курса: студент их не подменит."""

    def __init__(self, sandbox: Sandbox, given: dict[str, Any]) -> None:
        self.sandbox, self.given = sandbox, given
        self.opened = False  # выполнялась ли скрытая часть: студент мог запомнить её входы

    def check(self, source: str) -> str:
        """Выполняет ячейку проверки; возвращает сообщение об ошибке или пустую строку.

        Dead, если при этом умер процесс студента.
        """
        return readable(self._said(source)[:LONGEST])

    def _said(self, source: str) -> str:
        visible, hidden = HIDDEN.sub("", source), "\n".join(HIDDEN.findall(source))
        names = dict(self.given)
        try:
            names |= self._answers(source)
            self._run(visible, names)
        except Dead:
            raise
        except AssertionError as error:
            return str(error)
        except Mistake as error:
            return f"Ваш код остановился ({error.kind})." if self.opened else str(error)
        except Exception as error:
            return f"Ответ не того вида ({type(error).__name__}: {error})."
        self.opened = True
        try:
            self._run(hidden, names)
        except Dead:
            raise
        except AssertionError as error:
            return str(error)
        except Mistake as error:
            return f"На другом примере ваш код остановился ({error.kind}): проверьте его на входах другой формы."
        except Exception:
            return "На другом примере ответ не того вида: проверьте код на входах другой формы."
        return ""

    def _run(self, source: str, names: dict[str, Any]) -> None:
        with redirect_stdout(StringIO()):
            exec(compile(source, "<проверка>", "exec"), names)

    def _answers(self, source: str) -> dict[str, Any]:
        """Имена студента, которые нужны проверке."""
        used = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Name)]
        made = {node.id for node in used if isinstance(node.ctx, ast.Store)}
        asked = {node.id for node in used} - made - set(self.given) - set(dir(builtins))
        return {name: self._value(name) for name in sorted(asked)}

    def _value(self, name: str) -> Any:
        reply = self.sandbox.ask("value", name=name)
        assert not reply.get("missing"), (
            f"Имени {name} нет: ячейка с ответом не выполнена или называется иначе."
        )
        return self._open(reply)

    def call(self, target: dict, attribute: str | None, args: Any, kwargs: Any) -> Any:
        if args is not None:
            args, kwargs = encode(list(args)), encode(kwargs)
        return self._open(
            self.sandbox.ask(
                "call", target=target, attribute=attribute, args=args, kwargs=kwargs
            )
        )

    def _open(self, reply: dict) -> Any:
        if "error" in reply:
            raise Mistake(reply)
        return decode(reply.get("value"), lambda tree: Remote(self, tree))
