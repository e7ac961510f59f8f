"""What a real replay could not decide, raised with its evidence."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from assay.workspace import load
from tests.docker.conftest import QUICK, assay
from tests.docker.tiny import put

pytestmark = pytest.mark.usefixtures("engine")


def test_a_broken_solution_is_one_draft_that_quarantines_its_task(workspace: Path) -> None:
    put(workspace / "annotations/people.yaml", "format: 1\npeople: [{handle: rater-1, roles: [annotator]}]\n")
    put(workspace / "tasks/tiny/steps/second/solution/solve.sh", "echo no such tool >&2; exit 3\n")
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
