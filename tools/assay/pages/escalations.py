"""Escalations on the page of their task: what shows them, what became of them, and which grades rest on them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from assay.contents import content_hash
from assay.model.escalation import HOLDING, Change, Escalation
from assay.pages import links, markup
from assay.pages.inert import attribute, raw
from assay.results.effects import effects
from assay.workspace import Entry, Task, Workspace


def sections(workspace: Workspace, task: Task, *, annotated: bool) -> Iterator[str]:
    """Raw HTML, one for each escalation, folded when it is over; `annotated` as for the page."""
    for entry in workspace.escalations.get(task.id, ()):
        record = entry.record
        body = _facts(entry) + _texts(record) + _effects(workspace, task, record, annotated=annotated)
        state = f"{record.status}, {'blocking' if record.blocking else 'not blocking'}"
        title = f"{raw(record.title)} {markup.tag(state)}"
        yield markup.disclosure(title, body + _repair(task, record) + _history(record), opened=record.status in HOLDING)


def _facts(entry: Entry[Escalation]) -> str:
    record, evidence = entry.record, entry.record.evidence
    pairs = [("kind", record.kind), ("raised by", raw(record.raised_by)), ("outcome", record.outcome or "")]
    if evidence:
        code = "" if evidence.exit_code is None else str(evidence.exit_code)
        pairs += [("command", raw(evidence.command)), ("exit code", code), ("engine", raw(evidence.engine))]
        pairs += [("image", evidence.image[7:19] if evidence.image else "")]
    return markup.facts([*pairs, ("file", f"<code>{raw(entry.path)}</code>")])


def _texts(record: Escalation) -> str:
    body, log = "", record.evidence.log_excerpt if record.evidence else ""
    for name, text in (("Expected", record.expected), ("Found", record.found)):
        body += f"<p><b>{name}.</b> {_broken(text)}</p>" if text.strip() else ""
    for text, label in (("\n".join(record.reproduction), "commands that show it again"), (log, "end of the log")):
        body += f'<div class="as-out">{markup.code(raw(text), label)}</div>' if text.strip() else ""
    return body


def _effects(workspace: Workspace, task: Task, record: Escalation, *, annotated: bool) -> str:
    found, here = effects(workspace, task.id, record), links.task_page(task.id)
    lines = ["The task is left out of rankings and calibration."] if found.quarantined else []
    if found.trajectories:
        lines.append(f"Reaches {_trajectories(task, found.trajectories)}.")
    if record.affects.criteria:
        lines.append(f"Criteria: {', '.join(f'<code>{raw(name)}</code>' for name in found.criteria)}.")
    for item in found.touched if annotated else ():
        unclear = f", {item.unclear} left unclear" if item.unclear else ""
        sheet = _anchor(raw(item.annotator), links.href(here, here, links.sheet_anchor(item.annotator)))
        lines.append(f"{markup.count(item.verdicts, 'verdict')} of {sheet} on what it reaches{unclear}.")
    if found.earlier:
        lines.append(f"Made before it was mended: {_trajectories(task, found.earlier)}.")
    return f"<p><b>Effects on grades.</b> {'<br>'.join(lines)}</p>" if lines else ""


def _trajectories(task: Task, aliases: Iterable[str]) -> str:
    here = links.task_page(task.id)
    found = (_anchor(raw(alias), links.href(here, links.trajectory_page(task.id, alias))) for alias in aliases)
    return ", ".join(found)


def _anchor(text: str, target: str) -> str:
    return f'<a href="{attribute(target)}">{text}</a>'


def _repair(task: Task, record: Escalation) -> str:
    mended = record.repair
    if mended is None or record.status != "fixed":
        return ""
    since = "the task as it is now" if mended.content_sha256 == content_hash(task.folder) else "changed again since"
    stages = ", ".join(
        f"{raw(one.stage)} {markup.verdict(one.holds, {True: 'holds', False: 'fails', None: 'undecided'}[one.holds])}"
        for one in mended.stages
    )
    digests = (
        f"content <code>{mended.content_sha256[:12]}</code> ({since}), replay <code>{mended.replay_sha256[:12]}</code>"
    )
    return f"<p><b>Shown by a replay</b> of {digests}: {stages}</p>"


def _history(record: Escalation) -> str:
    items = "".join(f"<li>{_turn(change)}</li>" for change in record.history)
    return f"<p><b>History.</b></p><ol>{items}</ol>" if items else ""


def _turn(change: Change) -> str:
    day = f" on {change.when}" if change.when else ""
    why = f": {_broken(change.why)}" if change.why.strip() else ""
    return f"{markup.tag(change.status)} by {raw(change.by)}{day}{why}"


def _broken(text: str) -> str:
    return "<br>".join(raw(text.strip()).splitlines())
