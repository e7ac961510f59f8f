"""What the grades of one trajectory add up to, axis by axis. The axes are never blended into one number."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import get_args

from assay.model.annotation import Grade, TrajectoryGrades, passed
from assay.model.outcome import Outcome
from assay.model.rubric import AXES, Axis, Criterion, Rubric


@dataclass(frozen=True)
class Share:
    """`got` of `total`, in criterion weights or in counts; nothing is said when nothing applied."""

    got: float = 0
    total: float = 0

    @property
    def value(self) -> float | None:
        """Between 0 and 1, or None when nothing applied."""
        return self.got / self.total if self.total else None

    def __add__(self, other: Share) -> Share:
        return Share(self.got + other.got, self.total + other.total)


@dataclass(frozen=True)
class Score:
    """All annotators' grades of one trajectory, pooled."""

    axes: Mapping[Axis, Share]
    """Passed weight over applicable weight."""
    must_pass: Share
    """Must-pass criteria passed, counted once for each annotator."""


def applicable(rubric: Rubric, grades: Mapping[str, Grade]) -> list[tuple[Criterion, bool | None]]:
    """The graded criteria with whether they passed.

    A criterion whose prerequisite did not pass says nothing of its own and is left out.
    """
    verdicts = {c.id: passed(c, grades[c.id]) for c in rubric.criteria if c.id in grades}
    return [
        (criterion, verdicts[criterion.id])
        for criterion in rubric.criteria
        if criterion.id in verdicts and all(verdicts.get(parent) is True for parent in criterion.requires)
    ]


Keep = Callable[[Criterion], bool]
"""Which criteria count."""


def score(rubric: Rubric, graded: Iterable[TrajectoryGrades], keep: Keep | None = None) -> Score:
    """Pool the grades of several annotators. An unclear verdict counts as not passed."""
    axes: dict[Axis, Share] = {axis: Share() for axis in AXES}
    must = Share()
    for grades in graded:
        for criterion, verdict in applicable(rubric, grades.criteria):
            if keep and not keep(criterion):
                continue
            axes[criterion.axis] += Share(criterion.weight * (verdict is True), criterion.weight)
            if criterion.must_pass:
                must += Share(verdict is True, 1)
    return Score(axes, must)


def met(rubric: Rubric, grades: TrajectoryGrades) -> bool | None:
    """Whether every must-pass criterion was passed; None where the rubric has none, or none was graded."""
    verdicts = [passed(c, grades.criteria[c.id]) for c in rubric.criteria if c.must_pass and c.id in grades.criteria]
    return all(verdict is True for verdict in verdicts) if verdicts else None


def pool(scores: Iterable[Score]) -> Score:
    """Several scores as one, by adding numerators and denominators."""
    axes: dict[Axis, Share] = {axis: Share() for axis in AXES}
    must = Share()
    for item in scores:
        axes = {axis: share + item.axes[axis] for axis, share in axes.items()}
        must += item.must_pass
    return Score(axes, must)


UNRECORDED = "unrecorded"
"""The class of attempts without a session."""


def tally(outcomes: Iterable[Outcome | None]) -> dict[str, int]:
    """How many attempts ended in each class, in the order of the lattice; `scored` is always there."""
    found = Counter(outcome or UNRECORDED for outcome in outcomes)
    return {name: found[name] for name in (*get_args(Outcome), UNRECORDED) if found[name] or name == "scored"}


def counted(counts: Mapping[str, int]) -> str:
    """`3 scored, 1 invalid-agent`: stands beside every rate, since invalid attempts are in none."""
    return ", ".join(f"{number} {name}" for name, number in counts.items())
