"""What several annotators together say about two trajectories, and about one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from assay.export.selection import Chosen
from assay.model.annotation import Grade
from assay.results.provenance import Provenance
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
    decided: bool
    """Whether an adjudicator said how they stand, whatever annotators say."""
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
    def provenance(self) -> Provenance:
        """How it came about."""
        return "adjudicated" if self.decided else "unresolved" if self.losses else "unanimous"

    @property
    def why_not(self) -> str:
        """Why it is no preference; empty when it is one."""
        if self.decided:
            return ""
        if self.wins == self.losses:
            return "as many annotators rank them one way as the other"
        return DISPUTED if self.losses else ""


def goes_out(chosen: Chosen, why_not: str) -> bool:
    """Whether a pair or a label is used: contradictions are where they were asked for."""
    return not why_not or (chosen.disputed and why_not == DISPUTED)


def pairs(chosen: Chosen) -> Iterator[Pair]:
    """Every two trajectories that somebody ranked, in the order of their aliases."""
    places = [_places(record.ranking) for record in chosen.annotations]
    decided = _places((chosen.adjudication.ranking if chosen.adjudication else None) or [])
    for one, other in combinations(sorted(chosen.attempts), 2):
        apart = [ranked[other] - ranked[one] for ranked in places if one in ranked and other in ranked]
        if apart:
            yield _pair(one, other, apart, decided.get(other, 0) - decided.get(one, 0))


def _places(tiers: Sequence[Sequence[str]]) -> dict[str, int]:
    return {alias: number for number, tier in enumerate(tiers) for alias in tier}


def _pair(one: str, other: str, apart: list[int], decided: int) -> Pair:
    """`apart` is by how many tiers `one` stands above `other`, by annotator; `decided` by the adjudicator, 0 if not."""
    wins, losses = sum(gap > 0 for gap in apart), sum(gap < 0 for gap in apart)
    ties, mean = apart.count(0), sum(apart) / len(apart)
    settled = decided != 0 and wins > 0 and losses > 0
    if decided < 0 if settled else losses > wins:
        return Pair(other, one, losses, wins, ties, settled, -mean)
    return Pair(one, other, wins, losses, ties, settled, mean)


@dataclass(frozen=True)
class Label:
    """Whether a trajectory meets every must-pass criterion: how many annotators say so."""

    yes: int
    no: int
    decided: bool = False
    """Whether an adjudicator decided something of it."""

    @property
    def provenance(self) -> Provenance:
        """How it came about."""
        return "unresolved" if self.yes and self.no else "adjudicated" if self.decided else "unanimous"

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
    """A criterion that could not be decided counts as not met, as everywhere; what was adjudicated counts for all."""
    decided = {
        item.criterion: Grade(holds=item.holds)
        for item in (chosen.adjudication.decisions if chosen.adjudication else ())
        if item.alias == alias
    }
    said = list(_met(chosen, alias, decided))
    return Label(said.count(True), said.count(False), bool(decided))


def _met(chosen: Chosen, alias: str, decided: Mapping[str, Grade]) -> Iterable[bool]:
    for record in chosen.annotations:
        if alias in record.grades:
            verdicts = applicable(chosen.rubric, {**record.grades[alias].criteria, **decided})
            yield all(verdict is True for criterion, verdict in verdicts if criterion.must_pass)
