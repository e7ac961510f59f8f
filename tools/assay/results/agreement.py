"""Coefficients of agreement. Each is a number with an interval, or it says why it has none.

Values of one unit (a trajectory and a criterion, say) are a row, raters are columns, nan is a missing value. A set on
which everybody agrees in everything has percent agreement 1 and no chance-corrected coefficient at all: there was
nothing to disagree about. Nothing here raises for data that carry too little.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from assay.results.intervals import Interval, percentile_interval

Floats = NDArray[np.float64]
Level = Literal["nominal", "ordinal", "interval", "ratio"]
BOOTSTRAPS = 1000
_ONE_TASK = "of one task: no interval"
FEWEST = 10
"""Units below which resampling them says nothing of other units."""


@dataclass(frozen=True)
class Estimate:
    """A coefficient; `why` says why `value` is None, or why there is no interval."""

    value: float | None
    n: int
    """Units that at least two raters judged."""
    interval: Interval | None = None
    why: str = ""


class Statistic(Protocol):
    """Of units that were judged, some of them twice; words say why it is not defined."""

    def __call__(self, units: Floats, times: Floats | None = None, /) -> float | str:
        """`times` says how often each row occurs; without it, once."""
        ...


def estimate(units: ArrayLike, statistic: Statistic, *, seed: int, bootstraps: int = BOOTSTRAPS) -> Estimate:
    """A statistic with a 95 % percentile interval over resampled units; of resamples without a value none counts."""
    table = np.asarray(units, dtype=np.float64)
    table = table.reshape(len(table), -1) if table.size else np.empty((0, 2))
    judged: Floats = table[_raters(table) > 0]
    rows, times = _distinct(judged)
    paired = _raters(rows) > 1
    n = int(times[paired].sum())
    value = statistic(rows, times) if n else "no unit was judged twice"
    if isinstance(value, str):
        return Estimate(None, n, why=value)
    if n < FEWEST:
        return Estimate(value, n, why=f"fewer than {FEWEST} units: no interval")
    drawn = np.random.default_rng(seed).multinomial(len(judged), times / len(judged), bootstraps).astype(np.float64)
    samples = (statistic(rows[some > 0], some[some > 0]) for some in drawn if some[paired].any())
    found = [sample for sample in samples if not isinstance(sample, str)]
    if 2 * len(found) <= bootstraps:
        return Estimate(value, n, why="too few resamples have a value: no interval")
    interval = percentile_interval(found)
    if math.isclose(interval.low, interval.high, abs_tol=1e-12):
        return Estimate(value, n, why="every resample gives the same: no interval")
    return Estimate(value, n, interval)


def _raters(units: Floats) -> NDArray[np.int_]:
    return np.asarray((~np.isnan(units)).sum(axis=1))


def _distinct(units: Floats) -> tuple[Floats, Floats]:
    """The rows that occur, and how often: verdicts have few values, so thousands of units are a few rows."""
    if not len(units):
        return units, np.empty(0)
    rows, times = np.unique(np.where(np.isnan(units), np.inf, units), axis=0, return_counts=True)
    return np.where(np.isinf(rows), np.nan, rows), times.astype(np.float64)


def _paired(units: Floats, times: Floats | None) -> tuple[Floats, Floats]:
    paired = _raters(units) > 1
    return units[paired], (np.ones(len(units)) if times is None else times)[paired]


def _counts(units: Floats) -> tuple[Floats, Floats]:
    """The values that occur, and how often each was given, unit by value."""
    values = np.unique(units[~np.isnan(units)])
    return values, np.stack([(units == value).sum(axis=1) for value in values], axis=1).astype(np.float64)


def percent(units: Floats, times: Floats | None = None) -> float:
    """Mean over units of the share of pairs of raters who agree."""
    units, times = _paired(units, times)
    _, counts = _counts(units)
    raters = counts.sum(axis=1)
    return float(np.average((counts * (counts - 1)).sum(axis=1) / (raters * (raters - 1)), weights=times))


def krippendorff(level: Level = "nominal") -> Statistic:
    """Krippendorff's alpha (Content Analysis, 2004, chapter 11; Computing Krippendorff's alpha, 2011)."""

    def alpha(units: Floats, times: Floats | None = None) -> float | str:
        units, times = _paired(units, times)
        values, counts = _counts(units)
        raters, weights = counts.sum(axis=1, keepdims=True), times[:, None]
        if len(values) < 2:
            return f"all {int((counts * weights).sum())} values are the same: nothing to disagree about"
        together = (counts * weights / (raters - 1)).T @ counts
        np.fill_diagonal(together, (counts * (counts - 1) * weights / (raters - 1)).sum(axis=0))
        totals = together.sum(axis=0)
        apart = _distances(values, totals, level)
        expected = (np.outer(totals, totals) * apart).sum() / (totals.sum() - 1)
        return float(1 - (together * apart).sum() / expected)

    return alpha


def _distances(values: Floats, totals: Floats, level: Level) -> Floats:
    one, other = np.meshgrid(values, values, indexing="ij")
    if level == "nominal":
        return np.asarray(one != other, dtype=np.float64)
    if level == "interval":
        return np.asarray((one - other) ** 2)
    if level == "ratio":
        whole = np.where(one + other == 0, 1, one + other)
        return np.asarray(((one - other) / whole) ** 2)
    # values from the one to the other, half of each end
    middle = np.cumsum(totals) - totals / 2
    return np.asarray((middle[:, None] - middle[None, :]) ** 2)


def cohen(units: Floats, times: Floats | None = None) -> float | str:
    """Cohen's kappa (1960), of two raters."""
    if units.shape[1] != 2:
        return f"it is of two annotators, found {units.shape[1]}"
    units, times = _paired(units, times)
    values, _ = _counts(units)
    shares = [[float(np.average(units[:, rater] == value, weights=times)) for value in values] for rater in (0, 1)]
    expected = sum(one * other for one, other in zip(*shares, strict=True))
    return _corrected(float(np.average(units[:, 0] == units[:, 1], weights=times)), expected)


