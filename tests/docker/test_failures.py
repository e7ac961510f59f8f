"""What goes wrong around a replay ends in one clear state, and the next replay goes on from there."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from assay.executors import EngineError, Job, Limits
from assay.executors.docker import Engine
from tests.docker.conftest import QUICK, assay, containers_of, environment
from tests.docker.daemon import Daemon, running
from tests.docker.tiny import put

pytestmark = pytest.mark.usefixtures("engine")


@pytest.fixture(scope="module")
def daemon() -> Iterator[Daemon]:
    with running() as own:
        yield own


def slow(workspace: Path) -> str:
    """Make the first tests slow; returns what they were."""
    test = workspace / "tasks/tiny/steps/first/tests/test.sh"
    good = test.read_text()
    put(test, f"sleep 4\n{good}")
    return good


def begun(workspace: Path, **variables: str) -> subprocess.Popen[str]:
    """A replay that has at least one container at work."""
    process = subprocess.Popen(
        [sys.executable, "-m", "assay", "replay", *QUICK],
        cwd=workspace,
        env=environment(**variables),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    command = ["docker", "ps", "--quiet", "--filter", f"label=assay.pid={process.pid}"]
    deadline = time.monotonic() + 60
    while not subprocess.run(command, env=environment(**variables), capture_output=True, check=True).stdout:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    time.sleep(2)
    return process


def test_a_daemon_that_restarts_costs_what_was_running_and_nothing_else(workspace: Path, daemon: Daemon) -> None:
    slow(workspace)
    process = begun(workspace, DOCKER_HOST=daemon.host)
    daemon.kill()
    out, _ = process.communicate(timeout=60)
    daemon.start()

    again = assay(workspace, "replay", *QUICK, DOCKER_HOST=daemon.host)

    assert process.returncode == 1
    assert "invalid-environment: the engine went away: " in out
    assert again.code == 0, again.out
    assert daemon.left() == []


def test_an_engine_that_stops_answering_ends_the_replay(workspace: Path, daemon: Daemon) -> None:
    slow(workspace)
    process = begun(workspace, DOCKER_HOST=daemon.host, DOCKER_CLIENT_TIMEOUT="3")
    daemon.signal(signal.SIGSTOP)
    stopped = time.monotonic()
    try:
        out, _ = process.communicate(timeout=60)
    finally:
        daemon.signal(signal.SIGCONT)

    again = assay(workspace, "replay", *QUICK, DOCKER_HOST=daemon.host)

    assert process.returncode == 1
    assert time.monotonic() - stopped < 45
    told = [line for line in out.splitlines() if "invalid-environment" in line]
    assert [line.partition(": invalid")[2] for line in told] == [
        "-environment: the engine stopped answering: nothing came within 3 s"
    ]
    assert again.code == 0, again.out
    assert daemon.left() == []


def test_a_container_that_somebody_kills_is_nobodys_result(workspace: Path) -> None:
    slow(workspace)
    process = begun(workspace)
    for container in containers_of(process.pid):
        subprocess.run(["docker", "kill", container], check=False, capture_output=True)
    out, _ = process.communicate(timeout=60)

    assert process.returncode == 1
    assert "invalid-environment: the container was killed from outside " in out


def test_a_container_without_memory_is_told_apart_from_one_without_time(engine: Engine, folder: Path) -> None:
    hungry = ("bash", "-c", "x=$(head -c 200000000 /dev/zero | tr '\\0' a); echo ${#x}")

    found = engine.run(Job("debian:bookworm-slim", hungry, "/", 30, folder, limits=Limits(memory_mb=64)))
    late = engine.run(Job("debian:bookworm-slim", ("sleep", "60"), "/", 1, folder))

    assert (found.exit_code, found.out_of_memory, found.timed_out) == (137, True, False)
    assert (late.exit_code, late.out_of_memory, late.timed_out) == (137, False, True)


def test_what_cannot_be_read_from_a_container_that_is_gone_is_not_absent(engine: Engine, folder: Path) -> None:
    container = engine.create(image="debian:bookworm-slim", command=["true"])
    assert engine.archive(container, "/nowhere", folder / "a.tar") is None
    engine.api.remove_container(container)

    with pytest.raises(EngineError, match="No such container"):
        engine.archive(container, "/nowhere", folder / "a.tar")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 1 MiB."""
    folder = tmp_path / "small"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("this machine does not let us mount a small disk")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk_ends_the_replay_and_keeps_what_was_decided(workspace: Path, small_disk: Path) -> None:
    (workspace / ".assay").mkdir()
    (workspace / ".assay/replays").symlink_to(small_disk)
    filler = small_disk / "filler"
    filler.write_bytes(b"x" * (1024 - 48) * 1024)

    full = assay(workspace, "replay", *QUICK, "--jobs", "1")
    filler.unlink()
    again = assay(workspace, "replay", *QUICK, "--jobs", "1")

    assert full.code == 4
    assert "error evidence-not-written: " in full.err
    assert "no space left on device; the replay was ended" in full.err
    assert containers_of(full.pid) == []
    assert again.code == 0, again.out + again.err


def test_an_engine_without_space_is_an_invalid_environment(workspace: Path) -> None:
    """Its data is on a disk that is too small for the image's own files."""
    with running(megabytes=240) as daemon, (workspace / "tasks/tiny/environment/app/blob").open("wb") as blob:
        blob.truncate(120 * 1024 * 1024)

        called = assay(workspace, "replay", *QUICK, DOCKER_HOST=daemon.host)

        assert called.code == 1
        assert called.out.startswith("tiny: invalid")
        assert "no space left on device" in called.out
        assert daemon.left() == []
