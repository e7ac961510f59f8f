"""Proofs of tasks, and re-tests of recorded trajectories.

A task is proven by states of its work tree: untouched (every milestone's tests must fail), after each reference
solution (its own tests and all earlier ones pass, the next ones fail), and after all of them (everything passes).
A trajectory reproduces when its last patch, applied to the image, gets the results that were recorded for it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from assay import __version__
from assay.contents import content_hash, file_hash
from assay.errors import UsageError
from assay.executors import EngineError, Taken
from assay.executors.docker import Engine
from assay.executors.owners import scratch
from assay.model.outcome import Outcome, Proof, Stage, TestReport, is_valid
from assay.storage import as_json, write_whole
from assay.verification import Prepared, prepare, solve, verify
from assay.workspace import PROOFS, Attempt, Task
from assay.worktree import patched_artifacts

SOLUTION_LOG = "solution"
HARNESS = f"assay {__version__}"


@dataclass(frozen=True)
class Plan:
    """One stage that is still to run: `solutions` are applied, or the patch of `attempt`."""

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


@dataclass
class Request:
    """A task to replay and what has come of it so far."""

    task: Task
    plans: Sequence[Plan]
    folder: Path
    """Where its evidence goes."""
    started: datetime = field(default_factory=lambda: datetime.now(UTC))
    prepared: Prepared | None = None
    runs: list[StageRun] = field(default_factory=list)


Progress = Callable[[Request, StageRun | None], None]
"""Called for every finished stage, and with None when the image is ready."""


def plans(task: Task, attempts: Sequence[Attempt] = (), repeat: int = 1) -> list[Plan]:
    """The stages that prove `task` and re-test `attempts`; the oracle runs `repeat` times."""
    names = task.milestones
    found = [Plan("no-op", 1, dict.fromkeys(names, False))]
    for count in range(1, len(names)):
        expected = {name: place < count for place, name in enumerate(names[: count + 1])}
        found.append(Plan(f"ladder-{count}", 1, expected, count))
    found += [Plan("oracle", n + 1, dict.fromkeys(names, True), len(names)) for n in range(repeat)]
    for attempt in attempts:
        recorded = {name: entry.record.passed for name, entry in attempt.reports.items()}
        expected = {name: recorded[name] for name in names if recorded.get(name) is not None}  # type: ignore[misc]
        reached = [name for name in names if name in attempt.patches]
        if expected and reached:
            patch = attempt.folder / "patches" / f"{reached[-1]}.patch"
            found.append(Plan(attempt.alias, 1, expected, attempt=attempt, patch=patch))
    return found


def request(root: Path, engine: Engine, task: Task, attempts: Sequence[Attempt] = (), repeat: int = 1) -> Request:
    """A replay of `task`, with a folder of its own for evidence that no other run shares."""
    now = datetime.now(UTC)
    folder = root / PROOFS / task.id / f"{now:%Y%m%dT%H%M%SZ}-{engine.run_id}"
    return Request(task, plans(task, attempts, repeat), folder, now)


def still_proven(item: Request, engine: Engine) -> Proof | None:
    """The newest proof on this machine, when everything that `item` would run is in it and nothing has changed since.

    What counts is the task's content, the image, each trajectory's patch and recorded results, and Assay's version.
    """
    proof = item.task.proof
    if proof is None or proof.verdict != "proven" or proof.harness != HARNESS or proof.image is None:
        return None
    ran = {(stage.name, stage.attempt, stage.patch_sha256, tuple(stage.expected.items())) for stage in proof.stages}
    wanted = {(plan.name, plan.number, _digest(plan), tuple(plan.expected.items())) for plan in item.plans}
    if not wanted <= ran or proof.content_sha256 != content_hash(item.task.folder):
        return None
    return proof if engine.has_image(proof.image.id) else None


def _digest(plan: Plan) -> str | None:
    return file_hash(plan.patch) if plan.patch else None


def replay(
    requests: Sequence[Request], engine: Engine, pool: Executor, progress: Progress
) -> Iterator[tuple[Request, Proof]]:
    """Run all stages of all requests on `pool`; yields each task's proof when its last stage has ended.

    Every stage leaves its evidence when it ends, so an interruption loses only what was still running.
    """
    pending: dict[Future[Prepared | EngineError | StageRun], Request] = {
        pool.submit(_prepared, engine, item.task): item for item in requests
    }
    left = {id(item): len(item.plans) for item in requests}
    while pending:
        for future in wait(pending, return_when=FIRST_COMPLETED).done:
            item, result = pending.pop(future), future.result()
            if isinstance(result, StageRun):
                _keep(item, result, progress)
                left[id(item)] -= 1
            elif isinstance(result, Prepared):
                item.prepared = result
                progress(item, None)
                pending |= {pool.submit(_ran, engine, result, plan): item for plan in item.plans}
            else:
                left[id(item)] = 0
                for plan in item.plans:
                    _keep(item, _undecided(plan, str(result)), progress)
            if left[id(item)] == 0:
                yield item, _finish(item, engine)


def _prepared(engine: Engine, task: Task) -> Prepared | EngineError | StageRun:
    try:
        return prepare(engine, task)
    except EngineError as error:
        return error


def _ran(engine: Engine, prepared: Prepared, plan: Plan) -> Prepared | EngineError | StageRun:
    return run_stage(engine, prepared, plan)


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
            return _undecided(plan, str(error), time.monotonic() - started)
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
        name=plan.name,
        attempt=plan.number,
        outcome=outcome,
        reason=reason,
        expected=dict(plan.expected),
        patch_sha256=_digest(plan),
        differences=_differences(plan.attempt, reports, absent=True) if plan.attempt else [],
        notes=_differences(plan.attempt, reports, absent=False) if plan.attempt else [],
        reports=reports,
        seconds=round(seconds, 3),
    )


def _undecided(plan: Plan, reason: str, seconds: float = 0.0) -> StageRun:
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


def _keep(item: Request, run: StageRun, progress: Progress) -> None:
    """Write a stage's evidence; files appear complete or not at all."""
    item.runs.append(run)
    stage = run.stage
    folder = item.folder / (stage.name if stage.attempt == 1 else f"{stage.name}-{stage.attempt}")
    for report in stage.reports:
        write_whole(folder / f"{report.milestone}.json", as_json(report))
    for name, log in run.logs.items():
        write_whole(folder / f"{name}.log", log)
    progress(item, run)


def _finish(item: Request, engine: Engine) -> Proof:
    order = {(plan.name, plan.number): place for place, plan in enumerate(item.plans)}
    stages = sorted((run.stage for run in item.runs), key=lambda stage: order[stage.name, stage.attempt])
    proof = Proof(
        format=1,
        task=item.task.id,
        content_sha256=content_hash(item.task.folder),
        image=item.prepared.image.record if item.prepared else None,
        engine=engine.version,
        harness=HARNESS,
        started=item.started.isoformat(timespec="milliseconds"),
        finished=datetime.now(UTC).isoformat(timespec="milliseconds"),
        stages=stages,
    )
    write_whole(item.folder / "replay.json", as_json(proof))
    return proof
