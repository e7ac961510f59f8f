"""What a defect does to the grades of its task: which rest on it, and which are held back because of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from assay.model.escalation import Escalation
from assay.workspace import Workspace


@dataclass(frozen=True)
class Touched:
    """An annotation with verdicts on what a defect reaches."""

    path: str
    annotator: str
    verdicts: int
    """Of true or false; `unclear` decided nothing."""
    unclear: int


@dataclass(frozen=True)
class Effects:
    """What one escalation reaches; nothing when it was rejected."""

    trajectories: tuple[str, ...]
    criteria: tuple[str, ...]
    touched: tuple[Touched, ...]
    earlier: tuple[str, ...]
    """Of the trajectories those made on other task content than the one that was shown to be mended."""
    quarantined: bool

    def in_words(self) -> Iterator[str]:
        """One line each."""
        if self.quarantined:
            yield "quarantined: the task is in no ranking and in no calibration"
        reached = f"reaches: {_number(self.trajectories, 'trajectory', 'trajectories')}"
        yield f"{reached} ({', '.join(self.trajectories)})" if self.trajectories else f"{reached}"
        yield f"criteria: {', '.join(self.criteria) or 'none'}"
        for item in self.touched:
            unclear = f", {item.unclear} left unclear" if item.unclear else ""
            yield f"{item.path}: {item.verdicts} verdicts rest on it{unclear}"
        if self.earlier:
            yield f"made before it was mended: {', '.join(self.earlier)}"


def _number(items: tuple[str, ...], one: str, many: str) -> str:
    return f"{len(items)} {one if len(items) == 1 else many}"


def effects(workspace: Workspace, task: str, record: Escalation) -> Effects:
    """What `record`, an escalation of `task`, reaches: what it names, or else all of the task."""
    if record.status == "rejected":
        return Effects((), (), (), (), quarantined=False)
    attempts = workspace.attempts.get(task, {})
    found = workspace.tasks.get(task)
    rubric = [criterion.id for criterion in found.rubric.record.criteria] if found and found.rubric else []
    trajectories = tuple(alias for alias in attempts if alias in (record.affects.trajectories or attempts))
    criteria = tuple(name for name in rubric if name in (record.affects.criteria or rubric))
    mended = record.repair.content_sha256 if record.repair and record.status == "fixed" else ""
    made = {alias: attempts[alias].session for alias in trajectories}
    earlier = [alias for alias, entry in made.items() if entry and entry.record.predicate.task_sha256 != mended]
    return Effects(
        trajectories,
        criteria,
        tuple(_touched(workspace, task, trajectories, criteria)),
        tuple(earlier) if mended else (),
        record.is_holding,
    )


def _touched(
    workspace: Workspace, task: str, trajectories: tuple[str, ...], criteria: tuple[str, ...]
) -> Iterator[Touched]:
    for sheet in workspace.sheets:
        if sheet.task != task or sheet.entry is None:
            continue
        graded = sheet.entry.record.grades
        holds = [
            graded[alias].criteria[name].holds
            for alias in trajectories
            for name in criteria
            if alias in graded and name in graded[alias].criteria
        ]
        if holds:
            yield Touched(sheet.path, sheet.annotator, len(holds) - holds.count("unclear"), holds.count("unclear"))
