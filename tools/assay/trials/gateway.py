"""The way to a model's endpoint, on a unix socket: names and keys are exchanged here, and trouble is seen here.

Agents know the model by an alias and have no key. Some of them hang or go on trying when an endpoint fails, and none of
them says so in the same way; what the endpoint answered is told apart here, whatever the agent makes of it.
"""

from __future__ import annotations

import http.client
import json
import os
import re
import socketserver
import ssl
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from types import TracebackType
from typing import Any, Literal
from urllib.parse import quote, urlsplit

from assay.errors import UsageError
from assay.executors.owners import SOCKETS, scratch
from assay.model.agents import MODEL_ALIAS, AgentSettings

SOCKET = "model.sock"
PATIENCE = 600.0
"""Seconds that an endpoint may be silent."""
KNOCKING = 20.0
"""Seconds that a connection to it may take."""
_OURS = re.compile(
    r"(?i:host|authorization|.*api-key|content-length|transfer-encoding|connection|accept-encoding|expect)"
)
"""Headers of a request that are not passed on."""
_TOLD = ("Content-Type", "Content-Encoding", "Retry-After")
"""Headers of an answer that are; the others often name the vendor."""
_ASKING = re.compile(r"(/v1\w*)*/((chat/)?completions|responses|messages|embeddings|models/[^/]+:\w+)(/[a-z_]+)?")
"""Where a model is asked. Files and the like, which the same key opens, would outlive a session."""
_LOST = (OSError, http.client.HTTPException)

Trouble = Literal["", "unauthorized", "unreachable", "rate-limited", "server-error"]
_KINDS: Mapping[int, Trouble] = {
    401: "unauthorized", 402: "server-error", 403: "unauthorized", 404: "server-error", 429: "rate-limited"
}  # fmt: skip


@dataclass
class Asked:
    """One request of the agent: seconds since the start, and tokens where the endpoint counts them."""

    seconds: float
    path: str
    status: int = 0
    prompt_tokens: int | None = None
    completion_tokens: int | None = None


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
        self.log: list[Asked] = []
        self._started = time.monotonic()
        self._tls = ssl.create_default_context() if self._base.scheme == "https" else None

    def __enter__(self) -> Gateway:
        self._scratch = scratch(SOCKETS)
        self.folder = self._scratch.__enter__()
        self._server = _Server(str(self.folder / SOCKET), self)
        (self.folder / SOCKET).chmod(0o777)
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._scratch.__exit__(None, None, None)

    def preflight(self) -> str:
        """Why the endpoint cannot be used; empty when it answers. An endpoint need not list its models."""
        try:
            with closing(self.connect(KNOCKING)) as connection:
                connection.request("GET", f"{self._base.path.rstrip('/')}/models", headers=self.headers())
                with connection.getresponse() as answer:
                    status = answer.status
            self.note(200 if status == 404 else status)
        except _LOST as error:
            self.lost(error)
        return self.trouble[1]

    def connect(self, seconds: float = PATIENCE) -> http.client.HTTPConnection:
        """A connection to the endpoint, which may be silent for so long. Raises OSError."""
        host, port = self._base.hostname or "", self._base.port
        made = http.client.HTTPConnection(host, port, timeout=KNOCKING)
        if self._tls:
            made = http.client.HTTPSConnection(host, port, timeout=KNOCKING, context=self._tls)
        made.connect()
        made.sock.settimeout(seconds)
        return made

    def headers(self) -> dict[str, str]:
        """Those that are ours to send."""
        return {"Authorization": f"Bearer {self._key}"} if self._key else {}

    def path(self, asked: str) -> str:
        """The endpoint's path for one that the agent asks for below `/v1`; some have the model in it."""
        return self._base.path.rstrip("/") + asked.removeprefix("/v1").replace(MODEL_ALIAS, quote(self._model, safe=""))

    def begin(self, path: str) -> Asked:
        """Note a request."""
        asked = Asked(round(time.monotonic() - self._started, 3), path)
        self.log.append(asked)
        return asked

    def traffic(self) -> list[dict[str, Any]]:
        """All that was asked, by path and status: how often, seconds of the first and the last time, tokens.

        Paths hint at who asks, so this belongs to the sealed part of a session.
        """
        kinds = dict.fromkeys((asked.path, asked.status) for asked in self.log)
        return [_tally([asked for asked in self.log if (asked.path, asked.status) == kind]) for kind in kinds]

    def note(self, status: int) -> None:
        """What the endpoint answered; a good answer ends earlier trouble. Paths are not told: they hint at who asks."""
        kind = _KINDS.get(status, "server-error" if status >= 500 else "")
        self.trouble = (kind, f"the model's endpoint answered with HTTP {status}" if kind else "")

    def lost(self, error: Exception) -> None:
        """The endpoint did not answer, or not to the end."""
        self.trouble = ("unreachable", f"the model's endpoint does not answer: {error or type(error).__name__}")

    def inward(self, body: bytes) -> bytes:
        """A request with the endpoint's own name of the model, whichever the agent named."""
        try:
            wanted = json.loads(body)
        except ValueError:
            return body
        if not isinstance(wanted, dict) or "model" not in wanted:
            return body
        return json.dumps({**wanted, "model": self._model}).encode()

    def outward(self, answer: http.client.HTTPResponse, asked: Asked) -> Iterator[bytes]:
        """An answer with the alias in place of the name: a stream line by line as it comes, all else at once."""
        stream, rest = "event-stream" in (answer.getheader("Content-Type") or ""), b""
        try:
            # not `readline`, which takes a stream that is cut off for one that has ended
            while piece := answer.read1(65536) if stream else answer.read():
                *lines, rest = (rest + piece).split(b"\n") if stream else (piece,)
                if lines:
                    yield b"".join(self._masked(line, asked) + b"\n" for line in lines)
            if rest:
                yield self._masked(rest, asked)
        except _LOST as error:
            self.lost(error)
            raise

    def _masked(self, piece: bytes, asked: Asked) -> bytes:
        before, brace, after = piece.partition(b"{")
        if brace and before.strip() in (b"", b"data:"):
            with suppress(ValueError):  # not what it looks like
                piece = before + json.dumps(_aliased(json.loads(brace + after), asked)).encode()
        # A short name may be a word; in quotes, or in what an endpoint says of an error, it is the name.
        quoted, alias = json.dumps(self._model).encode(), MODEL_ALIAS.encode()
        piece = piece.replace(quoted, b'"%b"' % alias)
        return piece.replace(self._model.encode(), alias) if asked.status >= 400 else piece


