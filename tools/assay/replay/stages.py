"""One stage of a proof: a state of the work tree is brought about, and the tests of milestones run on it."""

from __future__ import annotations

import hashlib
import tarfile
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from assay.archives import untracked
from assay.errors import UsageError
from assay.executors import EngineError, Taken
from assay.executors.docker import Engine, Shell
from assay.executors.owners import scratch
from assay.hijack import BATTERY, FURTHER, LATE, plant
from assay.model.outcome import Outcome, Stage, StageKind, TestReport, is_valid
from assay.mutation import LIMIT, SCRIPT, Mutant, mutants
from assay.mutation.grading import classify
from assay.verification.preparation import Prepared, is_shared
from assay.verification.separate import examine, hand_over, verify
from assay.verification.shared import solve_live, verify_live
from assay.verification.solving import Solved, Work, solve
from assay.verification.verdicts import Verified
from assay.workspace import Attempt, Task
from assay.worktree import patched_artifacts

SOLUTION_LOG = "solution"
LINGER = 10.0
"""Seconds that something left running has to overwrite the reward of a shared verifier, also on a busy machine."""


@dataclass(frozen=True)
class Plan:
    """One stage that is still to run, as plain data: `solutions` are applied, a plant, or the patch of an attempt."""

    kind: StageKind
    name: str
    number: int
    expected: Mapping[str, bool]
    solutions: int = 0
    patch: bytes | None = None
    """The attempt's result."""
    recorded: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """What the attempt's own test reports say: status by milestone and test."""
    plant: str | None = None
    """The name of what a hijacking agent leaves behind."""
    mutant: Mutant | None = None

    @property
    def work(self) -> Work:
        """What is done in the agent's container."""
        if self.mutant and self.mutant.target == "solution":
            return Work(self.solutions, scripts={(self.mutant.milestone, self.mutant.path): self.mutant.content})
        if self.mutant:
            return Work(self.solutions, files={self.mutant.path: self.mutant.content})
        return Work(self.solutions, plant=plant(self.plant).script if self.plant else "")

    @property
    def title(self) -> str:
        """What a plant does, or what a mutant changes."""
        if self.mutant:
            folder = f"solution of `{self.mutant.milestone}`: " if self.mutant.milestone else ""
            return f"{folder}{self.mutant.operator} at {self.mutant.path}:{self.mutant.line}"
        return plant(self.plant).title if self.plant else ""


@dataclass(frozen=True)
class StageRun:
    """A stage and the logs it is based on: by milestone, and `solution`. Tests have recordings too."""

    stage: Stage
    logs: Mapping[str, bytes]
    casts: Mapping[str, bytes] = field(default_factory=dict)


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
            patch = (attempt.folder / "patches" / f"{reached[-1]}.patch").read_bytes()
            found.append(Plan("trajectory", attempt.alias, 1, expected, patch=patch, recorded=_statuses(attempt)))
    return found


def _statuses(attempt: Attempt) -> dict[str, dict[str, str]]:
    return {name: {test.name: test.status for test in entry.record.tests} for name, entry in attempt.reports.items()}


def hijack_plans(task: Task) -> list[Plan]:
    """One stage for each attempt to forge a verdict of `task`; the battery comes first."""
    names = dict.fromkeys(task.milestones, False)
    return [Plan("hijack", f"hijack-{name}", 1, names, plant=name) for name in (*BATTERY, *FURTHER)]


def mutant_plans(engine: Engine, prepared: Prepared, cap: int) -> list[Plan]:
    """One stage for each of at most `cap` faults put into what the reference solutions wrote. Raises EngineError."""
    names = prepared.file.milestones
    with scratch() as folder:
        (folder / "before").mkdir()
        (folder / "after").mkdir()
        before = _contents(solve(engine, prepared, Work(), folder / "before").taken)
        solved = solve(engine, prepared, Work(len(names)), folder / "after")
        if not is_valid(solved.outcome):
            raise EngineError(solved.reason)
        after = _contents(solved.taken)
    changed = {path: (before.get(path), text) for path, text in after.items() if before.get(path) != text}
    found = mutants(changed, {name: _solution(prepared.task, name) for name in names}, cap)
    expected = dict.fromkeys(names, True)
    return [Plan("mutant", mutant.name, 1, expected, len(names), mutant=mutant) for mutant in found]


def _solution(task: Task, milestone: str) -> bytes:
    own = task.folder / "steps" / milestone / "solution" / SCRIPT
    return (own if own.is_file() else task.folder / "solution" / SCRIPT).read_bytes()


def _contents(taken: Taken) -> dict[str, bytes]:
    """The plain files among the artifacts that are small enough to be somebody's writing, by absolute path."""
    found = {}
    for path, file in taken.items():
        if file is None:
            continue
        with tarfile.open(file) as archive:
            for member in archive:
                name = str(PurePosixPath(path, *PurePosixPath(member.name).parts[1:]))
                content = archive.extractfile(member) if member.isreg() and member.size <= LIMIT else None
                if content is not None and not untracked(name):
                    found[name] = content.read()
    return found


def plan_digest(plan: Plan) -> str | None:
    """Hex SHA-256 of the patch that the plan tests; None when it tests none."""
    return hashlib.sha256(plan.patch).hexdigest() if plan.patch is not None else None


