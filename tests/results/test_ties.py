"""Who is told apart: exact McNemar, groups that share a letter, Pareto's front."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.results.intervals import Interval
from assay.results.ties import front, groups, mcnemar, overlap


@pytest.mark.parametrize(("one", "other", "p"), [(6, 0, 0.03125), (5, 1, 0.21875), (3, 3, 1.0), (0, 1, 1.0)])
def test_mcnemar_by_hand(one: int, other: int, p: float) -> None:
    assert mcnemar(one, other) == mcnemar(other, one) == pytest.approx(p)


def test_nothing_is_said_where_the_same_tasks_were_solved() -> None:
    assert mcnemar(0, 0) is None


def test_intervals_that_touch_or_are_missing_overlap() -> None:
    assert overlap(Interval(0, 1), Interval(1, 2))
    assert not overlap(Interval(0, 1), Interval(1.1, 2))
    assert overlap(None, Interval(5, 6))


@pytest.mark.parametrize(
    ("apart", "letters"),
    [
        (set(), ["a", "a", "a"]),
        ({(0, 2)}, ["a", "ab", "b"]),
        ({(0, 1), (0, 2), (1, 2)}, ["a", "b", "c"]),
        ({(0, 1), (0, 2)}, ["a", "b", "b"]),
    ],
)
def test_letters(apart: set[tuple[int, int]], letters: list[str]) -> None:
    assert groups(3, lambda one, other: (one, other) in apart) == letters
    assert groups(0, lambda one, other: True) == []


@given(st.lists(st.tuples(st.integers(0, 20), st.integers(0, 6)), max_size=12))
def test_rows_share_a_letter_exactly_when_no_pair_between_them_is_apart(spans: list[tuple[int, int]]) -> None:
    rows = [Interval(-low - width, -low) for low, width in sorted(spans)]

    def apart(one: int, other: int) -> bool:
        return not overlap(rows[one], rows[other])

    letters = groups(len(rows), apart)
    for one in range(len(rows)):
        for other in range(one, len(rows)):
            free = not any(apart(i, j) for i in range(one, other + 1) for j in range(i + 1, other + 1))
            assert bool(set(letters[one]) & set(letters[other])) == free


POINT = st.tuples(st.integers(0, 5).map(float), st.integers(0, 5).map(float))


@given(st.dictionaries(st.text(min_size=1, max_size=3), POINT, min_size=1, max_size=8))
def test_everybody_off_the_front_is_beaten_by_somebody_on_it(points: dict[str, tuple[float, float]]) -> None:
    best = front(points)
    assert best
    for name, (quality, cost) in points.items():
        beaten = any(
            q >= quality and c <= cost and (q, c) != (quality, cost) for q, c in (points[other] for other in best)
        )
        assert beaten == (name not in best)
