"""Order of items from rankings with ties: Bradley-Terry strengths, intervals and rank ranges.

Bradley and Terry 1952; ties count half a win each way; pseudo-wins on compared pairs keep every strength finite;
whole tasks are resampled, because comparisons made on one task are not independent of each other.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from assay.results.comparisons import Comparisons, from_arrays, from_tiers
from assay.results.intervals import Interval, percentile_interval
from assay.results.strengths import PSEUDO_WINS, FitError, Floats, edges, fit, maximise, reachable, strongly_connected

__all__ = [
    "Comparisons",
    "ComponentRanking",
    "FitError",
    "RankedItem",
    "components",
    "fit",
    "from_arrays",
    "from_tiers",
    "rank",
    "win_probability",
]

FEW_TASKS = 10
SAME_STRENGTH = 1e-6
SAME_SHARE = 1e-9
CHUNK_CELLS = 2_000_000


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
    wins = comparisons.wins if len(group) == len(comparisons.items) else comparisons.wins[:, inside[:, None], inside]
    wins = wins[wins.any(axis=(1, 2))]
    total: Floats = wins.sum(axis=0)
    ties = np.zeros(len(group)) if comparisons.ties is None else comparisons.ties[inside]
    rows = _rows(group, fit(total), total, ties)
    reason = _why_no_interval(wins, bootstraps)
    if reason:
        rows = [replace(row, reason=reason) for row in rows]
    else:
        rows = _with_intervals(rows, _bootstrap(wins, bootstraps, seed), len(wins))
    missing = [f"no interval: {reason}"] if reason else []
    warnings = (*missing, *_warnings(rows, total, len(wins), len(comparisons.items) - len(group)))
    best_first = tuple(sorted(rows, key=lambda row: (row.rank, row.item)))
    return ComponentRanking(best_first, len(wins), 0 if reason else bootstraps, warnings)


def _why_no_interval(wins: Floats, bootstraps: int) -> str:
    tasks, items, _ = wins.shape
    if items == 1:
        return "never compared with another item"
    if tasks == 1:
        return "a single task: nothing shows how much the order varies between tasks"
    if _all_say_the_same(wins):
        return "every task says the same: resampling them cannot show how much the order varies"
    return "" if bootstraps else "no bootstrap was asked for"


def _all_say_the_same(wins: Floats) -> bool:
    """Whether each pair has the same share of wins in at least two tasks, and in every one that compares it.

    Replicates would then differ in weights only, and their range would be taken for what is not known.
    """
    total: Floats = wins.sum(axis=0)
    compared = edges(total)
    share = np.divide(total, total + total.T, where=compared, out=np.zeros_like(total))
    seen = np.zeros_like(total)
    for table in wins:
        games = table + table.T
        if np.abs(table - share * games).max() > SAME_SHARE:
            return False
        seen += games > 0
    return bool((seen[compared] > 1).all())


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
    wins, losses = (np.maximum(0.0, np.round(total.sum(axis=axis) - ties / 2, 12)) + 0.0 for axis in (1, 0))
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


def _with_intervals(rows: list[RankedItem], samples: Floats, tasks: int) -> list[RankedItem]:
    """`rows` with percentiles of `samples` (bootstraps, rows).

    A rank range runs from the best to the worst rank, and spans all whose interval overlaps: two rows that are not
    told apart share a rank.
    """
    best, worst = _ranks(samples)
    intervals = [percentile_interval(column, units=tasks) for column in samples.T]
    completed = []
    for i, (row, interval) in enumerate(zip(rows, intervals, strict=True)):
        low = percentile_interval(best[:, i], whole=True, units=tasks).low
        high = percentile_interval(worst[:, i], whole=True, units=tasks).high
        ahead = sum(other.low > interval.high + SAME_STRENGTH for other in intervals)
        behind = sum(other.high < interval.low - SAME_STRENGTH for other in intervals)
        span = int(min(low, 1 + ahead)), int(max(high, len(rows) - behind))
        completed.append(replace(row, interval=interval, rank_range=span))
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
