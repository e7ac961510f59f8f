"""The file system of an image, read from the export of a container that is created and never started."""

from __future__ import annotations

import hashlib
import io
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO

from assay.executors.docker import Engine
from assay.executors.waiting import watched

KEPT = 2 * 1024 * 1024
"""Bytes of a file whose content is handed on; larger ones are only hashed."""
LEFT_OUT = ("proc", "sys", "dev", ".dockerenv", "etc/hostname", "etc/hosts", "etc/resolv.conf")
"""What the engine itself puts into every container."""


@dataclass(frozen=True)
class Entry:
    """One path. `content` is None for what is no file, and for files that are too large to be handed on."""

    path: str
    line: str
    """Path, type, mode, owner, link and content hash: what two equal file systems agree on."""
    size: int
    content: bytes | None


@contextmanager
def exported(engine: Engine, image: str) -> Iterator[Iterator[Entry]]:
    """The entries of an image's file system, in the engine's order, while the context lasts."""
    with engine.translated("export the image"):
        container = engine.create(image=image, entrypoint=["true"], command=[], network_disabled=True)
        try:
            pieces = watched(lambda: engine.api.export(container, chunk_size=1024 * 1024), engine.answers)
            with tarfile.open(fileobj=io.BufferedReader(_Pieces(pieces), 1024 * 1024), mode="r|") as archive:
                yield entries(archive)
        finally:
            engine.discard(container)


def entries(archive: tarfile.TarFile) -> Iterator[Entry]:
    """The entries of an export, without what every container gets from its engine and without time stamps."""
    for member in archive:
        path = member.name.removeprefix("./").strip("/")
        if not path or path in LEFT_OUT or path.partition("/")[0] in LEFT_OUT:
            continue
        file = archive.extractfile(member) if member.isreg() else None
        digest, content = _content(file, member.size) if file else ("", None)
        what = (path, member.type.decode(), f"{member.mode:o}", f"{member.uid}:{member.gid}", member.linkname, digest)
        yield Entry(path, "\0".join(what), member.size, content)


def _content(file: IO[bytes], size: int) -> tuple[str, bytes | None]:
    if size <= KEPT:
        content = file.read()
        return hashlib.sha256(content).hexdigest(), content
    outer = hashlib.sha256()
    while piece := file.read(1024 * 1024):
        outer.update(piece)
    return outer.hexdigest(), None


def filesystem_digest(lines: list[str]) -> str:
    """Hex SHA-256 over the entries' lines in sorted order, so that it does not depend on the order of an export."""
    outer = hashlib.sha256()
    for line in sorted(lines):
        outer.update(f"{line}\n".encode("utf-8", "surrogateescape"))
    return outer.hexdigest()


class _Pieces(io.RawIOBase):
    """A stream over the pieces that an engine sends."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._rest = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray) -> int:  # type: ignore[override]
        if not self._rest:
            self._rest = next(self._pieces, b"")
        taken = self._rest[: len(buffer)]
        buffer[: len(taken)] = taken
        self._rest = self._rest[len(taken) :]
        return len(taken)
