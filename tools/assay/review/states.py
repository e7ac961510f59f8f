"""The workspace as it was where a branch began, beside the one there is."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from assay.errors import UsageError
from assay.repository import GitError, is_versioned, read_git
from assay.workspace import Workspace, load


def base_of(root: Path, since: str | None, branch: str) -> str:
    """The commit where HEAD left `since`, or else the protected branch. Raises UsageError."""
    if not is_versioned(root):
        hint = "run it in a clone; `git init` makes a repository of a folder"
        raise UsageError("no-history", f"{root} is in no git repository, so nothing can have changed", hint)
    names = [since] if since else [f"upstream/{branch}", f"origin/{branch}", branch]
    said = ""
    for name in names:
        try:
            return read_git(root, "merge-base", "--end-of-options", name, "HEAD").strip()
        except GitError as error:
            said = str(error)
    tried = ", ".join(f"`{name}`" for name in names)
    raise UsageError(
        "unknown-revision",
        f"{tried} must name a commit that shares history with HEAD" + (f"; git said: {said}" if said else ""),
        "fetch it first, or name another one with `--since`: `git branch --all` lists branches",
    )


@contextmanager
def earlier(root: Path, commit: str, branch: str) -> Iterator[Workspace]:
    """The workspace of `commit`, in a temporary clone whose only branch is `branch`, which ends there.

    Rules that ask git for the order of events get what they got then. Raises UsageError when git cannot make it.
    """
    with tempfile.TemporaryDirectory(prefix="assay-review-") as name:
        clone = Path(name, "then")
        try:
            prefix = read_git(root, "rev-parse", "--show-prefix").strip()
            top = read_git(root, "rev-parse", "--show-toplevel").rstrip("\n")
            # an object store that is shared costs nothing; no template means no hooks of this machine's user
            read_git(root, "clone", "--quiet", "--shared", "--no-checkout", "--no-tags", "--template=", top, str(clone))
            read_git(clone, "checkout", "--quiet", "-B", branch, commit)
            read_git(clone, "remote", "remove", "origin")
        except GitError as error:
            message = f"the state of `{commit[:12]}` could not be laid out; git said: {error}"
            raise UsageError("no-earlier-state", message, "`git fsck` says whether the repository is whole") from error
        yield load(clone / prefix)
