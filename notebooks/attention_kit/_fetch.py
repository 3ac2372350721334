"""Дочерний процесс download(): качает один файл. Вызов: python _fetch.py АДРЕС ФАЙЛ."""

import http.client
import sys
import urllib.error
import urllib.request


def fetch(url: str, path: str) -> None:
    opener = urllib.request.build_opener()
    # Без этого заголовка manythings.org отвечает 406.
    opener.addheaders = [("User-Agent", "Mozilla/5.0 (attention-course)")]
    urllib.request.install_opener(opener)
    urllib.request.urlretrieve(url, path)  # сверяет размер с Content-Length


def main() -> None:
    sys.stderr.reconfigure(encoding="utf-8")
    try:
        fetch(*sys.argv[1:])
    except urllib.error.ContentTooShortError:
        sys.exit("соединение оборвалось на середине файла")
    except urllib.error.HTTPError as error:
        sys.exit(f"сервер ответил кодом {error.code}")
    except urllib.error.URLError as error:
        sys.exit(f"нет связи с сервером ({error.reason})")
    except (OSError, ValueError, http.client.HTTPException) as error:
        sys.exit(f"скачать не удалось ({getattr(error, 'strerror', None) or type(error).__name__})")


if __name__ == "__main__":
    main()
