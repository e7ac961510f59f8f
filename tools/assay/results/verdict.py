"""Whether a task is too easy, too hard, or worth its place: decided from intervals, by thresholds of the workspace."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from assay.model.calibration import EASY, HARD, Rate, Verdict
from assay.model.settings import Thresholds
from assay.model.task import Difficulty
from assay.results.intervals import LEVEL
from assay.results.rates import difference, rate_of


@dataclass(frozen=True)
class Judged:
    """The verdict with its reason, and the pooled rate of the arms that count."""

    word: Verdict
    why: str
    solved: Rate
    difficulty: Difficulty | None = None


def judge(arms: Mapping[str, Rate], thresholds: Thresholds) -> Judged:
    """Outside the band the interval must also lie wholly beyond its middle: 3 of 3 is no easy task yet."""
    enough = {name: rate for name, rate in arms.items() if rate.n >= thresholds.trials}
    pooled = _pooled((enough or arms).values())
    few = [f"`{name}` has {rate.n}" for name, rate in arms.items() if name not in enough]
    left_out = f"; with too few valid trials to count: {', '.join(few)}" if few else ""
    if not enough or pooled.rate is None or pooled.low is None or pooled.high is None:
        why = f"no arm has {thresholds.trials} valid trials: {', '.join(few) or 'none began at the start'}"
        return Judged("not-enough-trials", why, pooled)
    low, high = thresholds.band
    shown = f"{pooled.passed} of {pooled.n} trials solve it [{pooled.low:.2f}, {pooled.high:.2f}]"
    band = f"band [{low:g}, {high:g}]"
    difficulty: Difficulty = "easy" if pooled.rate >= EASY else "hard" if pooled.rate < HARD else "medium"
    middle = (low + high) / 2
    outside: Verdict | None = "too-easy" if pooled.rate > high else "too-hard" if pooled.rate < low else None
    if outside and pooled.low <= middle <= pooled.high:
        why = f"{shown}: outside the {band}, and the interval reaches over its middle{left_out}"
        return Judged("not-enough-trials", why, pooled)
    if outside:
        return Judged(outside, f"{shown}, {band}{left_out}", pooled, difficulty)
    if len(enough) > 1 and not _separate(list(enough.values())):
        why = f"{shown}, {band}; no two of {len(enough)} arms differ by more than chance{left_out}"
        return Judged("does-not-separate", why, pooled, difficulty)
    alone = "; one arm cannot show whether it separates" if len(enough) == 1 else ""
    return Judged("in-band", f"{shown}, {band}{alone}{left_out}", pooled, difficulty)


def _pooled(rates: Iterable[Rate]) -> Rate:
    rates = list(rates)
    passed, n, missing = (sum(getattr(rate, name) for rate in rates) for name in ("passed", "n", "missing"))
    return rate_of([True] * passed + [False] * (n - passed) + [None] * missing)


def _separate(rates: Sequence[Rate]) -> bool:
    """Whether some pair differs, each at a level that keeps the error of all pairs together (Bonferroni)."""
    pairs = list(combinations(rates, 2))
    found = (difference(one, other, 1 - (1 - LEVEL) / len(pairs)) for one, other in pairs)
    return any(item is not None and item.established for item in found)
