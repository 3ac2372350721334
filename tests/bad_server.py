"""Местный HTTP-сервер, который по просьбе теста ведёт себя плохо."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@contextmanager
def bad_server() -> Iterator[Callable[[str, bytes], str]]:
    """Даёт функцию (поведение, тело) → адрес; поведение — good, hang, drip, cut или 404."""
    stop, bodies = threading.Event(), {}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            behaviour = self.path.strip("/")
            body = bodies[behaviour]
            if behaviour == "hang":
                stop.wait(60)
                return
            self.send_response(404 if behaviour == "404" else 200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if behaviour == "drip":
                for byte in body:
                    self.wfile.write(bytes([byte]))
                    if stop.wait(1):
                        return
            self.wfile.write(body[: len(body) // 2] if behaviour == "cut" else body)

        def log_message(self, *_) -> None:
            pass

    def address(behaviour: str, body: bytes) -> str:
        bodies[behaviour] = body
        return f"http://127.0.0.1:{server.server_port}/{behaviour}"

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        yield address
        stop.set()
        server.shutdown()
