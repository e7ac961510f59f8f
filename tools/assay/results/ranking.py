"""The ranking of a workspace: what its annotations say, task by task, or by agent where agents are known."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from assay.model.annotation import TrajectoryGrades
from assay.results.ballots import Agents, Ballot, Ballots, LeftOut, Options, ballots
from assay.results.bradley_terry import ComponentRanking, RankedItem, from_tiers, rank
from assay.results.data_version import DataVersion, data_version, of_attempt, rests_on
from assay.results.reported import opened
from assay.results.scores import Keep, Score, pool, score, tally
from assay.results.solving import Rates, rates
from assay.results.ties import groups, overlap
from assay.results.views import View, views
from assay.workspace import Attempt, Workspace

DEFAULT = Options()
METHOD = (
    "Bradley-Terry strengths (log scale, mean 0) from the annotators' tiers: every pair of a ranking of k "
    "trajectories weighs 1/(k-1), a tie is half a win each way, and 0.5 pseudo-wins both ways on every compared "
    "pair keep strengths finite. Intervals are 95 % expanded percentiles over resampled tasks; rows that share a "
    "letter are not told apart. An axis orders the attempts of each annotator by the share of its criteria that "
    "passed, by weight; a milestone orders them by its tests. Quarantined tasks and attempts whose outcome is invalid "
    "are left out."
)


@dataclass(frozen=True)
class Standing:
    """One ranked item with everything the number rests on."""

    item: str
    """The alias, or the agent when agents are known."""
    bradley_terry: RankedItem
    score: Score
    milestones: Mapping[str, bool | None]
    """`task/alias/milestone` to whether its tests passed in the final state; None when that is not known."""
    attempts: tuple[tuple[str, str], ...]
    """(task, alias) behind this row."""
    group: str = ""
    """Letters that it shares with rows it is not told apart from; empty without intervals."""


@dataclass(frozen=True)
class Table:
    """One group of items that were compared with each other. Groups share no scale."""

    tasks: tuple[str, ...]
    annotators: tuple[str, ...]
    """Nobody where tests say the order."""
    rankings: int
    standings: tuple[Standing, ...]
    warnings: tuple[str, ...]
    outcomes: Mapping[str, int]
    """How many attempts at these tasks ended in each class; invalid ones are in no number of this table."""
    by: str = "alias"
    """`agent` or `alias`."""
    view: str = ""
    """The axis, the milestone or the category; empty for the whole."""


@dataclass(frozen=True)
class RankingReport:
    """All tables, and what is needed to get them again."""

    tables: tuple[Table, ...]
    by: str
    seed: int
    version: DataVersion
    """The data that every number here rests on."""
    left_out: tuple[LeftOut, ...] = ()
    rates: tuple[Rates, ...] = ()
    """What needs no comparison: solve rates by the tests, attempts that meet every must-pass criterion."""
    method: str = METHOD
    options: Options = DEFAULT


def rank_workspace(workspace: Workspace, agents: Agents | None = None, options: Options = DEFAULT) -> RankingReport:
    """Rank by alias, task by task; by agent over all tasks whose identities are open, or which `agents` names.

    What is left out is named in the report: what `options` leave out, other versions, quarantined tasks, attempts
    whose outcome is invalid, and those whose agent is not known where others' are. Raises UsageError for options
    that name what is not there.
    """
    known = {} if options.by == "task" else opened(workspace) if agents is None else agents
    found = ballots(workspace, options, over_all=bool(known))
    names = dict(_names(workspace, known))
    measured, unmeasured = rates(workspace, found.used, known)
    version = data_version(
        workspace, {*_sources(workspace, found.used, measured, options), *_openings(workspace, known)}
    )
    seed = int(version.sha256[:8], 16) if options.seed is None else options.seed
    tables = tuple(
        table
        for view in views(workspace, found.used, options)
        for part in _parts(view, known)
        for table in _tables(workspace, part, found, names, known, options.bootstraps, seed)
    )
    unknown = (
        LeftOut(task, alias, "agent unknown", _path(workspace, task, alias))
        for task, alias in _nameless(workspace, known)
    )
    left_out = (*_left_out(workspace), *found.left_out, *unknown, *unmeasured)
    options = replace(options, agents=_whence(agents) if known else None)
    by = "agent" if known else "alias"
    return RankingReport(tables, by, seed, version, left_out, measured, options=options)


def _sources(
    workspace: Workspace, used: Iterable[Ballot], measured: Iterable[Rates], options: Options
) -> Iterator[str]:
    """Paths of all files that a number of the report rests on."""
    yield from rests_on(workspace, [ballot.sheet for ballot in used])
    places = [place for table in measured for row in table.rows for place in row.attempts]
    if options.by == "milestone":
        places += [(task, alias) for task, found in workspace.attempts.items() for alias in found]
    for task, alias in places:
        attempt = workspace.attempt(task, alias)
        yield from of_attempt(attempt) if attempt else ()
        yield from (entry.path for entry in (workspace.reported.get(task),) if entry)


def _openings(workspace: Workspace, known: Agents) -> Iterator[str]:
    return (entry.path for task, entry in workspace.openings.items() if task in known)


def _whence(agents: Agents | None) -> str:
    """Where agents are known from; of a file that is not in the workspace, what was in it."""
    if agents is None:
        return "openings"
    return f"file {hashlib.sha256(json.dumps(agents, sort_keys=True).encode()).hexdigest()[:12]}"


def _left_out(workspace: Workspace) -> Iterator[LeftOut]:
    for task in workspace.tasks:
        for entry in workspace.quarantined(task):
            yield LeftOut(task, "", "quarantined", entry.path, entry.record.title)
        for alias, attempt in workspace.attempts.get(task, {}).items():
            if attempt.outcome is not None and attempt.is_invalid:
                yield LeftOut(task, alias, attempt.outcome, _path(workspace, task, alias))


def _path(workspace: Workspace, task: str, alias: str) -> str:
    attempt = workspace.attempt(task, alias)
    session = attempt.session if attempt else None
    return session.path if session else f"trajectories/{task}/{alias}/trajectory.json"


def _nameless(workspace: Workspace, known: Agents) -> Iterator[tuple[str, str]]:
    """Attempts at tasks whose other attempts have a known agent."""
    for task, aliases in known.items():
        for alias, attempt in workspace.attempts.get(task, {}).items():
            if alias not in aliases and not attempt.is_invalid:
                yield task, alias


def _names(workspace: Workspace, known: Agents) -> Iterator[tuple[tuple[str, str], str]]:
    """What each (task, alias) is called in the comparison: aliases are fresh for each task, agents are not.

    An attempt that is known to be invalid has no name: no tier can make it the worst of all. Nor has one of an unknown
    agent where those of the others are known.
    """
    places = {(task, alias) for task, found in workspace.attempts.items() for alias in found}
    places |= {(s.task, alias) for s in workspace.sheets if s.entry for t in s.entry.record.ranking for alias in t}
    for task, alias in sorted(places):
        attempt = workspace.attempt(task, alias)
        if attempt is None or not attempt.is_invalid:
            name = known[task].get(alias) if task in known else alias
            if name is not None:
                yield (task, alias), name


def _parts(view: View, known: Agents) -> Iterator[View]:
    """All tasks with known agents together, the others one by one: nothing links their aliases."""
    tasks = dict.fromkeys(task for task, _ in view.rankings)
    for chosen in ([task for task in tasks if task in known], *([task] for task in tasks if task not in known)):
        rankings = tuple((task, tiers) for task, tiers in view.rankings if task in chosen)
        if rankings:
            yield View(view.name, rankings, view.keep, view.milestone)


def _tables(
    workspace: Workspace,
    view: View,
    found: Ballots,
    names: Mapping[tuple[str, str], str],
    known: Agents,
    bootstraps: int,
    seed: int,
) -> Iterator[Table]:
    named = [
        (task, [[names[task, alias] for alias in tier if (task, alias) in names] for tier in tiers])
        for task, tiers in view.rankings
    ]
    # An agent may have several attempts at a task.
    comparisons = from_tiers(named, repeats=any(task in known for task, _ in named))
    ranked = {task for task, _ in named}
    behind: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for task, alias in {(task, alias) for task, tiers in view.rankings for tier in tiers for alias in tier}:
        if (task, alias) in names:
            behind[names[task, alias]].append((task, alias))
    for component in rank(comparisons, bootstraps=bootstraps, seed=seed):
        tasks = {task for row in component.rows for task, _ in behind[row.item]}
        sheets = [ballot for ballot in found.used if ballot.task in tasks]
        pooled = sorted(
            f"`{path}` is pooled: {why}" for path, why in found.pooled.items() if path.split("/")[1] in tasks
        )
        yield Table(
            tasks=tuple(sorted(tasks)),
            annotators=() if view.milestone else tuple(sorted({ballot.record.annotator for ballot in sheets})),
            rankings=sum(task in tasks for task, _ in named),
            standings=tuple(_standings(workspace, component, behind, sheets, view)),
            warnings=(*component.warnings, *pooled),
            outcomes=tally(attempt.outcome for task in sorted(tasks) for attempt in _attempts(workspace, task)),
            by="agent" if ranked & set(known) else "alias",
            view=view.name,
        )


def _attempts(workspace: Workspace, task: str) -> Iterable[Attempt]:
    return workspace.attempts.get(task, {}).values()


def _standings(
    workspace: Workspace,
    component: ComponentRanking,
    behind: Mapping[str, list[tuple[str, str]]],
    used: Sequence[Ballot],
    view: View,
) -> Iterator[Standing]:
    rows = component.rows
    letters = groups(len(rows), lambda one, other: not overlap(rows[one].interval, rows[other].interval))
    for row, letter in zip(rows, letters, strict=True):
        attempts = tuple(sorted(behind[row.item]))
        scored = pool(_score(workspace, task, _grades(used, task, alias), view.keep) for task, alias in attempts)
        milestones = dict(_milestones(workspace, attempts, view.milestone))
        yield Standing(row.item, row, scored, milestones, attempts, letter if row.interval else "")


def _milestones(
    workspace: Workspace, attempts: Iterable[tuple[str, str]], only: str
) -> Iterator[tuple[str, bool | None]]:
    for task, alias in attempts:
        attempt = workspace.attempt(task, alias)
        for milestone in workspace.tasks[task].milestones if task in workspace.tasks else ():
            report = attempt.reports.get(milestone) if attempt else None
            if not only or milestone == only:
                yield f"{task}/{alias}/{milestone}", report.record.passed if report else None


def _grades(used: Iterable[Ballot], task: str, alias: str) -> Iterator[TrajectoryGrades]:
    """What every annotator said about one trajectory."""
    return (ballot.record.grades[alias] for ballot in used if ballot.task == task and alias in ballot.record.grades)


def _score(workspace: Workspace, task: str, grades: Iterable[TrajectoryGrades], keep: Keep | None) -> Score:
    found = workspace.tasks.get(task)
    return score(found.rubric.record, grades, keep) if found and found.rubric else pool(())
