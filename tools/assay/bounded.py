"""Bounded capture of what a program prints."""

from __future__ import annotations

import hashlib
from collections import deque

LOG_LIMIT = 8 * 1024 * 1024
"""Bytes of a log that are kept; half from its start, half from its end."""


class Bounded:
    """Keeps the first and the last half of a stream that may be endless, in memory that is not."""

    def __init__(self, limit: int) -> None:
        self._half = limit // 2
        self._head = bytearray()
        self._tail: deque[bytes] = deque()
        self._tail_size = 0
        self._dropped = 0
        self._whole = hashlib.sha256()

    def add(self, data: bytes) -> None:
        """Take the next piece of the stream."""
        self._whole.update(data)
        room = self._half - len(self._head)
        self._head += data[:room]
        rest = data[room:] if room < len(data) else b""
        if not rest:
            return
        self._tail.append(rest)
        self._tail_size += len(rest)
        while self._tail_size - len(self._tail[0]) >= self._half:
            dropped = len(self._tail.popleft())
            self._tail_size -= dropped
            self._dropped += dropped

    def value(self) -> bytes:
        """All that was kept, with a line in the middle that says how much was not, and the hash of the whole."""
        tail = b"".join(self._tail)
        if not self.hidden:
            return bytes(self._head) + tail
        note = f"\n[... {self.hidden} bytes hidden; sha256 of all: {self._whole.hexdigest()} ...]\n".encode()
        return bytes(self._head) + note + tail[-self._half :]

    @property
    def hidden(self) -> int:
        """Bytes that `value` leaves out."""
        return self._dropped + max(0, self._tail_size - self._half)
