"""Which data a number came from: the commit of the workspace, and a hash over every file that the number rests on."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

from assay.workspace import SETTINGS, Attempt, Sheet, Workspace

FOLDERS = ("annotations", "tasks", "trajectories", SETTINGS)
"""Where changes beside the commit count: what is loaded from elsewhere is in no number."""


@dataclass(frozen=True)
class DataVersion:
    """The same version, the same numbers, given the same seed and options."""

    sha256: str
    """Over path and text of every file the number rests on, in the order of the paths."""
    commit: str | None
    """HEAD of the repository; None without git, or before the first commit."""
    dirty: bool | None
    """Whether tasks, trajectories or annotations differ from the commit; None without a commit."""

    def columns(self) -> dict[str, str | bool | None]:
        """The same three in every JSON head and on every CSV row."""
        return {"commit": self.commit, "dirty": self.dirty, "data_sha256": self.sha256}

    def __str__(self) -> str:
        """`data 0123456789ab, commit ba9876543210 with changes that are not committed`."""
        changed = " with changes that are not committed" if self.dirty else ""
        return f"data {self.sha256[:12]}, " + (f"commit {self.commit[:12]}{changed}" if self.commit else "no commit")


def data_version(workspace: Workspace, paths: Iterable[str]) -> DataVersion:
    """Of a number that rests on the loaded documents at `paths`."""
    used = sorted(set(paths))
    digest = hashlib.sha256()
    for path in used:
        text = workspace.documents[path].text.encode()
        digest.update(f"{path}\0{len(text)}\0".encode() + text)
    commit, dirty = _commit(workspace, used)
    return DataVersion(digest.hexdigest(), commit, dirty)


def rests_on(workspace: Workspace, sheets: Iterable[Sheet], *, adjudicated: bool = False) -> set[str]:
    """The annotations themselves, and of their tasks what gives a verdict its weight and an attempt its outcome.

    `adjudicated` adds what was decided where annotators differ, for numbers that go by it.
    """
    listed = list(sheets)
    tasks = {sheet.task for sheet in listed}
    found = {sheet.path for sheet in listed}
    for task in tasks:
        record = workspace.tasks.get(task)
        found |= {entry.path for entry in (record.file, record.rubric) if entry} if record else set()
        for attempt in workspace.attempts.get(task, {}).values():
            found |= of_attempt(attempt)
    if adjudicated:
        found |= {entry.path for entry in workspace.adjudications if entry.record.task in tasks}
    return found


def of_attempt(attempt: Attempt) -> set[str]:
    """What decides the outcome of one attempt and which milestones it passed."""
    entries = (attempt.trajectory, attempt.session, *attempt.reports.values())
    return {entry.path for entry in entries if entry}


def _commit(workspace: Workspace, used: Iterable[str]) -> tuple[str | None, bool | None]:
    from assay.repository import GitError, is_versioned, read_git

    root = workspace.root
    if not is_versioned(root):
        return None, None
    try:
        commit = read_git(root, "rev-parse", "--quiet", "--verify", "HEAD^{commit}").strip()
        changed = read_git(root, "diff", "--name-only", "--no-ext-diff", "HEAD", "--", *FOLDERS)
        kept = set(read_git(root, "ls-files", "-z", "--", *FOLDERS).split("\0"))
    except GitError:
        return None, None
    return commit, bool(changed) or any(path not in kept for path in used)
