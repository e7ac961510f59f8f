"""How the place of one attempt came about: every pair it is in, by whom, and the verdicts with their citations."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from assay.errors import UsageError
from assay.model.annotation import TrajectoryGrades, passed
from assay.model.rubric import Criterion, Rubric
from assay.results.ballots import Ballot, LeftOut, Options, ballots
from assay.results.data_version import DataVersion, data_version, rests_on
from assay.results.views import views
from assay.workspace import Workspace


@dataclass(frozen=True)
class Pair:
    """One comparison with another attempt, by one annotator."""

    other: str
    annotator: str
    result: str
    """`above`, `below` or `tied`."""
    weight: float
    better_at: tuple[str, ...]
    """Criteria that this attempt passed and the other did not, by the same annotator."""
    worse_at: tuple[str, ...]


@dataclass(frozen=True)
class Verdict:
    """What one annotator said of one criterion, and where to see it."""

    annotator: str
    criterion: str
    axis: str
    weight: int
    must_pass: bool
    holds: bool | str
    passed: bool | None
    counts: bool
    """Not when a criterion that it requires did not pass."""
    cites: tuple[str, ...]
    note: str


@dataclass(frozen=True)
class Why:
    """Everything that the place of one attempt rests on."""

    task: str
    alias: str
    pairs: tuple[Pair, ...]
    verdicts: tuple[Verdict, ...]
    comparisons: Mapping[str, str]
    """The annotators' own words for their order."""
    milestones: Mapping[str, bool | None]
    left_out: tuple[LeftOut, ...]
    """Why something of it is in no number, or all of it."""
    version: DataVersion
    options: Options


def why(workspace: Workspace, which: str, options: Options) -> Why:
    """Of `which`, written TASK/ALIAS. Raises UsageError when there is no such attempt."""
    task, _, alias = which.strip("/").removeprefix("trajectories/").partition("/")
    workspace.task(task)
    known = {*workspace.attempts.get(task, {})}
    known |= {
        name for sheet in workspace.sheets if sheet.task == task and sheet.entry for name in sheet.entry.record.grades
    }
    if alias not in known:
        listed = ", ".join(f"`{name}`" for name in sorted(known)) or "none"
        raise UsageError(
            "unknown-trajectory", f"`{task}` has no attempt `{alias}`", f"write TASK/ALIAS; known: {listed}"
        )
    found = ballots(workspace, options, over_all=False)
    attempt = workspace.attempt(task, alias)
    left_out = [item for item in found.left_out if item.task == task and item.item in ("", alias)]
    left_out += [LeftOut(task, "", "quarantined", e.path, e.record.title) for e in workspace.quarantined(task)]
    if attempt and attempt.outcome and attempt.is_invalid:
        left_out.append(LeftOut(task, alias, attempt.outcome, attempt.path))
        used: list[Ballot] = []
    else:
        used = [ballot for ballot in found.used if ballot.task == task and alias in ballot.record.grades]
    reports = attempt.reports if attempt else {}
    milestones = workspace.tasks[task].milestones
    return Why(
        task,
        alias,
        tuple(pair for ballot in used for pair in _pairs(workspace, ballot, alias, options)),
        tuple(verdict for ballot in used for verdict in _verdicts(workspace, ballot, alias)),
        {ballot.record.annotator: ballot.record.comparison for ballot in used},
        {name: reports[name].record.passed if name in reports else None for name in milestones},
        tuple(left_out),
        data_version(workspace, rests_on(workspace, [ballot.sheet for ballot in used])),
        options,
    )


def _pairs(workspace: Workspace, ballot: Ballot, alias: str, options: Options) -> Iterator[Pair]:
    (view,) = views(workspace, [ballot], replace(options, by=None))
    ((_, tiers),) = view.rankings
    valid = [[name for name in tier if _is_valid(workspace, ballot.task, name)] for tier in tiers]
    places = {name: number for number, tier in enumerate(valid) for name in tier}
    for other, place in places.items() if alias in places else ():
        if other != alias:
            gap = place - places[alias]
            result = "above" if gap > 0 else "below" if gap < 0 else "tied"
            mine, theirs = (_passed(workspace, ballot, name) for name in (alias, other))
            yield Pair(
                other,
                ballot.record.annotator,
                result,
                1 / (len(places) - 1),
                tuple(name for name in mine if name in theirs and mine[name] and not theirs[name]),
                tuple(name for name in mine if name in theirs and theirs[name] and not mine[name]),
            )


def _is_valid(workspace: Workspace, task: str, alias: str) -> bool:
    attempt = workspace.attempt(task, alias)
    return attempt is None or not attempt.is_invalid


def _rubric(workspace: Workspace, ballot: Ballot) -> Rubric | None:
    rubric = workspace.tasks[ballot.task].rubric
    return rubric.record if rubric else None


def _graded(workspace: Workspace, ballot: Ballot, alias: str) -> Iterator[tuple[Criterion, TrajectoryGrades]]:
    rubric, graded = _rubric(workspace, ballot), ballot.record.grades.get(alias)
    for criterion in rubric.criteria if rubric and graded else ():
        if graded and criterion.id in graded.criteria:
            yield criterion, graded


def _passed(workspace: Workspace, ballot: Ballot, alias: str) -> dict[str, bool]:
    pairs = _graded(workspace, ballot, alias)
    return {criterion.id: passed(criterion, graded.criteria[criterion.id]) is True for criterion, graded in pairs}


def _verdicts(workspace: Workspace, ballot: Ballot, alias: str) -> Iterator[Verdict]:
    good = _passed(workspace, ballot, alias)
    for criterion, graded in _graded(workspace, ballot, alias):
        grade = graded.criteria[criterion.id]
        yield Verdict(
            ballot.record.annotator,
            criterion.id,
            criterion.axis,
            criterion.weight,
            criterion.must_pass,
            grade.holds,
            passed(criterion, grade),
            all(good.get(parent, False) for parent in criterion.requires),
            tuple(grade.cites),
            grade.note,
        )
