"""The ranking of a workspace: what its annotations say, task by task, or by agent where agents are known."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from assay.model.annotation import Annotation, TrajectoryGrades
from assay.results.bradley_terry import ComponentRanking, RankedItem, from_tiers, rank, seed_of
from assay.results.scores import Score, pool, score, tally
from assay.results.versions import one_version
from assay.workspace import Attempt, Workspace

METHOD = (
    "Bradley-Terry strengths (log scale, mean 0) from the annotators' tiers: every pair of a ranking of k "
    "trajectories weighs 1/(k-1), a tie is half a win each way, and 0.5 pseudo-wins both ways on every compared "
    "pair keep strengths finite. Intervals are 95 % percentiles over resampled tasks. Quarantined tasks and attempts "
    "whose outcome is invalid are left out."
)

Agents = Mapping[str, Mapping[str, str]]
"""Agent name by task and alias; there only after un-blinding."""


@dataclass(frozen=True)
class Standing:
    """One ranked item with everything the number rests on."""

    item: str
    """The alias, or the agent when agents are known."""
    bradley_terry: RankedItem
    score: Score
    milestones: Mapping[str, bool | None]
    """`task/milestone` to whether its tests passed in the final state; None when that is not known."""
    attempts: tuple[tuple[str, str], ...]
    """(task, alias) behind this row."""


@dataclass(frozen=True)
class Table:
    """One group of items that were compared with each other. Groups share no scale."""

    tasks: tuple[str, ...]
    annotators: tuple[str, ...]
    rankings: int
    standings: tuple[Standing, ...]
    warnings: tuple[str, ...]
    outcomes: Mapping[str, int]
    """How many attempts at these tasks ended in each class; invalid ones are in no number of this table."""


@dataclass(frozen=True)
class LeftOut:
    """A task, or one attempt, that is in no table although it is in the workspace."""

    task: str
    item: str
    """The alias; empty for a whole task."""
    reason: str
    """`quarantined`, `other version`, or the outcome."""
    path: str
    """The escalation or the session that says so, or the annotation."""
    title: str = ""


@dataclass(frozen=True)
class RankingReport:
    """All tables, and what is needed to get them again."""

    tables: tuple[Table, ...]
    by: str
    seed: int
    data: str
    """SHA-256 over the annotations that were used."""
    left_out: tuple[LeftOut, ...] = ()
    method: str = METHOD
    pool_versions: bool = False
    """Whether annotations under different guidelines or rubrics were put together, because somebody asked for it."""


def rank_workspace(
    workspace: Workspace, agents: Agents | None = None, *, bootstraps: int = 1000, pool_versions: bool = False
) -> RankingReport:
    """Rank by alias, task by task; by agent over all tasks when `agents` names them.

    Annotations that could not be read are left out; `assay check` names them. So are quarantined tasks, attempts
    whose outcome is invalid, and, unless `pool_versions`, annotations made under other guidelines or another rubric
    than the rest; the report names those.
    """
    single, others = one_version(workspace, over_all=agents is not None)
    workspace = workspace if pool_versions else single
    used = {
        sheet.path: (sheet.task, sheet.entry.record)
        for sheet in workspace.sheets
        if sheet.entry and not workspace.quarantined(sheet.task)
    }
    sheets = [used[path] for path in sorted(used)]
    names = _names(workspace, sheets, agents)
    rankings = (
        (task, [[names[task, alias] for alias in tier if (task, alias) in names] for tier in sheet.ranking])
        for task, sheet in sheets
    )
    comparisons = from_tiers(rankings, repeats=agents is not None)  # an agent may have several attempts at a task
    seed = seed_of(comparisons)
    pooled = {(path.split("/")[1], f"`{path}` is pooled: {why}") for path, why in others.items() if pool_versions}
    tables = tuple(
        _table(workspace, component, sheets, names, pooled)
        for component in rank(comparisons, bootstraps=bootstraps, seed=seed)
    )
    texts = [workspace.documents[path].text for path in sorted(used)]
    digest = hashlib.sha256("\0".join(texts).encode()).hexdigest()
    by = "agent" if agents is not None else "alias"
    older = (LeftOut(path.split("/")[1], "", "other version", path, why) for path, why in sorted(others.items()))
    left_out = (*_left_out(workspace), *(() if pool_versions else older))
    return RankingReport(tables, by, seed, digest, left_out, pool_versions=pool_versions)


def _left_out(workspace: Workspace) -> Iterator[LeftOut]:
    for task in workspace.tasks:
        for entry in workspace.quarantined(task):
            yield LeftOut(task, "", "quarantined", entry.path, entry.record.title)
        for alias, attempt in workspace.attempts.get(task, {}).items():
            if attempt.outcome is not None and attempt.is_invalid:
                path = attempt.session.path if attempt.session else f"{attempt.path}/trajectory.json"
                yield LeftOut(task, alias, attempt.outcome, path)


def _names(
    workspace: Workspace, sheets: Iterable[tuple[str, Annotation]], agents: Agents | None
) -> dict[tuple[str, str], str]:
    """What each ranked (task, alias) is called in the comparison: aliases are fresh for each task, agents are not.

    An attempt that is known to be invalid has no name: no tier can make it the worst of all.
    """
    names = {}
    for task, sheet in sheets:
        for alias in (alias for tier in sheet.ranking for alias in tier):
            attempt = workspace.attempt(task, alias)
            if attempt is None or not attempt.is_invalid:
                known = (agents or {}).get(task, {}).get(alias)
                names[task, alias] = known if known is not None else f"{task}/{alias}"
    return names


def _table(
    workspace: Workspace,
    component: ComponentRanking,
    sheets: Sequence[tuple[str, Annotation]],
    names: Mapping[tuple[str, str], str],
    pooled: Iterable[tuple[str, str]],
) -> Table:
    behind: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for place, name in names.items():
        behind[name].append(place)
    members = {place for row in component.rows for place in behind[row.item]}
    tasks = {task for task, _ in members}
    relevant = [(task, sheet) for task, sheet in sheets if task in tasks]
    return Table(
        tasks=tuple(sorted(tasks)),
        annotators=tuple(sorted({sheet.annotator for _, sheet in relevant})),
        rankings=len(relevant),
        standings=tuple(_standing(workspace, row, sorted(behind[row.item]), relevant) for row in component.rows),
        warnings=(*component.warnings, *sorted(words for task, words in pooled if task in tasks)),
        outcomes=tally(attempt.outcome for task in sorted(tasks) for attempt in _attempts(workspace, task)),
    )


def _attempts(workspace: Workspace, task: str) -> Iterable[Attempt]:
    return workspace.attempts.get(task, {}).values()


def _standing(
    workspace: Workspace,
    row: RankedItem,
    attempts: Sequence[tuple[str, str]],
    sheets: Sequence[tuple[str, Annotation]],
) -> Standing:
    milestones: dict[str, bool | None] = {}
    for task, alias in attempts:
        attempt = workspace.attempt(task, alias)
        for milestone in workspace.tasks[task].milestones if task in workspace.tasks else ():
            report = attempt.reports.get(milestone) if attempt else None
            milestones[f"{task}/{milestone}"] = report.record.passed if report else None
    named = row.item.partition("/")[2] or row.item
    scored = pool(_score(workspace, task, _grades(sheets, task, alias)) for task, alias in attempts)
    return Standing(named, row, scored, milestones, tuple(attempts))


def _grades(sheets: Iterable[tuple[str, Annotation]], task: str, alias: str) -> Iterator[TrajectoryGrades]:
    """What every annotator said about one trajectory."""
    return (sheet.grades[alias] for where, sheet in sheets if where == task and alias in sheet.grades)


def _score(workspace: Workspace, task: str, grades: Iterable[TrajectoryGrades]) -> Score:
    found = workspace.tasks.get(task)
    return score(found.rubric.record, grades) if found and found.rubric else pool(())
