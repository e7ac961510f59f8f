"""Where the stages of a replay run: on this machine's engine; on workers with engines of their own see `cluster`."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Protocol

from assay import __version__
from assay.executors.docker import Engine
from assay.executors.owners import this_process
from assay.verification.preparation import Prepared, prepare
from assay.workspace import Task

HARNESS = f"assay {__version__}"
Work = Callable[[Engine, Prepared], Any]
"""What is done where the task's image is. Workers elsewhere get it pickled."""


class Workplace(Protocol):
    """Does work on tasks, several at once."""

    run_id: str

    def submit(self, task: Task, work: Work, begun: Callable[[str], None]) -> Future[Any]:
        """Have `work` done; `begun` is told where, each time that it is begun."""

    def result(self, future: Future[Any]) -> Any:
        """What came of it. Raises EngineError."""

    def poll(self) -> None:
        """Tell of what was begun elsewhere since the last call."""

    def has_image(self, task: Task, id: str) -> bool:
        """Whether an image is there. Raises EngineError."""


class Here:
    """Threads of this process on one engine."""

    def __init__(self, engine: Engine, jobs: int) -> None:
        self.run_id = engine.run_id
        self._engine = engine
        self._pool = ThreadPoolExecutor(jobs, thread_name_prefix="replay")
        self._prepared: dict[str, Prepared] = {}
        self._locks: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)

    def submit(self, task: Task, work: Work, begun: Callable[[str], None]) -> Future[Any]:
        """See Workplace."""
        return self._pool.submit(self._do, task, work, begun)

    def _do(self, task: Task, work: Work, begun: Callable[[str], None]) -> Any:
        with self._locks[task.id]:
            if task.id not in self._prepared:
                self._prepared[task.id] = prepare(self._engine, task)
        begun(this_process())
        return work(self._engine, self._prepared[task.id])

    def result(self, future: Future[Any]) -> Any:
        """See Workplace."""
        return future.result()

    def poll(self) -> None:
        """Nothing is begun elsewhere."""

    def has_image(self, task: Task, id: str) -> bool:
        """See Workplace."""
        return self._engine.has_image(id)

    def close(self) -> None:
        """Wait for the threads; what has not begun does not begin."""
        self._pool.shutdown(wait=True, cancel_futures=True)
