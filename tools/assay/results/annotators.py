"""What the annotations of a workspace say about its annotators: how far they agree, and how each of them judges."""

from __future__ import annotations

import hashlib
import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from assay.model.annotation import Annotation
from assay.model.rubric import AXES, Criterion
from assay.results.agreement import (
    Estimate,
    Floats,
    cohen,
    estimate,
    fleiss,
    gwet,
    kendall_w,
    krippendorff,
    percent,
    tau_b,
)
from assay.results.dawid_skene import FEWEST, dawid_skene
from assay.results.intervals import Interval, wilson
from assay.results.versions import one_version
from assay.workspace import Workspace

HOW_TO_READ = {
    "percent": "share of pairs of annotators who say the same; high by chance where nearly all attempts pass",
    "alpha": "Krippendorff's alpha: 1 agrees wholly, 0 as chance would; .80 is firm, from .67 tentative",
    "AC1": "Gwet's AC1: as alpha, but stays high where nearly all values are the same",
    "kappa": "Cohen's of two annotators, Fleiss' of more: as alpha, and falls where nearly all values are the same",
    "W": "Kendall's W of a task's tiers: 1 the same order, 0 none in common",
    "tau-b": "Kendall's tau-b of two annotators' tiers: 1 the same order, -1 the reverse",
    "severity": "passes given minus those that the others gave to the same; below 0 is stricter",
    "first shown": "how often the trajectory shown first is ranked above the mean place; half is fair",
    "accuracy": "Dawid-Skene, smoothed: how often the annotator says what seems true behind all answers",
}


@dataclass(frozen=True)
class Verdict:
    """One answer: whether the statement holds; None when it could not be told."""

    unit: tuple[str, str, str]
    """Task, alias, criterion."""
    axis: str
    annotator: str
    holds: bool | None
    passed: bool | None


@dataclass(frozen=True)
class Group:
    """Agreement on some of the verdicts."""

    kind: str
    """`all`, `axis`, `task`, `criterion` or `pair`."""
    name: str
    estimates: Mapping[str, Estimate]
    passed: float | None
    """Share of verdicts that are passes, of those that could be told."""
    unclear: float
    """Share of verdicts that could not be told."""


@dataclass(frozen=True)
class Order:
    """Agreement on the ranking of one task."""

    task: str
    annotators: tuple[str, ...]
    estimates: Mapping[str, Estimate]
    """`W`, and `tau-b` for each pair."""


@dataclass(frozen=True)
class Profile:
    """How one annotator judges."""

    annotator: str
    annotations: int
    verdicts: int
    passed: float | None
    severity: Estimate
    first_shown: tuple[int, int, float | None]
    """Rankings in which the first shown stands above the mean place, and in which it does not; p of a sign test."""
    accuracy: Estimate
    citations: float
    """Places cited for each verdict."""
    minutes: float


@dataclass(frozen=True)
class AgreementReport:
    """Everything, and what is needed to get it again."""

    groups: tuple[Group, ...]
    orders: tuple[Order, ...]
    profiles: tuple[Profile, ...]
    left_out: Mapping[str, str]
    """Annotations that are not in it, with the reason."""
    seed: int
    data: str
    """SHA-256 over the annotations that were used."""


