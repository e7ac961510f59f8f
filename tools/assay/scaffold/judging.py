"""The beginning of a review and of an adjudication: all that is to be judged, and open where a person decides."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from assay.contents import blob_id
from assay.documents import to_yaml
from assay.results.provenance import contradicting, disputed
from assay.workspace import Sheet, Workspace

_SCHEMA = "# yaml-language-server: $schema={}schemas/{}.schema.json\n"
_REVIEW = {
    "annotations": (
        "One entry for each annotation. `verdict`: accept, or request-changes with a comment that says which.\n"
        "`scores`: from 1, not usable, by 3, usable with changes, to 5, could be shown as an example.\n"
        "  quality: the citations mean what is claimed    completeness: all that decides a verdict is cited\n"
        "  consistency: the ranking follows from the grades    schema_compliance: as the guidelines ask\n"
        '`comments`: - {at: grades/ALIAS/rationale, quote: "words that stand there", says: "…"}'
    )
}
_ADJUDICATION = {
    "decisions": (
        "What the annotators differ on. `holds`: true, false or unclear; `fault`: ambiguous, guideline-gap,\n"
        "annotator-error, edge-case, subjective or other; `reason` cites like a rationale."
    ),
    "ranking": "Tiers, best first, where the annotators' contradict; and why, in `comparison`.",
}
OPEN = "say why, with citations"


def review_text(task: str, reviewer: str, sheets: Iterable[Sheet]) -> str:
    """A review of annotations that can be read, none of them judged yet."""
    items = [
        {
            "annotator": sheet.annotator,
            "annotation": blob_id(sheet.entry.document.text.encode()),
            "verdict": "request-changes",
            "scores": dict.fromkeys(("quality", "completeness", "consistency", "schema_compliance"), 3),
            "comments": [],
        }
        for sheet in sheets
        if sheet.entry
    ]
    data = {"format": 1, "task": task, "reviewer": reviewer, "annotations": items}
    return _SCHEMA.format("../../../", "review") + to_yaml(data, _REVIEW)


def adjudication_text(workspace: Workspace, task: str, adjudicator: str) -> str:
    """All that the annotators of a task differ on, with what each of them saw."""
    decisions = [
        {"alias": alias, "criterion": criterion, "holds": "unclear", "fault": "other", "reason": f"{OPEN}\n"}
        for alias, criterion in disputed(workspace, task)
    ]
    data: dict[str, object] = {"format": 1, "task": task, "adjudicator": adjudicator, "decisions": decisions}
    if contradicting(workspace, task):
        data |= {"ranking": None, "comparison": ""}
    said = "".join(f"#   {line}\n" for line in _said(workspace, task))
    heard = f"# What each of them saw:\n{said}" if said else ""
    return _SCHEMA.format("../../", "adjudication") + heard + to_yaml(data, _ADJUDICATION)


def _said(workspace: Workspace, task: str) -> Iterable[str]:
    sheets = [sheet for sheet in workspace.sheets if sheet.task == task and sheet.entry]
    for alias, criterion in disputed(workspace, task):
        seen = {sheet.annotator: _holds(sheet, alias, criterion) for sheet in sheets}
        yield f"{alias} {criterion}: " + ", ".join(f"{name} {word}" for name, word in seen.items() if word)


def _holds(sheet: Sheet, alias: str, criterion: str) -> str:
    grades: Mapping[str, object] = sheet.entry.record.grades[alias].criteria if sheet.entry else {}
    grade = grades.get(criterion)
    return str(getattr(grade, "holds", "")).lower()
