"""A new escalation, for a person to fill in."""

from __future__ import annotations

from typing import TYPE_CHECKING, get_args

from assay.documents import to_yaml
from assay.errors import UsageError
from assay.model.escalation import Affected, Change, Escalation, EscalationKind
from assay.workspace import Workspace

if TYPE_CHECKING:
    from assay.replay.collecting import Collected

SCHEMA_LINE = "# yaml-language-server: $schema=../../../schemas/escalation.schema.json\n"
COMMENTS = {
    "raised_by": "A handle of annotations/people.yaml.",
    "kind": f"What is wrong: {', '.join(get_args(EscalationKind))}.",
    "blocking": "true leaves the task out of rankings and calibration while the status is open or confirmed.",
    "status": "draft holds nothing back; then open, confirmed, fixed or rejected: "
    "`assay escalate TASK/SLUG --status open --by HANDLE`.",
    "affects": "What it reaches. Empty means all of the task; leave out what it does not touch.",
    "expected": "What must hold, and where that is written.",
    "found": "What there is instead.",
    "reproduction": "The fewest commands that show it again, one for each item.",
    "evidence": "What was run and what it showed; `--run COMMAND` collects it.",
}


def begun(
    workspace: Workspace, task: str, found: Collected, handle: str, title: str | None, kind: EscalationKind | None
) -> Escalation:
    """A draft with what could be collected without a person."""
    if title is not None and (not title.isprintable() or not title.strip()):
        raise UsageError("title-invalid", "`--title` must be one line of visible characters")
    draft = Escalation(
        format=1,
        task=task,
        title=title or found.title,
        raised_by=handle,
        kind=kind or found.kind,
        blocking=True,
        status="draft",
        affects=Affected(trajectories=list(found.trajectories)),
        outcome=found.outcome,
        reproduction=list(found.again),
        evidence=found.evidence,
        history=[Change(status="draft", by=handle)],
    )
    if draft.affects.trajectories or not draft.evidence:
        return draft
    return draft.model_copy(update={"affects": reached(workspace, draft)})


def reached(workspace: Workspace, record: Escalation) -> Affected:
    """The attempts at the task as it was when the defect showed; all of them where that is not known."""
    content = record.evidence.content_sha256 if record.evidence else None
    made = workspace.attempts.get(record.task, {}).items()
    same = [alias for alias, one in made if one.session and one.session.record.predicate.task_sha256 == content]
    return record.affects.model_copy(update={"trajectories": same})


def to_fill_in(draft: Escalation) -> str:
    """The file with comments, and with the fields that a person has to fill in."""
    told = draft.model_dump(mode="json", exclude_defaults=True)
    shown = ("format", "task", "title", *COMMENTS)
    fields = {name: told.get(name, draft.model_dump(mode="json")[name]) for name in shown if name != "evidence"}
    return to_yaml(fields | {name: value for name, value in told.items() if name not in fields}, COMMENTS)
