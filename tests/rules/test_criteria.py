"""Rules on the wording of criteria are quiet on what professionals write, and loud on what they would send back."""

from __future__ import annotations

import json
from pathlib import Path

from assay.diagnostics import Diagnostic, Severity
from assay.rules import run
from assay.workspace import load
from tests.rules.overlay import HERE, build

RUBRIC = "tasks/row-merge/rubric.yaml"
PROJECT = HERE.parents[1]


def worded(root: Path, name: str) -> tuple[int, list[Diagnostic]]:
    """How many criteria a list of statements has, and what is found of their wording."""
    build(root)
    statements = (HERE / name).read_text(encoding="utf-8").splitlines()
    rest = "axis: correctness, good: true, must_pass: false, weight: 1, evidence: diff, why: It matters to users."
    rows = [
        f"  - {{id: c-{number}, statement: {json.dumps(text)}, {rest}}}\n" for number, text in enumerate(statements)
    ]
    (root / RUBRIC).write_text(f"format: 1\ncriteria:\n{''.join(rows)}", encoding="utf-8")
    found = run(load(root))
    assert not [item for item in found if item.path == RUBRIC and not item.rule.startswith(("criterion-", "rubric-"))]
    return len(statements), [item for item in found if item.rule.startswith("criterion-")]


def lines(found: list[Diagnostic], *severities: Severity) -> set[int]:
    return {item.line for item in found if item.severity in severities}


def test_at_most_three_in_a_hundred_good_criteria_raise_an_error(tmp_path: Path) -> None:
    count, found = worded(tmp_path, "criteria_good.txt")
    assert count >= 100
    assert len(lines(found, Severity.ERROR)) <= 0.03 * count, found
    assert len(lines(found, *Severity)) <= 0.1 * count, found


def test_bad_criteria_are_found(tmp_path: Path) -> None:
    count, found = worded(tmp_path, "criteria_bad.txt")
    assert len(lines(found, *Severity)) >= 0.95 * count
    assert len(lines(found, Severity.ERROR)) >= 0.5 * count


def test_the_shipped_rubrics_raise_none() -> None:
    found = [item for item in run(load(PROJECT)) if item.rule.startswith(("criterion-", "rubric-"))]
    assert [item.rule for item in found if item.severity is not Severity.NOTE] == []
