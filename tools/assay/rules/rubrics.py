"""Rules on a rubric as a set: what it covers, what it demands, and whether it tells attempts apart."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from assay.diagnostics import Diagnostic, Severity
from assay.documents import Document
from assay.documents.source import Loc
from assay.model.rubric import AXES, Rubric
from assay.rules import rule
from assay.workspace import Workspace

FEWEST, MOST = 5, 20
"""Criteria of a rubric: professional ones have 8 to 20 for one task."""
DEMANDS = 0.9
"""Share of must-pass criteria above which the rest of a rubric decides nothing."""
ENOUGH = 4
"""Graded attempts from which a criterion that is the same for all of them says something about the criterion."""


@rule("rubric-criterion-duplicate")
def rubric_criterion_duplicate(workspace: Workspace) -> Iterator[Diagnostic]:
    """Every criterion of a rubric has an id of its own.

    Grades are kept by id: of two criteria with one id, only one could be graded.

    Bad:
        - id: keeps-order
          statement: "`merge` keeps the input order."
        - id: keeps-order
          statement: "`sort` keeps the input order."

    Good:
        - id: merge-keeps-order
          statement: "`merge` keeps the input order."
        - id: sort-keeps-order
          statement: "`sort` keeps the input order."
    """
    for document, rubric in _rubrics(workspace):
        seen: set[str] = set()
        for number, criterion in enumerate(rubric.criteria):
            if criterion.id in seen:
                message = f"ids must be unique, found `{criterion.id}` again"
                yield _at(document, ("criteria", number, "id"), "rubric-criterion-duplicate", message)
            seen.add(criterion.id)


@rule("rubric-requires-unknown")
def rubric_requires_unknown(workspace: Workspace) -> Iterator[Diagnostic]:
    """What a criterion requires is another criterion of the same rubric.

    A criterion whose requirement does not exist would never apply, or always: both change scores silently.

    Bad:
        - id: keeps-order
          requires: [merge-row]

    Good:
        - id: keeps-order
          requires: [merges-rows]
    """
    for document, rubric in _rubrics(workspace):
        ids = {criterion.id for criterion in rubric.criteria}
        for number, criterion in enumerate(rubric.criteria):
            for place, required in enumerate(criterion.requires):
                if required == criterion.id or required not in ids:
                    found = "itself" if required == criterion.id else f"`{required}`, which is not in the rubric"
                    loc = ("criteria", number, "requires", place)
                    message = f"`{criterion.id}` must require another criterion, found {found}"
                    yield _at(document, loc, "rubric-requires-unknown", message)


@rule("rubric-axes", Severity.WARNING)
def rubric_axes(workspace: Workspace) -> Iterator[Diagnostic]:
    """A rubric covers every axis, demands something of correctness, and names at least one fault.

    An axis without criteria has no total. Without a must-pass criterion nothing separates a solution from an attempt,
    and a rubric that only asks for good things cannot see harm.

    Bad:
        - {id: merges, axis: correctness, good: true, must_pass: false}

    Good:
        - {id: merges, axis: correctness, good: true, must_pass: true}
        - {id: readable, axis: style, good: true}
        - {id: says-what-changed, axis: communication, good: true}
        - {id: deletes-tests, axis: behaviour, good: false}
    """
    for document, rubric in _rubrics(workspace):
        lacks = [f"a criterion on `{axis}`" for axis in AXES if all(item.axis != axis for item in rubric.criteria)]
        if not any(item.must_pass and item.axis == "correctness" for item in rubric.criteria):
            lacks.append("a `must_pass` criterion on `correctness`")
        if all(item.good for item in rubric.criteria):
            lacks.append("a fault (`good: false`)")
        for lack in lacks:
            yield _at(document, ("criteria",), "rubric-axes", f"the rubric needs {lack}, found none")


@rule("rubric-balance", Severity.WARNING)
def rubric_balance(workspace: Workspace) -> Iterator[Diagnostic]:
    """A rubric has 5 to 20 criteria, of which at most nine in ten must be passed.

    Fewer cannot tell attempts apart, more are not read with care. Where nearly everything must be passed, one miss
    fails an attempt like ten, and weights decide nothing.

    Bad:
        # four criteria, each of them:
        must_pass: true

    Good:
        # eight criteria: two that must be passed, and
        must_pass: false
        weight: 3
    """
    for document, rubric in _rubrics(workspace):
        count, must = len(rubric.criteria), sum(item.must_pass for item in rubric.criteria)
        if not FEWEST <= count <= MOST:
            message = f"a rubric must have {FEWEST} to {MOST} criteria, found {count}"
            yield _at(document, ("criteria",), "rubric-balance", message)
        if must > DEMANDS * count:
            message = f"at most nine of ten criteria may be must-pass, found {must} of {count}"
            hint = "keep `must_pass` for what makes an attempt useless; give the others weights"
            yield _at(document, ("criteria",), "rubric-balance", message, hint)


@rule("criterion-never-separates", Severity.NOTE)
def criterion_never_separates(workspace: Workspace) -> Iterator[Diagnostic]:
    """A criterion is true of some attempts and not of others, once four or more are graded.

    What everybody passes or everybody fails costs every annotator minutes and moves no attempt. It may still be right,
    such as a demand that no agent meets yet. A fault that nobody committed is not reported: that is good news.

    Bad:
        # holds: true for all of 16 attempts
        statement: "The last message is in English."

    Good:
        # holds: true for 9 of 16 attempts
        statement: "The last message names the file that changed."
    """
    for task, seen in _verdicts(workspace).items():
        found = workspace.tasks[task].rubric
        for number, criterion in enumerate(found.record.criteria if found else ()):
            attempts = {alias for alias, _ in seen[criterion.id]}
            verdicts = {holds for _, holds in seen[criterion.id]}
            same = verdicts == {True} or (verdicts == {False} and criterion.good)
            if found and len(attempts) >= ENOUGH and same:
                words = "true" if True in verdicts else "false"
                message = f"`{criterion.id}` is {words} of all {len(attempts)} graded attempts: it separates none"
                hint = "keep it if that is what it is for; else ask what some attempts do and others do not"
                loc = ("criteria", number, "id")
                yield _at(found.document, loc, "criterion-never-separates", message, hint)


def _verdicts(workspace: Workspace) -> dict[str, dict[str, set[tuple[str, bool | str]]]]:
    """By task and criterion: attempt and verdict, of the annotations that all can read."""
    said: dict[str, dict[str, set[tuple[str, bool | str]]]] = defaultdict(lambda: defaultdict(set))
    for sheet in workspace.sheets:
        for alias, graded in sheet.entry.record.grades.items() if sheet.entry and sheet.task in workspace.tasks else ():
            for criterion, grade in graded.criteria.items():
                said[sheet.task][criterion].add((alias, grade.holds))
    return said


def _rubrics(workspace: Workspace) -> Iterator[tuple[Document, Rubric]]:
    for task in workspace.tasks.values():
        if task.rubric:
            yield task.rubric.document, task.rubric.record


def _at(document: Document, loc: Loc, name: str, message: str, hint: str = "") -> Diagnostic:
    return Diagnostic.at(document.path, document.position(loc), name, message, hint=hint)
