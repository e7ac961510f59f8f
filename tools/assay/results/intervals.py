"""Intervals for shares and for bootstrap samples."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike

LEVEL = 0.95


class UndefinedStatisticError(ValueError):
    """The data hold nothing to compute from. `reason` says what is missing, in words a page can show."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True)
class Interval:
    """A closed range, in the unit of the statistic, that covers the true value with probability `level`."""

    low: float
    high: float
    level: float = LEVEL

    def __post_init__(self) -> None:
        if not self.low <= self.high:
            raise ValueError(f"an interval must run from low to high, found {self.low} to {self.high}")
        _check_level(self.level)


def wilson(successes: float, n: float, level: float = LEVEL) -> Interval:
    """Score interval of the share `successes / n` (Wilson 1927; method 3 of Newcombe 1998).

    Raises UndefinedStatisticError when `n` is 0: no attempt says nothing, which is not a share of zero.
    """
    _check_level(level)
    if not 0 <= successes <= n < math.inf:
        raise ValueError(f"successes must lie between 0 and n, found {successes} of {n}")
    if n == 0:
        raise UndefinedStatisticError("no attempt: a share of nothing has no value")
    share = successes / n
    z = NormalDist().inv_cdf((1 + level) / 2)
    middle = share + z * z / (2 * n)
    reach = z * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    width = 1 + z * z / n
    # The bounds of 0 of n and n of n are exactly 0 and 1; rounding would put them beside.
    low = 0.0 if successes == 0 else (middle - reach) / width
    high = 1.0 if successes == n else (middle + reach) / width
    return Interval(low, high, level)


def newcombe(first: tuple[float, float], second: tuple[float, float], level: float = LEVEL) -> Interval:
    """Interval of the difference of two independent shares, each (successes, n); method 10 of Newcombe 1998 (17:873).

    Raises UndefinedStatisticError when either n is 0.
    """
    one, two = wilson(*first, level), wilson(*second, level)
    share, other = first[0] / first[1], second[0] / second[1]
    low = share - other - math.hypot(share - one.low, two.high - other)
    high = share - other + math.hypot(one.high - share, other - two.low)
    return Interval(max(-1.0, low), min(1.0, high), level)


def percentile_interval(
    samples: ArrayLike, level: float = LEVEL, *, whole: bool = False, units: int | None = None
) -> Interval:
    """Equal-tailed percentiles of bootstrap `samples` (one dimension).

    `whole` is for counts and ranks: the bounds are then sampled values, rounded outwards, never values in between.
    `units` is how many units were resampled; with it the tails are those of the expanded percentile interval, which
    makes up for a bootstrap being too narrow by sqrt((n-1)/n) and for few units (Hesterberg, What Teachers Should
    Know About the Bootstrap, The American Statistician 69, 2015).
    Raises UndefinedStatisticError when there is no sample and ValueError when one is not finite.
    """
    _check_level(level)
    values = np.asarray(samples, dtype=np.float64)
    if values.ndim != 1:
        raise ValueError(f"samples must have one dimension, found {values.ndim}: pass one column at a time")
    if values.size == 0:
        raise UndefinedStatisticError("no bootstrap sample: nothing to take percentiles of")
    if not np.isfinite(values).all():
        raise ValueError("samples must be finite, found nan or infinity: a failed fit must not reach an interval")
    tail = (1 - level) / 2 if units is None else expanded_tail(units, level)
    low = np.quantile(values, tail, method="lower" if whole else "linear")
    high = np.quantile(values, 1 - tail, method="higher" if whole else "linear")
    return Interval(float(low), float(high), level)


@lru_cache(maxsize=256)
def expanded_tail(units: int, level: float = LEVEL) -> float:
    """Share of bootstrap samples beyond each bound, for at least two resampled units."""
    units = min(units, 1000)  # beyond, nothing changes that could be seen
    reach = _student(units - 1, (1 + level) / 2) * math.sqrt(units / (units - 1))
    return NormalDist().cdf(-reach)


def _student(freedom: int, share: float) -> float:
    """Quantile of Student's t for a share above one half, by bisection."""
    low, high = 0.0, 1.0
    while _student_cdf(freedom, high) < share:
        high *= 2
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if _student_cdf(freedom, middle) < share else (low, middle)
    return high


def _student_cdf(freedom: int, t: float) -> float:
    """For t >= 0 (Abramowitz and Stegun 26.7.3 and 26.7.4, a finite series in cos)."""
    angle = math.atan(t / math.sqrt(freedom))
    cos, odd = math.cos(angle), freedom % 2
    term = math.sin(angle) * (cos if odd else 1.0)
    total = 0.0 if odd and freedom == 1 else term
    for k in range(2 + odd, freedom - 1, 2):
        term *= cos * cos * (k - 1) / k
        total += term
    within = (angle + total) * 2 / math.pi if odd else total
    return (1 + within) / 2


def _check_level(level: float) -> None:
    if not 0 < level < 1:
        raise ValueError(f"level must lie between 0 and 1, found {level}: 95 % is written 0.95")
