"""`reported.json` of a task: what somebody else's run says about attempts. Entries are added, never changed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from assay.documents import read, validate
from assay.errors import UsageError
from assay.model.reported import Reported, ReportedResults
from assay.sealing.identities import locked
from assay.storage import as_json, write_whole

FILE = "reported.json"


def known(root: Path, task: str) -> dict[str, Reported]:
    """What is reported of a task's attempts, by alias. Raises UsageError for an unreadable file."""
    path = f"trajectories/{task}/{FILE}"
    if not (root / path).exists():
        return {}
    document, found = read(root / path, path)
    record, more = validate(document, ReportedResults) if document else (None, [])
    if record is None:
        first = [*found, *more][0]
        message = f"{path}:{first.line}:{first.column}: {first.message}"
        raise UsageError("reported-unreadable", message, "mend it or restore it from git; nothing was written")
    return record.attempts


def add(root: Path, task: str, attempts: Mapping[str, Reported]) -> None:
    """Add what is not there yet. Aliases are sorted: the order of a table would tell who is who."""
    with locked(root):
        before = known(root, task)
        after = dict(sorted({**attempts, **before}.items()))
        if after != before:
            record = ReportedResults(format=1, task=task, attempts=after)
            write_whole(root / "trajectories" / task / FILE, as_json(record))
