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
    with locked(root):
        now = known(root, task)
        _keep(root, f"{task}.json", as_json(now.model_copy(update={"identities": {**now.identities, **identities}})))


def task_key(root: Path, task: str) -> str:
    """The key of a task's commitments, in hex; made when it is first asked for. Call it while `locked`."""
    return _secret(root, f"{task}.key")


def adopt(root: Path, identities: IdentityMap, key: str) -> None:
    """Keep what another machine had sealed, with the key of its commitments. Call it while `locked`."""
    _keep(root, f"{identities.task}.json", as_json(identities))
    _keep(root, f"{identities.task}.key", key.encode())


def order_key(root: Path) -> str:
    """A secret of this machine that decides who is next where nobody may know; made when it is first asked for."""
    with locked(root):
        return _secret(root, ORDER_KEY)


def _secret(root: Path, name: str) -> str:
    if not (root / FOLDER / name).is_file():
        _keep(root, name, secrets.token_hex(32).encode())
    return (root / FOLDER / name).read_text(encoding="ascii")


def _keep(root: Path, name: str, content: bytes) -> None:
    write_whole(root / FOLDER / name, content)
    (root / FOLDER / name).chmod(0o600)


@contextmanager
def locked(root: Path) -> Iterator[None]:
    """One process at a time."""
    folder = root / FOLDER
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    (folder / ".gitignore").write_text("*\n", encoding="utf-8")
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
