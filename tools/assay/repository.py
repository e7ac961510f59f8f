"""Everything Assay asks of git. The only module that imports it.

Trees are compared and patched outside any repository, so that neither the workspace's configuration nor a
`.gitattributes` above them can change the result.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

from assay.errors import EnvironmentMissingError, UsageError

if TYPE_CHECKING:
    import git

KEPT = ("GIT_EXEC_PATH", "GIT_PYTHON_", "GIT_SSL_")
"""GIT_* variables that say how to run git; all others say where, and would redirect our calls (hooks set them)."""

ISOLATED = {
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_ATTR_NOSYSTEM": "1",
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_ALLOW_PROTOCOL": "none",
}
_HUNK = re.compile(r"@@ -\d+(?:,(\d+))? \+(\d+)(?:,(\d+))? @@")
_SAME_NAMES = re.compile(rb'^diff --git ("?)[ab]/(.*) \1[ab]/\2$', re.MULTILINE)


def diff_trees(a: Path, b: Path) -> bytes:
    """The patch that turns tree `a` into tree `b`, with binary files, modes, links and deletions.

    Deterministic: no renames, full object names, `a/` and `b/` prefixes. Empty bytes when the trees are equal. Empty
    directories do not exist for git.
    """
    if a.parent == b.parent and (a.name, b.name) == ("a", "b"):
        return _diff(a.parent)
    with tempfile.TemporaryDirectory(prefix="assay-diff-") as name:
        shutil.copytree(a, Path(name, "a"), symlinks=True)
        shutil.copytree(b, Path(name, "b"), symlinks=True)
        return _diff(Path(name))


def _diff(folder: Path) -> bytes:
    options = ("--no-index", "--binary", "--full-index", "--no-prefix", "--no-renames", "--no-ext-diff")
    patch = _run(folder, "diff", *options, "--no-textconv", "--no-color", "a", "b", allowed=(0, 1))
    # Without an index git writes `b/new b/new` for added files; readers expect `a/new b/new`.
    return _SAME_NAMES.sub(rb"diff --git \1a/\2 \1b/\2", patch)


def apply_patch(tree: Path, patch: bytes) -> None:
    """Apply `patch` to the files below `tree`, all or nothing.

    Raises UsageError when it does not apply. Git itself refuses paths that leave the tree or pass through a link.
    """
    if not patch:
        return
    with tempfile.NamedTemporaryFile(prefix="assay-", suffix=".patch") as file:
        file.write(patch)
        file.flush()
        try:
            # From above the tree: inside it, a `.git` that belongs to the tree would be taken for ours.
            _run(tree.parent, "apply", "--whitespace=nowarn", "--binary", f"--directory={tree.name}", file.name)
        except GitError as error:
            raise UsageError(
                "patch-does-not-apply",
                f"the patch must apply to the image's work tree; git said: {error}",
                "the image or the patch changed since the attempt was recorded",
            ) from error


def changed_paths(root: Path, since: str) -> set[str]:
    """Paths below `root`, relative to it, that differ from the point where `since` and HEAD parted.

    Counts committed, staged, unstaged and untracked files, and deleted ones. Raises UsageError for an unknown revision.
    """
    try:
        base = _run(root, "merge-base", "--end-of-options", since, "HEAD", isolated=False).decode().strip()
        found = _run(root, "diff", "--name-only", "--no-renames", "--relative", "-z", base, isolated=False)
        found += _run(root, "ls-files", "--others", "--exclude-standard", "-z", isolated=False)
    except GitError as error:
        raise UsageError(
            "unknown-revision",
            f"`{since}` must name a commit that shares history with HEAD; git said: {error}",
            "fetch it first, or name another one: `git branch --all` lists branches",
        ) from error
    return {os.fsdecode(path) for path in found.split(b"\0") if path}


def changed_lines(root: Path, since: str) -> dict[str, list[range]]:
    """The lines, by path below `root`, that are not as they were where `since` and HEAD parted.

    Empty when that cannot be told, as in a shallow clone.
    """
    found: dict[str, list[range]] = {}
    options = ("--unified=0", "--no-renames", "--relative", "--no-ext-diff", "--no-color", "--dst-prefix=b/")
    try:
        base = _run(root, "merge-base", "--end-of-options", since, "HEAD", isolated=False).decode().strip()
        diff = _run(root, "-c", "core.quotePath=false", "diff", *options, base, isolated=False)
    except GitError:
        return {}
    path, body = "", 0
    for line in diff.decode("utf-8", "replace").split("\n"):
        if body:  # of a hunk, whatever it looks like
            body -= not line.startswith("\\")
        elif line.startswith("+++ "):
            path = line[4:].removeprefix("b/").rstrip("\t")
        elif hunk := _HUNK.match(line):
            removed, start, count = int(hunk[1] or 1), int(hunk[2]), int(hunk[3] or 1)
            found.setdefault(path, []).append(range(start, start + count))
            body = removed + count
    return found


def unreachable_objects(folder: Path) -> list[str]:
    """Names of the objects that no commit of a local branch, a tag or HEAD leads to, nor the index; sorted.

    What only reflogs, stashes or remote branches reach counts, tag objects do not. `folder` is a `.git` folder or a
    bare repository, not trusted: nothing in it is run or fetched. Raises GitError when git cannot read it.
    """
    git = (f"--git-dir={folder}", "-c", "safe.directory=*", "-c", "core.fsmonitor=false")
    all_of_it = _run(
        folder.parent, *git, "cat-file", "--batch-all-objects", "--batch-check=%(objecttype) %(objectname)"
    )
    born = _run(folder.parent, *git, "rev-parse", "--quiet", "--verify", "HEAD^{commit}", allowed=(0, 1))
    starts = ("--indexed-objects", "--branches", "--tags", *(("HEAD",) if born else ()))
    reached = set(_run(folder.parent, *git, "rev-list", "--objects", "--no-object-names", *starts).decode().split())
    objects = (line.split() for line in all_of_it.decode().splitlines())
    return sorted(name for kind, name in objects if kind != "tag" and name not in reached)


def commits_beyond_head(folder: Path) -> list[str]:
    """Names of the commits that some reference leads to and HEAD does not; `folder` as in `unreachable_objects`."""
    git = (f"--git-dir={folder}", "-c", "safe.directory=*", "-c", "core.fsmonitor=false")
    if not _run(folder.parent, *git, "rev-parse", "--quiet", "--verify", "HEAD^{commit}", allowed=(0, 1)):
        return []
    return sorted(_run(folder.parent, *git, "rev-list", "--all", "--not", "HEAD").decode().split())


def blobs(folder: Path, limit: int) -> Iterator[tuple[str, bytes]]:
    """Contents of all files in a repository's history, reachable or not, each under a path that it had or its name.

    `folder` as in `unreachable_objects`. Raises GitError when there are more than `limit` bytes of them.
    """
    git = (f"--git-dir={folder}", "-c", "safe.directory=*", "-c", "core.fsmonitor=false")
    sizes = _run(folder.parent, *git, "cat-file", "--batch-all-objects", "--batch-check=%(objectsize)")
    if (total := sum(map(int, sizes.split()))) > limit:
        raise GitError(f"its objects are {total // 1024 // 1024} MiB; at most {limit // 1024 // 1024} are read")
    named = _run(folder.parent, *git, "rev-list", "--objects", "--all", "--indexed-objects").decode(errors="replace")
    paths = dict(line.split(" ", 1) for line in named.splitlines() if " " in line)
    store = _run(folder.parent, *git, "cat-file", "--batch-all-objects", "--batch")
    start = 0
    while start < len(store):
        end = store.index(b"\n", start)
        name, kind, size = store[start:end].decode().split()
        start = end + int(size) + 2
        if kind == "blob":
            yield paths.get(name) or name, store[end + 1 : start - 1]


@dataclass(frozen=True)
class Commit:
    """What the log shows of one commit; `paths` are relative to the folder that was asked for."""

    id: str
    people: tuple[str, ...]
    """Name and address of its author and its committer."""
    message: str
    paths: tuple[str, ...]


def is_versioned(root: Path) -> bool:
    """Whether `root` lies in a work tree of git; runs nothing."""
    return any((folder / ".git").exists() for folder in (root.resolve(), *root.resolve().parents))


def commits(root: Path, folders: Sequence[str], whole: bool) -> list[Commit]:
    """Commits that touch `folders`, newest first: of all references, or what HEAD has beyond the default branch.

    Raises GitError, also when there is no commit yet.
    """
    wanted = ["--all"] if whole else ["HEAD", "--not", *_default_branches(root)]
    form = "--format=%x02%H%x01%an <%ae>%x01%cn <%ce>%x01%B%x01"
    shown = ("log", "--relative", "--name-only", "--no-renames", "--encoding=UTF-8", form)
    found = []
    for entry in read_git(root, "-c", "core.quotePath=false", *shown, *wanted, "--", *folders).split("\x02")[1:]:
        name, author, committer, message, paths = entry.split("\x01", 4)
        people = tuple(dict.fromkeys((author, committer)))
        found.append(Commit(name, people, message, tuple(path for path in paths.split("\n") if path)))
    return found


def branches(root: Path, whole: bool) -> list[str]:
    """Names of all branches, or of the one that is checked out. Raises GitError."""
    if whole:
        return _lines(root, "for-each-ref", "--format=%(refname:short)", "refs/heads", "refs/remotes", "refs/tags")
    return _lines(root, "branch", "--show-current")


def versions(root: Path, paths: Sequence[str], start: str = "--all") -> tuple[int, Iterator[tuple[str, str, bytes]]]:
    """How many objects, and path, id and content of every file that any reference ever led to below `paths`.

    `start` may name one reference instead. Contents are read one at a time. Paths are relative to `root`.
    Raises GitError.
    """
    prefix = "".join(_lines(root, "rev-parse", "--show-prefix"))
    listed = (line.partition(" ") for line in _lines(root, "rev-list", start, "--objects", "--", *paths))
    named = {name: path.removeprefix(prefix) for name, _, path in listed if path}
    return len(named), _contents(root, named)


def _contents(root: Path, paths: Mapping[str, str]) -> Iterator[tuple[str, str, bytes]]:
    with tempfile.TemporaryFile() as names:
        names.write("\n".join(paths).encode() + b"\n" * bool(paths))
        names.seek(0)
        with _started(root, "cat-file", "--batch", stdin=names) as process:
            assert process.stdout is not None
            for header in process.stdout:
                name, kind, size = header.decode().split()
                content = process.stdout.read(int(size) + 1)[:-1]
                if kind == "blob":
                    yield paths[name], name, content


def commit_of(root: Path, blob: str, path: str) -> str:
    """The oldest commit that brought a file's content to `path`. Raises GitError."""
    return _lines(root, "log", "--all", "--reverse", "--format=%H", f"--find-object={blob}", "--", path)[0]


