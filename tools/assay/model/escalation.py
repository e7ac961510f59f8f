"""`annotations/<task>/escalations/<slug>.yaml`: a defect of a task or of the process, with what shows it."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, field_validator, model_validator

from assay.model.base import Id, Record, Text, VersionedRecord
from assay.model.outcome import ImageId, Outcome, Sha256

EscalationKind = Literal["environment", "tests", "instruction", "rubric", "agent", "process"]
EscalationStatus = Literal["draft", "open", "resolved", "rejected"]
MACHINE = "assay"
"""Who raises what no person has looked at yet."""


class EscalationEvidence(Record):
    """What was run and what it showed."""

    command: Text
    exit_code: int | None = Field(
        default=None, description="Of the program whose log is quoted; left out when it never ran or was killed."
    )
    image: ImageId | None = None
    stage: str = Field(default="", description="The stage of the replay, such as `oracle`, or an alias.")
    content_sha256: Sha256 | None = Field(default=None, description="Harbor's content hash of the task that was run.")
    path: str = Field(default="", description="The whole log or folder, on the machine where it was run.")
    log_sha256: Sha256 | None = Field(default=None, description="Digest of the whole log.")
    log_excerpt: str = ""


class Escalation(VersionedRecord):
    """One escalation; while it is open and blocking, its task is in no ranking and in no calibration."""

    task: Id
    title: Text
    raised_by: Id = Field(description="A handle of annotations/people.yaml, or `assay` for a machine's draft.")
    kind: EscalationKind = Field(description="What has to change.")
    blocking: bool = Field(description="Whether the task is left out of rankings while this is open.")
    status: EscalationStatus = Field(description="A draft holds nothing back; a closed one says how in `resolution`.")
    outcome: Outcome | None = Field(default=None, description="Of the run that showed it, when there was one.")
    expected: str = ""
    found: str = ""
    reproduction: list[Text] = Field(default=[], description="The fewest commands that show it again, in order.")
    evidence: EscalationEvidence | None = None
    resolution: str = Field(default="", description="What was changed, or why nothing has to be.")

    @field_validator("title")
    @classmethod
    def _shown_in_reports(cls, title: str) -> str:
        if not title.isprintable():
            raise ValueError("must be one line of visible characters")
        return title

    @model_validator(mode="after")
    def _settled(self) -> Escalation:
        if self.status in ("resolved", "rejected") and not self.resolution.strip():
            raise ValueError(f"`resolution` is required when the status is `{self.status}`")
        return self
