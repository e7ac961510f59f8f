"""A task's sealed map: identities in one padded age file (age-encryption.org/v1), and the commitments beside it."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import TypeVar

from assay.documents import parse, read, validate
from assay.errors import UsageError
from assay.model.base import Record
from assay.model.identity import IdentityMap
from assay.model.sealed import Commitments, Opening
from assay.sealing import age, identities
from assay.sealing.commitments import promised
from assay.storage import as_json, write_whole

COMMITMENTS = "commitments.json"
SEALED = "identities.age"
OPENING = "opening.json"
_LEAST = 16384
"""Bytes of the smallest map: its size must not tell how long a name is, nor much about their number."""
R = TypeVar("R", bound=Record)


def seal(root: Path, task: str, recipients: Sequence[str], keys: Sequence[Path] = ()) -> Commitments:
    """Commit to the identities that this machine knows, and write them so that only `recipients` can read them.

    What other machines sealed before is kept; to add to it, one of `keys` must open it. Commitments are never changed.
    Raises UsageError; then nothing is written.
    """
    public = age.public_keys(recipients, "assay.toml: `[seal] recipients`")
    if not public:
        hint = 'add `[seal]` with `recipients = ["age1…"]` to assay.toml; ssh keys do as well'
        raise UsageError("no-recipient", "nobody is named who could open what is sealed", hint)
    folder = root / "trajectories" / task
    with identities.locked(root):
        before = committed(root, task)
        own = Opening(
            format=1, task=task, key=identities.task_key(root, task), identities=identities.known(root, task).identities
        )
        if before and not before.commitments.keys() <= own.identities.keys():
            own = _merged(root, own, before, keys)
        made = promised(own.key, own.identities)
        if changed := [name for name, digest in (before.commitments if before else {}).items() if made[name] != digest]:
            message = f"{task}: the identity of `{changed[0]}` is not the one committed to before"
            raise UsageError("seal-changed", message, "restore .assay/identities from where it was made; see git log")
        if not made:
            raise UsageError("nothing-to-seal", f"{task}: this machine knows nobody who made a trajectory of it")
        sealed = age.encrypt(as_json(own), public, _LEAST)
        digest = sha256(sealed).hexdigest()
        record = Commitments(
            format=1, task=task, sealed_sha256=digest, recipients=list(dict.fromkeys(recipients)), commitments=made
        )
        write_whole(folder / SEALED, sealed)
        write_whole(folder / COMMITMENTS, as_json(record))
    return record


def seal_fresh(root: Path, task: str, recipients: Sequence[str]) -> str:
    """Seal what was just made, where a workspace wants that; returns what a person must do by hand, or nothing."""
    if not recipients:
        return ""
    try:
        seal(root, task, recipients)
    except UsageError as error:
        return f"who made them is not sealed yet: {error.message}; {error.hint}"
    return ""


def open_map(root: Path, task: str, keys: Sequence[Path]) -> Opening:
    """What identities.age holds. Raises UsageError when no key opens it, or it was made for another task."""
    path = f"trajectories/{task}/{SEALED}"
    try:
        content = (root / path).read_bytes()
    except OSError:
        raise UsageError("not-sealed", f"{path} is not there", f"seal first: `assay seal {task}`") from None
    text = age.decrypt(content, keys, path, f"{COMMITMENTS} lists the public ones").decode("utf-8", "replace")
    document, _ = parse(text.rstrip(), path, ".json")
    opening = validate(document, Opening)[0] if document else None
    if opening is None or opening.task != task:
        found = f"it is of `{opening.task}`" if opening else "its content is no map of identities"
        raise UsageError("seal-foreign", f"{path} was opened, but {found}", "restore the file from git")
    return opening


def committed(root: Path, task: str) -> Commitments | None:
    """The published commitments of a task. Raises UsageError for a file that cannot be read."""
    return _record(root, f"trajectories/{task}/{COMMITMENTS}", Commitments)


def publish(root: Path, opening: Opening) -> Path:
    """Write who made what into the repository, for all to read and to check."""
    file = root / "trajectories" / opening.task / OPENING
    ordered = dict(sorted(opening.identities.items()))
    write_whole(file, as_json(opening.model_copy(update={"identities": ordered})))
    return file


def _merged(root: Path, own: Opening, before: Commitments, keys: Sequence[Path]) -> Opening:
    if not keys:
        others = ", ".join(f"`{name}`" for name in sorted(before.commitments.keys() - own.identities.keys()))
        message = f"{own.task}: {others} were sealed on another machine, so this one cannot seal the map anew"
        hint = f"open it with a recipient's key: `assay seal {own.task} --key FILE`"
        raise UsageError("seal-elsewhere", message, hint)
    there = open_map(root, own.task, keys)
    fresh = {name: made for name, made in own.identities.items() if name not in before.commitments}
    merged = there.model_copy(update={"identities": {**there.identities, **fresh}})
    identities.adopt(root, IdentityMap(format=1, task=own.task, identities=merged.identities), merged.key)
    return merged


def _record(root: Path, path: str, model: type[R]) -> R | None:
    if not (root / path).exists():
        return None
    document, found = read(root / path, path)
    record, more = validate(document, model) if document else (None, [])
    if record is None:
        first = [*found, *more][0]
        message = f"{path}:{first.line}:{first.column}: {first.message}"
        raise UsageError("commitments-unreadable", message, "restore the file from git; nothing was written")
    return record
