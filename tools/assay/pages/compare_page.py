"""The page that puts attempts at one task side by side: what came of them, their steps, what annotators said."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from assay.model.annotation import Annotation
from assay.model.outcome import TestReport
from assay.pages import links, markup
from assay.pages.citing import Spot, linked
from assay.pages.inert import attribute, inline
from assay.pages.trajectory_page import length, outcome
from assay.pages.writer import ASSETS
from assay.workspace import Attempt, Task, Workspace


def page(workspace: Workspace, task: Task, *, annotated: bool) -> str:
    """Markdown of the page; the script fills in the steps of the attempts that a reader picks."""
    here = links.compare_page(task.id)
    attempts = workspace.attempts.get(task.id, {})
    pieces = [
        markup.front_matter(f"Compare attempts, {task.id}", search=False),
        markup.crumbs(
            links.link("Tasks", here, links.TASKS),
            links.link(inline(task.id), here, links.task_page(task.id)),
            "compare",
        ),
        "\n# Attempts side by side\n\n",
        f"{markup.count(len(attempts), 'attempt')} at {inline(task.id)}. Who made them is not told here.\n",
        "{: .as-lead }\n\n",
        "## What came of them {#outcomes}\n\n",
        _outcomes(task, attempts, here),
        "## Steps {#steps}\n\n",
        _steps(task, attempts, here),
        "\n## Tests on which they differ {#tests}\n\n",
        _tests(task, attempts, here),
    ]
    if annotated:
        pieces += ["\n## What annotators said {#said}\n\n", _said(workspace, task, here)]
    return "".join(pieces)


def _outcomes(task: Task, attempts: Mapping[str, Attempt], here: str) -> str:
    head = ("", *(_name(task, alias, here) for alias in attempts))
    rows: list[tuple[str, ...]] = [
        ("outcome", *(inline(outcome(one)) for one in attempts.values())),
        ("length", *(length(one) for one in attempts.values())),
        ("time", *(_time(one) for one in attempts.values())),
    ]
    for milestone in task.milestones:
        rows.append((inline(milestone), *(_milestone(one, milestone, here) for one in attempts.values())))
    return markup.table(head, rows, kind="matrix")


def _name(task: Task, alias: str, here: str) -> str:
    return links.link(inline(alias), here, links.trajectory_page(task.id, alias))


def _time(attempt: Attempt) -> str:
    return markup.seconds(attempt.session.record.predicate.seconds) if attempt.session else ""


def _milestone(attempt: Attempt, milestone: str, here: str) -> str:
    entry = attempt.reports.get(milestone)
    if entry is None or attempt.is_invalid:
        return markup.verdict(None, "no report" if entry is None else "no grade")
    good = sum(test.status == "passed" for test in entry.record.tests)
    words = f"{good} of {len(entry.record.tests)}"
    target = links.trajectory_page(attempt.task, attempt.alias)
    return links.link(markup.verdict(entry.record.passed, words), here, target, links.anchor_of_test(milestone))


def _tests(task: Task, attempts: Mapping[str, Attempt], here: str) -> str:
    """A row for each test that not all attempts passed or failed alike; how many the others are."""
    rows, alike = [], 0
    shown = {alias: one for alias, one in attempts.items() if one.reports}
    names = dict.fromkeys(name for one in shown.values() for name in _names(one))
    for milestone, test in names:
        found = [
            _status(one.reports[milestone].record, test) if milestone in one.reports else "" for one in shown.values()
        ]
        if len(set(found)) == 1:
            alike += 1
            continue
        cells = [_test(one, milestone, test, status, here) for one, status in zip(shown.values(), found, strict=True)]
        rows.append((f"{markup.breakable(inline(f'{milestone}/{test}'))}", *cells))
    told = f"{markup.count(alike, 'test')} came out alike for all.\n"
    if not rows:
        return told
    return markup.table(("test", *(_name(task, alias, here) for alias in shown)), rows, kind="matrix") + "\n" + told


def _names(attempt: Attempt) -> Iterator[tuple[str, str]]:
    """Every milestone and test that the attempt has a report of."""
    for milestone, entry in attempt.reports.items():
        yield from ((milestone, test.name) for test in entry.record.tests)


def _status(report: TestReport, name: str) -> str:
    return next((test.status for test in report.tests if test.name == name), "")


def _test(attempt: Attempt, milestone: str, test: str, status: str, here: str) -> str:
    if not status:
        return markup.verdict(None, "not run")
    passed = {"passed": True, "skipped": None}.get(status, False)
    target = links.trajectory_page(attempt.task, attempt.alias)
    return links.link(markup.verdict(passed, status), here, target, links.anchor_of_test(milestone, test))


def _steps(task: Task, attempts: Mapping[str, Attempt], here: str) -> str:
    readable = [alias for alias, one in attempts.items() if one.trajectory]
    if len(readable) < 2:
        return "There are no two attempts with a log.\n"
    where = links.href(here, f"trajectories/{task.id}")
    script = links.compare_data(task.id).rpartition("/")[2]
    names = ", ".join(_name(task, alias, here) for alias in readable)
    code = links.href(here, f"{ASSETS}/compare.js")
    return (
        f'<div class="as-compare" data-src="{script}" data-logs="{where}"></div>\n'
        f'<script defer src="{code}"></script>\n\n'
        f'<div class="as-unscripted" markdown="1">\n\nWithout scripts, read them one by one: {names}.\n\n</div>\n'
    )


def _said(workspace: Workspace, task: Task, here: str) -> str:
    """Rationales by attempt, so that those of two attempts stand under each other."""
    sheets = [sheet.entry.record for sheet in workspace.sheets if sheet.task == task.id and sheet.entry]
    pieces = []
    for alias in workspace.attempts.get(task.id, {}):
        told = [_rationale(workspace, sheet, alias, here) for sheet in sheets if alias in sheet.grades]
        if told:
            body = "\n".join((f"### {_name(task, alias, here)}\n", *told))
            pieces.append(f'<div class="as-said" data-alias="{attribute(alias)}" markdown="1">\n\n{body}\n</div>\n')
    return "\n".join(pieces) or "Nobody has annotated this task yet.\n"


def _rationale(workspace: Workspace, sheet: Annotation, alias: str, here: str) -> str:
    who = links.link(
        inline(sheet.annotator), here, links.task_page(sheet.task), links.sheet_anchor(sheet.annotator, alias)
    )
    text = linked(workspace, Spot(here, sheet.task, alias, sheet.annotator), sheet.grades[alias].rationale)
    return f"{who}: {text}\n"
