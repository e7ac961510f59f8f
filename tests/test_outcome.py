"""Test reports and proofs as values: which tests a name means, and what a proof says."""

from __future__ import annotations

from typing import Literal

import pytest

from assay.model.outcome import Outcome, Proof, Stage, TestReport, TestResult

Status = Literal["passed", "failed", "error", "skipped"]


def report(milestone: str, passed: bool | None, **tests: Status) -> TestReport:
    outcome: Outcome = "scored" if passed is not None else "invalid-verifier"
    results = [TestResult(name=name.replace("__", "["), status=status, seconds=0) for name, status in tests.items()]
    return TestReport(
        format=1,
        milestone=milestone,
        outcome=outcome,
        passed=passed,
        reward=None,
        tests=results,
        exit_code=0,
        seconds=0,
        image=None,
    )


def stage(*found: bool | None, outcome: Outcome = "scored", differences: tuple[str, ...] = ()) -> Stage:
    reports = [report(f"m{n}", passed) for n, passed in enumerate(found)]
    expected = {f"m{n}": True for n in range(len(found))}
    return Stage(
        kind="ladder",
        name="oracle",
        outcome=outcome,
        expected=expected,
        reports=reports,
        seconds=0,
        differences=list(differences),
    )


def proof(*stages: Stage) -> Proof:
    return Proof(
        format=1,
        task="t",
        content_sha256="0" * 64,
        image=None,
        engine="e",
        harness="h",
        started="s",
        finished="f",
        stages=list(stages),
    )


def test_a_name_without_brackets_means_all_cases_but_no_longer_name() -> None:
    one = report("m", True, test_a="passed", test_b__1="passed", test_b__2="failed", test_bc="failed")
    assert [test.name for test in one.matching("test_b")] == ["test_b[1", "test_b[2"]
    assert [test.name for test in one.matching("test_b[2")] == ["test_b[2"]
    assert [test.name for test in one.matching("test_a")] == ["test_a"]
    assert one.matching("test_") == []


@pytest.mark.parametrize(
    ("stages", "verdict"),
    [
        ([stage(True), stage(True, True)], "proven"),
        ([stage(True), stage(True, False)], "refuted"),
        ([stage(True, None)], "invalid"),
        ([stage(True, None), stage(False)], "refuted"),
        ([stage(True, outcome="invalid-environment")], "invalid"),
        ([stage(True, differences=("m0/x: recorded passed, now absent",))], "refuted"),
        ([], "invalid"),
    ],
)
def test_verdict(stages: list[Stage], verdict: str) -> None:
    assert proof(*stages).verdict == verdict


def test_nothing_invalid_holds_or_fails() -> None:
    assert stage(True, None).holds is None
    assert stage(False, None).holds is None
