"""A rule that costs time is run only where something that it is about was asked for, and says there the same."""

from __future__ import annotations

from fnmatch import fnmatch
from pathlib import Path

import pytest

from assay.cli import main
from assay.errors import ExitCode
from assay.evidence.leaks import Leak, LeakGuard
from assay.rules import MODULES, Scope, all_rules, run
from assay.workspace import load
from tests.rules.overlay import HERE, build

COSTLY = [name for name, rule in sorted(all_rules().items()) if rule.about != "*"]


@pytest.mark.parametrize("name", COSTLY)
def test_each_path_gets_what_it_gets_among_all(name: str, tmp_path: Path) -> None:
    workspace = load(build(tmp_path, HERE / name / "bad"))
    everything = run(workspace)
    assert name in {item.rule for item in everything}
    for path in workspace.documents:
        scope = Scope((path,))
        expected = [item for item in everything if item.path == path]
        assert run(workspace, scope) == expected
        if path.startswith("annotations/row-merge/"):
            assert scope.tasks == frozenset({"row-merge"})
            assert run(load(tmp_path, scope.tasks), scope) == expected


@pytest.mark.parametrize("name", sorted(all_rules()))
def test_a_rule_reports_where_its_module_says(name: str) -> None:
    check = all_rules()[name].check
    if check is None:
        return
    patterns = MODULES[check.__module__.rpartition(".")[2]]
    lines = (HERE / name / "expected.txt").read_text().splitlines()
    paths = {line.partition(":")[0] for line in lines if not line.startswith(" ")}
    assert paths
    assert [path for path in paths if not any(fnmatch(path, pattern) for pattern in patterns)] == []


@pytest.mark.parametrize(
    ("places", "pattern", "touched"),
    [
        (("",), "tasks/*", True),
        (("tasks/",), "tasks/*/user.yaml", True),
        (("tasks/row-merge/",), "tasks/*/user.yaml", True),
        (("tasks/row-merge/user.yaml",), "tasks/*/user.yaml", True),
        (("tasks/row-merge/rubric.yaml",), "tasks/*/user.yaml", False),
        (("assay.toml",), "annotations/*", False),
        (("annotations/",), "tasks/*", False),
        (("annotations/", "tasks/row-merge/task.toml"), "tasks/*", True),
        (("assay.toml",), "*", True),
        ((), "*", False),
    ],
)
def test_what_a_scope_touches(places: tuple[str, ...], pattern: str, touched: bool) -> None:
    assert Scope(places).touches(pattern) is touched
    if touched:
        assert Scope(places, frozenset()).touches(pattern) is False


def test_annotations_are_judged_without_trajectories_of_other_tasks(tmp_path: Path) -> None:
    build(tmp_path, HERE / "citation-quote/bad")
    (tmp_path / "trajectories/other/bold-crab").mkdir(parents=True)
    (tmp_path / "trajectories/other/bold-crab/trajectory.json").write_text("{")
    scope = Scope(("annotations/row-merge/",))
    workspace = load(tmp_path, scope.tasks)
    assert list(workspace.attempts) == ["row-merge"]
    assert run(workspace, scope) == run(load(tmp_path), scope) != []
    for within in (("",), ("annotations/",), ("annotations/row-merge/", "tasks/"), ("annotations/people.yaml",)):
        assert Scope(within).tasks is None


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
