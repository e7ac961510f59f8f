"""What the annotations of a workspace say about its annotators: how far they agree, and how each of them judges."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

from assay.model.annotation import Annotation
from assay.model.rubric import AXES
from assay.results.agreement import (
    Estimate,
    cohen,
    estimate,
    fleiss,
    gwet,
    kendall_w,
    krippendorff,
    percent,
    tau_b,
)
from assay.results.ballots import demand_annotators
from assay.results.blinding import blinding
from assay.results.data_version import DataVersion, data_version, rests_on
from assay.results.gold import GoldScore
from assay.results.profiles import Profile, profiles
from assay.results.reviewers import reviews_of, scored_alike
from assay.results.verdicts import Verdict, table, verdicts
from assay.results.versions import one_version
from assay.workspace import Workspace

HOW_TO_READ = {
    "percent": "share of pairs of annotators who say the same; high by chance where nearly all attempts pass",
    "alpha": "Krippendorff's alpha: 1 agrees wholly, 0 as chance would; .80 is firm, from .67 tentative",
    "AC1": "Gwet's AC1: as alpha, but stays high where nearly all values are the same",
    "kappa": "Cohen's of two annotators, Fleiss' of more: as alpha, and falls where nearly all values are the same",
    "W": "Kendall's W of a task's tiers: 1 the same order, 0 none in common",
    "tau-b": "Kendall's tau-b of two annotators' tiers: 1 the same order, -1 the reverse",
    "ordinal alpha": "Krippendorff's of tiers, or of reviewers' scores, as ranks: 1 the same, 0 as chance would",
    "without": "all verdicts but those of one annotator: who moves a coefficient by leaving",
    "judge": "a program against the majority of the people who judged the same; it is in no other number",
    "severity": "passes given minus those that the others gave to the same; below 0 is stricter",
    "first shown": "how often the trajectory shown first is ranked above the mean place; half is fair",
    "accuracy": "Dawid-Skene, smoothed: how often the annotator says what seems true behind all answers",
    "gold": "how often the annotator gave the answer that coordinators know",
    "guesses": "Bang's index of the guesses who made an attempt: 0 as chance would, 1 always right",
}


@dataclass(frozen=True)
class Group:
    """Agreement on some of the verdicts."""

    kind: str
    """`all`, `axis`, `task`, `criterion`, `pair`, `without` (one annotator) or `judge` (a program and people)."""
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
    """`W`, `ordinal alpha`, and `tau-b` under the names of each pair."""

    def labels(self, name: str) -> tuple[str, str]:
        """Which coefficient an estimate is, and of whom."""
        return (name, ", ".join(self.annotators)) if name in ("W", "ordinal alpha") else ("tau-b", name)


@dataclass(frozen=True)
class AgreementReport:
    """Everything, and what is needed to get it again."""

    groups: tuple[Group, ...]
    orders: tuple[Order, ...]
    scores: tuple[tuple[str, Estimate], ...]
    """Ordinal alpha of each score that reviewers give to annotations."""
    profiles: tuple[Profile, ...]
    left_out: Mapping[str, str]
    """Annotations that are not in it, with the reason."""
    seed: int
    version: DataVersion


def agreement(
    workspace: Workspace,
    *,
    pool_versions: bool = False,
    without: Iterable[str] = (),
    exposed: Mapping[str, str] | None = None,
    gold: Mapping[str, GoldScore] | None = None,
    seed: int | None = None,
) -> AgreementReport:
    """Of all annotations that may be pooled. `without` leaves out annotators, `exposed` single annotations by path.

    `gold` holds scores by annotator once the answers were opened. Without a `seed` the data give one. Raises
    UsageError for a handle that has annotated nothing.
    """
    demand_annotators(workspace, without)
    _, others = one_version(workspace)
    left_out = {} if pool_versions else dict(others)
    left_out |= {sheet.path: "left out as asked" for sheet in workspace.sheets if sheet.annotator in set(without)}
    left_out |= dict(exposed or {})
    kept = [s for s in workspace.sheets if s.entry and s.path not in left_out and not workspace.quarantined(s.task)]
    left_out |= {s.path: "its task is quarantined" for s in workspace.sheets if workspace.quarantined(s.task)}
    records = [sheet.entry.record for sheet in sorted(kept, key=lambda sheet: sheet.path) if sheet.entry]
    judges = [s for s in workspace.judges if s.entry and not workspace.quarantined(s.task)]
    tasks = {sheet.task for sheet in kept}
    opened = {entry.path for entry in workspace.openings.values()}
    used = {*rests_on(workspace, (*kept, *judges)), *reviews_of(workspace, tasks), *opened}
    version = data_version(workspace, used)
    seed = int(version.sha256[:8], 16) if seed is None else seed
    found = [verdict for record in records for verdict in verdicts(workspace, record)]
    judged = [verdict for sheet in judges if sheet.entry for verdict in verdicts(workspace, sheet.entry.record)]
    return AgreementReport(
        groups=(*_groups(found, seed), *_judges(found, judged, seed)),
        orders=tuple(_orders(records, seed)),
        scores=tuple(scored_alike(workspace, tasks, seed)),
        profiles=tuple(profiles(records, found, gold, blinding(workspace).by_annotator)),
        left_out=dict(sorted(left_out.items())),
        seed=seed,
        version=version,
    )


def no_interval(report: AgreementReport, kinds: Collection[str]) -> str:
    """Why values have no interval, in one line; empty when all have one."""
    whys = {found.why for found in _estimates(report, kinds) if found.value is not None and found.interval is None}
    return f"no interval because: {'; '.join(sorted(why.removesuffix(': no interval') for why in whys))}." * bool(whys)


def no_value(report: AgreementReport, kinds: Collection[str]) -> str:
    """Why there are dashes, in one line; empty when there are none."""
    whys = {re.sub(r"^all \d+ values", "all values", e.why) for e in _estimates(report, kinds) if e.value is None}
    return f"no value (-) because: {'; '.join(sorted(whys))}." * bool(whys)


def _estimates(report: AgreementReport, kinds: Collection[str]) -> Iterator[Estimate]:
    for group in report.groups:
        yield from group.estimates.values() if group.kind in kinds else ()
    for order in report.orders:
        yield from order.estimates.values()
    yield from (estimate for _, estimate in report.scores)
    for profile in report.profiles:
        yield from (profile.severity, profile.accuracy, profile.gold)


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
    yield from _without(verdicts, seed)


def _without(verdicts: Sequence[Verdict], seed: int) -> Iterator[Group]:
    names = sorted({verdict.annotator for verdict in verdicts})
    for name in names if len(names) > 2 else ():  # of two, nobody is left to agree with
        yield _group("without", name, [verdict for verdict in verdicts if verdict.annotator != name], seed)


def _judges(people: Sequence[Verdict], judges: Sequence[Verdict], seed: int) -> Iterator[Group]:
    """Each program against what most people say, unit by unit; where people are even, nothing is compared."""
    said: dict[tuple[str, str, str], list[Verdict]] = defaultdict(list)
    for verdict in people:
        if verdict.holds is not None:
            said[verdict.unit].append(verdict)
    for name in sorted({verdict.annotator for verdict in judges}):
        mine = [verdict for verdict in judges if verdict.annotator == name]
        most = [_majority(said[verdict.unit]) for verdict in mine if verdict.unit in said]
        yield _group("judge", f"{name} and people", [*mine, *(verdict for verdict in most if verdict)], seed)


def _majority(found: Sequence[Verdict]) -> Verdict | None:
    """One verdict for all, under a name that no handle can have."""
    balance = sum(1 if verdict.holds else -1 for verdict in found)
    chosen = next((verdict for verdict in found if verdict.holds is (balance > 0)), None)
    return replace(chosen, annotator="(people)") if balance and chosen else None


def _criterion(verdict: Verdict) -> str:
    return f"{verdict.unit[0]}/{verdict.unit[2]}"


def _group(kind: str, name: str, verdicts: Sequence[Verdict], seed: int) -> Group:
    units = table(verdicts)
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


def _orders(records: Iterable[Annotation], seed: int) -> Iterator[Order]:
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
        ordinal = estimate([*zip(*tiers, strict=True)], krippendorff("ordinal"), seed=seed)
        named = tuple(record.annotator for record in found)
        yield Order(task, named, {"W": kendall_w(tiers), "ordinal alpha": ordinal, **pairs})
