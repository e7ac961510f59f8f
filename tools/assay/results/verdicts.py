"""The verdicts of annotations one by one, and as tables of unit by annotator."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from assay.model.annotation import Annotation, passed
from assay.model.rubric import Criterion
from assay.results.agreement import Floats
from assay.workspace import Workspace


@dataclass(frozen=True)
class Verdict:
    """One answer: whether the statement holds; None when it could not be told."""

    unit: tuple[str, str, str]
    """Task, alias, criterion."""
    axis: str
    annotator: str
    holds: bool | None
    passed: bool | None


def verdicts(workspace: Workspace, record: Annotation) -> Iterator[Verdict]:
    """Everything that one annotation says of attempts that have an outcome, by criteria that the rubric has."""
    task = workspace.tasks.get(record.task)
    known: Mapping[str, Criterion] = {c.id: c for c in task.rubric.record.criteria} if task and task.rubric else {}
    for alias, graded in record.grades.items():
        attempt = workspace.attempt(record.task, alias)
        for name, grade in graded.criteria.items():
            if name in known and not (attempt and attempt.is_invalid):
                holds = None if grade.holds == "unclear" else grade.holds
                unit = (record.task, alias, name)
                yield Verdict(unit, known[name].axis, record.annotator, holds, passed(known[name], grade))


def table(verdicts: Sequence[Verdict]) -> Floats:
    """Units by annotators, both sorted: 1 where the statement holds, 0 where not, nan where nothing was said."""
    units = sorted({verdict.unit for verdict in verdicts})
    raters = sorted({verdict.annotator for verdict in verdicts})
    rows = {unit: place for place, unit in enumerate(units)}
    found = np.full((len(units), len(raters)), math.nan)
    for verdict in verdicts:
        if verdict.holds is not None:
            found[rows[verdict.unit], raters.index(verdict.annotator)] = verdict.holds
    return found
