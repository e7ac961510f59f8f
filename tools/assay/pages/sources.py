"""What a site was built from, file by file, so that the next build can tell what has changed."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from importlib.metadata import version
from pathlib import Path

from assay import __version__
from assay.pages import listing
from assay.pages.listing import TICK, Stat
from assay.pages.writer import DOCS

OUTPUT = "build/site"
CONFIGURATION = "mkdocs.yml"
STAMP = "assay-build.txt"
"""In the site: what it was built from, as one hash; MkDocs removes it when it builds there without us."""
LIST = "build/sources.json"
"""Beside the site: the same, file by file."""


@dataclass(frozen=True)
class Sources:
    """Hex SHA-256 of the settings, and of each file in the docs folder by its path there, in order."""

    settings: str
    files: Mapping[str, str]
    stats: Mapping[str, Stat] = field(compare=False)
    """By path; none for those written so lately that another write could leave the same time."""

    @classmethod
    def of(cls, root: Path, policy: str, before: Sources | None = None) -> Sources:
        """Everything that a build would read now; `policy` is part of what it does.

        Files that are as they were `before` are not read again.
        """
        known = before.stats if before else {}
        outer = hashlib.sha256(f"{policy}\0{version('mkdocs-material')}\0{__version__}".encode())
        outer.update((root / CONFIGURATION).read_bytes())
        docs = root / DOCS
        settled = time.time_ns() - TICK
        there = listing.below(docs)
        found = {
            path: before.files[path] if before and known.get(path) == stat else _hash(docs / path)
            for path, stat in there.items()
        }
        return cls(outer.hexdigest(), found, {path: stat for path, stat in there.items() if stat.time < settled})

    @classmethod
    def built(cls, root: Path) -> Sources | None:
        """What the site that is there was built from; None when there is none, or nobody knows."""
        record, stamp = root / LIST, root / OUTPUT / STAMP
        if not record.is_file() or not stamp.is_file():
            return None
        try:
            settings, kept = json.loads(record.read_text(encoding="utf-8"))
        except ValueError:
            return None
        stats = {path: Stat(*stat) for path, (_, *stat) in kept.items() if stat}
        found = cls(settings, {path: digest for path, (digest, *_) in kept.items()}, stats)
        return found if stamp.read_text(encoding="utf-8") == found.state else None

    def remember(self, root: Path) -> None:
        """Note that the site has been built from these."""
        kept = {path: (digest, *self.stats.get(path, ())) for path, digest in self.files.items()}
        (root / LIST).write_text(json.dumps([self.settings, kept], separators=(",", ":")), encoding="utf-8")
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
