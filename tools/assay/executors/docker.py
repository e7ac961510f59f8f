"""Containers on any engine that speaks Docker's API (Docker >= 20.10, Podman's socket). The only user of docker-py.

Everything created here carries labels that name the owning process. Whatever a killed process left behind is removed
when the next one connects; nothing else on the engine is ever touched.
"""

from __future__ import annotations

import errno
import os
import secrets
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any

from assay.bounded import LOG_LIMIT, Bounded
from assay.contents import context_hash
from assay.errors import EnvironmentMissingError
from assay.executors import EngineError, Finished, Image, Job, Limits, StoppedError
from assay.executors.owners import RUN, abandoned, labels, reap_scratch
from assay.executors.pipe import hang_up
from assay.executors.shell import KILLED, Shell
from assay.executors.waiting import watched
from assay.model.outcome import ImageRecord

__all__ = ["Engine", "Shell"]

ARCHIVE_LIMIT = 1024 * 1024 * 1024
"""Bytes of one collected path; more is refused, because a sparse file costs its author nothing."""

CAPABILITIES = ("SETUID", "SETGID", "KILL", "CHOWN", "DAC_OVERRIDE", "FOWNER")
"""What root in a container keeps: switching users, signals, and access to files of all users."""

PATIENCE = 60
"""Seconds for any one answer, unless DOCKER_CLIENT_TIMEOUT says otherwise; an engine that needs more has stopped."""

HINT = "run `make docker` here, or start Docker elsewhere and set DOCKER_HOST; `assay doctor` shows what is missing"


