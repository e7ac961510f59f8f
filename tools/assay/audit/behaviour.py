"""Task rules that running the task decides: what a proof by `assay replay` shows."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

from assay.audit import declare_task_rule
from assay.audit.folder import Goal, TaskFolder
from assay.diagnostics import Diagnostic, Severity
from assay.model.outcome import Proof, Stage
from assay.model.task import DEFAULT_TIMEOUT

SLOW = 0.8
"""The share of its time limit beyond which a verifier is slow."""
NOT_RUN = "environment-broken"
SURVIVORS = 10
"""Mutants that are reported one by one."""

declare_task_rule(
    "reference-fails",
    """The reference solution passes its own tests, in a fresh container.

Tests that refuse right work refuse everybody's.

Bad:
    oracle: 0 of 3 pass

Good:
    oracle: 3 of 3 pass
""",
)
declare_task_rule(
    "reference-flaky",
    """The reference solution passes every time.

When the same work passes once and fails once, each single grade is partly chance.

Bad:
    oracle: 2 of 3 pass

Good:
    oracle: 3 of 3 pass
""",
)
declare_task_rule(
    "no-op-passes",
    """The untouched environment fails the tests of every milestone.

What passes without any work measures nothing.

Bad:
    no-op: the tests of `merge-rows` pass

Good:
    no-op: the tests of `merge-rows` fail
""",
)
declare_task_rule(
    "ladder-broken",
    """After each reference solution exactly the milestones so far pass.

A milestone that passes early is free; one that a later solution breaks can never be kept.

Bad:
    after the solution of `merge-rows` the tests of `write-report` pass

Good:
    after the solution of `merge-rows` the tests of `write-report` fail
""",
)
declare_task_rule(
    "verifier-forged",
    """No plant of an agent that did no work makes the tests pass.

Agents have done each of these things. A verifier in a container of its own, which is handed declared artifacts only,
withstands them.

Bad:
    the plant `path-wrapper` passes the tests of `merge-rows`

Good:
    environment_mode = "separate"
""",
)
declare_task_rule(
    "mutant-survived",
    """The tests fail when the reference is broken on purpose.

A change that no test notices is work that nobody checks. Some changes make no difference that matters: read the diff.

Bad:
    -    if amount > limit:
    +    if amount >= limit:      # all tests pass

Good:
    assert accepts(limit) and not accepts(limit + 1)
""",
    Severity.WARNING,
)
declare_task_rule(
    "verifier-slow",
    """Tests end well within their time limit: in at most 80 % of it.

On a busier machine the rest is gone, and right work times out.

Bad:
    timeout_sec = 60     # the tests took 55 s

Good:
    timeout_sec = 180
""",
    Severity.WARNING,
)
declare_task_rule(
    "reference-over-limit",
    """The agent has at least the time that the reference solution takes.

Otherwise nobody can finish, however good.

Bad:
    timeout_sec = 60     # solve.sh took 90 s

Good:
    timeout_sec = 600
""",
)
declare_task_rule(
    NOT_RUN,
    """The task can be run: its image builds, its containers start, its verifier gives a verdict.

What could not be run is not assessed. That is no failing grade of the task, and no passing one either.

Bad:
    the Dockerfile installs a package that is gone

Good:
    the Dockerfile builds without a network, from a base that is there
""",
    Severity.WARNING,
)
for _id, _summary, _bad in (
    ("image-holds-tests", "The image holds none of the task's tests, in whatever form.", "/app/tests/test_totals.py"),
    ("image-holds-solution", "The image holds nothing of the reference solution.", "/opt/.cache/x.zip"),
    ("image-shell-history", "The image holds no history of a shell.", "/root/.bash_history"),
    ("image-git-history", "Repositories in the image hold nothing that their HEAD does not reach.", "/app/.git"),
):
    declare_task_rule(
        _id,
        f"""{_summary}

What the agent can read there is not its own work. The built file system is looked at, not the Dockerfile.

Bad:
    {_bad}

Good:
    /app/orders.csv
