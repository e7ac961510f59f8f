"""How a verdict of several annotators came about: all said it, somebody decided it, or it is open."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from assay.model.adjudication import Adjudication
from assay.model.annotation import Annotation
from assay.workspace import Workspace

Provenance = Literal["unanimous", "adjudicated", "unresolved"]
Verdict = bool | Literal["unclear"]


def annotations_of(workspace: Workspace, task: str) -> list[Annotation]:
    """Those that can be read."""
    return [sheet.entry.record for sheet in workspace.sheets if sheet.task == task and sheet.entry]


def adjudication_of(workspace: Workspace, task: str) -> Adjudication | None:
    """What was decided about a task."""
    return next((entry.record for entry in workspace.adjudications if entry.record.task == task), None)


def verdicts(workspace: Workspace, task: str) -> Iterator[tuple[str, str, list[Verdict]]]:
    """Alias, criterion, and what each annotator saw, where two or more graded."""
    records = annotations_of(workspace, task)
    places = {
        (alias, name): None for record in records for alias, graded in record.grades.items() for name in graded.criteria
    }
    for alias, name in places:
        said = [
            record.grades[alias].criteria[name].holds
            for record in records
            if alias in record.grades and name in record.grades[alias].criteria
        ]
        if len(said) > 1:
            yield alias, name, said


def disputed(workspace: Workspace, task: str) -> Iterator[tuple[str, str]]:
    """Alias and criterion on which annotators differ."""
    return ((alias, name) for alias, name, said in verdicts(workspace, task) if len(set(said)) > 1)


def provenance(workspace: Workspace, task: str, alias: str, criterion: str) -> Provenance:
    """Of one verdict. What one annotator alone said is unanimous."""
    if (alias, criterion) not in set(disputed(workspace, task)):
        return "unanimous"
    decided = adjudication_of(workspace, task)
    known = {(item.alias, item.criterion) for item in decided.decisions} if decided else set()
    return "adjudicated" if (alias, criterion) in known else "unresolved"


def contradicting(workspace: Workspace, task: str) -> bool:
    """Whether two annotators rank a pair of trajectories the other way round."""
    ways: set[tuple[str, str]] = set()
    for record in annotations_of(workspace, task):
        places = {alias: number for number, tier in enumerate(record.ranking) for alias in tier}
        ways |= {(one, other) for one in places for other in places if places[one] < places[other]}
    return any((other, one) in ways for one, other in ways)
