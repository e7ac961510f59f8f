"""When each annotation of a workspace was sealed, and when it could be read, as places on the protected branch."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from assay import kinds
from assay.documents import parse, validate
from assay.lineage import PENDING, MainLine, main_line, tracked
from assay.sealing.places import DRAFTS, is_seal, owner, seal_path
from assay.workspace import Workspace

if TYPE_CHECKING:
    from assay.model.people import People

PEOPLE = "annotations/people.yaml"
_READABLE = re.compile(rf"annotations/([^/]+)/(?:([^/]+)\.yaml|{DRAFTS}/([^/.]+)[^/]*|evidence/([^/]+)/.+)")


@dataclass(frozen=True)
class Landings:
    """A workspace against the line of its protected branch."""

    workspace: Workspace
    line: MainLine | None

    @property
    def branch(self) -> str:
        """Name of the protected branch; with its remote where that is what is read."""
        name = self.workspace.settings.annotations.branch
        return self.line.ref.removeprefix("refs/remotes/").removeprefix("refs/heads/") if self.line else name

    @property
    def stages(self) -> int:
        """How many the policy asks for."""
        return self.workspace.settings.annotations.stages

    @property
    def least(self) -> int:
        """How many must have sealed a task to which nobody is assigned."""
        return self.workspace.settings.annotations.assigned

    @cached_property
    def people(self) -> People | None:
        """As the protected branch has them, for a pull request can bring its own keys; else as they are here."""
        document, _ = parse(self.line.text(PEOPLE) if self.line else "", PEOPLE)
        record = validate(document, kinds.PEOPLE.model)[0] if document else None
        here = self.workspace.people
        return record or (here.record if here else None)

    def assigned(self, task: str) -> tuple[str, ...]:
        """Who must seal: nobody is taken off the list by the pull request that reveals."""
        here = self.workspace.people
        found = [record.assigned.get(task, []) for record in (self.people, here.record if here else None) if record]
        return tuple(dict.fromkeys(name for names in found for name in names))

    @cached_property
    def tasks(self) -> Sequence[str]:
        """Tasks of which something was sealed."""
        return sorted({owner(path)[0] for path in self._seals})

    def sealers(self, task: str) -> list[str]:
        """Who has sealed everything they have to say about a task."""
        owners = map(owner, self._seals)
        return sorted({annotator for of, annotator, stage in owners if of == task and stage is None})

    def sealed(self, task: str, annotator: str, stage: int | None = None) -> int | None:
        """Where somebody's seal landed; None when there is none."""
        return self._seals.get(seal_path(task, annotator, stage))

    def before(self, task: str, annotator: str, place: int) -> bool:
        """Whether somebody had sealed before that place."""
        sealed = self.sealed(task, annotator)
        return sealed is not None and sealed < place

    def exempt(self, place: int) -> bool:
        """Whether the branch had it before the policy began."""
        since = self.workspace.settings.annotations.since
        return bool(since and self.line and place <= self.line.places.get(since, -1))

    @cached_property
    def shown(self) -> Mapping[tuple[str, str], tuple[int, str]]:
        """By task and annotator: where the first file landed that shows what somebody decided, and its path."""
        paths = {sheet.path: self._place(sheet.path) for sheet in self.workspace.sheets}
        if self.line:
            folders = tracked(self.workspace.root, f"annotations/*/{DRAFTS}/*", "annotations/*/evidence/*")
            paths |= {**dict.fromkeys(folders, PENDING), **self.line.added}
        found: dict[tuple[str, str], tuple[int, str]] = {}
        for path, place in sorted(paths.items(), key=lambda item: (item[1], item[0])):
            match = _READABLE.fullmatch(path)
            name = match and (match[2] or match[3] or match[4])
            if match and name and name != "adjudication":
                found.setdefault((match[1], name), (place, path))
        return found

    @cached_property
    def _seals(self) -> Mapping[str, int]:
        paths = {seal.path: self._place(seal.path) for seal in self.workspace.seals}
        added = self.line.added if self.line else {}
        return {**paths, **{path: place for path, place in added.items() if is_seal(path)}}

    def _place(self, path: str) -> int:
        place = self.line.place(path) if self.line else None
        return PENDING if place is None else place


def landings(workspace: Workspace) -> Landings:
    """Read the line of the workspace's protected branch; there may be none."""
    return Landings(workspace, main_line(workspace.root, workspace.settings.annotations.branch))
