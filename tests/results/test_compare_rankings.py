"""Rankings against evalica and choix (extra `compare`): the same where those are right, pinned where they are not."""

from __future__ import annotations

import math
from itertools import combinations
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from assay.results.bradley_terry import FitError, fit, from_tiers, rank, win_probability
from assay.results.rates import pass_at
from assay.results.ties import mcnemar

evalica = pytest.importorskip("evalica", reason="install the extra `compare` to check against evalica")
choix = pytest.importorskip("choix", reason="install the extra `compare` to check against choix")
SEEDS = range(5)


def games(seed: int, items: int = 6, number: int = 400) -> NDArray[np.float64]:
    """Whole wins, so many that every pair has won both ways."""
    rng = np.random.default_rng(seed)
    strengths = rng.normal(0, 0.7, items)
    wins = np.zeros((items, items))
    for one, other in rng.permuted(np.array(list(combinations(range(items), 2)) * (number // 15)), axis=1):
        first = rng.random() < win_probability(strengths[one], strengths[other])
        wins[(one, other) if first else (other, one)] += 1
    return wins


def pairs(wins: NDArray[np.float64]) -> list[tuple[int, int]]:
    return [(int(i), int(j)) for i, j in np.argwhere(wins) for _ in range(int(wins[i, j]))]


def by_evalica(played: list[tuple[Any, Any]], **options: Any) -> dict[Any, float]:
    names = [str(one) for one, _ in played], [str(other) for _, other in played]
    found = evalica.bradley_terry(*names, [evalica.Winner.X] * len(played), **options).scores
    return {name: float(score) for name, score in found.items()}


@pytest.mark.parametrize("seed", SEEDS)
def test_the_same_strengths_as_evalica_and_choix(seed: int) -> None:
    wins = games(seed)
    ours = fit(wins, pseudo=0)
    theirs = by_evalica(pairs(wins), tolerance=1e-12, limit=10_000)
    logs = np.log([theirs[str(item)] for item in range(len(wins))])
    assert ours == pytest.approx(logs - logs.mean(), abs=1e-6)
    other = choix.ilsr_pairwise(len(wins), pairs(wins))
    assert ours == pytest.approx(other - other.mean(), abs=1e-6)


@pytest.mark.parametrize("seed", SEEDS)
def test_ties_are_halves_for_evalica_too(seed: int) -> None:
    wins = games(seed)
    played = pairs(wins)
    tied = [(0, 1), (2, 3), (1, 2), (4, 5)] * 5
    outcomes = [evalica.Winner.X] * len(played) + [evalica.Winner.Draw] * len(tied)
    one, other = ([str(pair[side]) for pair in played + tied] for side in (0, 1))
    found = evalica.bradley_terry(one, other, outcomes, tolerance=1e-12, limit=10_000).scores
    for first, second in tied:
        wins[first, second] += 0.5
        wins[second, first] += 0.5
    logs = np.log([float(found[str(item)]) for item in range(len(wins))])
    assert fit(wins, pseudo=0) == pytest.approx(logs - logs.mean(), abs=1e-6)


def test_of_a_strict_order_evalica_makes_equals() -> None:
    """Where nothing finite is most likely we refuse, or rank with pseudo-wins and say so."""
    played = [("a", "b"), ("a", "c"), ("b", "c")]
    assert len({round(score, 6) for score in by_evalica(played).values()}) == 1
    wins = np.triu(np.ones((3, 3)), 1)
    with pytest.raises(FitError, match="never won or never lost"):
        fit(wins, pseudo=0)
    assert fit(wins).tolist() == sorted(fit(wins).tolist(), reverse=True)
    (table,) = rank(from_tiers([("t", [["a"], ["b"], ["c"]])]), seed=1)
    assert [row.prior_driven for row in table.rows] == [True, False, True]


def test_evalica_puts_islands_on_one_scale() -> None:
    played = [("a", "b"), ("b", "a"), ("a", "b"), ("c", "d"), ("d", "c"), ("c", "d")]
    assert set(by_evalica(played)) == {"a", "b", "c", "d"}
    tables = rank(from_tiers([("t", [[one], [other]]) for one, other in played]), seed=1)
    assert [{row.item for row in table.rows} for table in tables] == [{"a", "b"}, {"c", "d"}]
    assert all("never compared with the other 2 item(s)" in str(table.warnings) for table in tables)


def test_of_a_strict_order_choix_refuses_or_runs_away() -> None:
    order = [(0, 1), (0, 2), (1, 2)]
    with pytest.raises(ValueError, match="stationary distribution"):
        choix.ilsr_pairwise(3, order)
    assert max(choix.opt_pairwise(3, order)) > 10  # how far depends on when the optimiser stops


@pytest.mark.parametrize(("one", "other"), [(6, 0), (5, 1), (12, 3), (40, 41), (1, 1)])
def test_mcnemar_is_the_binomial_test_of_scipy_and_that_of_statsmodels(one: int, other: int) -> None:
    stats = pytest.importorskip("scipy.stats")
    tables = pytest.importorskip("statsmodels.stats.contingency_tables", reason="install the extra `compare`")
    p = mcnemar(one, other)
    assert p == pytest.approx(stats.binomtest(one, one + other).pvalue)
    assert p == pytest.approx(tables.mcnemar([[7, one], [other, 9]], exact=True).pvalue)


@pytest.mark.parametrize(
    ("n", "c", "k"), [(200, 13, 1), (200, 13, 10), (200, 13, 100), (5, 3, 3), (10, 10, 4), (8, 0, 8)]
)
def test_pass_at_k_as_chen_et_al_write_it(n: int, c: int, k: int) -> None:
    """Figure 3 of Chen et al. 2021 (Evaluating Large Language Models Trained on Code): the product, term by term."""
    published = 1.0 if n - c < k else 1.0 - float(np.prod(1.0 - k / np.arange(n - c + 1, n + 1)))
    found = pass_at(k, c, n)
    assert found.any == pytest.approx(published, abs=1e-6)
    assert found.all == pytest.approx(math.comb(c, k) / math.comb(n, k), abs=1e-6)
