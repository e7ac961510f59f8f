"""What of a workspace may leave it, and what stays, with the reason."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import PurePosixPath

from assay.errors import UsageError
from assay.export.runs import ADDRESS, Ran, outside, recorded, tells_who, why_not
from assay.model.adjudication import Adjudication
from assay.model.annotation import Annotation
from assay.model.rubric import Rubric
from assay.model.trajectory import Trajectory
from assay.results.provenance import adjudication_of
from assay.results.versions import one_version
from assay.workspace import Attempt, Entry, Task, Workspace

WISHES = ("quarantined", "policies", "invalid", "unadjudicated", "versions")
"""What is left out unless it is asked for by name."""


@dataclass(frozen=True)
class LeftOut:
    """Something that stays, and why."""

    what: str
    reason: str

    def unnamed(self) -> LeftOut:
        """Without the handle that the path of an annotation ends with."""
        if not self.what.startswith("annotations/"):
            return self
        return LeftOut(f"{PurePosixPath(self.what).parts[1]}: an annotation", self.reason)


@dataclass(frozen=True)
class Chosen:
    """A task with all that goes out of it."""

    task: Task
    rubric: Rubric
    attempts: Mapping[str, Attempt]
    annotations: tuple[Annotation, ...]
    """What they say of the attempts that go out, under the name that the annotator has outside."""
    runs: tuple[Ran, ...] = ()
    """What those who wrote the annotations ran, cited in them as `run:NN`."""
    adjudication: Adjudication | None = None
    disputed: bool = False
    """Whether pairs and labels go out on which annotators contradict each other."""


@dataclass(frozen=True)
class Selection:
    """Everything that goes out, task by task, and everything that stays."""

    tasks: tuple[Chosen, ...]
    left_out: tuple[LeftOut, ...]


def select(workspace: Workspace, wishes: Collection[str] = (), handles: bool = False) -> Selection:
    """Choose by the policy of `[export]` in assay.toml and what was asked for.

    Raises UsageError where the words of an annotator hold an address or a handle that was not to leave.
    """
    stays: list[LeftOut] = []
    single, others = one_version(workspace)
    if "versions" not in wishes:
        workspace = single
        stays += [LeftOut(path, why) for path, why in sorted(others.items())]
    found = [
        chosen
        for task in workspace.tasks.values()
        if (chosen := _task(workspace, task, frozenset(wishes), stays)) is not None
    ]
    names = _names(found, handles)
    people = _handles(names)
    _private(workspace, found, people)
    named = tuple(
        replace(
            item,
            annotations=tuple(_outside(record, item, names) for record in item.annotations),
            runs=tuple(outside(ran, names) for ran in _runs(workspace, item, people, stays)),
        )
        for item in found
    )
    return Selection(named, tuple(stays))


def _runs(workspace: Workspace, item: Chosen, people: re.Pattern[str] | None, stays: list[LeftOut]) -> Iterator[Ran]:
    annotators = {record.annotator for record in item.annotations}
    for ran in recorded(workspace, item.task.id):
        why = why_not(ran, item.attempts, annotators)
        if not why and tells_who(ran, people):
            why = "its command or output tells who somebody is"  # evidence is not edited, so this stops nothing
        if why:
            stays.append(LeftOut(f"{item.task.id}/{ran.record.alias} run:{ran.name}", why))
        else:
            yield ran


def _task(workspace: Workspace, task: Task, wishes: Collection[str], stays: list[LeftOut]) -> Chosen | None:
    license, allowed = license_of(task), workspace.settings.export.licenses
    if task.file is None or task.rubric is None:
        stays.append(LeftOut(task.id, "its files could not be read"))
    elif license and allowed and license not in allowed:
        stays.append(LeftOut(task.id, f"its licence `{license}` is not among `[export] licenses`"))
    elif (held := workspace.quarantined(task.id)) and "quarantined" not in wishes:
        stays.append(LeftOut(task.id, f"quarantined: {held[0].record.title} ({held[0].path})"))
    else:
        attempts = dict(_attempts(workspace, task.id, wishes, stays))
        sheets = [sheet for sheet in workspace.sheets if sheet.task == task.id]
        stays += [LeftOut(sheet.path, "it could not be read") for sheet in sheets if sheet.entry is None]
        stays += [
            LeftOut(j.path, "graded by a program, not by a person") for j in workspace.judges if j.task == task.id
        ]
        graded = tuple(sheet.entry.record for sheet in sheets if sheet.entry)
        decided = adjudication_of(workspace, task.id)
        return Chosen(task, task.rubric.record, attempts, graded, (), decided, "unadjudicated" in wishes)
    return None


def _attempts(
    workspace: Workspace, task: str, wishes: Collection[str], stays: list[LeftOut]
) -> Iterator[tuple[str, Attempt]]:
    for alias, attempt in workspace.attempts.get(task, {}).items():
        if attempt.trajectory is None:
            stays.append(LeftOut(f"{task}/{alias}", "its trajectory could not be read"))
        elif attempt.is_dry_run and "policies" not in wishes:
            stays.append(LeftOut(f"{task}/{alias}", "a dry run of a scripted policy, which no model made"))
        elif attempt.is_invalid and "invalid" not in wishes:
            stays.append(LeftOut(f"{task}/{alias}", f"its outcome is {attempt.outcome}"))
        else:
            yield alias, attempt


def trajectory_of(attempt: Attempt) -> Trajectory:
    """The log of a chosen attempt, which has one."""
    assert attempt.trajectory is not None
    return attempt.trajectory.record


def license_of(task: Task) -> str:
    """`license` in `[metadata]` of the task; empty where it is the workspace's own."""
    extra = (task.file.record.metadata.model_extra or {}) if task.file else {}
    return str(extra.get("license", ""))


