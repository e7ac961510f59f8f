"""One escalation for a person at a terminal: where it stands, what shows it, and what it does to grades."""

from __future__ import annotations

from collections.abc import Iterator

from assay.contents import content_hash
from assay.model.escalation import Change, Escalation
from assay.results.effects import effects
from assay.workspace import Entry, Task, Workspace


def as_text(workspace: Workspace, task: Task, entry: Entry[Escalation]) -> Iterator[str]:
    """Lines of the report."""
    record = entry.record
    blocking = "blocking" if record.blocking else "not blocking"
    yield f"{entry.path}: {record.title}"
    yield f"  {record.status}, {blocking}, {record.kind}, raised by {record.raised_by}"
    for name, text in (("expected", record.expected), ("found", record.found)):
        first, *more = text.strip().splitlines() or [""]
        yield from ([f"  {name}: {first}", *(f"    {line}" for line in more)] if first else [])
    yield from (f"  again: {command}" for command in record.reproduction)
    if record.evidence:
        seen = record.evidence
        code = f"exit {seen.exit_code}" if seen.exit_code is not None else ""
        facts = (seen.stage, code, seen.engine, f"image {seen.image[7:19]}" if seen.image else "")
        yield f"  evidence: {seen.command} ({', '.join(filter(None, facts))})"
        yield from (f"    | {line}" for line in seen.log_excerpt.splitlines())
    yield "  effects:"
    yield from (f"    {line}" for line in effects(workspace, task.id, record).in_words())
    if record.repair:
        mended = record.repair
        since = "the task as it is now" if mended.content_sha256 == content_hash(task.folder) else "changed again since"
        passed = f"{sum(one.holds is True for one in mended.stages)} of {len(mended.stages)} stages as expected"
        digests = f"replay {mended.replay_sha256[:12]} of content {mended.content_sha256[:12]}"
        yield f"  shown by: {digests} ({since}), {passed}"
    yield "  history:"
    yield from (f"    {turn(change)}" for change in record.history)


def turn(change: Change) -> str:
    """One turn in a line."""
    day = f" on {change.when}" if change.when else ""
    why = f": {' '.join(change.why.split())}" if change.why.strip() else ""
    return f"{change.status} by {change.by}{day}{why}"
