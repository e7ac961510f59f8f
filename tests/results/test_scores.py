"""Grades to scores: polarity, weights, prerequisites, and that nothing unclear counts as passed."""

from __future__ import annotations

from typing import Literal

import pytest

from assay.model.annotation import Grade, TrajectoryGrades, passed
from assay.model.rubric import Criterion, Rubric
from assay.results.scores import Share, pool, score


def criterion(
    id: str,
    *,
    good: bool = True,
    weight: Literal[1, 2, 3, 5] = 1,
    requires: tuple[str, ...] = (),
    must_pass: bool = False,
) -> Criterion:
    return Criterion(
        id=id,
        statement="s",
        axis="correctness",
        good=good,
        weight=weight,
        evidence="tests",
        why="w",
        requires=list(requires),
        must_pass=must_pass,
    )


def graded(**holds: bool | Literal["unclear"]) -> TrajectoryGrades:
    return TrajectoryGrades(rationale="r", criteria={name: Grade(holds=value) for name, value in holds.items()})


@pytest.mark.parametrize(
    ("holds", "good", "expected"),
    [
        (True, True, True),
        (False, True, False),
        (True, False, False),
        (False, False, True),
        ("unclear", True, None),
        ("unclear", False, None),
    ],
)
def test_passed_combines_what_holds_with_what_is_good(
    holds: bool | Literal["unclear"], good: bool, expected: bool | None
) -> None:
    assert passed(criterion("c", good=good), Grade(holds=holds)) is expected


def test_weights_count_and_unclear_is_not_passed() -> None:
    rubric = Rubric(
        format=1, criteria=[criterion("a", weight=3, must_pass=True), criterion("b", weight=5), criterion("c")]
    )
    result = score(rubric, [graded(a=True, b="unclear", c=True)])
    assert result.axes["correctness"] == Share(4, 9)
    assert result.must_pass == Share(1, 1)


def test_a_failed_prerequisite_leaves_the_criterion_out() -> None:
    rubric = Rubric(format=1, criteria=[criterion("parent"), criterion("child", weight=5, requires=("parent",))])
    assert score(rubric, [graded(parent=False, child=True)]).axes["correctness"] == Share(0, 1)
    assert score(rubric, [graded(parent=True, child=True)]).axes["correctness"] == Share(6, 6)


def test_an_axis_without_criteria_says_nothing() -> None:
    rubric = Rubric(format=1, criteria=[criterion("a")])
    assert score(rubric, [graded(a=True)]).axes["style"].value is None
    assert pool([]).must_pass.value is None


def test_two_annotators_are_pooled() -> None:
    rubric = Rubric(format=1, criteria=[criterion("a", must_pass=True)])
    both = score(rubric, [graded(a=True), graded(a=False)])
    assert both.must_pass == Share(1, 2)
    assert both == pool([score(rubric, [graded(a=True)]), score(rubric, [graded(a=False)])])
