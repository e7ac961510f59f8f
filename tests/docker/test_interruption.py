"""Nothing is left behind, however a replay ends."""

from __future__ import annotations

import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from tests.docker.conftest import QUICK, assay, containers_of, environment
from tests.docker.tiny import put

pytestmark = pytest.mark.usefixtures("engine")


def start_slow_replay(workspace: Path) -> subprocess.Popen[bytes]:
    """A replay whose tests take very long, with at least one container at work."""
    put(workspace / "tasks/tiny/steps/first/tests/test.sh", "sleep 300\n")
    process = subprocess.Popen(
        [sys.executable, "-m", "assay", "replay", *QUICK],
        cwd=workspace,
        env=environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 60
    while not containers_of(process.pid):
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.1)
    return process


def scratch_of(pid: int) -> list[Path]:
    """Temporary folders that a process made."""
    return list(Path(tempfile.gettempdir()).glob(f"assay-*-{pid}-*"))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_replay_removes_its_containers_and_exits_130(workspace: Path, number: signal.Signals) -> None:
    process = start_slow_replay(workspace)

    process.send_signal(number)

    assert process.wait(timeout=30) == 130
    assert containers_of(process.pid) == []
    assert scratch_of(process.pid) == []


def test_a_killed_replay_is_cleaned_up_by_the_next_one_and_loses_no_evidence(workspace: Path) -> None:
    test = workspace / "tasks/tiny/steps/first/tests/test.sh"
    good = test.read_text()
    assert assay(workspace, "replay", *QUICK).code == 0
    before = {file: file.read_bytes() for file in (workspace / ".assay").rglob("*") if file.is_file()}
    process = start_slow_replay(workspace)

    process.kill()
    process.wait()
    put(test, good)
    assert assay(workspace, "replay", *QUICK).code == 0

    assert containers_of(process.pid) == []
    assert scratch_of(process.pid) == []
    after = {file: file.read_bytes() for file in (workspace / ".assay").rglob("*") if file.is_file()}
    assert before.items() <= after.items()
