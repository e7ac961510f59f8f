"""Trials that were never run, for calibrations whose numbers are known."""

from __future__ import annotations

from collections.abc import Sequence

from assay.model.calibration import Calibration, TrialResult
from assay.model.settings import Thresholds
from assay.results.calibration import Subject, calibrate

MILESTONES = ("count-words", "skip-words")
SUBJECT = Subject(
    task="tally-words",
    content_sha256="a" * 64,
    user_sha256="b" * 64,
    milestones=MILESTONES,
    harness="assay 0.1.0",
    seed="s",
    key="k" * 64,
    thresholds=Thresholds(),
)


def trial(agent: str, *passed: bool | None, **more: object) -> TrialResult:
    """One trial; its tests are one for each milestone, and one more that always passes."""
    verdicts = dict(zip(MILESTONES, passed, strict=True))
    tests = {name: {"test_it": good is True, "test_runs": True} for name, good in verdicts.items()}
    data = {"agent": agent, "scripted": agent.startswith("policy-"), "mode": "simulated", "outcome": "scored"}
    return TrialResult.model_validate({**data, "passed": verdicts, "tests": tests} | more)


def invalid(agent: str, outcome: str = "invalid-agent", **more: object) -> TrialResult:
    """A trial without a grade."""
    return trial(agent, None, None, outcome=outcome, tests={}, **more)


def study() -> list[TrialResult]:
    """Two agents with both users, a few invalid trials, and some from the reference."""
    asks = {"questions": 4, "matched": 3, "reachable": 2, "turns": 6, "tokens": 9000, "seconds": 70.0}
    solves = {"revealed": 2, "once_passed": 2, "retained": 2, "turns_to": {"count-words": 2, "skip-words": 5}, **asks}
    half = {"revealed": 1, "corrections": 1, "nudges": 2, "turns_to": {"count-words": 3}, **asks}
    breaks = {"once_passed": 2, "retained": 1, "turns_to": {"count-words": 2, "skip-words": 6}, **asks}
    return [
        *[trial("keen-agent", True, True, criteria={"counts": True, "skips": True}, **solves) for _ in range(4)],
        trial("keen-agent", False, True, criteria={"counts": False, "skips": True}, **breaks),
        invalid("keen-agent"),
        *[trial("dull-agent", True, False, criteria={"counts": True, "skips": False}, **half) for _ in range(2)],
        *[trial("dull-agent", False, False, criteria={"counts": False, "skips": False}) for _ in range(3)],
        invalid("dull-agent", "invalid-environment"),
        *[trial("dull-agent", True, good, mode="full") for good in (True, True, True, False, False)],
        *[trial("dull-agent", True, good, starts_at="skip-words") for good in (True, True, True, True, False)],
        *[trial("policy-strong", True, True, **solves) for _ in range(5)],
    ]


def calibrated(results: Sequence[TrialResult] = (), previous: Calibration | None = None) -> Calibration:
    """The calibration of `study()`, or of other results."""
    return calibrate(SUBJECT, results or study(), previous)
