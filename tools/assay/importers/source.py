"""A log as a file, and typed access to its values that fails with the place of the wrong one."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NoReturn

from assay.documents import Document, parse
from assay.errors import ExitCode, FatalError

_ESCAPE = re.compile(
    r"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(u[dD][89a-fA-F][0-9a-fA-F]{2})|.)", re.DOTALL
)
"""Any escape of a JSON string; group 1 is one half of a surrogate pair alone."""

_BYTE_ORDER_MARKS = {b"\xff\xfe": "UTF-16", b"\xfe\xff": "UTF-16"}


class ImportFailed(FatalError):
    """A log that cannot be read, or does not hold what its format demands. The message starts with the file."""

    code = ExitCode.USAGE

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__("import-failed", message, hint)


class Source:
    """A log file. It is read once, when somebody looks into it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @cached_property
    def content(self) -> bytes:
        """The file's bytes. Raises `ImportFailed`."""
        try:
            return self.path.read_bytes()
        except OSError as error:
            reason = (error.strerror or "unknown reason").lower()
            raise ImportFailed(f"{self.path}: must be a readable file; {reason}") from None

    @cached_property
    def sha256(self) -> str:
        """Hex digest of the bytes."""
        return hashlib.sha256(self.content).hexdigest()

    @cached_property
    def document(self) -> Document:
        """The content as one JSON document. Raises `ImportFailed`.

        More lenient than the workspace's own files: of a repeated key the first value counts, and halves of surrogate
        pairs, which cut-off tool output really contains, become U+FFFD.
        """
        text = self._text()
        if "\\ud" in text or "\\uD" in text:
            text = _ESCAPE.sub(lambda match: "\\ufffd" if match[1] else match[0], text)
        document, found = parse(text, str(self.path), ".json")
        if document is None:
            first = found[0]
            hint = first.hint or "the log must be one complete JSON document; it may be cut off, so export it again"
            raise ImportFailed(f"{self.path}:{first.line}:{first.column}: {first.message}", hint)
        return document

    def _text(self) -> str:
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

    def peek(self) -> Any:
        """The parsed content, or None when it is not JSON; for `sniff`."""
        try:
            return self.document.data
        except ImportFailed:
            return None

    def beside(self, reference: str) -> Source | None:
        """A file that the log names, when it lies in or below the log's own folder; never elsewhere."""
        folder = self.path.parent.resolve()
        if "\0" in reference:
            return None
        try:
            file = (folder / reference).resolve()
            inside = file.is_relative_to(folder) and file.is_file()
        except (OSError, RuntimeError):  # a name that is too long, a loop of links
            return None
        return Source(self.path.parent / file.relative_to(folder)) if inside else None


@dataclass(frozen=True)
class Node:
    """A value of a log and where it stands."""

    source: Source
    loc: tuple[str | int, ...]
    value: Any

    def fail(self, must: str, hint: str = "") -> NoReturn:
        """Raise `ImportFailed`: this value must be something else."""
        position = self.source.document.position(self.loc)
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
        return None if value is None else Node(self.source, (*self.loc, key), value)

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
            yield Node(self.source, (*self.loc, index), value).mapping()

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
            Node(self.source, (*self.loc, key), self.value[key]).fail("a whole number, 0 or more")
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


def _kind(value: Any) -> str:
    if isinstance(value, str):
        start = "".join(letter if letter.isprintable() else "\ufffd" for letter in value[:30])
        return f"the text `{start}{'…' if len(value) > 30 else ''}`"
    if isinstance(value, bool):
        return str(value).lower()
    kinds = {dict: "an object", list: "a list", type(None): "null"}
    return kinds.get(type(value)) or f"the number {str(value)[:30]}"
