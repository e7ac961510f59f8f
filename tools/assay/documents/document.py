"""One file, read strictly, that can say where each of its values stands."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any

from assay.diagnostics import Diagnostic, Fix, Position
from assay.documents import json_reader, toml_reader, yaml_reader
from assay.documents.source import Loc, Locator, Problem, Reading

UNREADABLE = "document-unreadable"
_READERS: dict[str, tuple[Callable[[str], Reading], Callable[[str], Locator]]] = {
    ".yaml": (yaml_reader.read, yaml_reader.YamlLocator),
    ".yml": (yaml_reader.read, yaml_reader.YamlLocator),
    ".toml": (toml_reader.read, toml_reader.TomlLocator),
    ".json": (json_reader.read, json_reader.JsonLocator),
}
_LFS = "version https://git-lfs.github.com/spec/"
_CONFLICT = "<<<<<<< "


class _Lines:
    """Line and column of offsets. Only a line feed ends a line, as in git and in reviews."""

    def __init__(self, text: str) -> None:
        self.starts = [0]
        at = text.find("\n")
        while at >= 0:
            self.starts.append(at + 1)
            at = text.find("\n", at + 1)
        self.length = len(text)

    def position(self, offset: int) -> Position:
        offset = min(max(offset, 0), self.length)
        line = bisect_right(self.starts, offset)
        return Position(line, offset - self.starts[line - 1] + 1)


@dataclass(frozen=True, eq=False)
class Document:
    """A parsed file. `path` is relative to the workspace; `data` holds plain values only.

    Positions are found when they are asked for: a clean file never pays for them.
    """

    path: str
    data: Any = field(repr=False)
    text: str = field(repr=False)
    suffix: str
    flagged: frozenset[Loc] = frozenset()
    """Places that reading has reported already; `validate` says nothing about them."""

    def position(self, loc: Sequence[str | int]) -> Position:
        """Of the value at `loc`, or at the deepest part of `loc` that exists."""
        return self._lines.position(self._locator.span(loc).start)

    def key_position(self, loc: Sequence[str | int]) -> Position:
        """Of the key at `loc`; of the value where there is no key, as in lists."""
        span = self._locator.span(loc)
        return self._lines.position(span.start if span.key is None else span.key)

    def position_in(self, loc: Sequence[str | int], offset: int) -> Position:
        """Of character `offset` of the string at `loc`; the start of the value where that cannot be told."""
        span = self._locator.span(loc)
        value = self._value(loc)
        offsets = self._offsets(tuple(loc), value) if isinstance(value, str) else None
        if not offsets:
            return self._lines.position(span.start)
        return self._lines.position(offsets[min(max(offset, 0), len(offsets) - 1)])

    def renaming(self, loc: Sequence[str | int], name: str) -> Fix | None:
        """Another name for the key at `loc`; None where it is not written as it reads."""
        start = self._locator.span(loc).key
        if start is None or not loc:
            return None
        start += self.text[start : start + 1] in ("'", '"')
        return self._fix(start, start + len(str(loc[-1])), str(loc[-1]), name)

    def replacing(self, loc: Sequence[str | int], part: slice, text: str) -> Fix | None:
        """`text` for a part of the string at `loc`; None where that part or `text` would need escaping."""
        value, start = self._value(loc), self._locator.span(loc).start
        offsets = self._offsets(tuple(loc), value) if isinstance(value, str) else None
        if not offsets or (set('"\\') & set(text) and self.text[start : start + 1] not in ("|", "'")):
            return None
        first, last, _ = part.indices(len(value))
        return self._fix(offsets[first], offsets[last - 1] + 1, value[first:last], text)

    def _fix(self, start: int, end: int, was: str, text: str) -> Fix | None:
        if self.text[start:end] != was:
            return None
        return Fix(self._lines.position(start), self._lines.position(end), text)

    def _value(self, loc: Sequence[str | int]) -> Any:
        value = self.data
        for part in loc:
            try:
                value = value[part]
            except (KeyError, IndexError, TypeError):
                return None
        return value

    def _offsets(self, loc: Loc, value: str) -> list[int] | None:
        if loc not in self._known_offsets:
            self._known_offsets[loc] = self._locator.offsets(loc, value)
        return self._known_offsets[loc]

    @cached_property
    def _known_offsets(self) -> dict[Loc, list[int] | None]:
        return {}

    @cached_property
    def _lines(self) -> _Lines:
        return _Lines(self.text)

    @cached_property
    def _locator(self) -> Locator:
        return _READERS[self.suffix][1](self.text)


def read(file: Path, path: str) -> tuple[Document | None, list[Diagnostic]]:
    """The document in `file`, by its suffix, and what is wrong with it; None when nothing can be made of it."""
    try:
        content = file.read_bytes()
    except OSError as error:
        reason = (error.strerror or "unknown reason").lower()
        return None, [Diagnostic.at(path, Position(1, 1), UNREADABLE, f"must be a readable file; {reason}")]
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        column = len(content[content.rfind(b"\n", 0, error.start) + 1 : error.start].decode("utf-8")) + 1
        message = f"must be UTF-8 text, found byte 0x{content[error.start]:02x} at offset {error.start}"
        hint = "save the file as UTF-8"
        return None, [Diagnostic.at(path, Position(line, column), UNREADABLE, message, hint=hint)]
    return parse(text, path, file.suffix)


def parse(text: str, path: str, suffix: str | None = None) -> tuple[Document | None, list[Diagnostic]]:
    """As `read`, from text. The format is `suffix`, by default that of `path`: `.yaml`, `.yml`, `.toml`, `.json`."""
    suffix = (PurePosixPath(path).suffix if suffix is None else suffix).lower()
    if suffix not in _READERS:
        raise ValueError(f"no reader for `{suffix}`; use one of {', '.join(_READERS)}")
    text = text.removeprefix("\ufeff")
    problems = list(_unreadable(text))
    if problems:
        return None, _diagnostics(text, path, problems)
    reading = _READERS[suffix][0](text)
    found = _diagnostics(text, path, reading.problems)
    if not reading.complete:
        return None, found
    return Document(path, reading.data, text, suffix, reading.flagged), found


def _unreadable(text: str) -> Iterator[Problem]:
    if "\0" in text:
        yield Problem(text.index("\0"), UNREADABLE, "must be text, found a NUL byte")
    if text.startswith(_LFS):
        yield Problem(0, UNREADABLE, "must be the file itself, found a Git LFS pointer", "run `git lfs pull`")
    at = text.find(_CONFLICT)
    while at >= 0:
        if at == 0 or text[at - 1] == "\n":
            message = "found an unresolved merge conflict"
            yield Problem(at, UNREADABLE, message, "keep one side and delete the marker lines")
        at = text.find(_CONFLICT, at + 1)


def _diagnostics(text: str, path: str, problems: Sequence[Problem]) -> list[Diagnostic]:
    if not problems:
        return []
    lines = _Lines(text)
    return sorted(
        Diagnostic.at(path, lines.position(offset), rule, message, hint=hint)
        for offset, rule, message, hint in problems
    )
