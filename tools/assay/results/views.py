"""What is compared: whole tiers, or the order that one axis, one milestone or one category of tasks gives."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from assay.model.annotation import Annotation
from assay.model.rubric import AXES, Axis, Criterion
from assay.results.ballots import Ballot, Options
from assay.results.scores import Keep, Share, score
from assay.workspace import Workspace

Tiers = list[list[str]]


@dataclass(frozen=True)
class View:
    """One thing to rank by; each has tables of its own."""

    name: str
    """Empty for the whole."""
    rankings: tuple[tuple[str, Tiers], ...]
    """Task, and aliases in tiers, best first; one for each annotator, or for the tests of a milestone."""
    keep: Keep | None = None
    """The criteria that scores beside the ranking are of; None for all."""
    milestone: str = ""


def views(workspace: Workspace, used: Iterable[Ballot], options: Options) -> Iterator[View]:
    """What `options` ask for, in the order of the axes, of the tasks' milestones, or of the names of categories."""
    listed = list(used)
    must = _must if options.must_pass_only else None
    whole = [(ballot, _whole(workspace, ballot, options)) for ballot in listed]
    if options.by == "axis":
        for axis in AXES:
            yield View(axis, _by_score(workspace, listed, _on(axis, must)), _on(axis, must))
    elif options.by == "milestone":
        for task in workspace.tasks.values():
            if not workspace.quarantined(task.id):
                for milestone in task.milestones:
                    tiers = _tested(workspace, task.id, milestone)
                    yield View(f"{task.id}/{milestone}", ((task.id, tiers),), _asked_of(milestone), milestone)
    elif options.by == "category":
        categories = {ballot.task: _category(workspace, ballot.task) for ballot in listed}
        for name in sorted(set(categories.values())):
            chosen = tuple((ballot.task, tiers) for ballot, tiers in whole if categories[ballot.task] == name)
            yield View(name, chosen, must)
    else:
        yield View("", tuple((ballot.task, tiers) for ballot, tiers in whole), must)


def _whole(workspace: Workspace, ballot: Ballot, options: Options) -> Tiers:
    if not options.must_pass_only:
        return ballot.record.ranking
    return _ordered(workspace, ballot.record, _must)


def _by_score(workspace: Workspace, used: Iterable[Ballot], keep: Keep) -> tuple[tuple[str, Tiers], ...]:
    return tuple((ballot.task, _ordered(workspace, ballot.record, keep)) for ballot in used)


def _ordered(workspace: Workspace, record: Annotation, keep: Keep) -> Tiers:
    """An annotator's attempts by the share of the chosen criteria that passed, by weight; equal shares are a tie.

    An attempt to which none of them applies is in no tier.
    """
    task = workspace.tasks.get(record.task)
    if task is None or task.rubric is None:
        return []
    shares: dict[str, float] = {}
    for alias, graded in record.grades.items():
        axes = score(task.rubric.record, [graded], keep).axes.values()
        value = sum(axes, Share()).value
        if value is not None:
            shares[alias] = round(value, 12)
    return [
        sorted(alias for alias, share in shares.items() if share == value)
        for value in sorted(set(shares.values()), reverse=True)
    ]


def _tested(workspace: Workspace, task: str, milestone: str) -> Tiers:
    """Attempts whose tests passed before those whose tests failed; dry runs and those without a verdict in no tier."""
    found: dict[bool, list[str]] = {True: [], False: []}
    for alias, attempt in workspace.attempts.get(task, {}).items():
        report = attempt.reports.get(milestone)
        if report and report.record.passed is not None and not attempt.is_invalid and not attempt.is_dry_run:
            found[report.record.passed].append(alias)
    return [tier for tier in (found[True], found[False]) if tier]


def _category(workspace: Workspace, task: str) -> str:
    found = workspace.tasks.get(task)
    return found.file.record.metadata.category if found and found.file else "unknown"


def _must(criterion: Criterion) -> bool:
    return criterion.must_pass


def _on(axis: Axis, more: Keep | None) -> Keep:
    return lambda criterion: criterion.axis == axis and (more is None or more(criterion))


def _asked_of(milestone: str) -> Keep:
    return lambda criterion: criterion.milestone == milestone
