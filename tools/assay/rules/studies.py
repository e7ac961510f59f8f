"""Rules on the sessions of a study as a whole: the same start for all, taking turns, and nothing shared."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from assay.diagnostics import Diagnostic, Position, Severity
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
    """Agents take turns: each trial has the place that the study's seed gives its agent, and began in that order.

    A machine gets busier and an endpoint changes over a day; what comes with time must fall on all agents alike. Who
    ran is known only on the machine that ran the study, or after un-sealing, so elsewhere nothing is checked.

    Bad:
        # one agent three times, then the other three times, whatever the seed says
        "turn": {"agent": "a", "arms": ["a", "b"], "block": 0, "place": 1, "seed": "study-1"}

    Good:
        # the seed gives agent b the first place in block 0
        "turn": {"agent": "b", "arms": ["a", "b"], "block": 0, "place": 0, "seed": "study-1"}
    """
    for task, trials in _trials(workspace).items():
        for trial in trials:
            turn = trial.turn
            if turn and (turn.agent != trial.agent or not turn.follows(task)):
                message = (
                    f"the seed does not give the agent of `{trial.alias}` place {turn.place} in block {turn.block}"
                )
                yield _at(task, "session-order", message)
        for alias in _out_of_order(trials):
            yield _at(task, "session-order", f"`{alias}` did not begin when its turn came")


PARALLEL = 1.0
"""Seconds by which trials that run side by side may begin in another order."""


def _out_of_order(trials: list[_Trial]) -> Iterator[str]:
    """Trials of one run of a study have consecutive positions, in the order of their turns and of time."""
    runs: dict[object, list[tuple[int, float, str]]] = defaultdict(list)
    for trial in trials:
        if trial.turn and trial.position is not None:
            number = trial.turn.block * len(trial.turn.arms) + trial.turn.place
            study = (trial.turn.seed, trial.turn.arms, trial.position - number)
            runs[study].append((number, trial.started, trial.alias))
            if trial.position < number:
                yield trial.alias
    for run in runs.values():
        latest = 0.0
        for _, started, alias in sorted(run):
            if started < latest - PARALLEL:
                yield alias
            latest = max(latest, started)


@rule("session-alone", Severity.WARNING)
def session_alone(workspace: Workspace) -> Iterator[Diagnostic]:
    """Agents that can be compared took turns in one study.

    Agents that were run one after the other each follow the seed, since there was nobody to take turns with. Their
    difference may be that of two days. Scripted policies are compared with nobody.

    Bad:
        # assay run row-merge --agent a -n 3; assay run row-merge --agent b -n 3
        "turn": {"agent": "a", "arms": ["a"], …}, "turn": {"agent": "b", "arms": ["b"], …}

    Good:
        # assay run row-merge --agent a --agent b -n 3
        "turn": {"agent": "a", "arms": ["a", "b"], …}, "turn": {"agent": "b", "arms": ["a", "b"], …}
    """
    for task, trials in _trials(workspace).items():
        turns = [trial.turn for trial in trials if trial.turn and trial.kind == "agent"]
        tried = {turn.agent for turn in turns}
        alone = [turn for turn in turns if not (tried - {turn.agent}) & set(turn.arms)]
        if alone and len(tried) > 1:
            message = f"{len(alone)} of {len(turns)} trials took no turns with another agent of the task"
            hint = "run the agents that are compared in one `assay run`, each with its own `--agent`"
            yield _at(task, "session-alone", message, hint)


@rule("session-reused")
def session_reused(workspace: Workspace) -> Iterator[Diagnostic]:
    """Every trial has a session of the agent of its own.

    An agent that goes on with an earlier session knows what it did there. What it calls its session is kept apart
    with who it is; names too short to be unique, such as `session-1`, are not compared.

    Bad:
        # the sealed parts of calm-heron and dry-finch
        "agent": {"session": "ses_7f3a9c2e1d0b44aa"}

    Good:
        # the sealed part of calm-heron
        "agent": {"session": "ses_7f3a9c2e1d0b44aa"}
        # the sealed part of dry-finch
        "agent": {"session": "ses_0c51e89b70d24e6f"}
    """
    seen: dict[str, str] = {}
    for task, trials in _trials(workspace).items():
        for trial in trials:
            place = f"{task}/{trial.alias}"
            if len(trial.session) >= UNIQUE and seen.setdefault(trial.session, place) != place:
                message = f"the agent's session of `{trial.alias}` is that of `{seen[trial.session]}`"
                yield _at(task, "session-reused", message)


UNIQUE = 16
"""Characters of a name that does not come twice by chance."""


@rule("session-sealed")
def session_sealed(workspace: Workspace) -> Iterator[Diagnostic]:
    """What is kept apart of a session is what its statement was made with.

    The statement of an agent's session holds the digest of everything that tells who ran it: mounts, variables, start
    time. Whoever has that part can show that it was not made up afterwards.

    Bad:
        # .assay/identities/row-merge.json was edited after the trial
        "sealed_sha256": "5d3e…"

    Good:
        "sealed_sha256": "9f86…"
    """
    for _, entry in _sessions(workspace):
        if entry.record.predicate.kind != "recorded" and entry.record.predicate.course is None:
            message = "`course` must be there for a session of an agent: it holds the digest of what is kept apart"
            yield Diagnostic.at(entry.path, entry.document.position(("predicate",)), "session-sealed", message)
    for task, trials in _trials(workspace).items():
        for trial in trials:
            if trial.digest and sha256(trial.text.encode()).hexdigest() != trial.digest:
                found = "is not what its session.json was made with" if trial.text else "is missing"
                yield _at(task, "session-sealed", f"what is kept of the session of `{trial.alias}` {found}")


@dataclass(frozen=True)
class _Trial:
    """An attempt whose identity is known here; what is not recorded of it is empty."""

    alias: str
    agent: str
    kind: str
    position: int | None
    digest: str
    """Of the sealed part, as the statement says."""
    text: str
    """The sealed part."""
    sealed: Mapping[str, Any]

    @property
    def turn(self) -> Turn | None:
        try:
            found = self.sealed["turn"]
            return Turn(found["agent"], found["seed"], tuple(found["arms"]), found["block"], found["place"])
        except (KeyError, TypeError):
            return None

    @property
    def started(self) -> float:
        found = self.sealed.get("started")
        return found if isinstance(found, float) else 0.0

    @property
    def session(self) -> str:
        found = self.sealed.get("agent")
        return str(found.get("session", "")) if isinstance(found, dict) else ""


def _trials(workspace: Workspace) -> dict[str, list[_Trial]]:
    """By task, in the order of the identities on this machine. Files that cannot be read are not for rules."""
    found: dict[str, list[_Trial]] = {}
    for task, identities in _identities(workspace):
        found[task] = []
        for alias, identity in identities.identities.items():
            attempt, text = workspace.attempt(task, alias), identity.extra.get("session", "")
            predicate = attempt.session.record.predicate if attempt and attempt.session else None
            course = predicate.course if predicate else None
            kind, digest = predicate.kind if predicate else "", course.sealed_sha256 if course else ""
            position = course.position if course else None
            found[task].append(_Trial(alias, identity.agent, kind, position, digest, text, _sealed(text)))
    return found


def _sessions(workspace: Workspace) -> Iterator[tuple[str, Entry[Session]]]:
    for task, attempts in workspace.attempts.items():
        yield from ((task, attempt.session) for attempt in attempts.values() if attempt.session)


def _identities(workspace: Workspace) -> Iterator[tuple[str, IdentityMap]]:
    """Those that were opened, or those on this machine.

    A file that cannot be read is for the commands that write it to complain about.
    """
    for task in workspace.tasks:
        if opened := workspace.openings.get(task):
            yield task, IdentityMap(format=1, task=task, identities=opened.record.identities)
            continue
        with suppress(UsageError):
            yield task, known(workspace.root, task)


def _sealed(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text or "{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _at(
    task: str, name: str, message: str, hint: str = "leave the attempt out of the study, or run it again"
) -> Diagnostic:
    return Diagnostic.at(f"{FOLDER}/{task}.json", Position(1, 1), name, message, hint=hint)
