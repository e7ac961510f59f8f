"""Published tables of agreement, to the printed digits, and what must not change a coefficient."""

from __future__ import annotations

import itertools
import math
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import kendalltau

from assay.results.agreement import (
    Floats,
    Level,
    Statistic,
    cohen,
    estimate,
    fleiss,
    gwet,
    kendall_w,
    krippendorff,
    percent,
    tau_b,
)


def table(*raters: str) -> Floats:
    """Raters as rows of values, `*` where one is missing; units as rows."""
    rows = [[math.nan if cell == "*" else float(cell) for cell in rater.split()] for rater in raters]
    return np.array(rows).T


def defined(units: Floats, statistic: Statistic) -> float:
    found = estimate(units, statistic, seed=1, bootstraps=20).value
    assert found is not None
    return found


FOUR = table(  # Krippendorff, Computing Krippendorff's alpha (2011), section C; Gwet, Handbook (2014), table 2.10
    "1 2 3 3 2 1 4 1 2 * * *",
    "1 2 3 3 2 2 4 1 2 5 * 3",
    "* 3 3 3 2 3 4 2 2 5 1 *",
    "1 2 3 3 2 4 4 1 2 5 1 *",
)
THREE = table("* * * * * 3 4 1 2 1 1 3 3 * 3", "1 * 2 1 3 3 4 3 * * * * * * *", "* * 2 1 3 4 4 * 2 1 1 3 3 * 4")
FLEISS = [  # Fleiss (1971): ten patients, fourteen psychiatrists, five diagnoses
    [0, 0, 0, 0, 14],
    [0, 2, 6, 4, 2],
    [0, 0, 3, 5, 6],
    [0, 3, 9, 2, 0],
    [2, 2, 8, 1, 1],
    [7, 7, 0, 0, 0],
    [3, 2, 6, 3, 0],
    [2, 5, 3, 2, 2],
    [6, 5, 2, 1, 0],
    [0, 2, 2, 3, 7],
]


@pytest.mark.parametrize(
    ("level", "four", "three"),
    [("nominal", 0.743, 0.691), ("ordinal", 0.815, None), ("interval", 0.849, 0.811), ("ratio", 0.797, None)],
)
def test_krippendorffs_examples(level: Level, four: float, three: float | None) -> None:
    assert round(defined(FOUR, krippendorff(level)), 3) == four
    if three is not None:
        assert round(defined(THREE, krippendorff(level)), 3) == three


def test_gwets_four_raters() -> None:
    assert round(defined(FOUR, percent), 5) == 0.81818
    assert round(defined(FOUR, gwet), 5) == 0.77544
    assert round(defined(FOUR, fleiss), 5) == 0.76117


def test_fleiss_example() -> None:
    units = np.array([[value for value, times in enumerate(row) for _ in range(times)] for row in FLEISS], dtype=float)
    assert round(defined(units, fleiss), 4) == 0.2099


def test_cohens_example() -> None:
    pairs = [(1, 1)] * 20 + [(1, 0)] * 5 + [(0, 1)] * 10 + [(0, 0)] * 15
    found = estimate(np.array(pairs, dtype=float), cohen, seed=1)
    assert found.value is not None
    assert round(found.value, 3) == 0.400
    assert found.interval is not None
    # published, from a normal approximation: .151 to .649
    assert abs(found.interval.low - 0.151) < 0.03
    assert abs(found.interval.high - 0.649) < 0.03


def test_siegels_example() -> None:
    found = kendall_w([[1, 6, 3, 2, 5, 4], [1, 5, 6, 4, 2, 3], [6, 3, 2, 5, 4, 1]])
    assert found.value is not None
    assert round(found.value, 3) == 0.162


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=2, max_size=8))
def test_tau_b_is_scipys(pairs: list[tuple[int, int]]) -> None:
    one, other = zip(*pairs, strict=True)
    found = tau_b(one, other).value
    if found is None:
        assert 1 in (len(set(one)), len(set(other)))
    else:
        assert found == pytest.approx(kendalltau(one, other).statistic)


