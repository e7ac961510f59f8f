"""A rule that costs time is run only where something that it is about was asked for, and says there the same."""

from __future__ import annotations

from pathlib import Path

import pytest

from assay.cli import main
from assay.errors import ExitCode
from assay.evidence.leaks import Leak, LeakGuard
from assay.rules import all_rules, run
from assay.workspace import load
from tests.rules.overlay import HERE, build

COSTLY = [name for name, rule in sorted(all_rules().items()) if rule.about != "*"]


@pytest.mark.parametrize("name", COSTLY)
def test_each_path_gets_what_it_gets_among_all(name: str, tmp_path: Path) -> None:
    workspace = load(build(tmp_path, HERE / name / "bad"))
    everything = run(workspace)
    assert name in {item.rule for item in everything}
    for path in workspace.documents:
        assert run(workspace, path.__eq__) == [item for item in everything if item.path == path]


def test_what_a_user_may_say_is_looked_through_where_it_was_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[str] = []
    check = LeakGuard.check

    def looking(guard: LeakGuard, text: str, unrevealed: list[str]) -> Leak:
        looked.append(text)
        return check(guard, text, unrevealed=unrevealed)

    monkeypatch.setattr(LeakGuard, "check", looking)
    monkeypatch.chdir(build(tmp_path, HERE / "user-leaks/bad"))
    assert main(["check", "assay.toml", "tasks/row-merge/rubric.yaml"]) == ExitCode.CLEAN
    assert looked == []
    for asked in (["tasks"], ["tasks/row-merge/user.yaml"], []):
        assert main(["check", *asked]) == ExitCode.FINDINGS
        assert looked
        looked.clear()