def _default_branches(root: Path) -> list[str]:
    """References of the default branch: as the remote has it where there is one."""
    names = [f"refs/{kind}/{name}" for kind in ("remotes/origin", "heads") for name in ("HEAD", "main", "master")]
    found = _lines(root, "for-each-ref", "--format=%(refname)", *names)
    return [name for name in found if name.startswith("refs/remotes/")] or found


def _lines(root: Path, *arguments: str) -> list[str]:
    return read_git(root, *arguments).splitlines()


def read_git(root: Path, *arguments: str) -> str:
    """What `git ARGUMENTS` writes in `root`, with that repository's own configuration. Raises GitError."""
    with _started(root, *arguments) as process:
        output, errors = process.communicate()
    if process.returncode:
        raise GitError(errors.decode(errors="replace").strip() or f"exit status {process.returncode}")
    return output.decode("utf-8", errors="replace")


def _started(root: Path, *arguments: str, stdin: IO[bytes] | int = subprocess.DEVNULL) -> subprocess.Popen[bytes]:
    """Git by the plain way: loading GitPython takes longer than a whole check of a small workspace."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_") or name.startswith(KEPT)}
    command, pipe = ["git", "-C", str(root), *arguments], subprocess.PIPE
    try:
        return subprocess.Popen(command, env=kept, stdin=stdin, stdout=pipe, stderr=pipe)
    except OSError as error:
        raise GitError(str(error)) from error


class GitError(Exception):
    """A git command failed; the text is what it wrote to stderr."""


def _git() -> type[git.Git]:
    try:
        import git
    except ImportError as error:
        raise EnvironmentMissingError(
            "git-missing", "the `git` program must be on PATH; it was not found", "install git and try again"
        ) from error
    return git.Git


def _run(folder: Path, *arguments: str, allowed: tuple[int, ...] = (0,), isolated: bool = True) -> bytes:
    """Standard output of `git ARGUMENTS` in `folder`; `isolated` hides every repository and configuration."""
    program = _git()
    for name in [name for name in os.environ if name.startswith("GIT_") and not name.startswith(KEPT)]:
        del os.environ[name]  # GitPython can add variables to a call, not take them away
    environment = {**ISOLATED, "GIT_CEILING_DIRECTORIES": str(folder.resolve().parent)} if isolated else {}
    status, output, errors = program(str(folder)).execute(
        ["git", *arguments],
        env=environment,
        with_extended_output=True,
        with_exceptions=False,
        stdout_as_string=False,
        strip_newline_in_stdout=False,
    )
    if status not in allowed:
        text = errors if isinstance(errors, str) else errors.decode(errors="replace")
        raise GitError(text.strip() or f"exit status {status}")
    return output if isinstance(output, bytes) else output.encode()
