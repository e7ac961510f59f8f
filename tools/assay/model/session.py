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
    mounts: list[str] = Field(
        description="Mount destinations beside the agent's own program (read-only) and the socket of its model; "
        "empty when nothing of the host is visible."
    )
    volumes: list[str] = Field(default=[], description="Volumes that other containers may share; empty.")
    start_diff: list[str] = Field(description="Paths changed against the image before the start; empty when fresh.")
    privileged: bool
    memory_bytes: int
    pids_limit: int


Mode = Literal["simulated", "full", "me"]
Ending = Literal[
    "done",
    "capped",
    "user-ended",
    "gave-up",
    "wall-clock",
    "output-limit",
    "agent-crashed",
    "agent-missing",
    "agent-confused",
    "endpoint-refused",
    "endpoint-unauthorized",
    "endpoint-failed",
    "out-of-memory",
    "container-died",
    "environment",
]
"""Why a session ended: the user was done, a cap of the user's was reached, or what cut it short."""


class Course(Record):
    """How a session with an agent went. Nothing here tells which agent it was."""

    mode: Mode = Field(description="Who spoke as the user: the simulated user, the full specification, or a person.")
    seed: Text
    starts_at: Id | None = Field(
        default=None, description="The milestone before which the reference solutions had been applied."
    )
    ended: Ending
    reason: str = Field(default="", description="What was seen, when something cut the session short.")
    turns: Annotated[int, Field(ge=0)] = Field(description="Messages of the user.")
    position: Annotated[int, Field(ge=0)] = Field(description="Place in the order of all trials of the task.")
    agent_state: list[str] = Field(description="Files of the agent before its start, its configuration apart; empty.")
    image_home: list[str] = Field(
        default=[], description="What the image has in the agent's home, by first name: every agent finds the same."
    )
    sealed_sha256: Sha256 = Field(description="Of the sealed part: who ran it, mounts, variables, start time.")


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
    kind: Literal["agent", "policy", "recorded"] = Field(
        description="A run of an agent, of a scripted policy that stands in for one, or an attempt recorded by hand."
    )
    course: Course | None = Field(default=None, description="How a session with an agent went.")


class Session(Record):
    """The statement: subjects and predicate."""

    type_: Literal["https://in-toto.io/Statement/v1"] = Field(alias="_type")
    subject: Annotated[list[Subject], Field(min_length=1)]
    predicate_type: Literal["urn:assay:session:v1"] = Field(alias="predicateType")
    predicate: SessionPredicate
