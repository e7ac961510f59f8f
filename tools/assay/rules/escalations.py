"""Rules on escalations: that each can be followed up, and that what it holds back is seen."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from difflib import get_close_matches
from pathlib import PurePosixPath

from assay.contents import content_hash
from assay.diagnostics import Diagnostic, Severity
from assay.documents.source import Loc
from assay.model.base import ID_PATTERN
from assay.model.escalation import MACHINE, REPLAYED, Escalation
from assay.rules import rule
from assay.workspace import Entry, Workspace

_RUN = ("environment-broken", "tests-contradict-task", "verifier-forgeable", "agent-install-failed")
"""Kinds of defects that show when something is run."""
_NEXT: Mapping[str, tuple[str, ...]] = {
    "": ("draft", "open"),
    "draft": ("open", "rejected"),
    "open": ("confirmed", "fixed", "rejected"),
    "confirmed": ("fixed", "rejected"),
    "fixed": ("open",),
    "rejected": ("open",),
}
"""What may follow on what; nothing comes before the first turn."""
_OVER = ("fixed", "rejected")


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

    Whoever mends the task works from this file alone. A hidden requirement, a leak, a defect of the rubric or of the
    process can be read; what shows only when it is run needs `evidence` with the command, and `reproduction`.

    Bad:
        kind: tests-contradict-task
        status: open
        found: "The tests are broken."

    Good:
        kind: tests-contradict-task
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
            message = f"an open escalation of kind `{record.kind}` needs {', '.join(f'`{name}`' for name in missing)}"
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
    for folder, entry in _escalations(workspace):
        if entry.record.status == "draft":
            message = "a draft holds nothing back: its task is still ranked"
            name = f"{folder}/{PurePosixPath(entry.path).stem}"
            hint = f"fill it in and open it: `assay escalate {name} --status open --by HANDLE`; or delete it"
            yield _at(entry, ("status",), "escalation-draft", message, hint)


@rule("task-quarantined", Severity.WARNING)
def task_quarantined(workspace: Workspace) -> Iterator[Diagnostic]:
    """No task has a blocking escalation that is open or confirmed.

    While there is one, the task is left out of rankings and calibration: grades of a broken task say nothing about
    agents.

    Bad:
        blocking: true
        status: open

    Good:
        blocking: true
        status: fixed       # with the replay that shows it
    """
    for task in workspace.tasks:
        for entry in workspace.quarantined(task):
            message = f"`{task}` is quarantined, and left out of rankings and calibration: {entry.record.title}"
            name = f"{task}/{PurePosixPath(entry.path).stem}"
            hint = f"mend the task, replay it, then `assay escalate {name} --status fixed --by HANDLE --why …`"
            yield _at(entry, ("status",), "task-quarantined", message, hint)


@rule("escalation-history")
def escalation_history(workspace: Workspace) -> Iterator[Diagnostic]:
    """The history of an escalation leads to its status, turn by turn, each by somebody who is known.

    A draft is opened; an open one is confirmed by somebody else than who raised it, fixed or rejected; what is over can
    be opened again. Who fixes, rejects or opens again says why.

    Bad:
        status: rejected
        history:
          - {status: open, by: rater-1}

    Good:
        status: rejected
        history:
          - {status: open, by: rater-1}
          - {status: rejected, by: rater-2, why: "The instruction names the order in its second line."}
    """
    people = {person.handle for person in workspace.people.record.people} if workspace.people else None
    for _, entry in _escalations(workspace):
        for loc, message, hint in turns(entry.record):
            yield _at(entry, loc, "escalation-history", message, hint)
        for number, change in enumerate(entry.record.history):
            known = people is None or change.by in people or (change.by == MACHINE and change.status == "draft")
            if not known:
                message = f"`{change.by}` is not in annotations/people.yaml"
                yield _at(entry, ("history", number, "by"), "escalation-history", message)


def turns(record: Escalation) -> Iterator[tuple[Loc, str, str]]:
    """What is wrong with a history: place, words, what to do."""
    last = ""
    raised_by = next((change.by for change in record.history if change.by != MACHINE), "")
    for number, change in enumerate(record.history):
        loc: Loc = ("history", number)
        if change.status not in _NEXT[last]:
            after = f"after `{last}`" if last else "the first turn"
            listed = ", ".join(f"`{name}`" for name in _NEXT[last])
            yield (*loc, "status"), f"{after} must be {listed}; found `{change.status}`", "add the turn that is missing"
        elif (change.status in _OVER or last in _OVER) and not change.why.strip():
            yield loc, f"`{change.status}` here needs `why`", "say what was changed, or why nothing has to be"
        elif change.status == "confirmed" and change.by == raised_by:
            yield (*loc, "by"), f"`{change.by}` raised it, so somebody else confirms it", "ask for a second look"
        last = change.status
    if record.status != last:
        found = f"the history ends with `{last}`" if last else "there is no history"
        hint = "`assay escalate TASK/SLUG --status …` writes both"
        yield ("status",), f"`status` must be that of the last turn in `history`; {found}", hint


@rule("escalation-unproven")
def escalation_unproven(workspace: Workspace) -> Iterator[Diagnostic]:
    """A fixed escalation carries the replay that shows it.

    The replay ran a task that is not the broken one any more, had the stage of the proof that failed, and came out as
    expected in all of its stages. `assay escalate TASK/SLUG --status fixed` copies it from the newest replay. What no
    replay can show, of rubrics, agents and the process, is told in `why`.

    Bad:
        kind: tests-contradict-task
        status: fixed

    Good:
        kind: tests-contradict-task
        status: fixed
        repair:
          content_sha256: 61b0…
          replay_sha256: 0c55…
          stages: [{stage: no-op, holds: true}, {stage: oracle, holds: true}]
    """
    for folder, entry in _escalations(workspace):
        if entry.record.status == "fixed" and entry.record.kind in REPLAYED:
            hint = "replay the task, and copy what it showed"
            for loc, message in _unproven(entry.record, workspace.attempts.get(folder, {})):
                yield _at(entry, loc, "escalation-unproven", message, hint)


def _unproven(record: Escalation, aliases: Collection[str]) -> Iterator[tuple[Loc, str]]:
    repair, seen = record.repair, record.evidence
    if repair is None:
        yield ("status",), "what is fixed needs `repair`: the replay that shows it; found none"
        return
    for number, stage in enumerate(repair.stages):
        if stage.holds is not True:
            yield ("repair", "stages", number), f"every stage must hold; `{stage.stage}` does not"
    # what an attempt got from the broken tests need not be what it gets from the mended ones
    if seen and seen.stage and seen.stage not in {*aliases, *(stage.stage for stage in repair.stages)}:
        yield ("repair", "stages"), f"the stage that failed, `{seen.stage}`, must be in the replay; it is not"
    if seen and (repair.content_sha256, repair.image) == (seen.content_sha256, seen.image):
        yield ("repair", "content_sha256"), "the task and its image must not be those that were found broken; they are"


@rule("escalation-outdated", Severity.WARNING)
def escalation_outdated(workspace: Workspace) -> Iterator[Diagnostic]:
    """The replay that shows that a defect is gone ran the task as it is now.

    What was mended may be broken again by a later change; only a new replay tells.

    Bad:
        # tasks/row-merge was changed after this replay
        repair: {content_sha256: 61b0…, …}

    Good:
        repair: {content_sha256: 9d2e…, …}      # of tasks/row-merge now
    """
    for folder, entry in _escalations(workspace):
        task, repair = workspace.tasks.get(folder), entry.record.repair
        if task and repair and entry.record.status == "fixed":
            now = content_hash(task.folder)
            if repair.content_sha256 != now:
                message = f"`{folder}` was changed again since this was shown; its content is `{now[:12]}` now"
                hint = "replay it; if it still holds, open this again and fix it with the new replay"
                yield _at(entry, ("repair", "content_sha256"), "escalation-outdated", message, hint)


@rule("escalation-effects")
def escalation_effects(workspace: Workspace) -> Iterator[Diagnostic]:
    """What an escalation affects are trajectories and criteria of its task.

    `assay escalate --show` and the site list the grades that rest on them; a misspelt name hides some.

    Bad:
        affects: {trajectories: [calm-heorn]}

    Good:
        affects: {trajectories: [calm-heron]}
    """
    for folder, entry in _escalations(workspace):
        task, affects = workspace.tasks.get(folder), entry.record.affects
        criteria = [item.id for item in task.rubric.record.criteria] if task and task.rubric else []
        attempts = workspace.attempts.get(folder, {})
        named: list[tuple[str, str, list[str], Iterable[str]]] = [
            ("trajectories", "trajectory", affects.trajectories, attempts),
            ("criteria", "criterion", affects.criteria, criteria),
        ]
        for key, noun, names, known in named if task else ():
            for number, name in enumerate(names):
                if name not in known:
                    close = get_close_matches(name, list(known), n=1)
                    hint = f"did you mean `{close[0]}`?" if close else ""
                    message = f"`{folder}` has no {noun} `{name}`"
                    yield _at(entry, ("affects", key, number), "escalation-effects", message, hint)


def _escalations(workspace: Workspace) -> Iterator[tuple[str, Entry[Escalation]]]:
    for folder, entries in workspace.escalations.items():
        yield from ((folder, entry) for entry in entries)


def _at(entry: Entry[Escalation], loc: Loc, name: str, message: str, hint: str = "") -> Diagnostic:
    return Diagnostic.at(entry.path, entry.document.position(loc), name, message, hint=hint)
