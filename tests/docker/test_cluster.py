"""Replays on Dask workers: the same results as here, also when one of the workers is killed in the middle."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from assay.executors import EngineError
from assay.replay.cluster import FOLDER_LIMIT, pack
from tests.docker.conftest import assay, containers_of, environment
from tests.docker.dask import Cluster, cluster
from tests.docker.tiny import put, write_task

pytestmark = pytest.mark.usefixtures("engine")

OPTIONS = ("replay", "--no-hijack", "--mutants", "1", "--repeat", "2", "--json")


@pytest.fixture(scope="module")
def workers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with cluster(tmp_path_factory.mktemp("dask"), 2) as found:
        yield found


def results(proof: dict[str, Any]) -> object:
    """What must not depend on where and when it ran."""
    stages = [
        [stage[name] for name in ("name", "attempt", "outcome", "holds", "mutant", "inputs", "expected", "diff")]
        + [[report["passed"], report["reward"], len(report["tests"])] for report in stage["reports"]]
        for stage in proof["stages"]
    ]
    return proof["verdict"], proof["content_sha256"], proof["image"], stages


def test_one_of_two_workers_is_killed_and_the_results_are_those_of_a_local_run(
    workspace: Path, workers: Cluster
) -> None:
    test = workspace / "tasks/tiny/steps/first/tests/test.sh"
    put(test, f"sleep 1\n{test.read_text()}")
    (here,) = json.loads(assay(workspace, *OPTIONS).out)
    command = [sys.executable, "-m", "assay", *OPTIONS, "--scheduler", workers.address]
    process = subprocess.Popen(command, cwd=workspace, env=environment(), stdout=subprocess.PIPE, text=True)
    victim = workers.workers[0]
    deadline = time.monotonic() + 60
    while not containers_of(victim.pid):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    victim.kill()
    victim.wait()
    out, _ = process.communicate(timeout=120)

    (there,) = json.loads(out)
    assert process.returncode == 0
    assert results(there) == results(here)
    (lost,) = there["superseded"]
    assert "was lost while it ran" in lost["reason"]
    folder = sorted((workspace / ".assay/replays/tiny").iterdir())[-1]
    lines = [json.loads(line) for line in (folder / "journal.jsonl").read_text().splitlines()]
    started = [line["stage"] for line in lines if line["event"] == "started"]
    assert sorted(started) == sorted([*{*started}, lost["stage"]])
    assert [containers_of(worker.pid) for worker in workers.workers] == [[], []]


@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("tcp://127.0.0.1:9", "scheduler-missing: no Dask scheduler answers at `tcp://127.0.0.1:9`"),
        ("nonsense", "scheduler-missing: no Dask scheduler answers at `nonsense`"),
    ],
)
def test_a_scheduler_that_is_not_there_is_told_in_seconds(workspace: Path, address: str, told: str) -> None:
    started = time.monotonic()

    called = assay(workspace, *OPTIONS, "--scheduler", address)

    assert (called.code, told in called.err) == (4, True)
    assert len(called.err.splitlines()) == 2
    assert time.monotonic() - started < 20


def test_workers_that_are_missing_or_lack_this_version_are_refused(workspace: Path, tmp_path: Path) -> None:
    other = tmp_path / "other/assay"
    put(other / "__init__.py", 'raise ImportError("no such thing here")\n')
    (tmp_path / "dask").mkdir()
    with cluster(tmp_path / "dask", 0, PYTHONPATH=str(other.parent)) as bad:
        nobody = assay(workspace, *OPTIONS, "--scheduler", bad.address)
        bad.worker()
        strange = assay(workspace, *OPTIONS, "--scheduler", bad.address)

    assert (nobody.code, "workers-missing" in nobody.err) == (4, True)
    assert (strange.code, "workers-differ" in strange.err) == (4, True)
    assert "install the same version of Assay" in strange.err


def test_without_dask_it_says_what_to_install(workspace: Path, tmp_path: Path) -> None:
    put(tmp_path / "none/distributed.py", "raise ModuleNotFoundError('distributed')\n")
    path = f"{tmp_path}/none:{environment()['PYTHONPATH']}"

    called = assay(workspace, *OPTIONS, "--scheduler", "tcp://127.0.0.1:9", PYTHONPATH=path)

    assert (called.code, "pip install 'assay[cluster]'" in called.err) == (4, True)


def test_what_travels_depends_on_the_content_alone_and_is_bounded(tmp_path: Path) -> None:
    one, two = write_task(tmp_path / "a/tiny"), write_task(tmp_path / "b/tiny")
    (two / "task.toml").touch()
    assert pack(one) == pack(two)
    with (one / "blob").open("wb") as file:
        for seed in range(FOLDER_LIMIT // 2**20 + 1):
            import random

            file.write(random.Random(seed).randbytes(2**20))

    with pytest.raises(EngineError, match="8 MiB"):
        pack(one)
