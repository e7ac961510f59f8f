"""What an importer is, what it returns, and how it fails."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

from assay.errors import ExitCode, FatalError
from assay.importers.source import Source
from assay.model.identity import Identity
from assay.model.reported import Reported
from assay.model.trajectory import Trajectory


class ImporterUnusable(FatalError):
    """The importer itself is at fault: unknown, or a plugin that cannot be loaded."""

    code = ExitCode.USAGE


@dataclass(frozen=True)
class ImportReport:
    """What became of the log's records; every record is counted somewhere."""

    steps: int
    calls: int
    observations: int
    prompt_tokens: int | None
    """Includes cached tokens, as in ATIF; None when the log counts none."""
    completion_tokens: int | None
    dropped: tuple[str, ...]
    """Known records and fields that are left out on purpose, with their number."""
    masked: tuple[str, ...]
    """What was replaced in texts, with its number."""
    notes: tuple[str, ...]
    """What is missing or odd, for the person who imports."""
    skipped: Mapping[str, int]
    """Records and fields of unknown type, by type."""


@dataclass(frozen=True)
class Imported:
    """One attempt: a masked trajectory and, apart from it, who made it."""

    trajectory: Trajectory
    identity: Identity
    report: ImportReport
    files: tuple[Path, ...]
    """Every file that went in: the named one first, then continuations and delegated runs."""
    label: str = ""
    """Which attempt of the log this is, such as sample and epoch; empty when a log holds one."""
    patch: str = ""
    """The final change as a git diff, masked; empty when the log has none."""
    reported: Reported | None = None
    """What the log says about success; most agents' own logs say nothing."""


@runtime_checkable
class Importer(Protocol):
    """Reads one format. Plugins offer an object of this shape in the entry-point group `assay.importers`."""

    name: str

    def sniff(self, source: Source) -> bool:
        """Whether the content, never the name, of a file or folder looks like this format. Must not raise."""

    def read(self, source: Source) -> Sequence[Imported]:
        """The attempts of the log, normalised and masked, at least one; labels tell several apart.

        Raises `ImportFailed` for a log that does not hold what it must.
        """
