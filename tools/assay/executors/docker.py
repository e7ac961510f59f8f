"""Containers on any engine that speaks Docker's API (Docker >= 20.10, Podman's socket). The only user of docker-py.

Everything created here carries labels that name the owning process. Whatever a killed process left behind is removed
when the next one connects; nothing else on the engine is ever touched.
"""

from __future__ import annotations

import os
import secrets
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any

from assay.contents import context_hash
from assay.errors import EnvironmentMissingError
from assay.executors import EngineError, Executed, Finished, Image, Job, Limits, StoppedError
from assay.executors.output import LOG_LIMIT, Bounded
from assay.executors.owners import RUN, abandoned, labels, reap_scratch
from assay.model.outcome import ImageRecord
from assay.model.session import Isolation

ARCHIVE_LIMIT = 1024 * 1024 * 1024
"""Bytes of one collected path; more is refused, because a sparse file costs its author nothing."""

CAPABILITIES = ("SETUID", "SETGID", "KILL", "CHOWN", "DAC_OVERRIDE", "FOWNER")
"""What root in a container keeps: switching users, signals, and access to files of all users."""

HINT = "run `make docker` here, or start Docker elsewhere and set DOCKER_HOST; `assay doctor` shows what is missing"


class Engine:
    """A connection to the engine, and everything this run has created on it.

    Safe to share between threads. Use as a context manager: leaving it removes every container of the run.
    """

    def __init__(self, client: Any, version: str, processors: int) -> None:
        self.run_id = secrets.token_hex(6)
        self.version = version
        self._processors = processors
        self._api = client.api
        self._labels = labels(self.run_id)
        self._lock = threading.Lock()
        self._builds: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)
        self._stopped = False

    @classmethod
    def connect(cls, jobs: int = 8) -> Engine:
        """Reach the engine that DOCKER_HOST names, or the local one, and remove what killed runs left there."""
        import docker
        import requests

        try:
            client = docker.from_env(timeout=120, max_pool_size=4 * jobs + 4)
            version, processors = client.version(), int(client.info()["NCPU"])
        except (docker.errors.DockerException, requests.RequestException) as error:
            where = os.environ.get("DOCKER_HOST", "the local socket")
            message = f"no Docker engine answers at {where}: {_cause(error)}"
            raise EnvironmentMissingError("docker-missing", message, HINT) from error
        name = next((part["Name"] for part in version.get("Components", ()) if part.get("Name")), "Engine")
        engine = cls(
            client, f"{name} {version['Version']} (API {version['ApiVersion']}, {version['Arch']})", processors
        )
        engine.reap()
        return engine

    def __enter__(self) -> Engine:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def build(self, context: Path, task: str, seconds: float) -> Image:
        """Build the image of a task from its context, through the engine's cache.

        The tag carries the start of the context's hash. Raises EngineError with the end of the build log.
        """
        digest = context_hash(context)
        tag = f"assay/{task}:{digest[:12]}"
        log = Bounded(16 * 1024)
        with self._builds[tag], self._translated(f"build `{tag}`"):
            deadline = time.monotonic() + seconds
            options = {"rm": True, "forcerm": True, "labels": {"assay.task": task}, "timeout": seconds}
            for event in self._api.build(path=str(context), tag=tag, decode=True, **options):
                log.add((event.get("stream") or event.get("error") or "").encode())
                self._go_on()
                if "error" in event:
                    raise EngineError(f"the image does not build:\n{_tail(log.value())}")
                if time.monotonic() > deadline:
                    raise EngineError(f"the image did not build within {seconds:g} s:\n{_tail(log.value())}")
            return self._image(tag, digest)

    def image(self, name: str) -> Image:
        """An image that exists already; it has no build context, so its id stands for one."""
        with self._translated(f"find the image `{name}`"):
            return self._image(name, self._api.inspect_image(name)["Id"].removeprefix("sha256:"))

    def has_image(self, id: str) -> bool:
        """Whether an image with this id is there."""
        from docker.errors import ImageNotFound

        with self._translated(f"find the image `{id}`"):
            try:
                return bool(self._api.inspect_image(id))
            except ImageNotFound:
                return False

    def _image(self, name: str, digest: str) -> Image:
        found = self._api.inspect_image(name)
        record = ImageRecord(id=found["Id"], layers=found["RootFS"]["Layers"], context_sha256=digest)
        return Image(record, found["Config"].get("User") or "")

    def run(self, job: Job) -> Finished:
        """Run `job` in a fresh container, which is gone afterwards whatever happens. Raises EngineError."""
        log = Bounded(LOG_LIMIT)
        started = time.monotonic()
        exit_code, late = None, False
        with self._translated("run a container"), self._container(job) as container:
            if job.start:
                exit_code, late = self._to_the_end(container, job.seconds, log)
            taken = {path: self.archive(container, path, job.into / f"{n}.tar") for n, path in enumerate(job.collect)}
            self._go_on()
        return Finished(exit_code, late, log.value(), taken, time.monotonic() - started)

    @contextmanager
    def open(
        self, image: Image, workdir: str, user: str, environment: Mapping[str, str], limits: Limits
    ) -> Iterator[Shell]:
        """A fresh container that waits for commands, without network and mounts. It is removed on leaving."""
        with self._translated("open a container"):
            container = self.create(
                image=image.record.id,
                entrypoint=["sleep", "infinity"],
                command=[],
                working_dir=workdir,
                environment=dict(environment),
                user=user,
                host_config=self._host_config(limits, []),
            )
        try:
            yield Shell(self, container, workdir)
        finally:
            self._remove(container)

    def _to_the_end(self, container: str, seconds: float, log: Bounded) -> tuple[int, bool]:
        late = threading.Event()

        def kill() -> None:
            late.set()
            self._remove(container, kill_only=True)

        stream = self._api.attach(container, stream=True, stdout=True, stderr=True)
        timer = threading.Timer(seconds, kill)
        timer.daemon = True
        timer.start()
        try:
            self._api.start(container)
            for piece in stream:
                log.add(piece)
            status: int = self._api.wait(container)["StatusCode"]
        finally:
            timer.cancel()
        return status, late.is_set()

    def archive(self, container: str, path: str, into: Path, limit: int = ARCHIVE_LIMIT) -> Path | None:
        """Store `path` of a container, running or not, as the tar file `into`; None when it does not exist there."""
        import docker

        try:
            stream, _ = self._api.get_archive(container, path, chunk_size=1024 * 1024)
        except docker.errors.NotFound:
            return None
        size = 0
        with into.open("wb") as file:
            for piece in stream:
                size += len(piece)
                if size > limit:
                    raise EngineError(f"`{path}` is larger than {limit // 1024 // 1024} MiB")
                file.write(piece)
        return into

    @contextmanager
    def _container(self, job: Job) -> Iterator[str]:
        host = self._host_config(job.limits, [f"{source}:{target}:ro" for target, source in job.mounts.items()])
        container = self.create(
            image=job.image,
            entrypoint=list(job.command),
            command=[],
            working_dir=job.workdir,
            environment=dict(job.environment),
            user="0",
            host_config=host,
        )
        try:
            yield container
        finally:
            self._remove(container)

    def create(self, **options: Any) -> str:
        """Create, but not start, a labelled container without network, and return its id."""
        with self._lock:
            self._go_on()
            return str(self._api.create_container(labels=self._labels, detach=True, **options)["Id"])

    def _host_config(self, limits: Limits, binds: list[str]) -> Any:
        memory = f"{limits.memory_mb}m" if limits.memory_mb else None
        return self._api.create_host_config(
            init=True,
            network_mode="none",
            cap_drop=["ALL"],
            cap_add=list(CAPABILITIES),
            security_opt=["no-new-privileges"],
            pids_limit=limits.pids,
            mem_limit=memory,
            memswap_limit=memory,
            # An engine refuses more processors than it has; a task written on a larger machine still runs here.
            nano_cpus=int(min(limits.cpus, self._processors) * 1e9) if limits.cpus else None,
            binds=binds,
            log_config={"Type": "none", "Config": {}},
        )

    def reap(self) -> int:
        """Remove what dead processes of this host left: containers (returns how many) and temporary folders."""
        reap_scratch()
        found = self._api.containers(all=True, filters={"label": RUN})
        orphans = [item["Id"] for item in found if abandoned(item.get("Labels") or {})]
        for container in orphans:
            self._remove(container)
        return len(orphans)

    def stop(self) -> None:
        """Let no further container start and remove the running ones; threads that wait for them get StoppedError."""
        with self._lock:
            self._stopped = True
        self.close()

    def close(self) -> None:
        """Remove every container of this run. When the engine is gone, the next one that connects will do it."""
        import docker
        import requests

        with suppress(docker.errors.DockerException, requests.RequestException):
            for item in self._api.containers(all=True, filters={"label": f"{RUN}={self.run_id}"}):
                self._remove(item["Id"])

    def _remove(self, container: str, *, kill_only: bool = False) -> None:
        import docker

        try:
            if kill_only:
                self._api.kill(container)
            else:
                self._api.remove_container(container, force=True, v=True)
        except docker.errors.NotFound:
            return
        except docker.errors.APIError as error:
            if error.status_code != 409:  # it has ended, or somebody else is removing it
                raise

    def _go_on(self) -> None:
        if self._stopped:
            raise StoppedError("the run was interrupted")

    @contextmanager
    def _translated(self, action: str) -> Iterator[None]:
        """docker-py's failures as ours."""
        import docker
        import requests

        try:
            yield
        except (docker.errors.DockerException, requests.RequestException, OSError) as error:
            self._go_on()
            raise EngineError(f"the engine could not {action}: {_first_line(error)}") from error


