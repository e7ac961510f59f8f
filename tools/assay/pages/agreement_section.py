"""How far annotators agree, as a section of the page on quality."""

from __future__ import annotations

from assay.pages import links, markup
from assay.pages.inert import inline
from assay.results.agreement import Estimate
from assay.results.annotators import HOW_TO_READ, AgreementReport, Group, agreement, no_interval
from assay.workspace import Workspace

SHOWN = ("all", "axis", "task", "pair", "without", "judge")
ELSEWHERE = ("gold", "guesses")
"""Gold is for those with a key; guesses have a section of their own."""
_INTERVALS = """
Intervals are 95 &#37; percentiles over resampled units. `assay agreement` gives all of it, by criterion too. {}
{{: .as-quiet }}
"""


def section(workspace: Workspace) -> str:
    """Markdown with its heading; empty without annotations."""
    report = agreement(workspace)
    if not report.groups:
        return ""
    groups = [group for group in report.groups if group.kind in SHOWN]
    head = ("verdicts of", "judged twice", "passed", "unclear", *groups[0].estimates)
    read = "\n".join(f"- **{name}**: {words}." for name, words in HOW_TO_READ.items() if name not in ELSEWHERE)
    parts = [
        "## Agreement {#agreement}\n",
        markup.table(head, map(_verdicts, groups)),
        _rankings(report),
        _reviews(report),
        _annotators(workspace, report),
        f"{read}\n{_INTERVALS.format(inline(no_interval(report, SHOWN).capitalize()))}",
    ]
    return "\n".join(parts) + "\n"


def _verdicts(group: Group) -> tuple[str, ...]:
    found = list(group.estimates.values())
    name = _task(group.name) if group.kind == "task" else inline(group.name)
    return (
        "all" if group.kind == "all" else f"{group.kind} {name}",
        str(found[0].n),
        _share(group.passed),
        _share(group.unclear),
        *map(_cell, found),
    )


def _rankings(report: AgreementReport) -> str:
    rows = [
        (_task(order.task), *map(inline, order.labels(name)), _cell(estimate))
        for order in report.orders
        for name, estimate in order.estimates.items()
    ]
    return markup.table(("rankings of", "coefficient", "annotators", "value"), rows)


def _reviews(report: AgreementReport) -> str:
    rows = [(inline(name), str(estimate.n), _cell(estimate)) for name, estimate in report.scores]
    return markup.table(("reviewers' scores of", "given twice", "ordinal alpha"), rows) if rows else ""


def _task(name: str, anchor: str = "annotations") -> str:
    return links.link(inline(name), links.QUALITY, links.task_page(name), anchor)


def _annotators(workspace: Workspace, report: AgreementReport) -> str:
    rows = [
        (
            inline(profile.annotator),
            str(profile.verdicts),
            _share(profile.passed),
            _cell(profile.severity),
            _cell(profile.accuracy),
            f"{profile.first_shown[0]} of {sum(profile.first_shown[:2])}",
            f"{profile.citations:.1f}",
            ", ".join(
                _task(sheet.task, links.sheet_anchor(sheet.annotator))
                for sheet in workspace.sheets
                if sheet.annotator == profile.annotator and sheet.entry
            ),
        )
        for profile in report.profiles
    ]
    head = (
        "annotator",
        "verdicts",
        "passed",
        "severity",
        "accuracy",
        "first shown",
        "citations by verdict",
        "annotations",
    )
    return markup.table(head, rows)


def _cell(estimate: Estimate) -> str:
    if estimate.value is None:
        return estimate.why
    interval = estimate.interval
    return f"{estimate.value:.2f}" + (f", {interval.low:.2f}&nbsp;to&nbsp;{interval.high:.2f}" if interval else "")


def _share(value: float | None) -> str:
    return "" if value is None else f"{value * 100:.0f} &#37;"
