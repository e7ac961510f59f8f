"""The example tasks are proven, and trajectories of theirs reproduce, in real containers.

Every fourth trajectory: all of them take minutes more, and `make demo` replays them.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from assay.hijack import BATTERY
from tests.docker.conftest import assay

ROOT = Path(__file__).parent.parent.parent

pytestmark = pytest.mark.usefixtures("engine")


@pytest.mark.parametrize("task", ["ledger-loader", "flaky-jobqueue"])
def test_a_shipped_task_is_proven_and_its_trajectories_reproduce(task: str, tmp_path: Path) -> None:
    shutil.copyfile(ROOT / "assay.toml", tmp_path / "assay.toml")
    shutil.copytree(ROOT / "tasks" / task, tmp_path / "tasks" / task)
    attempts = sorted((ROOT / "trajectories" / task).iterdir())[::4]
    for attempt in attempts:
        shutil.copytree(attempt, tmp_path / attempt.relative_to(ROOT))

    called = assay(tmp_path, "replay", "--repeat", "1", "--mutants", "2", limit=2400)

    assert called.code == 0, called.out + called.err
    head = called.out.splitlines()[0]
    assert head.startswith(
        f"{task}: proven (no-op fails, ladder 2/2, oracle 1/1 [0.21, 1.00], hijack 0/17 forged, 1 with"
    )
    assert f"; {len(attempts)} of {len(attempts)} trajectories reproduce)" in head
    proof = json.loads(next(tmp_path.glob(".assay/replays/*/*/replay.json")).read_text())
    stages = {stage["name"]: stage for stage in proof["stages"]}
    for plant in BATTERY:
        stage = stages[f"hijack-{plant}"]
        assert stage["reports"], f"{plant} had nothing to act on"
        assert not any(report["passed"] for report in stage["reports"])
    assert sum(stage["mutant"] == "killed" for stage in stages.values()) >= 1
