"""A site is built again when something that it shows has changed, and only then."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from assay.cli import main
from assay.errors import ExitCode
from tests.pages.example import TASK, make_workspace


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    made = make_workspace(tmp_path)
    monkeypatch.chdir(made)
    return made


def builds(capsys: pytest.CaptureFixture[str], *options: str) -> bool:
    capsys.readouterr()
    assert main(["site", *options]) == ExitCode.CLEAN
    out = capsys.readouterr().out
    assert out.rstrip().endswith("build/site/index.html")
    return "nothing has changed" not in out


def test_only_a_change_builds_again(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert builds(capsys)
    before = {file: file.read_bytes() for file in (root / "build/site").rglob("*") if file.is_file()}
    assert not builds(capsys)
    assert builds(capsys, "--audience", "annotator")
    assert builds(capsys)
    assert {file: file.read_bytes() for file in (root / "build/site").rglob("*") if file.is_file()} == before
    sheet = root / f"annotations/{TASK}/rater-1.yaml"
    sheet.write_text(sheet.read_text().replace("minutes: ", "minutes: 1"))
    assert builds(capsys)
    assert not builds(capsys)
    for folder in ("build", "site/trajectories"):
        shutil.rmtree(root / folder)
        assert builds(capsys)
        assert not builds(capsys)
    for name in ("site/about.md", "metadata.schema.json"):  # assay.toml may name the second
        (root / name).write_text("{}\n")
        assert builds(capsys)


def test_a_commit_is_a_change(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Rules on the order of events, and the version of the data, come from the history."""
    assert builds(capsys)
    subprocess.run(["git", "init", "-q", str(root)], check=True)
    subprocess.run(["git", "-C", str(root), "add", "annotations"], check=True)
    subprocess.run(["git", "-C", str(root), "commit", "-qm", "Start"], check=True)
    assert builds(capsys)
    assert not builds(capsys)
