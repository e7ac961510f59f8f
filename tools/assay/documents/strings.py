"""Where each character of a string stands in the source that spells it."""

from __future__ import annotations

import re
from collections.abc import Iterator

_ESCAPE = re.compile(
    r"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"
    r"|x(?P<x>[0-9a-fA-F]{2})|u(?P<u>[0-9a-fA-F]{4})|U(?P<U>[0-9a-fA-F]{8})"
    r"|(?P<continued>[ \t]*(?:\r\n|[\r\n\x85\u2028\u2029])\s*)|.)",
    re.DOTALL,
)
_WHITE_ESCAPES = frozenset("ntrNLP \t")
_YAML_BREAK = re.compile(r"\r\n|[\r\n\x85\u2028\u2029]")
_VALUE_BREAK = re.compile(r"[\n\u2028\u2029]")
_BLOCK_HEADER = re.compile(r"[|>][0-9+-]*[ \t]*(?:#[^\r\n\x85\u2028\u2029]*)?(?:\r\n|[\r\n\x85\u2028\u2029])")
WHITE = frozenset(" \t\n\r\x85\u2028\u2029")


def units(text: str, start: int, end: int, *, escapes: bool, doubled: bool = False) -> Iterator[tuple[int, bool]]:
    """Offset of each decoded character in `text[start:end]`, and whether it is white space.

    `escapes`: a backslash starts an escape (JSON, TOML and YAML agree as far as lengths go).
    `doubled`: two single quotes spell one.
    """
    at = start
    while at < end:
        width, white = 1, text[at] in WHITE
        escape = _ESCAPE.match(text, at, end) if escapes and text[at] == "\\" else None
        if escape:
            width = len(escape.group())
            code = escape["x"] or escape["u"] or escape["U"]
            white = chr(int(code, 16)) in WHITE if code else width == 2 and text[at + 1] in _WHITE_ESCAPES
        elif text.startswith("\r\n", at) or (doubled and text.startswith("''", at)):
            width = 2
        if escape is None or escape["continued"] is None:
            yield at, white
        at += width


def exact(found: list[tuple[int, bool]], value: str, end: int) -> list[int] | None:
    """The offsets and `end`, when there is one for each character of `value`."""
    return [*(offset for offset, _ in found), end] if len(found) == len(value) else None


def folded(found: list[tuple[int, bool]], value: str, end: int) -> list[int] | None:
    """Offsets for text whose white space was rewritten: the visible characters are the same, in the same order.

    White space is placed right behind the visible character before it.
    """
    visible = [offset for offset, white in found if not white]
    if len(visible) != sum(char not in WHITE for char in value) or not visible:
        return None
    result, rank = [], 0
    for char in value:
        if char in WHITE:
            result.append(visible[rank - 1] + 1 if rank else visible[0])
        else:
            result.append(visible[rank])
            rank += 1
    return [*result, end]


def block_body(text: str, start: int, end: int) -> int | None:
    """Where the lines of a block scalar begin, behind its header."""
    header = _BLOCK_HEADER.search(text, start, end)
    return header.end() if header else None


def literal(text: str, start: int, end: int, value: str) -> list[int] | None:
    """Offsets for a literal block scalar: every line of the value ends one line of the source."""
    body = block_body(text, start, end)
    if body is None:
        return None
    result: list[int] = []
    lines = _VALUE_BREAK.split(value)
    for number, line in enumerate(lines):
        stop = _YAML_BREAK.search(text, body)
        line_end = stop.start() if stop else len(text)
        first = line_end - len(line)
        last = number == len(lines) - 1
        if first < body and not (last and not line):
            return None
        if last and not line and result:
            result.append(result[-1])  # the value ends with a line break: its end is there, not on the line below
        else:
            result += range(first, line_end + 1)
        body = stop.end() if stop else len(text)
    return result
