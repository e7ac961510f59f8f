"""`calibration.json`: how often a task is solved, and what makes it hard; and the trials that say so."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from assay.model.base import Id, Record, Text, VersionedRecord
from assay.model.outcome import Outcome, Sha256, is_valid
from assay.model.settings import Thresholds
from assay.model.task import Difficulty

EASY, HARD = 0.7, 0.3
"""From this share of solved trials on a task is easy; below the other it is hard."""

CalibrationMode = Literal["simulated", "full"]
Verdict = Literal["too-easy", "in-band", "too-hard", "does-not-separate", "not-enough-trials"]
SimulatorVerdict = Literal["ok", "minor", "helped", "hindered"]
"""What a simulated user did to a trial; helped and hindered ones say nothing of the task."""
Share01 = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=0)]
Wording = Annotated[str, Field(pattern=r"^(authored|rephrased-[0-9a-f]{12})$")]
"""How a simulated user's words were made: as they stand in user.yaml, or by an endpoint, named by a digest."""


class TrialResult(Record):
    """One trial as it goes into a calibration. Names the agent, so it is never written where annotators read."""

    agent: Id = Field(description="As configured.")
    scripted: bool
    mode: CalibrationMode
    outcome: Outcome
    passed: dict[Id, bool | None] = Field(description="In the final state, by milestone; None without a verdict.")
    starts_at: Id | None = Field(default=None, description="The milestone before which the reference was applied.")
    tests: dict[Id, dict[str, bool]] = Field(default={}, description="In the final state, by milestone.")
    criteria: dict[Id, bool] = Field(default={}, description="Whether passed; those that a test decides.")
    turns: Count = 0
    turns_to: dict[Id, int] = Field(default={}, description="The user's turn after which a milestone first passed.")
    questions: Count = 0
    matched: Count = Field(default=0, description="Questions that revealed something.")
    reachable: Count = Field(default=0, description="Intents that asking would have revealed.")
    revealed: Count = Field(default=0, description="Intents revealed because the agent asked.")
    corrections: Count = 0
    nudges: Count = 0
    once_passed: Count = Field(default=0, description="Tests of earlier milestones that passed when handed in.")
    retained: Count = Field(default=0, description="Those of them that still pass at the end.")
    wording: Wording = Field(default="authored", description="`rephrased-…` when any text was said in other words.")
    incidents: Count = Field(default=0, description="Other words that were not used: they leak, lack or did not come.")
    seconds: Annotated[float, Field(ge=0)] = 0
    tokens: Count | None = None
    simulator: SimulatorVerdict | None = Field(
        default=None, description="What a reviewer found the simulated user did to this trial."
    )


class Measured(Record):
    """Machine-written JSON: integers are fine where floats are declared."""

    model_config = ConfigDict(strict=False)


class Rate(Measured):
    """A share of trials with its 95 % Wilson interval; None where nothing was tried."""

    passed: Count
    n: Count
    missing: Count = Field(description="Trials without a verdict: invalid ones, and those a simulated user spoilt.")
    rate: Share01 | None
    low: Share01 | None
    high: Share01 | None
    least: Share01 | None = Field(description="The rate if all that is missing had failed.")
    most: Share01 | None = Field(description="The rate if all that is missing had passed.")


class Difference(Measured):
    """Of two rates, with a 95 % interval."""

    value: float
    low: float
    high: float

    @property
    def established(self) -> bool:
        """Whether the interval leaves out zero."""
        return self.low > 0 or self.high < 0


class Share(Measured):
    """`got` of `of`, summed over trials. They depend on each other within a trial, so there is no interval."""

    got: Count
    of: Count

    @property
    def value(self) -> float | None:
        """None of nothing."""
        return self.got / self.of if self.of else None


class Trial(Record):
    """One trial, as openly as an annotator may see it."""

    arm: Text
    mode: CalibrationMode
    starts_at: Id | None
    outcome: Outcome
    passed: dict[Id, bool | None]
    turns: Count
    wording: Wording = "authored"
    incidents: Count = 0


class Arm(Record):
    """One agent. Only scripted policies of the tool are named; others are numbered in an order drawn from a secret."""

    name: Text
    scripted: bool = Field(description="Whether it follows a script: its results are never a model's.")
    ref: Sha256 | None = Field(description="Keyed digest by which the same agent is found again; none for policies.")
    cost: Difference | None = Field(description="Solve rate with the full specification minus with a simulated user.")


class PassAt(Measured):
    """Of `k` trials: chance that any solves the task (pass@k), and that all do (pass^k); None for n < k."""

    k: Annotated[int, Field(ge=1)]
    any: Share01 | None
    all: Share01 | None


