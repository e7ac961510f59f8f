"""Rules on the sessions of a study as a whole: the same start for all, taking turns, and nothing shared."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from hashlib import sha256
from typing import Any

from assay.diagnostics import Diagnostic, Position
from assay.errors import UsageError
from assay.model.identity import IdentityMap
from assay.model.session import Session
from assay.rules import rule
from assay.sealing.identities import FOLDER, known
from assay.sealing.order import Turn
from assay.workspace import Entry, Workspace


@rule("session-image")
def session_image(workspace: Workspace) -> Iterator[Diagnostic]:
    """All sessions of one version of a task began in the same image.

    Attempts that began in different files cannot be compared. A rebuilt image has another id; its digest of all files
    shows that it is the same.

    Bad:
        # calm-heron/session.json, and the same task_sha256 in dry-finch/session.json with another image
        "image": {"id": "sha256:77aa…", "filesystem_sha256": "10fe…"}

    Good:
        # calm-heron/session.json and dry-finch/session.json
        "image": {"id": "sha256:31c2…", "filesystem_sha256": "9b04…"}
    """
    first: dict[tuple[str, str], Entry[Session]] = {}
    for task, entry in _sessions(workspace):
        predicate = entry.record.predicate
        if predicate.course is None:
            continue
        earlier = first.setdefault((task, predicate.task_sha256), entry)
        one, other = earlier.record.predicate.image, predicate.image
        digests = {one.filesystem_sha256, other.filesystem_sha256}
        if one.id != other.id and (len(digests) > 1 or None in digests):
            message = f"the image must be that of {earlier.path}, or have the same `filesystem_sha256`"
            position = entry.document.position(("predicate", "image", "id"))
            yield Diagnostic.at(entry.path, position, "session-image", message)


@rule("session-order")
def session_order(workspace: Workspace) -> Iterator[Diagnostic]:
    """Agents take turns: each trial has the place that the study's seed gives its agent.

    A machine gets busier and an endpoint changes over a day; what comes with time must fall on all agents alike. Who
    ran is known only on the machine that ran the study, or after un-sealing, so elsewhere nothing is checked.

    Bad:
        # one agent three times, then the other three times, whatever the seed says
        "turn": {"agent": "a", "arms": ["a", "b"], "block": 0, "place": 1, "seed": "study-1"}

    Good:
        # the seed gives agent b the first place in block 0
        "turn": {"agent": "b", "arms": ["a", "b"], "block": 0, "place": 0, "seed": "study-1"}
    """
    for task, identities in _identities(workspace):
        for alias, identity in identities.identities.items():
            sealed = _sealed(identity.extra.get("session"))
            turn = _turn(sealed)
            if turn and (turn.agent != identity.agent or not turn.follows(task)):
                message = f"the seed does not give the agent of `{alias}` place {turn.place} in block {turn.block}"
                yield _at(task, "session-order", message)


@rule("session-sealed")
def session_sealed(workspace: Workspace) -> Iterator[Diagnostic]:
    """What is kept apart of a session is what its statement was made with.

    The statement holds the digest of everything that tells who ran it: mounts, variables, start time. Whoever has that
    part can show that it was not made up afterwards.

    Bad:
        # .assay/identities/row-merge.json was edited after the trial
        "sealed_sha256": "5d3e…"

    Good:
        "sealed_sha256": "9f86…"
    """
    for task, identities in _identities(workspace):
        for alias, identity in identities.identities.items():
            attempt = workspace.attempt(task, alias)
            course = attempt.session.record.predicate.course if attempt and attempt.session else None
            text = identity.extra.get("session")
            if course and text is not None and sha256(text.encode()).hexdigest() != course.sealed_sha256:
                message = f"what is kept of the session of `{alias}` is not what its session.json was made with"
                yield _at(task, "session-sealed", message)


def _sessions(workspace: Workspace) -> Iterator[tuple[str, Entry[Session]]]:
    for task, attempts in workspace.attempts.items():
        yield from ((task, attempt.session) for attempt in attempts.values() if attempt.session)


def _identities(workspace: Workspace) -> Iterator[tuple[str, IdentityMap]]:
    """Those on this machine; a file that cannot be read is for the commands that write it to complain about."""
    for task in workspace.tasks:
        with suppress(UsageError):
            yield task, known(workspace.root, task)


def _sealed(text: str | None) -> dict[str, Any]:
    try:
        found = json.loads(text or "{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _turn(sealed: dict[str, Any]) -> Turn | None:
    try:
        found = sealed["turn"]
        return Turn(found["agent"], found["seed"], tuple(found["arms"]), found["block"], found["place"])
    except (KeyError, TypeError):
        return None


def _at(task: str, name: str, message: str) -> Diagnostic:
    hint = "leave the attempt out of the study, or run it again"
    return Diagnostic.at(f"{FOLDER}/{task}.json", Position(1, 1), name, message, hint=hint)
