"""Whether a file of an image gives away what a task hides from its agent: tests, the truth they know, solutions.

A secret file is known again by all its bytes, by its telling lines, and when compiled by the names it defines. What the
agent is given openly is no secret, nor is an idiom that a program anywhere may share.
"""

from __future__ import annotations

import ast
import bz2
import gzip
import io
import lzma
import re
import struct
import tarfile
import zipfile
import zlib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Any

from assay.model.outcome import ImageFinding

TELLING = 40
"""Bytes that make a line or a file telling; shorter ones are idioms."""
FEWEST, MOST = 4, 12
"""Telling lines of one secret that give it away: a quarter of them, but never fewer or more than this."""
UNPACKED = 64 * 1024 * 1024
"""Bytes that are unpacked from one archive."""
DEPTH = 3
"""Archives in archives; a compressed archive counts twice."""

_SLICE = 4 * 1024 * 1024
_TEST = re.compile(r"(?:^|/)(?:test[^/]*|[^/]*[_.](?:test|spec)|conftest)\.(?:py|sh|[jt]sx?|rb|go|rs|c|cc|cpp|java)$")
_SOLUTION = re.compile(r"(?:^|/)(?:solve|solution)[^/]*$")
_TRUTH = re.compile(r"(?:expected|answer|truth|golden|oracle)[^/]*$", re.IGNORECASE)
_IDIOM = re.compile(rb"(?:import|from|use|using|#include|#!)\b.*|#!.*|\W*")
_TEXT_RUN = re.compile(rb"[\t -~]{%d,}" % TELLING)
PROGRAM = (b"\x7fELF", b"!<arch>")
"""How compiled programs and libraries begin, in which no text is looked for."""
_DAMAGED = (zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError, struct.error, OSError, EOFError)
_ZIP, _TAR = b"PK\x03\x04", b"ustar"
_STREAMS: dict[bytes, Callable[[IO[bytes]], Any]] = {
    b"\x1f\x8b": gzip.open,
    b"BZh": bz2.open,
    b"\xfd7zXZ": lzma.open,
}


