"""Coefficients against other people's: the same where those are right, and what they say where they are not."""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from assay.results.agreement import cohen, fleiss, kendall_w, krippendorff, tau_b

rate: Any = pytest.importorskip("statsmodels.stats.inter_rater", reason="pip install 'assay[compare]'")
stats: Any = pytest.importorskip("scipy.stats", reason="pip install 'assay[compare]'")
VALUES = st.sampled_from([0.0, 1.0, 2.0])
answers = arrays(np.float64, st.tuples(st.integers(4, 30), st.integers(2, 5)), elements=VALUES)


@given(answers)
@settings(deadline=None)
def test_fleiss_kappa_is_that_of_statsmodels(units: Any) -> None:
    assume(len(np.unique(units)) > 1)
    counts, _ = rate.aggregate_raters(units.astype(int))
    found = fleiss(units)
    assert not isinstance(found, str)
    assert math.isclose(found, float(rate.fleiss_kappa(counts)), abs_tol=1e-9)


@given(arrays(np.float64, st.tuples(st.integers(4, 30), st.just(2)), elements=VALUES))
@settings(deadline=None)
def test_cohens_kappa_is_that_of_statsmodels(units: Any) -> None:
    table = np.zeros((3, 3))
    for one, other in units.astype(int):
        table[one, other] += 1
    found = cohen(units)
    assume(not isinstance(found, str))
    assert math.isclose(float(found), float(rate.cohens_kappa(table, return_results=False)), abs_tol=1e-9)


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=3, max_size=20))
@settings(deadline=None)
def test_concordance_without_ties_is_friedmans(pairs: list[tuple[int, int]]) -> None:
    """W = chi2 / (m (n - 1)), Siegel and Castellan 1988, with the correction for ties that scipy makes as well."""
    ranks = [[float(one) for one, _ in pairs], [float(other) for _, other in pairs], [float(a + b) for a, b in pairs]]
    found = kendall_w(ranks).value
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        chi2 = float(stats.friedmanchisquare(*np.transpose(ranks)).statistic)
    assume(found is not None and not math.isnan(chi2))
    assert found is not None
    assert math.isclose(found, chi2 / (3 * (len(pairs) - 1)), abs_tol=1e-9)


def test_statsmodels_calls_unanimity_not_a_number() -> None:
    """Everybody says yes to everything: there was nothing to disagree about, and ours says so in words."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert math.isnan(float(rate.fleiss_kappa(np.array([[3, 0], [3, 0], [3, 0]]))))
    for statistic in (fleiss, krippendorff()):
        found = statistic(np.ones((3, 3)))
        assert isinstance(found, str)


def test_statsmodels_has_no_missing_values() -> None:
    """A unit that one rater skipped is refused there; here it counts with those who judged it."""
    units = np.array([[0.0, 0.0, np.nan], [1.0, 1.0, 1.0], [0.0, 1.0, 1.0], [1.0, 1.0, np.nan]])
    counts = np.array([[2, 0], [0, 3], [1, 2], [0, 2]])
    with pytest.raises(AssertionError):
        rate.fleiss_kappa(counts)
    assert isinstance(fleiss(units), float)


def test_scipy_calls_tau_of_a_constant_not_a_number() -> None:
    assert math.isnan(float(stats.kendalltau([1, 1, 1], [1, 2, 3]).statistic))
    assert tau_b([1, 1, 1], [1, 2, 3]).value is None
