"""`rubric.yaml`: the binary criteria of a task."""

from __future__ import annotations

from typing import Annotated, Literal, get_args

from pydantic import Field

from assay.model.base import Id, Record, Text, VersionedRecord

Axis = Literal["correctness", "style", "communication", "behaviour"]
AXES: tuple[Axis, ...] = get_args(Axis)
"""The four separate totals; they are never blended into one number."""
FIRST_STAGE: tuple[Axis, ...] = ("correctness", "style")
"""Graded from patch, tests, files and runs, before the transcript is opened, where the policy asks for two stages."""


class Criterion(Record):
    """One observable statement about one trajectory, decidable yes or no from named evidence."""

    id: Id
    statement: Text
    axis: Axis
    good: bool = Field(
        description="Is it good when the statement is true? A fault is phrased as the fault, with false."
    )
    must_pass: bool = False
    weight: Literal[1, 2, 3, 5] = 1
    evidence: Literal["tests", "diff", "files", "trajectory", "message"]
    milestone: Id | None = None
    test: str | None = Field(default=None, description="`milestone/test` when a test decides the criterion.")
    requires: list[Id] = Field(default=[], description="Criteria that must be passed for this one to apply.")
    why: Text


class Rubric(VersionedRecord):
    """All criteria of one task, in the order they are graded."""

    criteria: Annotated[list[Criterion], Field(min_length=1)]

    def find(self, criterion: str) -> Criterion | None:
        """The criterion with that id."""
        return next((item for item in self.criteria if item.id == criterion), None)

    @property
    def first_stage(self) -> tuple[str, ...]:
        """Ids of the criteria that need no transcript."""
        told = ("trajectory", "message")
        return tuple(item.id for item in self.criteria if item.axis in FIRST_STAGE and item.evidence not in told)
