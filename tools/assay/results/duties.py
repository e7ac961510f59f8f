"""What waits for reviewers, adjudicators, authors and coordinators, and everybody's list together."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from assay.contents import blob_id, content_hash
from assay.diagnostics import Diagnostic, Severity
from assay.model.escalation import MACHINE, Escalation
from assay.model.people import Role
from assay.results.waiting import HANDLE, NOBODY, Block, Item, Job, jobs, with_role
from assay.sealing.places import is_draft, sheet_path
from assay.workspace import Entry, Workspace


@dataclass(frozen=True)
class Status:
    """Everything that waits; `by` limits the items to one person."""

    by: str | None
    people: Mapping[str, Sequence[Role]]
    items: tuple[Item, ...]
    """By person in the order of people.yaml, what waits for nobody last; then by task."""
    blocks: tuple[Block, ...]
    annotated: Mapping[str, tuple[str, ...]]
    """By task: whose annotation all can read."""
    sealed: Mapping[str, tuple[str, ...]]
    """By task: who has sealed and not revealed."""


def status(workspace: Workspace, findings: Sequence[Diagnostic], by: str | None = None) -> Status:
    """Who waits for what; `findings` are those of `assay check`, drafts' with the severity they have when sealed."""
    seen = [item for item in findings if not is_draft(item.path) or (by and item.path.endswith(f"/{by}.yaml"))]
    all_jobs = jobs(workspace, seen, by)
    found: list[Item] = []
    for job in all_jobs:
        steps = (job.annotating, job.mending)
        found += [item for step in steps for item in step()]
        found += [*_reviews(job), *_adjudication(job), *_escalations(job), *_coordination(job)]
    found += _errors(workspace, seen)
    people = {person.handle: person.roles for person in workspace.people.record.people} if workspace.people else {}
    order = {name: place for place, name in enumerate(people)}
    found = [item for item in dict.fromkeys(found) if by is None or item.person == by]
    found.sort(key=lambda item: (order.get(item.person, len(order)), item.person == NOBODY, item.person, item.task))
    blocks = tuple(block for job in all_jobs for block in job.blocks())
    annotated = {job.task: tuple(job.shown) for job in all_jobs}
    return Status(by, people, tuple(found), blocks, annotated, {job.task: job.sealed for job in all_jobs})


def _for(people: Iterable[str], role: Role, task: str, kind: str, says: str, run: str) -> Iterator[Item]:
    """One item for everybody who may take it, with their handle in the command."""
    for person in [*people] or [NOBODY]:
        yield Item(person, role, task, kind, says, run.replace(HANDLE, person or HANDLE))


def _reviewed(job: Job) -> Mapping[str, list[tuple[str, bool, str]]]:
    """By annotator: reviewer, whether the annotation was changed since, and the verdict."""
    found: dict[str, list[tuple[str, bool, str]]] = defaultdict(list)
    for entry in job.workspace.reviews:
        record = entry.record
        for item in record.annotations if record.task == job.task else ():
            if item.annotator in job.shown and item.annotator != record.reviewer:
                sheet = job.workspace.root / sheet_path(job.task, item.annotator)
                changed = item.annotation != blob_id(sheet.read_bytes())
                found[item.annotator].append((record.reviewer, changed, item.verdict))
    return found


def _reviews(job: Job) -> Iterator[Item]:
    reviewed = _reviewed(job)
    open_ones = [name for name in job.shown if name not in reviewed]
    reviewers = with_role(job.workspace, "reviewer")
    for person in [one for one in reviewers if open_ones != [one]] or [NOBODY]:
        names = [name for name in open_ones if name != person]
        if names:
            path = f"annotations/{job.task}/reviews/{person}.yaml"
            begun = (job.workspace.root / path).exists()  # one file for all that somebody says of a task
            run = f"assay check {path}" if begun else f"assay new review {job.task} --by {person or HANDLE}"
            says = f"nobody has reviewed {', '.join(names)}" + (f": go on in {path}" if begun else "")
            yield Item(person, "reviewer", job.task, "review", says, run)
    for name, said in reviewed.items():
        for reviewer, changed, verdict in said:
            if changed:
                says = f"{name} changed the annotation after your review"
                path = f"annotations/{job.task}/reviews/{reviewer}.yaml"
                yield Item(reviewer, "reviewer", job.task, "review-stale", says, f"assay check {path}")
            elif verdict == "request-changes":
                path = sheet_path(job.task, name)
                yield Item(
                    name, "annotator", job.task, "changes", f"{reviewer} asks for changes", f"assay check {path}"
                )


def _adjudication(job: Job) -> Iterator[Item]:
    """Disagreements that nobody decided, once everybody's annotation can be read."""
    said: dict[tuple[str, str], set[Any]] = defaultdict(set)
    for sheet in job.shown.values() if not job.unseen else ():
        for alias, graded in sheet.entry.record.grades.items() if sheet.entry else ():
            for name, grade in graded.criteria.items():
                said[alias, name].add(grade.holds)
    decided = {
        (one.alias, one.criterion)
        for entry in job.workspace.adjudications
        for one in (entry.record.decisions if entry.record.task == job.task else ())
    }
    count = sum(len(verdicts) > 1 and place not in decided for place, verdicts in said.items())
    if count:
        free = [name for name in with_role(job.workspace, "adjudicator") if name not in job.shown]
        run = f"assay new adjudication {job.task} --by {HANDLE}"
        begun = f"annotations/{job.task}/adjudication.yaml"
        if (job.workspace.root / begun).exists():
            run = f"assay check {begun}"
        says = f"annotators differ on {_number(count, 'verdict')} that nobody decided"
        yield from _for(free, "adjudicator", job.task, "adjudication", says, run)


