"""The example tasks are proven, and their trajectories reproduce, in real containers."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.docker.conftest import assay

ROOT = Path(__file__).parent.parent.parent

pytestmark = pytest.mark.usefixtures("engine")


@pytest.mark.parametrize("task", ["ledger-loader", "flaky-jobqueue"])
def test_a_shipped_task_is_proven_and_its_trajectories_reproduce(task: str, tmp_path: Path) -> None:
    shutil.copyfile(ROOT / "assay.toml", tmp_path / "assay.toml")
    for folder in ("tasks", "trajectories"):
        shutil.copytree(ROOT / folder / task, tmp_path / folder / task)

    called = assay(tmp_path, "replay", limit=1200)

    assert called.code == 0, called.out + called.err
    summary = "(no-op fails, ladder 2/2, oracle 1/1; 4 of 4 trajectories reproduce)"
    assert called.out.startswith(f"{task}: proven {summary}")