def _names(found: Collection[Chosen], handles: bool) -> dict[str, str]:
    everybody = sorted({record.annotator for chosen in found for record in chosen.annotations})
    return {handle: handle if handles else f"annotator-{number}" for number, handle in enumerate(everybody, 1)}


def _outside(record: Annotation, chosen: Chosen, names: Mapping[str, str]) -> Annotation:
    kept = [[alias for alias in tier if alias in chosen.attempts] for tier in record.ranking]
    said = {
        "annotator": names[record.annotator],
        "order": [alias for alias in record.order if alias in chosen.attempts],
        "grades": {alias: graded for alias, graded in record.grades.items() if alias in chosen.attempts},
        "ranking": [tier for tier in kept if tier],
    }
    return record.model_copy(update=said)


def _handles(names: Mapping[str, str]) -> re.Pattern[str] | None:
    """Of annotators whose handles stay."""
    hidden = [re.escape(handle) for handle, name in names.items() if handle != name]
    return re.compile(rf"(?<![\w-])(?:{'|'.join(hidden)})(?![\w-])") if hidden else None


def _private(workspace: Workspace, found: Collection[Chosen], people: re.Pattern[str] | None) -> None:
    """Raises UsageError at the first line of an annotation that says who somebody is."""
    tasks = {chosen.task.id for chosen in found}
    for sheet in workspace.sheets:
        if sheet.entry and sheet.task in tasks:
            _look(sheet.entry, people)


def _look(entry: Entry[Annotation], people: re.Pattern[str] | None) -> None:
    record = entry.record
    texts: list[tuple[tuple[str, ...], str]] = [(("comparison",), record.comparison)]
    for alias, graded in record.grades.items():
        texts.append((("grades", alias, "rationale"), graded.rationale))
        texts += [(("grades", alias, "criteria", name, "note"), grade.note) for name, grade in graded.criteria.items()]
    for loc, text in texts:
        hit = ADDRESS.search(text) or (people.search(text) if people else None)
        if hit:
            position = entry.document.position_in(loc, hit.start())
            message = f"{entry.path}:{position.line}:{position.column}: `{hit[0]}` tells who somebody is"
            hint = "take it out of the annotation; handles may leave with `--handles`, addresses never"
            raise UsageError("export-private", message, hint)
