"""Reads the patches that trajectories carry: git's extended unified diff (git-diff documentation, "diff format").

Paths lose their first component: `a/loader/x.py` and `b/loader/x.py` become `loader/x.py`. Lines end at line feeds
only, and hunks are read by the counts in their headers, so that content which looks like a header stays content.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

_HEADER = "diff --git "
_HUNK = re.compile(r"@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@ ?(.*)")
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"')
_ESCAPE = re.compile(rb"\\([0-7]{3}|.)", re.DOTALL)
_ESCAPED = {b"a": b"\a", b"b": b"\b", b"t": b"\t", b"n": b"\n", b"v": b"\v", b"f": b"\f", b"r": b"\r"}
_NOTHING = "/dev/null"
_MOVED = ("rename from ", "rename to ", "copy from ", "copy to ")
_NOTED = ("old mode ", "new mode ", "new file mode ", "deleted file mode ", *_MOVED)


class Line(NamedTuple):
    """One line of a hunk. `kind` is ` ` (context), `+`, `-`, or `\\` (the line above has no line feed at its end)."""

    kind: str
    text: str

    def __str__(self) -> str:
        return self.kind + self.text


@dataclass(frozen=True)
class Hunk:
    """A run of changed lines with context; line numbers count from 1, and are 0 for a side without lines."""

    old_start: int
    new_start: int
    lines: tuple[Line, ...]
    section: str = ""
    """What git prints behind the numbers, mostly the enclosing function."""

    @property
    def text(self) -> str:
        """The lines as they stand in the patch, without the hunk's header."""
        return "\n".join(map(str, self.lines))

    def side(self, kind: str) -> str:
        """The old (`-`) or the new (`+`) side, without markers."""
        return "\n".join(line.text for line in self.lines if line.kind in (" ", kind))

    def new_lines(self) -> Iterator[tuple[int, str]]:
        """Number and text of each line that the file has after the patch."""
        shown = (line.text for line in self.lines if line.kind in " +")
        return enumerate(shown, self.new_start)


@dataclass(frozen=True)
class FileDiff:
    """What a patch does to one file. `old_path` differs from `path` after a rename or a copy."""

    path: str
    old_path: str
    hunks: tuple[Hunk, ...] = ()
    binary: bool = False
    deleted: bool = False
    new: bool = False
    notes: tuple[str, ...] = ()
    """Extended header lines, such as `new file mode 100755` or `rename from …`."""

    @property
    def added(self) -> int:
        """How many lines are new."""
        return self._count("+")

    @property
    def removed(self) -> int:
        """How many lines are gone."""
        return self._count("-")

    def new_lines(self) -> dict[int, str]:
        """The lines of the file after the patch, by number, as far as the hunks show them."""
        return {number: text for hunk in self.hunks for number, text in hunk.new_lines()}

    def _count(self, kind: str) -> int:
        return sum(line.kind == kind for hunk in self.hunks for line in hunk.lines)


@lru_cache(maxsize=256)
def parse_patch(text: str) -> tuple[FileDiff, ...]:
    """The files of a patch in its order. Text that is no part of a diff is passed over; nothing is raised."""
    lines = text.split("\n")
    # inside a hunk every line has a marker in front, so a header cannot be content
    starts = [number for number, line in enumerate(lines) if line.startswith(_HEADER)]
    return tuple(_file(lines[start:end]) for start, end in pairwise([*starts, len(lines)]))


def _file(lines: Sequence[str]) -> FileDiff:
    first = next((at for at, line in enumerate(lines) if _HUNK.match(line)), len(lines))
    head = lines[:first]
    old, new = _names(head)
    return FileDiff(
        path=new if new is not None else old or "",
        old_path=old if old is not None else new or "",
        hunks=tuple(_hunks(lines[first:])),
        binary=any(line.startswith(("GIT binary patch", "Binary files ")) for line in head),
        deleted=new is None or any(line.startswith("deleted file mode ") for line in head),
        new=old is None or any(line.startswith("new file mode ") for line in head),
        notes=tuple(line for line in head if line.startswith(_NOTED)),
    )


def _names(head: Sequence[str]) -> tuple[str | None, str | None]:
    """The old and the new path; None for the side on which the file does not exist."""
    named = {line[:4]: _name(line[4:]) for line in head if line.startswith(("--- ", "+++ "))}
    if len(named) == 2:
        return named["--- "], named["+++ "]
    header = next((line[len(_HEADER) :] for line in head if line.startswith(_HEADER)), "")
    moved = [line.split(" ", 2)[2] for line in head if line.startswith(_MOVED)]
    if len(moved) == 2:
        # `git diff --no-index --no-prefix` keeps the first component here as well, plain `git diff` does not
        strip = header.startswith(moved[0] + " ")
        old, new = (_unquoted(name) for name in moved)
        return (_stripped(old), _stripped(new)) if strip else (old, new)
    return _header_names(header)


def _header_names(header: str) -> tuple[str | None, str | None]:
    """From the `diff --git` line alone: both names are the same but for their first component."""
    quoted = _QUOTED.findall(header)
    if len(quoted) == 2:
        return _name(quoted[0]), _name(quoted[1])
    half = len(header) // 2
    return _name(header[:half]), _name(header[half + 1 :])


def _name(text: str) -> str | None:
    name = _unquoted(text.removesuffix("\r").removesuffix("\t"))
    return None if name == _NOTHING else _stripped(name)


def _stripped(name: str) -> str:
    return name.partition("/")[2] or name


def _unquoted(name: str) -> str:
    """Undo git's C-style quoting of unusual path names."""
    if not _QUOTED.fullmatch(name):
        return name

    def byte(match: re.Match[bytes]) -> bytes:
        code = match[1]
        return bytes([int(code, 8) & 0xFF]) if len(code) == 3 else _ESCAPED.get(code, code)

    return _ESCAPE.sub(byte, name[1:-1].encode()).decode("utf-8", errors="replace")


def _hunks(lines: Sequence[str]) -> Iterator[Hunk]:
    at = 0
    while at < len(lines):
        match = _HUNK.match(lines[at])
        at += 1
        if match is None:
            continue
        body = list(_body(lines, at, _size(match[2]), _size(match[4])))
        at += len(body)
        yield Hunk(int(match[1]), int(match[3]), tuple(body), match[5])


def _size(text: str | None) -> int:
    return 1 if text is None else int(text)


def _body(lines: Sequence[str], at: int, old: int, new: int) -> Iterator[Line]:
    """The lines of a hunk with `old` and `new` lines on its sides; ends early where the patch is damaged."""
    while at < len(lines) and (old > 0 or new > 0 or lines[at].startswith("\\")):
        # editors strip the blank of an empty context line; git accepts that too
        kind, text = lines[at][:1] or " ", lines[at][1:]
        if kind not in ("+", "-", " ", "\\"):
            return
        old -= kind in (" ", "-")
        new -= kind in (" ", "+")
        yield Line(kind, text)
        at += 1
