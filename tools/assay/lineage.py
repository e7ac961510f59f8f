"""What came before what in a repository: on the protected branch, where order cannot be made up, and in the graph."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from assay.repository import GitError, is_versioned, read_git

PENDING = 1 << 62
"""The place of a file that the branch does not have yet: after all it has."""
_NAMED = ("--no-renames", "--relative", "--format=@%H", "--name-status", "-z")


@dataclass(frozen=True)
class MainLine:
    """The first-parent line of the protected branch, as this clone knows it; a place is a position on it from 0.

    A pull request that was squashed, rebased or merged is one or more places on it; dates play no part.
    """

    root: Path
    ref: str
    shallow: bool
    """Whether the clone was cut off: what its first commit has may have come at any time."""
    commits: tuple[str, ...]
    """Oldest first."""
    added: Mapping[str, int]
    """Where each path below `annotations/` first appeared."""
    later: tuple[tuple[str, str], ...]
    """Path and commit of every later change to one of them."""

    @property
    def head(self) -> str:
        """The newest commit."""
        return self.commits[-1]

    @cached_property
    def places(self) -> Mapping[str, int]:
        """The place of each commit."""
        return {name: place for place, name in enumerate(self.commits)}

    def place(self, path: str) -> int | None:
        """Where a path appeared; `PENDING` when it is only in the work tree, None when it is nowhere."""
        if path in self.added:
            return self.added[path]
        return PENDING if (self.root / path).exists() else None

    def unknown(self, place: int | None) -> bool:
        """Whether it is not known what came before that place."""
        return self.shallow and place == 0

    @cached_property
    def shared(self) -> Mapping[str, str]:
        """Blob ids by path, as the line had them where the checked-out commit left it."""
        try:
            base = read_git(self.root, "merge-base", "HEAD", self.ref).strip()
        except GitError:
            return {}
        listed = read_git(self.root, "ls-tree", "-r", "-z", base, "annotations/").split("\0")
        return {path: about.split()[2] for about, _, path in (line.partition("\t") for line in listed if line)}

    def text(self, path: str) -> str:
        """A file as the branch has it; empty when it has none."""
        try:
            return read_git(self.root, "show", f"{self.ref}:./{path}")
        except GitError:
            return ""


def main_line(root: Path, branch: str) -> MainLine | None:
    """The line of `branch`: the remote's where there is one, for that is protected. None where there is none."""
    if not is_versioned(root):
        return None
    names = [f"refs/remotes/upstream/{branch}", f"refs/remotes/origin/{branch}", f"refs/heads/{branch}"]
    try:
        found = read_git(root, "for-each-ref", "--format=%(refname)", *names).split()
        ref = next((name for name in names if name in found), "")
        if not ref:
            return None
        commits = tuple(read_git(root, "rev-list", "--first-parent", "--reverse", ref, "--").split())
        shallow = read_git(root, "rev-parse", "--is-shallow-repository").strip() == "true"
        # without --no-renames a moved file would be no new one; without -z odd names would be quoted
        options = ("--first-parent", "--diff-merges=first-parent", "--reverse", *_NAMED)
        changes = list(_changes(read_git(root, "log", *options, ref, "--", "annotations/")))
    except GitError:
        return None
    places = {name: place for place, name in enumerate(commits)}
    added: dict[str, int] = {}
    later = []
    for commit, status, path in changes:
        if path in added:
            later.append((path, commit))
        elif status == "A":
            added[path] = places[commit]
    return MainLine(root, ref, shallow, commits, added, tuple(later))


def tracked(root: Path, *patterns: str) -> list[str]:
    """Paths in git's index that match. Raises GitError."""
    return [path for path in read_git(root, "ls-files", "-z", "--", *patterns).split("\0") if path]


def seen_before(root: Path, paths: Iterable[str]) -> dict[str, list[str]]:
    """For each of `paths`: which others were in the commit that first brought it, or in one before; HEAD's history.

    One pass over the graph with a set of bits for each commit. Squashing and rebasing make such commits of what was
    written side by side. Raises GitError.
    """
    wanted = set(paths)
    born: dict[str, str] = {}
    options = ("--full-history", "--topo-order", "--reverse", "--diff-filter=A", *_NAMED)
    for commit, _, path in _changes(read_git(root, "log", *options, "HEAD", "--", "annotations/")):
        if path in wanted:
            born.setdefault(path, commit)
    order = sorted(born)
    own: dict[str, int] = {}
    for number, path in enumerate(order):
        own[born[path]] = own.get(born[path], 0) | 1 << number
    masks: dict[str, int] = {}
    for line in read_git(root, "rev-list", "--topo-order", "--reverse", "--parents", "HEAD", "--").splitlines():
        name, *parents = line.split()
        mask = own.get(name, 0)
        for parent in parents:
            mask |= masks.get(parent, 0)
        masks[name] = mask
    return {
        path: [other for bit, other in enumerate(order) if masks[born[path]] >> bit & 1 and other != path]
        for path in order
    }


def _changes(log: str) -> Iterator[tuple[str, str, str]]:
    """Commit, status and path of `git log --format=@%H --name-status -z`."""
    commit = status = ""
    for field in filter(None, (part.strip("\n") for part in log.split("\0"))):
        if status:
            yield commit, status, field
            status = ""
        elif field.startswith("@"):
            commit = field[1:]
        else:
            status = field
