"""The agent's side of a stage: what is done in its container, and what is taken out of it."""

from __future__ import annotations

import shlex
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from assay.executors import Job, Taken
from assay.executors.docker import Engine
from assay.model.outcome import Outcome
from assay.model.task import DEFAULT_TIMEOUT
from assay.verification.preparation import Prepared, artifact_paths, resolve

GRACE = 20.0
"""Seconds that a container may take beyond the limits of what runs in it, before it is killed from outside."""

PLANT_SECONDS = 60.0
IDLE = 77
"""Exit status of a plant that finds nothing to act on."""


@dataclass(frozen=True)
class Work:
    """What stands in for an agent: a plant, or reference solutions in order and then changes to files."""

    solutions: int = 0
    scripts: Mapping[tuple[str, str], bytes] = field(default_factory=dict)
    """Files of solutions that are replaced, by milestone and path."""
    files: Mapping[str, bytes] = field(default_factory=dict)
    """Content that files get in the end, by absolute path; they keep owner and mode."""
    plant: str = ""
    """A script that root runs; its arguments are the work directory and the artifacts."""


@dataclass(frozen=True)
class Solved:
    """What the agent's side left behind."""

    outcome: Outcome
    reason: str
    taken: Taken
    log: bytes
    idle: bool = False
    """A plant had nothing to act on, for the reason given."""


@dataclass(frozen=True)
class Script:
    """`run.sh` in a folder that the container has as /assay, and the seconds it may take; empty if it does nothing."""

    folder: Path
    seconds: float
    empty: bool
    environment: Mapping[str, str]

    command = ("bash", "/assay/run.sh")


def solve(engine: Engine, prepared: Prepared, work: Work, scratch: Path) -> Solved:
    """Do `work` in one fresh container and take the artifacts. Raises EngineError.

    The milestone after the last solved one is entered too (its `workdir/` is copied in), as it would be when its tests
    run.
    """
    if reason := missing_solution(prepared, work):
        return Solved("invalid-agent", reason, {}, b"")
    script = write_script(prepared, work, scratch / "solutions")
    job = Job(
        image=prepared.image.record.id,
        command=script.command,
        workdir=prepared.file.workdir,
        seconds=script.seconds + GRACE,
        into=scratch,
        mounts={"/assay": script.folder},
        environment=script.environment,
        limits=prepared.limits,
        collect=artifact_paths(prepared.file),
        start=not script.empty,
    )
    finished = engine.run(job)
    exit_code = 0 if script.empty else finished.exit_code
    return judged(work, None if finished.timed_out else exit_code, finished.log, finished.taken)


def missing_solution(prepared: Prepared, work: Work) -> str:
    """Which of the wanted reference solutions the task does not have; empty when it has them."""
    folder = prepared.task.folder
    for name in prepared.file.milestones[: work.solutions]:
        if not any((base / "solution/solve.sh").is_file() for base in (folder, folder / "steps" / name)):
            return f"there is no solution/solve.sh for `{name}`"
    return ""


def judged(work: Work, exit_code: int | None, log: bytes, taken: Taken) -> Solved:
    """What the end of `run.sh` means; `exit_code` is None when it had to be stopped."""
    last = (log.decode(errors="replace").strip().splitlines() or ["no output"])[-1][:300]
    if exit_code == 0:
        return Solved("scored", "", taken, log)
    if work.plant and exit_code == IDLE:
        return Solved("scored", f"the plant had nothing to act on: {last}", {}, log, idle=True)
    reason = "it did not end in time, or was killed" if exit_code in (None, 137) else last
    if work.plant:
        return Solved("invalid-environment", f"the plant could not be laid: {reason}", {}, log)
    return Solved("invalid-agent", f"the reference solution failed: {reason}", {}, log)