class Engine:
    """A connection to the engine, and everything this run has created on it.

    Safe to share between threads. Use as a context manager: leaving it removes every container of the run.
    """

    def __init__(self, client: Any, version: str, processors: int) -> None:
        self.run_id = secrets.token_hex(6)
        self.version = version
        self._processors = processors
        self.api = client.api
        self._labels = labels(self.run_id)
        self._lock = threading.Lock()
        self._builds: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)
        self._stopped = self._silent = False
        self._leaving = ThreadPoolExecutor(2, thread_name_prefix="remove")

    @classmethod
    def connect(cls, jobs: int = 8) -> Engine:
        """Reach the engine that DOCKER_HOST names, or the local one, and remove what killed runs left there."""
        import docker

        try:
            patience = int(os.environ.get("DOCKER_CLIENT_TIMEOUT", PATIENCE))
            client = docker.from_env(timeout=patience, max_pool_size=4 * jobs + 4)
            version, processors = client.version(), int(client.info()["NCPU"])
        except _failures() as error:
            where = os.environ.get("DOCKER_HOST", "the local socket")
            message = f"no Docker engine answers at {where}: {_cause(error)}"
            raise EnvironmentMissingError("docker-missing", message, HINT) from error
        name = next((part["Name"] for part in version.get("Components", ()) if part.get("Name")), "Engine")
        engine = cls(
            client, f"{name} {version['Version']} (API {version['ApiVersion']}, {version['Arch']})", processors
        )
        with suppress(*_failures()):
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
        with self._builds[tag], self.translated(f"build `{tag}`"):
            deadline = time.monotonic() + seconds

            def check() -> None:
                self.answers()
                if time.monotonic() > deadline:
                    raise EngineError(f"the image did not build within {seconds:g} s:\n{_tail(log.value())}")

            options = {"rm": True, "forcerm": True, "labels": {"assay.task": task}, "timeout": seconds}
            for event in watched(lambda: self.api.build(path=str(context), tag=tag, decode=True, **options), check):
                log.add((event.get("stream") or event.get("error") or "").encode())
                self._go_on()
                if "error" in event:
                    raise EngineError(f"the image does not build:\n{_tail(log.value())}")
            return self._image(tag, digest)

    def image(self, name: str) -> Image:
        """An image that exists already; it has no build context, so its id stands for one."""
        with self.translated(f"find the image `{name}`"):
            return self._image(name, self.api.inspect_image(name)["Id"].removeprefix("sha256:"))

    def has_image(self, id: str) -> bool:
        """Whether an image with this id is there."""
        from docker.errors import ImageNotFound

        with self.translated(f"find the image `{id}`"):
            try:
                return bool(self.api.inspect_image(id))
            except ImageNotFound:
                return False

    def _image(self, name: str, digest: str) -> Image:
        found = self.api.inspect_image(name)
        record = ImageRecord(id=found["Id"], layers=found["RootFS"]["Layers"], context_sha256=digest)
        return Image(record, found["Config"].get("User") or "", found["Config"].get("WorkingDir") or "")

    def run(self, job: Job) -> Finished:
        """Run `job` in a fresh container, which is gone afterwards whatever happens. Raises EngineError."""
        log = Bounded(LOG_LIMIT)
        started = time.monotonic()
        exit_code, late, memory = None, False, False
        with self._container(job) as container:
            if job.start:
                exit_code, late = self._to_the_end(container, job, log)
            memory = exit_code == KILLED and not late and self.ended(container, time.monotonic() - started)
            taken = {path: self.archive(container, path, job.into / f"{n}.tar") for n, path in enumerate(job.collect)}
            self._go_on()
        return Finished(exit_code, late, log.value(), taken, time.monotonic() - started, memory)

    @contextmanager
    def open(
        self,
        image: Image,
        workdir: str,
        user: str,
        environment: Mapping[str, str],
        limits: Limits,
        mounts: Mapping[str, Path] | None = None,
    ) -> Iterator[Shell]:
        """A fresh container that waits for commands, without network, with `mounts` read-only.

        It is removed on leaving.
        """
        binds = [f"{source}:{target}:ro" for target, source in (mounts or {}).items()]
        with self.translated("open a container"):
            container = self.create(
                image=image.record.id,
                entrypoint=["sleep", "infinity"],
                command=[],
                working_dir=workdir,
                environment=dict(environment),
                user=user,
                host_config=self._host_config(limits, binds),
            )
        try:
            yield Shell(self, container, workdir)
        finally:
            self.discard(container)

    def _to_the_end(self, container: str, job: Job, log: Bounded) -> tuple[int, bool]:
        late = threading.Event()

        def kill() -> None:
            late.set()
            self.kill(container)

        stream = self.api.attach(container, stream=True, stdout=True, stderr=True)
        timer = threading.Timer(job.seconds, kill)
        timer.daemon = True
        timer.start()
        try:
            begun = time.monotonic()
            self.api.start(container)
            for piece in watched(lambda: stream, self.answers):
                log.add(piece)
                job.watch(time.monotonic() - begun, piece)
            # Its output may have ended long before it does.
            (status,) = watched(lambda: [int(self.api.wait(container)["StatusCode"])], self.answers)
        finally:
            timer.cancel()
            hang_up(stream)
        return status, late.is_set()

    def ended(self, container: str, seconds: float) -> bool:
        """Whether what ended with SIGKILL had used up the memory of its container.

        Raises EngineError when the engine was told to kill the container: that is nobody's result. Code that kills
        itself, and whatever runs beside it, ended by its own doing; whether the container is gone by now is chance.
        """
        with self.translated("inspect the container"):
            state = self.api.inspect_container(container)["State"]
            if state["OOMKilled"]:
                return True
            # The engine writes the event down after the kill; its clock may be another machine's.
            start, now = (_seconds(moment) for moment in (state["StartedAt"], self.api.info()["SystemTime"]))
            events = self.api.events(start, now + 2, {"container": container, "event": "kill"})
            told = any(True for _ in events)
            hang_up(events)
        if told:
            raise EngineError(f"the container was killed from outside {seconds:.1f} s after its start")
        return False

    def archive(self, container: str, path: str, into: Path, limit: int = ARCHIVE_LIMIT) -> Path | None:
        """Store `path` of a container, running or not, as the tar file `into`; None when it does not exist there."""
        import docker

        size = 0
        with self.translated(f"read `{path}`"):
            try:
                stream, _ = self.api.get_archive(container, path, chunk_size=1024 * 1024)
            except docker.errors.NotFound:
                self.api.inspect_container(container)  # raises when it is the container that does not exist
                return None
            with into.open("wb") as file:
                for piece in watched(lambda: stream, self.answers):
                    size += len(piece)
                    if size > limit:
                        raise EngineError(f"`{path}` is larger than {limit // 1024 // 1024} MiB")
                    file.write(piece)
        return into

    @contextmanager
    def _container(self, job: Job) -> Iterator[str]:
        host = self._host_config(job.limits, [f"{source}:{target}:ro" for target, source in job.mounts.items()])
        with self.translated("create a container"):
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
            with self.translated("run a container"):
                yield container
        finally:
            self.discard(container)

    def create(self, **options: Any) -> str:
        """Create, but not start, a labelled container without network, and return its id."""
        with self._lock:
            self._go_on()
            return str(self.api.create_container(labels=self._labels, detach=True, **options)["Id"])

    def _host_config(self, limits: Limits, binds: list[str]) -> Any:
        memory = f"{limits.memory_mb}m" if limits.memory_mb else None
        return self.api.create_host_config(
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
        found = self.api.containers(all=True, filters={"label": RUN})
        orphans = [item["Id"] for item in found if abandoned(item.get("Labels") or {})]
        for container in orphans:
            self.discard(container)
        return len(orphans)

    def stop(self) -> None:
        """Let no further container start and remove the running ones; threads that wait for them get StoppedError."""
        with self._lock:
            self._stopped = True
        self.close()

    def close(self) -> None:
        """Remove every container of this run. When the engine is gone, the next one that connects will do it."""
        self._leaving.shutdown()
        if not self._silent:
            with suppress(*_failures()):
                for item in self.api.containers(all=True, filters={"label": f"{RUN}={self.run_id}"}):
                    self._remove(item["Id"])
        self.api.close()

    def kill(self, container: str) -> None:
        """End what runs in a container, if the engine lets us."""
        with suppress(*_failures()):
            self.api.kill(container)

    def discard(self, container: str) -> None:
        """Remove a container while the run goes on: that takes as long as a start, and nothing waits for it."""
        with suppress(RuntimeError):  # the run has ended: `close` finds what is left
            self._leaving.submit(self._try_to_remove, container)

    def _try_to_remove(self, container: str) -> None:
        if not self._silent:
            with suppress(*_failures()):
                self._remove(container)

    def _remove(self, container: str) -> None:
        import docker

        try:
            self.api.remove_container(container, force=True, v=True)
        except docker.errors.NotFound:
            return
        except docker.errors.APIError as error:
            if error.status_code != 409:  # somebody else is removing it
                raise

    def answers(self) -> None:
        """Raises EngineError when the engine has stopped answering, to anybody, since the connection was made."""
        self._go_on()
        with self.translated("answer"):
            self.api.ping()

    def _go_on(self) -> None:
        if self._stopped:
            raise StoppedError("the run was interrupted")
        if self._silent:
            raise EngineError(f"the engine stopped answering: nothing came within {self.api.timeout} s")

    @contextmanager
    def translated(self, action: str) -> Iterator[None]:
        """docker-py's failures as ours."""
        import requests
        import urllib3

        try:
            yield
        except _failures() as error:
            self._silent = self._silent or isinstance(error, requests.Timeout)
            self._go_on()
            if isinstance(error, OSError) and error.errno == errno.ENOSPC:
                raise EngineError(f"no space left in `{tempfile.gettempdir()}` for what containers give") from error
            if isinstance(error, requests.ConnectionError | urllib3.exceptions.HTTPError):
                raise EngineError(f"the engine went away: {_cause(error)}") from error
            raise EngineError(f"the engine could not {action}: {_first_line(error)}") from error


def _failures() -> tuple[type[Exception], ...]:
    """All that docker-py lets through when an engine refuses, breaks off or is gone."""
    import docker
    import requests
    import urllib3

    # the last but one is what a build's stream raises when it breaks off
    return docker.errors.DockerException, requests.RequestException, urllib3.exceptions.HTTPError, OSError


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


def _seconds(moment: str) -> int:
    """What the engine says as RFC 3339, in whole seconds since 1970: all that its search for events takes."""
    return int(datetime.fromisoformat(moment).timestamp())
