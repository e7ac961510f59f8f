"""A recorded attempt: a person or a script at the shell of a task's container, and what is kept of it.

Each command runs as a `bash -c` of its own; the working directory carries over.
"""

from __future__ import annotations

import io
import tarfile
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import Executor
from pathlib import Path
from typing import Protocol

from assay.executors import Executed, Taken
from assay.executors.docker import Engine, Shell
from assay.model.attempt import Action
from assay.model.outcome import TestReport
from assay.trials.milestones import Start, run_tests
from assay.trials.recording import Recording
from assay.trials.requests import instruction
from assay.verification.preparation import resolve

OUTPUT_LIMIT = 64 * 1024
"""Bytes of one command's output that a trajectory keeps."""

STATE = "/run/assay"
STARTUP = f"""\
unset BASH_ENV
exec 2>&1 </dev/null
cd -- "$(<{STATE}/cwd)" 2>/dev/null
echo "$PPID" > {STATE}/group
trap 'pwd > {STATE}/cwd' EXIT
"""
"""Read by each command's shell before the command: one ordered output, and the directory the last one ended in."""


class Source(Protocol):
    """Where an attempt's actions come from."""

    def actions(self, milestone: str, instruction: str) -> Iterator[Action] | None:
        """What to do for `milestone`; None ends the attempt before it."""

    def show(self, piece: bytes) -> None:
        """A piece of a running command's output."""

    def ended(self, executed: Executed) -> None:
        """The command has ended."""

    def tested(self, reports: Iterable[TestReport]) -> None:
        """The tests that ran when a milestone was handed in."""

    @property
    def interruptible(self) -> bool:
        """Whether Ctrl-C ends the running command instead of the whole attempt."""


def record(engine: Engine, recording: Recording, source: Source, pool: Executor, folder: Path, seconds: float) -> None:
    """Play `source` in a fresh container and fill `recording`; each command may take `seconds`.

    `folder` is scratch space. What was recorded before an exception stays in `recording`.
    """
    prepared = recording.prepared
    file = prepared.file
    start = Start(engine, prepared, folder)
    taken: Taken = {}
    environment = {"LANG": "C.UTF-8", "TZ": "UTC", **resolve(file.environment.env)}
    user = str(file.agent.user) if file.agent.user is not None else ""
    with engine.open(prepared.image, file.workdir, user, environment, prepared.limits) as shell:
        recording.isolation = shell.isolation()
        shell.start(_state(file.workdir))
        for place, milestone in enumerate(file.milestones):
            text = instruction(prepared.task, milestone, first=place == 0)
            actions = source.actions(milestone, text)
            if actions is None:
                break
            started = time.monotonic()
            recording.asked(milestone, text)
            for action in actions:
                executed = _execute(shell, action, source, seconds)
                recording.acted(milestone, action, executed)
                if executed:
                    source.ended(executed)
            recording.seconds += time.monotonic() - started
            handed = start.hand_in(shell, milestone)
            recording.patches[milestone], taken = handed.patch, handed.taken
            names = file.milestones[: place + 1]
            recording.tested[milestone] = run_tests(engine, prepared, names, taken, pool, folder / f"at-{milestone}")
            source.tested([done.report for done in recording.final.values()])
    # An attempt that stopped early is tested for the milestones it never reached as well.
    missing = [name for name in file.milestones if name not in recording.final]
    recording.final.update(run_tests(engine, prepared, missing, taken, pool, folder / "rest"))


def _state(workdir: str) -> bytes:
    """A tar archive with the files that carry state from one command to the next."""
    store = io.BytesIO()
    with tarfile.open(fileobj=store, mode="w") as archive:
        for name, text in (("startup", STARTUP), ("cwd", f"{workdir}\n"), ("group", "")):
            info = tarfile.TarInfo(f"{STATE}/{name}".lstrip("/"))
            info.size, info.mode = len(text.encode()), 0o666
            archive.addfile(info, io.BytesIO(text.encode()))
    return store.getvalue()


def _execute(shell: Shell, action: Action, source: Source, seconds: float) -> Executed | None:
    if action.run is None:
        return None
    return shell.execute(
        ["timeout", "-k", "5", f"{seconds:g}", "bash", "-c", action.run],
        environment={"BASH_ENV": f"{STATE}/startup"},
        limit=OUTPUT_LIMIT,
        sink=source.show,
        on_interrupt=("bash", "-c", f'kill -INT -- "-$(<{STATE}/group)"') if source.interruptible else (),
    )
