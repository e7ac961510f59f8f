"""Proofs of tasks, and re-tests of recorded trajectories: what runs when, and what came of it.

A task is proven by states of its work tree: untouched (every milestone's tests must fail), after each reference
solution (its own tests and all earlier ones pass, the next ones fail), and after all of them (everything passes).
Then plants try to forge a verdict, and mutants of the reference measure the tests. A trajectory reproduces when its
last patch, applied to the image, gets the results that were recorded for it; one that does not gets them a second
time with nothing beside it, since what agents write may depend on how busy the machine is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from assay.contents import content_hash
from assay.executors import EngineError
from assay.executors.docker import Engine
from assay.executors.owners import labels
from assay.images.scan import drift, scan
from assay.model.outcome import ImageRecord, ImageScan, Proof, Stage, Superseded
from assay.replay.budgets import tight
from assay.replay.journal import Entry, Journal, Past, adopt, key, newest, place, storing
from assay.replay.stages import Plan, StageRun, hijack_plans, mutant_plans, plan_digest, plans, run_stage, undecided
from assay.replay.workplace import HARNESS, Work, Workplace
from assay.storage import as_json, write_whole
from assay.verification.preparation import Prepared
from assay.workspace import PROOFS, Attempt, Task

POLL = 0.5
"""Seconds between looks at what was begun elsewhere."""
BUSY = "not as recorded while other containers ran; as recorded with nothing beside it"
TWICE = "not as recorded; neither the second time, with nothing beside it"
KINDS = ("no-op", "ladder", "oracle", "hijack", "mutant", "trajectory")


@dataclass(frozen=True)
class Wanted:
    """What a proof is to consist of."""

    repeat: int = 3
    hijack: bool = True
    mutants: int = 10
    """At most so many."""
    fresh: bool = False
    """Whether nothing is taken over from an earlier replay that was cut off."""


Progress = Callable[["Replay", Stage | str], None]
"""Called for every stage that has ended, and for other parts of a proof in words."""
DONE = {"image": "the image is ready", "mutants": "mutants are made", "scan": "the image is scanned"}
Job = tuple[Plan | str, Work]
"""A plan, or the name of another part of a proof, and what to do for it."""


class Replay:
    """The replay of one task: what is asked for, and what has come of it so far."""

    def __init__(self, root: Path, run_id: str, task: Task, attempts: Sequence[Attempt], wanted: Wanted) -> None:
        self.started = datetime.now(UTC)
        self.root, self.task, self.wanted, self.run_id = root, task, wanted, run_id
        self.folder = root / PROOFS / task.id / f"{self.started:%Y%m%dT%H%M%SZ}-{run_id}"
        """Where its evidence goes; no other replay shares it."""
        self.plans = plans(task, attempts, wanted.repeat)
        self.plants = hijack_plans(task) if wanted.hijack else []
        self.stages: dict[str, Stage] = {}
        """Those that have ended, by folder."""
        self.resumed = ""
        self.superseded: list[Superseded] = []
        self._images = {one.alias: one.session.record.predicate.image for one in attempts if one.session}
        self._content = content_hash(task.folder)
        self._image: ImageRecord | None = None
        self._scan: ImageScan | None = None
        self._engine = "unknown"
        self._known: set[str] = set()
        self._earlier: dict[str, tuple[Entry, Stage]] = {}
        self._reference: Stage | None = None
        self._unfinished: dict[str, str] = {}
        self._failed: set[str] = set()
        self._doubted: list[Plan] = []
        self._places: dict[str, str] = {}

    @property
    def expected(self) -> int:
        """How many stages there will be, as far as that is known."""
        return len(self.plans) + (0 if self.plants and self.plants[0] in self.plans else len(self.plants))

    def still_proven(self, workplace: Workplace) -> Proof | None:
        """The newest proof on this machine, when all that this one would run is in it and nothing has changed since.

        What counts is the task's content, the image, each trajectory's patch and recorded results, and Assay's version.
        """
        proof = self.task.proof
        if proof is None or proof.verdict != "proven" or proof.harness != HARNESS or proof.image is None:
            return None
        ran = {(s.name, _number(s), s.patch_sha256, tuple(s.expected.items())) for s in proof.stages}
        wanted = [(p.name, p.number, plan_digest(p), tuple(p.expected.items())) for p in (*self.plans, *self.plants)]
        complete = ran.issuperset(wanted) and proof.mutant_cap >= self.wanted.mutants
        if not complete or proof.content_sha256 != self._content:
            return None
        return proof if workplace.has_image(self.task, proof.image.id) else None

    def advance(self, what: Plan | str, result: Any) -> list[Job]:
        """Take in what came of a job, an EngineError maybe; returns the jobs that can run now."""
        if isinstance(what, Plan):
            return self._keep(what, undecided(what, str(result)) if isinstance(result, EngineError) else result)
        if what == "image":
            return self._open(result)
        if isinstance(result, EngineError):
            self._unfinished[what] = str(result)
            self._failed.add(what)
            return []
        if isinstance(result, ImageScan):
            self._scan = result
            self._image = self._image and self._image.model_copy(update={"filesystem_sha256": result.filesystem_sha256})
            return []
        self.plans += result
        return self._todo(result)

    def _open(self, result: tuple[ImageRecord, str, set[str]] | EngineError) -> list[Job]:
        """Begin, with what an earlier replay of the same things has decided before it was cut off."""
        failed = isinstance(result, EngineError)
        if not isinstance(result, EngineError):
            self._image, self._engine, self._known = result
        same = {
            "task": self.task.id,
            "content_sha256": self._content,
            "image": self._image and self._image.id,
            "harness": HARNESS,
        }
        past = None if self.wanted.fresh or failed else newest(self.folder.parent, same)
        if past and past.left_open:
            self._take_over(past)
        superseded = [item.model_dump() for item in self.superseded]
        opened = {**same, "owner": labels(self.run_id), "resumed": self.resumed, "superseded": superseded}
        self._journal = Journal(self.folder, opened, [line for line, _ in self._earlier.values()])
        if not isinstance(result, EngineError):
            return [*self._todo(self.plans), ("scan", partial(_scan, root=self.root))]
        if self.plants:
            self._unfinished["hijack"] = "there is no image"
        for plan in self.plans:
            self._keep(plan, undecided(plan, str(result)))
        return []

    def _take_over(self, past: Past) -> None:
        """Whether a mutant is the same is seen when the list of mutants is there, which needs an oracle."""
        keys = {place(plan.name, plan.number): key(plan) for plan in (*self.plans, *self.plants)}
        for name, (line, stage) in past.decided().items():
            if stage.kind == "mutant" if name not in keys else line.get("plan") == keys[name]:
                self._earlier[name] = line, stage
        self.superseded = past.superseded()
        if self._earlier:
            self.resumed = past.folder.name
            adopt(past, list(self._earlier), self.folder)

    def _todo(self, plans: Sequence[Plan]) -> list[Job]:
        jobs: list[Job] = []
        for plan in tuple(plans):  # what was taken over may add more to our own list
            name = place(plan.name, plan.number)
            line, stage = self._earlier.get(name, ({}, None))
            if stage and line.get("plan") == key(plan):
                jobs += self._next(plan, stage)
            else:
                jobs.append((plan, partial(_run, plan=plan, baseline=self._baseline(plan))))
        return jobs

    def _baseline(self, plan: Plan) -> Stage | None:
        return {"hijack": self.stages.get("no-op"), "mutant": self._reference}.get(plan.kind)

    def _keep(self, plan: Plan, run: StageRun) -> list[Job]:
        self._journal.ended(plan, run)
        return self._next(plan, run.stage)

    def _next(self, plan: Plan, stage: Stage) -> list[Job]:
        """Take in a stage that has ended; returns what it makes possible."""
        self.stages[place(plan.name, plan.number)] = stage
        if stage.kind == "trajectory" and stage.holds is False and plan.number == 1:
            self._doubted.append(replace(plan, number=2))
        if stage.kind == "trajectory" and stage.holds is not None and plan.number == 2:
            del self.stages[place(plan.name, 1)]
            reason = BUSY if stage.holds else TWICE
            self._supersede(Superseded(stage=plan.name, run=self.folder.name, reason=reason))
        if stage.kind == "no-op" and self.plants:
            if stage.holds:
                self.plans += self.plants
                return self._todo(self.plants)
            self._unfinished["hijack"] = "not run: that nothing is forged shows only where the untouched image fails"
        if stage.kind == "oracle" and stage.holds and self._reference is None and self.wanted.mutants:
            self._reference = stage
            return [("mutants", partial(mutant_plans, cap=self.wanted.mutants))]
        return []

    def begun(self, name: str, where: str) -> None:
        """Say in the journal that the stage in that folder begins; more than once when workers get lost."""
        earlier = self._places.get(name)
        if earlier:
            self._supersede(Superseded(stage=name, run="", reason=f"{earlier} was lost while it ran"))
        self._places[name] = where
        self._journal.started(name, where)

    def _supersede(self, attempt: Superseded) -> None:
        self.superseded.append(attempt)
        self._journal.superseded(attempt)

    def doubted(self) -> list[Job]:
        """Second looks at trajectories that did not reproduce, to be taken with nothing beside them; each once."""
        plans, self._doubted = self._doubted, []
        self.plans += plans
        return self._todo(plans)

    def finish(self) -> Proof:
        """The proof, after it was written."""
        if self.wanted.mutants and self._reference is None:
            self._unfinished["mutants"] = "not run: mutants need a reference that passes"
        if content_hash(self.task.folder) != self._content:
            self._unfinished["task"] = "its files were changed while it was replayed: run it again"
        proof = Proof(
            format=1,
            task=self.task.id,
            content_sha256=self._content,
            image=self._image,
            engine=self._engine,
            harness=HARNESS,
            started=self.started.isoformat(timespec="milliseconds"),
            finished=datetime.now(UTC).isoformat(timespec="milliseconds"),
            stages=sorted(self.stages.values(), key=self._order),
            scan=self._scan,
            drift=self._drift(),
            unfinished=self._unfinished,
            mutant_cap=self.wanted.mutants if "mutants" not in self._unfinished else 0,
            notes=list(self._notes()),
            resumed=self.resumed,
            superseded=self.superseded,
        )
        with storing(self.folder):
            write_whole(self.folder / "replay.json", as_json(proof))
        self._journal.closed(proof.verdict, sorted(self._failed))
        return proof

    def _drift(self) -> dict[str, str]:
        now = self._image
        found = {name: drift(image, now, self.root) for name, image in self._images.items()} if now else {}
        return {name: difference for name, difference in found.items() if difference}

    def _notes(self) -> Iterator[str]:
        yield from tight(self.task.file.record, self.stages.values()) if self.task.file else ()
        used = {report.image for stage in self.stages.values() for report in stage.reports if report.image}
        if others := sorted(used - self._known):
            yield f"some tests ran on images that other machines built, which may differ: {', '.join(others)}"

    def _order(self, stage: Stage) -> tuple[int, int]:
        names = [(plan.name, plan.number) for plan in self.plans]
        return KINDS.index(stage.kind), names.index((stage.name, stage.attempt))


def replay(replays: Sequence[Replay], workplace: Workplace, progress: Progress) -> Iterator[tuple[Replay, Proof]]:
    """Run everything at `workplace`; yields each task's proof when the last of its jobs has ended.

    Every stage leaves its evidence when it ends, so an interruption loses only what was still running. Raises
    EnvironmentMissingError when the evidence cannot be kept.
    """
    pending: dict[Future[Any], tuple[Replay, Plan | str]] = {}
    alone: list[tuple[Replay, Job]] = []

    def submit(item: Replay, jobs: Sequence[Job]) -> None:
        for what, work in jobs:
            begun = partial(item.begun, place(what.name, what.number)) if isinstance(what, Plan) else _unannounced
            pending[workplace.submit(item.task, work, begun)] = item, what

    for item in replays:
        submit(item, [("image", _image)])
    while pending or alone:
        if not pending:
            item, job = alone.pop(0)
            submit(item, [job])
        done = wait(pending, timeout=POLL, return_when=FIRST_COMPLETED).done
        workplace.poll()
        for future in done:
            item, what = pending.pop(future)
            try:
                result = workplace.result(future)
            except EngineError as error:
                result = error
            submit(item, item.advance(what, result))
            progress(item, _told(what, result))
            if all(other is not item for other, _ in pending.values()):
                alone += [(item, job) for job in item.doubted()]
                if all(other is not item for other, _ in alone):
                    yield item, item.finish()


def _told(what: Plan | str, result: Any) -> Stage | str:
    if isinstance(result, StageRun):
        return result.stage
    name = place(what.name, what.number) if isinstance(what, Plan) else what
    failed = isinstance(result, EngineError)
    return f"{name} failed: {str(result).splitlines()[0]}" if failed else DONE[name]


def _number(stage: Stage) -> int:
    """Which run of its plan a stage is; a second look answers for the first."""
    return 1 if stage.kind == "trajectory" else stage.attempt


def _unannounced(where: str) -> None:
    """Only stages are in the journal."""


def _image(engine: Engine, prepared: Prepared) -> tuple[ImageRecord, str, set[str]]:
    ids = {image.record.id for image in (prepared.image, *prepared.verifiers.values())}
    return prepared.image.record, engine.version, ids


def _scan(engine: Engine, prepared: Prepared, root: Path) -> ImageScan:
    # a worker on another machine has no such folder, but a workspace for the task that travelled
    return scan(engine, prepared, root if root.is_dir() else prepared.task.folder.parents[1])


def _run(engine: Engine, prepared: Prepared, plan: Plan, baseline: Stage | None) -> StageRun:
    try:
        return run_stage(engine, prepared, plan, baseline)
    except OSError as error:
        return undecided(plan, f"the files of the stage could not be kept: {error}")
