"""From annotations on disk to a ranking: by alias task by task, by agent over tasks."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from assay.cli import main
from assay.errors import ExitCode
from assay.results.ranking import rank_workspace
from assay.workspace import load

RUBRIC = """\
format: 1
criteria:
  - {id: works, statement: "It works.", axis: correctness, good: true, must_pass: true, weight: 3,
     evidence: tests, why: w}
  - {id: noisy, statement: "It is noisy.", axis: style, good: false, weight: 1, evidence: diff, why: w}
"""
TASK = """\
schema_version = "1.4"
artifacts = ["/app/x"]
[task]
name = "assay/{name}"
[metadata]
difficulty = "easy"
category = "c"
expert_time_estimate_min = 1
crux = "c"
origin = "o"
[[steps]]
name = "only"
"""


def annotation(task: str, annotator: str, ranking: list[list[str]], works: dict[str, bool]) -> str:
    grades = {
        alias: {
            "rationale": "r",
            "criteria": {
                "works": {"holds": holds, "cites": ["step:1"]},
                "noisy": {"holds": False, "cites": ["step:1"]},
            },
        }
        for alias, holds in works.items()
    }
    record = {
        "format": 1,
        "task": task,
        "annotator": annotator,
        "guidelines": 1,
        "rubric": "0" * 40,
        "order": sorted(works),
        "grades": grades,
        "ranking": ranking,
        "comparison": "c",
        "minutes": 5,
    }
    return json.dumps(record)  # JSON is YAML


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Two tasks with two trajectories each, two annotators who agree on one task and tie on the other."""
    (tmp_path / "assay.toml").write_text("format = 1\n")
    for task, aliases in (("one", ("a-1", "b-1")), ("two", ("a-2", "b-2"))):
        folder = tmp_path / "tasks" / task
        folder.mkdir(parents=True)
        (folder / "task.toml").write_text(TASK.format(name=task))
        (folder / "rubric.yaml").write_text(RUBRIC)
        sheets = tmp_path / "annotations" / task
        sheets.mkdir(parents=True)
        first, second = aliases
        tiers = [[first], [second]]
        (sheets / "x.yaml").write_text(annotation(task, "x", tiers, {first: True, second: False}))
        (sheets / "y.yaml").write_text(
            annotation(task, "y", tiers if task == "one" else [[first, second]], {first: True, second: True})
        )
    return tmp_path


def test_by_alias_every_task_is_a_table_of_its_own_without_interval(root: Path) -> None:
    report = rank_workspace(load(root))
    assert [table.tasks for table in report.tables] == [("one",), ("two",)]
    for table in report.tables:
        assert [standing.item[0] for standing in table.standings] == ["a", "b"]
        assert all(standing.bradley_terry.interval is None for standing in table.standings)
        assert all(standing.bradley_terry.reason for standing in table.standings)
    best = report.tables[0].standings[0]
    assert best.score.must_pass.value == 1.0
    assert report.tables[0].standings[1].score.must_pass.value == 0.5
    assert best.milestones == {"one/a-1/only": None}


def test_by_agent_tasks_are_pooled_and_resampled(root: Path) -> None:
    agents = {"one": {"a-1": "left", "b-1": "right"}, "two": {"a-2": "left", "b-2": "right"}}
    (table,) = rank_workspace(load(root), agents).tables
    assert table.tasks == ("one", "two")
    assert [standing.item for standing in table.standings] == ["left", "right"]
    assert all(standing.bradley_terry.interval for standing in table.standings)
    assert table.rankings == 4


def test_same_data_same_report(root: Path) -> None:
    assert rank_workspace(load(root)) == rank_workspace(load(root))


def test_an_unreadable_annotation_is_left_out(root: Path) -> None:
    (root / "annotations/one/y.yaml").write_text("format: 1\n")
    assert rank_workspace(load(root)).tables[0].annotators == ("x",)


def test_rank_refuses_while_annotations_have_errors(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(root)
    assert main(["rank"]) == ExitCode.FINDINGS
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "annotations/one/x.yaml" in captured.err


def test_nothing_to_rank_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "assay.toml").write_text("format = 1\n")
    monkeypatch.chdir(tmp_path)
    assert main(["rank"]) == ExitCode.CLEAN
    assert "nothing to rank" in capsys.readouterr().out
