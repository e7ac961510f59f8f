"""Citations on pages: every claim leads to the step, file or test that it names, and every step says who cites it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from assay.evidence import Citation, Malformed, Unresolved, find_citations, parse_citation, resolve_by
from assay.model.annotation import Annotation, passed
from assay.model.rubric import Rubric
from assay.pages import links
from assay.pages.inert import flow, inline, part
from assay.workspace import Workspace


@dataclass(frozen=True)
class Spot:
    """Where a citation is written: the page, the trajectory it is about when it names none, and by whom."""

    page: str
    task: str
    alias: str | None
    annotator: str = ""


@dataclass(frozen=True)
class Mention:
    """Somebody cites a place: who, for which criterion, and whether that criterion was passed.

    `criterion` is empty for a rationale or a comparison, which `part` then names.
    """

    annotator: str
    part: str
    criterion: str = ""
    passed: bool | None = None


Mentions = Mapping[str, Mapping[str, tuple[Mention, ...]]]
"""By alias, then by anchor on the trajectory's page."""


def linked(workspace: Workspace, spot: Spot, text: str) -> str:
    """Running text as Markdown, its citations as links with their quotes."""
    pieces, at = [], 0
    for citation in find_citations(text)[0]:
        pieces += [part(text[at : citation.start]), _in_text(workspace, spot, citation)]
        at = citation.end
    return flow(*pieces, part(text[at:]))


def cited(workspace: Workspace, spot: Spot, items: Iterable[str]) -> str:
    """A list of citations as short links in one line of Markdown."""
    return " ".join(_item(workspace, spot, item) for item in items)


def _item(workspace: Workspace, spot: Spot, item: str) -> str:
    citation = parse_citation(item)
    if isinstance(citation, Malformed):
        return f'<span class="as-cite as-broken" title="{inline(citation.reason)}">{inline(item)}</span>'
    return _link(workspace, spot, citation, label(citation, short=True))


def _in_text(workspace: Workspace, spot: Spot, citation: Citation) -> str:
    quote = f" <q>{inline(citation.quote)}</q>" if citation.quote else ""
    words = f"{citation.alias} {label(citation)}" if citation.alias else label(citation)
    return _link(workspace, spot, citation, words) + quote


def _link(workspace: Workspace, spot: Spot, citation: Citation, words: str) -> str:
    """A link where the evidence is; a marked word where it is not, since `assay check` already says so."""
    alias = citation.alias or spot.alias
    attempt = workspace.attempt(spot.task, alias) if alias else None
    words = inline(words)
    if attempt is None or alias is None:
        return _broken(words, "no trajectory of this name")
    found = resolve_by(workspace, spot.annotator, citation, attempt)
    if isinstance(found, Unresolved):
        return _broken(words, found.message)
    target = links.trajectory_page(spot.task, alias)
    return f'<span class="as-cite">{links.link(words, spot.page, target, anchor(citation, spot.annotator))}</span>'


def _broken(words: str, reason: str) -> str:
    return f'<span class="as-cite as-broken" title="{inline(reason)}">{words}</span>'


def label(citation: Citation, *, short: bool = False) -> str:
    """Words for a citation, in a table only the last part of names; not escaped."""
    lines = ""
    if citation.first is not None:
        last = citation.last if citation.last not in (None, citation.first) else None
        lines = f" L{citation.first}" + (f"\u2013{last}" if last else "")
    if citation.kind == "step":
        return f"step {citation.step}" + (f", call {citation.call}" if (citation.call or 1) > 1 else "") + lines
    if short and citation.kind != "run":
        return f"{citation.target.rpartition('/')[2] or citation.target}{lines}"
    return f"{citation.kind} {citation.target}{lines}"


def anchor(citation: Citation, annotator: str) -> str:
    """The id of the place on the trajectory's page that `annotator` cites."""
    if citation.step is not None:
        lines = None if citation.first is None else (citation.first, citation.last or citation.first)
        return links.step_anchor(citation.step, citation.call, lines)
    if citation.kind in ("diff", "file"):
        return links.file_anchor(citation.target)
    if citation.kind == "run":
        return links.run_anchor(annotator, int(citation.target))
    milestone, _, test = citation.target.partition("/")
    return links.anchor_of_test(milestone, test or None)


def mentions(workspace: Workspace, task: str) -> Mentions:
    """Everything that the annotations of a task cite."""
    found: dict[str, dict[str, list[Mention]]] = defaultdict(lambda: defaultdict(list))
    rubric = workspace.tasks[task].rubric if task in workspace.tasks else None
    for sheet in workspace.sheets:
        if sheet.task != task or sheet.entry is None:
            continue
        for alias, citation, mention in _citations(sheet.entry.record, rubric.record if rubric else None):
            for place in _places(citation, mention.annotator):
                if mention not in found[alias][place]:
                    found[alias][place].append(mention)
    return {alias: {place: tuple(all_) for place, all_ in places.items()} for alias, places in found.items()}


def _places(citation: Citation, annotator: str) -> set[str]:
    """The anchor of a citation, and for lines and calls those of their call and step, whose row shows who cites it."""
    place = anchor(citation, annotator)
    if citation.step is None:
        return {place}
    return {place, links.step_anchor(citation.step, citation.call), links.step_anchor(citation.step)}


def _citations(sheet: Annotation, rubric: Rubric | None) -> Iterator[tuple[str, Citation, Mention]]:
    for alias, grades in sheet.grades.items():
        for citation in find_citations(grades.rationale)[0]:
            yield citation.alias or alias, citation, Mention(sheet.annotator, "rationale")
        for name, grade in grades.criteria.items():
            criterion = rubric.find(name) if rubric else None
            verdict = passed(criterion, grade) if criterion else None
            for item in grade.cites:
                parsed = parse_citation(item)
                if isinstance(parsed, Citation):
                    yield parsed.alias or alias, parsed, Mention(sheet.annotator, "grade", name, verdict)
    for citation in find_citations(sheet.comparison)[0]:
        if citation.alias:
            yield citation.alias, citation, Mention(sheet.annotator, "comparison")
