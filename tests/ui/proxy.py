"""A reverse proxy that puts a path in front of a server and says nothing about it."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

_NOT_PASSED_ON = {"connection", "transfer-encoding", "keep-alive"}


@contextmanager
def behind_path(server: str, path: str) -> Iterator[str]:
    """Serve ``server`` below ``path``. Gives the address of its root."""
    target = urlsplit(server)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if not self.path.startswith(f"{path}/"):
                self.send_error(404, "outside of the path")
                return
            length = int(self.headers.get("content-length", 0))
            connection = http.client.HTTPConnection(target.netloc, timeout=30)
            headers = {name: value for name, value in self.headers.items() if name.lower() != "connection"}
            connection.request(self.command, self.path[len(path) :], self.rfile.read(length), headers)
            answer = connection.getresponse()
            self.send_response(answer.status)
            for name, value in answer.getheaders():
                if name.lower() not in _NOT_PASSED_ON:
                    self.send_header(name, value)
            self.send_header("connection", "close")
            self.end_headers()
            with suppress(OSError):
                while part := answer.read1(65536):
                    self.wfile.write(part)
                    self.wfile.flush()
            connection.close()

        do_POST = do_DELETE = do_GET

        def log_message(self, *_: Any) -> None:
            """Nothing."""

    proxy = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    proxy.daemon_threads = True
    threading.Thread(target=proxy.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{proxy.server_address[1]}{path}"
    finally:
        proxy.shutdown()
        proxy.server_close()
