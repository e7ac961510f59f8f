"""Item analysis: how well single tests and criteria tell good trials from bad ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np

from assay.model.calibration import Item, Share

WEAK = 0.2
"""Below this an item discriminates poorly (Ebel 1972)."""

Answers = Mapping[str, tuple[bool, bool]]
"""Item id -> whether it passed in this trial, and whether the trial failed what the item belongs to."""


def items(trials: Sequence[Answers], enough: int) -> list[Item]:
    """Every item of `trials`, in the order of first appearance; nothing is flagged below `enough` answers."""
    names = dict.fromkeys(name for trial in trials for name in trial)
    return [_item(name, [trial for trial in trials if name in trial], enough) for name in names]


def _item(name: str, trials: Sequence[Answers], enough: int) -> Item:
    passed = [trial[name][0] for trial in trials]
    failing = [trial[name][0] for trial in trials if trial[name][1]]
    with_rest = [(trial[name][0], _rest(name, trial)) for trial in trials if len(trial) > 1]
    index = correlation([float(good) for good, _ in with_rest], [rest for _, rest in with_rest])
    flag: Literal["", "always-passes", "always-fails", "weak"] = ""
    if len(passed) >= enough:
        if all(passed) or not any(passed):
            flag = "always-passes" if passed[0] else "always-fails"
        elif index is not None and index < WEAK:
            flag = "weak"
    return Item(
        id=name,
        passed=Share(got=sum(passed), of=len(passed)),
        in_failing=Share(got=sum(failing), of=len(failing)),
        discrimination=index,
        flag=flag,
    )


def _rest(name: str, trial: Answers) -> float:
    """Share of the trial's other items that passed: an item must not correlate with itself (Henrysson 1963)."""
    return sum(good for other, (good, _) in trial.items() if other != name) / (len(trial) - 1)


def correlation(one: Sequence[float], other: Sequence[float]) -> float | None:
    """Pearson's, which is point-biserial when `one` is 0 or 1; None when either does not vary."""
    if len(set(one)) < 2 or len(set(other)) < 2:
        return None
    return round(float(np.corrcoef(one, other)[0, 1]), 6)
