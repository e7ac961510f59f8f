"""The evidence of an escalation: of a replay of its task, of a recorded run, or of one command in its container."""

from __future__ import annotations

import hashlib
import shlex
from dataclasses import dataclass
from pathlib import Path

from assay.contents import content_hash, file_hash
from assay.documents import read, validate
from assay.errors import UsageError
from assay.evidence.runs import Run
from assay.executors import EngineError
from assay.model.escalation import EscalationEvidence, EscalationKind, Repair, Shown
from assay.model.outcome import Outcome, Proof
from assay.replay.drafting import command_of, end_of, exit_code, shown
from assay.replay.journal import place
from assay.workspace import PROOFS, Task

SECONDS = 600
"""A command that shows a defect and takes longer is not the fewest that shows it."""
_EMPTY = bytes(1024)
"""A tar archive of nothing."""


def newest(root: Path, task: str) -> tuple[Path, Proof] | None:
    """The newest readable replay of a task on this machine, and its folder."""
    for file in sorted((root / PROOFS / task).glob("*/replay.json"), reverse=True):
        document, _ = read(file, str(file))
        proof = validate(document, Proof)[0] if document else None
        if proof:
            return file.parent, proof
    return None


@dataclass(frozen=True)
class Collected:
    """What can be said of a defect before a person says more."""

    evidence: EscalationEvidence | None
    title: str = ""
    kind: EscalationKind = "environment-broken"
    outcome: Outcome | None = None
    again: tuple[str, ...] = ()
    """Commands that show it again."""
    trajectories: tuple[str, ...] = ()
    """Those that it was seen on."""


def of_replay(root: Path, task: Task) -> Collected:
    """What the newest replay of the task as it is now ran; nothing when there is none."""
    found = newest(root, task.id)
    if found is None or found[1].content_sha256 != content_hash(task.folder):
        return Collected(None)
    folder, proof = found
    evidence = EscalationEvidence(
        command=command_of(proof, proof.stages),
        engine=proof.engine,
        image=proof.image.id if proof.image else None,
        content_sha256=proof.content_sha256,
        path=shown(root, folder),
    )
    return Collected(evidence)


def of_run(run: Run) -> Collected:
    """What an annotator recorded with `assay verify`."""
    record = run.entry.record
    state = record.state
    where = f" --step {state.step}" if state.step else ""
    where = where or (f" --milestone {state.milestone}" if state.kind == "milestone" else "")
    typed = f" -- {shlex.join(record.command)}" if record.command else " --shell" if record.kind == "shell" else ""
    what = shlex.join(record.command) or ("the tests" if record.kind == "tests" else "a shell")
    evidence = EscalationEvidence(
        command=f"assay verify {run.task}/{record.alias}{where}{typed}",
        exit_code=record.exit_code,
        image=record.image.id,
        stage=record.alias,
        content_sha256=record.task_sha256,
        path=run.entry.path,
        log_sha256=record.stdout.sha256,
        log_excerpt=end_of(run.output.encode()),
    )
    return Collected(
        evidence,
        title=_visible(f"`{what}` on {record.alias}: exit {record.exit_code}"),
        kind="tests-contradict-task" if record.kind == "tests" else "environment-broken",
        again=(f"assay verify {run.task}/{record.alias} --by HANDLE{where}{typed}",),
        trajectories=(record.alias,),
    )


def of_command(task: Task, command: str) -> Collected:
    """Run `command` in a fresh container of the task, without network.

    An image that cannot be built or started is evidence too. Raises EnvironmentMissingError without an engine.
    """
    from assay.executors.docker import Engine
    from assay.verification.preparation import prepare, resolve

    with Engine.connect() as engine:
        seen = EscalationEvidence(command=command, engine=engine.version, content_sha256=content_hash(task.folder))
        image = None
        try:
            prepared = prepare(engine, task)
            image, file = prepared.image.record.id, prepared.file
            environment = {"LANG": "C.UTF-8", "TZ": "UTC", **resolve(file.environment.env)}
            with engine.open(prepared.image, file.workdir, prepared.user, environment, prepared.limits) as shell:
                shell.start(_EMPTY)
                done = shell.execute(["timeout", "-k", "5", str(SECONDS), "sh", "-c", command])
        except EngineError as error:
            told = {"exit_code": exit_code(str(error)), "log_excerpt": end_of(str(error).encode()), "image": image}
            build = (f"docker build tasks/{task.id}/environment",) if image is None else ()
            title = _visible(f"`{command}` cannot be run")
            return Collected(seen.model_copy(update=told), title, outcome="invalid-environment", again=build)
    user = f" -u {shlex.quote(prepared.user)}" if prepared.user else ""
    again = f"docker run --rm --network none -w {shlex.quote(file.workdir)}{user} --entrypoint sh {image}"
    ran = {
        "image": image,
        "exit_code": done.exit_code,
        "log_sha256": None if done.hidden else hashlib.sha256(done.output).hexdigest(),
        "log_excerpt": end_of(done.output),
    }
    title = _visible(f"`{command}` exits with {done.exit_code}")
    return Collected(seen.model_copy(update=ran), title, again=(f"{again} -c {shlex.quote(command)}",))


def _visible(title: str) -> str:
    return "".join(char if char.isprintable() else "?" for char in title)


def repair(root: Path, task: Task) -> Repair:
    """The newest replay as what shows that a defect is gone. Raises UsageError when it does not."""
    again = f"replay it: `assay replay {task.id}`"
    found = newest(root, task.id)
    if found is None:
        raise UsageError("not-replayed", f"no replay of `{task.id}` on this machine shows that it is fixed", again)
    folder, proof = found
    if proof.content_sha256 != content_hash(task.folder):
        raise UsageError("replay-outdated", f"`{task.id}` was changed after its newest replay", again)
    if proof.verdict != "proven":
        failed = next((place(s.name, s.attempt) for s in proof.stages if s.holds is not True), "a part of it")
        message = f"the newest replay of `{task.id}` does not show it: the verdict is {proof.verdict} ({failed})"
        raise UsageError("replay-failed", message, "mend the task and replay it, or say why with `--status rejected`")
    return Repair(
        content_sha256=proof.content_sha256,
        image=proof.image.id if proof.image else None,
        engine=proof.engine,
        replay_sha256=file_hash(folder / "replay.json"),
        stages=[
            Shown(stage=place(stage.name, stage.attempt), holds=stage.holds)
            for stage in proof.stages
            if stage.kind != "mutant"
        ],
    )