def agreement(
    workspace: Workspace,
    *,
    pool_versions: bool = False,
    without: Iterable[str] = (),
    exposed: Mapping[str, str] | None = None,
) -> AgreementReport:
    """Of all annotations that may be pooled. `without` leaves out annotators, `exposed` single annotations by path."""
    _, others = one_version(workspace)
    left_out = {} if pool_versions else dict(others)
    left_out |= {sheet.path: "left out as asked" for sheet in workspace.sheets if sheet.annotator in set(without)}
    left_out |= dict(exposed or {})
    kept = [s for s in workspace.sheets if s.entry and s.path not in left_out and not workspace.quarantined(s.task)]
    left_out |= {s.path: "its task is quarantined" for s in workspace.sheets if workspace.quarantined(s.task)}
    records = {sheet.path: sheet.entry.record for sheet in kept if sheet.entry}
    data = hashlib.sha256("\0".join(workspace.documents[path].text for path in sorted(records)).encode()).hexdigest()
    seed = int(data[:8], 16)
    verdicts = [verdict for record in records.values() for verdict in _verdicts(workspace, record)]
    return AgreementReport(
        groups=tuple(_groups(verdicts, seed)),
        orders=tuple(_orders(records.values())),
        profiles=tuple(_profiles(records.values(), verdicts)),
        left_out=dict(sorted(left_out.items())),
        seed=seed,
        data=data,
    )


def _verdicts(workspace: Workspace, record: Annotation) -> Iterator[Verdict]:
    from assay.model.annotation import passed

    task = workspace.tasks.get(record.task)
    known: Mapping[str, Criterion] = {c.id: c for c in task.rubric.record.criteria} if task and task.rubric else {}
    for alias, graded in record.grades.items():
        attempt = workspace.attempt(record.task, alias)
        for name, grade in graded.criteria.items():
            if name in known and not (attempt and attempt.is_invalid):
                holds = None if grade.holds == "unclear" else grade.holds
                unit = (record.task, alias, name)
                yield Verdict(unit, known[name].axis, record.annotator, holds, passed(known[name], grade))


def _groups(verdicts: Sequence[Verdict], seed: int) -> Iterator[Group]:
    if verdicts:
        yield _group("all", "all", verdicts, seed)
    keys: list[tuple[str, Callable[[Verdict], str], Iterable[str]]] = [
        ("axis", lambda verdict: verdict.axis, AXES),
        ("task", lambda verdict: verdict.unit[0], sorted({v.unit[0] for v in verdicts})),
        ("criterion", _criterion, sorted({_criterion(v) for v in verdicts})),
    ]
    for kind, key, names in keys:
        for name in names:
            if chosen := [verdict for verdict in verdicts if key(verdict) == name]:
                yield _group(kind, name, chosen, seed)
    for pair in combinations(sorted({verdict.annotator for verdict in verdicts}), 2):
        yield _group("pair", " and ".join(pair), [v for v in verdicts if v.annotator in pair], seed)


def _criterion(verdict: Verdict) -> str:
    return f"{verdict.unit[0]}/{verdict.unit[2]}"


def _group(kind: str, name: str, verdicts: Sequence[Verdict], seed: int) -> Group:
    units = _table(verdicts)
    kappa = cohen if units.shape[1] == 2 else fleiss
    statistics = {"percent": percent, "alpha": krippendorff(), "AC1": gwet, "kappa": kappa}
    told = [verdict.passed for verdict in verdicts if verdict.passed is not None]
    return Group(
        kind,
        name,
        {label: estimate(units, statistic, seed=seed) for label, statistic in statistics.items()},
        sum(told) / len(told) if told else None,
        1 - len(told) / len(verdicts),
    )


def _table(verdicts: Sequence[Verdict]) -> Floats:
    units = sorted({verdict.unit for verdict in verdicts})
    raters = sorted({verdict.annotator for verdict in verdicts})
    rows = {unit: place for place, unit in enumerate(units)}
    table = np.full((len(units), len(raters)), math.nan)
    for verdict in verdicts:
        if verdict.holds is not None:
            table[rows[verdict.unit], raters.index(verdict.annotator)] = verdict.holds
    return table


def _orders(records: Iterable[Annotation]) -> Iterator[Order]:
    by_task: dict[str, list[Annotation]] = defaultdict(list)
    for record in records:
        by_task[record.task].append(record)
    for task, found in sorted(by_task.items()):
        found.sort(key=lambda record: record.annotator)
        places = [{alias: float(n) for n, tier in enumerate(r.ranking) for alias in tier} for r in found]
        shared = sorted(set.intersection(*(set(ranked) for ranked in places)))
        tiers = [[ranked[alias] for alias in shared] for ranked in places]
        pairs = {
            f"{found[one].annotator} and {found[other].annotator}": tau_b(tiers[one], tiers[other])
            for one, other in combinations(range(len(found)), 2)
        }
        yield Order(task, tuple(record.annotator for record in found), {"W": kendall_w(tiers), **pairs})


