"""Rules on calibrations: each is of the task that it lies beside, as that task is now."""

from __future__ import annotations

from collections.abc import Iterator

from assay.contents import content_hash, file_hash
from assay.diagnostics import Diagnostic, Severity
from assay.documents.source import Loc
from assay.model.calibration import Calibration
from assay.rules import rule
from assay.workspace import Entry, Task, Workspace

_FILES = "tasks/*/calibration.json"


@rule("calibration-task", about=_FILES)
def calibration_task(workspace: Workspace) -> Iterator[Diagnostic]:
    """A calibration is of the task in whose folder it lies, and speaks of that task's milestones.

    Solve rates that were copied along with a folder are another task's difficulty.

    Bad:
        # tasks/row-merge/calibration.json
        "task": "ledger-loader"

    Good:
        # tasks/row-merge/calibration.json
        "task": "row-merge"
    """
    for task, entry in _calibrations(workspace):
        found = entry.record
        if found.task != task.id:
            yield _at(entry, ("task",), "calibration-task", f"`task` must be `{task.id}`, found `{found.task}`", task)
        elif task.file and not _is_stale(task, found):  # those of an older task content may be its milestones then
            for number, row in enumerate(found.milestones):
                if row.milestone not in task.milestones:
                    message = f"`{task.id}` has no milestone `{row.milestone}`"
                    yield _at(entry, ("milestones", number, "milestone"), "calibration-task", message, task)


@rule("calibration-stale", Severity.WARNING, _FILES)
def calibration_stale(workspace: Workspace) -> Iterator[Diagnostic]:
    """A calibration was made with the task and the simulated user as they are now.

    What an instruction, an environment, a test or a user's words were changed to may be easier or harder, so the rates
    that stand beside it say nothing of it. The rubric decides no rate.

    Bad:
        # a test was added after the trials
        "content_sha256": "5d3e…"

    Good:
        # calibrated again after the change
        "content_sha256": "9f86…"
    """
    for task, entry in _calibrations(workspace):
        if entry.record.task == task.id and _is_stale(task, entry.record):
            message = f"`{task.id}` was changed after it was calibrated, so these are another version's solve rates"
            yield _at(entry, ("content_sha256",), "calibration-stale", message, task)
        elif entry.record.task == task.id and _speaks_otherwise(task, entry.record):
            message = f"the simulated user of `{task.id}` was changed after the task was calibrated with it"
            yield _at(entry, ("user_sha256",), "calibration-stale", message, task)


def _calibrations(workspace: Workspace) -> Iterator[tuple[Task, Entry[Calibration]]]:
    for task in workspace.tasks.values():
        if task.calibration:
            yield task, task.calibration


def _is_stale(task: Task, found: Calibration) -> bool:
    return found.content_sha256 != content_hash(task.folder)


def _speaks_otherwise(task: Task, found: Calibration) -> bool:
    user = task.folder / "user.yaml"
    return found.user_sha256 is not None and (not user.is_file() or found.user_sha256 != file_hash(user))


def _at(entry: Entry[Calibration], loc: Loc, name: str, message: str, task: Task) -> Diagnostic:
    hint = f"run `assay calibrate {task.id}` again with the same agents, or delete the file"
    return Diagnostic.at(entry.path, entry.document.position(loc), name, message, hint=hint)
