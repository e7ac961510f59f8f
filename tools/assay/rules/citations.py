"""Rules on citations: each can be read, points at something, and quotes what stands there.

All of them come from one pass over the annotations, because each question needs the answer to the one before.
"""

from __future__ import annotations

import weakref
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from assay.diagnostics import Diagnostic, Fix, Severity
from assay.documents import Document
from assay.documents.source import Loc
from assay.documents.validation import meant
from assay.evidence import (
    Citation,
    Evidence,
    Malformed,
    Unresolved,
    final_patch,
    find_citations,
    mended,
    normalise,
    parse_citation,
    resolve_by,
    weak,
)
from assay.rules import rule
from assay.rules.sheets import GradedSheet, graded_sheets
from assay.workspace import Attempt, Workspace

MALFORMED = "citation-malformed"
ALIAS = "citation-alias"
UNRESOLVED = "citation-unresolved"
QUOTE = "citation-quote"
WEAK = "citation-weak-quote"
SHEETS = "annotations/*"
_SHOWN = 60
"""Characters of a quote that a message repeats."""


@rule(MALFORMED, about=SHEETS)
def citation_malformed(workspace: Workspace) -> Iterator[Diagnostic]:
    """Everything that opens like a citation can be read as one.

    A citation that is not recognised would be plain text: it would look like evidence and never be checked.

    Bad:
        It fails afterwards [step:41 "All tests pass].

    Good:
        It fails afterwards [step:41 "All tests pass"].
    """
    yield from _found(workspace)[MALFORMED]


@rule(ALIAS, about=SHEETS)
def citation_alias(workspace: Workspace) -> Iterator[Diagnostic]:
    """A citation in a comparison names its trajectory, and every alias in a citation is a trajectory of the task.

    In a comparison nothing else says whose step is meant.

    Bad:
        comparison: |
          Only one of the two runs the suite [step:12 "4 passed in 0.31s"].

    Good:
        comparison: |
          Only one of the two runs the suite [calm-heron step:12 "4 passed in 0.31s"].
    """
    yield from _found(workspace)[ALIAS]


@rule(UNRESOLVED, about=SHEETS)
def citation_unresolved(workspace: Workspace) -> Iterator[Diagnostic]:
    """Every citation points at something that exists.

    A reader follows the citation to check the claim; a step that is not there shows nothing.

    Bad:
        # calm-heron has 24 steps
        cites: ["step:31"]

    Good:
        cites: ["step:13"]
    """
    yield from _found(workspace)[UNRESOLVED]


@rule(QUOTE, about=SHEETS)
def citation_quote(workspace: Workspace) -> Iterator[Diagnostic]:
    """Every quote stands word for word at the place that its citation names.

    Line breaks, colours, typographic quote signs and back-ticks do not matter, and `...` skips; a changed word does.

    Bad:
        # step 41 says: All tests passed except one
        [step:41 "All tests passed with one exception"]

    Good:
        [step:41 "All tests passed except one"]
    """
    yield from _found(workspace)[QUOTE]


@rule(WEAK, Severity.WARNING, SHEETS)
def citation_weak_quote(workspace: Workspace) -> Iterator[Diagnostic]:
    """A quote has at least four words or twenty characters, or is a whole line.

    A shorter one is found by chance in some other step as well, so it proves little. Words are counted without what
    an ellipsis skips; quotes of test results may be short.

    Bad:
        [step:41 "pass"]

    Good:
        [step:41 "All tests pass after the change"]
    """
    yield from _found(workspace)[WEAK]


_Findings = dict[str, list[Diagnostic]]
_last: list[tuple[weakref.ref[Workspace], _Findings]] = []
"""The findings on the workspace that was looked at last: five rules share one pass."""


def _found(workspace: Workspace) -> _Findings:
    if not _last or _last[0][0]() is not workspace:
        findings: _Findings = defaultdict(list)
        places = _Places(workspace, workspace.documents)
        for sheet in (sheet for sheet in graded_sheets(workspace) if workspace.wanted(sheet.document.path)):
            for cited in _citations(sheet):
                if diagnostic := _check(cited, places):
                    findings[diagnostic.rule].append(diagnostic)
        _last[:] = [(weakref.ref(workspace), findings)]
    return _last[0][1]


@dataclass(frozen=True)
class _Cited:
    """A citation where it stands. `alias` is the trajectory that it is about by default."""

    sheet: GradedSheet
    loc: Loc
    alias: str | None
    item: Citation | Malformed

    def finding(self, name: str, message: str, hint: str = "") -> Diagnostic:
        """At the citation; in a list, at the character that makes no sense."""
        in_list = isinstance(self.loc[-1], int)
        offset = self.item.fault if in_list and isinstance(self.item, Malformed) else self.item.start
        position = self.sheet.document.position_in(self.loc, offset)
        return self.sheet.finding(position, name, message, hint, self._fix(name))

    def _fix(self, name: str) -> Fix | None:
        item, document = self.item, self.sheet.document
        if isinstance(item, Malformed):
            listed = isinstance(self.loc[-1], int)
            text = mended(item.text if item.text.startswith("[") else f"[{item.text}]")
            text = text[1:-1] if listed else text
            return document.replacing(self.loc, slice(item.start, item.end), text) if text else None
        if name == ALIAS and isinstance(item, Citation) and item.alias:
            start = item.start + item.text.index(item.alias)
            close = meant(item.alias, self.sheet.attempts)
            return document.replacing(self.loc, slice(start, start + len(item.alias)), close) if close else None
        return None


