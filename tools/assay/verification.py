"""Running a milestone's solution and tests: two fresh containers, with only declared artifacts between them.

The agent's side ends before the verifier's begins, so nothing that an agent left running, planted or replaced can reach
the tests. The verifier starts from the image again, receives the artifacts, and owns the place where the reward goes.
"""

from __future__ import annotations

import hashlib
import os
import re
import shlex
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from assay.archives import absolute, read_members, select
from assay.executors import EngineError, Image, Job, Limits, Taken
from assay.executors.docker import Engine
from assay.model.outcome import Outcome, TestReport
from assay.model.task import DEFAULT_TIMEOUT, StepSettings, TaskFile
from assay.rewards import judge
from assay.workspace import Task

GRACE = 20.0
"""Seconds that a container may take beyond the limits of what runs in it, before it is killed from outside."""

LOGS = "/logs/verifier"
EXIT_FILE = ".exit"
NOT_RUN = "the container ended before the tests did: out of memory, or the image lacks bash, tar or timeout"
LATE = "the tests did not end within {:g} s, or were killed"
STEADY = {"TZ": "UTC", "LANG": "C.UTF-8", "PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1"}
"""Makes the same tests give the same answer on every machine."""

_VARIABLE = re.compile(r"\$\{(\w+)(?::-([^}]*))?\}")


@dataclass(frozen=True)
class Prepared:
    """A task with its image: all that a stage needs."""

    task: Task
    file: TaskFile
    image: Image

    def step(self, milestone: str) -> StepSettings:
        """The settings of a milestone."""
        return next(step for step in self.file.steps if step.name == milestone)

    @property
    def user(self) -> str:
        """Whom the agent's commands run as; empty for root."""
        user = self.file.agent.user
        return str(user) if user is not None else self.image.user

    @property
    def limits(self) -> Limits:
        """Memory and processors of both containers."""
        wanted = self.file.environment
        return Limits(wanted.memory_mb or _megabytes(wanted.memory), wanted.cpus)


@dataclass(frozen=True)
class Solved:
    """What applying reference solutions left behind."""

    outcome: Outcome
    reason: str
    taken: Taken
    log: bytes


@dataclass(frozen=True)
class Verified:
    """A test report and the log it names."""

    report: TestReport
    log: bytes


def prepare(engine: Engine, task: Task) -> Prepared:
    """Build or find the task's image. Raises EngineError when that fails or the task needs what is not supported."""
    if task.file is None:
        raise EngineError("task.toml is not valid; run `assay check`")
    file = task.file.record
    if reason := unsupported(file):
        raise EngineError(reason)
    context = task.folder / "environment"
    if any((context / name).exists() for name in ("docker-compose.yaml", "docker-compose.yml")):
        raise EngineError("environments of several services (docker-compose) are not supported yet")
    if (context / "Dockerfile").is_file():
        image = engine.build(context, task.id, file.environment.build_timeout_sec)
    elif file.environment.docker_image:
        image = engine.image(file.environment.docker_image)
    else:
        raise EngineError("the task needs environment/Dockerfile or `docker_image`")
    return Prepared(task, file, image)


def _megabytes(text: str | None) -> int | None:
    """Harbor's old notation: `4G`, `512M`."""
    if not text:
        return None
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([MG])i?B?", text.strip(), re.IGNORECASE)
    if not found:
        raise EngineError(f"`memory` must be like `4G` or `512M`; found `{text}`")
    return int(float(found[1]) * (1024 if found[2].upper() == "G" else 1))


def unsupported(file: TaskFile) -> str:
    """What the task asks for that replays cannot give; empty when there is nothing of the kind."""
    verifiers = [file.verifier, *(step.verifier for step in file.steps)]
    for step in file.steps:
        mode = step.verifier.environment_mode or ("separate" if file.verifier.separate else "shared")
        if mode != "separate":
            return 'shared verifiers are not supported yet; set `environment_mode = "separate"` in [verifier]'
    if any(verifier.environment is not None for verifier in verifiers):
        return "`[verifier.environment]` is not supported yet; the verifier starts from the task's image"
    if any(verifier.user is not None for verifier in verifiers):
        return "`[verifier].user` is not supported yet; tests start as root and can switch with setpriv"
    services = {artifact.service or "main" for step in file.steps for artifact in file.artifacts_of(step.name)}
    services |= {command.service for verifier in verifiers for command in verifier.collect}
    if services - {"main"}:
        return "services beside `main` are not supported yet"
    if file.environment.healthcheck or any(step.healthcheck for step in file.steps):
        return "`healthcheck` is not supported yet; replays start no services"
    if file.environment.gpus or file.environment.tpu:
        return "accelerators are not supported"
    return "" if file.environment.os == "linux" else "only Linux containers are supported"


