"""Writing files so that a reader never meets half of one."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

from assay.model.base import Record


def write_whole(file: Path, content: bytes) -> None:
    """Write to a temporary name in the same folder, flush to disk, rename. Makes the folder when it is missing."""
    file.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{file.name}.", dir=file.parent)
    try:
        with os.fdopen(handle, "wb") as temporary:
            temporary.write(content)
            temporary.flush()
            os.fsync(temporary.fileno())
        os.chmod(name, 0o644)
        os.replace(name, file)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def place_whole(folder: Path, contents: Mapping[str, bytes]) -> None:
    """Put a folder that does not exist yet in its place, with its files by relative path, all of it at once."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{folder.name}-", dir=folder.parent) as name:
        ready = Path(name, folder.name)
        for path, content in contents.items():
            write_whole(ready / path, content)
        ready.rename(folder)


def as_json(record: Record, *, nulls: bool = True) -> bytes:
    """A record the way Assay commits it: fields in model order, two blanks, a final newline.

    `nulls` false leaves out what is None, as ATIF wants it; Assay's own reports say None where it means something.
    """
    return record.model_dump_json(indent=2, by_alias=True, exclude_none=not nulls).encode() + b"\n"
