"""What running a milestone's tests needs and gives, wherever they run: their files and variables, and the report."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from assay.model.outcome import Outcome, TestReport
from assay.rewards import judge
from assay.verification.preparation import Prepared, resolve
from assay.verification.solving import merge
from assay.verification.terminal_bench import rewarded

LOGS = "/logs/verifier"
LATE = "the tests did not end within {:g} s"
KILLED = "the tests were killed before their {:g} s were over: out of memory, or by a process of their own"
STEADY = {"TZ": "UTC", "LANG": "C.UTF-8", "PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1"}
"""Makes the same tests give the same answer on every machine."""


@dataclass(frozen=True)
class Verified:
    """A test report and the log it names."""

    report: TestReport
    log: bytes
    cast: bytes = b""
    """The same output as an asciicast v2 recording; empty when no test ran."""


def reported(
    prepared: Prepared,
    milestone: str,
    files: Mapping[str, bytes],
    exit_code: int | None,
    seconds: float,
    log: bytes,
    rejected: list[str],
) -> Verified:
    """The report on tests that ran: `files` are those of /logs/verifier, `exit_code` is None when they never ended."""
    step = prepared.step(milestone)
    verdict = judge(rewarded(files), exit_code, step.min_reward)
    limit = step.verifier.timeout_sec
    stopped = {None: LATE, 124: LATE, 137: KILLED if seconds < limit else LATE}.get(exit_code)
    report = _report(
        prepared,
        milestone,
        verdict.outcome,
        stopped.format(limit) if stopped else verdict.reason,
        log,
        passed=verdict.passed,
        reward=verdict.reward,
        tests=list(verdict.tests),
        exit_code=exit_code,
        seconds=round(seconds, 3),
        rejected=rejected,
    )
    return Verified(report, log)


def invalid(
    prepared: Prepared, milestone: str, reason: str, log: bytes = b"", outcome: Outcome = "invalid-environment"
) -> Verified:
    """The report on tests that could not be run."""
    return Verified(_report(prepared, milestone, outcome, reason, log), log)


def _report(
    prepared: Prepared, milestone: str, outcome: Outcome, reason: str, log: bytes, **found: object
) -> TestReport:
    nothing: dict[str, object] = {"passed": None, "reward": None, "tests": [], "exit_code": None, "seconds": 0.0}
    image = prepared.verifiers.get(milestone, prepared.image).record.id
    fixed = {"format": 1, "milestone": milestone, "outcome": outcome, "image": image, "reason": reason}
    return TestReport.model_validate(
        nothing | found | fixed | {"log_sha256": hashlib.sha256(log).hexdigest()},
    )


def tests_variables(prepared: Prepared, milestone: str) -> dict[str, str]:
    """The environment variables of a milestone's tests."""
    verifiers = prepared.file.verifier.env | prepared.step(milestone).verifier.env
    return STEADY | resolve(prepared.tests_environment(milestone).env | verifiers)


def write_tests(prepared: Prepared, milestone: str, folder: Path) -> Path:
    """What the verifier of `milestone` has as /tests, in the new `folder`."""
    task = prepared.task.folder
    merge([task / "tests", task / "steps" / milestone / "tests"], folder)
    return folder
