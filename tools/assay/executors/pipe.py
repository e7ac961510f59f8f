"""The standard streams of a program in a container, over the connection that an engine upgrades for an exec."""

from __future__ import annotations

import contextlib
import io
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from assay.executors import EngineError

STDERR = 2
KEPT = 4096
"""Bytes of standard error that are kept, the last ones."""
PATIENCE = 3.0
"""Seconds that a program has to end when its input has ended."""
_CLOSED = OSError("the program has ended or its input was closed")


def frames(connection: Any) -> Iterator[tuple[int, bytes]]:
    """Kind and content of what comes over a connection that docker-py gave for an exec, until its end.

    Engines send a header of kind, three zeros and length before each piece (Docker API, "attach"). docker-py's own
    reader loses what came together with the answer to its request: that is in a buffer, not in the socket any more.
    """
    connection._sock.settimeout(None)
    buffer: io.BufferedReader = connection._response.raw._fp.fp
    try:
        while len(header := buffer.read(8)) == 8:
            kind, length = struct.unpack(">BxxxL", header)
            if piece := buffer.read(length):
                yield kind, piece
    finally:
        hang_up(connection)


def hang_up(connection: Any) -> None:
    """Close what docker-py streams an answer over; what is only dropped stays open until the garbage is collected."""
    connection._response.close()


class ExecPipe:
    """A running exec."""

    def __init__(self, connection: Any, inspect: Callable[[], Mapping[str, Any]], end: Callable[[], None]) -> None:
        self._inspect, self._end = inspect, end
        self._connection = connection
        self._socket: socket.socket = connection._sock
        self._frames = frames(connection)
        self._errors = bytearray()
        self._writing = threading.Lock()
        self._closed = self._ended = False

    def write(self, data: bytes) -> None:
        """Give it input. Raises OSError when it has gone."""
        with self._writing:
            if self._closed or self._ended:
                raise _CLOSED
            self._socket.sendall(data)

    def read(self) -> bytes:
        """The next piece of its output; empty at the end, also of the container."""
        with contextlib.suppress(OSError, ValueError):  # ValueError: it was closed meanwhile
            for kind, piece in self._frames:
                if kind != STDERR:
                    return piece
                self._errors += piece
                del self._errors[:-KEPT]
        self._ended = True
        return b""

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
        hang_up(self._connection)

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