@dataclass(frozen=True)
class Secret:
    """A file of the task that no agent may see; `path` is relative to the task."""

    path: str
    rule: str
    lines: frozenset[bytes]
    names: frozenset[bytes]
    """What its compiled form must contain, for Python."""

    @property
    def enough(self) -> int:
        """How many of its telling lines give it away."""
        return min(MOST, max(FEWEST, len(self.lines) // 4))


class Secrets:
    """All secrets of the task in `folder`."""

    def __init__(self, folder: Path) -> None:
        given = {file: file.read_bytes() for file in _files(folder, "environment", "steps/*/workdir")}
        told = [file.read_bytes() for file in (*folder.glob("instruction.md"), *folder.glob("steps/*/instruction.md"))]
        self._contents = set(given.values())
        self._names = {file.name for file in given}
        hidden = {
            file.relative_to(folder).as_posix(): file.read_bytes()
            for file in _files(folder, "tests", "steps/*/tests", "solution", "steps/*/solution")
        }
        tests = [found for path, content in hidden.items() if _TEST.search(path) and (found := telling(content))]
        self._open: set[bytes] = set()
        self._open_names: set[bytes] = set()
        for content in (*given.values(), *told):
            lines = telling(content)
            # What repeats nearly all of a hidden test is a leak itself, and opens nothing.
            if not any(len(lines & test) >= max(FEWEST, 0.8 * len(test)) for test in tests):
                self._open |= lines
                self._open_names |= defined(content)
        self._whole: dict[bytes, Secret] = {}
        self._lines: defaultdict[bytes, list[Secret]] = defaultdict(list)
        self._compiled: list[Secret] = []
        for path, content in hidden.items():
            self._add(path, content)
        self._sizes = {len(content) for content in self._whole}

    def _add(self, path: str, content: bytes) -> None:
        solution = "solution" in PurePosixPath(path).parts
        betrays = _TRUTH.search(path) or (_SOLUTION if solution else _TEST).search(path)
        # Solutions repeat files of the image that they leave alone, and tests keep pristine copies of inputs.
        if len(content) < TELLING or (content in self._contents and not betrays):
            return
        rule = "image-holds-solution" if solution else "image-holds-tests"
        names = defined(content) - self._open_names if path.endswith(".py") else set()
        secret = Secret(path, rule, frozenset(telling(content) - self._open), frozenset(names))
        self._whole[content] = secret
        for line in secret.lines if len(secret.lines) >= FEWEST else ():
            self._lines[line].append(secret)
        if len(names) > 1 or any(len(name) >= TELLING // 2 for name in names):
            self._compiled.append(secret)

    def look(self, path: str, content: bytes) -> Iterator[ImageFinding]:
        """What a file of the image gives away; at most one finding, of the secret that it holds most of."""
        if len(content) in self._sizes and (secret := self._whole.get(content)):
            yield _leak(secret, path, "as it is")
        elif path.endswith(".pyc"):
            for secret in self._compiled:
                if sum(name in content for name in secret.names) * 2 > len(secret.names):
                    yield _leak(secret, path, "in compiled form")
                    return
        elif self._lines and not content.startswith((*PROGRAM, _ZIP)) and content[257:262] != _TAR:
            yield from self._partly(path, content)

    def _partly(self, path: str, content: bytes) -> Iterator[ImageFinding]:
        found: set[bytes] = set()
        for start in range(0, len(content), _SLICE):
            piece = content[start : start + _SLICE]
            lines = _TEXT_RUN.findall(piece) if b"\0" in content[:8192] else piece.split(b"\n")
            found.update(filter(self._lines.__contains__, map(bytes.strip, lines)))
        seen = Counter(secret for line in found for secret in self._lines[line])
        hits = [(n, secret) for secret, n in seen.items() if n >= secret.enough and not self._original(secret, path)]
        if hits:
            n, secret = max(hits, key=lambda hit: (hit[0] / len(hit[1].lines), hit[1].path))
            yield _leak(secret, path, f"in part ({n} of its {len(secret.lines)} telling lines)")

    def _original(self, secret: Secret, path: str) -> bool:
        """Whether the file may be one that a solution replaces and that is not in environment/, such as a clone's."""
        name = PurePosixPath(secret.path).name
        return (
            secret.rule.endswith("solution")
            and name not in self._names
            and PurePosixPath(path.rpartition("!")[2]).name == name
        )


def _leak(secret: Secret, path: str, how: str) -> ImageFinding:
    return ImageFinding(rule=secret.rule, path=f"/{path}", message=f"holds `{secret.path}` {how}")


def telling(content: bytes) -> set[bytes]:
    """The lines of a text that are long enough to tell one file from all others, without indentation and idioms.

    Of a patch, only the lines that it adds: all others are in the file it is for.
    """
    if b"\0" in content[:8192]:
        return set()
    lines = content.split(b"\n")
    if b"\n@@ -" in content and b"\n+++ " in content:
        lines = [line[1:] for line in lines if line.startswith(b"+") and not line.startswith(b"+++ ")]
    stripped = (line.strip() for line in lines)
    return {line for line in stripped if len(line) >= TELLING and not _IDIOM.fullmatch(line)}


def defined(content: bytes) -> set[bytes]:
    """The longer names that a Python text defines, and its longer strings; empty for any other text."""
    try:
        tree = ast.parse(content)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return set()
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and len(node.name) >= 8:
            found.add(node.name)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and len(node.value) >= TELLING // 2:
            found.add(node.value)
    return {text.encode("utf-8", "surrogatepass") for text in found}


def inside(path: str, content: bytes) -> Iterator[tuple[str, bytes | None]]:
    """The files in an archive, by the archive's path and their own, whatever the archive is called.

    A damaged archive ends early; one that is too large ends with None.
    """
    left, waiting = UNPACKED, [(path, content, 0)]
    while waiting:
        outer, data, depth = waiting.pop()
        try:
            for name, inner in _members(outer, data, left):
                left -= len(inner)
                if left < 0:
                    yield path, None
                    return
                yield f"{outer}!{name}", inner
                if depth < DEPTH:
                    waiting.append((f"{outer}!{name}", inner, depth + 1))
        except (*_DAMAGED, ValueError, LookupError, ArithmeticError, RuntimeError):
            continue


def _members(path: str, content: bytes, limit: int) -> Iterator[tuple[str, bytes]]:
    if content.startswith(_ZIP):
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            for info in archive.infolist():
                with archive.open(info) as file:
                    yield info.filename, file.read(limit + 1)
    elif content[257:262] == _TAR:
        with tarfile.open(fileobj=io.BytesIO(content)) as tar:
            for member in tar:
                if opened := tar.extractfile(member) if member.isreg() else None:
                    yield member.name, opened.read(limit + 1)
    else:
        for magic, opener in _STREAMS.items():
            if content.startswith(magic):
                with opener(io.BytesIO(content)) as stream:
                    yield PurePosixPath(path.rpartition("!")[2]).stem, stream.read(limit + 1)


def _files(folder: Path, *patterns: str) -> Iterator[Path]:
    """The files below the folders that match, without what building leaves there."""
    for pattern in patterns:
        for base in sorted(folder.glob(pattern)):
            found = (file for file in base.rglob("*") if file.is_file() and file.suffix != ".pyc")
            yield from sorted(found)
