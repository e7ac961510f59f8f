"""Proofs of tasks, and re-tests of recorded trajectories.

A task is proven by states of its work tree: untouched (every milestone's tests must fail), after each reference
solution (its own tests and all earlier ones pass, the next ones fail), and after all of them (everything passes).
A trajectory reproduces when its last patch, applied to the image, gets the results that were recorded for it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from assay import __version__
from assay.contents import content_hash
from assay.executors import EngineError
from assay.executors.docker import Engine
from assay.model.outcome import Proof
from assay.stages import Plan, StageRun, plan_digest, plans, run_stage, undecided
from assay.storage import as_json, write_whole
from assay.verification import Prepared, prepare
from assay.workspace import PROOFS, Attempt, Task

HARNESS = f"assay {__version__}"


@dataclass
class Request:
    """A task to replay and what has come of it so far."""

    task: Task
    plans: Sequence[Plan]
    folder: Path
    """Where its evidence goes."""
    started: datetime = field(default_factory=lambda: datetime.now(UTC))
    prepared: Prepared | None = None
    runs: list[StageRun] = field(default_factory=list)


Progress = Callable[[Request, StageRun | None], None]
"""Called for every finished stage, and with None when the image is ready."""


def request(root: Path, engine: Engine, task: Task, attempts: Sequence[Attempt] = (), repeat: int = 1) -> Request:
    """A replay of `task`, with a folder of its own for evidence that no other run shares."""
    now = datetime.now(UTC)
    folder = root / PROOFS / task.id / f"{now:%Y%m%dT%H%M%SZ}-{engine.run_id}"
    return Request(task, plans(task, attempts, repeat), folder, now)


def still_proven(item: Request, engine: Engine) -> Proof | None:
    """The newest proof on this machine, when everything that `item` would run is in it and nothing has changed since.

    What counts is the task's content, the image, each trajectory's patch and recorded results, and Assay's version.
    """
    proof = item.task.proof
    if proof is None or proof.verdict != "proven" or proof.harness != HARNESS or proof.image is None:
        return None
    ran = {(stage.name, stage.attempt, stage.patch_sha256, tuple(stage.expected.items())) for stage in proof.stages}
    wanted = {(plan.name, plan.number, plan_digest(plan), tuple(plan.expected.items())) for plan in item.plans}
    if not wanted <= ran or proof.content_sha256 != content_hash(item.task.folder):
        return None
    return proof if engine.has_image(proof.image.id) else None


def replay(
    requests: Sequence[Request], engine: Engine, pool: Executor, progress: Progress
) -> Iterator[tuple[Request, Proof]]:
    """Run all stages of all requests on `pool`; yields each task's proof when its last stage has ended.

    Every stage leaves its evidence when it ends, so an interruption loses only what was still running.
    """
    pending: dict[Future[Prepared | EngineError | StageRun], Request] = {
        pool.submit(_prepared, engine, item.task): item for item in requests
    }
    left = {id(item): len(item.plans) for item in requests}
    while pending:
        for future in wait(pending, return_when=FIRST_COMPLETED).done:
            item, result = pending.pop(future), future.result()
            if isinstance(result, StageRun):
                _keep(item, result, progress)
                left[id(item)] -= 1
            elif isinstance(result, Prepared):
                item.prepared = result
                progress(item, None)
                pending |= {pool.submit(_ran, engine, result, plan): item for plan in item.plans}
            else:
                left[id(item)] = 0
                for plan in item.plans:
                    _keep(item, undecided(plan, str(result)), progress)
            if left[id(item)] == 0:
                yield item, _finish(item, engine)


def _prepared(engine: Engine, task: Task) -> Prepared | EngineError | StageRun:
    try:
        return prepare(engine, task)
    except EngineError as error:
        return error


def _ran(engine: Engine, prepared: Prepared, plan: Plan) -> Prepared | EngineError | StageRun:
    return run_stage(engine, prepared, plan)


def _keep(item: Request, run: StageRun, progress: Progress) -> None:
    """Write a stage's evidence; files appear complete or not at all."""
    item.runs.append(run)
    stage = run.stage
    folder = item.folder / (stage.name if stage.attempt == 1 else f"{stage.name}-{stage.attempt}")
    for report in stage.reports:
        write_whole(folder / f"{report.milestone}.json", as_json(report))
    for name, log in run.logs.items():
        write_whole(folder / f"{name}.log", log)
    progress(item, run)


def _finish(item: Request, engine: Engine) -> Proof:
    order = {(plan.name, plan.number): place for place, plan in enumerate(item.plans)}
    stages = sorted((run.stage for run in item.runs), key=lambda stage: order[stage.name, stage.attempt])
    proof = Proof(
        format=1,
        task=item.task.id,
        content_sha256=content_hash(item.task.folder),
        image=item.prepared.image.record if item.prepared else None,
        engine=engine.version,
        harness=HARNESS,
        started=item.started.isoformat(timespec="milliseconds"),
        finished=datetime.now(UTC).isoformat(timespec="milliseconds"),
        stages=stages,
    )
    write_whole(item.folder / "replay.json", as_json(proof))
    return proof
