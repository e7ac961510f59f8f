"""What annotators ran themselves, as it leaves the workspace."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from assay.evidence.runs import ERR, OUT, runs
from assay.model.run import RecordedRun
from assay.workspace import Workspace

ADDRESS = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
"""Of a person, in what somebody wrote or printed."""


@dataclass(frozen=True)
class Ran:
    """A recorded run with what is kept of its output; the recording of the terminal stays."""

    record: RecordedRun
    name: str
    """Its number as it is cited, `01`."""
    out: str
    err: str

    @property
    def texts(self) -> str:
        """Command and output: where the name of somebody could stand."""
        return "\n".join((*self.record.command, self.out, self.err))


def recorded(workspace: Workspace, task: str) -> Iterator[Ran]:
    """All recorded runs of a task."""
    for run in runs(workspace, task):
        out, err = (run.content(suffix).decode("utf-8", "replace") for suffix in (OUT, ERR))
        yield Ran(run.entry.record, run.name, out, err)


def why_not(ran: Ran, aliases: Collection[str], annotators: Collection[str]) -> str:
    """Why a run stays; empty when it goes out with an attempt and an annotation."""
    if ran.record.alias not in aliases:
        return "its attempt stays"
    if ran.record.annotator not in annotators:
        return "whoever recorded it has no annotation that goes out"
    return ""


def tells_who(ran: Ran, people: re.Pattern[str] | None) -> bool:
    """Whether command or output hold an address, or one of the handles that stay."""
    return bool(ADDRESS.search(ran.texts) or (people and people.search(ran.texts)))


def outside(ran: Ran, names: Mapping[str, str]) -> Ran:
    """Under the name that its annotator has outside."""
    record = ran.record.model_copy(update={"annotator": names[ran.record.annotator]})
    return Ran(record, ran.name, ran.out, ran.err)
