"""Whose container is it: labels that name the owning process, and the test whether that process still lives."""

from __future__ import annotations

import hashlib
import os
import platform
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

RUN, PID, START, HOST = "assay.run", "assay.pid", "assay.start", "assay.host"
SOCKETS = Path("/tmp")
"""Where sockets lie: their paths must be short, and TMPDIR may be long."""


def labels(run: str) -> dict[str, str]:
    """The labels of everything that this process creates during `run`."""
    pid = os.getpid()
    return {RUN: run, PID: str(pid), START: _start(pid), HOST: platform.node()}


def this_process() -> str:
    """Host and process id, for a person."""
    return f"{platform.node()}:{os.getpid()}"


def abandoned(found: Mapping[str, str]) -> bool:
    """Whether labels name a process of this host that is gone. A process id alone would not do: ids are reused."""
    if found.get(HOST) != platform.node() or not found.get(PID, "").isdigit():
        return False
    return _start(int(found[PID])) != found.get(START)


def _start(pid: int) -> str:
    """When a process started, in the system's own notation; empty when there is no such process."""
    try:
        # Field 22; the second field may hold blanks and parentheses, so count after the last parenthesis.
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        return "" if fields[0] in "ZX" else fields[19]  # one that nobody has waited for yet is dead all the same
    except (FileNotFoundError, ProcessLookupError):
        if Path("/proc/self").exists():
            return ""
    # No /proc here: ask ps, whose notation sorts out reuse just as well.
    shown = subprocess.run(["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return "".join(character for character in shown.stdout if character.isalnum())


def _scratch_prefix() -> str:
    """Short, whatever the host is called: the path of a socket in such a folder has 107 bytes at most."""
    return f"assay-{hashlib.sha256(platform.node().encode()).hexdigest()[:8]}-"


@contextmanager
def scratch(within: Path | None = None) -> Iterator[Path]:
    """A temporary folder named after this process, so that a later one can tell whether it is still in use."""
    prefix = f"{_scratch_prefix()}{os.getpid()}-{_start(os.getpid())}-"
    with tempfile.TemporaryDirectory(prefix=prefix, dir=within, ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder


def reap_scratch(within: Path | None = None) -> int:
    """Remove the temporary folders of dead processes of this host; returns how many there were."""
    removed = 0
    for place in [within] if within else {Path(tempfile.gettempdir()), SOCKETS}:
        for folder in place.glob(f"{_scratch_prefix()}*-*-*"):
            pid, start = folder.name.removeprefix(_scratch_prefix()).split("-")[:2]
            if pid.isdigit() and _start(int(pid)) != start:
                shutil.rmtree(folder, ignore_errors=True)
                removed += 1
    return removed
