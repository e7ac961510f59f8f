"""The example data of this repository: tasks, trajectories and annotations are what the README says of them."""

from __future__ import annotations

import re
from pathlib import Path

import git
import pytest

from assay.diagnostics import Severity
from assay.model.rubric import AXES
from assay.rules import run
from assay.workspace import Task, Workspace, load

ROOT = Path(__file__).parent.parent
TASKS = ("flaky-jobqueue", "ledger-loader")


@pytest.fixture(scope="module")
def workspace() -> Workspace:
    """This repository, loaded."""
    return load(ROOT)


@pytest.fixture(params=TASKS)
def task(request: pytest.FixtureRequest, workspace: Workspace) -> Task:
    """Each shipped task."""
    return workspace.task(request.param)


def test_this_repository_passes_its_own_check(workspace: Workspace) -> None:
    """All graded attempts at flaky-jobqueue serve waiters apart; to change that criterion is to grade them again."""
    found = [(item.rule, item.severity, item.line) for item in run(workspace)]
    assert found == [("criterion-never-separates", Severity.NOTE, 24)]


def test_the_shipped_tasks_are_all_there_are(workspace: Workspace) -> None:
    assert tuple(workspace.tasks) == TASKS


def test_a_task_is_whole(task: Task) -> None:
    assert task.file is not None
    assert task.rubric is not None
    assert task.user is not None
    assert len(task.milestones) >= 3
    assert task.file.record.schema_version == "1.4"
    assert task.file.record.verifier.separate
    criteria = task.rubric.record.criteria
    assert 8 <= len(criteria) <= 15
    assert {criterion.axis for criterion in criteria} == set(AXES)
    assert {intent.milestone for intent in task.user.record.intents} == set(task.milestones)
    readme = task.text("README.md").lower()
    assert "crux" in readme
    assert "pitfalls" in readme or "a weak attempt" in readme


def test_an_image_needs_nothing_but_the_base_and_packages(task: Task) -> None:
    dockerfile = task.text("environment/Dockerfile")
    assert re.findall(r"^FROM (.*)$", dockerfile, re.M) == ["debian:bookworm-slim"]
    assert not re.search(r"\b(curl|wget|pip|npm|ADD)\b", dockerfile)


def test_attempts_differ_in_what_they_reach(task: Task, workspace: Workspace) -> None:
    """One solves everything, one nothing, one loses an earlier milestone again, one stops early."""
    attempts = workspace.attempts[task.id].values()
    found = {tuple(attempt.reports[name].record.passed for name in task.milestones) for attempt in attempts}
    assert found == {(True, True, True), (False, False, False), (False, True, True), (True, False, False)}
    lost = [
        state.passed
        for attempt in attempts
        for state in attempt.reports[task.milestones[0]].record.earlier
        if not attempt.reports[task.milestones[0]].record.passed and attempt.reports[task.milestones[-1]].record.passed
    ]
    assert lost[0] is True


def test_both_annotators_graded_every_task(task: Task, workspace: Workspace) -> None:
    sheets = [sheet for sheet in workspace.sheets if sheet.task == task.id]
    assert [sheet.annotator for sheet in sheets] == ["rater-1", "rater-2"]
    orders = [sheet.entry.record.order for sheet in sheets if sheet.entry]
    assert len(orders) == 2
    assert orders[0] != orders[1]


def test_nothing_generated_or_local_is_tracked() -> None:
    odd = re.compile(r"^(?!tests/rules/)(.*/)?(__pycache__|\.assay|\.venv)/|^build/|\.pyc$")
    assert [path for path in git.Git(ROOT).ls_files().splitlines() if odd.search(path)] == []
