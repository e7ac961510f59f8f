"""JSON as RFC 8259 has it, read with the standard library's C scanner; positions come from a second look."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Sequence
from json.decoder import scanstring  # type: ignore[attr-defined]
from typing import Any, Final, NoReturn

from assay.documents import strings
from assay.documents.source import (
    DUPLICATE,
    MAX_DEPTH,
    SYNTAX,
    TOO_DEEP,
    Loc,
    Problem,
    Reading,
    Span,
    too_deep,
    unreadable,
)

_SPACE: Final = re.compile(r"[ \t\n\r]*")
_TOKEN: Final = re.compile(r'"(?:[^"\\]|\\.)*"|-?(?:Infinity|NaN)|-?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?', re.DOTALL)
_SURROGATE: Final = re.compile(r"\\u[dD][89a-fA-F]")
_DECODER: Final = json.JSONDecoder()
_MOST_DIGITS: Final = 4000
"""Python refuses to read longer integers: reading takes quadratic time."""

Entry = tuple[str | int, int | None, int, int]
"""Key or index of a member, offset of the key, start and end of the value."""


class _RefusedError(ValueError):
    """A number that JSON or a float cannot hold."""


def read(text: str) -> Reading:
    """The value in `text`. Of a repeated key the first value is kept."""
    repeated = False

    def mapping(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        nonlocal repeated
        data = dict(pairs)
        if len(data) != len(pairs):
            repeated = True
            data = dict(reversed(pairs))
        return data

    try:
        data = json.loads(text, object_pairs_hook=mapping, parse_constant=_refuse, parse_float=_finite)
    except json.JSONDecodeError as error:
        return unreadable(Problem(error.pos, SYNTAX, error.msg[:1].lower() + error.msg[1:]))
    except RecursionError:
        return unreadable(Problem(_deepest(text), SYNTAX, TOO_DEEP))
    except ValueError:
        return unreadable(*_bad_numbers(text))
    if too_deep(data):
        return unreadable(Problem(_deepest(text), SYNTAX, TOO_DEEP))
    halves = list(_half_characters(text)) if _SURROGATE.search(text) else []
    if halves:
        return unreadable(*halves)
    if not repeated:
        return Reading(data)
    problems, flagged = _duplicates(text)
    return Reading(data, tuple(problems), frozenset(flagged))


def _refuse(constant: str) -> NoReturn:
    raise _RefusedError(constant)


def _finite(number: str) -> float:
    value = float(number)
    if math.isinf(value):
        raise _RefusedError(number)
    return value


def _bad_numbers(text: str) -> list[Problem]:
    found = []
    for token in _TOKEN.finditer(text):
        word = token.group()
        if word[-1] in "yN":
            found.append(Problem(token.start(), SYNTAX, f"`{word}` is not JSON", "write null, or the word in quotes"))
        elif word[0] != '"' and (len(word) > _MOST_DIGITS or math.isinf(float(word))):
            found.append(Problem(token.start(), SYNTAX, f"must be a number of usual size, found `{word[:20]}…`"))
    return found or [Problem(0, SYNTAX, "must hold numbers of usual size")]


def _half_characters(text: str) -> Iterator[Problem]:
    for token in _TOKEN.finditer(text):
        if _SURROGATE.search(token.group()):
            try:
                scanstring(text, token.start() + 1)[0].encode()
            except UnicodeEncodeError:
                message = "must be text, found one half of a surrogate pair"
                yield Problem(token.start(), SYNTAX, message, r"escape both halves, or write \ufffd")


def _deepest(text: str) -> int:
    """Offset of the first bracket that is nested too deeply."""
    depth = 0
    for token in re.finditer(r'"(?:[^"\\]|\\.)*"|[\[\]{}]', text, re.DOTALL):
        if token.group() in "[{":
            depth += 1
            if depth > MAX_DEPTH:
                return token.start()
        elif token.group() in "]}":
            depth -= 1
    return 0


def _duplicates(text: str) -> tuple[list[Problem], set[Loc]]:
    problems: list[Problem] = []
    flagged: set[Loc] = set()
    pending: list[tuple[Loc, int]] = [((), _skip(text, 0))]
    while pending:
        loc, start = pending.pop()
        firsts: dict[str | int, int] = {}
        for name, key, value, _ in _entries(text, start):
            if name not in firsts:
                firsts[name] = start if key is None else key
                pending.append(((*loc, name), value))
            elif key is not None:
                line = text.count("\n", 0, firsts[name]) + 1
                message = f"keys must be unique, found `{name}` again; the first is on line {line}"
                problems.append(Problem(key, DUPLICATE, message, "keep one of them"))
                flagged.add((*loc, name))
    return problems, flagged


def _skip(text: str, at: int) -> int:
    match = _SPACE.match(text, at)
    return match.end() if match else at


def _entries(text: str, start: int) -> Iterator[Entry]:
    """Members of the container at `start`, in order; none for other values. The text is known to be valid."""
    if text[start] not in "[{":
        return
    at, index = _skip(text, start + 1), 0
    while text[at] not in "]}":
        name: str | int = index
        key = None
        if text[start] == "{":
            key = at
            name, at = scanstring(text, at + 1)
            at = _skip(text, _skip(text, at) + 1)
        _, end = _DECODER.raw_decode(text, at)
        yield name, key, at, end
        index += 1
        at = _skip(text, end)
        if text[at] == ",":
            at = _skip(text, at + 1)


class JsonLocator:
    """Scans the containers on the way to a value, each once."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._members: dict[int, dict[str | int, Span]] = {}

    def span(self, loc: Sequence[str | int]) -> Span:
        """The deepest part of `loc` that exists."""
        start = _skip(self.text, 0)
        found = Span(start, len(self.text))
        for part in loc:
            member = self._container(found.start).get(part)
            if member is None:
                break
            found = member
        return found

    def offsets(self, loc: Sequence[str | int], value: str) -> list[int] | None:
        """Exact: a JSON string is one line, and every escape one character."""
        span = self.span(loc)
        start, end = span.start + 1, span.end - 1
        return strings.exact(list(strings.units(self.text, start, end, escapes=True)), value, end)

    def _container(self, start: int) -> dict[str | int, Span]:
        if start not in self._members:
            members: dict[str | int, Span] = {}
            for name, key, value, end in _entries(self.text, start):
                members.setdefault(name, Span(value, end, key))
            self._members[start] = members
        return self._members[start]