def _aliased(told: Any, asked: Asked) -> Any:
    """An answer or an event of one, with the alias wherever the three known APIs name the model; tokens are noted.

    Endpoints name what they really ran, such as a dated version of what was asked for.
    """
    parts = [told, *(told.get(name) for name in ("response", "message"))]
    for part in (part for part in parts if isinstance(part, dict)):
        part |= {name: MODEL_ALIAS for name in ("model", "modelVersion") if name in part}
        used = part.get("usage")
        if isinstance(used, dict):
            asked.prompt_tokens = used.get("prompt_tokens", used.get("input_tokens", asked.prompt_tokens))
            asked.completion_tokens = used.get("completion_tokens", used.get("output_tokens", asked.completion_tokens))
    return told


def _tally(same: Sequence[Asked]) -> dict[str, Any]:
    return {
        "path": same[0].path,
        "status": same[0].status,
        "requests": len(same),
        "first": same[0].seconds,
        "last": same[-1].seconds,
        "prompt_tokens": sum(asked.prompt_tokens or 0 for asked in same),
        "completion_tokens": sum(asked.completion_tokens or 0 for asked in same),
    }


def _error(message: str) -> Mapping[str, object]:
    return {"error": {"message": message, "type": "server_error"}}


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
        if urlsplit(self.path).path.endswith("/models"):
            model = {"id": MODEL_ALIAS, "object": "model", "created": 0, "owned_by": "-"}
            self._tell(200, {"object": "list", "data": [model], "models": []})
        else:
            self._tell(404, _error("only the model can be asked here"))

    def do_POST(self) -> None:
        gateway, path, body = self.server.gateway, urlsplit(self.path).path, self._body()
        if not _ASKING.fullmatch(path):
            self._tell(404, _error("only the model can be asked here"))
            return
        kept = {name: value for name, value in self.headers.items() if not _OURS.fullmatch(name)}
        asked = gateway.begin(path)
        with ExitStack() as opened:
            try:
                connection = opened.enter_context(closing(gateway.connect()))
                connection.request("POST", gateway.path(self.path), gateway.inward(body), {**kept, **gateway.headers()})
                answer = opened.enter_context(connection.getresponse())
            except _LOST as error:
                gateway.lost(error)
                asked.status = 502
                self._tell(502, _error("the model cannot be reached"))
                return
            asked.status = answer.status
            gateway.note(answer.status)
            self._pass_on(answer, asked)

    def _body(self) -> bytes:
        """All of it, also of a request that is refused: who still sends would not see the answer."""
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        pieces = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            pieces.append(self.rfile.read(size))
            self.rfile.readline()
        return b"".join(pieces)

    def _pass_on(self, answer: http.client.HTTPResponse, asked: Asked) -> None:
        """In chunks, so that the agent sees when an answer was cut off."""
        self.send_response(answer.status)
        for name in _TOLD:
            if value := answer.getheader(name):
                self.send_header(name, value)
        self.send_header("Transfer-Encoding", "chunked")
        self.send_header("Connection", "close")
        self.end_headers()
        for piece in self.server.gateway.outward(answer, asked):
            self.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece))
        self.wfile.write(b"0\r\n\r\n")

    def _tell(self, status: int, told: object) -> None:
        body = json.dumps(told).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)
