"""What stands side by side: keys that say which steps do the same, and the script with the steps."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.model.trajectory import Step
from assay.pages.compare_page import page
from assay.pages.comparing import key, payload
from assay.pages.writer import SCRIPT_MARK
from assay.workspace import load
from tests.pages.example import TASK, make_workspace


def step(tool: str, arguments: Mapping[str, Any], message: str = "") -> Step:
    call = {"tool_call_id": "1", "function_name": tool, "arguments": dict(arguments)}
    return Step.model_validate({"step_id": 1, "source": "agent", "message": message, "tool_calls": [call]})


@pytest.mark.parametrize(
    "command",
    [
        "make test",
        "cd /app && make test",
        "make   test",
        "make test 2>&1",
        "make test 2>&1 | tail -n 40",
        "make test | head",
    ],
)
def test_the_same_command_has_the_same_key(command: str) -> None:
    assert key(step("shell", {"command": command})) == key(step("shell", {"command": "make test"}))


@pytest.mark.parametrize("command", ["make", "make test; rm x", "make test | grep -v ok", "make test > out"])
def test_another_command_has_another_key(command: str) -> None:
    assert key(step("shell", {"command": command})) != key(step("shell", {"command": "make test"}))


def test_an_edit_of_the_same_file_is_the_same_whatever_it_writes() -> None:
    one, other = (step("edit", {"path": "a.py", "old": old, "new": "x"}) for old in ("1", "2"))
    assert key(one) == key(other)
    assert key(one) != key(step("edit", {"path": "b.py", "old": "1", "new": "x"}))
    assert key(one) != key(step("read", {"path": "a.py"}))


@given(st.text(max_size=60))
def test_any_command_has_a_key(command: str) -> None:
    assert key(step("shell", {"command": command})).startswith("shell ")


def test_the_script_holds_every_step_once_and_ends_no_tag(tmp_path: Path) -> None:
    workspace = load(make_workspace(tmp_path))
    made = payload(TASK, workspace.attempts[TASK])
    assert made == payload(TASK, workspace.attempts[TASK])
    assert made.isascii()
    assert "<" not in made
    data = json.loads(made.removeprefix(f"{SCRIPT_MARK}__assayCompare(").removesuffix(");\n"))
    for alias, attempt in workspace.attempts[TASK].items():
        numbers = [item[0] for part in data["attempts"][alias] for item in part["steps"]]
        assert attempt.trajectory is not None
        assert numbers == [one.step_id for one in attempt.trajectory.record.steps]


def test_annotators_see_nobody_elses_words(tmp_path: Path) -> None:
    workspace = load(make_workspace(tmp_path))
    task = workspace.tasks[TASK]
    assert "What annotators said" in page(workspace, task, annotated=True)
    blind = page(workspace, task, annotated=False)
    assert "annotators said" not in blind
    assert "rater" not in blind
