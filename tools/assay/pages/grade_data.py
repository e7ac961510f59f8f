"""What the page for grading knows of a task: the rubric, whose order is which, and what can be cited."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

from assay.contents import blob_id
from assay.evidence.resolution import final_patch, output_of
from assay.model.annotation import OPEN
from assay.model.rubric import Criterion
from assay.pages import grade_texts
from assay.patches import FileDiff, parse_patch
from assay.rules.rationales import FEWEST, MOST, NOTE
from assay.scaffold.annotation import COMPARISON, GUESS, RATIONALE, TIERS, asked, gradable, head
from assay.sealing.order import presented
from assay.sealing.places import draft_path, sheet_path
from assay.workspace import Attempt, Task, Workspace


def graders(workspace: Workspace) -> list[str]:
    """Handles of those who may grade."""
    people = workspace.people.record.people if workspace.people else []
    return [person.handle for person in people if "annotator" in person.roles]


def is_ready(workspace: Workspace, task: Task) -> bool:
    """Whether `assay new annotation` would begin a file for somebody."""
    some = gradable(workspace.attempts.get(task.id, {}).values())
    return bool(some and task.rubric and workspace.guidelines is not None and graders(workspace))


def block(workspace: Workspace, task: Task) -> str:
    """JSON for a script element: ASCII without `<`, the same bytes for the same workspace."""
    return json.dumps(data(workspace, task), ensure_ascii=True, separators=(",", ":")).replace("<", "\\u003c")


def data(workspace: Workspace, task: Task) -> dict[str, Any]:
    """Nothing of what others wrote, and nothing of who made an attempt. Raises ValueError when it is not ready.

    The orders are those of `assay new annotation`, worked out here, so that no page need hash. Recorded runs are left
    out: their numbers would tell who has graded.
    """
    if task.rubric is None or workspace.guidelines is None:
        raise ValueError(f"`{task.id}` has no rubric, or there are no guidelines")
    policy, rubric = workspace.settings.annotations, task.rubric.record
    sealed = policy.independence == "sealed"
    blob = blob_id((task.folder / "rubric.yaml").read_bytes())
    aliases = gradable(workspace.attempts.get(task.id, {}).values())
    people = {}
    for handle in graders(workspace):
        path = (draft_path if sealed else sheet_path)(task.id, handle)
        order = presented(aliases, workspace.settings.seed, task.id, handle)
        people[handle] = {
            "path": path,
            "order": order,
            "head": head(task.id, handle, workspace.guidelines, blob, order, path),
        }
    return {
        "task": task.id,
        "rubric": blob,
        "guidelines": workspace.guidelines,
        "sealed": sealed,
        "stages": policy.stages,
        "first": list(rubric.first_stage),
        "forge": workspace.settings.site.forge,
        "open": OPEN,
        "words": [FEWEST, MOST, NOTE],
        "comments": {"rationale": RATIONALE, "guess": GUESS, "tiers": TIERS, "comparison": COMPARISON},
        "criteria": [_criterion(item) for item in rubric.criteria],
        "people": people,
        "attempts": {alias: of_attempt(workspace.attempts[task.id][alias]) for alias in sorted(aliases)},
    }


def _criterion(item: Criterion) -> dict[str, Any]:
    return {
        "id": item.id,
        "statement": " ".join(item.statement.split()),
        "axis": item.axis,
        "good": item.good,
        "must": item.must_pass,
        "evidence": item.evidence,
        "test": item.test,
        "requires": item.requires,
        "asked": asked(item),
    }


def of_attempt(attempt: Attempt) -> dict[str, Any]:
    """What can be cited of an attempt: of each step the lines of its message and of what each call returned."""
    steps = attempt.trajectory.record.steps if attempt.trajectory else []
    patch = final_patch(attempt)
    return {
        "steps": [
            [_lines(step.text), *(_lines(output_of(step, call)) for call in step.tool_calls or ())] for step in steps
        ],
        "texts": grade_texts.starts(attempt),
        "files": [_file(file) for file in parse_patch(patch[1])] if patch else [],
        "tests": _tests(attempt),
    }


def _tests(attempt: Attempt) -> Mapping[str, Mapping[str, str]]:
    """Status of each test by milestone: whether a verdict follows its test is told while it is given."""
    return {name: {test.name: test.status for test in entry.record.tests} for name, entry in attempt.reports.items()}


def _file(file: FileDiff) -> dict[str, Any]:
    shown = [] if file.deleted else _ranges(sorted(file.new_lines()))
    return {"path": file.path, "old": file.old_path, "gone": file.deleted, "shown": shown}


def _ranges(numbers: Sequence[int]) -> list[list[int]]:
    """Runs of consecutive numbers as their ends."""
    runs = [[*(number for _, number in group)] for _, group in groupby(enumerate(numbers), lambda at: at[1] - at[0])]
    return [[run[0], run[-1]] for run in runs]


def _lines(text: str) -> int:
    return len(text.split("\n")) - text.endswith("\n") if text else 0
