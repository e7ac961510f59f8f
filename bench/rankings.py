"""Rankings: a million comparisons against evalica in the same run, and how often intervals hold the truth."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from assay.results.bradley_terry import Comparisons, fit, from_arrays, rank

COMPARISONS, ITEMS, TASKS, BOOTSTRAPS = 1_000_000, 100, 1000, 100
PEER_BOOTSTRAPS = (2, 6)
"""As many as evalica is given: it holds all resamples at once, 95 MB each. From the two follows what 100 take."""
STUDIES = 300
STRENGTHS = np.array([0.9, 0.3, -0.3, -0.9])
SETTINGS = [(effect, tasks, raters) for effect in (0.0, 1.0) for tasks in (10, 30, 100) for raters in (1, 3)]
"""Standard deviation of what a task adds to each agent, tasks, annotators: the twelve in which coverage is promised."""


def comparisons(seed: int = 1) -> dict[str, NDArray[np.int_]]:
    """Which task, who won, who lost: `COMPARISONS` of each, as numbers."""
    rng = np.random.default_rng(seed)
    strengths = rng.normal(size=ITEMS)
    one = rng.integers(0, ITEMS, COMPARISONS)
    other = (one + rng.integers(1, ITEMS, COMPARISONS)) % ITEMS
    won = rng.random(COMPARISONS) < 1 / (1 + np.exp(strengths[other] - strengths[one]))
    task = rng.integers(0, TASKS, COMPARISONS)
    return {"task": task, "winner": np.where(won, one, other), "loser": np.where(won, other, one)}


def ours() -> dict[str, float]:
    """CPU seconds of counting, fitting and all bootstraps."""
    data = comparisons()
    items, tasks = [f"agent-{n:03}" for n in range(ITEMS)], [f"task-{n:04}" for n in range(TASKS)]
    start = time.process_time()
    (table,) = rank(from_arrays(items, tasks, **data), bootstraps=BOOTSTRAPS, seed=1)
    assert all(row.interval for row in table.rows)
    return {"seconds": time.process_time() - start}


def theirs() -> dict[str, float]:
    """CPU seconds of evalica: what it does once, and as many bootstraps as ours at the price of a few."""
    import evalica

    data = comparisons()
    winners, losers = ([f"agent-{n:03}" for n in data[name]] for name in ("winner", "loser"))
    outcomes = [evalica.Winner.X] * COMPARISONS

    def spent(resamples: int) -> float:
        start = time.process_time()
        method, form = evalica.bradley_terry, "percentile"
        evalica.bootstrap(
            method, winners, losers, outcomes, n_resamples=resamples, bootstrap_method=form, random_state=1
        )
        return time.process_time() - start

    few, more = spent(PEER_BOOTSTRAPS[0]), spent(PEER_BOOTSTRAPS[1])
    each = (more - few) / (PEER_BOOTSTRAPS[1] - PEER_BOOTSTRAPS[0])
    return {"seconds": few + each * (BOOTSTRAPS - PEER_BOOTSTRAPS[0])}


def measured(part: str) -> dict[str, float]:
    """One part in a process of its own, so that its memory is its own; empty when it failed."""
    made = subprocess.run([sys.executable, "-m", "bench.rankings", part], capture_output=True, text=True, check=False)
    if made.returncode:
        why = made.stderr.strip().splitlines()[-1]
        print(f"left out: {part}: {why} (evalica comes with `pip install -e '.[compare]'`)", file=sys.stderr)
        return {}
    found: dict[str, float] = json.loads(made.stdout)
    return found


def study(rng: np.random.Generator, effect: float, tasks: int, raters: int) -> Comparisons:
    """Annotators who rank four agents on tasks by their strength, the task, and noise of their own (Gumbel)."""
    merit = STRENGTHS + rng.normal(0, effect, (tasks, 1, 4)) + rng.gumbel(size=(tasks, raters, 4))
    wins = (merit[:, :, :, None] > merit[:, :, None, :]).sum(axis=1) / 3
    return Comparisons(("a", "b", "c", "d"), wins, tuple(f"t{n}" for n in range(tasks)))


def coverage() -> Iterator[tuple[str, float]]:
    """Share of nominal 95 % intervals that hold the strength which endless tasks would give, by setting."""
    truths = {
        effect: fit(study(np.random.default_rng(9), effect, 400_000, 1).wins.sum(axis=0), pseudo=0)
        for effect in (0.0, 1.0)
    }
    for effect, tasks, raters in SETTINGS:
        rng, held = np.random.default_rng([round(effect), tasks, raters]), 0
        for seed in range(STUDIES):
            (table,) = rank(study(rng, effect, tasks, raters), bootstraps=500, seed=seed)
            truth = dict(zip("abcd", truths[effect], strict=True))
            held += sum(row.interval.low <= truth[row.item] <= row.interval.high for row in table.rows if row.interval)
        yield f"{tasks} tasks, {raters} annotators, task effect {effect:g}", held / (4 * STUDIES)


if __name__ == "__main__":
    if sys.argv[1] == "coverage":
        print(json.dumps(dict(coverage())))
    else:
        result = {"ours": ours, "evalica": theirs}[sys.argv[1]]()
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        print(json.dumps({**result, "bytes": float(peak)}))