def fleiss(units: Floats, times: Floats | None = None) -> float | str:
    """Fleiss' kappa (1971); units may have different numbers of raters."""
    return _corrected(percent(units, times), float((_shares(units, times) ** 2).sum()))


def gwet(units: Floats, times: Floats | None = None) -> float | str:
    """Gwet's AC1 (2008), which stays high where nearly all values are the same; there are at least two values.

    As in his handbook (2014, chapter 2) the shares of values are those of all units, judged twice or not.
    """
    shares = _shares(units, times)
    categories = max(2, len(shares))
    return _corrected(percent(units, times), float((shares * (1 - shares)).sum()) / (categories - 1))


def _shares(units: Floats, times: Floats | None) -> Floats:
    _, counts = _counts(units)
    return np.asarray(np.average(counts / counts.sum(axis=1, keepdims=True), axis=0, weights=times))


def _corrected(observed: float, expected: float) -> float | str:
    if math.isclose(expected, 1):
        return "all values are the same: chance alone would agree as well"
    return (observed - expected) / (1 - expected)


def kendall_w(ranks: ArrayLike) -> Estimate:
    """Kendall's coefficient of concordance with ties (Siegel and Castellan 1988, section 9.6).

    A row for each annotator, a column for each item; what stands there may be a tier or any other score.
    """
    table = np.asarray(ranks, dtype=np.float64)
    raters, items = table.shape if table.ndim == 2 else (0, 0)
    if raters < 2 or items < 2:
        return Estimate(None, items, why="it takes two annotators who rank two items")
    ranked = np.stack([_ranks(row) for row in table])
    spread = float(((ranked.sum(axis=0) - raters * (items + 1) / 2) ** 2).sum())
    ties = sum(float((sizes**3 - sizes).sum()) for row in ranked for sizes in [np.unique(row, return_counts=True)[1]])
    most = raters**2 * (items**3 - items) - raters * ties
    if most == 0:
        return Estimate(None, items, why="everybody ties everything")
    return Estimate(12 * spread / most, items, why=_ONE_TASK)


def tau_b(one: Sequence[float], other: Sequence[float]) -> Estimate:
    """Kendall's tau-b (1945) of two annotators' tiers."""
    x, y = (np.asarray(values, dtype=np.float64) for values in (one, other))
    pairs = np.triu_indices(len(x), 1)
    signs = [np.sign(values[pairs[0]] - values[pairs[1]]) for values in (x, y)]
    untied = [float(np.abs(sign).sum()) for sign in signs]
    if len(x) < 2 or 0 in untied:
        return Estimate(None, len(x), why="one of the two ties everything")
    return Estimate(float((signs[0] * signs[1]).sum()) / math.sqrt(untied[0] * untied[1]), len(x), why=_ONE_TASK)


def _ranks(values: Floats) -> Floats:
    """From 1; equal values share the mean of theirs."""
    below = (values[None, :] < values[:, None]).sum(axis=1)
    equal = (values[None, :] == values[:, None]).sum(axis=1)
    return np.asarray(below + (equal + 1) / 2)
