"""Trials one after the other or side by side: what each of them needs is made for it and gone afterwards."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Executor, ThreadPoolExecutor, as_completed
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext, suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import get_args

from assay.agents.policies import load_material
from assay.agents.scripted_model import serve
from assay.errors import FatalError, UsageError
from assay.evidence.leaks import LeakGuard
from assay.executors import EngineError
from assay.executors.docker import Engine
from assay.executors.owners import scratch
from assay.images.scan import scan
from assay.model.agents import AgentSettings, PolicyName
from assay.model.identity import Identity
from assay.sealing.identities import add
from assay.simulation.contract import User
from assay.simulation.full import Full
from assay.simulation.machine import Simulated
from assay.simulation.rephrasing import Rephrase
from assay.storage import place_whole
from assay.trials.disguise import Disguise
from assay.trials.endings import Ended, endpoint_ended
from assay.trials.files import files, sealed
from assay.trials.gateway import Gateway
from assay.trials.installs import provide
from assay.trials.recording import Planned, Recording
from assay.trials.requests import instruction
from assay.trials.session import Bench, Controls, Order, run_trial
from assay.trials.watching import Caps
from assay.verification.preparation import Prepared, prepare
from assay.workspace import Task

NOTES = (
    "Recorded by the harness: one agent in one fresh container without network, with no MCP server from outside, and a "
    "user who spoke to it. The system prompt and the tool definitions are the agent's own and are not here. Tools, "
    "paths, ids and names are masked."
)
_SCRIPTED = "policy:"


@dataclass
class Study:
    """Trials of one task. `speak` makes a user where the order alone does not say who it is.

    It is given the milestones that the session may come to, with their written instructions. `rephrase` puts what
    simulated users say in other words.
    """

    root: Path
    task: Task
    engine: Engine
    pool: Executor
    caps: Caps
    speak: Callable[[Order, Mapping[str, str], Controls], User] | None = None
    rephrase: Rephrase | None = None
    prepared: Prepared = field(init=False)

    def __post_init__(self) -> None:
        self.prepared = prepare(self.engine, self.task)
        self._scanned = self.pool.submit(scan, self.engine, self.prepared, self.root)
        self._installing = threading.Lock()

    def perform(self, orders: Mapping[str, Order], jobs: int) -> Iterator[tuple[Order, Recording]]:
        """Run the trials, by alias; each is given back when it has ended, whatever its outcome."""
        if len(orders) == 1:  # in this thread: a person may be speaking, and Ctrl-C is theirs
            for alias, order in orders.items():
                yield order, self._trial(alias, order)
            return
        with ThreadPoolExecutor(jobs, thread_name_prefix="trial") as pool:
            running = {pool.submit(self._trial, alias, order): order for alias, order in orders.items()}
            try:
                for done in as_completed(running):
                    yield running[done], done.result()
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise

    def _trial(self, alias: str, order: Order) -> Recording:
        planned = Planned(order.mode, order.seed, order.position, order.starts_at, order.settings.scripted)
        recording = Recording(self.prepared, alias, notes=NOTES, course=planned)
        recording.sealed |= {"turn": asdict(order.turn), "started": time.time(), "model": order.settings.model}
        disguise = Disguise(order.turn.agent, order.settings)
        with scratch() as folder, ExitStack() as stack:
            try:
                with self._installing:
                    program = provide(self.root, order.turn.agent, order.settings)
                gateway = stack.enter_context(self._gateway(order.settings))
                if gateway:
                    stack.callback(lambda: recording.sealed.update(asked=gateway.traffic()))
                recording.ended = _preflight(gateway)
                if recording.ended is None:
                    bench = Bench(self.engine, self.prepared, self.pool, self.caps)
                    controls = Controls()
                    user = self._user(order, controls)
                    if isinstance(user, AbstractContextManager):
                        stack.enter_context(user)
                    run_trial(bench, order, user, recording, gateway, program, disguise, folder, controls)
            except (EngineError, FatalError) as error:
                recording.ended = Ended("environment", str(error))
        if recording.ended:
            recording.sealed["reason"] = recording.ended.reason
            recording.ended = replace(recording.ended, reason=disguise.traffic(recording.ended.reason))
        with suppress(EngineError):  # a trial without the digest of its image is still a trial
            recording.filesystem = self._scanned.result().filesystem_sha256
        return recording

    def _gateway(self, settings: AgentSettings) -> AbstractContextManager[Gateway | None]:
        if settings.endpoint is None:
            return nullcontext()
        if not settings.endpoint.startswith(_SCRIPTED):
            return Gateway(settings)
        return _scripted(settings, self.task)

    def _user(self, order: Order, controls: Controls) -> User:
        names = self.prepared.file.milestones
        names = names[names.index(order.starts_at) :] if order.starts_at else names
        texts = {name: instruction(self.task, name, first=place == 0) for place, name in enumerate(names)}
        if self.speak:
            return self.speak(order, texts, controls)
        script = self.task.user.record if self.task.user else None
        if order.mode == "full" or script is None:
            return Full(script, texts)
        guard = LeakGuard(self.task.folder, script.forbidden)
        return Simulated(script, self.task.id, texts, order.seed, guard, self.rephrase)


@contextmanager
def _scripted(settings: AgentSettings, task: Task) -> Iterator[Gateway]:
    """A gateway to a scripted model, which knows the task."""
    policy = (settings.endpoint or "").removeprefix(_SCRIPTED)
    known: tuple[PolicyName, ...] = get_args(PolicyName)
    chosen = next((name for name in known if name == policy), None)
    if chosen is None:
        raise UsageError("unknown-policy", f"no policy is called `{policy}`", f"there are: {', '.join(known)}")
    with (
        serve(load_material(task.folder), chosen) as url,
        Gateway(settings.model_copy(update={"endpoint": url})) as gateway,
    ):
        yield gateway


def _preflight(gateway: Gateway | None) -> Ended | None:
    """Why no agent need be started: its model's endpoint does not answer."""
    if gateway is None or not (reason := gateway.preflight()):
        return None
    return endpoint_ended(*gateway.trouble) if gateway.trouble[0] else Ended("endpoint-failed", reason)


def keep(root: Path, task: str, order: Order, recording: Recording) -> Path | None:
    """Write a trial that happened to its place among the trajectories; who it was is noted first.

    None when it never began: then there is nothing that could be graded or tested again.
    """
    if recording.isolation is None or not recording.steps:
        return None
    contents = files(recording)
    identity = Identity(
        agent=order.turn.agent,
        model=order.settings.model,
        source_format="session",
        source_sha256=hashlib.sha256(contents["trajectory.json"]).hexdigest(),
        extra={"session": sealed(recording)},
    )
    add(root, task, {recording.alias: identity})
    folder = root / "trajectories" / task / recording.alias
    place_whole(folder, contents)
    return folder
