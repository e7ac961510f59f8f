"""Trials whose simulated user is put in other words by an endpoint of this machine, and some leak the reference."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from assay.rules import run as check
from assay.workspace import load
from tests.docker.conftest import assay
from tests.simulation.test_rephrasing import endpoint
from tests.simulation.test_wording import LEAK, MODEL, TASK, answered, workspace

pytestmark = pytest.mark.usefixtures("engine")


def test_a_trajectory_says_how_its_user_was_worded_and_a_calibration_does_not_mix_them(tmp_path: Path) -> None:
    root, file = tmp_path / "w", tmp_path / "w/tasks" / TASK / "calibration.json"
    calibrating = ("calibrate", TASK, "--agent", "policy-asks-everything", "-n", "1", "--mode", "simulated")
    with endpoint(answered) as (url, asked):
        workspace(root, url)
        ran = assay(root, "run", TASK, "--agent", "policy-asks-everything")
        reworded = assay(root, *calibrating)
    assert (ran.code, reworded.code) == (0, 0), ran.err + reworded.err
    assert "said as authored, because other words were refused or did not come: 3 (length, leak, endpoint)" in ran.out
    assert asked

    (attempt,) = load(root).attempts[TASK].values()
    assert attempt.trajectory
    said = [step for step in attempt.trajectory.record.steps if step.source == "user"]
    noted = [(step.extra or {})["assay"] for step in said]
    assert [item["wording"].partition("-")[0] for item in noted] == ["rephrased", "authored", "authored", "authored"]
    assert [item.get("incident", {}).get("kind") for item in noted] == [None, "length", "leak", "endpoint"]
    assert said[0].text.startswith("I have a small word counter")
    assert "One line for each word, please" in said[0].text
    assert not any(LEAK in step.text for step in said)
    assert check(load(root)) == []
    everything = [path.read_bytes() for path in root.rglob("*") if path.is_file() and path.name != "assay.toml"]
    assert not [text for text in everything if MODEL.encode() in text]

    (trial,) = json.loads(file.read_text())["trials"]
    assert (trial["wording"], trial["incidents"]) == (noted[0]["wording"], 3)
    assert f"reworded by an endpoint ({trial['wording']}); 3 other wordings were refused" in reworded.out
    settings = root / "assay.toml"
    settings.write_text(settings.read_text().partition("[simulation]")[0])
    again = assay(root, *calibrating)
    assert f"the simulated user spoke otherwise: {trial['wording']}, now authored" in again.out
