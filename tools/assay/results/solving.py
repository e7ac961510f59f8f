"""Rates that need no comparison: what tests say of attempts, graded or not, and which of them meet every must-pass.

The task is the unit: several attempts of an agent at one task depend on each other, so that each task counts once.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from statistics import fmean

from assay.results.ballots import Agents, Ballot, LeftOut
from assay.results.intervals import Interval, wilson
from assay.results.rates import pass_at
from assay.results.reported import reported_rows
from assay.results.scores import met
from assay.results.ties import ALPHA, front, groups, mcnemar, overlap
from assay.workspace import Attempt, Workspace

AT = (1, 2, 4, 8)
"""k of pass@k and pass^k, as far as there are attempts."""
COSTS = ("seconds", "tokens", "usd")


@dataclass(frozen=True)
class Share:
    """A mean over tasks of the share of attempts; the interval is Wilson's, with tasks for n."""

    value: float | None
    tasks: int
    interval: Interval | None = None
    """None for fewer than two tasks: one task shows nothing about others."""


@dataclass(frozen=True)
class PassAtK:
    """Means of pass@k and pass^k over the tasks with at least k attempts."""

    k: int
    any: float
    all: float
    tasks: int


@dataclass(frozen=True)
class RateRow:
    """One agent over tasks, or one attempt."""

    item: str
    solved: Share
    """By the tests of all milestones, or as reported by those who ran it."""
    met: Share
    """Of graded attempts: every must-pass criterion passed, the mean of the annotators."""
    passes: tuple[PassAtK, ...]
    costs: Mapping[str, float | None]
    """Mean seconds, tokens and dollars of an attempt, where every one of them is known; by agent only."""
    attempts: tuple[tuple[str, str], ...]
    """(task, alias) with a verdict."""
    rank: int = 1
    rank_range: tuple[int, int] | None = None
    """From how many others are established to be better, to how many are not established to be worse."""
    group: str = ""
    fronts: tuple[str, ...] = ()
    """Costs for which nobody solves as much for less; empty while agents are not known."""


@dataclass(frozen=True)
class Paired:
    """Two agents on the tasks that both tried once: exact McNemar."""

    one: str
    other: str
    tasks: int
    only_one: int
    only_other: int
    p: float | None
    """None when they solved the same tasks."""

    @property
    def apart(self) -> bool:
        """Whether they differ by more than chance, each pair by itself."""
        return self.p is not None and self.p < ALPHA


@dataclass(frozen=True)
class Rates:
    """Rows that share their tasks or their agents, the one that solves most first."""

    by: str
    tasks: tuple[str, ...]
    rows: tuple[RateRow, ...]
    pairs: tuple[Paired, ...]


_Verdicts = dict[str, dict[str, dict[str, bool]]]
"""Item, task, alias: whether it was solved."""


def rates(workspace: Workspace, used: Sequence[Ballot], known: Agents) -> tuple[tuple[Rates, ...], list[LeftOut]]:
    """Of agents over all tasks where they are known; of aliases where some attempt of their task is in no annotation.

    The second part names dry runs, and what has no verdict, or no known agent, among results without a trajectory.
    """
    ranked = {(ballot.task, alias) for ballot in used for tier in ballot.record.ranking for alias in tier}
    dry = {place: path for place, path in _dry_runs(workspace) if place not in ranked}
    solved = {place: verdict for place, verdict in _solved(workspace) if place not in dry}
    reported, left_out = reported_rows(workspace, None)
    solved |= {(row.task, row.alias): row.resolved for row in reported if (row.task, row.alias) not in solved}
    by_agent: _Verdicts = {}
    for (task, alias), verdict in sorted(solved.items()):
        if (name := known.get(task, {}).get(alias)) is not None:
            by_agent.setdefault(name, {}).setdefault(task, {})[alias] = verdict
    tables = [_table(workspace, used, "agent", by_agent)] if by_agent else []
    for task in dict.fromkeys(task for task, _ in sorted(solved)):
        found = {alias: {task: {alias: verdict}} for (at, alias), verdict in sorted(solved.items()) if at == task}
        if task not in known and any((task, alias) not in ranked for alias in found):
            tables.append(_table(workspace, used, "alias", found))
    only = [item for item in left_out if item.item and workspace.attempt(item.task, item.item) is None]
    return tuple(tables), only + [LeftOut(task, alias, "dry run", path) for (task, alias), path in dry.items()]


def _dry_runs(workspace: Workspace) -> Iterator[tuple[tuple[str, str], str]]:
    """Where scripts acted in the place of a model, and the session that says so: they measure the harness."""
    for task, found in workspace.attempts.items():
        for alias, attempt in found.items():
            if attempt.is_dry_run and attempt.session:
                yield (task, alias), attempt.session.path


def _solved(workspace: Workspace) -> Iterator[tuple[tuple[str, str], bool]]:
    """Whether all milestones passed, of valid attempts whose tests gave a verdict on each."""
    for task, found in workspace.attempts.items():
        milestones = workspace.tasks[task].milestones if task in workspace.tasks else ()
        for alias, attempt in found.items() if not workspace.quarantined(task) else ():
            reports = [attempt.reports.get(name) for name in milestones]
            verdicts = [report.record.passed if report else None for report in reports]
            if verdicts and not attempt.is_invalid and None not in verdicts:
                yield (task, alias), all(verdicts)


