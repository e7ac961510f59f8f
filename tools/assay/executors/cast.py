"""What a program printed and when, as an asciicast v2 recording (asciinema's file format, version 2).

Only output is recorded. The header is always the same: it tells nothing of the machine, the time or the environment.
"""

from __future__ import annotations

import codecs
import json

CAST_LIMIT = 1024 * 1024
"""Bytes of output that a recording keeps, from its start; the log beside it keeps more."""
HEADER = {"version": 2, "width": 80, "height": 24}
FRAME = 1 / 60
"""Seconds within which output is one event."""


class Cast:
    """Takes the pieces of a stream as they come."""

    def __init__(self, limit: int = CAST_LIMIT, terminal: tuple[int, int] | None = None) -> None:
        """`terminal`: columns and rows, when what comes went through one already."""
        self._room, self._raw = limit, terminal is not None
        self._header = HEADER | ({"width": terminal[0], "height": terminal[1]} if terminal else {})
        self._hidden = 0
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._events: list[tuple[float, list[str]]] = []

    def add(self, seconds: float, data: bytes) -> None:
        """The next piece, `seconds` after the start; bytes of one character may be in two pieces."""
        kept = data[: self._room]
        self._room -= len(kept)
        self._hidden += len(data) - len(kept)
        self._show(seconds, self._decoder.decode(kept))

    def value(self) -> bytes:
        """The recording so far, one JSON document a line."""
        self._show(0, self._decoder.decode(b"", final=True))
        lines: list[object] = [
            self._header,
            *([round(seconds, 3), "o", "".join(texts)] for seconds, texts in self._events),
        ]
        if self._hidden:
            last = round(self._events[-1][0], 3) if self._events else 0
            lines.append([last, "o", f"\r\n[... {self._hidden} more bytes are not in this recording ...]\r\n"])
        return "".join(f"{json.dumps(line, ensure_ascii=False)}\n" for line in lines).encode()

    def _show(self, seconds: float, text: str) -> None:
        if not text:
            return
        text = text if self._raw else text.replace("\n", "\r\n")  # as a terminal does with what a program prints
        if self._events and seconds < self._events[-1][0] + FRAME:
            self._events[-1][1].append(text)
        else:
            self._events.append((seconds, [text]))
