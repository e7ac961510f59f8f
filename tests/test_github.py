"""`assay check --format github` as a step of a pull request runs it: its own process, a real repository, its page."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from assay.repository import changed_lines
from tests.rules.overlay import build

SHEET = "annotations/row-merge/rater-1.yaml"


def git(root: Path, *arguments: str) -> None:
    identity = ("-c", "user.name=t", "-c", "user.email=t@localhost", "-c", "commit.gpgsign=false")
    subprocess.run(["git", "-C", str(root), *identity, *arguments], check=True, capture_output=True)


def edited(root: Path, old: str, new: str) -> None:
    file = root / SHEET
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new), encoding="utf-8")


def test_what_a_pull_request_changed_comes_first_and_the_page_has_everything(tmp_path: Path) -> None:
    root, page = build(tmp_path / "w"), tmp_path / "page.md"
    edited(
        root,
        'merges-rows: {holds: true, cites: ["test:merge-rows/test_merge"]}',
        'merges-rows: {holds: true, cites: ["step:77"]}',
    )
    git(root, "init", "-q", "-b", "main")
    git(root, "add", ".")
    git(root, "commit", "-qm", "Start")
    git(root, "update-ref", "refs/remotes/origin/main", "HEAD")
    edited(root, '[brisk-otter step:3.c1#L2 "4 passed', '[brisk-otter step:88 "4 passed')
    git(root, "commit", "-qam", "annotate row-merge: another step")
    page.write_text("before\n", encoding="utf-8")
    environment = {**os.environ, "GITHUB_BASE_REF": "main", "GITHUB_STEP_SUMMARY": str(page)}
    command = [sys.executable, "-m", "assay", "check", "--format", "github"]
    done = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    commands = [line for line in done.stdout.splitlines() if line.startswith("::")]
    assert ["step 88" in commands[0], *("step 77" in line for line in commands[1:])] == [True, True, True]
    written = page.read_text(encoding="utf-8")
    assert written.startswith("before\n### assay check\n\n1 task, 2 trajectories, 1 annotation: 3 errors.")
    assert written.index("step 77") < written.index("step 88")


def test_changed_lines_are_those_of_the_new_text(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q", "-b", "main")
    (tmp_path / "a b.txt").write_text("one\n-- two\nthree\nfour\nfive")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-qm", "Start")
    (tmp_path / "a b.txt").write_text("one\n++ b/else\n++ two\nthree\nfour\nsix")
    assert changed_lines(tmp_path, "main") == {"a b.txt": [range(2, 4), range(6, 7)]}
    assert changed_lines(tmp_path, "nowhere") == {}
