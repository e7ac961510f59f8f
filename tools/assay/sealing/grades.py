"""Commitments to annotations: fixed before anybody can read them, computed again when they are revealed.

What is committed to is the file's data and the SHA-256 of the recorded runs beside it, not its text: comments and
layout may differ. Later corrections stand in `revisions` and are undone first.
"""

from __future__ import annotations

import copy
from collections.abc import Collection, Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

from assay.sealing.commitments import canonical
from assay.sealing.places import evidence_path

_DOMAIN = b"assay/seal/v1\0"


def evidence_files(root: Path, task: str, annotator: str) -> dict[str, bytes]:
    """Contents of an annotator's recorded runs, by name."""
    folder = root / evidence_path(task, annotator)
    files = sorted(file for file in folder.glob("*") if file.is_file() and not file.name.startswith("."))
    return {file.name: file.read_bytes() for file in files}


def digests(files: Mapping[str, bytes]) -> dict[str, str]:
    """Hex SHA-256 of each content."""
    return {name: sha256(content).hexdigest() for name, content in files.items()}


def commitment(item: str, annotator: str, salt: bytes, record: Any) -> str:
    """Hex digest that binds `record` to who decided it about what; `salt` is 32 bytes."""
    bound = canonical({"annotator": annotator, "item": item})
    return sha256(_DOMAIN + bound + b"\0" + salt + canonical(record)).hexdigest()


def promise(
    task: str, annotator: str, stage: int | None, salt: str, data: Mapping[str, Any], evidence: Mapping[str, str],
    criteria: Collection[str] = (),
) -> str:  # fmt: skip
    """The commitment to an annotation's data, without revisions; of the first stage to what it says of `criteria`."""
    part = first_part(data, criteria) if stage else data
    item = f"{task}/stage-{stage}" if stage else task
    return commitment(item, annotator, bytes.fromhex(salt), {"annotation": _exact(part), "evidence": dict(evidence)})


def first_part(data: Mapping[str, Any], criteria: Collection[str]) -> dict[str, Any]:
    """What the first stage decides: the verdicts on its criteria, with the versions they were given under."""
    head = {key: data[key] for key in ("format", "task", "annotator", "guidelines", "rubric")}
    graded = {
        alias: {name: grade for name, grade in grades["criteria"].items() if name in criteria}
        for alias, grades in data["grades"].items()
    }
    return {**head, "grades": graded}


class RevisionError(ValueError):
    """A revision does not fit what it corrects; `number` counts from 0."""

    def __init__(self, number: int, message: str) -> None:
        super().__init__(message)
        self.number = number


def undone(data: Mapping[str, Any]) -> dict[str, Any]:
    """An annotation's data as it was before its revisions. Raises RevisionError for one that does not fit."""
    before: dict[str, Any] = copy.deepcopy(dict(data))
    revisions: Sequence[Mapping[str, Any]] = before.pop("revisions", [])
    for number, revision in reversed(list(enumerate(revisions))):
        *way, last = revision["at"].split("/")
        place: Any = before
        for key in way:
            place = place.get(key) if isinstance(place, dict) else None
        if not isinstance(place, dict) or not revision["at"]:
            raise RevisionError(number, f"`{revision['at']}` is no place of this annotation")
        if not same(place.get(last), revision["now"]):
            raise RevisionError(number, f"`{revision['at']}` is not what this revision left there")
        if revision["was"] is None:
            place.pop(last, None)
        else:
            place[last] = revision["was"]
    return before


def same(one: Any, other: Any) -> bool:
    """Whether two values are the same data; `true` is not 1."""
    return canonical(_exact(one)) == canonical(_exact(other))


def _exact(value: Any) -> Any:
    """Numbers with a fraction as their shortest decimal text: floats have no canonical one."""
    if isinstance(value, float):
        return repr(value)
    if isinstance(value, Mapping):
        return {key: _exact(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_exact(item) for item in value]
    return value
