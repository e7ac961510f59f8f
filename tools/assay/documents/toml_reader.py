"""TOML 1.0: values from the standard library, positions from a scanner of our own for text known to be valid."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from datetime import date, datetime, time
from typing import Any, Final

from assay.documents import strings
from assay.documents.source import SYNTAX, TOO_DEEP, Loc, Problem, Reading, Span, too_deep, unreadable

_PLACE: Final = re.compile(r" \(at (?:line (?P<line>\d+), column (?P<column>\d+)|end of document)\)$")
_BLANK: Final = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_SPACE: Final = re.compile(r"[ \t]*")
_BARE_KEY: Final = re.compile(r"[A-Za-z0-9_-]+")
_ATOM: Final = re.compile(r"[^,\]}#\r\n]*[^,\]}#\r\n \t]")
_STRING: Final = re.compile(
    r'"""(?:[^"\\]|\\.|"{1,2}(?!"))*"{3,5}|"(?:[^"\\\n]|\\.)*"' + r"|'''(?:[^']|'{1,2}(?!'))*'{3,5}|'[^'\n]*'",
    re.DOTALL,
)


def read(text: str) -> Reading:
    """The table in `text`. Dates and times become text in ISO 8601."""
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        return unreadable(_syntax(text, str(error)))
    except RecursionError:
        return unreadable(Problem(0, SYNTAX, TOO_DEEP))
    except ValueError:  # an integer with more digits than Python converts
        return unreadable(Problem(0, SYNTAX, "must hold numbers of usual size"))
    if too_deep(data):
        return unreadable(Problem(0, SYNTAX, TOO_DEEP))
    return Reading(_plain(data))


def _syntax(text: str, message: str) -> Problem:
    place = _PLACE.search(message)
    message = _PLACE.sub("", message)
    offset = len(text)
    if place and place["line"]:
        # tomllib counts after turning CRLF into LF, which moves no line and no column
        starts = [0, *(match.end() for match in re.finditer("\n", text))]
        offset = starts[int(place["line"]) - 1] + int(place["column"]) - 1
    return Problem(offset, SYNTAX, message[:1].lower() + message[1:])


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value.isoformat() if isinstance(value, datetime | date | time) else value


class TomlLocator:
    """Walks the text once, recording the place of every table, key and value."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.spans: dict[Loc, Span] = {(): Span(0, len(text))}
        self._lengths: dict[Loc, int] = {}
        table: Loc = ()
        at = self._blank(0)
        while at < len(text):
            if text[at] == "[":
                table, at = self._header(at)
            else:
                at = self._pair(table, at)
            at = self._blank(at)

    def span(self, loc: Sequence[str | int]) -> Span:
        """The deepest part of `loc` that exists."""
        for length in range(len(loc), 0, -1):
            found = self.spans.get(tuple(loc[:length]))
            if found:
                return found
        return self.spans[()]

    def offsets(self, loc: Sequence[str | int], value: str) -> list[int] | None:
        """Exact for all four kinds of string."""
        span = self.span(loc)
        quote = self.text[span.start : span.start + 3]
        if quote in ('"""', "'''"):
            start, end = span.start + 3, span.end - 3
            start += 2 if self.text.startswith("\r\n", start) else self.text.startswith("\n", start)
        else:
            start, end = span.start + 1, span.end - 1
        return strings.exact(list(strings.units(self.text, start, end, escapes=quote[0] == '"')), value, end)

    def _blank(self, at: int) -> int:
        match = _BLANK.match(self.text, at)
        return match.end() if match else at

    def _space(self, at: int) -> int:
        match = _SPACE.match(self.text, at)
        return match.end() if match else at

    def _keys(self, at: int) -> tuple[list[tuple[str, int]], int]:
        """The parts of a dotted key with their offsets, and where the key ends."""
        parts = []
        while True:
            at = self._space(at)
            match = (_STRING if self.text[at] in "\"'" else _BARE_KEY).match(self.text, at)
            assert match, "tomllib accepted this text"
            name = match.group()
            parts.append((next(iter(tomllib.loads(f"{name}=0"))), at))
            at = self._space(match.end())
            if self.text[at] != ".":
                return parts, at
            at += 1

    def _header(self, start: int) -> tuple[Loc, int]:
        brackets = 2 if self.text.startswith("[[", start) else 1
        parts, at = self._keys(start + brackets)
        loc: Loc = ()
        for number, (name, key) in enumerate(parts, 1):
            loc = (*loc, name)
            self.spans.setdefault(loc, Span(start, at, key))
            if number == len(parts) and brackets == 2:
                index = self._lengths[loc] = self._lengths.get(loc, 0) + 1
                loc = (*loc, index - 1)
                self.spans[loc] = Span(start, at + brackets)
            elif number == len(parts):
                self.spans[loc] = Span(start, at + brackets, key)
            elif loc in self._lengths:
                loc = (*loc, self._lengths[loc] - 1)
        return loc, at + brackets

    def _pair(self, table: Loc, at: int) -> int:
        parts, at = self._keys(at)
        start = self._space(at + 1)
        loc = table
        for name, key in parts:
            loc = (*loc, name)
            self.spans.setdefault(loc, Span(key, start, key))
        end = self._value(loc, start)
        self.spans[loc] = Span(start, end, parts[-1][1])
        return end

    def _value(self, loc: Loc, at: int) -> int:
        """Record what is inside the value at `at`; where the value ends."""
        if self.text[at] == "[":
            return self._array(loc, at)
        if self.text[at] == "{":
            at = self._blank(at + 1)
            while self.text[at] != "}":
                at = self._blank(self._pair(loc, at))
                at = self._blank(at + 1) if self.text[at] == "," else at
            return at + 1
        match = (_STRING if self.text[at] in "\"'" else _ATOM).match(self.text, at)
        assert match, "tomllib accepted this text"
        return match.end()

    def _array(self, loc: Loc, at: int) -> int:
        at, index = self._blank(at + 1), 0
        while self.text[at] != "]":
            end = self._value((*loc, index), at)
            self.spans[(*loc, index)] = Span(at, end)
            at, index = self._blank(end), index + 1
            at = self._blank(at + 1) if self.text[at] == "," else at
        return at + 1
