"""What git keeps: messages, names, and files that are not there any more."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from assay import cli
from assay.errors import ExitCode
from assay.rules.history import check_history
from assay.scaffold.workspace import create
from assay.workspace import load

FILE = "annotations/hello-milestones/notes.txt"


def git(root: Path, *arguments: str) -> None:
    subprocess.run(["git", "-C", str(root), *arguments], check=True, capture_output=True)


def commit(root: Path, message: str, text: str, name: str = FILE) -> None:
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    (root / name).write_text(text, encoding="utf-8")
    git(root, "add", "-A")
    git(root, "commit", "-q", "-m", message)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    create(tmp_path, "history")
    git(tmp_path, "init", "-q", "-b", "main")
    commit(tmp_path, "Start", "Nothing.")
    return tmp_path


def found(root: Path, whole: bool) -> list[str]:
    return [f"{item.path}: {item.message}" for item in check_history(load(root), whole)]


def test_a_leak_that_was_removed_is_still_in_the_history(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    commit(root, "Add a run", "\nmade by Codex CLI\n")
    commit(root, "Mask it", "made by [agent]\n")
    assert found(root, whole=False) == []
    (line,) = found(root, whole=True)
    assert line.startswith(f"{FILE}: line 2 of the version in commit ")
    assert line.endswith("tells who made it: `Codex CLI` (product)")
    name = subprocess.run(["git", "-C", str(root), "rev-parse", "HEAD~1"], capture_output=True, text=True, check=True)
    assert name.stdout[:12] in line
    assert cli.main(["check", str(root), "--history"]) == ExitCode.FINDINGS
    assert "mask-history" in capsys.readouterr().out


def test_messages_people_branches_and_old_names(root: Path) -> None:
    git(root, "checkout", "-q", "-b", "codex-cli-runs")
    git(
        root,
        "-c",
        "user.name=opencode",
        "commit",
        "-q",
        "--allow-empty",
        "-m",
        "Nothing that annotators read: OpenHands",
    )
    commit(root, "Add what Claude Code did", "x", FILE.replace("notes", "opencode"))
    git(root, "-c", "user.name=Claude Martin", "rm", "-q", FILE.replace("notes", "opencode"))
    git(root, "-c", "user.name=cursoragent", "commit", "-q", "-m", "Take it back")
    lines = sorted(found(root, whole=False))
    assert [line.partition(": ")[0] for line in lines] == [".git"] * 3 + [FILE.replace("notes", "opencode")] * 2
    said = "\n".join(lines)
    assert "`Claude Code` (product)" in said
    assert "is called after an agent: `cursoragent`" in said
    assert "the branch `codex-cli-runs` is called after an agent: `codex cli`" in said
    assert "OpenHands" not in said
    git(root, "checkout", "-q", "main")
    assert found(root, whole=False) == []
    assert len(found(root, whole=True)) == 5


def test_files_are_checked_without_looking_at_commits(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    git(root, "checkout", "-q", "-b", "opencode-runs")
    commit(root, "More", "y")
    assert cli.main(["check", str(root / "assay.toml")]) == ExitCode.CLEAN
    assert cli.main(["check", str(root)]) == ExitCode.FINDINGS
    assert "opencode" in capsys.readouterr().out


def test_no_repository_and_no_commit_are_no_findings(tmp_path: Path) -> None:
    create(tmp_path, "plain")
    assert found(tmp_path, whole=True) == []
    git(tmp_path, "init", "-q")
    assert found(tmp_path, whole=True) == []
    assert found(tmp_path, whole=False) == []
