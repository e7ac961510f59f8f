"""`annotations/<task>/reviews/<reviewer>.yaml`: what a reviewer says of other people's annotations of a task."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator

from assay.model.base import Id, Record, Text, VersionedRecord

Mark = Annotated[int, Field(ge=1, le=5)]


class Comment(Record):
    """A remark at a place of the annotation, which is found again by its keys and by words that stand there."""

    at: Text = Field(description="Keys from the top, with slashes: grades/calm-heron/rationale.")
    quote: str = Field(default="", description="Words that stand there; the whole value without it.")
    says: Text


class Scores(Record):
    """From 1, not usable, by 3, usable with changes, to 5, could be shown as an example."""

    quality: Mark = Field(description="Do the citations mean what the rationale claims?")
    completeness: Mark = Field(description="Is everything graded and cited that decides a verdict?")
    consistency: Mark = Field(description="Does the ranking follow from the grades, and each grade from its evidence?")
    schema_compliance: Mark = Field(description="Are form, citations and places as the guidelines ask?")


class ReviewedAnnotation(Record):
    """One annotation, as it was when it was read."""

    annotator: Id
    annotation: Annotated[str, Field(pattern=r"^[0-9a-f]{40}$")] = Field(description="Git blob id of the file read.")
    verdict: Literal["accept", "request-changes"]
    scores: Scores
    comments: list[Comment] = []


class Review(VersionedRecord):
    """All of one reviewer's verdicts on one task."""

    task: Id
    reviewer: Id
    annotations: Annotated[list[ReviewedAnnotation], Field(min_length=1)]

    @field_validator("annotations")
    @classmethod
    def _once(cls, found: list[ReviewedAnnotation]) -> list[ReviewedAnnotation]:
        names = [item.annotator for item in found]
        if twice := next((name for name in names if names.count(name) > 1), None):
            raise ValueError(f"`{twice}` is reviewed twice; one entry for each annotation")
        return found
