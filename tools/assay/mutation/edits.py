"""Edits: one changed place of a file, found by the operators and applied to bytes."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher, unified_diff
from itertools import accumulate

TIME = re.compile("timeout|seconds|delay|interval|deadline|retries|sleep", re.IGNORECASE)
"""Names of limits and pauses: changing them a little changes nothing that a test should see."""


@dataclass(frozen=True)
class Edit:
    """Replaces the bytes from `start` to `end`."""

    operator: str
    start: int
    end: int
    replacement: bytes

    def apply(self, content: bytes) -> bytes:
        """The file with this one place changed; everything else stays byte for byte."""
        return content[: self.start] + self.replacement + content[self.end :]

    def core(self, content: bytes) -> tuple[int, int]:
        """First and last offset of what really changes, without what is put back as it was."""
        segment = content[self.start : self.end]
        head = _shared(segment, self.replacement)
        tail = _shared(segment[head:][::-1], self.replacement[head:][::-1])
        return self.start + head, max(self.start + head, self.end - tail - 1)


def _shared(one: bytes, other: bytes) -> int:
    """How many first bytes are the same."""
    least = min(len(one), len(other))
    return next((place for place in range(least) if one[place] != other[place]), least)


Finder = Callable[[bytes], Iterator[Edit]]


def lines_of(content: bytes) -> list[bytes]:
    """Lines with their line feeds, the only thing that ends a line for git, Python and shells alike."""
    lines = [line + b"\n" for line in content.split(b"\n")]
    lines[-1] = lines[-1][:-1]
    return lines if lines[-1] else lines[:-1]


def line_starts(content: bytes) -> list[int]:
    """Offset of each line, and the length of the file."""
    return [0, *accumulate(map(len, lines_of(content)))]


def line_numbers(content: bytes) -> Callable[[int], int]:
    """A function from byte offset to line number, counted from 1."""
    starts = line_starts(content)
    return lambda offset: bisect_right(starts, offset)


def differences(before: bytes, after: bytes) -> Iterator[tuple[int, int, int, int]]:
    """Ranges of lines (old from, old to, new from, new to; from 0) that differ by more than their indentation."""
    old, new = ([line.strip() for line in lines_of(content)] for content in (before, after))
    for tag, *places in SequenceMatcher(None, old, new).get_opcodes():
        if tag != "equal":
            yield tuple(places)  # type: ignore[misc]


def changed_lines(before: bytes | None, after: bytes) -> set[int]:
    """Numbers of the lines of `after` that are new; all of them when there was no file before."""
    if before is None:
        return set(range(1, len(lines_of(after)) + 1))
    return {line + 1 for *_, start, end in differences(before, after) for line in range(start, end)}


def unified(path: str, old: bytes, new: bytes) -> str:
    """A unified diff that `git apply` takes."""
    before, after = ([line.decode() for line in lines_of(content)] for content in (old, new))
    name = path.lstrip("/")
    lines = unified_diff(before, after, f"a/{name}", f"b/{name}")
    return "".join(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines)