def test_tau_b_of_scipys_documentation() -> None:
    found = tau_b([12, 2, 1, 12, 2], [1, 4, 7, 1, 0])
    assert found.value is not None
    assert round(found.value, 4) == -0.4714


@pytest.mark.parametrize("statistic", [krippendorff(), cohen, fleiss])
def test_unanimous_units_have_no_chance_corrected_agreement(statistic: Statistic) -> None:
    found = estimate(np.ones((30, 2)), statistic, seed=1)
    assert (found.value, found.n) == (None, 30)
    assert "the same" in found.why
    assert estimate(np.ones((30, 2)), percent, seed=1).value == 1.0
    assert estimate(np.ones((30, 2)), gwet, seed=1).value == 1.0


@pytest.mark.parametrize("units", [[], [[1.0]], [[1.0, math.nan], [math.nan, 0.0]]])
def test_nothing_was_judged_twice(units: list[list[float]]) -> None:
    for statistic in (percent, krippendorff(), cohen, fleiss, gwet):
        found = estimate(units, statistic, seed=1)
        assert (found.value, found.interval, found.why) == (None, None, "no unit was judged twice")


def test_few_units_have_no_interval() -> None:
    found = estimate([[1, 1], [0, 1], [0, 0]], krippendorff(), seed=1)
    assert found.value is not None
    assert found.interval is None
    assert "fewer than 10 units" in found.why


@pytest.mark.parametrize(
    ("ranks", "why"),
    [([[1, 2, 3]], "two annotators"), ([[1, 1], [2, 2]], "everybody ties"), ([[1], [1]], "two items")],
)
def test_concordance_says_why_it_is_not_there(ranks: list[list[float]], why: str) -> None:
    found = kendall_w(ranks)
    assert found.value is None
    assert why in found.why


SHAPES = st.tuples(st.integers(2, 12), st.integers(2, 4))
UNITS = arrays(np.float64, SHAPES, elements=st.sampled_from([0.0, 1.0, math.nan]))


@settings(deadline=None)
@given(UNITS, st.randoms(use_true_random=False))
def test_order_and_names_change_nothing(units: Floats, random: Random) -> None:
    rows, columns = list(range(len(units))), list(range(units.shape[1]))
    random.shuffle(rows)
    random.shuffle(columns)
    for statistic in (percent, krippendorff(), fleiss, gwet):
        before = estimate(units, statistic, seed=1, bootstraps=1)
        for other in (units[rows][:, columns], 1 - units):
            after = estimate(other, statistic, seed=1, bootstraps=1)
            assert (after.value is None, after.n) == (before.value is None, before.n)
            assert before.value is None or after.value == pytest.approx(before.value, abs=1e-12)


@settings(deadline=None)
@given(UNITS)
def test_agreement_is_at_most_one_and_perfect_only_when_it_is(units: Floats) -> None:
    for statistic in (percent, krippendorff(), fleiss, gwet):
        value = estimate(units, statistic, seed=1, bootstraps=1).value
        if value is not None:
            same = all(len({cell for cell in row if not math.isnan(cell)}) <= 1 for row in units)
            assert value <= 1 + 1e-12
            assert math.isclose(value, 1) == same


THREE_VALUED = arrays(np.float64, SHAPES, elements=st.sampled_from([0.0, 1.0, 2.0, math.nan]))


@settings(deadline=None)
@given(THREE_VALUED, st.permutations([5.0, 3.0, 9.0]))
def test_what_categories_are_called_changes_nothing(units: Floats, names: list[float]) -> None:
    called = np.select([units == value for value in (0, 1, 2)], names, math.nan)
    for statistic in (percent, krippendorff(), fleiss, gwet):
        before, after = (estimate(found, statistic, seed=1, bootstraps=1).value for found in (units, called))
        assert (before is None) == (after is None)
        assert before is None or after == pytest.approx(before, abs=1e-12)


