"""Who waits for what, told from a loaded workspace: what each person can do next, and what blocks what.

Of an annotation that is not revealed it says that it is sealed, and of somebody's draft nothing to anybody else.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from assay.diagnostics import Diagnostic, Severity
from assay.landings import Landings, landings
from assay.lineage import PENDING
from assay.model.people import Role
from assay.sealing.places import is_draft, seal_path, sheet_path
from assay.workspace import Sheet, Workspace

NOBODY = ""
"""Holds what waits for a role that nobody has."""
HANDLE = "HANDLE"


@dataclass(frozen=True)
class Item:
    """Something that waits for a person."""

    person: str
    """A handle; empty where nobody has the role."""
    role: Role
    task: str
    """Empty for what belongs to no task."""
    kind: str
    says: str
    run: str = ""
    """The next command; empty when the person can only wait."""


@dataclass(frozen=True)
class Block:
    """A step of a task that cannot be taken yet."""

    task: str
    what: str
    waits_for: tuple[str, ...]
    """Handles, or what else has to come first."""


@dataclass(frozen=True)
class Job:
    """Where one task stands, and who is to do what on it."""

    workspace: Workspace
    task: str
    line: Landings | None
    """Where seals landed; None where the policy asks for none."""
    findings: Sequence[Diagnostic]
    by: str | None
    """Whose drafts are looked at; nobody's when it is None."""

    @property
    def assigned(self) -> tuple[str, ...]:
        """Who must annotate; empty when nobody is named."""
        if self.line:
            return self.line.assigned(self.task)
        people = self.workspace.people
        return tuple(dict.fromkeys(people.record.assigned.get(self.task, ()))) if people else ()

    @cached_property
    def shown(self) -> Mapping[str, Sheet]:
        """Annotations that all can read, by annotator."""
        return {sheet.annotator: sheet for sheet in self.workspace.sheets if sheet.task == self.task}

    @property
    def sealed(self) -> tuple[str, ...]:
        """Who has sealed everything and not revealed it."""
        return tuple(name for name in self.line.sealers(self.task) if name not in self.shown) if self.line else ()

    @cached_property
    def least(self) -> int:
        """How many annotations the task needs."""
        return len(self.assigned) or self.workspace.settings.annotations.assigned

    @property
    def unseen(self) -> tuple[str, ...]:
        """Whose annotation is still to be revealed; in words where nobody is assigned."""
        names = tuple(name for name in dict.fromkeys((*self.assigned, *self.sealed)) if name not in self.shown)
        return names + self.more(len(self.shown) + len(self.sealed))

    @property
    def unsealed(self) -> tuple[str, ...]:
        """Whose seal a reveal waits for; in words where nobody is assigned."""
        assert self.line
        landed = [name for name in self.line.sealers(self.task) if self._landed(name) or name in self.shown]
        names = tuple(name for name in self.assigned if name not in landed)
        return names + self.more(len(landed))

    def more(self, have: int) -> tuple[str, ...]:
        """How many are missing where nobody is assigned."""
        number = 0 if self.assigned else max(self.least - have, 0)
        return (f"{number} more annotator{'' if number == 1 else 's'}",) if number else ()

    def _landed(self, name: str, stage: int | None = None) -> bool:
        place = self.line.sealed(self.task, name, stage) if self.line else None
        return place is not None and place != PENDING

    def errors(self, path: str) -> list[Diagnostic]:
        """Errors in one file."""
        return [item for item in self.findings if item.path == path and item.severity is Severity.ERROR]

    def annotating(self) -> Iterator[Item]:
        """What waits for annotators."""
        begun = [sheet.annotator for sheet in self._drafts if sheet.annotator == self.by]
        first = [seal.record.annotator for seal in self.workspace.seals if seal.record.task == self.task]
        busy = dict.fromkeys((*self.assigned, *self.sealed, *sorted({*first, *begun})))
        for name in busy:
            if name not in self.shown:
                kind, says, run = self._next(name)
                yield Item(name, "annotator", self.task, kind, says, run)
        have = len({*self.shown, *busy})
        for missing in self.more(have):
            free = [name for name in with_role(self.workspace, "annotator") if name not in {*self.shown, *busy}]
            says = f"nobody is assigned, and it needs {missing}"
            for name in free or (NOBODY,):
                yield Item(name, "annotator", self.task, "annotation-free", says, self._begin(name or HANDLE))

    def _begin(self, name: str) -> str:
        return f"assay new annotation {self.task} --by {name}"

    def _next(self, name: str) -> tuple[str, str, str]:
        """Kind, words and command for somebody whose annotation nobody can read yet."""
        if self.line is None:
            return "annotation-missing", "no annotation yet", self._begin(name)
        first = self.line.sealed(self.task, name, 1) if self.line.stages == 2 else None
        for stage, place in ((None, self.line.sealed(self.task, name)), (1, first)):
            if place == PENDING:
                path = seal_path(self.task, name, stage)
                return "seal-unmerged", f"{path} is not on `{self.line.branch}` yet", f"git add {path}"
            if place is not None and stage is None:
                if self.unsealed:
                    return "sealed", f"sealed; the reveal waits for {', '.join(self.unsealed)}", ""
                return "reveal", "all have sealed: ready to reveal", f"assay reveal {self.task} --by {name}"
        draft = next((one for one in self._drafts if one.annotator == name), None) if name == self.by else None
        if draft:
            return self._draft(draft, first is not None)
        if first is not None:
            return "stage-2", "stage 1 is sealed; stage 2 is to do", self._begin(name)
        return "annotation-missing", "nothing sealed yet", self._begin(name)

    @property
    def _drafts(self) -> list[Sheet]:
        return [sheet for sheet in self.workspace.drafts if sheet.task == self.task]

    def _draft(self, draft: Sheet, second: bool) -> tuple[str, str, str]:
        """The same for one's own draft; `second` when the first stage is sealed."""
        job = self.workspace.tasks.get(self.task)
        wanted = {item.id for item in job.rubric.record.criteria} if job and job.rubric else set()
        grades = draft.entry.record.grades.values() if draft.entry else ()
        if second and any(wanted - set(one.criteria) for one in grades):
            return "stage-2", "stage 1 is sealed; stage 2 is to do", self._begin(draft.annotator)
        wrong = len(self.errors(draft.path))
        if wrong:
            says = f"the draft is not finished: {wrong} {'thing' if wrong == 1 else 'things'} to mend or to decide"
            return "draft", says, f"assay check {draft.path}"
        stages = self.line.stages if self.line else 1
        which = f"stage {2 if second else 1} of the draft" if stages == 2 else "the draft"
        option = f" --stage {2 if second else 1}" if stages == 2 else ""
        return (
            "unsealed",
            f"{which} is finished and not sealed",
            f"assay seal {self.task} --by {draft.annotator}{option}",
        )

    def mending(self) -> Iterator[Item]:
        """Annotations that all can read, and that have to be graded again."""
        stale = {item.path for item in self.findings if item.rule == "annotation-stale" and not is_draft(item.path)}
        for name in self.shown:
            path = sheet_path(self.task, name)
            if path in stale:
                says = "graded against an older rubric or older guidelines"
                yield Item(name, "annotator", self.task, "annotation-stale", says, f"assay check {path}")

    def blocks(self) -> Iterator[Block]:
        """Steps of the task that wait for somebody or something."""
        held = tuple(f"escalation {one.path.split('/')[-1][:-5]}" for one in self.workspace.quarantined(self.task))
        if held:
            yield Block(self.task, "ranking and calibration", held)
        if self.sealed and self.unsealed:
            yield Block(self.task, "reveal", self.unsealed)
        if self.unseen:
            yield Block(self.task, "adjudication", self.unseen)
            if self.task in self.workspace.commitments and self.task not in self.workspace.openings:
                yield Block(self.task, "names of who made the attempts", self.unseen)


def with_role(workspace: Workspace, *roles: Role) -> list[str]:
    """Who has the first of `roles` that anybody has, in the order of people.yaml."""
    people = workspace.people.record.people if workspace.people else []
    found = ([person.handle for person in people if role in person.roles] for role in roles)
    return next(filter(None, found), [])


def jobs(workspace: Workspace, findings: Sequence[Diagnostic], by: str | None) -> list[Job]:
    """Every task; a draft's findings count only when it is that of `by`."""
    line = landings(workspace) if workspace.settings.annotations.independence == "sealed" else None
    return [Job(workspace, task, line, findings, by) for task in workspace.tasks]
