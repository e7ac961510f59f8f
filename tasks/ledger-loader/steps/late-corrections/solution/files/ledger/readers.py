"""Batch files -> rows, one dict of cells per posting."""

import csv
import io
import json
import re
from decimal import Decimal
from pathlib import Path

from ledger.errors import BatchError

SUFFIXES = (".csv", ".ndjson")
BATCH_NAME = re.compile(r"^(?P<source>[a-z0-9-]+)_(?P<day>\d{8})(?:_[A-Za-z0-9-]+)?\.(?:csv|ndjson)$")


def source_of(path):
    """Feed name in a file name: `acme-bank_20240301.csv` -> `acme-bank`."""
    match = BATCH_NAME.match(Path(path).name)
    if match is None:
        raise BatchError(f"file name {Path(path).name!r} is not <source>_<yyyymmdd>[_<part>].csv or .ndjson")
    return match["source"]


def expand(paths):
    """Files in the order given; a directory stands for the batch files in it, by name."""
    for path in map(Path, paths):
        if path.is_dir():
            yield from sorted(p for p in path.iterdir() if p.suffix in SUFFIXES)
        else:
            yield path


def read_batch(suffix, content, columns):
    """Yield (line number, row) for every posting in the bytes of a batch file; the header of a CSV is checked."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise BatchError("not UTF-8", line) from None
    if suffix == ".csv":
        yield from _read_csv(text, columns)
    else:
        yield from _read_ndjson(text)


def _read_csv(text, columns):
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    header = None
    try:
        for cells in reader:
            if header is None:
                columns.assign(cells, reader.line_num)
                header = cells
            elif cells:
                if len(cells) != len(header):
                    raise BatchError(f"{len(cells)} cells under {len(header)} columns", reader.line_num)
                yield reader.line_num, dict(zip(header, cells))
    except csv.Error as error:
        raise BatchError(f"bad CSV: {error}", reader.line_num) from None


def _read_ndjson(text):
    # Not splitlines(): JSON text may contain U+2028 and friends.
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line, parse_float=Decimal, object_pairs_hook=_object)
        except ValueError as error:
            raise BatchError(f"bad JSON: {error}", number) from None
        if not isinstance(row, dict):
            raise BatchError("not a JSON object", number)
        yield number, row


def _object(pairs):
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key is there twice")
    return found
