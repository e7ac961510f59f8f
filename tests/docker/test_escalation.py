"""What a real replay could not decide, raised with its evidence."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from assay.workspace import load
from tests.docker.conftest import QUICK, assay
from tests.docker.tiny import put

pytestmark = pytest.mark.usefixtures("engine")


PEOPLE = "format: 1\npeople: [{handle: rater-1, roles: [annotator]}]\n"
SOLUTION = "tasks/tiny/steps/second/solution/solve.sh"


def test_a_broken_solution_quarantines_its_task_until_a_replay_shows_it_mended(workspace: Path) -> None:
    put(workspace / "annotations/people.yaml", PEOPLE)
    whole = (workspace / SOLUTION).read_text()
    put(workspace / SOLUTION, "echo no such tool >&2; exit 3\n")
    assert assay(workspace, "replay", *QUICK, "--repeat", "2").code == 1
    (run,) = (workspace / ".assay/replays/tiny").iterdir()

    called = assay(workspace, "escalate", "--from", str(run.relative_to(workspace)), "--by", "rater-1")

    assert called.code == 0, called.err
    (held,) = load(workspace).quarantined("tiny")
    evidence = held.record.evidence
    assert evidence is not None
    assert evidence.image is not None
    assert (held.record.outcome, evidence.stage, evidence.exit_code) == ("invalid-agent", "oracle", 3)
    assert evidence.log_excerpt.startswith("no such tool\n")
    assert "oracle, oracle-2." in held.record.found
    # the commands work as they stand
    assert assay(workspace, *held.record.reproduction[0].split()[1:]).code == 1
    start = held.record.reproduction[1].replace(" -it", "").split()
    assert subprocess.run([*start, "-c", "ls /app/notes.txt"], check=False, capture_output=True).returncode == 0

    fixed = ("escalate", "oracle", "--status", "fixed", "--by", "rater-1", "--why", "The tool is there.")
    put(workspace / SOLUTION, whole)
    assert "was changed after its newest replay" in assay(workspace, *fixed).err
    assert assay(workspace, "replay", *QUICK).code == 0
    assert assay(workspace, *fixed).code == 0
    after = load(workspace)
    assert after.quarantined("tiny") == ()
    repair = after.escalations["tiny"][0].record.repair
    assert repair is not None
    assert ("oracle", True) in {(stage.stage, stage.holds) for stage in repair.stages}


def test_a_command_in_the_container_is_evidence(workspace: Path) -> None:
    put(workspace / "annotations/people.yaml", PEOPLE)
    run = ("escalate", "tiny", "--run", "pwd; ls /sys/class/net; no-such-tool --version", "--by", "rater-1")
    called = assay(workspace, *run, "--slug", "tool", "--kind", "environment-broken")
    assert called.code == 0, called.err
    record = load(workspace).escalations["tiny"][0].record
    assert record.evidence is not None
    assert (record.status, record.evidence.exit_code) == ("draft", 127)
    assert record.evidence.log_excerpt.splitlines()[:2] == ["/app", "lo"]
    assert "no-such-tool: not found" in record.evidence.log_excerpt
    again = subprocess.run(record.reproduction[0], shell=True, check=False, capture_output=True)
    assert again.returncode == 127

    put(workspace / "tasks/tiny/environment/Dockerfile", "FROM debian:bookworm-slim\nRUN echo gone; exit 7\n")
    assert assay(workspace, *run, "--slug", "build").code == 0
    record = load(workspace).escalations["tiny"][0].record
    assert record.evidence is not None
    assert (record.outcome, record.kind) == ("invalid-environment", "environment-broken")
    assert (record.evidence.image, record.evidence.exit_code) == (None, 7)
    assert "gone" in record.evidence.log_excerpt
    assert record.reproduction == ["docker build tasks/tiny/environment"]
