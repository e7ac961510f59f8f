"""A rule that starts at a commit or with a version of the guidelines leaves what was there before as it was."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from assay.cli import main
from assay.diagnostics import Severity
from assay.errors import ExitCode
from assay.rules import run
from assay.workspace import load
from tests.rules.overlay import build, commit, edit

SHEET = "annotations/row-merge/rater-1.yaml"
LATER = "annotations/row-merge/rater-2.yaml"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """One annotation without a citation that `grade-no-citation` asks for, under version control."""
    build(tmp_path)
    edit(tmp_path / SHEET, '{holds: false, cites: ["step:5"]}\n====\n{holds: false}')
    (tmp_path / "commits.txt").write_text("Start\n")
    commit(tmp_path)
    return tmp_path


def policy(root: Path, text: str) -> None:
    (root / "assay.toml").write_text(f'format = 1\n\n[rules.grade-no-citation]\nseverity = "error"\n{text}\n')


def head(root: Path) -> str:
    done = subprocess.run(["git", "-C", str(root), "rev-parse", "HEAD"], check=True, capture_output=True, text=True)
    return done.stdout.strip()


def levels(root: Path) -> dict[str, Severity]:
    return {item.path: item.severity for item in run(load(root)) if item.rule == "grade-no-citation"}


def again(root: Path, *changes: str) -> None:
    """The same defect in a new annotation."""
    people = "format: 1\npeople:\n" + "".join(f"  - {{handle: rater-{n}, roles: [annotator]}}\n" for n in (1, 2))
    (root / "annotations/people.yaml").write_text(people)
    text = (root / SHEET).read_text().replace("annotator: rater-1", "annotator: rater-2")
    (root / LATER).write_text(text)
    for change in changes:
        edit(root / LATER, change)


def test_what_a_commit_has_is_older_than_a_rule_that_starts_there(root: Path) -> None:
    assert levels(root) == {SHEET: Severity.ERROR}
    policy(root, f'since = "{head(root)}"')
    again(root)
    assert levels(root) == {SHEET: Severity.NOTE, LATER: Severity.ERROR}
    edit(root / SHEET, "minutes: 12\n====\nminutes: 13")  # a correction makes nothing new of it
    assert levels(root) == {SHEET: Severity.NOTE, LATER: Severity.ERROR}
    policy(root, f'since = "{head(root)}"\nbefore = "off"')
    assert levels(root) == {LATER: Severity.ERROR}


def test_a_commit_that_is_not_there_makes_nothing_valid(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    policy(root, f'since = "{"1" * 40}"')
    monkeypatch.chdir(root)
    assert main(["check"]) == ExitCode.FINDINGS
    assert "holds for everything here: this clone has no commit `111111111111`" in capsys.readouterr().out


def test_guidelines_start_a_rule(root: Path) -> None:
    file = root / "annotations/guidelines.md"
    file.write_text(file.read_text().replace("version: 1", "version: 2") + "\n## Citations\n\nEvery verdict cites.\n")
    policy(root, 'from_guidelines = 2\nbefore = "warning"')
    again(root, "guidelines: 1\n====\nguidelines: 2")
    assert levels(root) == {SHEET: Severity.WARNING, LATER: Severity.ERROR}
    # whoever names the old version is told, and is pooled with none of the newer ones
    again(root)
    assert levels(root) == {SHEET: Severity.WARNING, LATER: Severity.WARNING}
    assert {(item.path, item.rule) for item in run(load(root))} >= {(LATER, "annotation-stale")}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "must say either `since`, a commit, or `from_guidelines`"),
        ("from_guidelines = 1", "must be at least 2"),
        ("since = 2026-11-01", "must be the full id of a commit"),
        ('since = "main"', "must be the full id of a commit"),
    ],
)
def test_a_start_that_cannot_be_checked_is_refused(root: Path, text: str, said: str) -> None:
    policy(root, text)
    (found,) = [item for item in run(load(root)) if item.path == "assay.toml"]
    assert said in found.message
