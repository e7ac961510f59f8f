"""Comparisons as matrices of weighted wins, kept apart by task: from rankings in tiers, or from arrays of pairs."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from assay.results.strengths import Floats


@dataclass(frozen=True, eq=False)
class Comparisons:
    """Weighted wins of every item over every other, kept apart by cluster (task).

    `items` is sorted. `wins[c, i, j]` is the weight with which item i beat item j in `clusters[c]`, a tie being half
    a win each way: shape (clusters, n, n). `ties[i]` is the weight of the tied comparisons of item i, shape (n,), for
    reports only; None when ties were not counted apart.
    """

    items: tuple[str, ...]
    wins: Floats
    clusters: tuple[str, ...]
    ties: Floats | None = None

    def __post_init__(self) -> None:
        size = len(self.items)
        expected = (len(self.clusters), size, size)
        if self.wins.shape != expected:
            raise ValueError(f"wins must have the shape {expected} (clusters, items, items), found {self.wins.shape}")
        if self.ties is not None and self.ties.shape != (size,):
            raise ValueError(f"ties must have the shape {(size,)}, found {self.ties.shape}")
        if list(self.items) != sorted(set(self.items)):
            raise ValueError("items must be sorted and distinct: the same data must always give the same matrices")
        if not np.isfinite(self.wins).all() or (self.wins < 0).any() or np.einsum("cii->ci", self.wins).any():
            raise ValueError("wins must be finite and not negative, and no item can beat itself")


def from_tiers(rankings: Iterable[tuple[str, Sequence[Sequence[str]]]], *, repeats: bool = False) -> Comparisons:
    """Count every pair of every ranking, given as (cluster, tiers best first).

    A pair of a ranking of k items weighs 1 / (k - 1), so that each item carries weight 1 in each ranking. Rankings of
    one cluster, by several annotators, add up. The result does not depend on the order of `rankings`.
    `repeats` allows a name to stand several times in a ranking, as an agent with several attempts at one task does;
    it is not compared with itself. Without it, raises ValueError when a ranking names an item twice.
    """
    by_size: dict[int, tuple[list[int], list[int], list[int]]] = defaultdict(lambda: ([], [], []))
    # Names are numbered as they come and put in order at the end: one pass, whatever the source.
    item_numbers: dict[str, int] = {}
    cluster_numbers: dict[str, int] = {}
    for cluster, tiers in rankings:
        ranked = [item for tier in tiers for item in tier]
        if not repeats and len(set(ranked)) < len(ranked):
            twice = next(item for item in ranked if ranked.count(item) > 1)
            raise ValueError(f"a ranking must name each item once, found `{twice}` twice in `{cluster}`: remove one")
        rows, places, levels = by_size[len(ranked)]
        rows.append(cluster_numbers.setdefault(cluster, len(cluster_numbers)))
        places.extend([item_numbers.setdefault(item, len(item_numbers)) for item in ranked])
        for level, tier in enumerate(tiers):
            levels.extend([level] * len(tier))
    items, item_order = _sorted_numbers(item_numbers)
    clusters, cluster_order = _sorted_numbers(cluster_numbers)
    wins = np.zeros((len(clusters), len(items), len(items)))
    ties = np.zeros(len(items))
    # Halves are counted exactly within one size and sizes are added in order: no rounding depends on file order.
    for size in sorted(size for size in by_size if size > 1):
        rows, places, levels = by_size[size]
        ranked_items = item_order[np.array(places)].reshape(-1, size)
        won, tied = _count(cluster_order[np.array(rows)], ranked_items, np.array(levels).reshape(-1, size), wins.shape)
        wins += won / (size - 1)
        ties += tied / (size - 1)
    return Comparisons(items, wins, clusters, ties)


def from_arrays(
    items: Sequence[str],
    tasks: Sequence[str],
    task: NDArray[np.int_],
    winner: NDArray[np.int_],
    loser: NDArray[np.int_],
    tied: NDArray[np.bool_] | None = None,
) -> Comparisons:
    """Count single comparisons of weight 1, given as numbers into the sorted `items` and into `tasks`, each (m,).

    Where `tied`, neither won. Takes a matrix of items by items for each task: 8 bytes for each of its cells.
    """
    size = len(items)
    shape = (len(tasks), size, size)
    tied = np.zeros(len(task), dtype=np.bool_) if tied is None else tied
    for name, numbers, end in (("task", task, len(tasks)), ("winner", winner, size), ("loser", loser, size)):
        if len(numbers) != len(task) or (len(numbers) and not 0 <= numbers.min() <= numbers.max() < end):
            raise ValueError(f"`{name}` must hold {len(task)} numbers from 0 to {end - 1}")
    start = task.astype(np.int64) * size
    cells = np.concatenate([(start + winner) * size + loser, ((start + loser) * size + winner)[tied]])
    weights = np.concatenate([1 - 0.5 * tied, np.full(int(tied.sum()), 0.5)])
    wins = np.bincount(cells, weights, math.prod(shape)).astype(np.float64, copy=False).reshape(shape)
    ties = np.bincount(winner[tied], minlength=size) + np.bincount(loser[tied], minlength=size)
    return Comparisons(tuple(items), wins, tuple(tasks), ties.astype(np.float64))


def _sorted_numbers(numbers: dict[str, int]) -> tuple[tuple[str, ...], NDArray[np.int_]]:
    """The names in order, and for each number handed out the place of its name in that order."""
    names = tuple(sorted(numbers))
    places = np.zeros(len(names), dtype=np.int_)
    places[[numbers[name] for name in names]] = np.arange(len(names))
    return names, places


def _count(
    rows: NDArray[np.int_], places: NDArray[np.int_], levels: NDArray[np.int_], shape: tuple[int, ...]
) -> tuple[Floats, Floats]:
    """Unweighted wins of `shape` (clusters, n, n) and ties (n,).

    The rankings have one size k: `rows` is their cluster (rankings,), `places` and `levels` are (rankings, k).
    """
    size = shape[-1]
    apart = places[:, :, None] != places[:, None, :]
    tied = (levels[:, :, None] == levels[:, None, :]) & apart
    won = ((levels[:, :, None] < levels[:, None, :]) & apart) + 0.5 * tied
    cells = (rows[:, None, None] * size + places[:, :, None]) * size + places[:, None, :]
    wins = np.bincount(cells.ravel(), won.ravel(), shape[0] * size * size).reshape(shape)
    ties = np.bincount(places.ravel(), tied.sum(axis=2).ravel(), size)
    return wins.astype(np.float64, copy=False), ties.astype(np.float64, copy=False)
