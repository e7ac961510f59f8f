"""A running container in which commands are executed one after the other."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Protocol

from assay.bounded import LOG_LIMIT, Bounded
from assay.executors import EngineError, Executed
from assay.executors.pipe import STDERR, ExecPipe, frames
from assay.executors.waiting import watched
from assay.model.session import Isolation

KILLED = 137


class Host(Protocol):
    """What a shell needs of the engine that made it; see there."""

    api: Any

    def translated(self, action: str) -> AbstractContextManager[None]: ...
    def answers(self) -> None: ...
    def ended(self, container: str, seconds: float) -> bool: ...
    def kill(self, container: str) -> None: ...
    def archive(self, container: str, path: str, into: Path) -> Path | None: ...


class Shell:
    """Made by `Engine.open`, which removes the container when its context ends."""

    def __init__(self, engine: Host, container: str, workdir: str) -> None:
        self._engine, self._api = engine, engine.api
        self.container = container
        self.workdir = workdir
        self._killed = False

    def isolation(self, ours: Collection[str] = ()) -> Isolation:
        """What the engine says of the container; meant to be asked before `start`.

        Read-only mounts at the places in `ours` are the harness's own and are not told.
        """
        with self._engine.translated("inspect the container"):
            found = self._api.inspect_container(self.container)
        host = found["HostConfig"]
        return Isolation(
            container=found["Id"],
            network=host["NetworkMode"],
            mounts=sorted(
                mount["Destination"] for mount in found["Mounts"] if mount["RW"] or mount["Destination"] not in ours
            ),
            volumes=sorted(mount["Name"] for mount in found["Mounts"] if mount["Type"] == "volume"),
            start_diff=self.changed(),
            privileged=host["Privileged"],
            memory_bytes=host["Memory"],
            pids_limit=host["PidsLimit"] or 0,
        )

    def changed(self) -> list[str]:
        """Paths that the engine sees changed against the image; what lies in a volume is never among them."""
        with self._engine.translated("compare the container with its image"):
            return sorted(item["Path"] for item in self._api.diff(self.container) or [])

    def start(self, files: bytes) -> None:
        """Start the container and unpack the tar archive `files` at its root."""
        with self._engine.translated("start the container"):
            self._api.start(self.container)
        self.put(files)

    def converse(self, command: Sequence[str], user: str, end: Callable[[], None]) -> ExecPipe:
        """Start a program with its standard streams; `end` has to kill it. Raises EngineError."""
        with self._engine.translated("start a program"):
            created = self._api.exec_create(self.container, list(command), stdin=True, workdir=self.workdir, user=user)
            connection = self._api.exec_start(created["Id"], socket=True)

        def inspect() -> Mapping[str, Any]:
            with self._engine.translated("inspect a program"):
                found: Mapping[str, Any] = self._api.exec_inspect(created["Id"])
            return found

        return ExecPipe(connection, inspect, end)

    def detach(self, command: Sequence[str]) -> None:
        """Start a program of root that nobody listens to."""
        with self._engine.translated("start a program"):
            self._api.exec_start(self._api.exec_create(self.container, list(command), user="0")["Id"], detach=True)

    def died(self) -> str:
        """How the container ended; empty while it runs."""
        try:
            with self._engine.translated("inspect the container"):
                state = self._api.inspect_container(self.container)["State"]
        except EngineError as error:
            return f"the container is gone: {error}"
        return "" if state["Running"] else f"the container ended with exit {state['ExitCode']}"

    def out_of_memory(self) -> bool:
        """Whether the kernel killed something in it for memory; asked of the running container."""
        counters = "/sys/fs/cgroup/memory.events /sys/fs/cgroup/memory/memory.oom_control"
        try:
            done = self.execute(["sh", "-c", f"cat {counters} 2>/dev/null"], user="0")
            with self._engine.translated("inspect the container"):
                ended = bool(self._api.inspect_container(self.container)["State"]["OOMKilled"])
        except EngineError:
            return False
        words = dict(line.split(" ", 1) for line in done.output.decode(errors="replace").splitlines() if " " in line)
        return ended or words.get("oom_kill", "0").strip() not in ("", "0")

    def put(self, files: bytes, path: str = "/") -> None:
        """Unpack the tar archive `files` in a folder of the container."""
        with self._engine.translated("copy files into the container"):
            self._api.put_archive(self.container, path, files)

    def kill(self) -> None:
        """End everything that runs in the container; its files stay until the context ends."""
        self._killed = True
        self._engine.kill(self.container)

    def execute(
        self,
        command: Sequence[str],
        *,
        environment: Mapping[str, str] | None = None,
        user: str = "",
        limit: int = LOG_LIMIT,
        sink: Callable[[bytes], None] = lambda piece: None,
        errors: Callable[[bytes], None] | None = None,
        on_interrupt: Sequence[str] = (),
    ) -> Executed:
        """Run `command` to its end. Its output goes to `sink` as it comes; `limit` bytes of it are kept.

        With `errors`, standard error goes there instead. With `on_interrupt`, Ctrl-C runs that second command in the
        container, which has to end the first one. Raises EngineError, also when somebody else ended the container.
        """
        output = Bounded(limit)
        started = time.monotonic()
        with self._engine.translated("run a command"):
            created = self._api.exec_create(
                self.container, list(command), environment=dict(environment or {}), workdir=self.workdir, user=user
            )
            try:
                for kind, piece in watched(lambda: self._frames(created["Id"]), self._engine.answers):
                    output.add(piece)
                    (errors if errors and kind == STDERR else sink)(piece)
            except KeyboardInterrupt:
                if not on_interrupt:
                    raise
                self._api.exec_start(self._api.exec_create(self.container, list(on_interrupt))["Id"])
            status = self._status(created["Id"])
            if status == KILLED and not self._killed:
                self._engine.ended(self.container, time.monotonic() - started)
        return Executed(status, time.monotonic() - started, output.value(), output.hidden)

    def _frames(self, execution: str) -> Iterator[tuple[int, bytes]]:
        return frames(self._api.exec_start(execution, socket=True))

    def _status(self, execution: str) -> int:
        """The exit status of a command whose output has ended, which may be a moment before the command itself."""
        deadline = time.monotonic() + 15
        while (status := self._api.exec_inspect(execution)["ExitCode"]) is None:
            if time.monotonic() > deadline:
                raise EngineError("a command closed its output and does not end")
            time.sleep(0.02)
        return int(status)

    def snapshot(self, path: str, into: Path) -> Path | None:
        """Store `path` as a tar file while every process of the container stands still."""
        with self._engine.translated("take a snapshot"):
            self._api.pause(self.container)
            try:
                return self._engine.archive(self.container, path, into)
            finally:
                self._api.unpause(self.container)
