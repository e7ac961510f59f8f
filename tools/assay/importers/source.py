"""A log as a file, and typed access to its values that fails with the place of the wrong one."""

from __future__ import annotations

import codecs
import hashlib
import io
import re
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NoReturn

from assay.diagnostics import Position
from assay.documents import Document, parse
from assay.documents.source import Loc
from assay.errors import ExitCode, FatalError

_ESCAPE = re.compile(
    r"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(u[dD][89a-fA-F][0-9a-fA-F]{2})|.)", re.DOTALL
)
"""Any escape of a JSON string; group 1 is one half of a surrogate pair alone."""

_UNREAD = object()
"""In the place of a line's value."""
_KEPT = 32
"""Lines whose values are held at once."""
_HEAD = 2_000_000
"""Bytes from which the kind of JSON Lines is told."""
_BYTE_ORDER_MARKS = {b"\xff\xfe": "UTF-16", b"\xfe\xff": "UTF-16"}


class ImportFailed(FatalError):
    """A log that cannot be read, or does not hold what its format demands. The message starts with the file."""

    code = ExitCode.USAGE

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__("import-failed", message, hint)


class Source:
    """A log: a file, or the folder of one that has many. A file is read once, when somebody looks into it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @cached_property
    def is_folder(self) -> bool:
        """Whether it is a folder; then its files are reached with `beside` and `inside`."""
        return self.path.is_dir()

    @cached_property
    def content(self) -> bytes:
        """The file's bytes. Raises `ImportFailed`."""
        if self.is_folder:
            raise ImportFailed(f"{self.path}: must be a file, found a folder")
        try:
            return self.path.read_bytes()
        except OSError as error:
            reason = (error.strerror or "unknown reason").lower()
            raise ImportFailed(f"{self.path}: must be a readable file; {reason}") from None

    @cached_property
    def sha256(self) -> str:
        """Hex digest of the bytes; of a folder, of the names and digests of its files."""
        if not self.is_folder:
            return hashlib.sha256(self.content).hexdigest()
        lines = (f"{file.path.relative_to(self.path)}\0{file.sha256}\n" for file in self.inside("**/*"))
        return hashlib.sha256("".join(lines).encode("utf-8", "surrogateescape")).hexdigest()

    @cached_property
    def document(self) -> Document:
        """The content as one JSON document. Raises `ImportFailed`.

        More lenient than the workspace's own files: of a repeated key the first value counts, and halves of surrogate
        pairs, which cut-off tool output really contains, become U+FFFD.
        """
        document, first = _parsed(self.text, self.path)
        if first is not None or document is None:
            raise first or ImportFailed(f"{self.path}: cannot be read")
        return document

    @cached_property
    def lines(self) -> Lines:
        """The content as JSON Lines; blank lines do not count. Raises `ImportFailed` when it is no text.

        As lenient as `document`. A line that cannot be read does not hide the others.
        """
        good, bad = [], list[ImportFailed]()
        for number, line in enumerate(io.StringIO(self.text, newline="\n"), 1):
            self._starts.append(self._starts[-1] + len(line.encode()))
            if not line.isspace():
                failure = _parsed(line.removesuffix("\n"), self.path, number - 1)[1]
                if failure is None:
                    good.append(Node(self, (), _UNREAD, number))
                else:
                    bad.append(failure)
        return Lines(tuple(good), tuple(bad))

    @cached_property
    def _starts(self) -> array[int]:
        """Where each line begins, in bytes."""
        return array("Q", [len(self.content) - len(self.content.removeprefix(codecs.BOM_UTF8))])

    def line(self, number: int) -> Document:
        """One of the lines that can be read. The last few are kept: a log's values take many times its room."""
        if number not in self._kept:
            content = self.content[self._starts[number - 1] : self._starts[number]].decode()
            document, failure = _parsed(content, self.path, number - 1)
            if document is None:
                raise failure or ImportFailed(f"{self.path}:{number}:1: cannot be read")
            self._kept[number] = document
            if len(self._kept) > _KEPT:
                del self._kept[next(iter(self._kept))]
        return self._kept[number]

    @cached_property
    def _kept(self) -> dict[int, Document]:
        return {}

    @property
    def text(self) -> str:
        """The content, which must be UTF-8. Raises `ImportFailed`."""
        content = self.content
        if not content.strip():
            raise ImportFailed(f"{self.path}: must be an agent's log, found an empty file")
        try:
            return content.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            name = _BYTE_ORDER_MARKS.get(content[:2], f"byte 0x{content[error.start]:02x} at offset {error.start}")
            raise ImportFailed(f"{self.path}: must be UTF-8 text, found {name}", "save the log as UTF-8") from None

    @property
    def root(self) -> Node:
        """The whole document. Raises `ImportFailed`."""
        return Node(self, (), self.document.data)

    def position(self, loc: Loc, line: int = 0) -> Position:
        """Where a value stands in the file, of JSON Lines that of a line."""
        return Position(line, self.line(line).position(loc).column) if line else self.document.position(loc)

    @cached_property
    def _peeked(self) -> Any:
        try:
            return self.document.data
        except ImportFailed:
            return None

    def peek(self) -> Any:
        """The parsed content, or None when it is not one JSON document; for `sniff`."""
        return self._peeked

    @cached_property
    def head(self) -> tuple[dict[str, Any], ...]:
        """The first objects of JSON Lines, at most 20; empty when the first line is not an object; for `sniff`."""
        if self.is_folder or self.content[:4].startswith((b"PK", b"SQLi")):
            return ()
        start = self.content[:_HEAD].decode("utf-8", "replace").removeprefix("\ufeff").split("\n")
        lines = [line for line in start if line.strip()][:21]
        found = [document.data for line in lines if (document := _parsed(line, self.path)[0])]
        objects = tuple(item for item in found if isinstance(item, dict))[:20]
        return objects if found and isinstance(found[0], dict) else ()

    def inside(self, pattern: str) -> list[Source]:
        """Regular files of this folder that match a glob, in the order of their names; links are left out."""
        found = sorted(self.path.glob(pattern)) if self.is_folder else []
        plain = [path for path in found if path.is_file() and not path.is_symlink()]
        return [own for path in plain if (own := self.beside(str(path.relative_to(self.path))))]

    def beside(self, reference: str) -> Source | None:
        """A file that the log names, when it lies in or below the log's own folder; never elsewhere."""
        own = self.path if self.is_folder else self.path.parent
        folder = own.resolve()
        if "\0" in reference:
            return None
        try:
            file = (folder / reference).resolve()
            inside = file.is_relative_to(folder) and file.is_file()
        except (OSError, RuntimeError):  # a name that is too long, a loop of links
            return None
        return Source(own / file.relative_to(folder)) if inside else None


