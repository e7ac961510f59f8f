"""The standard streams of a program in a container, over the connection that an engine upgrades for an exec."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from assay.executors import EngineError

STDERR = 2
KEPT = 4096
"""Bytes of standard error that are kept, the last ones."""
PATIENCE = 3.0
"""Seconds that a program has to end when its input has ended."""
_CLOSED = OSError("the program's input is closed")


class ExecPipe:
    """A running exec. Engines send both outputs in frames: kind, three zeros, length, bytes (Docker API, "attach")."""

    def __init__(self, connection: Any, inspect: Callable[[], Mapping[str, Any]], end: Callable[[], None]) -> None:
        self._inspect, self._end = inspect, end
        self._held = connection  # dropping it would close the socket
        self._socket: socket.socket = getattr(connection, "_sock", connection)
        self._socket.settimeout(None)
        self._rest = bytearray()
        self._errors = bytearray()
        self._writing = threading.Lock()
        self._closed = False

    def write(self, data: bytes) -> None:
        """Give it input. Raises OSError when it has gone."""
        with self._writing:
            if self._closed:
                raise _CLOSED
            self._socket.sendall(data)

    def read(self) -> bytes:
        """The next piece of its output; empty at the end, also of the container."""
        while True:
            header = self._exactly(8)
            if len(header) < 8:
                return b""
            kind, length = struct.unpack(">BxxxL", header)
            piece = self._exactly(length)
            if kind == STDERR:
                self._errors += piece
                del self._errors[:-KEPT]
            elif piece:
                return piece
            if len(piece) < length:
                return b""

    def _exactly(self, count: int) -> bytes:
        while len(self._rest) < count:
            try:
                piece = self._socket.recv(256 * 1024)
            except OSError:
                piece = b""
            if not piece:
                break
            self._rest += piece
        found = bytes(self._rest[:count])
        del self._rest[:count]
        return found

    def close(self) -> None:
        """End its input, and the program when it does not end by itself soon."""
        with self._writing:
            if self._closed:
                return
            self._closed = True
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_WR)
        deadline = time.monotonic() + PATIENCE
        while self.exit_code is None and time.monotonic() < deadline:
            time.sleep(0.02)
        if self.exit_code is None:
            self._end()
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._held.close()

    @property
    def exit_code(self) -> int | None:
        """None while it runs; -1 when nobody can tell any more."""
        try:
            found = self._inspect()
        except EngineError:
            return -1
        return None if found["Running"] else int(-1 if found["ExitCode"] is None else found["ExitCode"])

    @property
    def complaints(self) -> str:
        """The end of what it wrote to standard error."""
        return self._errors.decode("utf-8", "replace")
