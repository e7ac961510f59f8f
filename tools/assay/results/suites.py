"""Calibrations of several tasks together: the task is the unit, since trials of one task depend on each other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from statistics import fmean

import numpy as np

from assay.model.calibration import Calibration, CalibrationMode, Difference
from assay.results.intervals import percentile_interval
from assay.results.rates import DIGITS

BOOTSTRAPS = 1000


@dataclass(frozen=True)
class SuiteRow:
    """One agent with one kind of user over all tasks."""

    arm: str
    """`agent-1` and so on over all tasks: not the number it has in one of them."""
    mode: CalibrationMode
    k: int
    any: float | None
    """Mean pass@k of the tasks on which it is defined."""
    all: float | None
    """Mean pass^k of them."""
    tasks: tuple[str, ...]
    undefined: tuple[str, ...]
    """Tasks with fewer than k valid trials."""


@dataclass(frozen=True)
class Cost:
    """Solve rate with the full specification minus with a simulated user, paired by task."""

    arm: str
    tasks: tuple[str, ...]
    difference: Difference
    """Over resampled tasks; of one task it is Newcombe's."""


def suite(calibrations: Sequence[Calibration], seed: str) -> tuple[list[SuiteRow], list[Cost]]:
    """What holds over tasks. Agents are matched as `results.drift` does."""
    arms = {arm.ref or arm.name: arm.name for item in calibrations for arm in item.arms}
    numbered = sorted(who for who, name in arms.items() if who != name)
    names = {who: f"agent-{numbered.index(who) + 1}" if who in numbered else who for who in sorted(arms)}
    rows = [row for who, name in names.items() for row in _rows(calibrations, who, name)]
    costs = (_cost(calibrations, who, name, seed) for who, name in names.items())
    return rows, [cost for cost in costs if cost]


def _rows(calibrations: Sequence[Calibration], who: str, name: str) -> Iterator[SuiteRow]:
    local = {item.task: arm.name for item in calibrations for arm in item.arms if who in (arm.ref, arm.name)}
    found = [(item.task, s) for item in calibrations for s in item.samples if s.arm == local.get(item.task)]
    for mode in dict.fromkeys(sample.mode for _, sample in found):
        samples = [(task, sample) for task, sample in found if sample.mode == mode]
        for place, at in enumerate(samples[0][1].passes):
            tried = [(task, sample.passes[place]) for task, sample in samples]
            some = [(task, at.any, at.all) for task, at in tried if at.any is not None and at.all is not None]
            yield SuiteRow(
                arm=name,
                mode=mode,
                k=at.k,
                any=round(fmean(value for _, value, _ in some), DIGITS) if some else None,
                all=round(fmean(value for _, _, value in some), DIGITS) if some else None,
                tasks=tuple(task for task, _, _ in some),
                undefined=tuple(task for task, at in tried if at.any is None),
            )


def _cost(calibrations: Sequence[Calibration], who: str, name: str, seed: str) -> Cost | None:
    found = {
        item.task: arm.cost for item in calibrations for arm in item.arms if who in (arm.ref, arm.name) and arm.cost
    }
    if len(found) < 2:
        return next((Cost(name, (task,), cost) for task, cost in found.items()), None)
    values = np.array([cost.value for cost in found.values()])
    generator = np.random.default_rng(int(sha256(f"cost\0{seed}\0{who}".encode()).hexdigest()[:16], 16))
    drawn = values[generator.integers(len(values), size=(BOOTSTRAPS, len(values)))].mean(axis=1)
    interval = percentile_interval(drawn)
    low, high = round(interval.low, DIGITS), round(interval.high, DIGITS)
    return Cost(name, tuple(found), Difference(value=round(float(values.mean()), DIGITS), low=low, high=high))
