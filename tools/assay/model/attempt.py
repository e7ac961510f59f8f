"""An attempt script: what `assay record --script` plays in a task's container instead of a person."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from assay.model.base import Id, Record, VersionedRecord


class Action(Record):
    """Something said, one shell command run, or both."""

    say: str = ""
    run: str | None = Field(default=None, description="One bash command; the working directory carries over.")

    @model_validator(mode="after")
    def _something(self) -> Action:
        if not self.say and self.run is None:
            raise ValueError("a step needs `say` or `run`")
        return self


class MilestoneAttempt(Record):
    """The actions between one milestone's request and the next."""

    milestone: Id
    steps: Annotated[list[Action], Field(min_length=1)]


class AttemptScript(VersionedRecord):
    """Milestones in the task's order; an attempt may stop early by leaving later ones out."""

    task: Id
    milestones: Annotated[list[MilestoneAttempt], Field(min_length=1)]
