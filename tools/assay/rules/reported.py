"""Rules on results that somebody else reports."""

from __future__ import annotations

from collections.abc import Iterator

from assay.diagnostics import Diagnostic
from assay.model.outcome import is_valid
from assay.model.reported import Reported
from assay.rules import rule
from assay.workspace import Attempt, Workspace


@rule("reported-contradicts-tests")
def reported_contradicts_tests(workspace: Workspace) -> Iterator[Diagnostic]:
    """A reported result is not another one than that of the attempt's own test reports.

    Rankings of reported results and grades of trajectories would speak of the same attempt and disagree; nobody could
    tell which is true.

    Bad:
        # trajectories/row-merge/reported.json
        "calm-heron": {"outcome": "scored", "resolved": true}
        # trajectories/row-merge/calm-heron/tests/keep-order.json: "passed": false

    Good:
        "calm-heron": {"outcome": "scored", "resolved": false}
    """
    for task, entry in workspace.reported.items():
        for alias, reported in entry.record.attempts.items():
            attempt = workspace.attempt(task, alias)
            if attempt and (found := _difference(reported, attempt, workspace)):
                message = f"`{alias}` is reported as {found}"
                hint = "find out which is true, and take the other one out"
                position = entry.document.position(("attempts", alias))
                yield Diagnostic.at(entry.path, position, "reported-contradicts-tests", message, hint=hint)


def _difference(reported: Reported, attempt: Attempt, workspace: Workspace) -> str:
    reports = {name: item.record for name, item in attempt.reports.items()}
    failed = sorted(name for name, report in reports.items() if report.passed is False)
    invalid = sorted(name for name, report in reports.items() if report.passed is None)
    milestones = workspace.tasks[attempt.task].milestones if attempt.task in workspace.tasks else ()
    whole = bool(milestones) and all(name in reports and reports[name].passed for name in milestones)
    if reported.resolved and failed:
        return f"resolved, but the tests of `{failed[0]}` failed"
    if reported.resolved is not None and invalid and not failed:
        return f"graded, but the tests of `{invalid[0]}` gave no verdict"
    if reported.resolved is False and whole:
        return "not resolved, but the tests of all milestones passed"
    return (
        f"`{reported.outcome}`, but the tests of all milestones passed"
        if whole and not is_valid(reported.outcome)
        else ""
    )
