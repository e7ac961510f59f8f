"""Rules on what annotators write: claims rest on evidence, words mean something, and ranking and grades agree."""

from __future__ import annotations

import re
import weakref
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from assay.diagnostics import Diagnostic, Severity
from assay.documents.source import Loc
from assay.evidence import Citation, Evidence, Malformed, cites, find_citations, normalise, resolve_by
from assay.model.annotation import passed
from assay.rules import rule
from assay.rules.sheets import GradedSheet, graded_sheets
from assay.workspace import Workspace

SHEETS = "annotations/*"
FEWEST, MOST, NOTE = 25, 90, 25
"""Words of a rationale without its citations, and the most of a note."""
TOGETHER = 3
"""Grades of one person that may say the same in the same words."""
_ENDS = re.compile(r"(?<=[.!?])[\"')\]]*\s+(?=[A-Z\[`\"'(])|\n\s*\n")
_CLAIM = re.compile(
    r"\b(?:pass(?:es|ed)?|fail(?:s|ed)?|breaks?|broke|crash(?:es|ed)?|works?|solves?|solved|fixes|fixed|claims?|claimed"
    r"|reports?|reported|deletes?|deleted|removes?|removed|ignores?|ignored|never|misses|missed|loses|lost|leaks?"
    r"|corrupts?|verifie[sd]|tested|ran|runs)\b",
    re.IGNORECASE,
)
_NUMBER = re.compile(r"(?<![\w.#:\[-])\d[\d,.]*(?:\s?%)?(?![\w-])")
_GENERIC = re.compile(
    r"\b(?:overall|good (?:fix|job|work|solution)|great|nice(?:ly)?|clean(?:er)? code|solid|minor issues?|unnecessary"
    r"|high[- ]quality|well[- ](?:written|done|structured)|best practices?|as expected|does the job)\b",
    re.IGNORECASE,
)
_HEDGE = re.compile(
    r"\b(?:seems?|seemingly|probably|perhaps|maybe|might|apparently|presumably|likely)\b", re.IGNORECASE
)
_NAME = re.compile(r"`([a-z0-9-]+)`")
_NAMED = re.compile(r"`[^`]*`|\"[^\"]*\"|“[^”]*”")


@dataclass(frozen=True)
class _Text:
    """Running text of an annotation, and whose attempt it is about where the place says so."""

    sheet: GradedSheet
    loc: Loc
    alias: str | None
    text: str

    def raw(self, start: int) -> str:
        """The sentence at an offset as it was written."""
        end = _ENDS.search(self.text, start)
        return self.text[start : end.start() if end else len(self.text)]

    @cached_property
    def sentences(self) -> tuple[tuple[int, str, list[Citation | Malformed]], ...]:
        """Offset, words without citations and without what they name, and the citations of each sentence.

        What is meant to be a citation counts as one: that it cannot be read is said elsewhere.
        """
        found, malformed = find_citations(self.text)
        citations: list[Citation | Malformed] = [*found, *malformed]
        blank = self.text
        for item in citations:  # a full stop in a quote ends no sentence
            blank = blank[: item.start] + "\0" * (item.end - item.start) + blank[item.end :]
        start, sentences = 0, []
        for end in [*_ENDS.finditer(blank), None]:
            stop = end.start() if end else len(blank)
            words = _NAMED.sub(" _ ", blank[start:stop].replace("\0", " "))
            sentences.append((start, words, [item for item in citations if start <= item.start < stop]))
            start = end.end() if end else stop
        return tuple(sentences)

    def found(self, name: str, offset: int, message: str, hint: str = "") -> Diagnostic:
        position = self.sheet.document.position_in(self.loc, offset)
        return self.sheet.finding(position, name, message, hint)


_last: list[tuple[weakref.ref[Workspace], tuple[_Text, ...]]] = []
"""The texts of the workspace that was looked at last: six rules share one reading."""


def _texts(workspace: Workspace) -> tuple[_Text, ...]:
    """Without texts that cite nothing at all: `rationale-no-citation` says so, and that is enough."""
    if not _last or _last[0][0]() is not workspace:
        _last[:] = [(weakref.ref(workspace), tuple(_read(workspace)))]
    return _last[0][1]


def _read(workspace: Workspace) -> Iterator[_Text]:
    for sheet in (sheet for sheet in graded_sheets(workspace) if workspace.wanted(sheet.document.path)):
        for alias, graded in sheet.record.grades.items():
            if cites(graded.rationale):
                yield _Text(sheet, ("grades", alias, "rationale"), alias, graded.rationale)
        if cites(sheet.record.comparison):
            yield _Text(sheet, ("comparison",), None, sheet.record.comparison)


