"""What must hold before an annotation is sealed or revealed, and who can open it besides its author."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from assay.diagnostics import Severity
from assay.errors import UsageError
from assay.landings import landings
from assay.rules import Scope, run, severity
from assay.sealing.annotations import demand_kept, kept, seal_of
from assay.sealing.grades import digests, evidence_files, promise
from assay.sealing.places import reveal_path, seal_path
from assay.workspace import Entry, Workspace

if TYPE_CHECKING:
    from assay.model.annotation import Annotation


def recipients(workspace: Workspace, task: str, annotator: str) -> list[str]:
    """Public keys of those who may open a sealed annotation: the coordinators, without who grades the task.

    Raises UsageError when there is nobody, or the annotator is one of them.
    """
    people = workspace.people.record if workspace.people else None
    graders = {annotator, *(people.assigned.get(task, []) if people else [])}
    own = {key for person in people.people if person.handle in graders for key in person.keys} if people else set()
    named = [key for person in people.people if "coordinator" in person.roles for key in person.keys] if people else []
    named += workspace.settings.seal.recipients
    found = [key for key in dict.fromkeys(named) if key not in own]
    if not found:
        hint = "give a coordinator `keys` in annotations/people.yaml, or name `[seal] recipients` in assay.toml"
        raise UsageError("no-recipient", f"nobody but graders of `{task}` could open what is sealed", hint)
    before = {key for seal in workspace.seals if seal.record.task == task for key in seal.record.recipients}
    person = people.find(annotator) if people else None
    if person and before & set(person.keys):
        message = f"`{annotator}` can open what others sealed of `{task}`, and so cannot grade it; nothing was written"
        raise UsageError("seal-coordinator-annotates", message, "have somebody else grade it")
    return found


def demand_stage(workspace: Workspace, draft: Entry[Annotation], stage: str | None) -> Literal[1] | None:
    """The stage to seal: 1, or None for everything. Raises UsageError when it is not its turn."""
    task, annotator = draft.record.task, draft.record.annotator
    first = workspace.root / seal_path(task, annotator, 1)
    two = workspace.settings.annotations.stages == 2
    if stage and not two:
        hint = "leave out `--stage`, or set `stages = 2` under `[annotations]`"
        raise UsageError("one-stage", "assay.toml asks for one stage", hint)
    wanted: Literal[1] | None = 1 if stage == "1" or (two and not stage and not first.exists()) else None
    path = seal_path(task, annotator, wanted)
    if (workspace.root / path).exists():
        hint = (
            f"a seal is never changed; what was wrong becomes a revision after `assay reveal {task} --by {annotator}`"
        )
        raise UsageError("sealed-already", f"{path} is there already; nothing was written", hint)
    if two and wanted is None:
        line = landings(workspace).line
        if line is None or line.added.get(seal_path(task, annotator, 1)) is None:
            message = f"the first stage must be sealed on `{workspace.settings.annotations.branch}` before the second"
            raise UsageError("stage-order", message, f"merge {seal_path(task, annotator, 1)}, fetch, and seal again")
    return wanted


def demand_finished(workspace: Workspace, draft: Entry[Annotation], stage: int | None) -> Sequence[str]:
    """The criteria that the seal of a stage covers, none for everything. Raises UsageError for a draft with errors."""
    policy = workspace.settings.levels
    path, task, annotator = draft.path, draft.record.task, draft.record.annotator
    wrong = [item for item in run(workspace, Scope((path,))) if severity(item.rule, policy) == Severity.ERROR]
    if wrong:
        first = f"{path}:{wrong[0].line}:{wrong[0].column}: {wrong[0].message}"
        more = f", and {len(wrong) - 1} more" if len(wrong) > 1 else ""
        message = f"what is sealed must be finished: {first}{more}"
        raise UsageError("unfinished", message, f"`assay check {path}` lists everything; nothing was written")
    _demand_plain_ends(draft)
    if draft.record.revisions:
        raise UsageError("unfinished", f"{path} has `revisions`", "before the seal, change the grades themselves")
    rubric = workspace.task(task).rubric
    if stage and rubric:
        return rubric.record.first_stage
    if workspace.settings.annotations.stages == 2:
        _demand_same_first(workspace, draft, annotator)
    return ()


def _demand_plain_ends(draft: Entry[Annotation]) -> None:
    """What a hook of somebody's repository would change after the reveal is not sealed."""
    lines = draft.document.text.split("\n")
    wrong = [number for number, line in enumerate(lines, 1) if line != line.rstrip()]
    if lines[-1] or not lines[-2:-1] or not lines[-2]:
        wrong.append(len(lines) - (not lines[-1]))
    if wrong:
        message = f"{draft.path}:{wrong[0]}: lines must end without blanks, and the file with one line feed"
        raise UsageError("layout", message, "mend it first: hooks that tidy files would change what was sealed")


def _demand_same_first(workspace: Workspace, draft: Entry[Annotation], annotator: str) -> None:
    task = draft.record.task
    seal, copy = seal_of(workspace.root, task, annotator, 1), kept(workspace.root, task, annotator, 1)
    before = demand_kept(seal, copy, seal_path(task, annotator, 1))
    evidence = digests(evidence_files(workspace.root, task, annotator))
    sealed = {name: evidence.get(name, "") for name in copy.evidence}
    made = promise(task, annotator, 1, copy.salt, draft.document.data, sealed, seal.criteria)
    if made != seal.commitment:
        message = f"what the first stage sealed must stay: its verdicts, versions and runs; {draft.path} differs"
        hint = f"put it back as in {before.path}, and correct it by a revision after the reveal"
        raise UsageError("stage-changed", message, hint)


def demand_all_sealed(workspace: Workspace, task: str, annotator: str) -> str | None:
    """The head of the protected branch, which has every seal that a reveal waits for; None where none are wanted.

    Raises UsageError when one is missing there.
    """
    if (workspace.root / reveal_path(task, annotator)).exists():
        path = reveal_path(task, annotator)
        raise UsageError("revealed-already", f"{path} is there already", "a correction is a revision; see CONTRIBUTING")
    found = landings(workspace)
    if workspace.settings.annotations.independence != "sealed":
        return found.line.head if found.line else None
    if found.line is None:
        hint = f"reveal in a clone that has the branch `{found.branch}`"
        raise UsageError("no-history", "who has sealed is told from git's history; there is none here", hint)
    end = len(found.line.commits)
    wanted = dict.fromkeys((annotator, *found.assigned(task)))
    missing = [name for name in wanted if not found.before(task, name, end)]
    if missing:
        names = ", ".join(f"`{name}`" for name in missing)
        hint = "their pull requests are merged first; fetch then, and try again"
        message = f"nothing is revealed before all have sealed; `{found.branch}` has no seal of {names}"
        raise UsageError("not-all-sealed", message, hint)
    count = sum(found.before(task, name, end) for name in found.sealers(task))
    if not found.assigned(task) and count < found.least:
        message = f"nothing is revealed before {found.least} have sealed; `{found.branch}` has {count} of `{task}`"
        raise UsageError(
            "not-all-sealed", message, "wait for more, or say who is `assigned` in annotations/people.yaml"
        )
    return found.line.head