def run_stage(engine: Engine, prepared: Prepared, plan: Plan, baseline: Stage | None = None) -> StageRun:
    """Bring about the state that `plan` names and run the tests of every milestone it expects something of.

    A milestone whose separate verifier would receive the very bytes that it received in `baseline` is not tested again.
    """
    bench = _Bench(engine, prepared, plan, baseline)
    with scratch() as folder, ExitStack() as containers:
        try:
            bench.run(folder, containers)
        except EngineError as error:
            bench.outcome, bench.reason = "invalid-environment", str(error)
    return bench.result()


def undecided(plan: Plan, reason: str) -> StageRun:
    """The stage when the environment did not let it happen."""
    return StageRun(_stage(plan, "invalid-environment", reason), {})


class _Bench:
    """A stage as it grows."""

    def __init__(self, engine: Engine, prepared: Prepared, plan: Plan, baseline: Stage | None) -> None:
        self.engine, self.prepared, self.plan, self.baseline = engine, prepared, plan, baseline
        self.started = time.monotonic()
        self.outcome: Outcome = "scored"
        self.reason = ""
        self.reports: list[TestReport] = []
        self.logs: dict[str, bytes] = {}
        self.casts: dict[str, bytes] = {}
        self.inputs: dict[str, str] = {}
        self.same: set[str] = set()

    def run(self, folder: Path, containers: ExitStack) -> None:
        """Fill in everything; a live container ends with `containers`. Raises EngineError."""
        plan, prepared = self.plan, self.prepared
        shell: Shell | None = None
        if plan.patch is not None:
            solved = self._patched(plan.patch, folder)
        elif any(is_shared(prepared.file, name) for name in plan.expected):
            solved, shell = containers.enter_context(solve_live(self.engine, prepared, plan.work, folder))
        else:
            solved = solve(self.engine, prepared, plan.work, folder)
        self.outcome, self.reason = solved.outcome, solved.reason
        if plan.patch is None:
            self.logs[SOLUTION_LOG] = solved.log
        if solved.idle or not is_valid(solved.outcome):
            return
        for milestone in plan.expected:
            done = self._verified(milestone, solved, shell, folder)
            self.reports.append(done.report)
            if not is_valid(done.report.outcome) and is_valid(self.outcome):
                self.outcome, self.reason = done.report.outcome, f"{milestone}: {done.report.reason}"
            if plan.mutant and not done.report.passed:
                return

    def _patched(self, patch: bytes, folder: Path) -> Solved:
        """The artifacts of an attempt, from the image and the attempt's last patch alone."""
        try:
            return Solved("scored", "", patched_artifacts(self.engine, self.prepared, patch, folder), b"")
        except UsageError as error:
            return Solved("invalid-environment", error.message, {}, b"")

    def _verified(self, milestone: str, solved: Solved, shell: Shell | None, folder: Path) -> Verified:
        engine, prepared = self.engine, self.prepared
        if is_shared(prepared.file, milestone):
            if shell is None:
                done = verify(engine, prepared, milestone, solved.taken, folder)
            else:
                linger = LINGER if self.plan.plant in LATE else 0.0
                done = verify_live(engine, shell, prepared, milestone, folder, linger)
        else:
            given = hand_over(prepared, milestone, solved.taken, folder)
            self.inputs[milestone] = given.digest
            earlier = self._earlier(milestone, given.digest)
            if earlier:
                self.same.add(milestone)
                return Verified(earlier, b"")
            done = examine(engine, prepared, milestone, given)
        self.logs[milestone] = done.log
        if done.cast:
            self.casts[milestone] = done.cast
        return done

    def _earlier(self, milestone: str, digest: str) -> TestReport | None:
        """What the same tests said of the same bytes in the baseline."""
        if self.baseline is None or self.baseline.inputs.get(milestone) != digest:
            return None
        found = (report for report in self.baseline.reports if report.milestone == milestone)
        return next((report for report in found if is_valid(report.outcome)), None)

    def result(self) -> StageRun:
        """The finished stage."""
        stage = _stage(self.plan, self.outcome, self.reason, self.reports)
        same = self.baseline if self.same == set(self.plan.expected) else None
        more: dict[str, object] = {
            "inputs": self.inputs,
            "same_as": same.name if same else "",
            "seconds": round(time.monotonic() - self.started, 3),
        }
        if self.plan.mutant:
            more["mutant"] = classify(self.outcome, self.reports, self.plan.expected, equivalent=same is not None)
        return StageRun(stage.model_copy(update=more), self.logs, self.casts)


def _stage(plan: Plan, outcome: Outcome, reason: str, reports: Sequence[TestReport] = ()) -> Stage:
    return Stage(
        kind=plan.kind,
        name=plan.name,
        title=plan.title,
        attempt=plan.number,
        outcome=outcome,
        reason=reason,
        expected=dict(plan.expected),
        patch_sha256=plan_digest(plan),
        differences=_differences(plan.recorded, reports, absent=True),
        notes=_differences(plan.recorded, reports, absent=False),
        diff=plan.mutant.diff if plan.mutant else "",
        mutant="invalid" if plan.mutant else None,
        reports=list(reports),
        seconds=0,
    )


def _differences(
    recorded: Mapping[str, Mapping[str, str]], reports: Sequence[TestReport], *, absent: bool
) -> list[str]:
    """Single tests that came out otherwise than recorded: those that one side lacks, or those that both have."""
    found = []
    for report in reports if recorded else ():
        before = recorded[report.milestone]
        now = {test.name: test.status for test in report.tests}
        for name in dict.fromkeys((*before, *now)):
            if before.get(name) != now.get(name) and (name in before and name in now) is not absent:
                was, now_is = before.get(name, "absent"), now.get(name, "absent")
                found.append(f"{report.milestone}/{name}: recorded {was}, now {now_is}")
    return found
