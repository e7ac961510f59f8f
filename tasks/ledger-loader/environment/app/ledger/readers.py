"""Batch files -> rows of text, one dict per posting."""

import csv
import json
import re
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


def read_batch(path):
    """Yield (line number, row) for every posting of a batch file."""
    if Path(path).suffix == ".csv":
        yield from _read_csv(path)
    else:
        yield from _read_ndjson(path)


def _read_csv(path):
    with open(path, newline="", encoding="utf-8") as handle:
        reader = csv.DictReader(handle)
        for row in reader:
            yield reader.line_num, row


def _read_ndjson(path):
    with open(path, encoding="utf-8") as handle:
        for number, line in enumerate(handle, start=1):
            if not line.strip():
                continue
            row = json.loads(line)
            yield number, {key: value if value is None else str(value) for key, value in row.items()}
