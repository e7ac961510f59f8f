"""Batch files into the store."""

from pathlib import Path

from ledger.postings import parse_row
from ledger.readers import read_batch, source_of

# One commit for the whole file made the journal too big on the old box (2019).
CHUNK = 200


def load_file(store, path):
    """Load one batch file; returns the number of rows."""
    path = Path(path)
    source = source_of(path)
    rows = 0
    for line, row in read_batch(path):
        store.add(parse_row(source, line, row), path.name)
        rows += 1
        if rows % CHUNK == 0:
            store.commit()
    store.commit()
    return rows
