"""What several annotators together say about two trajectories, and about one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import combinations

from assay.export.selection import Chosen
from assay.model.annotation import Annotation
from assay.results.scores import applicable

DISPUTED = "annotators contradict each other"


@dataclass(frozen=True)
class Pair:
    """Two trajectories of a task that were ranked against each other; `chosen` stands higher more often."""

    chosen: str
    rejected: str
    wins: int
    losses: int
    ties: int
    tiers: float
    """By how many tiers on average; negative where an annotator has them the other way round."""

    @property
    def annotators(self) -> int:
        """How many ranked both."""
        return self.wins + self.losses + self.ties

    @property
    def agreement(self) -> float:
        """Share of the annotators who have it this way."""
        return self.wins / self.annotators

    @property
    def why_not(self) -> str:
        """Why it is no preference; empty when it is one."""
        if self.wins == self.losses:
            return "as many annotators rank them one way as the other"
        return DISPUTED if self.losses else ""


def goes_out(chosen: Chosen, why_not: str) -> bool:
    """Whether a pair or a label is used: contradictions are where they were asked for."""
    return not why_not or (chosen.disputed and why_not == DISPUTED)


def pairs(chosen: Chosen) -> Iterator[Pair]:
    """Every two trajectories that somebody ranked, in the order of their aliases."""
    places = [_places(record) for record in chosen.annotations]
    for one, other in combinations(sorted(chosen.attempts), 2):
        apart = [ranked[other] - ranked[one] for ranked in places if one in ranked and other in ranked]
        if apart:
            yield _pair(one, other, apart)


def _places(record: Annotation) -> dict[str, int]:
    return {alias: number for number, tier in enumerate(record.ranking) for alias in tier}


def _pair(one: str, other: str, apart: list[int]) -> Pair:
    wins, losses = sum(gap > 0 for gap in apart), sum(gap < 0 for gap in apart)
    ties, mean = apart.count(0), sum(apart) / len(apart)
    if losses > wins:
        return Pair(other, one, losses, wins, ties, -mean)
    return Pair(one, other, wins, losses, ties, mean)


@dataclass(frozen=True)
class Label:
    """Whether a trajectory meets every must-pass criterion: how many annotators say so."""

    yes: int
    no: int

    @property
    def value(self) -> bool:
        """What most say."""
        return self.yes > self.no

    @property
    def why_not(self) -> str:
        """Why it labels nothing; empty when it does."""
        if self.yes == self.no:
            return "as many annotators say yes as no" if self.yes else "nobody graded it"
        return DISPUTED if self.yes and self.no else ""

    @property
    def agreement(self) -> float:
        """Share of those who say what most say."""
        return max(self.yes, self.no) / (self.yes + self.no)


def label(chosen: Chosen, alias: str) -> Label:
    """A criterion that an annotator could not decide counts as not met, as everywhere."""
    said = list(_met(chosen, alias))
    return Label(said.count(True), said.count(False))


def _met(chosen: Chosen, alias: str) -> Iterable[bool]:
    for record in chosen.annotations:
        if alias in record.grades:
            verdicts = applicable(chosen.rubric, record.grades[alias].criteria)
            yield all(verdict is True for criterion, verdict in verdicts if criterion.must_pass)
