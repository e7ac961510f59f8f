"""What running tests gave: the outcome lattice, test reports, and the proof of a task."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from assay.model.base import Id, Record, Text, VersionedRecord

Outcome = Literal["scored", "timed-out", "invalid-environment", "invalid-agent", "invalid-verifier"]
"""Decided by the first failing stage in the order environment, agent, verifier. Invalid is never a failing grade."""

ORDER: tuple[Outcome, ...] = ("invalid-environment", "invalid-agent", "invalid-verifier", "timed-out", "scored")
"""Of several parts of one attempt, the first of these is the attempt's."""

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
ImageId = Annotated[str, Field(pattern=r"^sha256:[0-9a-f]{64}$")]


def is_valid(outcome: Outcome) -> bool:
    """Whether the outcome carries a grade at all."""
    return outcome in ("scored", "timed-out")


class _Json(VersionedRecord):
    """Machine-written JSON: integers are fine where floats are declared."""

    model_config = ConfigDict(strict=False)


class TestResult(Record):
    """One executable check."""

    __test__ = False
    model_config = ConfigDict(strict=False)

    name: Text
    status: Literal["passed", "failed", "error", "skipped"]
    seconds: Annotated[float, Field(ge=0)]
    message: str = ""


class EarlierState(Record):
    """How the same tests stood after an earlier milestone was handed in."""

    after: Id
    passed: bool
    failed: list[str]


class TestReport(_Json):
    """`tests/<milestone>.json`: one run of a milestone's tests in a fresh container.

    `passed` is None exactly when the outcome is invalid. `reward` is what the verifier wrote, 0 to 1.
    """

    __test__ = False

    milestone: Id
    outcome: Outcome
    passed: bool | None
    reward: float | None
    tests: list[TestResult]
    exit_code: int | None
    seconds: float
    image: ImageId | None
    reason: str = Field(default="", description="Why the outcome is invalid.")
    rejected: list[str] = Field(default=[], description="Declared artifacts that were missing or not plain files.")
    log_sha256: Sha256 | None = Field(
        default=None,
        description="Of the log as it is kept; one that was cut says in the middle how much and the hash of the whole.",
    )
    earlier: list[EarlierState] = []

    def matching(self, name: str) -> list[TestResult]:
        """The test of that name, or all cases of a parametrised one when `name` leaves out the brackets."""
        exact = [result for result in self.tests if result.name == name]
        return exact or [result for result in self.tests if result.name.startswith(f"{name}[")]


class ImageRecord(Record):
    """Identity of an image without a registry: id, layer digests, and the hash of the build context."""

    id: ImageId
    layers: list[str]
    context_sha256: Sha256
    filesystem_sha256: Sha256 | None = Field(
        default=None, description="Digest of every path, mode, owner and content; equal after a rebuild without change."
    )


class ImageFinding(Record):
    """One thing in an image that the agent must not have, or must not find there."""

    rule: Text
    path: Text
    message: Text


class ImageScan(_Json):
    """What one pass over the built file system of an image showed."""

    image: ImageId
    filesystem_sha256: Sha256
    entries: int
    bytes: int
    packages: int
    findings: list[ImageFinding]
    unread: list[str] = Field(default=[], description="What could not be searched, and why.")


StageKind = Literal["no-op", "ladder", "oracle", "hijack", "mutant", "trajectory"]
MutantClass = Literal["killed", "survived", "equivalent", "trivial", "invalid"]


class Stage(Record):
    """One state of the work tree in a proof, and what the tests said of it."""

    model_config = ConfigDict(strict=False)

    kind: StageKind
    name: Text = Field(description="`no-op`, `ladder-K`, `oracle`, `hijack-NAME`, `mutant-NN`, or an alias.")
    title: str = Field(default="", description="What a plant does, or what a mutant changes.")
    attempt: Annotated[int, Field(ge=1)] = 1
    outcome: Outcome
    reason: str = ""
    expected: dict[Id, bool]
    reports: list[TestReport]
    patch_sha256: Sha256 | None = Field(default=None, description="The trajectory's patch that was tested again.")
    differences: list[str] = Field(
        default=[], description="Tests of a trajectory that were recorded but did not run, or the other way round."
    )
    notes: list[str] = Field(
        default=[],
        description="Single tests of a trajectory that came out otherwise in a milestone that failed both times: "
        "faulty concurrent code may fail another test each time, and still fails.",
    )
    inputs: dict[Id, Sha256] = Field(default={}, description="Digest of what each milestone's verifier received.")
    same_as: str = Field(
        default="", description="The stage whose verifiers received the same bytes; its reports are this one's."
    )
    diff: str = Field(default="", description="What a mutant changes, as a unified diff.")
    mutant: MutantClass | None = None
    seconds: float

    @property
    def forged(self) -> bool:
        """Whether a plant made tests pass that the untouched image fails."""
        return self.kind == "hijack" and any(report.passed for report in self.reports)

    @property
    def holds(self) -> bool | None:
        """Whether every milestone came out as expected; None when that cannot be known.

        A plant has failed when nothing passed, even if it broke the verifier. A mutant measures the tests, and
        neither proves nor refutes the task.
        """
        if self.kind == "mutant":
            return True
        if self.kind == "hijack" and self.outcome != "invalid-environment":
            return not self.forged
        if not is_valid(self.outcome) or any(report.passed is None for report in self.reports):
            return None
        found = {report.milestone: report.passed for report in self.reports}
        return not self.differences and all(found.get(milestone) is want for milestone, want in self.expected.items())


class Superseded(Record):
    """An attempt at a stage that another one took the place of."""

    stage: Text = Field(description="Name of the stage's folder.")
    run: str = Field(description="Folder of the replay in which its evidence stays, if it left any.")
    reason: str


class Proof(_Json):
    """`replay.json`: what one replay of a task showed."""

    task: Id
    content_sha256: Sha256 = Field(description="Harbor's content hash of the task directory.")
    image: ImageRecord | None
    engine: str
    harness: str
    started: str
    finished: str
    stages: list[Stage]
    scan: ImageScan | None = None
    unfinished: dict[str, str] = Field(
        default={}, description="Why a part of the proof is missing: `hijack`, `mutants`, `scan`; `task` for all of it."
    )
    mutant_cap: int = Field(default=0, description="How many mutants were asked for at most.")
    drift: dict[Id, str] = Field(
        default={}, description="Trajectories that were recorded in another image, and how it differs from this one."
    )
    notes: list[str] = Field(default=[], description="What is not wrong but should be known, such as tight limits.")
    resumed: str = Field(default="", description="Folder of the replay whose decided stages were taken over.")
    superseded: list[Superseded] = []

    @property
    def verdict(self) -> Literal["proven", "refuted", "invalid"]:
        """`invalid` when something could not be decided; it outweighs `refuted` only when nothing was refuted.

        Mutants measure the tests, and do not count.
        """
        leaks = self.scan.findings if self.scan else []
        if leaks or any(stage.holds is False for stage in self.stages):
            return "refuted"
        decided = self.stages and all(stage.holds for stage in self.stages) and not set(self.unfinished) - {"mutants"}
        return "proven" if decided else "invalid"
