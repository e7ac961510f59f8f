"""How long annotations took, and how long they cannot have taken."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from assay.model.annotation import Annotation
from assay.workspace import Attempt, Sheet, Workspace

SECONDS = 2
"""The least for one step; our choice. Skimming 30 steps in a minute is no reading yet."""
LONGEST = 480
"""Minutes of a working day."""


@dataclass(frozen=True)
class Pace:
    """Times of an annotator, or of all of them, in minutes."""

    annotations: int
    least: float
    middle: float
    most: float
    implausible: int
    """How many cannot have been what it took."""


def read_steps(attempts: Mapping[str, Attempt], record: Annotation) -> int:
    """Steps of the trajectories that were graded, as far as they are known."""
    found = (attempts[alias].trajectory for alias in record.grades if alias in attempts)
    return sum(len(entry.record.steps) for entry in found if entry)


def least_minutes(attempts: Mapping[str, Attempt], record: Annotation) -> float:
    """What reading alone takes at the very least."""
    return read_steps(attempts, record) * SECONDS / 60


def paces(workspace: Workspace) -> dict[str, Pace]:
    """By annotator; all of them together under the empty name. Nothing where there is no annotation."""
    groups: dict[str, list[Sheet]] = {}
    for sheet in workspace.sheets:
        if sheet.entry:
            groups.setdefault(sheet.annotator, []).append(sheet)
    everybody = [sheet for name in groups for sheet in groups[name]]
    found = {name: _pace(workspace, groups[name]) for name in sorted(groups)}
    return {**found, "": _pace(workspace, everybody)} if everybody else {}


def _pace(workspace: Workspace, sheets: Iterable[Sheet]) -> Pace:
    from statistics import median  # its imports cost a hook more than the rule that reads this module

    records = [(workspace.attempts.get(sheet.task, {}), sheet.entry.record) for sheet in sheets if sheet.entry]
    times = [record.minutes for _, record in records]
    odd = sum(not least_minutes(attempts, record) <= record.minutes <= LONGEST for attempts, record in records)
    return Pace(len(times), min(times), median(times), max(times), odd)
