"""`annotations/<task>/adjudication.yaml`: what was decided where annotators differ. Their files stay as they are."""

from __future__ import annotations

from typing import Annotated, Literal, get_args

from pydantic import Field

from assay.model.base import Id, Record, Text, VersionedRecord

Fault = Literal["ambiguous", "guideline-gap", "annotator-error", "edge-case", "subjective", "other"]
FAULTS: tuple[Fault, ...] = get_args(Fault)


class Decision(Record):
    """One verdict on which annotators differ, decided."""

    alias: Id
    criterion: Id
    holds: bool | Literal["unclear"] = Field(description="Whether the statement is true of the trajectory.")
    fault: Fault = Field(description="Why they differ.")
    reason: Text = Field(description="With citations in brackets, as in a rationale.")
    guideline_change: bool = Field(default=False, description="Whether the guidelines have to say more.")


class Adjudication(VersionedRecord):
    """All decisions of a task."""

    task: Id
    adjudicator: Id
    decisions: list[Decision] = []
    ranking: list[Annotated[list[Id], Field(min_length=1)]] | None = Field(
        default=None, description="The tiers that were decided on, best first, where the annotators' contradict."
    )
    comparison: str = Field(default="", description="Why, where a ranking was decided.")