def _uncited(workspace: Workspace, pattern: re.Pattern[str]) -> Iterator[tuple[_Text, int, str]]:
    """Where a sentence without citation matches: the text, the offset of the sentence, and the match.

    A sentence that names a criterion rests on its grade, which cites.
    """
    for text in _texts(workspace):
        ids = {item.id for item in text.sheet.rubric.criteria} if text.sheet.rubric else set()
        for start, words, citations in text.sentences:
            if not citations and (match := pattern.search(words)) and not ids & set(_NAME.findall(text.raw(start))):
                yield text, start, match[0]


@rule("rationale-uncited-claim", Severity.WARNING, SHEETS)
def rationale_uncited_claim(workspace: Workspace) -> Iterator[Diagnostic]:
    """A sentence that says what an attempt did, or gives a number, cites where that is seen.

    A reader who doubts one sentence must not have to guess which citation of another one it rests on.

    Bad:
        It loses rows when the file ends early. The tests show it [test:merge-rows/test_cut].

    Good:
        It loses rows when the file ends early [test:merge-rows/test_cut].
    """
    claim = re.compile(f"{_CLAIM.pattern}|{_NUMBER.pattern}", re.IGNORECASE)
    for text, start, word in _uncited(workspace, claim):
        hint = "cite in the same sentence, or leave the sentence out"
        yield text.found(
            "rationale-uncited-claim", start, f"this sentence claims something (`{word}`) and cites nothing", hint
        )


@rule("rationale-generic", Severity.WARNING, SHEETS)
def rationale_generic(workspace: Workspace) -> Iterator[Diagnostic]:
    """A sentence without citation uses no words that would fit any attempt.

    "Good fix overall" is true of half of all attempts, and tells nobody which half.

    Bad:
        Good fix overall with clean code.

    Good:
        Restores the tie-break [diff:src/rank.py "key=lambda row: (row.score, row.number)"].
    """
    for text, start, word in _uncited(workspace, _GENERIC):
        hint = "say what was seen, and where"
        yield text.found("rationale-generic", start, f"`{word}` would fit any attempt", hint)


@rule("rationale-hedge", Severity.WARNING, SHEETS)
def rationale_hedge(workspace: Workspace) -> Iterator[Diagnostic]:
    """A rationale says what was seen, not what may be.

    What cannot be told is `unclear`, with what is missing; a guess in the rationale is neither evidence nor a verdict.

    Bad:
        It probably misses empty files.

    Good:
        Nothing shows what it does with an empty file; no test covers it [test:merge-rows/test_merge].
    """
    for text, start, word in _uncited(workspace, _HEDGE):
        hint = "say what was seen, or grade `unclear` and say what is missing"
        yield text.found("rationale-hedge", start, f"`{word}` is a guess", hint)


@rule("rationale-number-missing", Severity.WARNING, SHEETS)
def rationale_number_missing(workspace: Workspace) -> Iterator[Diagnostic]:
    """A number in a sentence stands in what the sentence cites.

    Numbers are what readers remember and copy; one that is nowhere in the evidence was remembered wrongly.

    Bad:
        It runs 12 tests [step:3.c1 "4 passed in 0.31s"].

    Good:
        It runs 4 tests [step:3.c1 "4 passed in 0.31s"].
    """
    for text in _texts(workspace):
        for start, words, citations in text.sentences:
            numbers = [number.strip(".,") for number in _NUMBER.findall(words)]
            if not numbers or not (evidence := _evidence(workspace, text, citations)):
                continue
            known = set(_digits(evidence))
            for number in dict.fromkeys(numbers):
                if not set(_digits(number)) <= known:
                    hint = "cite where it stands, or say how it was counted"
                    message = f"`{number}` is nowhere in what this sentence cites"
                    yield text.found("rationale-number-missing", start, message, hint)


def _evidence(workspace: Workspace, text: _Text, citations: list[Citation | Malformed]) -> str:
    """All that a sentence cites, and the citations themselves, as one text; empty when one does not resolve."""
    parts = [item.text for item in citations]
    for item in citations:
        if isinstance(item, Malformed):
            return ""
        attempt = text.sheet.attempts.get(item.alias or text.alias or "")
        found = resolve_by(workspace, text.sheet.record.annotator, item, attempt) if attempt else None
        if not isinstance(found, Evidence):
            return ""
        parts += found.parts
    return "\n".join(parts)


def _digits(text: str) -> list[str]:
    return [number.replace(",", "") for number in re.findall(r"\d+(?:,\d{3})*", text)]


