"""A model's endpoint on this machine that answers as it is told."""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Endpoint:
    """Answers every request with `pieces`; `asked` is what came. When `held`, `go` has to let each piece through."""

    def __init__(
        self,
        pieces: Sequence[bytes],
        status: int = 200,
        kind: str = "application/json",
        *,
        cut: bool = False,
        held: bool = False,
    ) -> None:
        self.asked: list[tuple[str, dict[str, str], Any]] = []
        self.go = threading.Semaphore(0)
        endpoint = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *arguments: object) -> None:
                pass

            def do_GET(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length") or 0))
                headers = {name.lower(): value for name, value in self.headers.items()}
                endpoint.asked.append((self.path, headers, json.loads(body) if body else None))
                self.send_response(status)
                self.send_header("content-type", kind)
                self.send_header("x-vendor", "real")
                self.send_header("transfer-encoding", "chunked")
                self.end_headers()
                for piece in pieces:
                    if held:
                        endpoint.go.acquire(timeout=10)
                    self.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece))
                self.wfile.write(b"" if cut else b"0\r\n\r\n")
                self.close_connection = True

            do_POST = do_GET

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/v1"

    def __enter__(self) -> Endpoint:
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def __exit__(self, *arguments: object) -> None:
        self._server.shutdown()
        self._server.server_close()