def _escalations(job: Job) -> Iterator[Item]:
    for entry in job.workspace.escalations.get(job.task, ()):
        record, name = entry.record, f"{job.task}/{_slug(entry)}"
        raised_by = next((turn.by for turn in record.history if turn.by != MACHINE), record.raised_by)
        coordinators = with_role(job.workspace, "coordinator")
        if record.status == "draft":
            who = coordinators if raised_by == MACHINE else [raised_by]
            run = f"assay escalate {name} --status open --by {HANDLE}"
            yield from _for(who, "coordinator", job.task, "escalation-draft", f"{name} is a draft", run)
        elif record.status == "open":
            others = [person for person in coordinators if person != raised_by]
            says = f"{name}, raised by {raised_by}, is open: confirm or reject it"
            run = f"assay escalate {name} --status confirmed --by {HANDLE}"
            yield from _for(others, "coordinator", job.task, "escalation-open", says, run)
        elif record.status == "confirmed":
            run = f'assay escalate {name} --status fixed --why "…" --by {HANDLE}'
            authors = with_role(job.workspace, "author", "coordinator")
            yield from _for(authors, "author", job.task, "escalation-confirmed", f"{name} is to be fixed", run)


def _coordination(job: Job) -> Iterator[Item]:
    workspace, task = job.workspace, job.workspace.tasks[job.task]
    attempts = workspace.attempts.get(task.id, {}).values()
    kinds = [one.session.record.predicate.kind if one.session else "" for one in attempts]
    agents = sum(kind not in ("recorded", "policy") for kind in kinds)
    duties: list[tuple[str, str, str]] = []
    for entry in workspace.quarantined(task.id):
        name = f"{task.id}/{_slug(entry)}"
        duties.append(("quarantined", f"quarantined by {name}", f"assay escalate --show {name}"))
    if task.proof is None:
        duties.append(("never-proven", "never proven on this machine", f"assay replay {task.id}"))
    elif task.proof.content_sha256 != content_hash(task.folder):
        duties.append(("proof-stale", "changed since this machine proved it", f"assay replay {task.id}"))
    if any(one.rule == "calibration-stale" and one.path.startswith(f"{task.path}/") for one in job.findings):
        duties.append(("calibration-stale", "the calibration is stale", f"assay calibrate {task.id}"))
    is_open = task.id in workspace.openings
    if task.id in workspace.commitments and not is_open and not job.unseen:
        says = "all annotations can be read, and who made the attempts is still sealed"
        duties.append(("identities-sealed", says, f"assay unseal --task {task.id}"))
    elif not is_open and task.id not in workspace.commitments and agents:
        first = "" if workspace.settings.seal.recipients else "; name `[seal] recipients` in assay.toml first"
        says = f"nobody has sealed who made {_number(agents, 'attempt')}{first}"
        duties.append(("identities-unsealed", says, f"assay seal {task.id}"))
    if not job.sealed:
        graded = {alias for sheet in job.shown.values() if sheet.entry for alias in sheet.entry.record.grades}
        bare = [one.alias for one in attempts if one.alias not in graded and not one.is_invalid and not one.is_dry_run]
        if bare:
            says = f"{_number(len(bare), 'attempt')} without any grade: {', '.join(bare)}"
            duties.append(("ungraded", says, f"assay new annotation {task.id} --by {HANDLE}"))
    for kind, says, run in duties:
        for person in with_role(workspace, "coordinator") or [NOBODY]:
            yield Item(person, "coordinator", task.id, kind, says, run)


def _errors(workspace: Workspace, findings: Iterable[Diagnostic]) -> Iterator[Item]:
    """Errors of `assay check`, by whose they are; of what annotators and escalations say only the rules."""
    places: dict[tuple[Role, tuple[str, ...], str], Counter[str]] = defaultdict(Counter)
    for found in findings:
        if found.severity is Severity.ERROR and not is_draft(found.path):
            places[_owner(workspace, found.path)][found.rule] += 1
    for (role, people, place), rules in places.items():
        names = ", ".join(f"{rule} ({count})" if count > 1 else rule for rule, count in sorted(rules.items()))
        parts = place.split("/")
        task = parts[1] if len(parts) > 1 and parts[1] in workspace.tasks else ""
        says = f"{_number(rules.total(), 'error')} in {place}: {names}"
        yield from _for(people, role, task, "errors", says, f"assay check {place}")


def _owner(workspace: Workspace, path: str) -> tuple[Role, tuple[str, ...], str]:
    """The role and the people who put a file right, and the file, or the folder where many belong together."""
    top, *rest = path.split("/")
    if top == "annotations" and len(rest) > 1:
        if rest[1] == "escalations":
            entries = workspace.escalations.get(rest[0], ())
            raised = next((one.record.raised_by for one in entries if one.path == path), MACHINE)
            if raised != MACHINE:
                return "annotator", (raised,), path
        if rest[1] == "adjudication.yaml":
            return "adjudicator", tuple(with_role(workspace, "adjudicator", "coordinator")), path
        name = rest[2] if rest[1] == "evidence" and len(rest) > 3 else rest[-1].split(".")[0]
        role: Role = "reviewer" if rest[1] == "reviews" else "annotator"
        if workspace.people and workspace.people.record.find(name):
            return role, (name,), path
    if top in ("tasks", "trajectories") and rest:
        role = "author" if top == "tasks" else "coordinator"
        return role, tuple(with_role(workspace, role, "coordinator")), f"{top}/{rest[0]}"
    return "coordinator", tuple(with_role(workspace, "coordinator")), path


def _slug(entry: Entry[Escalation]) -> str:
    return entry.path.split("/")[-1].removesuffix(".yaml")


def _number(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"
