"""`annotations/<task>/<annotator>.yaml`: one annotator's grades and ranking for one task."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, field_validator

from assay.model.base import Id, Record, Text, VersionedRecord
from assay.model.rubric import Criterion

OPEN = "not graded yet"
"""What stands in a new file where an annotator has not decided; `annotation-unfinished` looks for it."""


class Grade(Record):
    """One verdict. `holds` answers: is the statement true of this trajectory?"""

    holds: bool | Literal["unclear"]
    cites: list[Text] = Field(default=[], description="Citations without brackets, one claim each.")
    note: str = Field(default="", description="At most 25 words; the reason when `holds` is unclear.")


class IdentityGuess(Record):
    """Which agent the annotator believes it was; measures how well masking worked."""

    agent: Text = Field(description="A name, or `none`.")
    confidence: Annotated[float, Field(ge=0, le=1, strict=False)]
    cue: str = ""


class TrajectoryGrades(Record):
    """All that an annotator says about one trajectory."""

    rationale: Text
    criteria: dict[Id, Grade]
    identity_guess: IdentityGuess | None = None


class Revision(Record):
    """A correction after the reveal. Undone from the last to the first, they give back what was sealed."""

    at: Text = Field(description="Keys from the top, with slashes: grades/calm-heron/criteria/keeps-order/holds.")
    was: Any = Field(description="The value before; null when there was none.")
    now: Any = Field(description="The value as it stands there now; null when it was taken away.")
    by: Id
    reason: Text


class Annotation(VersionedRecord):
    """Grades for every trajectory of a task, and their ranking in tiers, best first."""

    task: Id
    annotator: Id
    guidelines: Annotated[int, Field(ge=1)] = Field(description="Version of annotations/guidelines.md.")
    rubric: Annotated[str, Field(pattern=r"^[0-9a-f]{40}$")] = Field(
        description="Git blob id of the rubric graded against."
    )
    order: list[Id] = Field(description="Aliases in the order they were presented.")
    grades: dict[Id, TrajectoryGrades]
    ranking: list[Annotated[list[Id], Field(min_length=1)]]
    comparison: Text = Field(description="Why each tier beats the next, citing with the alias in front.")
    minutes: Annotated[float, Field(gt=0, strict=False)]
    revisions: list[Revision] = Field(default=[], description="Corrections after the reveal, oldest first.")

    @field_validator("ranking")
    @classmethod
    def _placed_once(cls, tiers: list[list[str]]) -> list[list[str]]:
        seen: set[str] = set()
        for alias in (alias for tier in tiers for alias in tier):
            if alias in seen:
                raise ValueError(f"`{alias}` is ranked twice; place every trajectory in one tier")
            seen.add(alias)
        return tiers


def passed(criterion: Criterion, grade: Grade) -> bool | None:
    """Whether the trajectory did what the criterion asks; None when it could not be told.

    The only place that combines `holds` with the polarity `good`.
    """
    if grade.holds == "unclear":
        return None
    return grade.holds is criterion.good
