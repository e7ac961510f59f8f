"""What annotators said about a task: grades as a matrix, rationales and comparison with their evidence as links."""

from __future__ import annotations

from collections.abc import Sequence

from assay.model.annotation import Annotation, Grade, passed
from assay.model.rubric import AXES, Criterion
from assay.pages import links, markup
from assay.pages.citing import Spot, cited, linked
from assay.pages.inert import inline, worded
from assay.workspace import Task, Workspace


def section(workspace: Workspace, task: Task) -> str:
    """One part for each annotator, or a sentence that there is none."""
    sheets = [sheet.entry.record for sheet in workspace.sheets if sheet.task == task.id and sheet.entry]
    if not sheets:
        return "Nobody has annotated this task yet.\n"
    return "\n".join(_sheet(workspace, task, sheet) for sheet in sheets)


def tiers(sheet: Annotation, page: str) -> str:
    """The ranking in one line, best first, as links."""

    def name(alias: str) -> str:
        return links.link(inline(alias), page, links.trajectory_page(sheet.task, alias))

    def tier(aliases: Sequence[str]) -> str:
        return " = ".join(map(name, aliases))

    return ' <span class="as-beats">&gt;</span> '.join(map(tier, sheet.ranking))


def _sheet(workspace: Workspace, task: Task, sheet: Annotation) -> str:
    here = links.task_page(task.id)
    facts = f"{sheet.minutes:g} minutes, guidelines version {sheet.guidelines}, rubric {sheet.rubric[:8]}"
    pieces = [
        f"### {inline(sheet.annotator)} {{#{links.sheet_anchor(sheet.annotator)}}}\n",
        f"{facts}\n{{: .as-quiet }}\n",
        f"**Ranking**: {tiers(sheet, here)}\n",
        linked(workspace, Spot(here, task.id, None, sheet.annotator), sheet.comparison) + "\n",
        _matrix(workspace, task, sheet),
        *(_rationale(workspace, sheet, alias) for alias in _order(sheet)),
    ]
    return "\n".join(pieces)


def _order(sheet: Annotation) -> list[str]:
    """Graded aliases, best first."""
    ranked = [alias for tier in sheet.ranking for alias in tier if alias in sheet.grades]
    return ranked + [alias for alias in sheet.grades if alias not in ranked]


def _matrix(workspace: Workspace, task: Task, sheet: Annotation) -> str:
    criteria = task.rubric.record.criteria if task.rubric else []
    aliases = _order(sheet)
    if not criteria:
        return ""
    rows = [
        (_name(criterion, links.task_page(task.id)), *(_cell(workspace, criterion, sheet, alias) for alias in aliases))
        for axis in AXES
        for criterion in criteria
        if criterion.axis == axis
    ]
    table = markup.table(("criterion", *(inline(alias) for alias in aliases)), rows, kind="grades")
    legend = "The words say whether the statement is true of the attempt, the mark whether that is good."
    return f"{table}\n{legend}\n{{: .as-quiet }}\n"


def _name(criterion: Criterion, here: str) -> str:
    must = markup.tag("must pass", "must") if criterion.must_pass else ""
    name = links.link(inline(criterion.id), here, here, links.criterion_anchor(criterion.id))
    name = f'<span class="as-name" title="{inline(criterion.statement)}">{name}</span>'
    return f'{name} {must}<br><span class="as-quiet">{criterion.axis}</span>'


def _cell(workspace: Workspace, criterion: Criterion, sheet: Annotation, alias: str) -> str:
    grade = sheet.grades[alias].criteria.get(criterion.id)
    if grade is None:
        return markup.verdict(None, "not graded")
    spot = Spot(links.task_page(sheet.task), sheet.task, alias, sheet.annotator)
    note = f'<br><span class="as-quiet">{worded(grade.note)}</span>' if grade.note else ""
    return f"{_verdict(criterion, grade)}<br>{cited(workspace, spot, grade.cites)}{note}"


def _verdict(criterion: Criterion, grade: Grade) -> str:
    """The colour says passed or not, the words say whether the statement is true."""
    if grade.holds == "unclear":
        return markup.verdict(None, "unclear")
    return markup.verdict(passed(criterion, grade), "true" if grade.holds else "not true")


def _rationale(workspace: Workspace, sheet: Annotation, alias: str) -> str:
    grades = sheet.grades[alias]
    here = links.task_page(sheet.task)
    text = linked(workspace, Spot(here, sheet.task, alias, sheet.annotator), grades.rationale)
    name = links.link(inline(alias), here, links.trajectory_page(sheet.task, alias))
    head = f"#### {name} {{#{links.sheet_anchor(sheet.annotator, alias)}}}\n"
    return f"{head}\n{text}\n"
