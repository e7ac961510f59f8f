"""The journal of a replay: what was begun and what has ended, so that a later replay can go on where one was cut off.

One JSON object a line in `journal.jsonl`, flushed to disk before anything else happens. Every replay has a folder of
its own and never writes to another's: one that goes on from an earlier replay takes its decided stages over.
"""

from __future__ import annotations

import json
import os
import shutil
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from assay.errors import EnvironmentMissingError
from assay.executors.owners import abandoned
from assay.model.outcome import Stage, Superseded
from assay.replay.stages import Plan, StageRun
from assay.storage import as_json, write_whole

FILE = "journal.jsonl"
STAGE = "stage.json"
FORMAT = 1

Entry = Mapping[str, Any]


def place(name: str, number: int) -> str:
    """The folder of a stage within its replay's."""
    return name if number == 1 else f"{name}-{number}"


def key(plan: Plan) -> str:
    """Hex SHA-256 of all that a plan says; stages with the same key may stand for each other."""
    plain = json.dumps(asdict(plan), default=lambda content: sha256(content).hexdigest(), sort_keys=True)
    return sha256(plain.encode()).hexdigest()


class Journal:
    """Written by one process; safe to share between its threads. Raises EnvironmentMissingError when it cannot."""

    def __init__(self, folder: Path, opened: Entry, taken: Sequence[Entry] = ()) -> None:
        self.folder = folder
        self._lock = threading.Lock()
        self._write({"event": "opened", "format": FORMAT, **opened}, *taken)

    def started(self, stage: str, where: str) -> None:
        """A stage begins, on this machine or another."""
        self._write({"event": "started", "stage": stage, "where": where})

    def superseded(self, attempt: Superseded) -> None:
        """Another attempt has taken the place of one."""
        self._write({"event": "superseded", **attempt.model_dump()})

    def ended(self, plan: Plan, run: StageRun) -> None:
        """Keep the evidence of a stage, its files complete or not at all, and then say that it has ended."""
        stage, content = run.stage, as_json(run.stage)
        folder = self.folder / place(stage.name, stage.attempt)
        with storing(folder):
            for report in stage.reports:
                write_whole(folder / f"{report.milestone}.json", as_json(report))
            for name, log in run.logs.items():
                write_whole(folder / f"{name}.log", log)
            for name, cast in run.casts.items():
                write_whole(folder / f"{name}.cast", cast)
            write_whole(folder / STAGE, content)
        self._write(
            {
                "event": "ended",
                "stage": folder.name,
                "plan": key(plan),
                "outcome": stage.outcome,
                "reason": stage.reason,
                "sha256": sha256(content).hexdigest(),
            }
        )

    def closed(self, verdict: str, again: Sequence[str]) -> None:
        """The proof is written; `again` are its parts that failed."""
        self._write({"event": "closed", "verdict": verdict, "again": list(again)})

    def _write(self, *entries: Entry) -> None:
        lines = "".join(f"{json.dumps(entry)}\n" for entry in entries).encode()
        with storing(self.folder), self._lock:
            self.folder.mkdir(parents=True, exist_ok=True)
            with (self.folder / FILE).open("ab") as file:
                file.write(lines)
                file.flush()
                os.fsync(file.fileno())


@contextmanager
def storing(folder: Path) -> Iterator[None]:
    """What the file system refuses, as a fatal error that says how to go on."""
    try:
        yield
    except OSError as error:
        message = f"`{error.filename or folder}`: {(error.strerror or str(error)).lower()}; the replay was ended"
        hint = "what has ended is kept: mend that and run the same command again, it goes on from there"
        raise EnvironmentMissingError("evidence-not-written", message, hint) from error


def entries(content: bytes) -> list[Entry]:
    """The entries of a journal up to the first line that is not whole, as the last one of a killed process may be."""
    found: list[Entry] = []
    for line in content.splitlines(keepends=True):
        try:
            entry = json.loads(line) if line.endswith(b"\n") else None
        except ValueError:
            break
        if not isinstance(entry, dict):
            break
        found.append(entry)
    return found


@dataclass(frozen=True)
class Past:
    """An earlier replay of a task, as its journal tells."""

    folder: Path
    lines: Sequence[Entry]

    @property
    def opened(self) -> Entry:
        """Whose replay of what it was."""
        return self.lines[0]

    def is_of(self, same: Entry) -> bool:
        """Whether it replayed the `same` things, and this version of Assay can read its journal."""
        return self.opened.get("format") == FORMAT and all(self.opened.get(name) == same[name] for name in same)

    @property
    def left_open(self) -> bool:
        """Whether nobody works on it any more, and something is not decided."""
        closed = next((line for line in self.lines if line.get("event") == "closed"), None)
        if closed is None:
            return abandoned(self.opened.get("owner") or {})
        ended = {line.get("stage") for line in self.lines if line.get("event") == "ended"}
        return bool(closed.get("again")) or len(self.decided()) < len(ended)

    def decided(self) -> dict[str, tuple[Entry, Stage]]:
        """Stages by folder with their journal lines: those whose file is whole, and that need not be run again."""
        found = {}
        for line in self.lines:
            if line.get("event") == "ended" and (stage := self._stage(line)) and _is_decided(stage):
                found[str(line["stage"])] = line, stage
        return found

    def _stage(self, line: Entry) -> Stage | None:
        try:
            content = (self.folder / str(line.get("stage")) / STAGE).read_bytes()
            return Stage.model_validate_json(content) if sha256(content).hexdigest() == line.get("sha256") else None
        except (OSError, ValidationError):
            return None

    def superseded(self) -> list[Superseded]:
        """Its attempts that whoever goes on from here makes again, and those before it."""
        again: dict[str, str] = {}
        earlier = list(self.opened.get("superseded", ()))
        for line in self.lines:
            if line.get("event") == "started":
                again[line["stage"]] = "interrupted"
            elif line.get("event") == "ended":
                again[line["stage"]] = f"{line['outcome']}: {line['reason']}".splitlines()[0]
            elif line.get("event") == "superseded":
                earlier.append({name: line[name] for name in ("stage", "run", "reason")})
        done = self.decided()
        run = self.folder.name
        mine = [Superseded(stage=name, run=run, reason=why) for name, why in again.items() if name not in done]
        return [*map(Superseded.model_validate, earlier), *mine]


def _is_decided(stage: Stage) -> bool:
    return stage.holds is not None and stage.outcome != "invalid-environment"


def newest(replays: Path, same: Entry) -> Past | None:
    """The newest replay of the `same` things below a folder, as far as it has a journal."""
    for file in sorted(replays.glob(f"*/{FILE}"), reverse=True):
        lines = entries(file.read_bytes())
        if lines and (past := Past(file.parent, lines)).is_of(same):
            return past
    return None


def adopt(past: Past, names: Sequence[str], into: Path) -> None:
    """Give the new replay in `into` the evidence of decided stages; the earlier one keeps its own."""
    for name in names:
        with storing(into):
            shutil.copytree(past.folder / name, into / name, copy_function=_linked)


def _linked(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)
