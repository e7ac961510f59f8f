"""Replays on the workers of a Dask scheduler. Each worker has an engine of its own, and builds a task's image there.

A task's folder travels with the work as an archive, so a worker needs the installed package and nothing else. Workers
announce what they begin: when one is lost, Dask has another do its work again, and that is never silent.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import logging
import secrets
import tarfile
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, Future
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from assay.errors import EnvironmentMissingError, FatalError
from assay.executors import EngineError
from assay.executors.docker import Engine
from assay.executors.owners import scratch, this_process
from assay.replay.workplace import HARNESS, Work
from assay.verification.preparation import Prepared, prepare
from assay.workspace import SETTINGS, Task, load

FOLDER_LIMIT = 8 * 1024 * 1024
"""Bytes of a packed task; it travels with every stage."""
SECONDS = 5
"""For a scheduler to answer."""


class Cluster:
    """The workers of one scheduler, as a Workplace."""

    def __init__(self, client: Any) -> None:
        self.run_id = secrets.token_hex(6)
        self._executor = client.get_executor(pure=False)
        self._packed: dict[str, bytes] = {}
        self._begun: dict[str, Callable[[str], None]] = {}
        self._events: SimpleQueue[tuple[str, str]] = SimpleQueue()
        self._topic = f"assay-{self.run_id}"
        client.subscribe_topic(self._topic, lambda event: self._events.put(event[1]))

    @classmethod
    @contextmanager
    def connect(cls, address: str) -> Iterator[Cluster]:
        """Reach a scheduler whose workers have this version of Assay. Raises EnvironmentMissingError."""
        try:
            from distributed import Client
            from distributed.comm.addressing import resolve_address
        except ModuleNotFoundError as error:
            hint = "pip install 'assay[cluster]'"
            raise EnvironmentMissingError("distributed-missing", "`--scheduler` needs Dask", hint) from error
        for name in [name for name in logging.root.manager.loggerDict if name.startswith("distributed")]:
            logging.getLogger(name).setLevel(logging.CRITICAL + 1)  # what it loses is told as outcomes of stages
        try:
            resolve_address(address)
            client: Any = Client(address, timeout=SECONDS, set_as_default=False)  # type: ignore[no-untyped-call]
        except (OSError, ValueError) as error:
            message = f"no Dask scheduler answers at `{address}`: {str(error).splitlines()[0]}"
            hint = "start one with `dask scheduler`, and workers with `dask worker ADDRESS`"
            raise EnvironmentMissingError("scheduler-missing", message, hint) from error
        with client:
            versions = client.run(_harness, on_error="return")
            _same_everywhere({name: told for name, told in versions.items() if not isinstance(told, OSError)}, address)
            cluster = cls(client)
            try:
                yield cluster
            finally:
                cluster._executor.shutdown(wait=False)

    def submit(self, task: Task, work: Work, begun: Callable[[str], None]) -> Future[Any]:
        """See Workplace."""
        if task.id not in self._packed:
            try:
                self._packed[task.id] = pack(task.folder)
            except EngineError as error:
                refused: Future[Any] = Future()
                refused.set_exception(error)
                return refused
        token = secrets.token_hex(8)
        self._begun[token] = begun
        found: Future[Any] = self._executor.submit(_do, self._packed[task.id], task.id, work, self._topic, token)
        return found

    def result(self, future: Future[Any]) -> Any:
        """See Workplace."""
        from distributed.scheduler import KilledWorker

        try:
            return future.result()
        except CancelledError as error:
            raise EngineError("the scheduler was lost") from error
        except KilledWorker as error:
            raise EngineError(f"every worker that ran this was lost, {error.allowed_failures + 1} in all") from error

    def poll(self) -> None:
        """See Workplace."""
        while not self._events.empty():
            token, where = self._events.get()
            self._begun[token](where)

    def has_image(self, task: Task, id: str) -> bool:
        """See Workplace."""
        return bool(self.result(self.submit(task, partial(_has_image, id=id), lambda where: None)))


def _same_everywhere(found: dict[str, object], address: str) -> None:
    """`found` is what each worker said; one that was lost meanwhile says nothing."""
    if not found:
        message = f"the scheduler at `{address}` has no workers"
        raise EnvironmentMissingError("workers-missing", message, f"start some with `dask worker {address}`")
    for worker, version in found.items():
        if version != HARNESS:
            told = f"it has {version}" if isinstance(version, str) else f"it cannot run Assay: {version}"
            hint = "install the same version of Assay here and for every worker"
            raise EnvironmentMissingError("workers-differ", f"worker `{worker}`: {told}; this is {HARNESS}", hint)


def pack(folder: Path) -> bytes:
    """A task's folder as a compressed archive, the same for the same content. Raises EngineError when too large."""
    store = io.BytesIO()
    with gzip.GzipFile(fileobj=store, mode="wb", mtime=0) as zipped, tarfile.open(fileobj=zipped, mode="w") as archive:
        for path in sorted(folder.rglob("*")):
            info = archive.gettarinfo(path, path.relative_to(folder).as_posix())
            info.mtime, info.uid, info.gid, info.uname, info.gname = 0, 0, 0, "", ""
            if info.isreg():
                with path.open("rb") as content:
                    archive.addfile(info, content)
            elif info.isdir() or info.issym():
                archive.addfile(info)
            if store.tell() > FOLDER_LIMIT:
                raise EngineError(f"`{folder.name}` has more than the {FOLDER_LIMIT >> 20} MiB that travel to workers")
    return store.getvalue()


_LOCK = threading.Lock()
_KEPT = ExitStack()
_ENGINES: list[Engine] = []
_TASKS: dict[str, Prepared] = {}
"""Of a worker's process: what its stages share."""


def _harness() -> str:
    return HARNESS


def _has_image(engine: Engine, prepared: Prepared, id: str) -> bool:
    return engine.has_image(id)


def _do(packed: bytes, name: str, work: Work, topic: str, token: str) -> Any:
    """Runs in a worker."""
    from distributed import get_worker

    worker = get_worker()
    worker.log_event(topic, (token, f"worker {worker.address} ({this_process()})"))
    try:
        with _LOCK:
            engine = _engine()
            prepared = _prepared(engine, packed, name)
        return work(engine, prepared)
    except FatalError as error:  # its kind is for command lines, and does not travel
        raise EngineError(f"{this_process()}: {error.message}") from None


def _engine() -> Engine:
    """The process's engine, without what workers that were lost have left on it."""
    if _ENGINES:
        try:
            _ENGINES[0].answers()
            _ENGINES[0].reap()
            return _ENGINES[0]
        except EngineError:
            _ENGINES.clear()
    _ENGINES.append(Engine.connect())
    return _ENGINES[0]


def _prepared(engine: Engine, packed: bytes, name: str) -> Prepared:
    digest = hashlib.sha256(packed).hexdigest()
    if digest not in _TASKS:
        root = _KEPT.enter_context(scratch())
        (root / SETTINGS).write_text("format = 1\n", encoding="utf-8")
        with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
            archive.extractall(root / "tasks" / name, filter="tar")
        _TASKS[digest] = prepare(engine, load(root).tasks[name])
    return _TASKS[digest]
