"""What waits for whom, and what reviewers, adjudicators and coordinators have said so far."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from assay.contents import blob_id
from assay.diagnostics import Diagnostic
from assay.model.escalation import HOLDING
from assay.model.review import ReviewedAnnotation
from assay.pages import links, markup
from assay.pages.inert import inline, worded
from assay.results.duties import status
from assay.results.waiting import Item
from assay.sealing.places import sheet_path
from assay.workspace import Workspace


def page(workspace: Workspace, findings: Sequence[Diagnostic], *, annotated: bool) -> str:
    """Markdown of the page; without `annotated` nothing that quotes or judges an annotation."""
    found = status(workspace, findings)
    shown = [item for item in found.items if annotated or item.kind not in _TELLING]
    pieces = [
        markup.front_matter("Work", search=False),
        "\n# Work in hand\n\n",
        "What waits for whom, as `assay status` says it on the machine that built this page.\n{: .as-lead }\n\n",
        "## Waiting {#waiting}\n\n",
        "".join(_waiting(shown)) or "Nothing waits for anybody.\n",
    ]
    if found.blocks:
        rows = [(inline(block.task), block.what, inline(", ".join(block.waits_for))) for block in found.blocks]
        pieces += ["\n## What blocks what {#blocks}\n\n", markup.table(("task", "what", "waits for"), rows)]
    pieces += ["\n## Escalations {#escalations}\n\n", _escalations(workspace)]
    if annotated:
        pieces += ["\n## Reviews {#reviews}\n\n", _reviews(workspace)]
        pieces += ["\n## Decisions {#decisions}\n\n", _decisions(workspace)]
    return "".join(pieces)


_TELLING = frozenset({"review", "review-stale", "changes", "adjudication", "annotation-stale", "errors"})
"""Items from which an annotator could infer what others said."""


def _waiting(items: Sequence[Item]) -> Iterator[str]:
    for person, group in groupby(items, lambda item: item.person):
        rows = [
            (
                links.link(inline(item.task), links.QUEUE, links.task_page(item.task)) if item.task else "",
                f"{worded(item.says)}{'' if item.person else f' ({item.role})'}",
                f"<code>{inline(item.run)}</code>" if item.run else "",
            )
            for item in group
        ]
        yield f"\n### {inline(person) if person else 'Nobody yet'}\n\n" + markup.table(("task", "what", "next"), rows)


def _escalations(workspace: Workspace) -> str:
    rows = [
        (
            links.link(inline(record.title), links.QUEUE, links.task_page(task), links.ESCALATIONS),
            inline(task),
            record.kind,
            markup.tag(record.status, "must" if record.status in HOLDING else ""),
            inline(record.raised_by),
        )
        for task, entries in workspace.escalations.items()
        if task in workspace.tasks
        for record in (entry.record for entry in entries)
    ]
    head = ("escalation", "task", "kind", "status", "raised by")
    return markup.table(head, rows) if rows else "Nobody has escalated anything.\n"


def _reviews(workspace: Workspace) -> str:
    rows = [
        _review(workspace, entry.record.task, entry.record.reviewer, item)
        for entry in workspace.reviews
        if entry.record.task in workspace.tasks
        for item in entry.record.annotations
    ]
    if not rows:
        return "Nobody has reviewed an annotation yet.\n"
    scale = "Scores are quality, completeness, consistency and schema compliance, from 1 to 5.\n{: .as-quiet }\n"
    return (
        markup.table(("annotation", "reviewer", "verdict", "scores", "comments"), rows, kind="stacked") + "\n" + scale
    )


def _review(workspace: Workspace, task: str, reviewer: str, item: ReviewedAnnotation) -> tuple[str, ...]:
    file = workspace.root / sheet_path(task, item.annotator)
    name = inline(f"{task}/{item.annotator}")
    read = file.is_file() and blob_id(file.read_bytes()) == item.annotation
    if any((sheet.task, sheet.annotator) == (task, item.annotator) and sheet.entry for sheet in workspace.sheets):
        name = links.link(name, links.QUEUE, links.task_page(task), links.sheet_anchor(item.annotator))
    words = markup.verdict(item.verdict == "accept", item.verdict.replace("-", " "))
    scores = item.scores
    marks = (scores.quality, scores.completeness, scores.consistency, scores.schema_compliance)
    comments = "<br>".join(f"<code>{inline(one.at)}</code> {worded(one.says)}" for one in item.comments)
    return name, inline(reviewer), words + ("" if read else markup.tag("changed since")), _joined(marks), comments


def _joined(marks: Sequence[int]) -> str:
    return "&nbsp;".join(map(str, marks))


def _decisions(workspace: Workspace) -> str:
    rows = [
        (
            links.link(
                inline(f"{entry.record.task}/{one.alias}"),
                links.QUEUE,
                links.trajectory_page(entry.record.task, one.alias),
            )
            if workspace.attempt(entry.record.task, one.alias)
            else inline(f"{entry.record.task}/{one.alias}"),
            inline(one.criterion),
            str(one.holds).lower(),
            one.fault + (markup.tag("guidelines change") if one.guideline_change else ""),
            worded(one.reason),
            inline(entry.record.adjudicator),
        )
        for entry in workspace.adjudications
        if entry.record.task in workspace.tasks
        for one in entry.record.decisions
    ]
    head = ("attempt", "criterion", "holds", "why they differed", "reason", "by")
    return markup.table(head, rows, kind="stacked") if rows else "Nothing has been adjudicated yet.\n"
