"""What somebody else's run says about attempts: results without evidence, told by a log or by a table of results."""

from __future__ import annotations

from typing import Annotated

from pydantic import ConfigDict, Field, model_validator

from assay.model.base import Id, Record, VersionedRecord
from assay.model.outcome import Outcome, TestResult, is_valid


class Reported(Record):
    """One attempt. `resolved` is None where nobody says, and where the outcome carries no grade."""

    model_config = ConfigDict(strict=False)

    outcome: Outcome = "scored"
    resolved: bool | None = None
    reward: float | None = Field(default=None, description="As the log has it; the scale is that of its benchmark.")
    tests: list[TestResult] = []
    reason: str = Field(default="", description="Why the outcome is invalid, or how the run ended.")

    @model_validator(mode="after")
    def _no_grade_without_validity(self) -> Reported:
        if not is_valid(self.outcome) and (self.resolved is not None or self.reward is not None):
            raise ValueError(f"`{self.outcome}` carries no grade; `resolved` and `reward` must be null")
        return self


class ReportedResults(VersionedRecord):
    """`trajectories/<task>/reported.json`: by alias. An alias needs no trajectory: results can be all there is."""

    task: Id
    attempts: Annotated[dict[Id, Reported], Field(min_length=1)]
