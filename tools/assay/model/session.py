"""`session.json`: the open record of a trial's isolation, an in-toto Statement v1 (in-toto attestation framework, v1).

Who acted is not in it, nor anything that tells: agent mounts, environment names and the start time stay out.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from assay.model.base import Id, Record, Text
from assay.model.outcome import ImageRecord, Outcome, Sha256

STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE = "urn:assay:session:v1"


class Digest(Record):
    """SHA-256 of a file's bytes."""

    sha256: Sha256


class Subject(Record):
    """A file that this statement is about; the name is relative to session.json."""

    name: Text
    digest: Digest


class Isolation(Record):
    """Read from the engine before the first command ran."""

    container: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    network: Text = Field(description="`NetworkMode` of the container; `none` means only a loopback device.")
    mounts: list[str] = Field(description="Mount destinations; empty when nothing of the host is visible.")
    start_diff: list[str] = Field(description="Paths changed against the image before the start; empty when fresh.")
    privileged: bool
    memory_bytes: int
    pids_limit: int


class MilestoneResult(Record):
    """Final state of one milestone. `passed` is None when its tests gave no valid verdict."""

    milestone: Id
    outcome: Outcome
    passed: bool | None
    tests: dict[str, bool]


class SessionPredicate(Record):
    """What Assay states about the subjects."""

    model_config = ConfigDict(strict=False)

    format: Literal[1]
    task: Id
    task_sha256: Sha256 = Field(description="Harbor's content hash of the task directory at the time of the trial.")
    invocation: Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")] = Field(description="Random, unique for each trial.")
    image: ImageRecord
    isolation: Isolation
    outcome: Outcome
    milestones: list[MilestoneResult]
    seconds: Annotated[float, Field(ge=0)]
    harness: Text
    kind: Literal["agent", "recorded"] = Field(description="A harness run, or an attempt recorded by `assay record`.")


class Session(Record):
    """The statement: subjects and predicate."""

    type_: Literal["https://in-toto.io/Statement/v1"] = Field(alias="_type")
    subject: Annotated[list[Subject], Field(min_length=1)]
    predicate_type: Literal["urn:assay:session:v1"] = Field(alias="predicateType")
    predicate: SessionPredicate
