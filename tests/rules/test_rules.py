"""Every rule is documented, fails on its bad example exactly where it should, and accepts a near miss."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from assay.diagnostics import Diagnostic
from assay.rules import all_rules, graded, run
from assay.rules.history import check_history
from assay.workspace import load
from tests.rules.overlay import HERE, build

RULES = sorted(all_rules())
FOLDERS = sorted(path.name for path in HERE.iterdir() if (path / "bad").is_dir() or (path / "good").is_dir())


def check(root: Path, *overlays: Path) -> list[Diagnostic]:
    return found_in(build(root, *overlays))


def found_in(root: Path) -> list[Diagnostic]:
    workspace = load(root)
    return sorted([*run(workspace), *graded(check_history(workspace), workspace)])


def rendered(diagnostics: list[Diagnostic]) -> str:
    lines = []
    for item in diagnostics:
        lines.append(f"{item.path}:{item.line}:{item.column}: {item.severity} {item.rule}: {item.message}\n")
        lines += [f"  hint: {item.hint}\n"] if item.hint else []
    return "".join(lines)


def test_the_base_workspace_is_clean(tmp_path: Path) -> None:
    workspace = load(build(tmp_path))
    assert rendered(run(workspace)) == ""
    assert workspace.counts() == "1 task, 2 trajectories, 1 annotation"


def test_every_rule_has_a_folder_and_every_folder_a_rule() -> None:
    assert FOLDERS == RULES


def test_ids_are_stable() -> None:
    """Policies, sealed records and other programs name rules: an id that goes or changes breaks them.

    A new rule is added to `ids.txt`; taking one out is a breaking change, and says so in CHANGELOG.md.
    """
    assert (HERE / "ids.txt").read_text(encoding="utf-8").split() == RULES


@pytest.mark.parametrize("name", RULES)
def test_documentation(name: str) -> None:
    rule = all_rules()[name]
    assert rule.summary.endswith(".")
    assert len(rule.summary) <= 120
    assert len(rule.why) > 40
    assert rule.bad
    assert rule.good
    assert rule.bad != rule.good


@pytest.mark.parametrize("name", RULES)
def test_bad_example(name: str, tmp_path: Path) -> None:
    found = check(tmp_path, HERE / name / "bad")
    assert {item.rule for item in found} == {name}
    assert {item.severity for item in found} == {all_rules()[name].severity}
    text = re.sub(r"(?<=commit )[0-9a-f]{12}", "@commit@", rendered(found))
    assert text == (HERE / name / "expected.txt").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", RULES)
def test_good_example(name: str, tmp_path: Path) -> None:
    assert any((HERE / name / "good").rglob("*"))
    assert rendered(check(tmp_path, HERE / name / "good")) == ""
