"""Recorded runs as evidence: each belongs to one annotator, who numbers and cites them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from assay.contents import file_hash
from assay.evidence.grammar import Citation
from assay.evidence.resolution import Evidence, Unresolved, lines_of, resolve
from assay.workspace import Attempt, Entry, Workspace

if TYPE_CHECKING:
    from assay.model.run import RecordedRun

OUT, ERR, CAST = ".out", ".err", ".cast"
_RERUNS = ".assay/reruns"


@dataclass(frozen=True)
class Run:
    """A recorded run where it lies; `task`, `annotator` and `name` are what the path says."""

    task: str
    annotator: str
    name: str
    entry: Entry[RecordedRun]
    file: Path

    @property
    def number(self) -> int:
        """As it is cited; 0 when the file is called otherwise."""
        return int(self.name) if self.name.isdecimal() else 0

    @property
    def sha256(self) -> str:
        """Of the record's file."""
        return file_hash(self.file)

    def content(self, suffix: str) -> bytes:
        """Of the file beside the record; empty when it is not there."""
        file = self.file.with_suffix(suffix)
        return file.read_bytes() if file.is_file() else b""

    @cached_property
    def output(self) -> str:
        """Standard output, then standard error: what citations count lines of."""
        out, err = (self.content(suffix).decode("utf-8", "replace") for suffix in (OUT, ERR))
        return out + "\n" * bool(out and err and not out.endswith("\n")) + err


def rerun_path(task: str, annotator: str, name: str) -> str:
    """Where this machine notes what came of running it again."""
    return f"{_RERUNS}/{task}/{annotator}/{name}.json"


def runs(workspace: Workspace, task: str | None = None) -> Iterator[Run]:
    """All recorded runs, or those of a task."""
    for entry in workspace.runs:
        _, of, _, annotator, name = PurePosixPath(entry.path).parts
        if task in (None, of):
            yield Run(of, annotator, PurePosixPath(name).stem, entry, workspace.root / entry.path)


def runs_of(workspace: Workspace, task: str, annotator: str) -> dict[int, Run]:
    """Somebody's recorded runs by number."""
    return {run.number: run for run in runs(workspace, task) if run.annotator == annotator and run.number}


def resolve_by(workspace: Workspace, annotator: str, citation: Citation, attempt: Attempt) -> Evidence | Unresolved:
    """What a citation in somebody's annotation points to in `attempt`; its alias is not looked at."""
    if citation.kind != "run":
        return resolve(citation, attempt)
    found = runs_of(workspace, attempt.task, annotator)
    run = found.get(int(citation.target))
    if run is None:
        names = [f"`run:{number:02d}`" for number in sorted(found)]
        known = f"{names[0]} to {names[-1]}" if len(names) > 3 else ", ".join(names) or "none"
        others = [
            f"`{item.annotator}`" for item in runs(workspace, attempt.task) if item.number == int(citation.target)
        ]
        known += f" (that of {', '.join(others)} is theirs to cite)" if others else ""
        return Unresolved(
            f"`{annotator}` has no recorded run {citation.target}; there is {known}; "
            f"`assay verify {attempt.task}/{attempt.alias} --by {annotator}` records one"
        )
    record = run.entry.record
    if record.alias != attempt.alias:
        return Unresolved(f"this run was on `{record.alias}`, not on `{attempt.alias}`; write `{record.alias} run:…`")
    if citation.first is not None:
        return lines_of(citation, run.output, f"the output of run {run.name}")
    head = (" ".join(record.command), f"exit {record.exit_code}")
    parts = tuple(part for part in (run.output, *head) if part)
    return Evidence(f"{run.output.rstrip()}\nexit {record.exit_code}".lstrip(), parts)