class Shell:
    """A running container in which commands are executed one after the other."""

    def __init__(self, engine: Engine, container: str, workdir: str) -> None:
        self._engine, self._api = engine, engine._api
        self.container = container
        self.workdir = workdir

    def isolation(self) -> Isolation:
        """What the engine says of the container; meant to be asked before `start`."""
        with self._engine._translated("inspect the container"):
            found = self._api.inspect_container(self.container)
            changed = self._api.diff(self.container) or []
        host = found["HostConfig"]
        return Isolation(
            container=found["Id"],
            network=host["NetworkMode"],
            mounts=sorted(mount["Destination"] for mount in found["Mounts"]),
            start_diff=sorted(item["Path"] for item in changed),
            privileged=host["Privileged"],
            memory_bytes=host["Memory"],
            pids_limit=host["PidsLimit"] or 0,
        )

    def start(self, files: bytes) -> None:
        """Start the container and unpack the tar archive `files` at its root."""
        with self._engine._translated("start the container"):
            self._api.start(self.container)
            self._api.put_archive(self.container, "/", files)

    def execute(
        self,
        command: Sequence[str],
        *,
        environment: Mapping[str, str] | None = None,
        user: str = "",
        limit: int = LOG_LIMIT,
        sink: Callable[[bytes], None] = lambda piece: None,
        on_interrupt: Sequence[str] = (),
    ) -> Executed:
        """Run `command` to its end. Its output goes to `sink` as it comes; `limit` bytes of it are kept.

        With `on_interrupt`, Ctrl-C runs that second command in the container, which has to end the first one.
        """
        output = Bounded(limit)
        started = time.monotonic()
        with self._engine._translated("run a command"):
            created = self._api.exec_create(
                self.container, list(command), environment=dict(environment or {}), workdir=self.workdir, user=user
            )
            try:
                for piece in self._api.exec_start(created["Id"], stream=True):
                    output.add(piece)
                    sink(piece)
            except KeyboardInterrupt:
                if not on_interrupt:
                    raise
                self._api.exec_start(self._api.exec_create(self.container, list(on_interrupt))["Id"])
            status = self._status(created["Id"])
        return Executed(status, time.monotonic() - started, output.value(), output.hidden)

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
        with self._engine._translated("take a snapshot"):
            self._api.pause(self.container)
            try:
                return self._engine.archive(self.container, path, into)
            finally:
                self._api.unpause(self.container)


def _cause(error: Exception) -> str:
    """The operating system's word at the bottom of a chain of wrapped exceptions, or the first line of the error."""
    found: BaseException | None = error
    while found is not None:
        if isinstance(found, OSError) and found.strerror:
            return found.strerror.lower()
        found = found.__cause__ or found.__context__
    return _first_line(error)


def _first_line(error: Exception) -> str:
    text = str(getattr(error, "explanation", None) or error).strip()
    return text.splitlines()[0] if text else type(error).__name__


def _tail(log: bytes, lines: int = 20) -> str:
    return "\n".join(log.decode(errors="replace").strip().splitlines()[-lines:])
