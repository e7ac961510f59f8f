"""What tests print in a container is recorded as it comes, and lies beside the log of a replay."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from assay.executors.docker import Engine
from assay.verification.separate import verify
from assay.verification.solving import Work, solve
from tests.docker.conftest import QUICK, assay, prepared
from tests.docker.tiny import put

TEST = ". /tests/library.sh\nprintf 'one…\\n'; sleep 1; echo two >&2\ncheck says_one true\nfinish\n"


@pytest.mark.parametrize("mode", ["separate", "shared"])
def test_tests_are_recorded_as_they_come(engine: Engine, workspace: Path, folder: Path, mode: str) -> None:
    settings = workspace / "tasks/tiny/task.toml"
    put(settings, settings.read_text().replace('"separate"', f'"{mode}"'))
    put(workspace / "tasks/tiny/steps/first/tests/test.sh", TEST)
    task = prepared(engine, workspace)

    done = verify(engine, task, "first", solve(engine, task, Work(1), folder).taken, folder)

    assert done.report.passed, done.report.reason
    events = [json.loads(line) for line in done.cast.splitlines()[1:]]
    assert "".join(text for _, _, text in events).replace("\r\n", "\n") == done.log.decode() == "one…\ntwo\n"
    assert len(events) == 2
    assert 0.8 <= events[1][0] - events[0][0] < 8


@pytest.mark.usefixtures("engine")
def test_a_replay_keeps_recordings_beside_the_logs(workspace: Path) -> None:
    put(workspace / "tasks/tiny/steps/second/tests/test.sh", TEST.replace("sleep 1", "sleep 0"))

    assay(workspace, "replay", *QUICK)

    (oracle,) = workspace.glob(".assay/replays/tiny/*/oracle")
    for name in ("first", "second"):
        events = [json.loads(line) for line in (oracle / f"{name}.cast").read_bytes().splitlines()[1:]]
        text = "".join(text for _, _, text in events).replace("\r\n", "\n")
        assert text == (oracle / f"{name}.log").read_text()
    assert not (oracle / "solution.cast").exists()