def _profiles(records: Iterable[Annotation], verdicts: Sequence[Verdict]) -> Iterator[Profile]:
    by_annotator: dict[str, list[Annotation]] = defaultdict(list)
    for record in records:
        by_annotator[record.annotator].append(record)
    accuracies = _accuracies(verdicts)
    for name, own in sorted(by_annotator.items()):
        mine = [verdict for verdict in verdicts if verdict.annotator == name]
        told = [verdict.passed for verdict in mine if verdict.passed is not None]
        yield Profile(
            annotator=name,
            annotations=len(own),
            verdicts=len(mine),
            passed=sum(told) / len(told) if told else None,
            severity=_severity(name, verdicts),
            first_shown=_first_shown(own),
            accuracy=accuracies.get(name, Estimate(None, 0, why=f"fewer than {FEWEST} units were judged twice")),
            citations=_cited(own) / len(mine) if mine else 0.0,
            minutes=sum(record.minutes for record in own),
        )


def _severity(name: str, verdicts: Sequence[Verdict]) -> Estimate:
    """Mean over units that others judged too; the interval is that of a mean of independent units."""
    others: dict[tuple[str, str, str], list[bool]] = defaultdict(list)
    for verdict in verdicts:
        if verdict.annotator != name and verdict.passed is not None:
            others[verdict.unit].append(verdict.passed)
    gaps = [
        verdict.passed - float(np.mean(others[verdict.unit]))
        for verdict in verdicts
        if verdict.annotator == name and verdict.passed is not None and verdict.unit in others
    ]
    if len(gaps) < 2:
        return Estimate(None, len(gaps), why="nobody else judged the same")
    mean, reach = float(np.mean(gaps)), 1.959964 * float(np.std(gaps, ddof=1)) / math.sqrt(len(gaps))
    return Estimate(mean, len(gaps), Interval(mean - reach, mean + reach))


def _first_shown(records: Iterable[Annotation]) -> tuple[int, int, float | None]:
    """By a two-sided sign test over rankings in which the first shown stands apart from the mean place."""
    above = below = 0
    for record in records:
        places = {alias: number for number, tier in enumerate(record.ranking) for alias in tier}
        if record.order and record.order[0] in places:
            gap = places[record.order[0]] - float(np.mean(list(places.values())))
            above, below = above + (gap < 0), below + (gap > 0)
    n = above + below
    tail = sum(math.comb(n, k) for k in range(min(above, below) + 1)) / 2**n
    return above, below, min(1.0, 2 * tail) if n else None


def _accuracies(verdicts: Sequence[Verdict]) -> dict[str, Estimate]:
    table = _table(verdicts) if verdicts else np.empty((0, 0))
    table = table[(~np.isnan(table)).sum(axis=1) >= 2] if table.size else table
    if len(table) < FEWEST:
        return {}
    counts = np.stack([table == value for value in (0, 1)], axis=2).astype(np.float64)
    fit = dawid_skene(counts)
    found = {}
    for place, name in enumerate(sorted({verdict.annotator for verdict in verdicts})):
        judged = counts[:, place].sum(axis=1) > 0
        right = float((fit.truth * counts[:, place]).sum())
        n = int(judged.sum())
        found[name] = Estimate(right / n, n, wilson(right, n)) if n else Estimate(None, 0, why="nothing shared")
    return found


def _cited(records: Iterable[Annotation]) -> int:
    return sum(
        len(grade.cites)
        for record in records
        for graded in record.grades.values()
        for grade in graded.criteria.values()
    )
