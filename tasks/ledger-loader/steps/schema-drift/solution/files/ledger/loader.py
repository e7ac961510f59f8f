"""Batch files into the store: each file completely or not at all, and each posting once."""

import hashlib
import sqlite3
from pathlib import Path
from typing import NamedTuple

from ledger.errors import BatchError
from ledger.money import to_text
from ledger.postings import parse_row
from ledger.readers import read_batch, source_of

COMPARED = ("account", "currency", "amount", "booked_on")


class Result(NamedTuple):
    file: str
    status: str  # applied | already-applied | refused
    new: int = 0
    duplicate: int = 0
    error: str | None = None


def load_file(store, path, columns):
    """Load one batch file; a file that cannot be used is a refused Result, never an exception."""
    path = Path(path)
    try:
        return _load(store, path, columns)
    except BatchError as error:
        return Result(path.name, "refused", error=str(error))
    except OSError as error:
        return Result(path.name, "refused", error=f"cannot read: {error.strerror}")
    except sqlite3.OperationalError as error:
        return Result(path.name, "refused", error=f"database: {error}")


def _load(store, path, columns):
    source = source_of(path)
    content = path.read_bytes()  # once: the digest and the rows must come from the same bytes
    digest = hashlib.sha256(content).hexdigest()
    if store.has_batch(source, digest):
        return Result(path.name, "already-applied")
    postings = [(line, parse_row(source, line, row, columns)) for line, row in read_batch(path.suffix, content, columns)]
    with store.transaction():
        if store.has_batch(source, digest):  # another process may have been faster
            return Result(path.name, "already-applied")
        return _apply(store, path.name, source, digest, postings)


def _apply(store, file, source, digest, postings):
    seq = store.open_batch(source, digest, file)
    new = duplicate = 0
    for line, posting in postings:
        stored = store.find(posting.source, posting.posting_id)
        if stored is None:
            store.add(posting, seq, file)
            new += 1
        else:
            _check_same(posting, stored, line)
            store.fill_gaps(stored, posting.extra)
            duplicate += 1
    store.close_batch(seq, new, duplicate)
    return Result(file, "applied", new, duplicate)


def _check_same(posting, stored, line):
    differing = [field for field in COMPARED if getattr(posting, field) != stored[field]]
    if differing:
        field = differing[0]
        old, now = stored[field], getattr(posting, field)
        if field == "amount":
            old, now = to_text(old, stored["currency"]), to_text(now, posting.currency)
        raise BatchError(f"posting {posting.posting_id} is stored with {field} {old}, the row says {now}", line)
