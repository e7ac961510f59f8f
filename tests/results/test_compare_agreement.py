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

from assay.model.annotation import Annotation, TrajectoryGrades
from assay.results.agreement import Level, cohen, fleiss, kendall_w, krippendorff, tau_b
from assay.results.profiles import profiles

SKIP = "pip install 'assay[compare]'"
rate: Any = pytest.importorskip("statsmodels.stats.inter_rater", reason=SKIP)
stats: Any = pytest.importorskip("scipy.stats", reason=SKIP)
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


@given(arrays(np.float64, st.tuples(st.integers(4, 30), st.just(2)), elements=VALUES))
@settings(deadline=None)
def test_cohens_kappa_is_that_of_scikit_learn(units: Any) -> None:
    metrics = pytest.importorskip("sklearn.metrics", reason="scikit-learn is not installed")
    found = cohen(units)
    assume(not isinstance(found, str))
    assert math.isclose(float(found), float(metrics.cohen_kappa_score(units[:, 0], units[:, 1])), abs_tol=1e-9)


@pytest.mark.parametrize("level", ["nominal", "ordinal", "interval", "ratio"])
def test_alpha_is_that_of_evalica_with_gaps(level: Level) -> None:
    evalica, pandas = (pytest.importorskip(name, reason=SKIP) for name in ("evalica", "pandas"))
    random = np.random.default_rng(11)
    for _ in range(20):
        units = random.integers(1, 6, (15, 4)).astype(float)
        units[random.random(units.shape) < 0.3] = np.nan
        found = krippendorff(level)(units)
        assert math.isclose(float(found), evalica.alpha(pandas.DataFrame(units.T), level).alpha, abs_tol=1e-9)


def test_evalica_calls_unanimity_perfect() -> None:
    """1.0 where there was nothing to disagree about; ours has no value."""
    evalica, pandas = (pytest.importorskip(name, reason=SKIP) for name in ("evalica", "pandas"))
    assert evalica.alpha(pandas.DataFrame(np.ones((3, 5)))).alpha == 1.0
    assert isinstance(krippendorff()(np.ones((5, 3))), str)


def test_scikit_learn_calls_unanimity_not_a_number() -> None:
    metrics = pytest.importorskip("sklearn.metrics", reason="scikit-learn is not installed")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert math.isnan(float(metrics.cohen_kappa_score([1, 1, 1], [1, 1, 1])))
    assert isinstance(cohen(np.ones((3, 2))), str)


def annotation(number: int, above: bool) -> Annotation:
    first, second = ("calm-heron", "brisk-otter") if above else ("brisk-otter", "calm-heron")
    graded = TrajectoryGrades(rationale="As seen.", criteria={})
    return Annotation(
        format=1,
        task=f"task-{number}",
        annotator="rater-1",
        guidelines=1,
        rubric="0" * 40,
        order=["calm-heron", "brisk-otter"],
        grades={first: graded, second: graded},
        ranking=[[first], [second]],
        comparison="As seen.",
        minutes=1,
    )


@pytest.mark.parametrize(("above", "below"), [(1, 0), (5, 1), (9, 1), (7, 7), (0, 6)])
def test_the_sign_test_of_the_first_shown_is_scipys(above: int, below: int) -> None:
    records = [annotation(number, number < above) for number in range(above + below)]
    (profile,) = profiles(records, [])
    assert profile.first_shown[:2] == (above, below)
    assert profile.first_shown[2] == pytest.approx(float(stats.binomtest(above, above + below).pvalue))


def test_scipy_calls_tau_of_a_constant_not_a_number() -> None:
    assert math.isnan(float(stats.kendalltau([1, 1, 1], [1, 2, 3]).statistic))
    assert tau_b([1, 1, 1], [1, 2, 3]).value is None