def _citations(sheet: GradedSheet) -> Iterator[_Cited]:
    for alias, graded in sheet.record.grades.items():
        yield from _in_text(sheet, ("grades", alias, "rationale"), graded.rationale, alias)
        for criterion, grade in graded.criteria.items():
            for number, item in enumerate(grade.cites):
                loc = ("grades", alias, "criteria", criterion, "cites", number)
                yield _Cited(sheet, loc, alias, parse_citation(item))
    yield from _in_text(sheet, ("comparison",), sheet.record.comparison, None)


def _in_text(sheet: GradedSheet, loc: Loc, text: str, alias: str | None) -> Iterator[_Cited]:
    citations, malformed = find_citations(text)
    yield from (_Cited(sheet, loc, alias, item) for item in citations)
    yield from (_Cited(sheet, loc, alias, item) for item in malformed)


@dataclass
class _Places:
    """Evidence by place, so that what many citations point to is looked up and normalised once."""

    workspace: Workspace
    documents: Mapping[str, Document]
    known: dict[tuple[str | int | None, ...], Evidence | Unresolved] = field(default_factory=dict)

    def evidence(self, citation: Citation, attempt: Attempt, annotator: str) -> Evidence | Unresolved:
        """What the citation of `annotator` points to in `attempt`."""
        own = annotator if citation.kind == "run" else ""
        key = attempt.path, citation.kind, citation.target, citation.first, citation.last, own
        if key not in self.known:
            self.known[key] = resolve_by(self.workspace, annotator, citation, attempt)
        return self.known[key]

    def step_with(self, quote: str, attempt: Attempt) -> int | None:
        """The first step in which the quote does stand."""
        steps = attempt.trajectory.record.steps if attempt.trajectory else []
        for step in steps:
            citation = parse_citation(f"step:{step.step_id}")
            if isinstance(citation, Citation):
                evidence = self.evidence(citation, attempt, "")
                if isinstance(evidence, Evidence) and evidence.contains(quote):
                    return step.step_id
        return None


def _check(cited: _Cited, places: _Places) -> Diagnostic | None:
    """The first thing that is wrong with a citation."""
    item, sheet = cited.item, cited.sheet
    if isinstance(item, Malformed):
        return cited.finding(MALFORMED, f"`{_short(item.text)}` cannot be read; {item.reason}")
    alias = item.alias or cited.alias
    if alias is None:
        message = f"`{item.place}` must name its trajectory"
        return cited.finding(ALIAS, message, f"write the alias in front: `[{next(iter(sheet.attempts), 'alias')} …]`")
    attempt = sheet.attempts.get(alias)
    if attempt is None:
        # what is graded under an unknown alias is reported where it is graded
        message = f"`{sheet.task.id}` has no trajectory `{alias}`"
        return None if alias in sheet.record.grades else cited.finding(ALIAS, message)
    evidence = places.evidence(item, attempt, sheet.record.annotator)
    if isinstance(evidence, Unresolved):
        silent = _reported_elsewhere(item, attempt, sheet, places.documents)
        return None if silent else cited.finding(UNRESOLVED, f"`{item.place}`: {evidence.message}")
    if item.quote is not None and not evidence.contains(item.quote):
        return cited.finding(QUOTE, *_explain(item, item.quote, evidence, attempt, places))
    if item.quote is not None and item.kind != "test" and weak(item.quote) and not evidence.has_line(item.quote):
        message = f"the quote must have 4 words or 20 characters, found {_quoted(item.quote)}"
        return cited.finding(WEAK, message, "quote more of the line")
    return None


def _reported_elsewhere(
    citation: Citation, attempt: Attempt, sheet: GradedSheet, documents: Mapping[str, Document]
) -> bool:
    """Whether the citation fails only because a file is missing or broken, which is reported at that file."""
    with_session = (attempt.folder / "session.json").is_file()
    match citation.kind:
        case "step":
            unread = documents.get(f"{attempt.path}/trajectory.json")
            return attempt.trajectory is None and not (unread and _is_cut_out(citation.step, unread))
        case "test":
            undecided = not sheet.task.milestones or citation.milestone in sheet.task.milestones
            return with_session and undecided and citation.milestone not in attempt.reports
        case "diff" | "file":
            return final_patch(attempt) is None and (with_session or bool(attempt.patches))
        case _:
            return False


def _is_cut_out(number: int | None, unread: Document) -> bool:
    """Whether a trajectory that does not fit its schema has steps, and the cited one is not among them."""
    steps = unread.data.get("steps") if isinstance(unread.data, dict) else None
    if not isinstance(steps, list):
        return False
    return number not in [step.get("step_id") for step in steps if isinstance(step, dict)]


def _explain(citation: Citation, quote: str, evidence: Evidence, attempt: Attempt, places: _Places) -> tuple[str, str]:
    """Message and hint for a quote that is not there."""
    message = f"quote not found in `{citation.place}`: {_quoted(quote)}"
    step = places.step_with(quote, attempt)
    if step is not None and citation.step != step:
        return f"{message}; found in step {step}", f"cite `step:{step}`"
    if step is not None:
        return f"{message}; found elsewhere in step {step}", f"cite `step:{step}` or the right lines"
    start, following = evidence.agreement(quote)
    if following and " " in start:
        return message, f"the place agrees up to {_quoted(start, tail=True)}, then it says {_quoted(following)}"
    return message, "copy the words from the place; case and every word count"


def _quoted(quote: str, *, tail: bool = False) -> str:
    return f'"{_short(normalise(quote), tail=tail)}"'


def _short(text: str, *, tail: bool = False) -> str:
    text = " ".join(text.split())
    if len(text) <= _SHOWN:
        return text
    return "…" + text[-_SHOWN:].lstrip() if tail else text[:_SHOWN].rstrip() + "…"
