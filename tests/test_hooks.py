"""Commit hooks, for real: git repositories in which `git commit` is refused or goes through."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from assay.scaffold.workspace import create

BIN = Path(sys.executable).parent
QUOTE = re.compile(r'\[(?:[a-z0-9-]+ )?[a-z]+:[^\s"\]]+ "([A-Za-z][^"\\\n]{25,})"\]')
"""A quote in a citation on one line, long enough that no rule calls it weak."""


def run(folder: Path, *command: str | Path, env: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    path = {"PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"}
    return subprocess.run(
        command, cwd=folder, env={**os.environ, **path, **(env or {})}, text=True, check=False, timeout=300,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip


def git(folder: Path, *arguments: str) -> str:
    done = run(folder, "git", *arguments)
    assert done.returncode == 0, done.stdout
    return done.stdout


def commit(folder: Path) -> subprocess.CompletedProcess[str]:
    git(folder, "add", "--all")
    return run(folder, "git", "commit", "-m", "change")


def with_hook(folder: Path) -> Path:
    """Everything in `folder` becomes the first commit; from then on the hook guards."""
    git(folder, "init", "-q")
    git(folder, "add", "--all")
    git(folder, "commit", "-qm", "start")
    assert run(folder, BIN / "pre-commit", "install").returncode == 0
    return folder


@pytest.fixture(scope="module")
def pre_commit_home(repository: Path) -> None:
    """Hook environments are kept between test runs, in a folder that git ignores."""
    os.environ["PRE_COMMIT_HOME"] = str(repository / "build/pre-commit")


@pytest.fixture
def clone(repository: Path, tmp_path: Path, pre_commit_home: None) -> Path:
    """This repository as the next commit would make it, with its own hooks installed."""
    listed = git(repository, "ls-files", "-z", "--cached", "--others", "--exclude-standard").split("\0")
    for name in listed:
        if (repository / name).is_file():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(repository / name, tmp_path / name)
    return with_hook(tmp_path)


@pytest.fixture
def study(tmp_path: Path) -> Path:
    """A new workspace with its own hook installed."""
    create(tmp_path, "study")
    return with_hook(tmp_path)


def quoted_annotation(folder: Path) -> tuple[Path, re.Match[str]]:
    """The first annotation with a quote that a test can falsify."""
    for file in sorted(folder.glob("annotations/*/*.yaml")):
        if found := QUOTE.search(file.read_text(encoding="utf-8")):
            return file, found
    raise AssertionError("no annotation of this repository quotes anything")


def test_this_repository_refuses_a_wrong_quote_and_takes_a_right_one(clone: Path) -> None:
    file, quote = quoted_annotation(clone)
    good = file.read_text(encoding="utf-8")
    words = quote[1].split(" ")
    wrong = good.replace(quote[1], " ".join(["never", *words[1:]]), 1)
    file.write_text(wrong, encoding="utf-8")
    refused = commit(clone)
    line = good[: quote.start(1)].count("\n") + 1
    assert refused.returncode != 0
    assert re.search(rf"^{file.relative_to(clone).as_posix()}:{line}:\d+: error citation-quote: ", refused.stdout, re.M)
    file.write_text(good.rstrip("\n") + "\n# reviewed\n", encoding="utf-8")
    accepted = commit(clone)
    assert accepted.returncode == 0, accepted.stdout
    assert re.search(r"^assay check\.+Passed$", accepted.stdout, re.M)


def test_new_workspace_refuses_what_is_broken(study: Path) -> None:
    people = study / "annotations/people.yaml"
    good = people.read_text()
    people.write_text(good + "people: []\n")
    refused = commit(study)
    assert refused.returncode != 0
    assert re.search(r"^annotations/people\.yaml:\d+:1: error yaml-duplicate-key: ", refused.stdout, re.M)
    people.write_text(good.replace("people: []", "people:\n  - {handle: rater-1, roles: [annotator]}"))
    accepted = commit(study)
    assert accepted.returncode == 0, accepted.stdout


def test_a_commit_that_only_deletes_is_checked_too(study: Path) -> None:
    (study / "tasks/hello-milestones/rubric.yaml").unlink()
    refused = commit(study)
    assert refused.returncode != 0
    assert "tasks/hello-milestones/rubric.yaml:1:1: error" in refused.stdout


def own_hooks(repository: Path) -> dict[str, dict[str, Any]]:
    config = yaml.safe_load((repository / ".pre-commit-config.yaml").read_text(encoding="utf-8"))
    assert {entry["repo"] for entry in config["repos"]} == {"local"}
    return {hook["id"]: hook for entry in config["repos"] for hook in entry["hooks"]}


def test_hooks_pin_what_the_project_pins(repository: Path) -> None:
    project = tomllib.loads((repository / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    hooks = own_hooks(repository)
    assert set(hooks["assay-check"]["additional_dependencies"]) <= set(project["dependencies"])
    assert set(hooks["ruff"]["additional_dependencies"]) <= set(project["optional-dependencies"]["dev"])


def test_every_form_of_the_hook_sees_the_whole_workspace(repository: Path, tmp_path: Path) -> None:
    create(tmp_path, "study")
    template = yaml.safe_load((tmp_path / ".pre-commit-config.yaml").read_text())["repos"][0]["hooks"][0]
    manifest = yaml.safe_load((repository / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))[0]
    for hook in (own_hooks(repository)["assay-check"], template, manifest):
        assert (hook["id"], hook["name"]) == ("assay-check", "assay check")
        assert hook["entry"].endswith("assay check")
        assert (hook["pass_filenames"], hook["require_serial"], hook["always_run"]) == (False, True, True)


def test_tasks_are_audited_when_they_change(repository: Path) -> None:
    manifest = yaml.safe_load((repository / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))[1]
    own = own_hooks(repository)
    for hook in (own["assay-audit"], manifest):
        assert (hook["id"], hook["files"], hook["pass_filenames"]) == ("assay-audit", "^tasks/", False)
        assert hook["entry"].endswith("assay audit")
    assert own["assay-audit"]["additional_dependencies"] == own["assay-check"]["additional_dependencies"]


def test_this_repository_refuses_a_defective_task(clone: Path) -> None:
    script = clone / "tasks/ledger-loader/tests/test.sh"
    script.write_text("#!/bin/bash\npytest /tests || true\necho 1 > /logs/verifier/reward.txt\n")
    refused = commit(clone)
    assert refused.returncode != 0
    assert re.search(r"^tasks/ledger-loader/tests/test\.sh:\d+:1: error reward-ungated: ", refused.stdout, re.M)


@pytest.mark.parametrize(
    ("path", "excluded"),
    [
        ("trajectories/t/calm-heron/trajectory.json", True),
        ("annotations/t/evidence/rater-1/01.json", True),
        ("tasks/t/environment/app/main.py", True),
        ("tasks/t/steps/m/solution/solve.sh", True),
        ("tests/rules/citation-quote/bad/annotations/t/rater-1.yaml", True),
        ("annotations/t/rater-1.yaml", False),
        ("tasks/t/rubric.yaml", False),
        ("tasks/t/tests/test.sh", False),
        ("tools/assay/cli.py", False),
        ("tests/test_cli.py", False),
    ],
)
def test_fixers_touch_what_people_write_and_never_evidence(repository: Path, path: str, excluded: bool) -> None:
    config = yaml.safe_load((repository / ".pre-commit-config.yaml").read_text(encoding="utf-8"))
    assert bool(re.search(config["exclude"], path)) is excluded


def test_manifest_is_valid(repository: Path) -> None:
    assert run(repository, BIN / "pre-commit", "validate-manifest", ".pre-commit-hooks.yaml").returncode == 0
    assert run(repository, BIN / "pre-commit", "validate-config", ".pre-commit-config.yaml").returncode == 0


@pytest.mark.wheel
def test_other_repositories_can_use_the_hook(clone: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    other = tmp_path_factory.mktemp("other")
    create(other, "other")
    (other / "annotations/people.yaml").write_text("format: 1\npeople: []\npeople: []\n")
    git(other, "init", "-q")
    git(other, "add", "--all")
    tried = run(other, BIN / "pre-commit", "try-repo", str(clone), "assay-check", "--all-files")
    assert tried.returncode == 1, tried.stdout
    assert "annotations/people.yaml:3:1: error yaml-duplicate-key: " in tried.stdout
