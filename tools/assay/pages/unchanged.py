"""Whether the site that was built last is still what a build would give, told from names, sizes and times of files."""

from __future__ import annotations

import hashlib
from pathlib import Path

import assay
from assay.pages.listing import seen
from assay.pages.sources import OUTPUT, STAMP
from assay.pages.writer import DOCS
from assay.storage import write_whole

RECORD = ".assay/site.txt"
INPUTS = ("tasks", "trajectories", "annotations", DOCS, ".assay/replays", ".assay/reruns", ".assay/identities")
HISTORY = ("HEAD", "packed-refs", "refs")
"""Of git: what rules on the order of events go by."""


def fingerprint(root: Path, options: str) -> str:
    """Hex SHA-256 over everything that a build reads: files of the workspace, branches, this package, and options."""
    digest = hashlib.sha256(options.encode())
    files = [file for file in root.iterdir() if file.is_file()]  # settings, and what they name
    folders = [*(root / name for name in INPUTS), *(_git(root) / name for name in HISTORY)]
    for place in (*files, *folders, Path(assay.__file__).parent):
        for line in seen(place):
            digest.update(line.encode(errors="surrogateescape"))
    return digest.hexdigest()


def _git(root: Path) -> Path:
    """Where the history is kept: the workspace may be a folder of a repository, or another work tree of it."""
    found = next((place / ".git" for place in (root, *root.parents) if (place / ".git").exists()), root / ".git")
    if found.is_file():
        return found.parent / found.read_text(encoding="utf-8").removeprefix("gitdir:").strip()
    return found


def is_current(root: Path, print_: str) -> bool:
    """Whether the last build read the same, and what it wrote is still there."""
    record, stamp = root / RECORD, root / OUTPUT / STAMP
    if not record.is_file() or not stamp.is_file():
        return False
    return record.read_text(encoding="utf-8") == _record(print_, stamp)


def remember(root: Path, print_: str) -> None:
    """Note what the build that has just ended was made from."""
    write_whole(root / RECORD, _record(print_, root / OUTPUT / STAMP).encode())


def _record(print_: str, stamp: Path) -> str:
    return f"{print_} {stamp.read_text(encoding='utf-8')}\n"
