"""A Dask scheduler and workers as processes on the loopback device."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.docker.conftest import environment


class Cluster:
    """A scheduler and whatever workers were started."""

    def __init__(self, folder: Path, **variables: str) -> None:
        self._folder, self._variables = folder, variables
        self._processes: list[subprocess.Popen[bytes]] = []
        self.workers: list[subprocess.Popen[bytes]] = []
        file = folder / "scheduler.json"
        self._start("scheduler", "--scheduler-file", str(file), "--host", "127.0.0.1", "--port", "0", "--no-show")
        self._until(lambda: file.is_file() and file.read_text().endswith("}"))
        self.address = json.loads(file.read_text())["address"]

    def worker(self) -> subprocess.Popen[bytes]:
        """Start a worker that does one thing at a time."""
        folder = self._folder / f"worker-{len(self._processes)}"
        options = ("--nthreads", "1", "--no-nanny", "--local-directory", str(folder), self.address)
        process = self._start("worker", *options)
        self._until(lambda: "Registered to" in self._log(process).read_text())
        self.workers.append(process)
        return process

    def stop(self) -> None:
        """End all processes."""
        for process in reversed(self._processes):
            process.kill()
            process.wait()

    def _start(self, kind: str, *options: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", f"distributed.cli.dask_{kind}", "--no-dashboard", *options]
        with (self._folder / f"log-{len(self._processes)}").open("wb") as log:
            process = subprocess.Popen(
                command, cwd=self._folder, env=environment(**self._variables), stdout=log, stderr=log
            )
        self._processes.append(process)
        return process

    def _log(self, process: subprocess.Popen[bytes]) -> Path:
        return self._folder / f"log-{self._processes.index(process)}"

    def _until(self, ready: object) -> None:
        deadline = time.monotonic() + 60
        while not ready():  # type: ignore[operator]
            assert time.monotonic() < deadline, [process.poll() for process in self._processes]
            time.sleep(0.05)


@contextmanager
def cluster(folder: Path, workers: int, **variables: str) -> Iterator[Cluster]:
    """A scheduler with so many workers, which see these environment variables too."""
    found = Cluster(folder, **variables)
    try:
        for _ in range(workers):
            found.worker()
        yield found
    finally:
        found.stop()
