"""The way to a model's endpoint, on a unix socket: names and keys are exchanged here, and trouble is seen here.

Agents know the model by an alias and have no key. Some of them hang or go on trying when an endpoint fails, and none of
them says so in the same way; what the endpoint answered is told apart here, whatever the agent makes of it.
"""

from __future__ import annotations

import http.client
import json
import os
import socketserver
import ssl
import tempfile
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from types import TracebackType
from typing import Literal
from urllib.parse import urlsplit

from assay.errors import UsageError
from assay.model.agents import MODEL_ALIAS, AgentSettings

SOCKET = "model.sock"
PATIENCE = 600.0
"""Seconds that an endpoint may be silent."""
_OURS = frozenset({"host", "authorization", "x-api-key", "api-key", "content-length", "connection", "accept-encoding"})
_THEIRS = frozenset({"content-length", "transfer-encoding", "connection", "keep-alive", "date", "server"})

Trouble = Literal["", "unauthorized", "unreachable", "rate-limited", "server-error"]


class Gateway:
    """Serves while its context is open. `folder` holds the socket."""

    def __init__(self, settings: AgentSettings) -> None:
        self._base = urlsplit(settings.endpoint or "")
        if self._base.scheme not in ("http", "https") or not self._base.hostname:
            raise UsageError("bad-endpoint", f"`endpoint` must be an http address, found `{settings.endpoint}`")
        self._key = os.environ.get(settings.key) if settings.key else None
        if settings.key and not self._key:
            raise UsageError("no-key", f"the variable `{settings.key}` with the API key is not set")
        self._model = settings.model or MODEL_ALIAS
        self.trouble: tuple[Trouble, str] = ("", "")
        """What is wrong with the endpoint now, and what was seen."""
        self.requests = 0

    def __enter__(self) -> Gateway:
        self._scratch = tempfile.TemporaryDirectory(prefix="gate-", dir="/tmp")
        self.folder = Path(self._scratch.name)
        self.folder.chmod(0o755)
        self._server = _Server(str(self.folder / SOCKET), self)
        (self.folder / SOCKET).chmod(0o777)
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._scratch.cleanup()

    def preflight(self) -> str:
        """Why the endpoint cannot be used; empty when it answers. An endpoint need not list its models."""
        try:
            connection = self.connect(20)
            connection.request("GET", f"{self._base.path.rstrip('/')}/models", headers=self.headers())
            self.note(connection.getresponse().status)
            connection.close()
        except (OSError, http.client.HTTPException) as error:
            self.lost(error)
        return self.trouble[1]

    def connect(self, seconds: float = PATIENCE) -> http.client.HTTPConnection:
        """A connection to the endpoint, not opened yet."""
        host, port = self._base.hostname or "", self._base.port
        if self._base.scheme == "https":
            return http.client.HTTPSConnection(host, port, timeout=seconds, context=ssl.create_default_context())
        return http.client.HTTPConnection(host, port, timeout=seconds)

    def headers(self) -> dict[str, str]:
        """Those that are ours to send."""
        return {"Authorization": f"Bearer {self._key}"} if self._key else {}

    def path(self, asked: str) -> str:
        """The endpoint's path for one that the agent asks for below `/v1`."""
        return self._base.path.rstrip("/") + (asked.removeprefix("/v1") or "/")

    def note(self, status: int) -> None:
        """What the endpoint answered; a good answer ends earlier trouble."""
        kinds: dict[int, Trouble] = {401: "unauthorized", 403: "unauthorized", 429: "rate-limited"}
        kind = kinds.get(status, "server-error" if status >= 500 else "")
        self.trouble = (kind, f"the model's endpoint answered with HTTP {status}" if kind else "")

    def lost(self, error: Exception) -> None:
        """The endpoint did not answer."""
        self.trouble = ("unreachable", f"the model's endpoint does not answer: {error}")

    def inward(self, body: bytes) -> bytes:
        """A request with the endpoint's own name of the model."""
        try:
            asked = json.loads(body)
        except ValueError:
            return body
        if not isinstance(asked, dict) or asked.get("model") != MODEL_ALIAS:
            return body
        return json.dumps({**asked, "model": self._model}).encode()

    def outward(self, pieces: Iterator[bytes]) -> Iterator[bytes]:
        """An answer, line by line, with the alias in place of the name."""
        name, alias = json.dumps(self._model).encode(), json.dumps(MODEL_ALIAS).encode()
        yield from (piece.replace(name, alias) for piece in pieces)


class _Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, path: str, gateway: Gateway) -> None:
        self.gateway = gateway
        super().__init__(path, _Handler)

    def handle_error(self, request: object, client_address: object) -> None:
        """An agent that hangs up is nothing to report."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"

    def address_string(self) -> str:
        return "agent"

    def log_message(self, format: str, *arguments: object) -> None:
        """Silent: standard error is the user's."""

    def do_GET(self) -> None:
        self._pass_on()

    do_POST = do_GET

    def _pass_on(self) -> None:
        gateway = self.server.gateway
        gateway.requests += 1
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        kept = {name: value for name, value in self.headers.items() if name.lower() not in _OURS}
        connection = gateway.connect()
        self.close_connection = True
        try:
            connection.request(
                self.command, gateway.path(self.path), gateway.inward(body) or None, {**kept, **gateway.headers()}
            )
            answer = connection.getresponse()
        except (OSError, http.client.HTTPException) as error:
            gateway.lost(error)
            self._refuse()
            return
        gateway.note(answer.status)
        self.send_response(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in _THEIRS:
                self.send_header(name, value)
        self.send_header("Connection", "close")
        self.end_headers()
        try:
            for piece in gateway.outward(iter(answer.readline, b"")):
                self.wfile.write(piece)
        except http.client.HTTPException as error:
            gateway.lost(error)
        finally:
            connection.close()

    def _refuse(self) -> None:
        body = b'{"error": {"message": "the model cannot be reached", "type": "server_error"}}'
        self.send_response(502)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)
