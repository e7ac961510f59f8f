"""A calibration beside its task: what makes it another task's, another version's, or no calibration at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from assay.rules import run
from assay.workspace import load
from tests.rules.overlay import HERE, build, edit

TASK = "tasks/row-merge"
FILE = f"{TASK}/calibration.json"
WRONG = '"milestone": "merge-rows",\n      "solved"\n====\n"milestone": "merge-row",\n      "solved"'


@pytest.mark.parametrize(
    ("name", "change", "expected"),
    [
        (f"{TASK}/instruction.md", None, ["4 warning calibration-stale"]),
        (f"{TASK}/rubric.yaml", None, []),
        (f"{TASK}/user.yaml", None, ["5 warning calibration-stale"]),
        (FILE, WRONG, ["102 error calibration-task"]),
        (FILE, '"task": "row-merge"\n====\n"task": "row merge"', ["3 error schema"]),
        (FILE, '"task": "row-merge",\n====\n"task": "row-merge"', ["4 error document-syntax"]),
    ],
    ids=["instruction", "rubric", "user", "foreign milestone", "no id", "no json"],
)
def test_what_is_wrong_with_it(name: str, change: str | None, expected: list[str], tmp_path: Path) -> None:
    build(tmp_path, HERE / "calibration-stale/good")
    if change is None:
        (tmp_path / name).write_text((tmp_path / name).read_text() + "\n")
    else:
        edit(tmp_path / name, change)
    found = [item for item in run(load(tmp_path)) if item.path == FILE]
    assert [f"{item.line} {item.severity} {item.rule}" for item in found] == expected
