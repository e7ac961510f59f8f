"""Which rows of a ranking stand apart by more than chance, and the groups of those that do not."""

from __future__ import annotations

from collections.abc import Callable
from math import comb

from assay.results.intervals import Interval

ALPHA = 0.05
TOUCHING = 1e-6
"""What rounding may put between intervals that meet."""


def mcnemar(one: int, other: int) -> float | None:
    """Exact two-sided p that two shares of the same tasks are equal (McNemar 1947, with the binomial distribution).

    `one` and `other` count the tasks that only the one or only the other solved. None when there is no such task.
    """
    if not one + other:
        return None
    tail = sum(comb(one + other, k) for k in range(min(one, other) + 1)) / (1 << one + other)
    return min(1.0, 2 * tail)


def overlap(one: Interval | None, other: Interval | None) -> bool:
    """Whether two intervals share a value; what has none shares everything."""
    return one is None or other is None or (one.low <= other.high + TOUCHING and other.low <= one.high + TOUCHING)


def groups(rows: int, apart: Callable[[int, int], bool]) -> list[str]:
    """For each row, best first, the letters of the groups it is in: rows of one group are not told apart.

    A group is a longest run of neighbours of which no two are `apart`; one row may be in several, as in the compact
    letter display of multiple comparisons.
    """
    ends = []
    for start in range(rows):
        end = start
        while end + 1 < rows and not any(apart(place, end + 1) for place in range(start, end + 1)):
            end += 1
        ends.append(end)
    runs = [(start, end) for start, end in enumerate(ends) if not start or end > ends[start - 1]]
    return ["".join(_letter(n) for n, (start, end) in enumerate(runs) if start <= row <= end) for row in range(rows)]


def _letter(number: int) -> str:
    """a to z, then a2 to z2 and so on."""
    return chr(ord("a") + number % 26) + (str(number // 26 + 1) if number >= 26 else "")


def front(points: dict[str, tuple[float, float]]) -> set[str]:
    """The names that nobody beats: `points` are (quality, cost), and no other has as much of the one for less.

    (Pareto's front: another one with at least the quality at no more cost, and better in one of the two, dominates.)
    """
    return {
        name
        for name, (quality, cost) in points.items()
        if not any(q >= quality and c <= cost and (q, c) != (quality, cost) for q, c in points.values())
    }