def artifact_paths(file: TaskFile) -> tuple[str, ...]:
    """Absolute paths of everything that any milestone's verifier receives."""
    found = [artifact for step in file.steps for artifact in file.artifacts_of(step.name)]
    return tuple(dict.fromkeys(str(absolute(artifact.source, file.workdir)) for artifact in found))


def resolve(variables: Mapping[str, str]) -> dict[str, str]:
    """Values with Harbor's `${NAME}` and `${NAME:-default}` filled in from this process's environment."""

    def value(match: re.Match[str]) -> str:
        found = os.environ.get(match[1], match[2])
        if found is None:
            raise EngineError(f"the task needs the environment variable `{match[1]}`; it is not set here")
        return found

    return {name: _VARIABLE.sub(value, text) for name, text in variables.items()}


def solve(engine: Engine, prepared: Prepared, count: int, scratch: Path) -> Solved:
    """Apply the reference solutions of the first `count` milestones in one fresh container and take the artifacts.

    The milestone after the last one is entered too (its `workdir/` is copied in), as it would be when its tests run.
    """
    file, folder = prepared.file, prepared.task.folder
    for step in file.steps[:count]:
        if not any((base / "solution/solve.sh").is_file() for base in (folder, folder / "steps" / step.name)):
            return Solved("invalid-agent", f"steps/{step.name}/solution/solve.sh is missing", {}, b"")
    inputs = scratch / "solutions"
    inputs.mkdir()
    lines, seconds = _solution_lines(prepared, count, inputs)
    script = ["exec 2>&1 </dev/null", f"cd {shlex.quote(file.workdir)} || exit 96", *lines, "exit 0", ""]
    (inputs / "run.sh").write_text("\n".join(script), encoding="utf-8")
    job = Job(
        image=prepared.image.record.id,
        command=("bash", "/assay/run.sh"),
        workdir=file.workdir,
        seconds=seconds + GRACE,
        into=scratch,
        mounts={"/assay": inputs},
        environment={"LANG": "C.UTF-8", "TZ": "UTC"} | resolve(file.environment.env | file.solution.env),
        limits=prepared.limits,
        collect=artifact_paths(file),
        start=bool(lines),
    )
    finished = engine.run(job)
    if lines and (finished.timed_out or finished.exit_code != 0):
        last = finished.log.decode(errors="replace").strip().splitlines()[-1:] or ["no output"]
        reason = "it did not end in time" if finished.timed_out else last[0]
        return Solved("invalid-agent", f"the reference solution failed: {reason[:300]}", {}, finished.log)
    return Solved("scored", "", finished.taken, finished.log)


def _solution_lines(prepared: Prepared, count: int, inputs: Path) -> tuple[list[str], float]:
    """The shell lines for `count` solutions, whose files go below `inputs`, and how long they may take."""
    file, folder = prepared.file, prepared.task.folder
    lines: list[str] = []
    seconds = 0.0
    for place, step in enumerate(file.steps[: count + 1] if count else file.steps):
        source = folder / "steps" / step.name
        lines += _enter(source, inputs / step.name)
        if place < count:
            limit = step.agent.timeout_sec or file.agent.timeout_sec or DEFAULT_TIMEOUT
            _merge([folder / "solution", source / "solution"], inputs / step.name / "solution")
            lines += _apply(step.name, limit, prepared.user)
            seconds += limit + 6
    for verifier in (file.verifier, *(step.verifier for step in file.steps)):
        for command in verifier.collect:
            lines.append(f"timeout -k 5 {command.timeout_sec:g} bash -c {shlex.quote(command.command)}")
            seconds += command.timeout_sec + 6
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
    switch = "" if user in ("", "0", "root") else f'runuser -u "$(id -nu {shlex.quote(user.split(":")[0])})" -- '
    run = f"timeout -k 5 {seconds:g} {switch}bash /solution/solve.sh"
    return [
        f"rm -rf /solution && ln -s /assay/{milestone}/solution /solution",
        f"( {run} ) || {{ echo 'solve.sh of `{milestone}` exited with' $?; exit 98; }}",
    ]