def _table(workspace: Workspace, used: Sequence[Ballot], by: str, found: _Verdicts) -> Rates:
    rows = [_row(workspace, used, item, tasks, by_agent=by == "agent") for item, tasks in found.items()]
    rows.sort(key=lambda row: (-(row.solved.value or 0), row.item))
    both = combinations(found, 2) if by == "agent" else ()
    pairs = {frozenset((one, other)): pair for one, other in both if (pair := _pair(found, one, other))}

    def apart(one: RateRow, other: RateRow) -> bool:
        pair = pairs.get(frozenset((one.item, other.item)))
        if pair is not None:
            return pair.apart
        shared = set(found[one.item]) & set(found[other.item])
        return bool(shared) and not overlap(one.solved.interval, other.solved.interval)

    letters = groups(len(rows), lambda one, other: apart(rows[one], rows[other]))
    fronts = _fronts(rows)
    ranked = []
    for row, letter in zip(rows, letters, strict=True):
        value = row.solved.value or 0
        better = [other for other in rows if (other.solved.value or 0) > value]
        worse = [other for other in rows if (other.solved.value or 0) < value]
        low = 1 + sum(apart(row, other) for other in better)
        high = len(rows) - sum(apart(row, other) for other in worse)
        told = row.solved.interval is not None
        on = tuple(cost for cost, names in fronts.items() if row.item in names)
        ranked.append(
            replace(
                row,
                rank=1 + len(better),
                rank_range=(low, high) if told else None,
                group=letter if told else "",
                fronts=on,
            )
        )
    tasks = tuple(sorted({task for verdicts in found.values() for task in verdicts}))
    return Rates(by, tasks, tuple(ranked), tuple(pairs.values()))


def _row(
    workspace: Workspace, used: Sequence[Ballot], item: str, tasks: Mapping[str, Mapping[str, bool]], *, by_agent: bool
) -> RateRow:
    attempts = tuple((task, alias) for task, verdicts in tasks.items() for alias in verdicts)
    graded = {task: [value for alias in tasks[task] for value in _met(workspace, used, task, alias)] for task in tasks}
    return RateRow(
        item,
        share([fmean(verdicts.values()) for verdicts in tasks.values()]),
        share([fmean(values) for values in graded.values() if values]),
        tuple(_passes([(sum(verdicts.values()), len(verdicts)) for verdicts in tasks.values()]) if by_agent else ()),
        costs(attempt for place in attempts if by_agent and (attempt := workspace.attempt(*place))),
        attempts,
    )


def share(by_task: Sequence[float]) -> Share:
    """The mean of the tasks' own shares."""
    n = len(by_task)
    value = fmean(by_task) if by_task else None
    return Share(value, n, wilson(sum(by_task), n) if n > 1 else None)


def _met(workspace: Workspace, used: Iterable[Ballot], task: str, alias: str) -> Iterator[float]:
    found = workspace.tasks.get(task)
    for ballot in used:
        if found and found.rubric and ballot.task == task and alias in ballot.record.grades:
            verdict = met(found.rubric.record, ballot.record.grades[alias])
            if verdict is not None:
                yield float(verdict)


def _passes(counts: Sequence[tuple[int, int]]) -> Iterator[PassAtK]:
    """`counts` are solved and all attempts of each task."""
    for k in AT:
        found = [pass_at(k, good, every) for good, every in counts]
        some = [(at.any, at.all) for at in found if at.any is not None and at.all is not None]
        if some and (k == 1 or any(every > 1 for _, every in counts)):
            yield PassAtK(k, fmean(one for one, _ in some), fmean(other for _, other in some), len(some))


def costs(attempts: Iterable[Attempt]) -> dict[str, float | None]:
    """Means of what attempts took: wall seconds from their sessions, tokens and dollars from their logs."""
    found = [dict(zip(COSTS, _costs(attempt), strict=True)) for attempt in attempts]
    means: dict[str, float | None] = {}
    for name in COSTS:
        values = [value for one in found if (value := one[name]) is not None]
        means[name] = fmean(values) if values and len(values) == len(found) else None
    return means


def _costs(attempt: Attempt) -> tuple[float | None, float | None, float | None]:
    seconds = attempt.session.record.predicate.seconds if attempt.session else None
    totals = attempt.trajectory.record.final_metrics if attempt.trajectory else None
    counts = [totals.total_prompt_tokens, totals.total_completion_tokens] if totals else []
    known = [count for count in counts if count is not None]
    return seconds, float(sum(known)) if known else None, totals.total_cost_usd if totals else None


def _fronts(rows: Iterable[RateRow]) -> dict[str, set[str]]:
    """By cost, the agents on the Pareto front; nothing for a cost that is not known of all of them."""
    listed, found = list(rows), {}
    for name in COSTS:
        points = {
            row.item: (row.solved.value or 0.0, value) for row in listed if (value := row.costs[name]) is not None
        }
        if len(points) == len(listed) > 1:
            found[name] = front(points)
    return found


def _pair(found: _Verdicts, one: str, other: str) -> Paired | None:
    """None unless both tried every task they share once, and share one."""
    shared = sorted(set(found[one]) & set(found[other]))
    if not shared or any(len(found[name][task]) > 1 for name in (one, other) for task in shared):
        return None
    both = [(*found[one][task].values(), *found[other][task].values()) for task in shared]
    first, second = sum(a and not b for a, b in both), sum(b and not a for a, b in both)
    return Paired(one, other, len(shared), first, second, mcnemar(first, second))
