"""What a table of the data set is.

A column's type is `string`, `int`, `float` or `bool`, a list with the type of its items, or an object of columns.
Every value may be null.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from assay.export.selection import Chosen
from assay.model.annotation import TrajectoryGrades
from assay.model.rubric import Criterion
from assay.results.scores import applicable

Row = dict[str, Any]
Type = str | list[Any] | Mapping[str, Any]
SPLITS = ("train", "validation", "test")

_CALL = {"id": "string", "type": "string", "function": {"name": "string", "arguments": "string"}}
TURNS: Type = [
    {
        "role": "string",
        "content": "string",
        "reasoning_content": "string",
        "tool_calls": [_CALL],
        "tool_call_id": "string",
    }
]
PLACE: dict[str, Type] = {"task": "string"}
ATTEMPT: dict[str, Type] = {**PLACE, "alias": "string"}
GRADED: dict[str, Type] = {**ATTEMPT, "annotator": "string", "guidelines": "int"}


@dataclass(frozen=True)
class Table:
    """One table; `rows` gives those of one task."""

    name: str
    about: str
    columns: Mapping[str, Type]
    rows: Callable[[Chosen], Iterator[Row]]


def split_of(task: str) -> str:
    """Where all rows of a task go: a tenth to `test`, a tenth to `validation`, by the digest of its name.

    Attempts at one job are alike, so a task is never in two splits.
    """
    tenth = int(sha256(task.encode()).hexdigest(), 16) % 10
    return {0: "test", 1: "validation"}.get(tenth, "train")


def graded_by(chosen: Chosen) -> Iterator[tuple[Row, TrajectoryGrades]]:
    """Every annotator's words on every attempt, after the columns that say whose and on what."""
    for record in chosen.annotations:
        said_by = {"annotator": record.annotator, "guidelines": record.guidelines}
        for alias, graded in record.grades.items():
            yield {"task": chosen.task.id, "alias": alias, **said_by}, graded


def verdicts(chosen: Chosen) -> Iterator[tuple[Row, Criterion, TrajectoryGrades, bool, bool | None]]:
    """Every verdict on a criterion: whether the criterion applies, and whether it was passed."""
    for place, graded in graded_by(chosen):
        said = {criterion.id: verdict for criterion, verdict in applicable(chosen.rubric, graded.criteria)}
        for criterion in chosen.rubric.criteria:
            if criterion.id in graded.criteria:
                yield place, criterion, graded, criterion.id in said, said.get(criterion.id)
