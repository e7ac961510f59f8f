"""One stage of a proof: a state of the work tree is brought about, and the tests of milestones run on it."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from assay.contents import file_hash
from assay.errors import UsageError
from assay.executors import EngineError, Taken
from assay.executors.docker import Engine
from assay.executors.owners import scratch
from assay.model.outcome import Outcome, Stage, StageKind, TestReport, is_valid
from assay.verification import Prepared, solve, verify
from assay.workspace import Attempt, Task
from assay.worktree import patched_artifacts

SOLUTION_LOG = "solution"


@dataclass(frozen=True)
class Plan:
    """One stage that is still to run: `solutions` are applied, or the patch of `attempt`."""

    kind: StageKind
    name: str
    number: int
    expected: Mapping[str, bool]
    solutions: int = 0
    attempt: Attempt | None = None
    patch: Path | None = None
    """The attempt's result."""


@dataclass(frozen=True)
class StageRun:
    """A stage and the logs it is based on: by milestone, and `solution`."""

    stage: Stage
    logs: Mapping[str, bytes]


def plans(task: Task, attempts: Sequence[Attempt] = (), repeat: int = 1) -> list[Plan]:
    """The stages that prove `task` and re-test `attempts`; the oracle runs `repeat` times."""
    names = task.milestones
    found = [Plan("no-op", "no-op", 1, dict.fromkeys(names, False))]
    for count in range(1, len(names)):
        expected = {name: place < count for place, name in enumerate(names[: count + 1])}
        found.append(Plan("ladder", f"ladder-{count}", 1, expected, count))
    found += [Plan("oracle", "oracle", n + 1, dict.fromkeys(names, True), len(names)) for n in range(repeat)]
    for attempt in attempts:
        recorded = {name: entry.record.passed for name, entry in attempt.reports.items()}
        expected = {name: recorded[name] for name in names if recorded.get(name) is not None}  # type: ignore[misc]
        reached = [name for name in names if name in attempt.patches]
        if expected and reached:
            patch = attempt.folder / "patches" / f"{reached[-1]}.patch"
            found.append(Plan("trajectory", attempt.alias, 1, expected, attempt=attempt, patch=patch))
    return found


def plan_digest(plan: Plan) -> str | None:
    """Hex SHA-256 of the patch that the plan tests; None when it tests none."""
    return file_hash(plan.patch) if plan.patch else None


def run_stage(engine: Engine, prepared: Prepared, plan: Plan) -> StageRun:
    """Bring about the state that `plan` names and run the tests of every milestone it expects something of."""
    started = time.monotonic()
    logs: dict[str, bytes] = {}
    reports: list[TestReport] = []
    with scratch() as folder:
        try:
            if plan.patch:
                outcome, reason, taken = _patched(engine, prepared, plan.patch, folder)
            else:
                solved = solve(engine, prepared, plan.solutions, folder)
                outcome, reason, taken = solved.outcome, solved.reason, solved.taken
                logs[SOLUTION_LOG] = solved.log
        except EngineError as error:
            return undecided(plan, str(error), time.monotonic() - started)
        for milestone in plan.expected if is_valid(outcome) else ():
            done = verify(engine, prepared, milestone, taken, folder)
            reports.append(done.report)
            logs[milestone] = done.log
    invalid = next((report for report in reports if not is_valid(report.outcome)), None)
    if invalid:
        outcome, reason = invalid.outcome, f"{invalid.milestone}: {invalid.reason}"
    return StageRun(_stage(plan, outcome, reason, reports, time.monotonic() - started), logs)


def _stage(plan: Plan, outcome: Outcome, reason: str, reports: list[TestReport], seconds: float) -> Stage:
    return Stage(
        kind=plan.kind,
        name=plan.name,
        attempt=plan.number,
        outcome=outcome,
        reason=reason,
        expected=dict(plan.expected),
        patch_sha256=plan_digest(plan),
        differences=_differences(plan.attempt, reports, absent=True) if plan.attempt else [],
        notes=_differences(plan.attempt, reports, absent=False) if plan.attempt else [],
        reports=reports,
        seconds=round(seconds, 3),
    )


def undecided(plan: Plan, reason: str, seconds: float = 0.0) -> StageRun:
    """The stage when the environment did not let it happen."""
    return StageRun(_stage(plan, "invalid-environment", reason, [], seconds), {})


def _differences(attempt: Attempt, reports: Sequence[TestReport], *, absent: bool) -> list[str]:
    """Single tests that came out otherwise than recorded: those that one side lacks, or those that both have."""
    found = []
    for report in reports:
        before = {test.name: test.status for test in attempt.reports[report.milestone].record.tests}
        now = {test.name: test.status for test in report.tests}
        for name in dict.fromkeys((*before, *now)):
            if before.get(name) != now.get(name) and (name in before and name in now) is not absent:
                was, now_is = before.get(name, "absent"), now.get(name, "absent")
                found.append(f"{report.milestone}/{name}: recorded {was}, now {now_is}")
    return found


def _patched(engine: Engine, prepared: Prepared, patch: Path, folder: Path) -> tuple[Outcome, str, Taken]:
    """The artifacts of an attempt, from the image and the attempt's last patch alone."""
    try:
        return "scored", "", patched_artifacts(engine, prepared, patch.read_bytes(), folder)
    except UsageError as error:
        return "invalid-environment", error.message, {}
