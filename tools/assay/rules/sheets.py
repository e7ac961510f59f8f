"""An annotation next to what it grades: the common ground of the rules on annotations and citations."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from assay.diagnostics import Diagnostic, Fix, Position
from assay.documents import Document
from assay.documents.source import Loc
from assay.model.annotation import Annotation, Grade
from assay.model.rubric import Rubric
from assay.sealing.places import is_draft, owner
from assay.workspace import Attempt, Task, Workspace


@dataclass(frozen=True)
class GradedSheet:
    """A valid annotation in the folder of an existing task."""

    record: Annotation
    document: Document
    task: Task
    attempts: Mapping[str, Attempt]
    """The task's trajectories by alias."""
    first_stage: bool = False
    """Whether it is a draft of which only the first stage is due."""

    @property
    def rubric(self) -> Rubric | None:
        """The task's rubric; None when it could not be read."""
        return self.task.rubric.record if self.task.rubric else None

    @property
    def due(self) -> tuple[str, ...]:
        """Ids of the criteria that must have a verdict by now."""
        if self.rubric is None:
            return ()
        return self.rubric.first_stage if self.first_stage else tuple(item.id for item in self.rubric.criteria)

    @property
    def grades(self) -> Iterator[tuple[Loc, str, str, Grade]]:
        """Place, alias, criterion and verdict, in the order of the file."""
        for alias, graded in self.record.grades.items():
            for criterion, grade in graded.criteria.items():
                yield ("grades", alias, "criteria", criterion), alias, criterion, grade

    def at(self, loc: Loc, rule: str, message: str, hint: str = "", fix: Fix | None = None) -> Diagnostic:
        """A finding at the value at `loc`."""
        return self.finding(self.document.position(loc), rule, message, hint, fix)

    def at_key(self, loc: Loc, rule: str, message: str, hint: str = "", fix: Fix | None = None) -> Diagnostic:
        """A finding at the key at `loc`."""
        return self.finding(self.document.key_position(loc), rule, message, hint, fix)

    def finding(
        self, position: Position, rule: str, message: str, hint: str = "", fix: Fix | None = None
    ) -> Diagnostic:
        """A finding anywhere in the file."""
        return Diagnostic.at(self.document.path, position, rule, message, hint=hint, fix=fix)


def graded_sheets(workspace: Workspace) -> Iterator[GradedSheet]:
    """Annotations that can be compared with their task, drafts too; the rules on structure report the others."""
    sealed = {owner(seal.path)[:2] for seal in workspace.seals}
    two = workspace.settings.annotations.stages == 2
    for sheet in (*workspace.sheets, *workspace.drafts, *workspace.judges):
        task = workspace.tasks.get(sheet.task)
        if sheet.entry and task:
            attempts = workspace.attempts.get(sheet.task, {})
            first = two and is_draft(sheet.path) and (sheet.task, sheet.annotator) not in sealed
            yield GradedSheet(sheet.entry.record, sheet.entry.document, task, attempts, first)


def unpaired(missing: list[str], unknown: list[str]) -> list[str]:
    """What is missing, unless as many unknown names stand in its place: a misspelt name is one defect, not two."""
    return missing if len(missing) > len(unknown) else []
