"""`annotations/<task>/escalations/<slug>.yaml`: a defect of a task or of the process, with what shows it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator

from assay.model.base import Id, Record, Text, VersionedRecord
from assay.model.outcome import ImageId, Outcome, Sha256

EscalationKind = Literal[
    "environment-broken",
    "tests-contradict-task",
    "hidden-requirement",
    "verifier-forgeable",
    "agent-install-failed",
    "rubric-defect",
    "process-gap",
    "leak",
]
EscalationStatus = Literal["draft", "open", "confirmed", "fixed", "rejected"]
HOLDING: tuple[EscalationStatus, ...] = ("open", "confirmed")
"""While it says so, a blocking one keeps its task out of rankings and calibration."""
REPLAYED: tuple[EscalationKind, ...] = (
    "environment-broken",
    "tests-contradict-task",
    "hidden-requirement",
    "verifier-forgeable",
    "leak",
)
"""Defects of what a replay runs, so that only a replay shows that they are gone."""
MACHINE = "assay"
"""Who raises what no person has looked at yet."""


class EscalationEvidence(Record):
    """What was run and what it showed."""

    command: Text
    exit_code: int | None = Field(
        default=None, description="Of the program whose log is quoted; left out when it never ran or was killed."
    )
    engine: str = Field(default="", description="The container engine and its version.")
    image: ImageId | None = Field(default=None, description="Left out when it did not build: then the log is its.")
    stage: str = Field(default="", description="The stage of the replay, such as `oracle`, or an alias.")
    content_sha256: Sha256 | None = Field(default=None, description="Harbor's content hash of the task that was run.")
    path: str = Field(default="", description="The whole log or folder, on the machine where it was run.")
    log_sha256: Sha256 | None = Field(default=None, description="Digest of the whole log.")
    log_excerpt: str = ""


class Affected(Record):
    """What the defect reaches. An empty list means all of the task."""

    trajectories: list[Id] = []
    criteria: list[Id] = []


class Change(Record):
    """One turn of an escalation's history."""

    status: EscalationStatus
    by: Id
    when: Annotated[str, Field(pattern=r"^\d{4}-\d{2}-\d{2}$")] | None = None
    why: str = Field(default="", description="What was changed, or why nothing has to be.")


class Shown(Record):
    """How one stage of a replay came out."""

    stage: Text = Field(description="Its folder in the evidence, such as `oracle-2`.")
    holds: bool | None


class Repair(Record):
    """The replay that shows that the defect is gone."""

    content_sha256: Sha256 = Field(description="Harbor's content hash of the task that was replayed.")
    image: ImageId | None = None
    engine: str = ""
    replay_sha256: Sha256 = Field(description="Digest of its replay.json.")
    stages: Annotated[list[Shown], Field(min_length=1)]


class Escalation(VersionedRecord):
    """One escalation; while it is open or confirmed and blocking, its task is in no ranking and in no calibration."""

    task: Id
    title: Text
    raised_by: Id = Field(description="A handle of annotations/people.yaml, or `assay` for a machine's draft.")
    kind: EscalationKind = Field(description="What is wrong.")
    blocking: bool = Field(description="Whether the task is left out of rankings while this is open.")
    status: EscalationStatus = Field(description="That of the last turn in `history`. A draft holds nothing back.")
    affects: Affected = Affected()
    outcome: Outcome | None = Field(default=None, description="Of the run that showed it, when there was one.")
    expected: str = ""
    found: str = ""
    reproduction: list[Text] = Field(default=[], description="The fewest commands that show it again, in order.")
    evidence: EscalationEvidence | None = None
    repair: Repair | None = Field(default=None, description="Of a fixed one: what shows it.")
    history: list[Change] = Field(default=[], description="Who said what and why, oldest first.")

    @property
    def is_holding(self) -> bool:
        """Whether its task is quarantined."""
        return self.blocking and self.status in HOLDING

    @field_validator("title")
    @classmethod
    def _shown_in_reports(cls, title: str) -> str:
        if not title.isprintable():
            raise ValueError("must be one line of visible characters")
        return title