""",
    )


def findings(folder: TaskFolder, proof: Proof) -> list[Diagnostic]:
    """What `proof` shows of the task, at the files that it is about."""
    parts = (_reference, _states, _forged, _survivors, _times, _image, _undecided)
    return [item for part in parts for item in part(folder, proof)]


def is_assessed(proof: Proof) -> bool:
    """Whether it shows anything: the untouched image or the reference has a verdict."""
    return any(stage.holds is not None for kind in ("no-op", "oracle") for stage in _of(proof, kind))


def _of(proof: Proof, kind: str) -> list[Stage]:
    return [stage for stage in proof.stages if stage.kind == kind]


def _reference(folder: TaskFolder, proof: Proof) -> Iterator[Diagnostic]:
    decided = [stage for stage in _of(proof, "oracle") if stage.holds is not None]
    held = sum(stage.holds is True for stage in decided)
    if held == len(decided):
        return
    from assay.results.intervals import wilson

    failing = "; ".join(dict.fromkeys(text for stage in decided for text in _disagreements(stage)))
    file = next(iter(folder.solutions), folder.settings_file)
    if held == 0:
        yield folder.at(file, 1, "reference-fails", f"must pass in a fresh container, found {failing}")
        return
    share = wilson(held, len(decided))
    message = f"must pass every time, found {held} of {len(decided)} [{share.low:.2f}, {share.high:.2f}]: {failing}"
    yield folder.at(file, 1, "reference-flaky", message)


def _disagreements(stage: Stage) -> Iterator[str]:
    """One sentence for each milestone that did not come out as expected."""
    for report in stage.reports:
        if report.passed is not None and report.passed is not stage.expected.get(report.milestone):
            failed = [test.name for test in report.tests if test.status in ("failed", "error")]
            names = f" ({', '.join(failed[:5])}{', …' if len(failed) > 5 else ''})" if failed else ""
            yield f"the tests of `{report.milestone}` {'pass' if report.passed else f'fail{names}'}"


def _states(folder: TaskFolder, proof: Proof) -> Iterator[Diagnostic]:
    """What passes in the untouched environment, or after some of the solutions only."""
    for kind, rule in (("no-op", "no-op-passes"), ("ladder", "ladder-broken")):
        for stage in _of(proof, kind):
            for text in _disagreements(stage) if stage.holds is False else ():
                when = "without any work" if kind == "no-op" else f"at `{stage.name}`"
                yield folder.at(_script(folder), 1, rule, f"{when} {text}")


def _script(folder: TaskFolder) -> str:
    return next((goal.script for goal in folder.goals if goal.script), folder.settings_file)


def _forged(folder: TaskFolder, proof: Proof) -> Iterator[Diagnostic]:
    tried = [stage for stage in _of(proof, "hijack") if stage.holds is not None]
    plants = [stage.name.removeprefix("hijack-") for stage in tried if stage.forged]
    if plants:
        names = ", ".join(f"`{name}`" for name in plants)
        message = f"{len(plants)} of {len(tried)} plants pass the tests without any work: {names}"
        yield folder.at(_script(folder), 1, "verifier-forged", message)


def _survivors(folder: TaskFolder, proof: Proof) -> Iterator[Diagnostic]:
    survivors = [stage for stage in _of(proof, "mutant") if stage.mutant == "survived"]
    file = next(iter(folder.solutions), folder.settings_file)
    for stage in islice(survivors, SURVIVORS):
        lines = stage.diff.splitlines()
        changed = (line for line in lines if line[:1] in "+-" and line[:3] not in ("+++", "---"))
        shown = "; ".join(" ".join(line.split()) for line in islice(changed, 2))
        message = f"all tests pass with `{stage.name}`, {stage.title or 'a change of the reference'}: {shown}"
        yield folder.at(file, 1, "mutant-survived", message)
    if len(survivors) > SURVIVORS:
        message = f"all tests pass with {len(survivors) - SURVIVORS} more mutants"
        yield folder.at(file, 1, "mutant-survived", message)


def _times(folder: TaskFolder, proof: Proof) -> Iterator[Diagnostic]:
    """How long the reference and its tests took, against the limits."""
    stages = [stage for stage in _of(proof, "oracle") if stage.holds is not None]
    limits = [_limit(folder, goal, "agent", "max_agent_timeout_sec", None) for goal in folder.goals]
    given = sum(limit for limit in limits if limit is not None)
    taken = max((stage.seconds - sum(report.seconds for report in stage.reports) for stage in stages), default=0.0)
    if all(limit is not None for limit in limits) and taken > given:
        message = f"the agent gets {given:g} s, the reference took {taken:.0f} s"
        yield folder.at(folder.settings_file, 1, "reference-over-limit", message)
    # a replay may call milestones otherwise than their folders; their order is the same
    for goal, name in zip(folder.goals, stages[0].expected if stages else (), strict=False):
        limit = _limit(folder, goal, "verifier", "max_test_timeout_sec", _default(folder))
        reports = [report for stage in stages for report in stage.reports if report.milestone == name]
        slowest = max((report.seconds for report in reports), default=0.0)
        if limit is not None and slowest > SLOW * limit:
            message = f"the tests of `{goal.name}` took {slowest:.1f} s of {limit:g} s"
            yield folder.at(goal.script or folder.settings_file, 1, "verifier-slow", message)


def _default(folder: TaskFolder) -> float:
    return 60.0 if folder.kind == "terminal-bench" else DEFAULT_TIMEOUT


def _limit(folder: TaskFolder, goal: Goal, table: str, legacy: str, default: float | None) -> float | None:
    """The time limit that holds for a milestone, in seconds. Milestones do not inherit that of the verifier."""
    own: Any = goal.settings.get(table)
    value = own.get("timeout_sec") if isinstance(own, dict) else None
    if not goal.settings or (value is None and table == "agent"):
        value = folder.setting(legacy) if folder.kind == "terminal-bench" else folder.setting(table, "timeout_sec")
    return float(value) if isinstance(value, int | float) else default


def _image(folder: TaskFolder, proof: Proof) -> Iterator[Diagnostic]:
    file = folder.dockerfile.path if folder.dockerfile else folder.settings_file
    for found in proof.scan.findings if proof.scan else ():
        yield folder.at(file, 1, found.rule, f"in the image `{found.path}` {found.message}")


def _undecided(folder: TaskFolder, proof: Proof) -> Iterator[Diagnostic]:
    reasons: dict[str, list[str]] = {}
    for stage in proof.stages:
        if stage.holds is None:
            reasons.setdefault(f"{stage.outcome}: {stage.reason}", []).append(stage.name)
    for part, reason in proof.unfinished.items():
        # what only follows from another finding is not said again
        if part in ("scan", "task"):
            reasons.setdefault(reason, []).append(part)
    for reason, names in reasons.items():
        shown = ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")
        yield folder.at("", 1, NOT_RUN, f"not assessed ({shown}): {reason}")


def refused(folder: TaskFolder, reason: str) -> Diagnostic:
    """The finding for a task that no replay can run."""
    return folder.at("", 1, NOT_RUN, f"not assessed: {reason}")
