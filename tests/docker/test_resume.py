"""A replay that was cut off is gone on with; nothing that was decided runs again, and nothing is overwritten."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from assay.replay.journal import newest
from assay.workspace import load
from tests.docker.conftest import assay, containers_of, environment
from tests.docker.tiny import put

pytestmark = pytest.mark.usefixtures("engine")

OPTIONS = ("replay", "--no-hijack", "--mutants", "1", "--repeat", "2", "--jobs", "1")
FEW = (*OPTIONS, "--mutants", "0", "--repeat", "1")


def replays(workspace: Path) -> list[Path]:
    return sorted((workspace / ".assay/replays/tiny").iterdir())


def files(*folders: Path) -> dict[Path, bytes]:
    return {file: file.read_bytes() for folder in folders for file in folder.rglob("*") if file.is_file()}


def killed_after(workspace: Path, stages: int) -> Path:
    """The folder of a replay that was killed when so many stages had ended."""
    process = subprocess.Popen([sys.executable, "-m", "assay", *OPTIONS], cwd=workspace, env=environment())
    deadline = time.monotonic() + 60
    while (past := newest(workspace / ".assay/replays/tiny", {})) is None or len(past.decided()) < stages:
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.wait()
    return past.folder


def test_a_killed_replay_is_gone_on_with_by_the_next_and_only_by_one_of_the_same_things(workspace: Path) -> None:
    folder = killed_after(workspace, 2)
    before = files(folder)

    called = assay(workspace, *OPTIONS)

    assert called.code == 0, called.out
    assert "proven (no-op fails, ladder 1/1, oracle 2/2 [0.34, 1.00], mutants 1 of 1 killed" in called.out
    assert f"went on from {folder.name}" in called.out
    assert "no-op as expected" not in called.err
    assert before.items() <= files(folder).items()
    second = replays(workspace)[-1]
    assert second != folder
    assert (folder / "no-op/stage.json").read_bytes() == (second / "no-op/stage.json").read_bytes()
    proof = load(workspace).tasks["tiny"].proof
    assert proof is not None
    assert proof.resumed == folder.name
    assert {attempt.run for attempt in proof.superseded} <= {folder.name}
    # it is decided now: another replay is a new one
    again = assay(workspace, *OPTIONS)
    assert "went on" not in again.out
    assert "no-op as expected" in again.err


def test_a_fresh_one_takes_nothing_over(workspace: Path) -> None:
    killed_after(workspace, 1)

    called = assay(workspace, *FEW, "--fresh")

    assert called.code == 0, called.out
    assert "went on" not in called.out
    assert "no-op as expected" in called.err


def test_half_written_files_of_a_killed_replay_are_no_results(workspace: Path) -> None:
    folder = killed_after(workspace, 2)
    journal = folder / "journal.jsonl"
    ended = [json.loads(line)["stage"] for line in journal.read_text().splitlines() if '"ended"' in line]
    stage = folder / ended[0] / "stage.json"
    stage.write_bytes(stage.read_bytes()[:100])
    journal.write_bytes(journal.read_bytes() + b'{"event": "ended", "sta')

    called = assay(workspace, *FEW, "--json")

    (proof,) = json.loads(called.out)
    assert (called.code, proof["verdict"], proof["resumed"]) == (0, "proven", folder.name)
    assert ended[0] in {attempt["stage"] for attempt in proof["superseded"]}
    assert f"{ended[0].replace('oracle-', 'oracle ')} as expected" in called.err


def test_plants_that_were_tried_are_not_tried_again(workspace: Path) -> None:
    tried = ("replay", "--repeat", "1", "--mutants", "0")
    assert assay(workspace, *tried, limit=300).code == 0
    (first,) = replays(workspace)
    journal = first / "journal.jsonl"
    lines = journal.read_text().splitlines(keepends=True)
    put(journal, "".join(line for line in lines if '"closed"' not in line and '"hijack-preload"' not in line))
    put(journal, re.sub(r'"assay.start": "\d+"', '"assay.start": "1"', journal.read_text()))

    called = assay(workspace, *tried, "--json")

    (proof,) = json.loads(called.out)
    assert (called.code, proof["resumed"]) == (0, first.name)
    assert len({stage["name"] for stage in proof["stages"]}) == len(proof["stages"])
    assert [line for line in called.err.splitlines() if "as expected" in line and "hijack-preload" not in line] == []
    assert "hijack-preload as expected" in called.err


def test_two_replays_at_once_share_nothing(workspace: Path) -> None:
    command = [sys.executable, "-m", "assay", *FEW]
    both = [subprocess.Popen(command, cwd=workspace, env=environment(), stdout=subprocess.DEVNULL) for _ in range(2)]

    assert [process.wait(timeout=120) for process in both] == [0, 0]

    assert len(replays(workspace)) == 2
    for folder in replays(workspace):
        proof = json.loads((folder / "replay.json").read_text())
        assert (proof["resumed"], len(proof["stages"])) == ("", 3)
    assert [containers_of(process.pid) for process in both] == [[], []]


def test_invalid_stages_run_again_when_the_environment_is_mended(workspace: Path) -> None:
    """The solution needs a variable that is not part of the task."""
    file = workspace / "tasks/tiny/task.toml"
    put(file, file.read_text() + '\n[solution.env]\nWORD = "${SECRET_WORD}"\n')
    put(workspace / "tasks/tiny/steps/second/solution/solve.sh", 'echo "$WORD" > two.txt\n')

    first = assay(workspace, *FEW)
    second = assay(workspace, *FEW, SECRET_WORD="two")

    assert first.code == 1
    assert "the task needs the environment variable `SECRET_WORD`; it is not set here" in first.out
    assert second.code == 0, second.out
    assert "superseded: oracle: invalid-environment: the task needs the environment variable" in second.out
