"""What was there before a rule that starts at some point, and stays valid.

Dates in files and in git are free to set, so a rule starts at a commit, or with a version of the guidelines. Nobody
gains by naming an old version in a new annotation: `annotation-stale` says so, and it is pooled with no newer one.
"""

from __future__ import annotations

from collections.abc import Set
from functools import cached_property

from assay.model.settings import Start
from assay.workspace import Workspace


class Starts:
    """What was there before the rules of a workspace; git is asked once for each commit."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._paths: dict[str, Set[str] | None] = {}

    def is_older(self, start: Start, path: str) -> bool:
        """Whether a rule began after the file at `path` did; false where that cannot be told."""
        if start.from_guidelines is not None:
            return path in self._guidelines and self._guidelines[path] < start.from_guidelines
        return path in (self.had(start.since or "") or ())

    def had(self, commit: str) -> Set[str] | None:
        """All paths of a commit; None when this clone does not have it."""
        if commit not in self._paths:
            self._paths[commit] = self._listed(commit)
        return self._paths[commit]

    def _listed(self, commit: str) -> Set[str] | None:
        from assay.repository import GitError, is_versioned, read_git

        root = self._workspace.root
        try:
            # without --full-name paths are relative to the workspace, as they are here
            listed = read_git(root, "ls-tree", "-r", "-z", "--name-only", commit) if is_versioned(root) else None
        except GitError:
            return None
        return None if listed is None else frozenset(listed.split("\0"))

    @cached_property
    def _guidelines(self) -> dict[str, int]:
        sheets = (*self._workspace.sheets, *self._workspace.drafts)
        return {sheet.path: sheet.entry.record.guidelines for sheet in sheets if sheet.entry}