class Sample(Measured):
    """All trials of one arm with one kind of user, from the task's own start."""

    arm: Text
    mode: CalibrationMode
    outcomes: dict[str, int] = Field(description="How many trials ended in each class; invalid ones are in no rate.")
    solved: Rate = Field(description="All milestones pass in the final state.")
    passes: list[PassAt]
    elicited: Share = Field(description="Intents revealed because asked, of those that could be: recall.")
    precise: Share = Field(description="Questions that revealed something, of those asked: precision.")
    correction: float | None = Field(description="Corrections plus 0.2 nudges, mean of the trials.")
    retained: Share = Field(description="Tests of earlier milestones that still pass, of those that passed once.")
    simulator: Share = Field(description="Trials that the simulated user did not spoil, of those reviewed.")
    seconds: float | None = Field(description="Median.")
    tokens: float | None = Field(description="Median.")


class MilestoneRates(Measured):
    """One milestone, one arm, one kind of user."""

    arm: Text
    mode: CalibrationMode
    milestone: Id
    solved: Rate
    given_previous: Rate | None = Field(description="Among trials that passed the one before; none for the first.")
    from_reference: Rate | None = Field(description="Begun on the reference solutions of all milestones before.")
    debt: Difference | None = Field(description="From the reference minus from the agent's own state.")
    turns: float | None = Field(description="Median of the user's turns until it first passed.")


class Item(Measured):
    """How well one test or criterion tells good trials from bad ones."""

    id: Text = Field(description="`milestone/test`, or the criterion.")
    passed: Share
    in_failing: Share = Field(description="Passed among trials that fail its milestone; a criterion's, the task.")
    discrimination: float | None = Field(
        description="Corrected item-total correlation (point-biserial, Henrysson 1963): with the share of the other "
        "items passed. None when either does not vary."
    )
    flag: Literal["", "always-passes", "always-fails", "weak"] = Field(
        description="`weak`: below 0.2 (Ebel 1972): passes almost as often where the rest fails."
    )


class Change(Measured):
    """A rate that is not what it was."""

    arm: Text
    mode: CalibrationMode
    milestone: Id | None = Field(description="None for the whole task.")
    before: Rate
    now: Rate
    difference: Difference = Field(description="Now minus before (Newcombe 1998, method 10).")
    apart: bool = Field(description="Whether the two intervals no longer overlap.")


class Drift(Record):
    """What changed since the calibration before."""

    previous_sha256: Sha256
    comparable: bool
    reason: str = Field(default="", description="Why all or some of it cannot be compared.")
    changes: list[Change] = Field(default=[], description="Rates whose difference is more than chance.")


class Calibration(VersionedRecord):
    """Generated by `assay calibrate`, committed. Nothing in it tells who an agent is."""

    model_config = ConfigDict(strict=False)

    task: Id
    content_sha256: Sha256 = Field(description="Harbor's content hash of the task directory; this file is outside it.")
    user_sha256: Sha256 | None = Field(
        default=None, description="Of user.yaml, which is outside that hash; none when every trial was told everything."
    )
    harness: Text
    seed: Text
    thresholds: Thresholds
    verdict: Verdict
    why: Text
    difficulty: Difficulty | None = Field(description="As measured; scripted policies measure none.")
    scripted: bool = Field(description="Whether the verdict rests on scripted policies, since no agent was tried.")
    mode: CalibrationMode = Field(description="The kind of user that the verdict rests on.")
    solved: Rate = Field(description="Pooled over the arms that count for the verdict.")
    arms: list[Arm]
    samples: list[Sample]
    milestones: list[MilestoneRates]
    tests: list[Item]
    criteria: list[Item]
    drift: Drift | None
    trials: list[Trial]

    @property
    def wordings(self) -> list[str]:
        """The ways in which the simulated user spoke, sorted; trials with different ones had different users."""
        graded = (trial for trial in self.trials if trial.mode == "simulated" and is_valid(trial.outcome))
        return sorted({trial.wording for trial in graded})


class CalibrationRun(VersionedRecord):
    """`.assay/calibrations/<task>/<run>/results.json`: what a calibration was computed from. It names the agents."""

    model_config = ConfigDict(strict=False)

    content_sha256: Sha256
    user_sha256: Sha256 | None
    harness: Text
    seed: Text
    results: list[TrialResult] = Field(description="Of trial-001, trial-002 and so on.")
    previous: Calibration | None = Field(description="What drift is measured against.")
