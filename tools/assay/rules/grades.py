"""Rules on sealed and revealed annotations that need no history: what is revealed is what was sealed, by its author."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from assay.contents import blob_id
from assay.diagnostics import Diagnostic, Position
from assay.documents.source import Loc
from assay.evidence import find_citations
from assay.rules import rule
from assay.rules.sheets import graded_sheets
from assay.sealing.places import evidence_path, owner, reveal_path, sheet_path
from assay.workspace import Entry, Sheet, Workspace

if TYPE_CHECKING:
    from assay.model.seals import AnnotationReveal, AnnotationSeal, Opened

_LOG = "`git log -p` of both files shows what was changed, and when"
_RESTORE = "restore what was sealed; corrections belong into `revisions`"


@dataclass(frozen=True)
class _Pair:
    """A revealed annotation, one of its seals, and what opens that seal."""

    sheet: Sheet
    reveal: Entry[AnnotationReveal]
    seal: Entry[AnnotationSeal]
    opened: Opened

    def fits(self, annotator: str) -> bool:
        """Whether the commitment is to this annotation, decided by `annotator`. Raises RevisionError."""
        from assay.sealing.grades import promise, undone

        assert self.sheet.entry
        record, data = self.seal.record, {**undone(self.sheet.entry.document.data), "annotator": annotator}
        if (record.guidelines, record.rubric) != (data["guidelines"], data["rubric"]):
            return False
        evidence, salt = self.opened.evidence, self.opened.salt
        made = promise(self.sheet.task, annotator, record.stage, salt, data, evidence, record.criteria)
        return made == record.commitment


def _pairs(workspace: Workspace) -> Iterator[_Pair]:
    sheets = {(sheet.task, sheet.annotator): sheet for sheet in workspace.sheets if sheet.entry}
    seals = {owner(seal.path): seal for seal in workspace.seals}
    for reveal in workspace.reveals:
        task, annotator, _ = owner(reveal.path)
        sheet = sheets.get((task, annotator))
        for stage, opened in ((1, reveal.record.first), (None, reveal.record.whole)):
            seal = seals.get((task, annotator, stage))
            if sheet and seal and opened:
                yield _Pair(sheet, reveal, seal, opened)


@rule("seal-mismatch")
def seal_mismatch(workspace: Workspace) -> Iterator[Diagnostic]:
    """A revealed annotation and its recorded runs are what was sealed; corrections stand in `revisions`.

    With the salt of `<annotator>.reveal.json` anybody can compute the commitment again. Where it differs, something was
    changed after other annotations could be read. Comments and layout may change.

    Bad:
        # sealed with `holds: true`
        keeps-order: {holds: false, cites: ["test:keep-order/test_ties"]}

    Good:
        keeps-order: {holds: false, cites: ["test:keep-order/test_ties"]}
        # …
        revisions:
          - {at: grades/calm-heron/criteria/keeps-order/holds, was: true, now: false, by: rater-1, reason: misread}
    """
    for pair in _pairs(workspace):
        stage = "the first stage" if pair.seal.record.stage else "the annotation"
        if _fits(pair) is False and not _author(workspace, pair):
            message = f"{stage} must be what was sealed in {pair.seal.path}; it is not"
            yield Diagnostic.at(pair.sheet.path, Position(1, 1), "seal-mismatch", message, hint=f"{_RESTORE}; {_LOG}")
        yield from _evidence(workspace, pair)
    yield from _unopened(workspace)
    yield from _criteria(workspace)


def _fits(pair: _Pair) -> bool | None:
    """None when revisions stand in the way, which is reported as `revision-broken`."""
    from assay.sealing.grades import RevisionError

    try:
        return pair.fits(pair.sheet.annotator)
    except RevisionError:
        return None


def _author(workspace: Workspace, pair: _Pair) -> str | None:
    """The other person whose annotation it is under the same seal."""
    people = workspace.people.record.people if workspace.people else []
    others = (person.handle for person in people if person.handle != pair.sheet.annotator)
    return next((name for name in others if pair.fits(name)), None)


def _evidence(workspace: Workspace, pair: _Pair) -> Iterator[Diagnostic]:
    from assay.sealing.grades import digests, evidence_files

    if pair.seal.record.stage:
        return
    task, annotator = pair.sheet.task, pair.sheet.annotator
    found = digests(evidence_files(workspace.root, task, annotator))
    for name, digest in pair.opened.evidence.items():
        if found.get(name) != digest:
            path = f"{evidence_path(task, annotator)}/{name}"
            state = "it is another file" if name in found else "it is not there"
            message = f"this run must be as it was sealed with the annotation; {state}"
            yield Diagnostic.at(path, Position(1, 1), "seal-mismatch", message, hint="restore the file from git")


def _unopened(workspace: Workspace) -> Iterator[Diagnostic]:
    """Annotations that can be read and not be checked, and salts of none."""
    reveals = {owner(entry.path)[:2]: entry.record for entry in workspace.reveals}
    sheets = {(sheet.task, sheet.annotator): sheet.path for sheet in workspace.sheets}
    for seal in workspace.seals:
        task, annotator, stage = owner(seal.path)
        record, path = reveals.get((task, annotator)), sheets.get((task, annotator))
        opened = record and (record.first if stage else record.whole)
        if path and not opened:
            message = f"{reveal_path(task, annotator)} must have the salt of {seal.path}; without it nobody can check"
            hint = f"reveal with `assay reveal {task} --by {annotator}`; a coordinator can, too"
            yield Diagnostic.at(path, Position(1, 1), "seal-mismatch", message, hint=hint)
    for entry in workspace.reveals:
        if (sheet := owner(entry.path)[:2]) not in sheets:
            message = f"{sheet_path(*sheet)} must be there: it was revealed with this"
            yield Diagnostic.at(entry.path, Position(1, 1), "seal-mismatch", message, hint="restore it from git")


def _criteria(workspace: Workspace) -> Iterator[Diagnostic]:
    """Seals of a first stage that leave something out."""
    for seal in workspace.seals:
        task = workspace.tasks.get(owner(seal.path)[0])
        if not seal.record.stage or not task or not task.rubric:
            continue
        wanted = set(task.rubric.record.first_stage)
        graded = blob_id((task.folder / "rubric.yaml").read_bytes())
        if seal.record.rubric == graded and set(seal.record.criteria) != wanted:
            message = "the seal of the first stage must cover the rubric's criteria of that stage, all and no other"
            yield Diagnostic.at(seal.path, seal.document.position(("criteria",)), "seal-mismatch", message)


@rule("seal-copied")
def seal_copied(workspace: Workspace) -> Iterator[Diagnostic]:
    """A seal is of whom its path says, and of nobody else.

    Task, annotator and stage are bound into the commitment. Somebody who takes over another one's seal, to reveal the
    same annotation later, cannot open it under the own name.

    Bad:
        # annotations/row-merge/rater-2.seal.json
        "annotator": "rater-1",

    Good:
        "annotator": "rater-2",
    """
    first: dict[str, str] = {}
    for seal in workspace.seals:
        record = seal.record
        if (record.task, record.annotator, record.stage) != owner(seal.path):
            message = f"this is the seal of `{record.annotator}` for `{record.task}`, not the one its path says"
            hint = "everybody seals the own draft: `assay seal TASK --by HANDLE`"
            yield Diagnostic.at(seal.path, seal.document.position(("annotator",)), "seal-copied", message, hint=hint)
        elif (other := first.setdefault(record.commitment, seal.path)) != seal.path:
            message = f"two seals cannot have the same commitment; {other} has it too"
            position = seal.document.position(("commitment",))
            yield Diagnostic.at(seal.path, position, "seal-copied", message, hint="`git log` tells which came first")
    for pair in _pairs(workspace):
        if _fits(pair) is False and (author := _author(workspace, pair)):
            message = f"the seal holds this annotation as one of `{author}`"
            position = pair.seal.document.position(("commitment",))
            yield Diagnostic.at(pair.seal.path, position, "seal-copied", message, hint=_LOG)


@rule("seal-coordinator-annotates")
def seal_coordinator_annotates(workspace: Workspace) -> Iterator[Diagnostic]:
    """Nobody grades a task whose sealed annotations they can open.

    A coordinator's key opens the copies of all annotators, and nobody can see that it was used.

    Bad:
        # the key of rater-2 is among the `recipients` of annotations/row-merge/rater-1.seal.json
        annotations/row-merge/rater-2.seal.json

    Good:
        # rater-2 coordinates other tasks only
        annotations/row-merge/rater-1.seal.json
    """
    people = workspace.people.record if workspace.people else None
    keys: dict[str, set[str]] = {}
    for seal in workspace.seals:
        keys.setdefault(owner(seal.path)[0], set()).update(" ".join(key.split()[:2]) for key in seal.record.recipients)
    graders = {owner(seal.path)[:2]: seal.path for seal in reversed(workspace.seals)}
    graders |= {(sheet.task, sheet.annotator): sheet.path for sheet in workspace.sheets}
    for (task, annotator), path in graders.items():
        person = people.find(annotator) if people else None
        if person and keys.get(task, set()) & {" ".join(key.split()[:2]) for key in person.keys}:
            message = f"`{annotator}` can open the sealed annotations of `{task}`, and so cannot grade it"
            hint = "have somebody else grade it; or leave that key out before anybody seals"
            yield Diagnostic.at(path, Position(1, 1), "seal-coordinator-annotates", message, hint=hint)


@rule("stage-evidence", about="annotations/*")
def stage_evidence(workspace: Workspace) -> Iterator[Diagnostic]:
    """With two stages, verdicts of the first rest on patch, tests, files and runs: none cites a step.

    The first stage is graded and sealed before the transcript is opened, because what an agent says colours how its
    work is seen, and tells who it is.

    Bad:
        # assay.toml: stages = 2; the criterion's axis is correctness
        merges-rows: {holds: true, cites: ['step:5 "All tests pass"']}

    Good:
        merges-rows: {holds: true, cites: ["test:merge-rows/test_merge"]}
    """
    if workspace.settings.annotations.stages != 2:
        return
    for sheet in graded_sheets(workspace):
        first = sheet.rubric.first_stage if sheet.rubric else ()
        for loc, _, criterion, grade in sheet.grades:
            texts: list[tuple[Loc, str]] = [((*loc, "cites", at), f"[{text}]") for at, text in enumerate(grade.cites)]
            for place, text in [*texts, ((*loc, "note"), grade.note)] if criterion in first else ():
                if any(item.kind == "step" for item in find_citations(text)[0]):
                    message = f"`{criterion}` is graded before the transcript is opened, so it cannot cite a step"
                    hint = "cite what shows it: `test:`, `diff:`, `file:` or `run:`"
                    yield sheet.at(place, "stage-evidence", message, hint)


@rule("revision-broken")
def revision_broken(workspace: Workspace) -> Iterator[Diagnostic]:
    """Every revision fits: its value stands where it says, it changes something, and somebody known made it.

    Revisions are undone from the last to the first to get back what was sealed. One that does not fit hides what was
    there before.

    Bad:
        # the verdict is `false`
        revisions:
          - {at: grades/calm-heron/criteria/keeps-order/holds, was: false, now: true, by: rater-1, reason: misread}

    Good:
        revisions:
          - {at: grades/calm-heron/criteria/keeps-order/holds, was: true, now: false, by: rater-1, reason: misread}
    """
    known = {person.handle for person in workspace.people.record.people} if workspace.people else None
    for sheet in (*workspace.sheets, *workspace.drafts):
        if not sheet.entry or not sheet.entry.record.revisions:
            continue
        from assay.sealing.grades import RevisionError, same, undone

        document = sheet.entry.document
        found: list[tuple[int, str]] = []
        for number, item in enumerate(sheet.entry.record.revisions):
            if same(item.was, item.now):
                found.append((number, f"a revision must change something; `{item.at}` was what it is now"))
            if known is not None and item.by not in known:
                found.append((number, f"`{item.by}` is not in annotations/people.yaml"))
        try:
            undone(document.data)
        except RevisionError as error:
            found.append((error.number, str(error)))
        for number, message in found:
            hint = "`at` names keys from the top with slashes; `was` and `now` are the values before and after"
            place = document.position(("revisions", number))
            yield Diagnostic.at(document.path, place, "revision-broken", message, hint=hint)
