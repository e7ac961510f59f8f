"""What git keeps and nothing leads to: exactly what a garbage collection would throw away."""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from assay.repository import GitError, unreachable_objects

ME = ("-c", "user.name=x", "-c", "user.email=x@localhost", "-c", "commit.gpgsign=false", "-c", "gc.auto=0")
STEPS = {
    "commit": "commit -qam commit",
    "amend": "commit -q --amend --allow-empty -am amended",
    "back": "reset -q --hard HEAD~1",
    "branch": "checkout -qf -B other",
    "main": "checkout -qf main",
    "drop": "branch -D other",
    "tag": "tag -f -a -m tagged kept",
    "stage": "add file",
    "stash": "stash -q",
    "fetched": "update-ref refs/remotes/origin/main HEAD",
}


def git(folder: Path, *arguments: str, check: bool = True) -> str:
    done = subprocess.run(["git", *ME, *arguments], cwd=folder, check=check, capture_output=True, text=True)
    return done.stdout


def objects(folder: Path) -> set[str]:
    lines = git(folder, "cat-file", "--batch-all-objects", "--batch-check=%(objecttype) %(objectname)").splitlines()
    return {line.split()[1] for line in lines if not line.startswith("tag ")}


@given(st.lists(st.sampled_from(sorted(STEPS)), min_size=2, max_size=9))
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_it_is_what_a_collection_removes(steps: list[str]) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        git(folder, "init", "-q", "-b", "main")
        (folder / "file").write_text("start")
        git(folder, "add", "file")
        for number, step in enumerate(["commit", *steps]):
            (folder / "file").write_text(f"{number}")
            git(folder, *STEPS[step].split(), check=False)
        found, before = unreachable_objects(folder / ".git"), objects(folder)
        git(folder, "stash", "clear")
        git(folder, "update-ref", "-d", "refs/remotes/origin/main")
        git(folder, "reflog", "expire", "--expire=now", "--all")
        (folder / ".git/ORIG_HEAD").unlink(missing_ok=True)
        git(folder, "gc", "-q", "--prune=now")
        assert found == sorted(before - objects(folder))


def test_nothing_in_the_repository_is_run(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")
    (tmp_path / "file").write_text("x")
    git(tmp_path, "add", "file")
    for key in ("core.fsmonitor", "core.sshCommand", "core.pager", "alias.rev-list"):
        git(tmp_path, "config", key, f"touch {tmp_path}/ran")
    assert unreachable_objects(tmp_path / ".git") == []
    assert not (tmp_path / "ran").exists()


def test_what_is_no_repository(tmp_path: Path) -> None:
    for name in ("objects", "refs"):
        (tmp_path / name).mkdir()
    with pytest.raises(GitError):
        unreachable_objects(tmp_path)
