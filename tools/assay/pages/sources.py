"""What a site was built from, file by file, so that the next build can tell what has changed."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import version
from pathlib import Path

from assay import __version__
from assay.pages.writer import DOCS

OUTPUT = "build/site"
CONFIGURATION = "mkdocs.yml"
STAMP = "assay-build.txt"
"""In the site: what it was built from, as one hash; MkDocs removes it when it builds there without us."""
LIST = "build/sources.txt"
"""Beside the site: the same, file by file."""


@dataclass(frozen=True)
class Sources:
    """Hex SHA-256 of the settings, and of each file in the docs folder by its path there."""

    settings: str
    files: Mapping[str, str]

    @classmethod
    def of(cls, root: Path, policy: str) -> Sources:
        """Everything that a build would read now; `policy` is part of what it does."""
        outer = hashlib.sha256(f"{policy}\0{version('mkdocs-material')}\0{__version__}".encode())
        outer.update((root / CONFIGURATION).read_bytes())
        docs = root / DOCS
        found = {file.relative_to(docs).as_posix(): _hash(file) for file in sorted(docs.rglob("*")) if file.is_file()}
        return cls(outer.hexdigest(), found)

    @classmethod
    def built(cls, root: Path) -> Sources | None:
        """What the site that is there was built from; None when there is none, or nobody knows."""
        record, stamp = root / LIST, root / OUTPUT / STAMP
        if not record.is_file() or not stamp.is_file():
            return None
        settings, *lines = record.read_text(encoding="utf-8").splitlines()
        found = cls(settings, {path: digest for digest, _, path in (line.partition(" ") for line in lines)})
        return found if stamp.read_text(encoding="utf-8") == found.state else None

    def remember(self, root: Path) -> None:
        """Note that the site has been built from these."""
        lines = "".join(f"{digest} {path}\n" for path, digest in self.files.items())
        (root / LIST).write_text(f"{self.settings}\n{lines}", encoding="utf-8")
        (root / OUTPUT / STAMP).write_text(self.state, encoding="utf-8")

    @cached_property
    def state(self) -> str:
        """One hash over all of it."""
        lines = (f"{path}\0{digest}\n" for path, digest in self.files.items())
        return hashlib.sha256("".join([self.settings, "\n", *lines]).encode()).hexdigest()

    @property
    def pages(self) -> frozenset[str]:
        """Those that are rendered."""
        return frozenset(path for path in self.files if path.endswith(".md"))

    def differing(self, other: Sources) -> frozenset[str]:
        """Paths that are not the same in both."""
        return frozenset(path for path in {*self.files, *other.files} if self.files.get(path) != other.files.get(path))


def _hash(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()