def write_script(prepared: Prepared, work: Work, inputs: Path) -> Script:
    """The shell script that does `work`, with its files, in the new folder `inputs`."""
    inputs.mkdir()
    file = prepared.file
    lines, seconds = _solution_lines(prepared, work, inputs)
    if work.plant:
        (inputs / "plant.sh").write_text(work.plant, encoding="utf-8")
        arguments = shlex.join((file.workdir, *artifact_paths(file)))
        lines.append(f"timeout -k 5 {PLANT_SECONDS:g} bash /assay/plant.sh {arguments} || exit")
        seconds += PLANT_SECONDS + 6
    for number, (path, content) in enumerate(work.files.items()):
        (inputs / f"file-{number}").write_bytes(content)
        lines.append(f"cat /assay/file-{number} > {shlex.quote(path)} || exit 96")
    for verifier in (file.verifier, *(step.verifier for step in file.steps)):
        for command in verifier.collect:
            lines.append(f"timeout -k 5 {command.timeout_sec:g} bash -c {shlex.quote(command.command)}")
            seconds += command.timeout_sec + 6
    logs = "mkdir -p /logs/agent /logs/verifier /logs/artifacts; chmod 777 /logs/agent /logs/verifier /logs/artifacts"
    script = ["exec 2>&1 </dev/null", logs, f"cd {shlex.quote(file.workdir)} || exit 96", *lines, "exit 0", ""]
    (inputs / "run.sh").write_text("\n".join(script), encoding="utf-8")
    environment = {"LANG": "C.UTF-8", "TZ": "UTC"} | resolve(file.environment.env | file.solution.env)
    return Script(inputs, seconds, not lines, environment)


def _solution_lines(prepared: Prepared, work: Work, inputs: Path) -> tuple[list[str], float]:
    """The shell lines for the wanted solutions, whose files go below `inputs`, and how long they may take."""
    file, folder, count = prepared.file, prepared.task.folder, work.solutions
    lines: list[str] = []
    seconds = 0.0
    for place, step in enumerate(file.steps[: count + 1] if count else file.steps):
        source = folder / "steps" / step.name
        lines += _enter(source, inputs / step.name)
        if place < count:
            target = inputs / step.name / "solution"
            limit = step.agent.timeout_sec or file.agent.timeout_sec or DEFAULT_TIMEOUT
            merge([folder / "solution", source / "solution"], target)
            for (milestone, path), content in work.scripts.items():
                if milestone == step.name:
                    (target / path).write_bytes(content)
            lines += _apply(step.name, limit, prepared.user)
            seconds += limit + 6
    return lines, seconds


def _enter(source: Path, target: Path) -> list[str]:
    """Shell lines that give the container what a milestone's `workdir/` holds, as Harbor does before the step."""
    if not (source / "workdir").is_dir():
        return []
    shutil.copytree(source / "workdir", target / "workdir")
    lines = [f"cp -R /assay/{source.name}/workdir/. . || exit 96"]
    if (source / "workdir/setup.sh").is_file():
        lines.append(f"bash ./setup.sh || {{ echo 'setup.sh of `{source.name}` exited with' $?; exit 97; }}")
    return lines


def _apply(milestone: str, seconds: float, user: str) -> list[str]:
    run = f"timeout -k 5 {seconds:g} {as_user(user)}bash /solution/solve.sh"
    return [
        f"rm -rf /solution && ln -s /assay/{milestone}/solution /solution",
        f"( {run} ) || {{ echo 'solve.sh of `{milestone}` exited with' $?; exit 98; }}",
    ]


def as_user(user: str) -> str:
    """The start of a shell command that root runs as `user`, a name or a number; empty for root itself."""
    name = user.split(":")[0]
    return "" if name in ("", "0", "root") else f'runuser -u "$(id -nu {shlex.quote(name)})" -- '


def merge(sources: Sequence[Path], target: Path) -> None:
    """Copy folders over each other; later ones win, as Harbor overlays a step's tests on the shared ones."""
    target.mkdir(parents=True, exist_ok=True)
    for source in sources:
        if source.is_dir():
            shutil.copytree(source, target, dirs_exist_ok=True)
