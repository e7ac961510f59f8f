"""Running a milestone's tests where nothing that an agent left running, planted or replaced can reach them.

The agent's side ends before the verifier's begins. The verifier's container is fresh, receives the declared artifacts
and nothing else, and owns the place where the reward goes. Verifiers that share the agent's container: see `shared`.
"""

from __future__ import annotations

import hashlib
import shlex
import tarfile
from dataclasses import dataclass, replace
from pathlib import Path

from assay.archives import absolute, read_members, select
from assay.executors import EngineError, Job, Taken
from assay.executors.cast import Cast
from assay.executors.docker import Engine
from assay.verification.preparation import Prepared, is_shared, limits
from assay.verification.shared import verify_tree
from assay.verification.solving import GRACE, as_user
from assay.verification.verdicts import LOGS, Verified, invalid, reported, tests_variables, write_tests

EXIT_FILE = ".exit"
NOT_RUN = "the container ended before the tests did; the image may lack bash, tar or timeout"
OUT_OF_MEMORY = "the tests ran out of the container's memory (`memory_mb` in task.toml)"


@dataclass(frozen=True)
class Handover:
    """What a separate verifier receives, as `artifacts.tar` in `folder`."""

    folder: Path
    rejected: list[str]
    digest: str
    """Of the paths, modes, owners and contents; times do not count."""


def verify(engine: Engine, prepared: Prepared, milestone: str, taken: Taken, scratch: Path) -> Verified:
    """Run the tests of `milestone` on what was taken from elsewhere, in a fresh container.

    Never raises for what the tests or the engine do: the report's outcome says it.
    """
    if is_shared(prepared.file, milestone):
        return verify_tree(engine, prepared, milestone, taken, scratch)
    try:
        return examine(engine, prepared, milestone, hand_over(prepared, milestone, taken, scratch))
    except EngineError as error:
        return invalid(prepared, milestone, str(error))


def hand_over(prepared: Prepared, milestone: str, taken: Taken, scratch: Path) -> Handover:
    """Choose what the verifier of `milestone` may see of `taken`."""
    folder = scratch / f"verify-{milestone}"
    folder.mkdir(parents=True)
    archive = folder / "artifacts.tar"
    rejected = select(prepared.file.artifacts_of(milestone), taken, prepared.file.workdir, archive)
    return Handover(folder, rejected, _digest(archive))


def _digest(archive: Path) -> str:
    """Hex SHA-256 over the members; of those with the same path the last one counts, as it does when unpacking."""
    lines = {}
    with tarfile.open(archive) as source:
        for member in source:
            content = source.extractfile(member) if member.isreg() else None
            digest = hashlib.file_digest(content, "sha256").hexdigest() if content else ""  # type: ignore[arg-type]
            lines[member.name] = f"{member.name}\0{member.mode:o}\0{member.uid}:{member.gid}\0{digest}\n"
    text = "".join(lines[name] for name in sorted(lines))
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()


def examine(engine: Engine, prepared: Prepared, milestone: str, given: Handover) -> Verified:
    """Run the tests of `milestone` on what was handed over. Raises EngineError."""
    cast = Cast()
    finished = engine.run(replace(_job(prepared, milestone, given.folder), watch=cast.add))
    archive = finished.taken[LOGS]
    files = read_members(archive) if archive else {}
    ended = files.get(EXIT_FILE, b"").isdigit()
    if not ended and not finished.timed_out:
        done = invalid(prepared, milestone, OUT_OF_MEMORY if finished.out_of_memory else NOT_RUN, finished.log)
    else:
        exit_code = int(files[EXIT_FILE]) if ended and not finished.timed_out else None
        done = reported(prepared, milestone, files, exit_code, finished.seconds, finished.log, given.rejected)
    return replace(done, cast=cast.value())


def _job(prepared: Prepared, milestone: str, inputs: Path) -> Job:
    settings, own = prepared.tests_environment(milestone), prepared.verifiers.get(milestone)
    tests = write_tests(prepared, milestone, inputs / "tests")
    (inputs / "run.sh").write_text(_script(prepared, milestone), encoding="utf-8")
    return Job(
        image=(own or prepared.image).record.id,
        command=("bash", "/assay/run.sh"),
        workdir=_workdir(prepared, milestone),
        seconds=prepared.step(milestone).verifier.timeout_sec + GRACE,
        into=inputs,
        mounts={"/assay": inputs} if own else {"/assay": inputs, "/tests": tests},
        environment=tests_variables(prepared, milestone),
        limits=limits(settings),
        collect=(LOGS,),
    )


def _workdir(prepared: Prepared, milestone: str) -> str:
    own = prepared.verifiers.get(milestone)
    if own is None:
        return prepared.file.workdir
    settings = prepared.step(milestone).verifier.environment or prepared.file.verifier.environment
    return (settings.workdir if settings else None) or own.workdir or "/"


def _script(prepared: Prepared, milestone: str) -> str:
    """Runs as root before anything of the agent's does; what the image holds at the artifacts' paths goes first.

    An image made for the tests has them already (Harbor's convention); one that does not gets them.
    """
    step, user = prepared.step(milestone), prepared.tests_user(milestone)
    paths = [str(absolute(item.source, prepared.file.workdir)) for item in prepared.file.artifacts_of(milestone)]
    remove = [f"rm -rf -- {shlex.join(paths)}"] if paths else []
    bring = "[ -e /tests/test.sh ] || { mkdir -p /tests && cp -R /assay/tests/. /tests/; } || exit 96"
    hand = f'chown -- "$(id -u {shlex.quote(user)})" {LOGS} || exit 96'
    lines = [
        "exec 2>&1 </dev/null",
        *remove,
        "tar -xpf /assay/artifacts.tar -C / || exit 96",
        f"rm -rf {LOGS} && mkdir -p {LOGS} && chown 0:0 /logs {LOGS} && chmod 755 /logs && chmod 700 {LOGS} || exit 96",
        *([bring] if milestone in prepared.verifiers else []),
        *([hand] if as_user(user) else []),
        f"cd {shlex.quote(_workdir(prepared, milestone))} || exit 96",
        f"timeout -k 5 {step.verifier.timeout_sec:g} {as_user(user)}bash /tests/test.sh",
        f'printf %s "$?" > {LOGS}/{EXIT_FILE}',
    ]
    return "\n".join([*lines, ""])
