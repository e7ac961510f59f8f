"""Rules on what people say of annotations: reviews, and decisions where annotators differ."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from assay.contents import blob_id
from assay.diagnostics import Diagnostic, Severity
from assay.documents import Document
from assay.evidence import Unresolved, find_citations, resolve
from assay.evidence.quotes import in_order, normalise
from assay.model.review import Comment, ReviewedAnnotation
from assay.results.provenance import disputed
from assay.rules import rule
from assay.workspace import Entry, Sheet, Workspace

_REVIEWS = "annotations/*/reviews/*"
_ADJUDICATIONS = "annotations/*/adjudication.yaml"


@rule("review-unresolved", about=_REVIEWS)
def review_unresolved(workspace: Workspace) -> Iterator[Diagnostic]:
    """A review is of an annotation that is there, and each comment stands at words that are found there.

    A remark that points at nothing cannot be answered.

    Bad:
        at: grades/calm-heron/rationales
        quote: "Drops the tie-break"

    Good:
        at: grades/calm-heron/rationale
        quote: "Drops the tie-break"
    """
    for entry, number, item, sheet in _reviewed(workspace):
        place = ("annotations", number)
        if sheet is None or sheet.entry is None:
            message = f"`{item.annotator}` has no annotation of `{entry.record.task}` that can be read"
            yield _at(entry.document, (*place, "annotator"), "review-unresolved", message)
            continue
        for at, comment in enumerate(item.comments):
            if wrong := _wrong(comment, sheet.entry.document.data):
                where = (*place, "comments", at, "quote" if comment.quote and "no place" not in wrong else "at")
                yield _at(entry.document, where, "review-unresolved", wrong)


@rule("review-stale", Severity.WARNING, _REVIEWS)
def review_stale(workspace: Workspace) -> Iterator[Diagnostic]:
    """A review is of the annotation as it is now.

    What was accepted and then changed has not been accepted.

    Bad:
        annotation: 0000000000000000000000000000000000000000

    Good:
        annotation: 8d0e41234f24b6da002d962a26c2495ea16a425f   # git hash-object of the file
    """
    for entry, number, item, sheet in _reviewed(workspace):
        if sheet and sheet.entry and blob_id(sheet.entry.document.text.encode()) != item.annotation:
            message = f"`{sheet.path}` was changed after `{entry.record.reviewer}` read it"
            hint = "read it again, and put the id that `git hash-object` prints"
            yield _at(entry.document, ("annotations", number, "annotation"), "review-stale", message, hint)


@rule("review-own", about=_REVIEWS)
def review_own(workspace: Workspace) -> Iterator[Diagnostic]:
    """Nobody reviews an annotation of their own, and a review lies under its reviewer's name.

    A second pair of eyes is the point; and who looks for a reviewer's file finds it by the name.

    Bad:
        # annotations/row-merge/reviews/rater-1.yaml
        annotations: [{annotator: rater-1, verdict: accept}]

    Good:
        # annotations/row-merge/reviews/rater-2.yaml
        annotations: [{annotator: rater-1, verdict: accept}]
    """
    known = {person.handle for person in workspace.people.record.people} if workspace.people else set()
    for entry in workspace.reviews:
        record, name = entry.record, entry.path.rpartition("/")[2].removesuffix(".yaml")
        if record.reviewer != name or name not in known:
            message = f"`reviewer` must be `{name}`, a handle of annotations/people.yaml, found `{record.reviewer}`"
            yield _at(entry.document, ("reviewer",), "review-own", message)
        if record.task != entry.path.split("/")[1]:
            message = f"`task` must be `{entry.path.split('/')[1]}`, found `{record.task}`"
            yield _at(entry.document, ("task",), "review-own", message)
        for number, item in enumerate(record.annotations):
            if item.annotator == record.reviewer:
                where = ("annotations", number, "annotator")
                yield _at(entry.document, where, "review-own", f"`{item.annotator}` reviews an annotation of their own")


@rule("review-empty", about=_REVIEWS)
def review_empty(workspace: Workspace) -> Iterator[Diagnostic]:
    """Who asks for changes says which: at least one comment.

    An annotator who does not know what to change can only guess, or change nothing.

    Bad:
        verdict: request-changes
        comments: []

    Good:
        verdict: request-changes
        comments: [{at: ranking, says: "The first two differ in nothing that is graded."}]
    """
    for entry, number, item, _ in _reviewed(workspace):
        if item.verdict == "request-changes" and not item.comments:
            message = "changes are asked for, and no comment says which"
            yield _at(entry.document, ("annotations", number, "verdict"), "review-empty", message)


@rule("adjudication-incomplete", Severity.WARNING, _ADJUDICATIONS)
def adjudication_incomplete(workspace: Workspace) -> Iterator[Diagnostic]:
    """An adjudication decides everything on which the annotators of its task differ.

    What stays open is in no label and no preference, and nobody sees why.

    Bad:
        decisions: []
        # rater-1 and rater-2 differ on `readable-names` of `calm-heron`

    Good:
        decisions: [{alias: calm-heron, criterion: readable-names, holds: true, fault: subjective, reason: "…"}]
    """
    for entry in workspace.adjudications:
        decided = {(item.alias, item.criterion) for item in entry.record.decisions}
        for alias, criterion in disputed(workspace, entry.path.split("/")[1]):
            if (alias, criterion) not in decided:
                message = f"annotators differ on `{criterion}` of `{alias}`, and nothing is decided about it"
                yield _at(entry.document, ("decisions",), "adjudication-incomplete", message)


@rule("adjudication-needless", about=_ADJUDICATIONS)
def adjudication_needless(workspace: Workspace) -> Iterator[Diagnostic]:
    """Each decision is about a verdict on which annotators differ, once, with citations that resolve.

    A decision against what everybody saw would be a grade of nobody's.

    Bad:
        decisions: [{alias: calm-heron, criterion: keeps-order, holds: true, fault: other, reason: "All agree."}]

    Good:
        decisions: []
    """
    for entry in workspace.adjudications:
        task, seen = entry.path.split("/")[1], set[tuple[str, str]]()
        open_ = set(disputed(workspace, task))
        for number, item in enumerate(entry.record.decisions):
            place = ("decisions", number)
            if (item.alias, item.criterion) not in open_:
                message = f"nobody differs on `{item.criterion}` of `{item.alias}`"
                yield _at(entry.document, (*place, "criterion"), "adjudication-needless", message, "take it out")
            elif (item.alias, item.criterion) in seen:
                message = f"`{item.criterion}` of `{item.alias}` is decided twice"
                yield _at(entry.document, (*place, "criterion"), "adjudication-needless", message, "keep one")
            seen.add((item.alias, item.criterion))
            for citation in _unresolved(workspace, task, item.alias, item.reason):
                yield _at(entry.document, (*place, "reason"), "adjudication-needless", citation)


@rule("adjudication-own", about=_ADJUDICATIONS)
def adjudication_own(workspace: Workspace) -> Iterator[Diagnostic]:
    """An adjudicator is in people.yaml and has graded nothing of the task.

    Who is one of the two sides decides for it.

    Bad:
        adjudicator: rater-1     # who graded the task

    Good:
        adjudicator: rater-3
    """
    known = {person.handle for person in workspace.people.record.people} if workspace.people else set()
    for entry in workspace.adjudications:
        task, name = entry.path.split("/")[1], entry.record.adjudicator
        graders = {sheet.annotator for sheet in workspace.sheets if sheet.task == task}
        if name not in known or name in graders or entry.record.task != task:
            message = f"must be by somebody of people.yaml who graded nothing of `{task}`, found `{name}`"
            message += " who graded it" if name in graders else f", and of `{task}`, found `{entry.record.task}`"
            yield _at(entry.document, ("adjudicator",), "adjudication-own", message)


def _reviewed(workspace: Workspace) -> Iterator[tuple[Entry[Any], int, ReviewedAnnotation, Sheet | None]]:
    sheets = {(sheet.task, sheet.annotator): sheet for sheet in workspace.sheets}
    for entry in workspace.reviews:
        for number, item in enumerate(entry.record.annotations):
            yield entry, number, item, sheets.get((entry.path.split("/")[1], item.annotator))


def _wrong(comment: Comment, data: Any) -> str:
    for part in comment.at.split("/"):
        if isinstance(data, list) and part.isdecimal() and int(part) < len(data):
            data = data[int(part)]
        elif isinstance(data, dict) and part in data:
            data = data[part]
        else:
            return f"the annotation has no place `{comment.at}`: no `{part}` there"
    if comment.quote and not in_order(comment.quote, normalise(str(data))):
        return f"`{comment.quote}` does not stand at `{comment.at}`"
    return ""


def _unresolved(workspace: Workspace, task: str, alias: str, text: str) -> Iterator[str]:
    found, malformed = find_citations(text)
    yield from (f"`{item.text}` cannot be read; {item.reason}" for item in malformed)
    for citation in found:
        attempt = workspace.attempt(task, citation.alias or alias)
        evidence = resolve(citation, attempt) if attempt else Unresolved("there is no such trajectory")
        if isinstance(evidence, Unresolved):
            yield f"`{citation.text}`: {evidence.message}"
        elif citation.quote and not evidence.contains(citation.quote):
            yield f"`{citation.text}`: the quote is not there"


def _at(document: Document, loc: tuple[str | int, ...], name: str, message: str, hint: str = "") -> Diagnostic:
    return Diagnostic.at(document.path, document.position(loc), name, message, hint=hint)
