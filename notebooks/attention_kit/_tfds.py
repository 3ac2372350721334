"""Дочерний процесс load_news(): готовит AG News через TFDS. Вызов: python _tfds.py ПАПКА_TFDS АРХИВ.

В АРХИВ (zip) кладёт train.csv и test.csv в том виде, в каком их раздаёт сам набор.
"""

import csv
import io
import os
import sys
import zipfile
from pathlib import Path

os.environ["CUDA_VISIBLE_DEVICES"] = ""  # видеокарта нужна блокноту, а не чтению файлов

ANSWER_LIMIT = 10  # секунд ждём первого ответа сервера


def prepare(data_dir: Path, archive: Path) -> None:
    import requests
    import tensorflow_datasets as tfds

    tfds.disable_progress_bar()
    if not any((data_dir / "downloads").rglob("*.INFO")):  # архив ещё не скачан
        # сам TFDS при обрыве связи повторяет попытки больше трёх минут
        for url in tfds.builder_cls("ag_news_subset").url_infos:
            requests.head(url, timeout=ANSWER_LIMIT)
    parts = tfds.load("ag_news_subset", data_dir=data_dir, split=["train", "test"])
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as content:
        for name, part in zip(("train", "test"), parts, strict=True):
            text = io.StringIO(newline="")
            writer = csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\n")
            for row in part.as_numpy_iterator():
                title, description = row["title"].decode(), row["description"].decode()
                writer.writerow([row["label"] + 1, title, description])
            content.writestr(f"{name}.csv", text.getvalue())


def main() -> None:
    sys.stderr.reconfigure(encoding="utf-8")
    try:
        import requests

        prepare(*map(Path, sys.argv[1:]))
    except requests.Timeout:
        sys.exit(f"сервер не отвечает {ANSWER_LIMIT} с")
    except requests.ConnectionError:
        sys.exit("нет связи с сервером")
    except Exception as error:  # что бы ни случилось внутри TFDS, читателю — одна строка
        sys.exit(f"TFDS не смог подготовить набор ({type(error).__name__})")


if __name__ == "__main__":
    main()
