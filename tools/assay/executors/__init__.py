"""What can be asked of something that runs containers, free of any engine's own types."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from assay.model.outcome import ImageRecord


class EngineError(Exception):
    """The engine could not do what was asked; the text says what and why. Becomes `invalid-environment`."""


class StoppedError(Exception):
    """The run was interrupted and no further container may start."""


@dataclass(frozen=True)
class Image:
    """A built image, with the user (empty for root) and the work directory that commands have by default."""

    record: ImageRecord
    user: str
    workdir: str = ""


@dataclass(frozen=True)
class Limits:
    """What a container may use."""

    memory_mb: int | None = None
    cpus: float | None = None
    pids: int = 512


@dataclass(frozen=True)
class Job:
    """One program run from start to end in a fresh container without network.

    `command` runs below an init process; `mounts` maps container paths to host paths, all read-only; `seconds` is the
    limit after which the container is killed. Afterwards each path in `collect` is stored as a tar file in `into`.
    """

    image: str
    command: tuple[str, ...]
    workdir: str
    seconds: float
    into: Path
    mounts: Mapping[str, Path] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    limits: Limits = Limits()
    collect: tuple[str, ...] = ()
    start: bool = True
    """False only creates the container: what is collected is the image's own content."""
    watch: Callable[[float, bytes], None] = lambda seconds, piece: None
    """Called with every piece of output as it comes, and the seconds since the start."""


Taken = Mapping[str, Path | None]
"""Tar files by the container path they hold; None where the path did not exist."""


@dataclass(frozen=True)
class Finished:
    """How a job ended by itself or by its limits. `log` is its merged output, cut in the middle when long."""

    exit_code: int | None
    timed_out: bool
    log: bytes
    taken: Taken
    seconds: float
    out_of_memory: bool = False


@dataclass(frozen=True)
class Executed:
    """How one command in a running container ended."""

    exit_code: int
    seconds: float
    output: bytes
    hidden: int
    """Bytes of output that were left out of `output`."""