def verify(engine: Engine, prepared: Prepared, milestone: str, taken: Taken, scratch: Path) -> Verified:
    """Run the tests of `milestone` on artifacts that were taken from elsewhere, in a fresh container.

    Never raises for what the tests or the engine do: the report's outcome says it.
    """
    file, step = prepared.file, prepared.step(milestone)
    inputs = scratch / f"verify-{milestone}"
    inputs.mkdir(parents=True)
    try:
        rejected = select(file.artifacts_of(milestone), taken, file.workdir, inputs / "artifacts.tar")
        finished = engine.run(_verifier_job(prepared, step, inputs, scratch / f"tests-{milestone}"))
    except EngineError as error:
        return _invalid(prepared, milestone, str(error), b"")
    archive = finished.taken[LOGS]
    files = read_members(archive) if archive else {}
    if not files.get(EXIT_FILE, b"").isdigit() and not finished.timed_out:
        return _invalid(prepared, milestone, NOT_RUN, finished.log)
    exit_code = None if finished.timed_out else int(files[EXIT_FILE])
    verdict = judge(files, exit_code, step.min_reward)
    late = exit_code in (None, 124, 137)
    report = TestReport(
        format=1,
        milestone=milestone,
        outcome=verdict.outcome,
        passed=verdict.passed,
        reward=verdict.reward,
        tests=list(verdict.tests),
        exit_code=exit_code,
        seconds=round(finished.seconds, 3),
        image=prepared.image.record.id,
        reason=LATE.format(step.verifier.timeout_sec) if late else verdict.reason,
        rejected=rejected,
        log_sha256=hashlib.sha256(finished.log).hexdigest(),
    )
    return Verified(report, finished.log)


def _verifier_job(prepared: Prepared, step: StepSettings, inputs: Path, tests: Path) -> Job:
    file, folder = prepared.file, prepared.task.folder
    _merge([folder / "tests", folder / "steps" / step.name / "tests"], tests)
    (inputs / "run.sh").write_text(_verifier_script(file, step), encoding="utf-8")
    return Job(
        image=prepared.image.record.id,
        command=("bash", "/assay/run.sh"),
        workdir=file.workdir,
        seconds=step.verifier.timeout_sec + GRACE,
        into=inputs,
        mounts={"/assay": inputs, "/tests": tests},
        environment=STEADY | resolve(file.environment.env | file.verifier.env | step.verifier.env),
        limits=prepared.limits,
        collect=(LOGS,),
    )


def _verifier_script(file: TaskFile, step: StepSettings) -> str:
    """Runs as root before anything of the agent's does; what the image holds at the artifacts' paths goes first."""
    paths = [str(absolute(artifact.source, file.workdir)) for artifact in file.artifacts_of(step.name)]
    remove = [f"rm -rf -- {shlex.join(paths)}"] if paths else []
    lines = [
        "exec 2>&1 </dev/null",
        *remove,
        "tar -xpf /assay/artifacts.tar -C / || exit 96",
        f"rm -rf {LOGS} && mkdir -p {LOGS} && chmod 700 {LOGS} || exit 96",
        f"cd {shlex.quote(file.workdir)} || exit 96",
        f"timeout -k 5 {step.verifier.timeout_sec:g} bash /tests/test.sh",
        f'printf %s "$?" > {LOGS}/{EXIT_FILE}',
    ]
    return "\n".join([*lines, ""])


def _invalid(prepared: Prepared, milestone: str, reason: str, log: bytes) -> Verified:
    report = TestReport(
        format=1,
        milestone=milestone,
        outcome="invalid-environment",
        passed=None,
        reward=None,
        tests=[],
        exit_code=None,
        seconds=0,
        image=prepared.image.record.id,
        reason=reason,
        log_sha256=hashlib.sha256(log).hexdigest(),
    )
    return Verified(report, log)


def _merge(sources: Sequence[Path], target: Path) -> None:
    """Copy folders over each other; later ones win, as Harbor overlays a step's tests on the shared ones."""
    target.mkdir(parents=True, exist_ok=True)
    for source in sources:
        if source.is_dir():
            shutil.copytree(source, target, dirs_exist_ok=True)
