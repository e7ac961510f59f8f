"""Names, sizes and times of files: what tells, without opening them, which have been written since."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import NamedTuple

TICK = 20_000_000
"""Nanoseconds within which two writes may leave the same time, with room: kernels count in steps of 1 to 10 ms."""


class Stat(NamedTuple):
    """Bytes, and nanoseconds since 1970 of the last write."""

    size: int
    time: int


def stat(file: Path) -> Stat | None:
    """Of a file that may not be there."""
    try:
        found = file.stat()
    except OSError:
        return None
    return Stat(found.st_size, found.st_mtime_ns)


def below(folder: Path, leave_out: Collection[str] = ()) -> dict[str, Stat]:
    """Every file at any depth by its path in `folder`, in order of their paths; without folders of these names."""
    return dict(sorted(_below(os.fspath(folder), "", leave_out)))


def _below(folder: str, path: str, leave_out: Collection[str]) -> Iterator[tuple[str, Stat]]:
    try:
        entries = os.scandir(folder)
    except OSError:
        return
    with entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                if entry.name not in leave_out:
                    yield from _below(entry.path, f"{path}{entry.name}/", leave_out)
            elif entry.is_file():
                found = entry.stat()
                yield f"{path}{entry.name}", Stat(found.st_size, found.st_mtime_ns)


def seen(place: Path) -> list[str]:
    """A line for each file at or below `place` that tells whether it was written since."""
    if place.is_dir():
        found = below(place, ("__pycache__",))
        return [f"{place}/{path}\0{size}\0{time}\n" for path, (size, time) in found.items()]
    one = stat(place)
    return [f"{place}\0{one.size}\0{one.time}\n"] if one else []
