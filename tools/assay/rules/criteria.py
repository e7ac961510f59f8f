"""Rules on the wording of criteria: one observable statement about one attempt, decidable without its author.

Text in quotes, back-ticks and brackets is taken out before matching: it names things, and `/etc/` is no "etc.".
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from assay.diagnostics import Diagnostic, Severity
from assay.documents import Document
from assay.documents.source import Loc
from assay.model.rubric import Criterion
from assay.rules import rule
from assay.workspace import Workspace

LONGEST = 40
"""Words of a statement; the median of professional rubrics is 11 to 19."""
ALIKE = 0.8
"""Share of common words from which two criteria ask the same (Jaccard)."""

_NAMED = re.compile(r"`[^`]*`|\"[^\"]*\"|“[^”]*”|\([^)]*\)")
_VAGUE = re.compile(
    r"\b(?:appropriate(?:ly)?|proper(?:ly)?|adequate(?:ly)?|good|clean(?:ly)?|reasonabl[ey]|robust(?:ly)?|sensibl[ey]"
    r"|best practices?|edge cases|as needed|as necessary|well[- ](?:written|structured|documented))\b",
    re.IGNORECASE,
)
_VERBS = (
    "adds|avoids|calls|changes|checks|closes|contains|creates|deletes|describes|documents|emits|explains|fails|fixes"
    "|gives|handles|includes|keeps|lists|logs|makes|mentions|names|prints|raises|reads|rejects|removes|renames|reports"
    "|returns|runs|says|sends|shows|sorts|stores|tests|updates|uses|validates|writes"
)
_COMPOUND = re.compile(
    rf"\b(?:{_VERBS})\b[^.;]*?,? (?:and|as well as|while)(?: also| then)? "
    rf"(?:(?:\w+ly|does not|it|also) )?(?:{_VERBS})\b",
    re.IGNORECASE,
)
_DEICTIC = re.compile(
    r"\b(?:as (?:described |mentioned |stated |shown )?(?:above|below)|(?:the )?(?:above|aforementioned|previous) "
    r"(?:criterion|item|point|requirement)|section \d|this (?:fix|issue|bug|change|feature|task))\b",
    re.IGNORECASE,
)
_REFERENCE = re.compile(
    r"\b(?:gold(?:en)?|reference|expected|ground[- ]truth|upstream) (?:patch|solution|answer|implementation|diff)\b",
    re.IGNORECASE,
)
_CORRECTLY = re.compile(r"\b(?:correctly|successfully|as expected|works? fine)\b", re.IGNORECASE)
_SENTENCES = re.compile(r"(?<!e\.g)(?<!i\.e)[.!?]\s+[A-Z_]|;\s")
_QUANTITY = re.compile(r"\b(?:some|several|enough|mostly|a few|many|sufficient(?:ly)?|various)\b", re.IGNORECASE)
_NEGATIVE = re.compile(
    r"\b(?:not|never|no|without|cannot)\b[^.;,]*\b(?:fails? to|avoids?|lacks?|misse?s?|omits?|without|un\w+ed)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class _Worded:
    """A criterion of a rubric, and its statement without what it names."""

    document: Document
    loc: Loc
    criterion: Criterion
    text: str

    def found(self, name: str, message: str, hint: str) -> Diagnostic:
        position = self.document.position(self.loc)
        return Diagnostic.at(self.document.path, position, name, f"`{self.criterion.id}` {message}", hint=hint)


def _matching(workspace: Workspace, name: str, pattern: re.Pattern[str], says: str, hint: str) -> Iterator[Diagnostic]:
    for item in _worded(workspace):
        if match := pattern.search(item.text):
            yield item.found(name, says.format(" ".join(match[0].replace("_", "…").split())), hint)


def _worded(workspace: Workspace) -> Iterator[_Worded]:
    for task in workspace.tasks.values():
        if task.rubric:
            for number, criterion in enumerate(task.rubric.record.criteria):
                text = _NAMED.sub(" _ ", criterion.statement)
                yield _Worded(task.rubric.document, ("criteria", number, "statement"), criterion, text)


@rule("criterion-vague")
def criterion_vague(workspace: Workspace) -> Iterator[Diagnostic]:
    """A criterion says what is seen, not how good it is.

    Two people agree on a value, a file or a message; they do not agree on what is proper.

    Bad:
        statement: "Handles errors properly."

    Good:
        statement: "`parse` raises `ValueError` for an empty text."
    """
    hint = "say what a reader would see: a file, a symbol, a value, an exit code, a message"
    yield from _matching(workspace, "criterion-vague", _VAGUE, "must be observable, found `{}`", hint)


@rule("criterion-compound")
def criterion_compound(workspace: Workspace) -> Iterator[Diagnostic]:
    """A criterion asks one thing.

    Of two things joined by "and" an attempt may do one: then neither yes nor no is true.

    Bad:
        statement: "Adds the flag and documents it."

    Good:
        statement: "The command accepts `--skip`."
        # and another criterion: "`README.md` names `--skip`."
    """
    hint = "write two criteria; `requires` says when the second depends on the first"
    yield from _matching(workspace, "criterion-compound", _COMPOUND, "must ask one thing, found `{}`", hint)


@rule("criterion-deictic")
def criterion_deictic(workspace: Workspace) -> Iterator[Diagnostic]:
    """A criterion can be decided by somebody who has read nothing else.

    Graders meet criteria one at a time; what "above" or "this fix" points at is then out of sight.

    Bad:
        statement: "Mentions the cause described above."

    Good:
        statement: "A message says that names collide because `blocksize` is not hashed."
    """
    hint = "name the thing itself"
    yield from _matching(workspace, "criterion-deictic", _DEICTIC, "must stand alone, found `{}`", hint)


@rule("criterion-gold-reference")
def criterion_gold_reference(workspace: Workspace) -> Iterator[Diagnostic]:
    """A criterion asks for behaviour, not for likeness to a solution.

    Every correct solution must pass; one that looks otherwise than the reference is not worse for it.

    Bad:
        statement: "Matches the reference patch."

    Good:
        statement: "`merge` keeps the input order of rows with equal scores."
    """
    hint = "say what the solution makes true"
    name = "criterion-gold-reference"
    yield from _matching(workspace, name, _REFERENCE, "must not compare with a solution, found `{}`", hint)


@rule("criterion-correctly", Severity.WARNING)
def criterion_correctly(workspace: Workspace) -> Iterator[Diagnostic]:
    """A criterion says what correct is.

    "Correctly" hides the decision that the criterion is there to make.

    Bad:
        statement: "Correctly sorts the rows."

    Good:
        statement: "`sort_rows` keeps the input order of equal keys."
    """
    hint = "say by what one sees that it is correct"
    yield from _matching(workspace, "criterion-correctly", _CORRECTLY, "must say what correct is, found `{}`", hint)


@rule("criterion-many-sentences", Severity.WARNING)
def criterion_many_sentences(workspace: Workspace) -> Iterator[Diagnostic]:
    """A criterion is one sentence.

    A second sentence is a second condition or a reason; conditions are criteria of their own, reasons have a field.

    Bad:
        statement: "The lock is held. Otherwise two workers take one job."

    Good:
        statement: "The lock is held while the heap is read."
        why: "Otherwise two workers take one job."
    """
    hint = "move background to `why`, and a second condition to a criterion of its own"
    name = "criterion-many-sentences"
    yield from _matching(workspace, name, _SENTENCES, "must be one sentence, found another after `{}`", hint)


@rule("criterion-quantity", Severity.WARNING)
def criterion_quantity(workspace: Workspace) -> Iterator[Diagnostic]:
    """A criterion counts with numbers.

    How many "several" are is decided anew by each grader.

    Bad:
        statement: "Adds several tests."

    Good:
        statement: "Adds at least 2 tests of `merge`."
    """
    hint = "write `at least 2`, `every`, or the number that is meant"
    yield from _matching(workspace, "criterion-quantity", _QUANTITY, "must count, found `{}`", hint)


@rule("criterion-long", Severity.WARNING)
def criterion_long(workspace: Workspace) -> Iterator[Diagnostic]:
    """A criterion has at most 40 words.

    What takes longer to say holds conditions that graders forget on the way.

    Bad:
        statement: "When the file was … (41 words)"

    Good:
        statement: "After a refused file none of its rows is in any report."
    """
    for item in _worded(workspace):
        words = len(item.criterion.statement.split())
        if words > LONGEST:
            hint = "move background to `why`, or write two criteria"
            yield item.found("criterion-long", f"must have at most {LONGEST} words, found {words}", hint)


@rule("criterion-double-negative", Severity.NOTE)
def criterion_double_negative(workspace: Workspace) -> Iterator[Diagnostic]:
    """A fault is phrased as the fault.

    Whoever negates a negation while grading a hundred verdicts gets some of them wrong.

    Bad:
        statement: "The run does not fail to avoid network calls."

    Good:
        statement: "The run makes a network call."
        good: false
    """
    hint = "say the fault itself, with `good: false`"
    name = "criterion-double-negative"
    yield from _matching(workspace, name, _NEGATIVE, "must not negate twice, found `{}`", hint)


@rule("criterion-alike", Severity.WARNING)
def criterion_alike(workspace: Workspace) -> Iterator[Diagnostic]:
    """No two criteria of a rubric ask nearly the same.

    What is asked twice counts twice, with the weight of neither.

    Bad:
        - {id: keeps-order, statement: "`merge` keeps the input order of rows with equal scores."}
        - {id: stable, statement: "`merge` keeps the order of input rows with equal scores."}

    Good:
        - {id: keeps-order, statement: "`merge` keeps the input order of rows with equal scores."}
        - {id: keeps-all, statement: "`merge` returns every row of both inputs."}
    """
    earlier: list[tuple[_Worded, frozenset[str]]] = []
    for item in _worded(workspace):
        words = frozenset(re.findall(r"\w+", item.criterion.statement.casefold()))
        for other, theirs in earlier:
            if other.document is item.document and len(words & theirs) >= ALIKE * len(words | theirs):
                hint = "keep one of them, or say in both what tells them apart"
                yield item.found("criterion-alike", f"must ask something else than `{other.criterion.id}`", hint)
        earlier.append((item, words))


@rule("criterion-restates-test", Severity.WARNING)
def criterion_restates_test(workspace: Workspace) -> Iterator[Diagnostic]:
    """A criterion does not say that tests pass; it names the behaviour, and the test that decides it.

    The tests have said so already. A criterion links a test with `test` and says what the test shows.

    Bad:
        statement: "The test suite passes."

    Good:
        statement: "`merge` keeps the input order of rows with equal scores."
        test: keep-order/test_ties
    """
    pattern = re.compile(
        r"^(?:all |the |every )?(?:\w+ ){0,3}(?:tests?|test suite|checks?|_) (?:pass(?:es)?|succeeds?)\W*$", re.I
    )
    hint = "say what the test shows, and link it with `test`"
    name = "criterion-restates-test"
    yield from _matching(workspace, name, pattern, "must not restate a test, found `{}`", hint)
