"""Identities on this machine: who made which attempt, until it is sealed. Never committed as they are."""

from __future__ import annotations

import fcntl
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from assay.documents import read, validate
from assay.errors import UsageError
from assay.model.identity import Identity, IdentityMap
from assay.storage import as_json, write_whole

FOLDER = ".assay/identities"
ORDER_KEY = "order.key"


def known(root: Path, task: str) -> IdentityMap:
    """The identities of a task's attempts; empty when there are none. Raises UsageError for an unreadable file."""
    path = f"{FOLDER}/{task}.json"
    if not (root / path).exists():
        return IdentityMap(format=1, task=task, identities={})
    document, found = read(root / path, path)
    record, more = validate(document, IdentityMap) if document else (None, [])
    if record is None or found:
        first = [*found, *more][0]
        message = f"{path}:{first.line}:{first.column}: {first.message}"
        raise UsageError("identities-unreadable", message, "mend it or move it away; nothing was written")
    return record


def add(root: Path, task: str, identities: Mapping[str, Identity]) -> None:
    """Note who made attempts, by alias. Call it before the attempts are written: without it they are lost to a study.

    Other processes may do the same at the same time.
    """
    with _locked(root):
        now = known(root, task)
        file = root / FOLDER / f"{task}.json"
        write_whole(file, as_json(now.model_copy(update={"identities": {**now.identities, **identities}})))
        file.chmod(0o600)


def order_key(root: Path) -> str:
    """A secret of this machine that decides who is next where nobody may know; made when it is first asked for."""
    with _locked(root):
        file = root / FOLDER / ORDER_KEY
        if not file.is_file():
            write_whole(file, secrets.token_hex(32).encode())
            file.chmod(0o600)
        return file.read_text(encoding="ascii")


@contextmanager
def _locked(root: Path) -> Iterator[None]:
    folder = root / FOLDER
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    (folder / ".gitignore").write_text("*\n", encoding="utf-8")
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
