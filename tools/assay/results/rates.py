"""Shares of trials with their intervals, as a calibration writes them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from math import comb

from assay.model.calibration import Difference, PassAt, Rate
from assay.results.intervals import LEVEL, newcombe, wilson

DIGITS = 6
"""More would differ between machines."""


def rate_of(verdicts: Iterable[bool | None]) -> Rate:
    """The share of True among True and False, with the range that what is None leaves open."""
    count = Counter(verdicts)
    passed, missing = count[True], count[None]
    n = passed + count[False]
    interval = wilson(passed, n) if n else None
    total = n + missing
    return Rate(
        passed=passed,
        n=n,
        missing=missing,
        rate=round(passed / n, DIGITS) if n else None,
        low=round(interval.low, DIGITS) if interval else None,
        high=round(interval.high, DIGITS) if interval else None,
        least=round(passed / total, DIGITS) if total else None,
        most=round((passed + missing) / total, DIGITS) if total else None,
    )


def difference(one: Rate, other: Rate, level: float = LEVEL) -> Difference | None:
    """`one` minus `other` (Newcombe 1998, method 10); None when either was never tried."""
    if not one.n or not other.n:
        return None
    interval = newcombe((one.passed, one.n), (other.passed, other.n), level)
    value = one.passed / one.n - other.passed / other.n
    return Difference(value=round(value, DIGITS), low=round(interval.low, DIGITS), high=round(interval.high, DIGITS))


def pass_at(k: int, passed: int, n: int) -> PassAt:
    """pass@k = 1 - C(n-c,k)/C(n,k) (Chen et al. 2021), pass^k = C(c,k)/C(n,k) (Yao et al. 2024)."""
    if n < k:
        return PassAt(k=k, any=None, all=None)
    ways = comb(n, k)
    return PassAt(k=k, any=round(1 - comb(n - passed, k) / ways, DIGITS), all=round(comb(passed, k) / ways, DIGITS))
