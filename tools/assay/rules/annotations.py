"""Rules on what an annotation covers: trajectories, criteria, verdicts, order and ranking."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator
from difflib import get_close_matches

from assay.diagnostics import Diagnostic, Fix, Severity
from assay.documents.source import Loc
from assay.documents.validation import meant
from assay.evidence import cites
from assay.model.annotation import OPEN, passed
from assay.model.outcome import is_valid
from assay.results.versions import Changes, Difference, current_rubric
from assay.rules import rule
from assay.rules.sheets import GradedSheet, graded_sheets, unpaired
from assay.workspace import Workspace


@rule("annotation-unknown-trajectory")
def annotation_unknown_trajectory(workspace: Workspace) -> Iterator[Diagnostic]:
    """Every alias that is graded is a trajectory of the task.

    Grades of a trajectory that is not there count for none that is.

    Bad:
        grades:
          calm-heorn: …

    Good:
        grades:
          calm-heron: …
    """
    for sheet in graded_sheets(workspace):
        if not sheet.attempts:
            message = f"`{sheet.task.id}` has no trajectories, so there is nothing to grade"
            yield sheet.at_key(("grades",), "annotation-unknown-trajectory", message)
            continue
        for alias in sheet.record.grades:
            if alias not in sheet.attempts:
                message = f"`{sheet.task.id}` has no trajectory `{alias}`"
                loc: Loc = ("grades", alias)
                fix = _renaming(sheet, loc, sheet.attempts, sheet.record.grades)
                yield sheet.at_key(loc, "annotation-unknown-trajectory", message, _close(alias, sheet.attempts), fix)


@rule("annotation-missing-trajectory")
def annotation_missing_trajectory(workspace: Workspace) -> Iterator[Diagnostic]:
    """An annotation grades every trajectory of its task whose outcome is valid.

    A trajectory that one annotator left out is compared on fewer opinions than the others, and nothing says so.
    Attempts of scripted policies are dry runs: they may be graded, and need not be.

    Bad:
        # trajectories: brisk-otter, calm-heron
        grades:
          brisk-otter: …

    Good:
        grades:
          brisk-otter: …
          calm-heron: …
    """
    for sheet in graded_sheets(workspace):
        graded = sheet.record.grades
        wanted = [
            alias for alias, attempt in sheet.attempts.items() if not attempt.is_invalid and not attempt.is_dry_run
        ]
        missing = [alias for alias in wanted if alias not in graded]
        unknown = [alias for alias in graded if alias not in sheet.attempts]
        for alias in unpaired(missing, unknown):
            message = f"every trajectory must be graded, `{alias}` is not"
            yield sheet.at_key(("grades",), "annotation-missing-trajectory", message)


@rule("annotation-unknown-criterion")
def annotation_unknown_criterion(workspace: Workspace) -> Iterator[Diagnostic]:
    """Every verdict is on a criterion of the task's rubric.

    A verdict under a misspelt id decides nothing, and the criterion that was meant stays undecided. Of criteria that
    went or came since the grading `annotation-stale` tells.

    Bad:
        criteria:
          keep-order: {holds: true, cites: ["step:4"]}

    Good:
        criteria:
          keeps-order: {holds: true, cites: ["step:4"]}
    """
    changes = Changes(workspace)
    for sheet in graded_sheets(workspace):
        if sheet.rubric is None:
            continue
        known = {criterion.id: None for criterion in sheet.rubric.criteria}
        since = changes.of_rubric(sheet.task, sheet.record.rubric) or Difference()
        for loc, alias, criterion, _ in sheet.grades:
            if criterion not in known and criterion not in since.removed:
                message = f"the rubric of `{sheet.task.id}` has no criterion `{criterion}`"
                fix = _renaming(sheet, loc, known, sheet.record.grades[alias].criteria)
                yield sheet.at_key(loc, "annotation-unknown-criterion", message, _close(criterion, known), fix)


@rule("annotation-missing-criterion")
def annotation_missing_criterion(workspace: Workspace) -> Iterator[Diagnostic]:
    """Every trajectory gets a verdict on every criterion; `unclear` is one.

    A verdict that is left out would be read as failed by one tool and as absent by another.

    Bad:
        # the rubric has keeps-order and says-what-changed
        criteria:
          keeps-order: {holds: true, cites: ["step:4"]}

    Good:
        criteria:
          keeps-order: {holds: true, cites: ["step:4"]}
          says-what-changed: {holds: unclear, note: "The last message was cut off."}
    """
    changes = Changes(workspace)
    for sheet in graded_sheets(workspace):
        if sheet.rubric is None:
            continue
        known = dict.fromkeys(criterion.id for criterion in sheet.rubric.criteria)
        since = changes.of_rubric(sheet.task, sheet.record.rubric) or Difference()
        for alias, graded in sheet.record.grades.items():
            missing = [name for name in sheet.due if name not in graded.criteria and name not in since.added]
            unknown = [criterion for criterion in graded.criteria if criterion not in known]
            if missing := unpaired(missing, unknown):
                message = f"every criterion needs a verdict; missing {_listing(missing)}"
                yield sheet.at_key(("grades", alias), "annotation-missing-criterion", message)


@rule("ranking-incomplete")
def ranking_incomplete(workspace: Workspace) -> Iterator[Diagnostic]:
    """The ranking places every graded trajectory and no other.

    A trajectory that is left out cannot be told from one that came last.

    Bad:
        # graded: brisk-otter, calm-heron, dry-finch
        ranking: [[brisk-otter], [calm-heron]]

    Good:
        ranking: [[brisk-otter], [calm-heron, dry-finch]]
    """
    for sheet in graded_sheets(workspace):
        placed: dict[str, Loc] = {
            alias: ("ranking", number, place)
            for number, tier in enumerate(sheet.record.ranking)
            for place, alias in enumerate(tier)
        }
        yield from _coverage(sheet, "ranking-incomplete", "ranking", placed)


@rule("order-incomplete")
def order_incomplete(workspace: Workspace) -> Iterator[Diagnostic]:
    """`order` lists every graded trajectory once.

    Whether earlier positions are graded more kindly is measured from it.

    Bad:
        order: [calm-heron, calm-heron]

    Good:
        order: [calm-heron, brisk-otter]
    """
    for sheet in graded_sheets(workspace):
        placed: dict[str, Loc] = {}
        for place, alias in enumerate(sheet.record.order):
            if alias in placed:
                message = f"every trajectory must be listed once, `{alias}` is listed again"
                yield sheet.at(("order", place), "order-incomplete", message)
            placed.setdefault(alias, ("order", place))
        repeated = len(placed) < len(sheet.record.order)
        yield from _coverage(sheet, "order-incomplete", "order", placed, repeated=repeated)


def _coverage(
    sheet: GradedSheet, name: str, key: str, placed: dict[str, Loc], *, repeated: bool = False
) -> Iterator[Diagnostic]:
    """Compare with what is graded; an alias that is wrong there as well is reported there."""
    if not sheet.attempts:
        return
    unknown = [alias for alias in placed if alias not in sheet.attempts and alias not in sheet.record.grades]
    for alias in unknown:
        message = f"`{sheet.task.id}` has no trajectory `{alias}`"
        close = meant(alias, sheet.attempts)
        sure = close and close not in placed and close in sheet.record.grades
        fix = sheet.document.replacing(placed[alias], slice(None), close) if sure else None
        yield sheet.at(placed[alias], name, message, _close(alias, sheet.attempts), fix)
    missing = [alias for alias in sheet.record.grades if alias not in placed and alias in sheet.attempts]
    for alias in unpaired(missing, unknown + ["again"] * repeated):
        yield sheet.at((key,), name, f"`{key}` must place every trajectory; `{alias}` is missing")


@rule("grade-unclear-reason")
def grade_unclear_reason(workspace: Workspace) -> Iterator[Diagnostic]:
    """A verdict of `unclear` has a note that says what is missing.

    Without one nobody can clear it up, and it becomes a way not to decide.

    Bad:
        keeps-order: {holds: unclear}

    Good:
        keeps-order: {holds: unclear, note: "The run was cut off before the merged file was printed."}
    """
    for sheet in graded_sheets(workspace):
        for loc, _, _, grade in sheet.grades:
            if grade.holds == "unclear" and not grade.note.strip():
                message = "`unclear` needs a `note` that says what is missing"
                yield sheet.at((*loc, "holds"), "grade-unclear-reason", message)


@rule("grade-no-citation")
def grade_no_citation(workspace: Workspace) -> Iterator[Diagnostic]:
    """Every verdict of true or false cites evidence.

    A reviewer can follow a citation; an opinion can only be believed. An absence is shown by the place where the thing
    would have been.

    Bad:
        keeps-order: {holds: false}

    Good:
        keeps-order: {holds: false, cites: ["test:merge-rows/test_ties"]}
    """
    for sheet in graded_sheets(workspace):
        for loc, _, criterion, grade in sheet.grades:
            if grade.holds != "unclear" and not grade.cites:
                message = f"the verdict on `{criterion}` must cite evidence, found none"
                yield sheet.at_key(loc, "grade-no-citation", message)


@rule("annotation-unfinished")
def annotation_unfinished(workspace: Workspace) -> Iterator[Diagnostic]:
    """Nothing in an annotation is as `assay new annotation` left it.

    A verdict that nobody gave would count as unclear, and a text that nobody wrote explains nothing.

    Bad:
        keeps-order: {holds: unclear, cites: [], note: not graded yet}

    Good:
        keeps-order: {holds: true, cites: ["test:merge-rows/test_ties"]}
    """
    for sheet in graded_sheets(workspace):
        record = sheet.record
        texts: list[tuple[Loc, str]] = []
        if not sheet.first_stage:
            texts += [(("comparison",), record.comparison)]
            texts += [(("grades", alias, "rationale"), graded.rationale) for alias, graded in record.grades.items()]
        texts += [(loc, grade.note) for loc, _, _, grade in sheet.grades]
        for loc, text in texts:
            if text.strip() == OPEN:
                where = " of ".join(f"`{part}`" for part in reversed(loc) if part not in ("grades", "criteria"))
                yield sheet.at_key(loc, "annotation-unfinished", f"{where} is open: it still says `{OPEN}`")


@rule("rationale-no-citation")
def rationale_no_citation(workspace: Workspace) -> Iterator[Diagnostic]:
    """Every rationale cites evidence, and so does a comparison of several trajectories.

    What cannot be followed to a place in the record can be neither checked nor learned from.

    Bad:
        rationale: |
          Good fix overall, but it probably misses some edge cases.

    Good:
        rationale: |
          Drops the tie-break [diff:src/rank.py "key=lambda r: (r.score, r.id)"].
    """
    for sheet in graded_sheets(workspace):
        texts: list[tuple[Loc, str]] = [
            (("grades", alias, "rationale"), graded.rationale) for alias, graded in sheet.record.grades.items()
        ]
        if len(sheet.record.grades) > 1:
            texts.append((("comparison",), sheet.record.comparison))
        for loc, text in texts if not sheet.first_stage else ():
            if not cites(text):
                message = f"the {loc[-1]} must cite evidence, found none"
                hint = 'for example [step:12 "words of that step"]'
                yield sheet.at_key(loc, "rationale-no-citation", message, hint)


@rule("grade-contradicts-test")
def grade_contradicts_test(workspace: Workspace) -> Iterator[Diagnostic]:
    """Where a test decides a criterion, the verdict is the test's; a note says why when it is not.

    A fault (`good: false`) is there exactly when its test fails.

    Bad:
        # test:merge-rows/test_ties failed
        keeps-order: {holds: true, cites: ["test:merge-rows/test_ties"]}

    Good:
        keeps-order: {holds: false, cites: ["test:merge-rows/test_ties"]}
    """
    for sheet in graded_sheets(workspace):
        for loc, alias, name, grade in sheet.grades:
            criterion = sheet.rubric.find(name) if sheet.rubric else None
            if criterion is None or criterion.test is None or grade.note.strip():
                continue
            status = _status(sheet, alias, criterion.test)
            verdict = passed(criterion, grade)
            if status is not None and verdict is not None and verdict != (status == "passed"):
                message = f"`{criterion.test}` {status}, so `{name}` must be {str(not grade.holds).lower()}"
                hint = "correct `holds`, or say in `note` why the test does not decide here"
                yield sheet.at((*loc, "holds"), "grade-contradicts-test", message, hint)


def _status(sheet: GradedSheet, alias: str, test: str) -> str | None:
    """How the test ended, all its cases together; None when it was not run or its run is not valid."""
    milestone, _, name = test.partition("/")
    attempt = sheet.attempts.get(alias)
    entry = attempt.reports.get(milestone) if attempt else None
    results = entry.record.matching(name) if entry and is_valid(entry.record.outcome) else []
    statuses = {result.status for result in results} - {"skipped"}
    if not statuses:
        return None
    return "passed" if statuses == {"passed"} else "failed"


@rule("rubric-version", Severity.WARNING)
def rubric_version(workspace: Workspace) -> Iterator[Diagnostic]:
    """The rubric that an annotation was made against is the one there is, or one that git still has.

    `rubric` is the git blob id of `rubric.yaml` at the time of grading. When nobody has that file any more, nobody can
    say which verdicts still answer what is asked; `annotation-stale` says it of the others.

    Bad:
        rubric: 0000000000000000000000000000000000000000

    Good:
        rubric: 3f1d0c5e8a1b…     # git hash-object tasks/ledger-loader/rubric.yaml
    """
    changes = Changes(workspace)
    for sheet in graded_sheets(workspace):
        if workspace.wanted(sheet.document.path) and changes.of_rubric(sheet.task, sheet.record.rubric) is None:
            message = f"{sheet.task.path}/rubric.yaml is `{current_rubric(sheet.task)}` now; git has none of this name"
            hint = "commit a rubric before grading; grade again what may have changed, then set `rubric` to the new id"
            yield sheet.at(("rubric",), "rubric-version", message, hint)


@rule("guidelines-version")
def guidelines_version(workspace: Workspace) -> Iterator[Diagnostic]:
    """The version of the guidelines that an annotation names exists.

    Annotations made under different guidelines are never pooled, so the number has to be right.

    Bad:
        # annotations/guidelines.md has version: 1
        guidelines: 2

    Good:
        guidelines: 1
    """
    for sheet in graded_sheets(workspace):
        current, named = workspace.guidelines, sheet.record.guidelines
        if current is not None and named > current:
            message = f"the guidelines are at version {current}, found {named}"
            yield sheet.at(("guidelines",), "guidelines-version", message)


def _close(name: str, known: Iterable[str]) -> str:
    close = get_close_matches(name, list(known), n=1)
    return f"did you mean `{close[0]}`?" if close else ""


def _renaming(sheet: GradedSheet, loc: Loc, known: Iterable[str], taken: Container[str]) -> Fix | None:
    """The key that must have been meant, unless there is such a key already."""
    close = meant(str(loc[-1]), known)
    return sheet.document.renaming(loc, close) if close and close not in taken else None


def _listing(names: list[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)
