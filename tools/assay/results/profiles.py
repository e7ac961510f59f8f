"""How single annotators judge: severity, likely accuracy, position bias, known answers, guesses, citations, time."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from assay.model.annotation import Annotation
from assay.results.agreement import FEWEST, Estimate
from assay.results.blinding import Bang
from assay.results.dawid_skene import FEWEST as FEWEST_SHARED
from assay.results.dawid_skene import dawid_skene
from assay.results.gold import GoldScore
from assay.results.intervals import Interval, wilson
from assay.results.verdicts import Verdict, table

_Z = 1.959963984540054


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
    gold: Estimate
    """Of answers that are known, for coordinators who opened them."""
    guesses: Bang | None
    """How well makers were guessed, once they are known."""
    citations: float
    """Places cited for each verdict."""
    minutes: float

    @property
    def guessed(self) -> Estimate:
        """Bang's index of the guesses, of as many as there are."""
        found = self.guesses
        if found is None:
            return Estimate(None, 0, why="nothing is open that was guessed")
        return Estimate(found.value, found.right + found.wrong + found.unknown, Interval(found.low, found.high))


def profiles(
    records: Iterable[Annotation],
    verdicts: Sequence[Verdict],
    gold: Mapping[str, GoldScore] | None = None,
    guesses: Mapping[str, Bang] | None = None,
) -> Iterator[Profile]:
    """One for each annotator, by handle; `gold` and `guesses` are by annotator, `gold` is None while it is sealed."""
    by_annotator: dict[str, list[Annotation]] = defaultdict(list)
    for record in records:
        by_annotator[record.annotator].append(record)
    accuracies = _accuracies(verdicts)
    for name, own in sorted(by_annotator.items()):
        mine = [verdict for verdict in verdicts if verdict.annotator == name]
        told = [verdict.passed for verdict in mine if verdict.passed is not None]
        few = f"fewer than {FEWEST_SHARED} units were judged twice"
        yield Profile(
            annotator=name,
            annotations=len(own),
            verdicts=len(mine),
            passed=sum(told) / len(told) if told else None,
            severity=severity(name, verdicts),
            first_shown=_first_shown(own),
            accuracy=accuracies.get(name, Estimate(None, 0, why=few)),
            gold=_gold(None if gold is None else gold.get(name), sealed=gold is None),
            guesses=(guesses or {}).get(name),
            citations=_cited(own) / len(mine) if mine else 0.0,
            minutes=sum(record.minutes for record in own),
        )


def severity(name: str, verdicts: Sequence[Verdict]) -> Estimate:
    """Passes given minus those of the others, as a mean over units that others judged too.

    The 95 % interval is that of a mean of independent units; there is none for fewer than ten of them, nor where all
    differences are the same: nothing then shows how much they vary.
    """
    others: dict[tuple[str, str, str], list[bool]] = defaultdict(list)
    for verdict in verdicts:
        if verdict.annotator != name and verdict.passed is not None:
            others[verdict.unit].append(verdict.passed)
    gaps = [
        verdict.passed - float(np.mean(others[verdict.unit]))
        for verdict in verdicts
        if verdict.annotator == name and verdict.passed is not None and verdict.unit in others
    ]
    if not gaps:
        return Estimate(None, 0, why="nobody else judged the same")
    mean = float(np.mean(gaps))
    if len(gaps) < FEWEST:
        return Estimate(mean, len(gaps), why=f"fewer than {FEWEST} units: no interval")
    spread = float(np.std(gaps, ddof=1))
    if not spread:
        return Estimate(mean, len(gaps), why="every difference is the same: no interval")
    reach = _Z * spread / math.sqrt(len(gaps))
    return Estimate(mean, len(gaps), Interval(max(-1.0, mean - reach), min(1.0, mean + reach)))


def _gold(score: GoldScore | None, *, sealed: bool) -> Estimate:
    if score is None or not score.labels:
        return Estimate(None, 0, why="not opened" if sealed else "no gold task was graded")
    return Estimate(score.right / score.labels, score.labels, wilson(score.right, score.labels))


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
    units = table(verdicts) if verdicts else np.empty((0, 0))
    units = units[(~np.isnan(units)).sum(axis=1) >= 2] if units.size else units
    if len(units) < FEWEST_SHARED:
        return {}
    counts = np.stack([units == value for value in (0, 1)], axis=2).astype(np.float64)
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
