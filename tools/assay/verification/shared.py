"""Tests in the agent's own container, as Harbor's shared mode and Terminal-Bench run them.

Whatever the agent installed, replaced or left running is there when the tests run, so no such verdict is safe. All that
is done: the tests arrive after the agent has ended, and the place of the reward is emptied before they run.
"""

from __future__ import annotations

import io
import tarfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path, PurePosixPath

from assay.archives import read_members
from assay.executors import EngineError, Executed, Taken
from assay.executors.cast import Cast
from assay.executors.docker import Engine, Shell
from assay.verification.preparation import Prepared, is_shared, resolve
from assay.verification.solving import GRACE, Solved, Work, judged, missing_solution, write_script
from assay.verification.verdicts import LOGS, Verified, invalid, reported, tests_variables, write_tests

EMPTY = f"rm -rf /tests {LOGS} && mkdir -p {LOGS} && chmod 777 {LOGS}"
_LOOK = 0.3
"""Seconds between two looks at a reward that may still be overwritten."""
LOG_FOLDERS = ("logs/agent", "logs/verifier", "logs/artifacts")


@contextmanager
def solve_live(engine: Engine, prepared: Prepared, work: Work, scratch: Path) -> Iterator[tuple[Solved, Shell]]:
    """Do `work` in a container that lives on, with all that was left running in it, until the context ends.

    What separate verifiers of other milestones receive is taken. Raises EngineError.
    """
    with _container(engine, prepared) as shell:
        if reason := missing_solution(prepared, work):
            yield Solved("invalid-agent", reason, {}, b""), shell
            return
        script = write_script(prepared, work, scratch / "solutions")
        shell.put(_packed(script.folder, "assay"))
        done = within(shell, script.seconds + GRACE, script.command, script.environment, "0")
        taken: dict[str, Path | None] = {}
        for number, path in enumerate(_artifacts(prepared)):
            taken[path] = engine.archive(shell.container, path, scratch / f"{number}.tar")
        yield judged(work, done.exit_code, done.output, taken), shell


def verify_tree(engine: Engine, prepared: Prepared, milestone: str, taken: Taken, scratch: Path) -> Verified:
    """Run the tests of `milestone` in a fresh container that gets the work directory in `taken`. Never raises."""
    workdir = prepared.file.workdir
    archive = taken.get(workdir)
    if archive is None:
        return invalid(prepared, milestone, f"the work directory `{workdir}` is not there")
    try:
        with container_with(engine, prepared, archive) as shell:
            return verify_live(engine, shell, prepared, milestone, scratch)
    except EngineError as error:
        return invalid(prepared, milestone, str(error))


def verify_live(
    engine: Engine, shell: Shell, prepared: Prepared, milestone: str, scratch: Path, linger: float = 0.0
) -> Verified:
    """Run the tests of `milestone` in a container where an agent was.

    The reward is read again until it grants the milestone, for `linger` seconds at most.
    """
    if problem := _failed(shell, ("sh", "-c", EMPTY)):
        return invalid(prepared, milestone, problem, outcome="invalid-verifier")
    shell.put(_packed(write_tests(prepared, milestone, scratch / f"tests-{milestone}"), "tests"))
    limit = prepared.step(milestone).verifier.timeout_sec
    command = ("timeout", "-k", "5", f"{limit:g}", "bash", "/tests/test.sh")
    variables, cast, begun = tests_variables(prepared, milestone), Cast(), time.monotonic()

    def watch(piece: bytes) -> None:
        cast.add(time.monotonic() - begun, piece)

    done = within(shell, limit + GRACE, command, variables, prepared.tests_user(milestone), watch)
    ended = time.monotonic()
    while True:
        archive = engine.archive(shell.container, LOGS, scratch / f"logs-{milestone}.tar")
        files = read_members(archive) if archive else {}
        verified = reported(prepared, milestone, files, done.exit_code, done.seconds, done.output, [])
        if verified.report.passed or time.monotonic() - ended >= linger:
            return replace(verified, cast=cast.value())
        time.sleep(_LOOK)


@contextmanager
def container_with(engine: Engine, prepared: Prepared, archive: Path | None) -> Iterator[Shell]:
    """A fresh container with the work directory that the tar file holds, or the image's own. Raises EngineError."""
    workdir = prepared.file.workdir
    with _container(engine, prepared) as shell:
        if archive:
            if problem := _failed(shell, ("find", workdir, "-xdev", "-mindepth", "1", "-delete")):
                raise EngineError(problem)
            shell.put(archive.read_bytes(), str(PurePosixPath(workdir).parent))
        yield shell


@contextmanager
def _container(engine: Engine, prepared: Prepared) -> Iterator[Shell]:
    environment = {"LANG": "C.UTF-8", "TZ": "UTC"} | resolve(prepared.file.environment.env)
    with engine.open(prepared.image, prepared.file.workdir, "0", environment, prepared.limits) as shell:
        shell.start(_folders(LOG_FOLDERS))
        yield shell


def _artifacts(prepared: Prepared) -> tuple[str, ...]:
    """What the separate verifiers of a task whose other verifiers share the agent's container receive."""
    separate = [name for name in prepared.file.milestones if not is_shared(prepared.file, name)]
    found = [item.source for name in separate for item in prepared.file.artifacts_of(name)]
    return tuple(dict.fromkeys(str(PurePosixPath(prepared.file.workdir) / source) for source in found))


def _failed(shell: Shell, command: Sequence[str]) -> str:
    """Why the container cannot be made ready for tests; empty when it can."""
    done = within(shell, 60, command, {}, "0")
    found = done.output.decode(errors="replace").strip()[-300:]
    return f"the container cannot be made ready for the tests: {found or done.exit_code}" if done.exit_code else ""


def within(
    shell: Shell,
    seconds: float,
    command: Sequence[str],
    environment: Mapping[str, str],
    user: str,
    sink: Callable[[bytes], None] = lambda piece: None,
    errors: Callable[[bytes], None] | None = None,
) -> Executed:
    """Run a command as `user`; after `seconds` the whole container is killed, and the exit status is 137."""
    timer = threading.Timer(seconds, shell.kill)
    timer.daemon = True
    timer.start()
    try:
        return shell.execute(command, environment=environment, user=user, sink=sink, errors=errors)
    finally:
        timer.cancel()


def _folders(names: Sequence[str]) -> bytes:
    """A tar archive of empty folders that everybody may write to."""
    store = io.BytesIO()
    with tarfile.open(fileobj=store, mode="w") as archive:
        for name in names:
            info = tarfile.TarInfo(name)
            info.type, info.mode = tarfile.DIRTYPE, 0o777
            archive.addfile(info)
    return store.getvalue()


def _packed(folder: Path, name: str) -> bytes:
    """A tar archive with the files of `folder` below `name`, all owned by root."""

    def owned(info: tarfile.TarInfo) -> tarfile.TarInfo:
        info.uid = info.gid = 0
        info.uname = info.gname = ""
        return info

    store = io.BytesIO()
    with tarfile.open(fileobj=store, mode="w") as archive:
        archive.add(folder, name, filter=owned)
    return store.getvalue()