@settings(deadline=None)
@given(THREE_VALUED)
def test_distances_by_rank_see_only_the_order(units: Floats) -> None:
    stretched, turned = (estimate(found, krippendorff("ordinal"), seed=1, bootstraps=1) for found in (units**3, -units))
    before = estimate(units, krippendorff("ordinal"), seed=1, bootstraps=1)
    for after in (stretched, turned):
        assert (after.value is None, after.n) == (before.value is None, before.n)
        assert before.value is None or after.value == pytest.approx(before.value, abs=1e-9)


@settings(deadline=None)
@given(THREE_VALUED)
def test_every_unit_twice_and_an_absent_rater_change_nothing(units: Floats) -> None:
    absent = np.column_stack([units, np.full(len(units), math.nan)])
    for statistic in (percent, fleiss, gwet):
        before = estimate(units, statistic, seed=1, bootstraps=1).value
        for other in (np.vstack([units, units]), absent):
            after = estimate(other, statistic, seed=1, bootstraps=1).value
            assert (before is None) == (after is None)
            assert before is None or after == pytest.approx(before, abs=1e-12)
    # alpha corrects for the number of values, so twice the units are not the same data
    alone, beside = (estimate(found, krippendorff(), seed=1, bootstraps=1).value for found in (units, absent))
    assert (alone is None) == (beside is None)
    assert alone is None or beside == pytest.approx(alone, abs=1e-12)


@settings(deadline=None)
@given(THREE_VALUED)
def test_rows_that_are_counted_are_rows_that_are_written_out(units: Floats) -> None:
    judged = units[~np.isnan(units).all(axis=1)]
    for statistic in (percent, krippendorff(), krippendorff("ordinal"), fleiss, gwet):
        value = estimate(units, statistic, seed=1, bootstraps=1).value
        if (~np.isnan(judged)).sum(axis=1).max(initial=0) > 1:
            written = statistic(judged)
            assert (value is None) == isinstance(written, str)
            assert value is None or value == pytest.approx(written, abs=1e-12)


def test_a_value_that_cannot_vary_has_no_interval() -> None:
    """Of three raters two agree on every unit: however units are drawn, the share is a third."""
    units = np.array([[1, 1, 0], [0, 1, 1], [0, 0, 1], [1, 0, 0]] * 10, dtype=float)
    found = estimate(units, percent, seed=1)
    assert found.value == pytest.approx(1 / 3)
    assert (found.interval, found.why) == (None, "every resample gives the same: no interval")


@settings(deadline=None)
@given(UNITS)
def test_a_rater_who_says_the_same_as_another_does_not_lower_agreement(units: Floats) -> None:
    """Of two raters without gaps; the copy agrees with at least one of them everywhere."""
    pair = units[:, :2][~np.isnan(units[:, :2]).any(axis=1)]
    if len(pair):
        copied = np.column_stack([pair, pair[:, 0]])
        assert defined(copied, percent) >= defined(pair, percent) - 1e-12


@settings(deadline=None)
@given(UNITS)
def test_alpha_is_what_its_definition_says(units: Floats) -> None:
    """Against disagreement counted pair by pair."""
    kept = [[cell for cell in row if not math.isnan(cell)] for row in units]
    kept = [row for row in kept if len(row) > 1]
    values = [cell for row in kept for cell in row]
    found = estimate(units, krippendorff(), seed=1, bootstraps=1).value
    if found is None:
        assert len(set(values)) < 2
        return
    observed = sum(sum(a != b for a, b in itertools.permutations(row, 2)) / (len(row) - 1) for row in kept)
    expected = sum(a != b for a, b in itertools.permutations(values, 2)) / (len(values) - 1)
    assert found == pytest.approx(1 - observed / expected)
