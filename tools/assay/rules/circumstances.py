"""Rules on how an annotation came about: under which guidelines and rubric, and in what time."""

from __future__ import annotations

from collections.abc import Iterator

from assay.diagnostics import Diagnostic, Severity
from assay.model.annotation import OPEN
from assay.results.pace import LONGEST, least_minutes
from assay.results.versions import Changes
from assay.rules import rule
from assay.rules.sheets import graded_sheets
from assay.workspace import Workspace


@rule("annotation-stale", Severity.WARNING, about="annotations/*")
def annotation_stale(workspace: Workspace) -> Iterator[Diagnostic]:
    """An annotation answers the criteria, and follows the guidelines, as they are now.

    Git has the rubric and the guidelines that it was made under, so that it can be said what changed. Only what is
    named has to be graded again; a `why` or a weight that changed opens nothing. Until then `assay rank` leaves the
    annotation out when others of its task were made under newer ones.

    Bad:
        # the rubric's `keeps-order` was reworded after this was graded
        rubric: 9daeafb9864cf43055ae93beb0afd6c7d144bfa4

    Good:
        # only its `why` was
        rubric: 9daeafb9864cf43055ae93beb0afd6c7d144bfa4
    """
    changes = Changes(workspace)
    for sheet in graded_sheets(workspace):
        if not workspace.wanted(sheet.document.path):
            continue
        if change := changes.of_rubric(sheet.task, sheet.record.rubric):
            message = f"the rubric has changed since this was graded: {change}"
            hint = "grade these again, then set `rubric` to `git hash-object tasks/TASK/rubric.yaml`"
            yield sheet.at(("rubric",), "annotation-stale", message, hint.replace("TASK", sheet.task.id))
        if change := changes.of_guidelines(sheet.record.guidelines):
            now = workspace.guidelines
            message = f"version {now} of the guidelines says other things under: {change}"
            hint = f"look through your grades with these in mind, then say `guidelines: {now}`"
            yield sheet.at(("guidelines",), "annotation-stale", message, hint)


@rule("annotation-minutes", Severity.WARNING, about="annotations/*")
def annotation_minutes(workspace: Workspace) -> Iterator[Diagnostic]:
    """The minutes of an annotation can have been what it took.

    Less than two seconds for each step that was graded is less than reading takes; more than eight hours is no
    sitting. Times are compared and paid by, so a slip of the pen should be found.

    Bad:
        # four trajectories of 120 steps together
        minutes: 1

    Good:
        minutes: 55
    """
    for sheet in graded_sheets(workspace):
        if sheet.record.comparison.strip() == OPEN:
            continue  # the file is as it was made; `annotation-unfinished` says so
        least = least_minutes(sheet.attempts, sheet.record)
        if sheet.record.minutes < least:
            message = f"`minutes` must be at least {least:.1f} for what was graded; found {sheet.record.minutes:g}"
            hint = "reading takes at least two seconds for each step; correct the number, or read again"
            yield sheet.at(("minutes",), "annotation-minutes", message, hint)
        elif sheet.record.minutes > LONGEST:
            message = f"`minutes` must be at most {LONGEST}, eight hours; found {sheet.record.minutes:g}"
            yield sheet.at(("minutes",), "annotation-minutes", message, "write minutes, not seconds; leave out breaks")
