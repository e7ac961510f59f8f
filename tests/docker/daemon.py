"""A Docker daemon of the tests' own, which they may stop, kill and start again."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

BASE = "debian:bookworm-slim"


class Daemon:
    """Its socket, data and containers lie in a folder of their own.

    It has a network namespace of its own too: with `--bridge=none` a daemon deletes the bridge of the one it is in.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.host = f"unix://{folder}/socket"

    def start(self) -> None:
        """Start it and wait until it answers."""
        (self.folder / "pid").unlink(missing_ok=True)
        folders = [f"--{name}={self.folder / name}" for name in ("data-root", "exec-root")]
        plain = ["--bridge=none", "--iptables=false", f"--pidfile={self.folder}/pid", f"--host={self.host}"]
        with (self.folder / "log").open("ab") as log:
            command = ["unshare", "--net", "dockerd", *folders, *plain]
            self._process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
        deadline = time.monotonic() + 30
        while subprocess.run(["docker", "-H", self.host, "version"], capture_output=True, check=False).returncode:
            assert time.monotonic() < deadline, (self.folder / "log").read_text()[-2000:]
            time.sleep(0.1)

    def docker(self, *arguments: str) -> list[str]:
        """The lines that a docker command prints."""
        command = ["docker", "-H", self.host, *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout.split()

    def left(self) -> list[str]:
        """Containers, volumes, and networks that are not the daemon's own."""
        networks = set(self.docker("network", "ls", "--format", "{{.Name}}")) - {"host", "none"}
        return [*self.docker("ps", "-aq"), *self.docker("volume", "ls", "-q"), *networks]

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the daemon."""
        os.kill(int((self.folder / "pid").read_text()), number)

    def kill(self) -> None:
        """End it at once, and its containerd, as a crash of the machine's service would."""
        pids = [self.folder / "pid", self.folder / "exec-root/containerd/containerd.pid"]
        for file in pids:
            pid = int(file.read_text())
            os.kill(pid, signal.SIGKILL)
            while _lives(pid):
                time.sleep(0.02)
            file.unlink()
        self._process.wait()


def _lives(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state not in "ZX"


@contextmanager
def running(megabytes: int = 0) -> Iterator[Daemon]:
    """A daemon that has the base image, on a disk of that size or on this one; it and all it holds go afterwards."""
    if os.geteuid() != 0 or shutil.which("dockerd") is None:
        pytest.skip("a daemon of our own needs root and dockerd")
    daemon = Daemon(Path(tempfile.mkdtemp(prefix="dockerd-")))
    if megabytes:
        (daemon.folder / "data-root").mkdir()
        size = f"size={megabytes}m"
        subprocess.run(["mount", "-t", "tmpfs", "-o", size, "tmpfs", str(daemon.folder / "data-root")], check=True)
    try:
        daemon.start()
        with subprocess.Popen(["docker", "save", BASE], stdout=subprocess.PIPE) as saved:
            subprocess.run(["docker", "-H", daemon.host, "load", "-q"], stdin=saved.stdout, check=True)
        yield daemon
    finally:
        daemon.signal(signal.SIGCONT)
        for container in daemon.docker("ps", "-aq"):
            daemon.docker("rm", "-fv", container)
        daemon.kill()
        _end_shims(daemon.folder)
        for mount in sorted(_mounts(daemon.folder), reverse=True):
            subprocess.run(["umount", mount], check=False)
        shutil.rmtree(daemon.folder, ignore_errors=True)


def _end_shims(folder: Path) -> None:
    """What stands between containerd and its containers outlives a containerd that was killed."""
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = file.read_bytes().split(b"\0")
        except OSError:
            continue
        ours = any(word.startswith(bytes(folder) + b"/") for word in words)
        if ours and words[0].endswith(b"containerd-shim-runc-v2"):
            os.kill(int(file.parent.name), signal.SIGKILL)


def _mounts(folder: Path) -> list[str]:
    found = [line.split()[1] for line in Path("/proc/mounts").read_text().splitlines()]
    return [mount for mount in found if mount.startswith(f"{folder}/")]
