"""Classes of mutants, and their score."""

from __future__ import annotations

import pytest

from assay.model.outcome import MutantClass, Outcome, Stage, TestReport, TestResult
from assay.mutation.grading import classify, score


def report(milestone: str, passed: bool | None, message: str = "") -> TestReport:
    return TestReport(
        format=1,
        milestone=milestone,
        outcome="invalid-verifier" if passed is None else "scored",
        passed=passed,
        reward=None if passed is None else float(passed),
        tests=[TestResult(name="t", status="passed" if passed else "failed", seconds=0, message=message)],
        exit_code=0,
        seconds=0,
        image=None,
    )


@pytest.mark.parametrize(
    ("outcome", "reports", "expected"),
    [
        ("scored", [report("a", True), report("b", True)], "survived"),
        ("scored", [report("a", True), report("b", False)], "killed"),
        ("scored", [report("a", False)], "killed"),
        ("scored", [report("a", True)], "invalid"),
        ("scored", [], "invalid"),
        ("invalid-verifier", [report("a", True), report("b", None)], "invalid"),
        ("invalid-environment", [], "invalid"),
        ("invalid-agent", [], "trivial"),
        ("scored", [report("a", False, "E   SyntaxError: invalid syntax")], "trivial"),
        ("scored", [report("a", False, "`make` failed:\nsrc/queue.c:53:8: error: expected ';'")], "trivial"),
        ("scored", [report("a", False, "assert 'no error: ' in out")], "killed"),
    ],
)
def test_classes(outcome: Outcome, reports: list[TestReport], expected: MutantClass) -> None:
    assert classify(outcome, reports, ["a", "b"]) == expected
    assert classify(outcome, reports, ["a", "b"], equivalent=True) == "equivalent"


def stage(found: MutantClass | None) -> Stage:
    return Stage(kind="mutant", name="mutant-01", outcome="scored", expected={}, reports=[], mutant=found, seconds=1)


def test_the_score_counts_killed_and_survived_alone() -> None:
    classes: list[MutantClass | None] = ["killed"] * 8
    classes += ["survived", "survived", "trivial", "equivalent", "invalid", None]
    killed, survived, interval = score(map(stage, classes))
    assert (killed, survived) == (8, 2)
    assert interval is not None
    assert (round(interval.low, 3), round(interval.high, 3)) == (0.49, 0.943)
    assert score([stage("invalid")]) == (0, 0, None)
