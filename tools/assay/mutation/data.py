"""Operators on what a reference produces or configures: JSON, JSON Lines, tables, and any other text."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from decimal import Decimal
from itertools import pairwise

from assay.mutation.edits import TIME, Edit, differences, line_starts, lines_of

_NUMBER = re.compile(r"-?\d{1,15}(?:\.\d{1,9})?(?![\w.])")
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"')
_SCALAR = re.compile(r"[^\s,\]}]+")
_CELL = re.compile(rb"(?<![^,;\t])-?\d{1,15}(?:\.\d{1,9})?(?![^,;\t\r\n])")
_WORD = re.compile(rb"(?<![\w.-])-?\d{1,15}(?:\.\d{1,9})?(?![\w.-])")


def _nudged(number: str) -> bytes:
    """One per cent more, with as many decimals, and at least one unit of the last."""
    value = Decimal(number)
    unit = Decimal(1).scaleb(int(value.as_tuple().exponent))
    more = (value * Decimal("1.01")).quantize(unit)
    return str(more if more != value else value + unit).encode()


def json_edits(content: bytes) -> Iterator[Edit]:
    """Keys dropped and renamed, numbers nudged, lists reversed and emptied; of JSON Lines each line is a document."""
    # One character for each byte, so that offsets agree; what a string says is of no interest here.
    text = content.decode("latin-1")
    try:
        json.loads(text)
        starts = [0, len(text)]
    except ValueError:
        starts = line_starts(content)
    except RecursionError:
        return
    for start, end in pairwise(starts):
        reader = _Json(text)
        try:
            json.loads(text[start:end])
            reader.value(start)
        except (ValueError, RecursionError):
            continue
        if len(starts) > 2:
            yield Edit("drop-row", start, end, b"")
        yield from reader.edits


class _Json:
    """Walks a document that is known to be valid and notes where it can be changed."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.edits: list[Edit] = []

    def space(self, at: int) -> int:
        while self.text[at] in " \t\r\n":
            at += 1
        return at

    def string(self, at: int) -> int:
        found = _STRING.match(self.text, at)
        assert found
        return found.end()

    def value(self, at: int) -> int:
        """Read the value at an offset; returns where it ends."""
        at = self.space(at)
        if self.text[at] in "{[":
            return self.container(at)
        if self.text[at] == '"':
            return self.string(at)
        found = _SCALAR.match(self.text, at)
        assert found
        if found[0] in ("true", "false"):
            self.edits.append(Edit("flip-constant", at, found.end(), b"false" if found[0] == "true" else b"true"))
        elif number := _NUMBER.fullmatch(found[0]):
            self.edits.append(Edit("number-change", at, found.end(), _nudged(number[0])))
        return found.end()

    def container(self, start: int) -> int:
        mapping = self.text[start] == "{"
        items: list[tuple[int, int]] = []
        at = self.space(start + 1)
        while self.text[at] not in "}]":
            first = at
            if mapping:
                key = self.string(at)
                self.edits.append(Edit("rename-key", at, key, self.text[at : key - 1].encode("latin-1") + b'_x"'))
                at = self.space(key) + 1
            items.append((first, self.value(at)))
            at = self.space(items[-1][1])
            at = self.space(at + 1) if self.text[at] == "," else at
        operator = "drop-key" if mapping else "drop-item"
        for place, (first, end) in enumerate(items):
            if place + 1 < len(items):
                self.edits.append(Edit(operator, first, items[place + 1][0], b""))
            else:
                self.edits.append(Edit(operator, items[place - 1][1] if place else first, end, b""))
        if not mapping and len(items) > 1:
            self.edits.append(Edit("reverse-list", items[0][0], items[-1][1], self.reversed(items)))
            self.edits.append(Edit("empty-list", start + 1, at, b""))
        return at + 1

    def reversed(self, items: list[tuple[int, int]]) -> bytes:
        gaps = [self.text[end:start] for (_, end), (start, _) in pairwise(items)]
        texts = [self.text[start:end] for start, end in reversed(items)]
        return "".join(part for pair in zip(texts, [*gaps, ""], strict=True) for part in pair).encode("latin-1")


def table_edits(content: bytes) -> Iterator[Edit]:
    """Rows dropped, numbers nudged, two columns exchanged below their headings."""
    lines, starts = lines_of(content), line_starts(content)
    if len(lines) < 2 or b'"' in content:  # a quoted cell may hold separators and line feeds
        return
    mark = max((b",", b";", b"\t"), key=lines[0].count)
    for start, line in zip(starts[1:-1], lines[1:], strict=True):
        yield Edit("drop-row", start, start + len(line), b"")
        for found in _CELL.finditer(line):
            yield Edit("number-change", start + found.start(), start + found.end(), _nudged(found[0].decode()))
    rows = [re.fullmatch(rb"(.*?)(\r?\n?)", line, re.DOTALL) for line in lines[1:]]
    cells = [(row[1].split(mark), row[2]) for row in rows if row]
    for column in range(lines[0].count(mark)):
        if all(len(row) > column + 1 for row, _ in cells):
            swapped = [
                mark.join([*row[:column], row[column + 1], row[column], *row[column + 2 :]]) + end for row, end in cells
            ]
            yield Edit("swap-columns", starts[1], len(content), b"".join(swapped))


def text_edits(content: bytes) -> Iterator[Edit]:
    """Lines dropped, numbers nudged."""
    for at, line in zip(line_starts(content), lines_of(content), strict=False):
        if _says(line):
            yield Edit("drop-line", at, at + len(line), b"")
            for found in () if TIME.search(line.decode()) else _WORD.finditer(line):
                yield Edit("number-change", at + found.start(), at + found.end(), _nudged(found[0].decode()))


def _says(line: bytes) -> bool:
    """Whether a line is neither empty nor a comment."""
    return bool(line.strip()) and not line.lstrip().startswith((b"#", b"//"))


def reverted(before: bytes, after: bytes) -> Iterator[Edit]:
    """Each single change of the reference taken back."""
    old, new, starts = lines_of(before), lines_of(after), line_starts(after)
    for first, last, start, end in differences(before, after):
        if any(map(_says, [*old[first:last], *new[start:end]])):
            yield Edit("revert-change", starts[start], starts[end], b"".join(old[first:last]))
