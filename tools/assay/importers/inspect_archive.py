"""Logs of Inspect as they lie on disk: one JSON document, or a zip archive with one member for each sample."""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from zipfile import BadZipFile, ZipFile, ZipInfo

from assay.importers.source import ImportFailed, Node, Source

_HEADER = "header.json"
_START = "_journal/start.json"
"""Of a run that did not end, this is all that is known beside its samples."""
_ZSTD = 93
_LOCAL_HEADER = 30
"""Bytes of a member's own header before its name (APPNOTE.TXT 6.3.10, section 4.3.7)."""
_RATIO = 400
"""Of unpacked to packed bytes: logs repeat themselves, but hardly more than this."""
_ALWAYS = 16_000_000
"""Bytes that a member may have whatever the ratio."""
_CONSTANTS = re.compile(rb'"(?:[^"\\]|\\.)*"|-?\b(?:NaN|Infinity)\b', re.DOTALL)
_BROKEN = (BadZipFile, OSError, ValueError, RuntimeError, NotImplementedError, EOFError, struct.error, zlib.error)


class Member(Source):
    """A member of an archive, or a document that had to be mended; the path says which."""

    def __init__(self, path: Path, content: bytes) -> None:
        super().__init__(path)
        self.is_folder = False
        self.content = _without_constants(content)


@dataclass(frozen=True)
class Log:
    """What the log says of the run, and its samples, read one at a time."""

    header: Node
    samples: Iterator[Node]
    ended: bool


def looks_like(source: Source) -> bool:
    """Whether the content is a log of Inspect. Does not raise."""
    if source.content.startswith(b"PK"):
        try:
            names = ZipFile(BytesIO(source.content)).namelist()
        except _BROKEN:
            return False
        return any(name in (_HEADER, _START) for name in names) and any(map(_is_sample, names))
    data = _whole(source).peek()
    return isinstance(data, dict) and isinstance(data.get("eval"), dict) and isinstance(data.get("samples"), list)


def open_log(source: Source) -> Log:
    """The log, whichever of its two forms it has. Raises `ImportFailed`, also while the samples are read."""
    if not source.content.startswith(b"PK"):
        root = _whole(source).root
        return Log(root, iter(root.items("samples")), root.text("status") != "started")
    try:
        archive = ZipFile(BytesIO(source.content))
    except _BROKEN as error:
        raise ImportFailed(f"{source.path}: must be a whole zip archive; {error}") from None
    infos = {info.filename: info for info in archive.infolist()}
    for name in infos:
        if ".." in re.split(r"[/\\]", name) or name.startswith(("/", "\\")):
            raise ImportFailed(f"{source.path}: its members must lie inside it, found `{name[:60]}`")
    head = next((name for name in (_HEADER, _START) if name in infos), None)
    if head is None:
        raise ImportFailed(f"{source.path}: must hold {_HEADER}, as a log of Inspect does")
    samples = (_member(source, archive, infos[name]).root for name in infos if _is_sample(name))
    return Log(_member(source, archive, infos[head]).root, samples, head == _HEADER)


def _is_sample(name: str) -> bool:
    return name.startswith("samples/") and name.endswith(".json")


def _whole(source: Source) -> Source:
    content = source.content
    return Member(source.path, content) if b"NaN" in content or b"Infinity" in content else source


def _without_constants(content: bytes) -> bytes:
    """Inspect writes numbers that JSON does not have; they become null, in the same room where it suffices."""
    if b"NaN" not in content and b"Infinity" not in content:
        return content
    mended = bytearray(content)
    constants = [found.span() for found in _CONSTANTS.finditer(content) if found[0][:1] != b'"']
    for start, end in reversed(constants):
        mended[start:end] = b"null".ljust(end - start)
    return bytes(mended)


def _member(source: Source, archive: ZipFile, info: ZipInfo) -> Member:
    path = Path(f"{source.path}:{info.filename}")
    limit = max(_ALWAYS, _RATIO * min(info.compress_size, len(source.content)))  # a damaged size may be anything
    try:
        content = _unpacked(source.content, archive, info, limit)
    except _BROKEN as error:
        raise ImportFailed(f"{path}: must be a whole member of the archive; {error}") from None
    if len(content) > limit:
        raise ImportFailed(f"{path}: must not unpack to more than {limit:,} bytes, {_RATIO} times its packed size")
    return Member(path, content)


def _unpacked(whole: bytes, archive: ZipFile, info: ZipInfo, limit: int) -> bytes:
    """At most one byte more than the limit."""
    if info.compress_type != _ZSTD:
        with archive.open(info) as member:
            return member.read(limit + 1)
    from zstandard import ZstdDecompressor, ZstdError  # Python's own zipfile reads this method from 3.14 on

    name, extra = struct.unpack_from("<HH", whole, info.header_offset + _LOCAL_HEADER - 4)
    start = info.header_offset + _LOCAL_HEADER + name + extra
    packed = whole[start : start + info.compress_size]
    try:
        with ZstdDecompressor().stream_reader(packed, read_across_frames=True) as reader:
            content = reader.read(limit + 1)
    except ZstdError as error:
        raise BadZipFile(str(error)) from None
    if len(content) <= limit and zlib.crc32(content) != info.CRC:
        raise BadZipFile("its check sum is another one")
    return content
