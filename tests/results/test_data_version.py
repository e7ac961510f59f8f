"""One hash over everything a number rests on, and the commit it was made at."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from assay.results.data_version import data_version, rests_on
from assay.results.ranking import rank_workspace
from assay.workspace import load
from tests.results.test_ranking import root

__all__ = ["root"]


def git(folder: Path, *arguments: str) -> str:
    who = ("-c", "user.name=t", "-c", "user.email=t@example.invalid")
    return subprocess.run(["git", *who, *arguments], cwd=folder, check=True, capture_output=True, text=True).stdout


def test_a_changed_weight_is_other_data(root: Path) -> None:
    before = rank_workspace(load(root)).version
    file = root / "tasks/one/rubric.yaml"
    file.write_text(file.read_text().replace("weight: 3", "weight: 5"))
    after = rank_workspace(load(root)).version
    assert before.sha256 != after.sha256
    assert before.commit is after.commit is None
    assert before.dirty is None


@pytest.mark.parametrize("name", ["trajectories/one/a-1/tests/only.json", "annotations/one/x.yaml"])
def test_test_reports_and_annotations_are_in_the_hash(root: Path, name: str) -> None:
    report = {"format": 1, "milestone": "only", "outcome": "scored", "passed": True, "reward": 1.0, "tests": []}
    report |= {"exit_code": 0, "seconds": 1.0, "image": None}
    file = root / "trajectories/one/a-1/tests/only.json"
    file.parent.mkdir(parents=True)
    file.write_text(json.dumps(report))
    before = rank_workspace(load(root)).version.sha256
    changed = root / name
    changed.write_text(changed.read_text() + "\n")
    assert rank_workspace(load(root)).version.sha256 != before


def test_what_is_not_used_is_not_in_the_hash(root: Path) -> None:
    workspace = load(root)
    one = [sheet for sheet in workspace.sheets if sheet.task == "one"]
    before = data_version(workspace, rests_on(workspace, one)).sha256
    (root / "tasks/two/rubric.yaml").write_text("format: 1\ncriteria: []\n")
    assert data_version(load(root), rests_on(load(root), one)).sha256 == before


def test_the_commit_is_named_and_what_differs_from_it(root: Path) -> None:
    git(root, "init", "-q")
    assert rank_workspace(load(root)).version.commit is None  # no commit yet
    git(root, "add", ".")
    git(root, "commit", "-qm", "all")
    version = rank_workspace(load(root)).version
    assert version.commit == git(root, "rev-parse", "HEAD").strip()
    assert version.dirty is False
    assert f"commit {version.commit[:12]}" in str(version)
    (root / "notes.txt").write_text("nothing rests on it\n")
    assert rank_workspace(load(root)).version == version
    (root / "annotations/one/y.yaml").unlink()
    assert rank_workspace(load(root)).version.dirty is True
    git(root, "commit", "-qam", "one less")
    (root / "annotations/one/z.yaml").write_text((root / "annotations/one/x.yaml").read_text())
    later = rank_workspace(load(root)).version
    assert later.dirty is True
    assert "with changes that are not committed" in str(later)
