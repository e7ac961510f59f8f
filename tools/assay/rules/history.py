"""The rule on what git keeps: messages, names of people and branches, and files that are not there any more."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext

from assay.diagnostics import Diagnostic, Position
from assay.documents import parse, validate
from assay.masking.files import Found, leaks, names, split
from assay.model.sealed import Commitments
from assay.rules import declare
from assay.sealing.places import is_seal
from assay.workspace import Workspace

SEEN = ("trajectories", "annotations", ".assay")
"""Folders whose history an annotator reads; documents of a tool elsewhere name agents on purpose."""

declare(
    "mask-history",
    """Commits and branches that bring attempts or annotations name no agent, nor do files that were deleted since.

A clone has every message and every version of every file. A check of the whole workspace looks at the commits that
HEAD has beyond the default branch; `--history` looks at all commits, branches and files that ever were.

Bad:
    Add three runs of Claude Code on row-merge

Good:
    Add three runs on row-merge
""",
)
declare(
    "seal-history",
    """A commitment stands as it was first published: no later commit changes it or takes it away.

Whoever can change a promise afterwards has promised nothing. The history of the checked-out commit is read.

Bad:
    # an earlier commit says "calm-heron": "31c2…"
    "commitments": {"calm-heron": "77aa…"}

Good:
    "commitments": {"calm-heron": "31c2…"}
""",
)
_HINT = "write that history anew before it is shared: once it is cloned, it is out"


Progress = Callable[[str, int], AbstractContextManager[Callable[[int], None]]]


def silent(words: str, total: int) -> AbstractContextManager[Callable[[int], None]]:
    """No progress is shown."""
    return nullcontext(lambda parts: None)


def check_history(workspace: Workspace, whole: bool = False, progress: Progress = silent) -> Iterator[Diagnostic]:
    """Findings in what is being added, or in everything that ever was; nothing where there is no git."""
    from assay.repository import GitError, is_versioned
    from assay.rules.exposure import check_exposure
    from assay.rules.independence import check_independence

    try:
        yield from check_independence(workspace)
        yield from check_exposure(workspace)
        if not is_versioned(workspace.root):
            return
        yield from _promises(workspace)
        yield from _commits(workspace, whole)
        if whole:
            yield from _versions(workspace, progress)
    except GitError:
        return  # no git, no commit, or not a work tree: nothing that anybody could see


def _promises(workspace: Workspace) -> Iterator[Diagnostic]:
    """Commitments of earlier commits that are not what they were."""
    if not workspace.attempts or not (workspace.commitments or workspace.settings.seal.recipients):
        return
    from assay.repository import commit_of, versions

    said: set[tuple[str, str]] = set()
    paths = [f"trajectories/{task}/commitments.json" for task in workspace.attempts]
    for path, name, content in versions(workspace.root, paths, "HEAD")[1]:
        document, _ = parse(content.decode("utf-8", "replace"), path, ".json")
        earlier = validate(document, Commitments)[0] if document else None
        now = workspace.commitments.get(path.split("/")[1])
        for alias, digest in earlier.commitments.items() if earlier else ():
            if (now and now.record.commitments.get(alias) == digest) or (path, alias) in said:
                continue
            said.add((path, alias))
            found = "it is another one" if now and alias in now.record.commitments else "it is gone"
            commit = commit_of(workspace.root, name, path)[:12]
            message = f"the commitment for `{alias}` must be the one of commit {commit}; {found}"
            position = now.document.position(("commitments", alias)) if now else Position(1, 1)
            hint = "restore it; a trajectory that is made anew gets a new alias"
            yield Diagnostic.at(path, position, "seal-history", message, hint=hint)


def _commits(workspace: Workspace, whole: bool) -> Iterator[Diagnostic]:
    from assay.repository import branches, commits

    policy = workspace.settings.mask
    found = commits(workspace.root, SEEN, whole)
    for commit in found:
        for item in split(leaks("message", commit.message, "", policy))[0]:
            yield _at(".git", f"the message of commit {commit.id[:12]} tells who made something: {item.words}")
        for person in commit.people:
            for leak in names(person, "", policy):
                yield _at(".git", f"`{person}` of commit {commit.id[:12]} is called after an agent: `{leak.term}`")
        for path in commit.paths:
            for leak in names(path, "", policy) if not (workspace.root / path).exists() else ():
                yield _at(path, f"commit {commit.id[:12]} has this name, which tells who made it: `{leak.term}`")
    for branch in branches(workspace.root, whole) if found else ():
        for leak in names(branch, "", policy):
            yield _at(".git", f"the branch `{branch}` is called after an agent: `{leak.term}`")


def _versions(workspace: Workspace, progress: Progress) -> Iterator[Diagnostic]:
    from assay.repository import commit_of, versions

    number, contents = versions(workspace.root, SEEN)
    with progress("reading history", number) as advance:
        for path, name, content in contents:
            advance(1)
            for text, item in _leaks(workspace, path, content):
                line = text.count("\n", 0, item.leak.start) + 1
                commit = commit_of(workspace.root, name, path)[:12]
                yield _at(path, f"line {line} of the version in commit {commit} tells who made it: {item.words}")


def _leaks(workspace: Workspace, path: str, content: bytes) -> Iterator[tuple[str, Found]]:
    """What leaks in an old version of a file; of files that are still there other rules tell."""
    task = path.split("/")[1] if path.count("/") > 1 else ""
    file = workspace.root / path
    if b"\0" in content or is_seal(path) or task in workspace.openings:
        return
    if file.is_file() and file.read_bytes() == content:
        return
    text = content.decode("utf-8", errors="replace")
    yield from ((text, item) for item in split(leaks(path, text, task, workspace.settings.mask))[0])


def _at(path: str, message: str) -> Diagnostic:
    return Diagnostic.at(path, Position(1, 1), "mask-history", message, hint=_HINT)
