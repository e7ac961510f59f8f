"""The file system of an image, read from the export of a container that is created and never started."""

from __future__ import annotations

import hashlib
import tarfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import IO, cast

from assay.executors import EngineError
from assay.executors.docker import Engine
from assay.executors.waiting import watched

KEPT = 32 * 1024 * 1024
"""Bytes of the largest file whose content is held in memory."""
LEFT_OUT = ("proc", "sys", "dev", ".dockerenv", "etc/hostname", "etc/hosts", "etc/resolv.conf")
"""What the engine itself puts into every container."""
CHANGING = ("var/log", "var/cache")
"""Logs and caches carry the time of the build: with them no image that installs a package could be rebuilt equal."""


class Entry:
    """One path of a file system. Its content can be read once, before the next entry is asked for."""

    def __init__(self, path: str, member: tarfile.TarInfo, file: IO[bytes] | None) -> None:
        self.path = path
        self.size = member.size if file else 0
        self._file, self._hash = file, hashlib.sha256()
        self._member = member

    @property
    def lasting(self) -> bool:
        """Whether the entry counts for the digest."""
        return not self.path.startswith(tuple(f"{name}/" for name in CHANGING))

    def pieces(self) -> Iterator[bytes]:
        """The content of a file, or what of it has not been read yet."""
        while self._file and (piece := self._file.read(1024 * 1024)):
            self._hash.update(piece)
            yield piece

    def content(self) -> bytes | None:
        """The content of a file; None for what is none and for one that is too large."""
        return b"".join(self.pieces()) if self._file and self.size <= KEPT else None

    @property
    def line(self) -> str:
        """Path, type, mode, owner, link and content hash: what two equal file systems agree on."""
        for _ in self.pieces():
            continue
        found, digest = self._member, self._hash.hexdigest() if self._file else ""
        owner = f"{found.uid}:{found.gid}"
        return "\0".join((self.path, found.type.decode(), f"{found.mode:o}", owner, found.linkname, digest))


@contextmanager
def exported(engine: Engine, image: str) -> Iterator[Iterator[Entry]]:
    """The entries of an image's file system, in the engine's order, while the context lasts."""
    with engine.translated("export the image"):
        container = engine.create(image=image, entrypoint=["true"], command=[], network_disabled=True)
        try:
            pieces = watched(lambda: engine.api.export(container, chunk_size=64 * 1024), engine.answers)
            stream = cast("IO[bytes]", _Pieces(pieces))  # all that is asked of it is to be read
            with tarfile.open(fileobj=stream, mode="r|") as archive:
                yield entries(archive)
        except tarfile.TarError as error:
            raise EngineError(f"the export of the image broke off: {error}") from error
        finally:
            engine.discard(container)


def entries(archive: tarfile.TarFile) -> Iterator[Entry]:
    """The entries of an export, without what every container gets from its engine and without time stamps."""
    for member in archive:
        path = member.name.removeprefix("./").strip("/")
        if path not in ("", ".", *LEFT_OUT) and path.partition("/")[0] not in LEFT_OUT:
            yield Entry(path, member, archive.extractfile(member) if member.isreg() else None)


def filesystem_digest(lines: Iterable[str]) -> str:
    """Hex SHA-256 over the entries' lines in sorted order, so that it does not depend on the order of an export."""
    outer = hashlib.sha256()
    for line in sorted(lines):
        outer.update(f"{line}\n".encode("utf-8", "surrogateescape"))
    return outer.hexdigest()


class _Pieces:
    """As much of a file as reading a tar stream needs. Small pieces, because each header copies the rest of its own."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces

    def read(self, size: int) -> bytes:
        return next(self._pieces, b"")
