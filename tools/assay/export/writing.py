"""A data set on disk: Parquet and JSON Lines for each table and split, a card, Croissant, and a manifest of digests.

The same records give the same bytes. Nothing is seen in the folder before everything is there.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from assay.errors import EnvironmentMissingError, UsageError
from assay.export import TABLES
from assay.export.selection import Chosen
from assay.export.table import SPLITS, Row, Table, Type, split_of
from assay.storage import write_whole

Texts = Callable[[list["Part"], Mapping[str, str]], Mapping[str, str]]
"""Further files by their path, made of what the tables hold and of the digests of their files."""

if TYPE_CHECKING:
    import pyarrow

MANIFEST = "manifest.json"
FORMAT = 1
_SCALARS = {"string": "string", "int": "int64", "float": "float64", "bool": "bool_"}


@dataclass(frozen=True)
class Part:
    """The rows of a table in one split."""

    table: str
    split: str
    rows: int

    @property
    def paths(self) -> tuple[str, str]:
        """The Parquet file and the JSON Lines file, relative to the data set."""
        return f"data/{self.table}/{self.split}.parquet", f"jsonl/{self.table}/{self.split}.jsonl"


def write(folder: Path, chosen: Iterable[Chosen], about: Mapping[str, Any], texts: Texts) -> list[Part]:
    """Write the data set to a folder that is not there or empty, and return what it holds.

    `about` goes to the manifest; `texts` makes further files of what was written. Raises UsageError where the folder
    holds anything, EnvironmentMissingError without pyarrow.
    """
    _demand_pyarrow()
    if folder.exists() and any(folder.iterdir()):
        raise UsageError("folder-in-use", f"`{folder}` is not empty; it was not touched", "name a new folder")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{folder.name}-", dir=folder.parent) as name:
        ready = Path(name, folder.name)
        parts = list(_parts(ready, sorted(chosen, key=lambda item: item.task.id)))
        for path, text in texts(parts, _digests(ready)).items():
            write_whole(ready / path, text.encode())
        digests = _digests(ready)
        content = {"format": FORMAT, **about, "rows": _counts(parts), "sha256": digests}
        write_whole(ready / MANIFEST, (json.dumps(content, indent=2, ensure_ascii=False) + "\n").encode())
        if folder.exists():
            folder.rmdir()
        ready.rename(folder)
    return parts


def _counts(parts: Iterable[Part]) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = {table.name: {} for table in TABLES}
    for part in parts:
        found[part.table][part.split] = part.rows
    return found


def _digests(folder: Path) -> dict[str, str]:
    files = sorted(file for file in folder.rglob("*") if file.is_file())
    return {file.relative_to(folder).as_posix(): sha256(file.read_bytes()).hexdigest() for file in files}


def _parts(root: Path, chosen: list[Chosen]) -> Iterator[Part]:
    for table in TABLES:
        for split in SPLITS:
            among = [item for item in chosen if split_of(item.task.id) == split]
            rows = _write_part(root, Part(table.name, split, 0), table, among)
            if rows:
                yield Part(table.name, split, rows)


def _write_part(root: Path, part: Part, table: Table, among: list[Chosen]) -> int:
    """Task by task, so that memory holds the rows of one; an empty part leaves no file."""
    import pyarrow.parquet

    shape, number = pyarrow.schema(list(_arrow(table.columns))), 0
    with ExitStack() as open_files:
        parquet: pyarrow.parquet.ParquetWriter | None = None
        lines: IO[str] | None = None
        for item in among:
            rows = list(table.rows(item))
            if rows and (parquet is None or lines is None):
                files = [root / path for path in part.paths]
                for file in files:
                    file.parent.mkdir(parents=True, exist_ok=True)
                writer = pyarrow.parquet.ParquetWriter(files[0], shape, compression="zstd")
                parquet = open_files.enter_context(writer)
                lines = open_files.enter_context(files[1].open("w", encoding="utf-8", newline="\n"))
            if parquet is not None and lines is not None and rows:
                parquet.write_table(pyarrow.Table.from_pylist(rows, schema=shape))
                lines.writelines(_line(row, table) for row in rows)
                number += len(rows)
    return number


def _line(row: Row, table: Table) -> str:
    return json.dumps({name: row.get(name) for name in table.columns}, ensure_ascii=False) + "\n"


def _arrow(columns: Mapping[str, Type]) -> Iterator[pyarrow.Field]:
    import pyarrow

    for name, kind in columns.items():
        yield pyarrow.field(name, _type(kind))


def _type(kind: Type) -> pyarrow.DataType:
    import pyarrow

    if isinstance(kind, str):
        return getattr(pyarrow, _SCALARS[kind])()
    if isinstance(kind, list):
        return pyarrow.list_(_type(kind[0]))
    return pyarrow.struct(list(_arrow(kind)))


def _demand_pyarrow() -> None:
    try:
        import pyarrow  # noqa: F401
    except ImportError:
        message = "a data set is written with pyarrow, which is not installed"
        raise EnvironmentMissingError("no-pyarrow", message, "pip install 'assay[export]'") from None
