"""Hashes that identify a task and its build context by content alone."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

HASHED_FILES = ("task.toml", "instruction.md", "README.md", "trajectory.json")
HASHED_FOLDERS = ("environment", "tests", "solution", "steps")
IGNORED = ("__pycache__/", "*.pyc", ".DS_Store", "*.swp", "*.swo", "*~")
"""What Harbor leaves out by default; a `.gitignore` in the task directory replaces this list."""


def content_hash(task: Path) -> str:
    """Harbor's content hash of a task directory, as hex SHA-256.

    Covers the files and folders named above; links are followed, file modes are not hashed. The rubric, the simulated
    user and everything else at the root of the directory are outside the hash, so they can change without making
    recorded results stale. Recipe: Harbor, packager content hash.
    """
    files = [task / name for name in HASHED_FILES]
    for folder in HASHED_FOLDERS:
        files += (task / folder).rglob("*")
    return _hash(task, files, _ignored_lines(task))


def context_hash(context: Path) -> str:
    """The same recipe over every file of a Docker build context, as hex SHA-256."""
    return _hash(context, context.rglob("*"), IGNORED)


def file_hash(file: Path) -> str:
    """Hex SHA-256 of a file's bytes."""
    return hashlib.sha256(file.read_bytes()).hexdigest()


def blob_id(content: bytes) -> str:
    """Git's object id of a file's content (SHA-1 repositories)."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


def _hash(base: Path, files: Iterable[Path], ignored: Iterable[str]) -> str:
    from pathspec import GitIgnoreSpec

    skip = GitIgnoreSpec.from_lines(ignored)
    outer = hashlib.sha256()
    for relative, file in sorted((file.relative_to(base).as_posix(), file) for file in files if file.is_file()):
        if not skip.match_file(relative):
            outer.update(f"{relative}\0{file_hash(file)}\n".encode())
    return outer.hexdigest()


def _ignored_lines(task: Path) -> Iterable[str]:
    file = task / ".gitignore"
    return file.read_text(encoding="utf-8").splitlines() if file.is_file() else IGNORED
