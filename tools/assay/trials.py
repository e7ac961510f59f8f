"""A recorded attempt: a person or a script at the shell of a task's container, and what is kept of it.

Each command runs as a `bash -c` of its own; the working directory carries over. The verdict does not come from that
container: after each milestone the work tree becomes a patch, and the tests run on the image with that patch applied,
in containers of their own, so that whoever has the repository gets the same results.
"""

from __future__ import annotations

import io
import re
import secrets
import shutil
import tarfile
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from assay.archives import UNTRACKED, WorkTree, absolute, unpack
from assay.executors import EngineError, Executed, Taken
from assay.executors.docker import Engine, Shell
from assay.model.attempt import Action
from assay.model.outcome import TestReport
from assay.model.session import Isolation
from assay.model.trajectory import ATIF_VERSION, Agent, Observation, ObservationResult, Step, ToolCall, Trajectory
from assay.repository import diff_trees
from assay.verification.preparation import Prepared, artifact_paths, resolve
from assay.verification.separate import verify
from assay.verification.verdicts import Verified
from assay.worktree import image_tree, patched_tree, products, tracked_copy, tree_artifacts

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

NOTES = (
    "Recorded shell attempt: every command ran as its own `bash -c`, in order, in one container without network. "
    "There was no system prompt and there are no tool definitions. "
    f"Left out of the patches: {', '.join(UNTRACKED)}, and new files that the image's own .gitignore names."
)
_CANARY = re.compile(r"\A(?:[ \t]*(?:<!--[^\n]*canary[^\n]*-->|#[^\n]*canary[^\n]*)[ \t]*\n+)+", re.IGNORECASE)


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


@dataclass
class Recording:
    """An attempt as it grows."""

    prepared: Prepared
    alias: str
    invocation: str = field(default_factory=lambda: secrets.token_hex(16))
    steps: list[Step] = field(default_factory=list)
    patches: dict[str, bytes] = field(default_factory=dict)
    tested: dict[str, dict[str, Verified]] = field(default_factory=dict)
    """By the milestone after which the tests ran, then by the milestone they belong to."""
    isolation: Isolation | None = None
    filesystem: str | None = None
    """Digest of the image's files, when they were scanned."""
    calls: int = 0
    seconds: float = 0.0

    def asked(self, milestone: str, text: str) -> None:
        """The user requests a milestone."""
        self.steps.append(Step(step_id=len(self.steps) + 1, source="user", message=text, extra=_extra(milestone)))

    def acted(self, milestone: str, action: Action, executed: Executed | None) -> None:
        """The agent said something, ran a command, or both."""
        calls, observation = None, None
        if action.run is not None and executed is not None:
            self.calls += 1
            name = f"call-{self.calls}"
            calls = [ToolCall(tool_call_id=name, function_name="shell", arguments={"command": action.run})]
            observation = Observation(results=[_result(name, executed)])
        self.steps.append(
            Step(
                step_id=len(self.steps) + 1,
                source="agent",
                message=action.say,
                tool_calls=calls,
                observation=observation,
                extra=_extra(milestone),
            )
        )

    @property
    def final(self) -> dict[str, Verified]:
        """Results of the last tests, by milestone."""
        return self.tested[next(reversed(self.tested))]

    @property
    def trajectory(self) -> Trajectory:
        """The attempt so far, masked: nothing in it tells who acted."""
        agent = Agent(name="masked", version="0")
        return Trajectory(schema_version=ATIF_VERSION, agent=agent, steps=self.steps, notes=NOTES)


def _extra(milestone: str) -> dict[str, object]:
    return {"assay": {"milestone": milestone}}


def _result(call: str, executed: Executed) -> ObservationResult:
    extra: dict[str, object] = {"exit_code": executed.exit_code, "seconds": round(executed.seconds, 3)}
    if executed.hidden:
        extra["hidden_bytes"] = executed.hidden
    return ObservationResult(source_call_id=call, content=executed.output.decode("utf-8", "replace"), extra=extra)


def record(engine: Engine, recording: Recording, source: Source, pool: Executor, folder: Path, seconds: float) -> None:
    """Play `source` in a fresh container and fill `recording`; each command may take `seconds`.

    `folder` is scratch space. What was recorded before an exception stays in `recording`.
    """
    prepared = recording.prepared
    file = prepared.file
    base, _ = image_tree(engine, prepared, folder / "base")
    skip = products(base, artifact_paths(file))
    tracked_copy(base, folder / "a")
    taken: Taken = {}
    environment = {"LANG": "C.UTF-8", "TZ": "UTC", **resolve(file.environment.env)}
    user = str(file.agent.user) if file.agent.user is not None else ""
    with engine.open(prepared.image, file.workdir, user, environment, prepared.limits) as shell:
        recording.isolation = shell.isolation()
        shell.start(_state(file.workdir))
        for place, milestone in enumerate(file.milestones):
            text = instruction(prepared, milestone, first=place == 0)
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
            taken = _hand_in(engine, shell, recording, _Start(base, skip), milestone, folder)
            names = file.milestones[: place + 1]
            recording.tested[milestone] = _test(engine, prepared, names, taken, pool, folder / f"at-{milestone}")
            source.tested([done.report for done in recording.final.values()])
    # An attempt that stopped early is tested for the milestones it never reached as well.
    missing = [name for name in file.milestones if name not in recording.final]
    recording.final.update(_test(engine, prepared, missing, taken, pool, folder / "rest"))


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


@dataclass(frozen=True)
class _Start:
    """The work tree before the first command, and which later paths are no part of the attempt."""

    tree: WorkTree
    skip: Callable[[str], bool]


def _hand_in(engine: Engine, shell: Shell, recording: Recording, start: _Start, milestone: str, folder: Path) -> Taken:
    """Record the patch of the container's work tree; returns the artifacts of the image with that patch applied."""
    file = recording.prepared.file
    archive = shell.snapshot(file.workdir, folder / "snapshot.tar")
    if archive is None:
        raise EngineError(f"the work directory `{file.workdir}` is gone from the container")
    now = unpack(archive, file.workdir, folder / "b", start.skip)
    recording.patches[milestone] = patch = diff_trees(folder / "a", now.root)
    shutil.rmtree(now.root)
    elsewhere: dict[str, Path | None] = {}
    for number, path in enumerate(artifact_paths(file)):
        if not start.tree.contains(absolute(path, file.workdir)):
            elsewhere[path] = engine.archive(shell.container, path, folder / f"{milestone}-{number}.tar")
    tree = patched_tree(start.tree, patch, folder / f"at-{milestone}" / "tree")
    return tree_artifacts(tree, recording.prepared, elsewhere, folder / f"at-{milestone}")


def _test(
    engine: Engine, prepared: Prepared, names: Iterable[str], taken: Taken, pool: Executor, folder: Path
) -> dict[str, Verified]:
    folder.mkdir(exist_ok=True)
    running = {name: pool.submit(verify, engine, prepared, name, taken, folder) for name in names}
    return {name: future.result() for name, future in running.items()}


def instruction(prepared: Prepared, milestone: str, *, first: bool) -> str:
    """What the user says when `milestone` begins: its instruction, after the task's own for the first one."""
    names = ["instruction.md"] if first else []
    texts = [_CANARY.sub("", prepared.task.text(name)) for name in (*names, f"steps/{milestone}/instruction.md")]
    return "\n\n".join(text.strip() for text in texts if text.strip()) or f"Milestone `{milestone}`."
