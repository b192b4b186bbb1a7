"""A catalogue whose every answer a test decides, for what a mock would never say."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from kling_mock.catalog import MODEL_TYPE

__all__ = ["Answer", "Catalogue", "catalogue", "item", "listed"]

Answer = tuple[int, bytes, dict[str, str]]
"""A status, a body, and headers."""


class Catalogue:
    """The requests that came, and what answers them: a function of the path, and of how often it came."""

    def __init__(self, answer: Callable[[str, int], Answer]) -> None:
        self.answer = answer
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.url = ""


@contextmanager
def catalogue(answer: Callable[[str, int], Answer]) -> Iterator[Catalogue]:
    """A catalogue on a port of its own."""
    here = Catalogue(answer)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = self.path.partition("?")[0]
            times = sum(each == path for each, _ in here.asked)
            here.asked.append((path, {name.lower(): value for name, value in self.headers.items()}))
            status, body, headers = here.answer(path, times)
            self.send_response(status)
            for name, value in ({"Content-Type": "application/json"} | headers).items():
                self.send_header(name, value)
            if "Content-Length" not in headers:
                self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    here.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield here
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def item(model: str, link: str = "/docs-json", **more: Any) -> dict[str, Any]:
    """An entry of a catalogue."""
    return {"id": model, "type": MODEL_TYPE, "aliases": [], "tags": [], "info": {"docsJson": link}} | more


def listed(*items: Any) -> bytes:
    """The body of a list of models."""
    return json.dumps({"object": "list", "data": list(items)}).encode()
