"""Order of items from rankings with ties: Bradley-Terry strengths, intervals and rank ranges.

Bradley and Terry 1952; ties count half a win each way; pseudo-wins on compared pairs keep every strength finite;
whole tasks are resampled, because comparisons made on one task are not independent of each other.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from assay.results.intervals import Interval, percentile_interval
from assay.results.strengths import PSEUDO_WINS, FitError, Floats, edges, fit, maximise, reachable, strongly_connected

__all__ = [
    "Comparisons",
    "ComponentRanking",
    "FitError",
    "RankedItem",
    "components",
    "fit",
    "from_tiers",
    "rank",
    "seed_of",
    "win_probability",
]

FEW_TASKS = 10
SAME_STRENGTH = 1e-6
CHUNK_CELLS = 2_000_000


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


@dataclass(frozen=True)
class RankedItem:
    """One row of a ranking.

    `strength` is logarithmic with mean 0 in its component. `rank` counts from 1; equal strengths share the better
    rank. `wins`, `losses` and `ties` are weights (decisive wins only: ties are apart). `prior_driven` marks an item
    without any win or any loss: how far it stands from the others is then set by the pseudo-wins. `interval` and
    `rank_range` are None when they cannot be computed, and `reason` says why.
    """

    item: str
    strength: float
    interval: Interval | None
    rank: int
    rank_range: tuple[int, int] | None
    prior_driven: bool
    wins: float
    losses: float
    ties: float
    reason: str = ""


@dataclass(frozen=True)
class ComponentRanking:
    """Items that were compared with each other, best first; strengths mean nothing across components.

    `tasks` counts the clusters that hold a comparison of this component.
    """

    rows: tuple[RankedItem, ...]
    tasks: int
    bootstraps: int
    warnings: tuple[str, ...]


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


def components(comparisons: Comparisons) -> list[tuple[str, ...]]:
    """Groups of items linked by comparisons, each sorted, in the order of their first items."""
    compared = edges(comparisons.wins.sum(axis=0))
    left = set(range(len(comparisons.items)))
    groups = []
    while left:
        group = reachable(compared, min(left))
        left -= group
        groups.append(tuple(comparisons.items[number] for number in sorted(group)))
    return groups


def seed_of(comparisons: Comparisons) -> int:
    """Seed for `rank` from a digest of the data, so that the same files give the same page, byte for byte."""
    digest = hashlib.sha256(json.dumps([comparisons.items, comparisons.clusters]).encode())
    digest.update(np.ascontiguousarray(comparisons.wins, dtype="<f8").tobytes())
    return int.from_bytes(digest.digest()[:8], "big")


def win_probability(strength: float, other: float) -> float:
    """Probability that an item of log `strength` is ranked above one of log strength `other`."""
    return 0.5 * (1 + math.tanh((strength - other) / 2))


def rank(comparisons: Comparisons, *, bootstraps: int = 1000, seed: int) -> list[ComponentRanking]:
    """One table for each component, with 95 % intervals and rank ranges from resampled tasks.

    Replicates are fitted on the pairs of the full data, so that a replicate which misses a pair stays finite.
    The same data and `seed` give the same result. Raises FitError when a fit fails; nothing doubtful is returned.
    """
    if bootstraps < 0:
        raise ValueError(f"bootstraps must not be negative, found {bootstraps}")
    return [_rank_component(comparisons, group, bootstraps, seed) for group in components(comparisons)]


def _rank_component(comparisons: Comparisons, group: tuple[str, ...], bootstraps: int, seed: int) -> ComponentRanking:
    inside = np.array([comparisons.items.index(item) for item in group])
    wins = comparisons.wins[:, inside[:, None], inside[None, :]]
    wins = wins[wins.any(axis=(1, 2))]
    total: Floats = wins.sum(axis=0)
    ties = np.zeros(len(group)) if comparisons.ties is None else comparisons.ties[inside]
    rows = _rows(group, fit(total), total, ties)
    reason = _why_no_interval(len(group), len(wins), bootstraps)
    if reason:
        rows = [replace(row, reason=reason) for row in rows]
    else:
        rows = _with_intervals(rows, _bootstrap(wins, bootstraps, seed))
    missing = [f"no interval: {reason}"] if reason else []
    warnings = (*missing, *_warnings(rows, total, len(wins), len(comparisons.items) - len(group)))
    best_first = tuple(sorted(rows, key=lambda row: (row.rank, row.item)))
    return ComponentRanking(best_first, len(wins), 0 if reason else bootstraps, warnings)


def _why_no_interval(items: int, tasks: int, bootstraps: int) -> str:
    if items == 1:
        return "never compared with another item"
    if tasks == 1:
        return "a single task: nothing shows how much the order varies between tasks"
    return "" if bootstraps else "no bootstrap was asked for"


def _bootstrap(wins: Floats, bootstraps: int, seed: int) -> Floats:
    """Strengths of shape (bootstraps, n), each fitted to as many tasks as there are, drawn with replacement."""
    tasks, size, _ = wins.shape
    rng = np.random.default_rng(seed)
    drawn = rng.multinomial(tasks, np.full(tasks, 1 / tasks), size=bootstraps).astype(np.float64)
    prior = PSEUDO_WINS * edges(wins.sum(axis=0))
    flat = wins.reshape(tasks, size * size)
    step = max(1, CHUNK_CELLS // (size * size))
    return np.concatenate(
        [
            maximise((drawn[start : start + step] @ flat).reshape(-1, size, size) + prior)
            for start in range(0, bootstraps, step)
        ]
    )


def _rows(group: tuple[str, ...], strengths: Floats, total: Floats, ties: Floats) -> list[RankedItem]:
    """Rows in the order of `group`, still without intervals."""
    best, _ = _ranks(strengths[None])
    # Half of every tie is in the win matrix; what the subtraction leaves of nothing is rounding.
    wins, losses = (np.maximum(0.0, np.round(total.sum(axis=axis) - ties / 2, 12)) for axis in (1, 0))
    driven = _prior_driven(total)
    return [
        RankedItem(
            item=item,
            strength=float(strengths[i]),
            interval=None,
            rank=int(best[0, i]),
            rank_range=None,
            prior_driven=bool(driven[i]),
            wins=float(wins[i]),
            losses=float(losses[i]),
            ties=float(ties[i]),
        )
        for i, item in enumerate(group)
    ]


def _with_intervals(rows: list[RankedItem], samples: Floats) -> list[RankedItem]:
    """`rows` with percentiles of `samples` (bootstraps, rows); a rank range runs from the best to the worst rank."""
    best, worst = _ranks(samples)
    completed = []
    for i, row in enumerate(rows):
        low = percentile_interval(best[:, i], whole=True).low
        high = percentile_interval(worst[:, i], whole=True).high
        interval = percentile_interval(samples[:, i])
        completed.append(replace(row, interval=interval, rank_range=(int(low), int(high))))
    return completed


def _ranks(strengths: Floats) -> tuple[Floats, Floats]:
    """Best and worst rank of each item among equals, for strengths of shape (samples, n)."""
    ahead = strengths[:, None, :] - strengths[:, :, None]
    best: Floats = 1.0 + (ahead > SAME_STRENGTH).sum(axis=2)
    worst: Floats = 0.0 + (ahead > -SAME_STRENGTH).sum(axis=2)
    return best, worst


def _warnings(rows: list[RankedItem], total: Floats, tasks: int, others: int) -> Iterable[str]:
    if others:
        yield f"never compared with the other {others} item(s): there is no common scale and no common order with them"
    if len(rows) == 1:
        return
    if 1 < tasks < FEW_TASKS:
        yield f"{tasks} tasks, fewer than {FEW_TASKS}: intervals are too narrow and the order may change"
    driven = [f"`{row.item}`" for row in rows if row.prior_driven]
    if driven:
        yield f"{', '.join(driven)}: no win or no loss, so the distance to the others is set by the pseudo-wins"
    elif not strongly_connected(total > 0):
        yield "one group of items never lost to the rest: the distance between the groups is set by the pseudo-wins"


def _prior_driven(total: Floats) -> NDArray[np.bool_]:
    """Items without a win or without a loss; half a win from a tie is enough to hold a strength."""
    return np.logical_not(total.any(axis=1) & total.any(axis=0))
