"""Recorded runs: what an annotator ran on the state of an attempt, and what came of running it again."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from assay.model.base import Id, Record, VersionedRecord
from assay.model.outcome import ImageRecord, Sha256

RunKind = Literal["tests", "command", "shell"]


class Stream(Record):
    """One output of a run. The file holds what is kept of it as text: nothing, no file."""

    sha256: Sha256 = Field(description="Of the file; one that was cut says in the middle how much, and the whole hash.")
    bytes: Annotated[int, Field(ge=0)] = Field(description="How much was printed.")
    hidden: Annotated[int, Field(ge=0)] = Field(description="How much of it was cut from the middle.")


class RunState(Record):
    """The work tree that a run began with."""

    kind: Literal["final", "milestone", "step"]
    milestone: Id | None = Field(description="Whose patch it is, for a step at most; null is the image as it is.")
    step: Annotated[int, Field(ge=1)] | None = None
    patch_sha256: Sha256 = Field(description="Of the patch file that was applied to the image; of nothing for none.")


class RecordedRun(VersionedRecord):
    """`annotations/<task>/evidence/<annotator>/<NN>.json`, cited as `run:NN`; output and recording lie beside it."""

    model_config = ConfigDict(strict=False)

    task: Id
    alias: Id
    annotator: Id
    kind: RunKind
    command: list[str] = Field(description="As it was called; empty for the task's own tests and for a shell.")
    state: RunState
    exit_code: int = Field(description="Of the command or the shell; 0 when all tests passed, else 1.")
    seconds: Annotated[float, Field(ge=0)]
    stdout: Stream = Field(description="NN.out: standard output; for a shell all that the terminal showed.")
    stderr: Stream = Field(description="NN.err: standard error.")
    cast_sha256: Sha256 = Field(description="Of NN.cast, the same as an asciicast v2 recording.")
    tests: dict[Id, dict[str, str]] = Field(default={}, description="Of the task's tests: status by milestone, test.")
    image: ImageRecord
    task_sha256: Sha256 = Field(description="Harbor's content hash of the task directory at the time.")


class Rerun(VersionedRecord):
    """`.assay/reruns/<task>/<annotator>/<NN>.json`: what came of running it again on this machine."""

    run_sha256: Sha256 = Field(description="Of the record that was run again; of another one it says nothing.")
    verdict: Literal["same", "changed", "unsteady"]
    found: str = Field(default="", description="What was otherwise, in words.")
