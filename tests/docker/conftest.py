"""A real engine, and workspaces with a small real task. Without an engine these tests are skipped."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from assay.errors import EnvironmentMissingError
from assay.executors.docker import Engine
from assay.executors.owners import scratch
from assay.verification.preparation import Prepared, prepare
from assay.workspace import load
from tests.docker.tiny import write_workspace

TOOLS = Path(__file__).parents[2] / "tools"
QUICK = ("--repeat", "1", "--no-hijack", "--mutants", "0")
"""Options of a replay whose plants and mutants are not the point."""


def pytest_collection_modifyitems(items: Sequence[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.docker)


@pytest.fixture(scope="session")
def engine() -> Iterator[Engine]:
    try:
        connected = Engine.connect()
    except EnvironmentMissingError as error:
        pytest.skip(error.message)
    with connected:
        yield connected


@pytest.fixture
def folder() -> Iterator[Path]:
    """Scratch space that containers may mount."""
    with scratch() as path:
        yield path


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """A workspace with the task `tiny`."""
    write_workspace(tmp_path)
    return tmp_path


def prepared(engine: Engine, root: Path, task: str = "tiny") -> Prepared:
    """The task with its image built."""
    return prepare(engine, load(root).tasks[task])


@dataclass(frozen=True)
class Called:
    """How the command line ended."""

    code: int
    out: str
    err: str
    pid: int


def environment(**more: str) -> dict[str, str]:
    """Variables for a process that imports the package from this source tree."""
    return {**os.environ, "PYTHONPATH": str(TOOLS), **more}


def assay(root: Path, *arguments: str, limit: float = 120, **variables: str) -> Called:
    """Run the real command line in `root` to its end, for at most `limit` seconds."""
    command = [sys.executable, "-m", "assay", *arguments]
    with subprocess.Popen(
        command, cwd=root, env=environment(**variables), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        out, err = process.communicate(timeout=limit)
    return Called(process.returncode, out, err, process.pid)


def containers_of(pid: int) -> list[str]:
    """Ids of the containers, running or not, that a process created."""
    command = ["docker", "ps", "--all", "--quiet", "--filter", f"label=assay.pid={pid}"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