@rule("rationale-length", Severity.WARNING, SHEETS)
def rationale_length(workspace: Workspace) -> Iterator[Diagnostic]:
    """A rationale has 25 to 90 words for each attempt, and a note at most 25; citations do not count.

    Shorter ones leave out why, longer ones hide it.

    Bad:
        rationale: "The merge fails [test:merge-rows/test_merge]."

    Good:
        rationale: |
          Restores the tie-break [diff:src/rank.py "key=lambda row: (row.score, row.number)"] … (40 words)
    """
    for text in _texts(workspace):
        if text.alias is None:
            continue
        count = sum(len(words.split()) for _, words, _ in text.sentences)
        if not FEWEST <= count <= MOST:
            message = f"the rationale must have {FEWEST} to {MOST} words without its citations, found {count}"
            yield text.found("rationale-length", 0, message)
    for sheet in graded_sheets(workspace):
        for loc, _, criterion, grade in sheet.grades:
            if len(grade.note.split()) > NOTE:
                message = f"the note on `{criterion}` must have at most {NOTE} words, found {len(grade.note.split())}"
                yield sheet.at((*loc, "note"), "rationale-length", message)


@rule("rationale-repeated", Severity.WARNING, SHEETS)
def rationale_repeated(workspace: Workspace) -> Iterator[Diagnostic]:
    """One person does not say the same about more than three things in the same words.

    What was copied was not looked at again, and nobody can see for which attempt it was true.

    Bad:
        # in the notes of four grades
        note: "Not shown by any step of this attempt."

    Good:
        note: "The third milestone was not attempted; `revision` is an unknown column."
    """
    said: dict[tuple[str, str], list[tuple[GradedSheet, Loc]]] = defaultdict(list)
    for sheet in graded_sheets(workspace):
        texts: list[tuple[Loc, str]] = [((*loc, "note"), grade.note) for loc, _, _, grade in sheet.grades]
        texts += [(("grades", alias, "rationale"), item.rationale) for alias, item in sheet.record.grades.items()]
        for loc, text in texts:
            if len(text.split()) >= 5:
                said[sheet.record.annotator, normalise(text)].append((sheet, loc))
    for places in said.values():
        for sheet, loc in places[TOGETHER:]:
            message = f"this was said {len(places)} times in the same words"
            yield sheet.at(loc, "rationale-repeated", message, "say what is seen here")


@rule("ranking-contradicts-grades", about=SHEETS)
def ranking_contradicts_grades(workspace: Workspace) -> Iterator[Diagnostic]:
    """An attempt that fails a must-pass criterion does not stand above one that passes it without a stated reason.

    The reason stands in `comparison` and names the criterion: otherwise ranking and grades say two different things.

    Bad:
        # brisk-otter fails `keeps-order`, calm-heron passes it
        ranking: [[brisk-otter], [calm-heron]]

    Good:
        ranking: [[calm-heron], [brisk-otter]]
    """
    for sheet in graded_sheets(workspace):
        must = [item for item in sheet.rubric.criteria if item.must_pass] if sheet.rubric else []
        tiers = {alias: place for place, tier in enumerate(sheet.record.ranking) for alias in tier}
        for criterion in must:
            verdicts = {
                alias: passed(criterion, graded.criteria[criterion.id])
                for alias, graded in sheet.record.grades.items()
                if criterion.id in graded.criteria and alias in tiers
            }
            best = {verdict: [a for a in verdicts if verdicts[a] is verdict] for verdict in (True, False)}
            for higher in best[False]:
                lower = [alias for alias in best[True] if tiers[alias] > tiers[higher]]
                if lower and criterion.id not in sheet.record.comparison:
                    message = f"`{higher}` fails `{criterion.id}` and stands above `{lower[0]}`, which passes it"
                    hint = f"change the order, or say why in `comparison`, naming `{criterion.id}`"
                    yield sheet.at(("ranking", tiers[higher]), "ranking-contradicts-grades", message, hint)


@rule("comparison-incomplete", Severity.WARNING, SHEETS)
def comparison_incomplete(workspace: Workspace) -> Iterator[Diagnostic]:
    """The comparison cites both sides of every step from one tier to the next.

    Where only one side is cited, a reader cannot see what it is better than.

    Bad:
        # ranking: [[calm-heron], [brisk-otter]]
        Only one runs the suite [calm-heron step:3.c1 "4 passed in 0.31s"].

    Good:
        Only one runs the suite [calm-heron step:3.c1 "4 passed in 0.31s"]; the other claims it
        [brisk-otter step:5 "All tests pass, the merge is done"].
    """
    for sheet in graded_sheets(workspace):
        cited = {item.alias for item in find_citations(sheet.record.comparison)[0]}
        tiers = sheet.record.ranking if len(sheet.record.ranking) > 1 and cited and None not in cited else []
        for place, tier in enumerate(tiers):
            if not cited & set(tier):
                names = ", ".join(f"`{alias}`" for alias in tier)
                message = f"the comparison cites nothing of {names}, tier {place + 1}"
                yield sheet.at_key(("comparison",), "comparison-incomplete", message)
