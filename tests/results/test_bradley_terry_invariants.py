"""Invariants a ranking must keep, whatever the annotators wrote."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.results.bradley_terry import (
    ComponentRanking,
    RankedItem,
    components,
    from_tiers,
    rank,
    win_probability,
)

Ranking = tuple[str, list[list[str]]]


def by_item(tables: Sequence[ComponentRanking]) -> dict[str, RankedItem]:
    return {row.item: row for table in tables for row in table.rows}


NAMES = [*"abcdef"]


@st.composite
def partial_rankings(draw: st.DrawFn) -> list[Ranking]:
    rankings: list[Ranking] = []
    for _ in range(draw(st.integers(1, 8))):
        chosen = draw(st.lists(st.sampled_from(NAMES), min_size=1, max_size=6, unique=True))
        rankings.append((draw(st.sampled_from(["t1", "t2", "t3"])), draw(tiers_of(chosen))))
    return rankings


@st.composite
def complete_rankings(draw: st.DrawFn) -> list[Ranking]:
    return [(f"t{i % 3}", draw(st.permutations(NAMES[:4]).flatmap(tiers_of))) for i in range(draw(st.integers(1, 6)))]


def tiers_of(items: Sequence[str]) -> st.SearchStrategy[list[list[str]]]:
    """Cut a sequence into tiers: True before an item starts a new one."""

    def cut(starts: list[bool]) -> list[list[str]]:
        tiers: list[list[str]] = [[]]
        for item, starts_tier in zip(items, starts, strict=True):
            if starts_tier and tiers[-1]:
                tiers.append([])
            tiers[-1].append(item)
        return tiers

    return st.lists(st.booleans(), min_size=len(items), max_size=len(items)).map(cut)


@settings(deadline=None)
@given(partial_rankings(), st.permutations(NAMES))
def test_relabelling_permutes_the_result(rankings: list[Ranking], labels: list[str]) -> None:
    new = dict(zip(NAMES, labels, strict=True))
    renamed = [(task, [[new[item] for item in tier] for tier in tiers]) for task, tiers in rankings]
    before = by_item(rank(from_tiers(rankings), bootstraps=20, seed=11))
    after = by_item(rank(from_tiers(renamed), bootstraps=20, seed=11))
    assert {new[item] for item in before} == set(after)
    for item, row in before.items():
        other = after[new[item]]
        assert other.strength == pytest.approx(row.strength, abs=1e-7)
        assert (other.rank, other.rank_range, other.prior_driven) == (row.rank, row.rank_range, row.prior_driven)
        if row.interval and other.interval:
            assert other.interval.low == pytest.approx(row.interval.low, abs=1e-7)
            assert other.interval.high == pytest.approx(row.interval.high, abs=1e-7)


@settings(deadline=None)
@given(partial_rankings(), st.randoms(use_true_random=False))
def test_the_order_of_files_changes_nothing(rankings: list[Ranking], random: Random) -> None:
    shuffled = list(rankings)
    random.shuffle(shuffled)
    first, second = from_tiers(rankings), from_tiers(shuffled)
    assert first.wins.tobytes() == second.wins.tobytes()
    assert rank(first, bootstraps=10, seed=1) == rank(second, bootstraps=10, seed=1)


@settings(deadline=None)
@given(complete_rankings(), st.integers(2, 5))
def test_repeating_every_annotator_keeps_the_order(rankings: list[Ranking], copies: int) -> None:
    """Holds where everyone ranks everything; in a sparse design the fixed pseudo-wins weigh less with more data."""
    once = rank(from_tiers(rankings), bootstraps=0, seed=1)
    often = rank(from_tiers(rankings * copies), bootstraps=0, seed=1)
    assert [(row.item, row.rank) for row in once[0].rows] == [(row.item, row.rank) for row in often[0].rows]


@settings(deadline=None)
@given(complete_rankings(), st.integers(1, 4))
def test_annotators_who_tie_everything_keep_the_order(rankings: list[Ranking], more: int) -> None:
    """They draw strengths together and move nobody past another."""
    items = sorted(item for tier in rankings[0][1] for item in tier)
    plain = rank(from_tiers(rankings), bootstraps=0, seed=1)
    tied = rank(from_tiers(rankings + [("t0", [items])] * more), bootstraps=0, seed=1)
    assert [(row.item, row.rank) for row in plain[0].rows] == [(row.item, row.rank) for row in tied[0].rows]
    spans = [table[0].rows[0].strength - table[0].rows[-1].strength for table in (plain, tied)]
    assert spans[1] <= spans[0] + 1e-9


@settings(deadline=None)
@given(partial_rankings(), st.permutations(["t1", "t2", "t3"]))
def test_names_of_tasks_change_no_strength(rankings: list[Ranking], names: list[str]) -> None:
    new = dict(zip(["t1", "t2", "t3"], names, strict=True))
    before = by_item(rank(from_tiers(rankings), bootstraps=0, seed=1))
    after = by_item(rank(from_tiers([(new[task], tiers) for task, tiers in rankings]), bootstraps=0, seed=1))
    assert {item: (row.rank, row.prior_driven) for item, row in before.items()} == {
        item: (row.rank, row.prior_driven) for item, row in after.items()
    }
    assert [row.strength for row in before.values()] == pytest.approx(
        [after[item].strength for item in before], abs=1e-9
    )


@settings(deadline=None)
@given(complete_rankings(), st.integers(0, 5))
def test_an_annotator_entered_twice_adds_no_task(rankings: list[Ranking], which: int) -> None:
    """Twice the same ranking weighs as two annotators who agree; the tasks that are resampled stay as many."""
    twice = [*rankings, rankings[which % len(rankings)]]
    (before,), (after,) = (rank(from_tiers(one), bootstraps=10, seed=1) for one in (rankings, twice))
    assert before.tasks == after.tasks
    weights = [{row.item: row.wins + row.losses + row.ties for row in table.rows} for table in (before, after)]
    assert all(weights[1][item] == pytest.approx(weight + 1) for item, weight in weights[0].items())


@settings(deadline=None)
@given(partial_rankings())
def test_strengths_balance_and_explain_the_wins(rankings: list[Ranking]) -> None:
    counted = from_tiers(rankings)
    column = {item: i for i, item in enumerate(counted.items)}
    total = counted.wins.sum(axis=0)
    for table in rank(counted, bootstraps=0, seed=1):
        rows = table.rows
        assert sum(row.strength for row in rows) == pytest.approx(0, abs=1e-8)
        assert all(ahead.strength > row.strength - 1e-5 for ahead, row in pairwise(rows))
        for row in rows:
            pairs = [(other, total[column[row.item], column[other.item]], total[column[other.item], column[row.item]])
                     for other in rows if other is not row]  # fmt: skip
            compared = [(other, won + 0.5, won + lost + 1) for other, won, lost in pairs if won + lost > 0]
            expected = sum(games * win_probability(row.strength, other.strength) for other, _, games in compared)
            assert sum(won for _, won, _ in compared) == pytest.approx(expected, abs=1e-5)
            assert row.wins + row.losses + row.ties == pytest.approx(sum(games - 1 for _, _, games in compared))


@settings(deadline=None)
@given(partial_rankings())
def test_components_partition_the_items(rankings: list[Ranking]) -> None:
    groups = components(from_tiers(rankings))
    assert sorted(item for group in groups for item in group) == sorted(
        {item for _, tiers in rankings for tier in tiers for item in tier}
    )
    for _, tiers in rankings:
        assert len({group for group in groups for tier in tiers for item in tier if item in group}) == 1


STRENGTH = st.floats(-30, 30)


@given(STRENGTH, STRENGTH, st.floats(0.01, 5))
def test_probability_is_monotone_and_complementary(strength: float, other: float, more: float) -> None:
    chance = win_probability(strength, other)
    assert 0 <= chance <= 1
    assert win_probability(strength + more, other) >= chance
    if abs(strength - other) < 20:
        assert win_probability(strength + more, other) > chance
    assert chance + win_probability(other, strength) == pytest.approx(1)


def test_probability_does_not_overflow() -> None:
    assert (win_probability(5000, -5000), win_probability(-5000, 5000)) == (1.0, 0.0)
