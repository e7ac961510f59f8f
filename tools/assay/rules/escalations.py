"""Rules on escalations: that each can be followed up, and that what it holds back is seen."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import PurePosixPath

from assay.diagnostics import Diagnostic, Severity
from assay.documents.source import Loc
from assay.model.base import ID_PATTERN
from assay.model.escalation import MACHINE, Escalation
from assay.rules import rule
from assay.workspace import Entry, Workspace

_RUN = ("environment", "tests", "agent")
"""Kinds of defects that show when something is run."""


@rule("escalation-place")
def escalation_place(workspace: Workspace) -> Iterator[Diagnostic]:
    """An escalation lies in the folder of its task, under a valid name, and is raised by somebody who is known.

    It holds back the task in whose folder it lies. `assay` raises what a machine has drafted; everybody else is in
    `annotations/people.yaml`, so that there is somebody to ask.

    Bad:
        # annotations/ledger-loader/escalations/solution-fails.yaml
        task: flaky-jobqueue
        raised_by: someone

    Good:
        # annotations/ledger-loader/escalations/solution-fails.yaml
        task: ledger-loader
        raised_by: rater-1
    """
    people = {person.handle for person in workspace.people.record.people} if workspace.people else None
    for folder, entry in _escalations(workspace):
        record, name = entry.record, PurePosixPath(entry.path).stem
        if not re.match(ID_PATTERN, name):
            message = f"names are lower-case letters, digits and inner hyphens, at most 64; found `{name}`"
            yield _at(entry, (), "escalation-place", message, "rename the file")
        if record.task != folder:
            message = f"`task` must be what the path says, `{folder}`; found `{record.task}`"
            yield _at(entry, ("task",), "escalation-place", message, "change the line or move the file")
        elif folder not in workspace.tasks:
            yield _at(entry, ("task",), "escalation-place", f"there is no task `{folder}`")
        if people is not None and record.raised_by not in people | {MACHINE}:
            message = f"`{record.raised_by}` is not in annotations/people.yaml"
            yield _at(entry, ("raised_by",), "escalation-place", message)


@rule("escalation-incomplete")
def escalation_incomplete(workspace: Workspace) -> Iterator[Diagnostic]:
    """An open escalation says what was expected, what was found, and, for what was run, how to see it again.

    Whoever mends the task works from this file alone. Defects of instructions, rubrics and the process can be read;
    those of the environment, the tests and agents need `evidence` with the command, and `reproduction`.

    Bad:
        kind: tests
        status: open
        found: "The tests are broken."

    Good:
        kind: tests
        status: open
        expected: "The tests of `merge-rows` pass on the reference solution."
        found: "They fail in test_merge: KeyError."
        reproduction: ["assay replay ledger-loader --no-trajectories"]
        evidence: {command: "assay replay ledger-loader", exit_code: 1}
    """
    for _, entry in _escalations(workspace):
        record = entry.record
        missing = [name for name in ("expected", "found") if not getattr(record, name).strip()]
        if record.kind in _RUN:
            missing += [name for name in ("reproduction", "evidence") if not getattr(record, name)]
        if record.status == "open" and missing:
            message = f"an open escalation of the {record.kind} needs {', '.join(f'`{name}`' for name in missing)}"
            yield _at(entry, ("status",), "escalation-incomplete", message, "add it, or say `status: draft` until then")


@rule("escalation-draft", Severity.WARNING)
def escalation_draft(workspace: Workspace) -> Iterator[Diagnostic]:
    """Escalations in the workspace are open or closed; drafts are on their way there.

    A draft holds nothing back, even one that says `blocking: true`: its task is still ranked.

    Bad:
        status: draft

    Good:
        status: open
    """
    for _, entry in _escalations(workspace):
        if entry.record.status == "draft":
            message = "a draft holds nothing back: its task is still ranked"
            hint = "fill it in and say `status: open`, or delete it"
            yield _at(entry, ("status",), "escalation-draft", message, hint)


@rule("task-quarantined", Severity.WARNING)
def task_quarantined(workspace: Workspace) -> Iterator[Diagnostic]:
    """No task has an open blocking escalation.

    While one is open, the task is left out of rankings and calibration: grades of a broken task say nothing about
    agents.

    Bad:
        blocking: true
        status: open

    Good:
        blocking: true
        status: resolved
        resolution: "The test now compares the whole row."
    """
    for task in workspace.tasks:
        for entry in workspace.quarantined(task):
            message = f"`{task}` is quarantined, and left out of rankings and calibration: {entry.record.title}"
            hint = "mend the task, then say `status: resolved` and how in `resolution`"
            yield _at(entry, ("status",), "task-quarantined", message, hint)


def _escalations(workspace: Workspace) -> Iterator[tuple[str, Entry[Escalation]]]:
    for folder, entries in workspace.escalations.items():
        yield from ((folder, entry) for entry in entries)


def _at(entry: Entry[Escalation], loc: Loc, name: str, message: str, hint: str = "") -> Diagnostic:
    return Diagnostic.at(entry.path, entry.document.position(loc), name, message, hint=hint)