class Quoted(Source):
    """JSON text within a value of a log: its values know in which line of the log they stand."""

    def __init__(self, whole: Source, number: int, document: Document) -> None:
        super().__init__(whole.path)
        self.number = number
        self.document = document

    def position(self, loc: Loc, line: int = 0) -> Position:
        """Where a value stands in the file."""
        return Position(self.number, self.document.position(loc).column)


@dataclass(frozen=True)
class Lines:
    """JSON Lines: the roots of those that can be read, and what is wrong with the others."""

    roots: tuple[Node, ...]
    failures: tuple[ImportFailed, ...]


@dataclass(frozen=True, slots=True)
class Node:
    """A value of a log and where it stands: a line, when the log is JSON Lines, and keys."""

    source: Source
    loc: tuple[str | int, ...]
    _value: Any
    line: int = 0

    @property
    def value(self) -> Any:
        """What is there; a whole line is read when somebody looks."""
        return self.source.line(self.line).data if self._value is _UNREAD else self._value

    def fail(self, must: str, hint: str = "") -> NoReturn:
        """Raise `ImportFailed`: this value must be something else."""
        position = self.source.position(self.loc, self.line)
        pointer = "/".join(("", *map(str, self.loc))) or "the document"
        message = f"`{pointer}` must be {must}, found {_kind(self.value)}"
        raise ImportFailed(f"{self.source.path}:{position.line}:{position.column}: {message}", hint)

    def mapping(self) -> Node:
        """Itself, when it is an object."""
        if not isinstance(self.value, dict):
            self.fail("an object")
        return self

    def get(self, key: str) -> Node | None:
        """A member of this object; None when it is absent or null."""
        value = self.mapping().value.get(key)
        return None if value is None else Node(self.source, (*self.loc, key), value, self.line)

    def object(self, key: str) -> Node | None:
        """A member that is an object; None when it is absent or null."""
        member = self.get(key)
        return member.mapping() if member else None

    def items(self, key: str) -> list[Node]:
        """The members of a list of objects; empty when it is absent or null."""
        member = self.get(key)
        return list(member.elements()) if member else []

    def elements(self) -> Iterator[Node]:
        """The members of this list of objects."""
        if not isinstance(self.value, list):
            self.fail("a list")
        for index, value in enumerate(self.value):
            yield Node(self.source, (*self.loc, index), value, self.line).mapping()

    def text(self, key: str) -> str | None:
        """A member that is text; None when it is absent or null."""
        member = self.get(key)
        if member is not None and not isinstance(member.value, str):
            member.fail("text")
        return member.value if member else None

    def number(self, key: str) -> float | None:
        """A member that is a number; None when it is absent or null."""
        member = self.get(key)
        if member is None:
            return None
        if isinstance(member.value, bool) or not isinstance(member.value, int | float):
            member.fail("a number")
        return float(member.value) if abs(member.value) < 1e300 else member.fail("a number of usual size")

    def count(self, key: str) -> int | None:
        """A member that is a whole number, 0 or more; None when it is absent or null."""
        value = self.number(key)
        if value is not None and (value < 0 or not value.is_integer()):
            Node(self.source, (*self.loc, key), self.value[key], self.line).fail("a whole number, 0 or more")
        return None if value is None else int(value)

    def flag(self, key: str) -> bool:
        """Whether a member is true; absent and null are not."""
        member = self.get(key)
        if member is not None and not isinstance(member.value, bool):
            member.fail("true or false")
        return bool(member and member.value)

    def foreign(self, known: frozenset[str]) -> list[str]:
        """Keys of this object that the format does not have."""
        return [key for key in self.mapping().value if key not in known]


def _parsed(text: str, path: Path, above: int = 0) -> tuple[Document | None, ImportFailed | None]:
    """A JSON document, or what is wrong with it; `above` counts the lines of the file before it."""
    if "\\ud" in text or "\\uD" in text:
        text = _ESCAPE.sub(lambda match: "\\ufffd" if match[1] else match[0], text)
    document, found = parse(text, str(path), ".json")
    if document is not None:
        return document, None
    first = found[0]
    hint = first.hint or "the log must be one complete JSON document; it may be cut off, so export it again"
    return None, ImportFailed(f"{path}:{first.line + above}:{first.column}: {first.message}", hint)


def _kind(value: Any) -> str:
    if isinstance(value, str):
        start = "".join(letter if letter.isprintable() else "\ufffd" for letter in value[:30])
        return f"the text `{start}{'…' if len(value) > 30 else ''}`"
    if isinstance(value, bool):
        return str(value).lower()
    kinds = {dict: "an object", list: "a list", type(None): "null"}
    return kinds.get(type(value)) or f"the number {str(value)[:30]}"
