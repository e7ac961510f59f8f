"""Intervals against published tables and their own definition."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm, t

from assay.results.intervals import Interval, UndefinedStatisticError, expanded_tail, percentile_interval, wilson


@pytest.mark.parametrize(
    ("successes", "n", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilson_matches_newcombe_1998(successes: int, n: int, low: float, high: float) -> None:
    interval = wilson(successes, n)
    assert (round(interval.low, 4), round(interval.high, 4)) == (low, high)


def test_wilson_of_nothing_is_undefined_not_zero() -> None:
    with pytest.raises(UndefinedStatisticError) as caught:
        wilson(0, 0)
    assert "no attempt" in caught.value.reason


@pytest.mark.parametrize(("successes", "n"), [(-1, 4), (5, 4), (1, 0), (0, -1), (float("nan"), 4)])
def test_wilson_refuses_impossible_counts(successes: float, n: float) -> None:
    with pytest.raises(ValueError, match="between 0 and n"):
        wilson(successes, n)


@given(st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilson_holds_the_share_and_mirrors(counts: tuple[int, int]) -> None:
    successes, n = counts
    interval, mirrored = wilson(successes, n), wilson(n - successes, n)
    assert 0 <= interval.low <= successes / n <= interval.high <= 1
    assert interval.low == pytest.approx(1 - mirrored.high, abs=1e-12)
    assert (interval.low == 0) == (successes == 0)
    assert (interval.high == 1) == (successes == n)
    narrower = wilson(successes, n, level=0.8)
    assert narrower.high - narrower.low < interval.high - interval.low


def test_percentiles_of_known_samples() -> None:
    interval = percentile_interval(np.arange(1001))
    assert interval.low == pytest.approx(25)
    assert interval.high == pytest.approx(975)


def test_whole_percentiles_are_sampled_values_rounded_outwards() -> None:
    ranks = [1.0, 2.0, 3.0, 4.0]
    assert percentile_interval(ranks, whole=True) == Interval(1.0, 4.0)
    assert percentile_interval([2.0] * 999 + [5.0], whole=True) == Interval(2.0, 2.0)


def test_percentiles_refuse_nothing_and_failed_fits() -> None:
    with pytest.raises(UndefinedStatisticError):
        percentile_interval([])
    with pytest.raises(ValueError, match="finite"):
        percentile_interval([0.1, float("nan")])
    with pytest.raises(ValueError, match="one dimension"):
        percentile_interval(np.zeros((3, 2)))


@pytest.mark.parametrize("level", [0.0, 1.0, 95.0])
def test_a_level_is_a_probability(level: float) -> None:
    with pytest.raises(ValueError, match="level"):
        wilson(1, 2, level)
    with pytest.raises(ValueError, match="level"):
        percentile_interval([1.0], level)


def test_an_interval_runs_upwards() -> None:
    with pytest.raises(ValueError, match="low to high"):
        Interval(1.0, 0.0)


@pytest.mark.parametrize("units", [2, 3, 4, 5, 10, 31, 100, 999])
def test_few_units_widen_the_tails_as_student_does(units: int) -> None:
    """Hesterberg 2015, section 5.1: the percentile interval expanded by sqrt(n / (n - 1)) and t in place of z."""
    expected = norm.cdf(-t.ppf(0.975, units - 1) * (units / (units - 1)) ** 0.5)
    assert expanded_tail(units) == pytest.approx(expected, rel=1e-6)
    samples = np.linspace(0, 1, 2001)
    assert percentile_interval(samples, units=units).low == pytest.approx(expected, abs=1e-9)
    assert percentile_interval(samples, units=units).level == 0.95
