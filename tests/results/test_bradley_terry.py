"""Rankings against published tables, exact solutions and the invariants a ranking must keep."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import binom

from assay.results.bradley_terry import (
    Comparisons,
    ComponentRanking,
    FitError,
    RankedItem,
    components,
    fit,
    from_arrays,
    from_tiers,
    rank,
    win_probability,
)
from assay.results.intervals import expanded_tail

Ranking = tuple[str, list[list[str]]]
LN3 = math.log(3)


def matrix(size: int, *wins: tuple[int, int, float]) -> NDArray[np.float64]:
    table = np.zeros((size, size))
    for winner, loser, weight in wins:
        table[winner, loser] += weight
    return table


def by_item(tables: Sequence[ComponentRanking]) -> dict[str, RankedItem]:
    return {row.item: row for table in tables for row in table.rows}


# Published and exact solutions


def test_agresti_baseball() -> None:
    wins = np.array(
        [
            [0, 7, 9, 7, 7, 9, 11],
            [6, 0, 7, 5, 11, 9, 9],
            [4, 6, 0, 7, 7, 8, 12],
            [6, 8, 6, 0, 6, 7, 10],
            [6, 2, 6, 7, 0, 7, 12],
            [4, 4, 5, 6, 6, 0, 6],
            [2, 4, 1, 3, 1, 7, 0],
        ],
        dtype=np.float64,
    )
    strengths = fit(wins, pseudo=0)
    assert (strengths - strengths[-1]).round(4).tolist() == [1.5814, 1.4364, 1.2945, 1.2476, 1.1077, 0.6839, 0.0]


@pytest.mark.parametrize(
    ("wins", "expected", "tolerance"),
    [
        pytest.param(matrix(2, (0, 1, 1)), [LN3 / 2, -LN3 / 2], 1e-9, id="two items"),
        pytest.param(matrix(2, (0, 1, 2.5), (1, 0, 0.5)), [LN3 / 2, -LN3 / 2], 1e-9, id="two items, 3 to 1"),
        pytest.param(
            matrix(4, (0, 1, 1), (1, 2, 1), (2, 3, 1)),
            [1.5 * LN3, 0.5 * LN3, -0.5 * LN3, -1.5 * LN3],
            1e-9,
            id="chain, which a simultaneous update never solves",
        ),
        pytest.param(np.triu(np.ones((4, 4)), 1), [0.864, 0.277, -0.277, -0.864], 5e-4, id="strict order"),
        pytest.param(
            np.triu(np.ones((4, 4)), 1) / 3, [0.387, 0.128, -0.128, -0.387], 5e-4, id="strict order, one third"
        ),
        pytest.param(
            3 * matrix(4, (0, 1, 1), (0, 2, 1), (0, 3, 1), (1, 2, 1), (2, 3, 1), (3, 1, 1)),
            [1.459, -0.486, -0.486, -0.486],
            5e-4,
            id="undefeated",
        ),
        pytest.param(np.zeros((1, 1)), [0.0], 0.0, id="alone"),
    ],
)
def test_known_strengths(wins: NDArray[np.float64], expected: list[float], tolerance: float) -> None:
    assert fit(wins).tolist() == pytest.approx(expected, abs=tolerance)


def test_a_long_chain_is_solved_exactly() -> None:
    size = 40
    strengths = fit(matrix(size, *((i, i + 1, 1.0) for i in range(size - 1))))
    assert np.diff(strengths) == pytest.approx(-LN3, abs=1e-9)


def test_groups_joined_by_pseudo_wins_only_settle() -> None:
    """Sweeps alone need more than 10,000 rounds here; a bootstrap replicate that misses a pair looks like this."""
    wins = np.full((8, 8), 2000.0)
    wins[:4, 4:] = wins[4:, :4] = 0
    np.fill_diagonal(wins, 0)
    wins[0, 1] *= 2
    wins[3, 4] = 1e-3
    strengths = fit(wins)
    assert win_probability(strengths[3], strengths[4]) == pytest.approx(0.501 / 1.001, abs=1e-6)


def test_weights_of_very_different_size_settle() -> None:
    """An unshortened Newton step leaps away from the maximum here and never comes back."""
    wins = matrix(4, (0, 1, 202.549), (1, 2, 0.024), (2, 3, 47557.914), (3, 0, 0.005))
    strengths = fit(wins)
    games = wins + wins.T + (wins + wins.T > 0)
    chances = [[win_probability(mine, other) for other in strengths] for mine in strengths]
    expected = (games * np.array(chances)).sum(axis=1)
    assert expected == pytest.approx((wins + 0.5 * (wins + wins.T > 0)).sum(axis=1), abs=1e-6)


def test_no_answer_without_a_finite_maximum() -> None:
    with pytest.raises(FitError, match="never won or never lost"):
        fit(matrix(2, (0, 1, 1)), pseudo=0)
    two_groups = matrix(4, (0, 1, 1), (1, 0, 1), (2, 3, 1), (3, 2, 1), (0, 2, 1))
    with pytest.raises(FitError, match="never won or never lost"):
        fit(two_groups, pseudo=0)
    assert fit(two_groups)[0] > 0


def test_no_answer_across_islands() -> None:
    with pytest.raises(FitError, match="each component alone"):
        fit(matrix(4, (0, 1, 1), (2, 3, 1)))


@pytest.mark.parametrize(
    "wins", [np.ones((2, 3)), np.ones((2, 2)), -np.triu(np.ones((2, 2)), 1), matrix(2, (0, 1, np.inf))]
)
def test_impossible_wins_are_refused(wins: NDArray[np.float64]) -> None:
    with pytest.raises(ValueError, match="wins"):
        fit(wins)


# Counting


def test_pairs_of_a_ranking_weigh_one_per_item() -> None:
    counted = from_tiers([("sort", [["a"], ["b", "c"], ["d"]])])
    third, half = 1 / 3, 1 / 6
    assert counted.items == ("a", "b", "c", "d")
    assert counted.clusters == ("sort",)
    assert counted.wins[0] == pytest.approx(
        np.array([[0, third, third, third], [0, 0, half, third], [0, half, 0, third], [0, 0, 0, 0]])
    )
    assert (counted.wins[0] + counted.wins[0].T).sum(axis=1) == pytest.approx(1)
    assert counted.ties == pytest.approx([0, third, third, 0])


def test_annotators_of_one_task_share_its_cluster() -> None:
    counted = from_tiers([("t", [["a"], ["b"]]), ("s", [["b"], ["a"]]), ("t", [["a", "b"]])])
    assert counted.clusters == ("s", "t")
    assert counted.wins.tolist() == [[[0, 0], [1, 0]], [[0, 1.5], [0.5, 0]]]
    row = by_item(rank(counted, bootstraps=0, seed=0))["a"]
    assert (row.wins, row.losses, row.ties) == (1, 1, 1)


def test_an_item_ranked_twice_is_refused() -> None:
    with pytest.raises(ValueError, match="found `a` twice in `t`"):
        from_tiers([("t", [["a"], ["b", "a"]])])


def test_attempts_of_one_agent_are_not_compared_with_each_other() -> None:
    counted = from_tiers([("t", [["a"], ["b", "a"]])], repeats=True)
    assert counted.wins.tolist() == [[[0, 0.75], [0.25, 0]]]
    assert counted.ties is not None
    assert counted.ties.tolist() == [0.5, 0.5]


def test_arrays_of_pairs_count_as_rankings_of_two_do() -> None:
    rng = np.random.default_rng(2)
    tasks, items = [f"t{i}" for i in range(5)], [f"a{i}" for i in range(4)]
    task, winner = rng.integers(0, 5, 300), rng.integers(0, 4, 300)
    loser, tied = (winner + rng.integers(1, 4, 300)) % 4, rng.random(300) < 0.3
    pairs = zip(task, winner, loser, tied, strict=True)
    tiers = [(tasks[t], [[items[a], items[b]]] if same else [[items[a]], [items[b]]]) for t, a, b, same in pairs]
    mine, other = from_arrays(items, tasks, task, winner, loser, tied), from_tiers(tiers)
    assert (mine.items, mine.clusters) == (other.items, other.clusters)
    assert mine.wins.tolist() == other.wins.tolist()
    assert (mine.ties is None, other.ties is None) == (False, False)
    assert mine.ties is not None
    assert other.ties is not None
    assert mine.ties.tolist() == other.ties.tolist()
    assert rank(mine, seed=1) == rank(other, seed=1)


def test_arrays_that_name_nothing_are_refused() -> None:
    one = np.array([0])
    with pytest.raises(ValueError, match="`loser` must hold 1 numbers from 0 to 1"):
        from_arrays(["a", "b"], ["t"], one, one, np.array([2]))


def test_matrices_must_fit_their_names() -> None:
    with pytest.raises(ValueError, match="shape"):
        Comparisons(("a", "b"), np.zeros((2, 2, 2)), ("t",))
    with pytest.raises(ValueError, match="sorted"):
        Comparisons(("b", "a"), np.zeros((1, 2, 2)), ("t",))
    with pytest.raises(ValueError, match="beat itself"):
        Comparisons(("a", "b"), np.ones((1, 2, 2)), ("t",))


# Ranking


def test_islands_get_a_table_each() -> None:
    counted = from_tiers([("t", [["a"], ["b"]]), ("u", [["d"], ["c"]]), ("v", [["e"]])])
    assert components(counted) == [("a", "b"), ("c", "d"), ("e",)]
    tables = rank(counted, seed=1)
    assert [[row.item for row in table.rows] for table in tables] == [["a", "b"], ["d", "c"], ["e"]]
    assert [[row.rank for row in table.rows] for table in tables] == [[1, 2], [1, 2], [1]]
    assert all("never compared with the other" in table.warnings[1] for table in tables)
    assert tables[2].rows[0].reason == "never compared with another item"
    assert [table.tasks for table in tables] == [1, 1, 0]


def test_a_table_does_not_depend_on_other_islands() -> None:
    mine: list[Ranking] = [(f"t{i}", [["a"], ["b"]] if i % 3 else [["b"], ["a"]]) for i in range(12)]
    other: list[Ranking] = [(f"s{i}", [["x"], ["y"]]) for i in range(5)]
    assert rank(from_tiers(mine), seed=3)[0].rows == rank(from_tiers(mine + other), seed=3)[0].rows


def test_nothing_to_rank() -> None:
    assert rank(from_tiers([]), seed=0) == []


def test_one_task_has_no_interval() -> None:
    (table,) = rank(from_tiers([("t", [["a"], ["b"], ["c"]])] * 3), seed=1)
    assert [(row.interval, row.rank_range) for row in table.rows] == [(None, None)] * 3
    assert all("single task" in row.reason for row in table.rows)
    assert table.bootstraps == 0
    assert table.warnings[0].startswith("no interval: a single task")
    assert not any("fewer than" in warning for warning in table.warnings)


def test_undefeated_and_winless_are_marked() -> None:
    rankings = [(f"t{i}", [["top"], ["x", "y"] if i % 2 else ["y"], ["low"]]) for i in range(12)]
    (table,) = rank(from_tiers(rankings), seed=1)
    assert {row.item for row in table.rows if row.prior_driven} == {"top", "low"}
    assert table.warnings[-1] == (
        "`low`, `top`: no win or no loss, so the distance to the others is set by the pseudo-wins"
    )


def test_an_unbeaten_group_is_warned_about() -> None:
    rankings: list[Ranking] = [
        (f"t{i}", [["a"], ["b"], ["c"], ["d"]] if i % 2 else [["b"], ["a"], ["d"], ["c"]]) for i in range(12)
    ]
    (table,) = rank(from_tiers(rankings), seed=1)
    assert not any(row.prior_driven for row in table.rows)
    assert any("one group of items never lost" in warning for warning in table.warnings)


def test_a_tie_is_enough_to_hold_a_strength() -> None:
    rankings: list[Ranking] = [(f"t{i}", [["a"], ["b"]]) for i in range(11)]
    (table,) = rank(from_tiers([*rankings, ("tie", [["a", "b"]])]), seed=1)
    assert not any(row.prior_driven for row in table.rows)
    assert table.warnings == ()
    assert table.rows[0].wins == 11
    assert table.rows[0].ties == 1


def test_equal_items_share_a_rank_and_a_range() -> None:
    rankings = [(f"t{i}", [["b", "a"], ["c"]] if i else [["b", "a", "c"]]) for i in range(10)]
    (table,) = rank(from_tiers(rankings), seed=1)
    assert [(row.item, row.rank, row.rank_range) for row in table.rows] == [
        ("a", 1, (1, 2)),
        ("b", 1, (1, 2)),
        ("c", 3, (3, 3)),
    ]


def test_intervals_resample_tasks_not_annotators() -> None:
    """Ten annotators who agree on two tasks add no evidence about other tasks: the interval stays as wide."""
    split: list[Ranking] = [("t", [["a"], ["b"]]), ("u", [["b"], ["a"]])]
    wide = by_item(rank(from_tiers(split * 10), seed=5))["a"].interval
    assert wide is not None
    assert wide.low == pytest.approx(-math.log(41) / 2)
    assert wide.high == pytest.approx(math.log(41) / 2)


def test_a_replicate_that_misses_a_pair_stays_finite() -> None:
    rankings: list[Ranking] = [(f"t{i}", [["a"], ["b"]]) for i in range(10)]
    (table,) = rank(from_tiers([*rankings, ("only", [["b"], ["c"]])]), seed=2)
    interval = by_item([table])["c"].interval
    assert interval is not None
    assert math.isfinite(interval.low)


def test_replicates_invent_nothing_between_items_never_compared() -> None:
    """Tasks that all say the same vary in nothing, so every replicate must be the fit of the full data."""
    (table,) = rank(
        from_tiers([(f"t{i}", tiers) for i in range(12) for tiers in ([["a"], ["b"]], [["b"], ["c"]])]), seed=2
    )
    assert [(row.interval, row.rank_range) for row in table.rows] == [(None, None)] * 3
    assert table.warnings[0].startswith("no interval: every task says the same")


def test_tasks_that_all_say_the_same_show_no_width() -> None:
    """An interval of no width would be invented: twelve times the same order is no proof that there is no other."""
    rankings = [(f"t{i}", [["a"], ["b"], ["c"]]) for i in range(12)]
    (table,) = rank(from_tiers([*rankings, *rankings[:5]]), seed=1)  # some tasks have a second annotator
    assert {(row.interval, row.rank_range) for row in table.rows} == {(None, None)}
    assert all("every task says the same" in row.reason for row in table.rows)


def test_interval_matches_the_exact_distribution() -> None:
    """Two items, one win each per task: the strength is a function of a binomial count, known without sampling."""
    rankings: list[Ranking] = [(f"t{i}", [["a"], ["b"]] if i < 13 else [["b"], ["a"]]) for i in range(20)]
    interval = by_item(rank(from_tiers(rankings), bootstraps=20_000, seed=7))["a"].interval
    assert interval is not None
    tail = expanded_tail(20)
    assert tail == pytest.approx(0.0159, abs=5e-5)
    won_by = [binom.ppf(share, 20, 0.65) for share in (tail, 1 - tail)]
    bounds = [0.5 * math.log((won + 0.5) / (20 - won + 0.5)) for won in won_by]
    assert [interval.low, interval.high] == pytest.approx(bounds, abs=1e-9)


def test_the_same_data_and_seed_give_the_same_tables() -> None:
    orders = np.random.default_rng(4)
    rankings = [(f"t{i}", [["abcde"[j]] for j in orders.permutation(5)]) for i in range(15)]
    counted, again = from_tiers(rankings), from_tiers(reversed(rankings))
    assert rank(again, seed=3) == rank(counted, seed=3)
    assert rank(counted, seed=4) != rank(counted, seed=3)


def test_a_thousand_bootstraps_take_no_time() -> None:
    rng = np.random.default_rng(0)
    names = [f"agent-{i}" for i in range(8)]
    rankings = [(f"t{i % 20}", [[names[j]] for j in rng.permutation(8)]) for i in range(60)]
    start = time.process_time()
    (table,) = rank(from_tiers(rankings), seed=1)
    assert time.process_time() - start < 2
    assert (table.tasks, table.bootstraps, len(table.rows)) == (20, 1000, 8)
