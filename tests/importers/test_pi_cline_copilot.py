"""Traps of three smaller formats: a tree of entries, results without ids, calls that come three times."""

from __future__ import annotations

import json
from pathlib import Path

from assay.importers import registry
from tests.importers.reading import FIXTURES, imported, only, written


def test_pi_follows_the_way_to_the_last_entry() -> None:
    log = imported("pi/session.jsonl")
    assert "A way that was left." not in written(log)
    assert "The user went back and took another way; messages that are not here: 2." in (log.trajectory.notes or "")
    assert json.loads(log.identity.extra["cost_usd_by_step"]) == {"2": 0.03, "5": 0, "7": 0.03}
    assert log.identity.model == "fable-labs/fable-large-20260101"


def test_pi_a_mark_names_the_leaf(tmp_path: Path) -> None:
    text = (FIXTURES / "pi/session.jsonl").read_text(encoding="utf-8")
    leaf = json.dumps({"type": "leaf", "id": "zz", "parentId": "b3", "targetId": "b2"})
    (tmp_path / "log").write_text(f"{text}{leaf}\n", encoding="utf-8")
    steps = only(registry().read(tmp_path / "log")).trajectory.steps
    assert steps[-1].text == "A way that was left."


def test_pi_a_way_without_its_start_says_so(tmp_path: Path) -> None:
    lines = (FIXTURES / "pi/session.jsonl").read_text(encoding="utf-8").splitlines()
    (tmp_path / "log").write_text("\n".join([lines[0], *lines[11:]]), encoding="utf-8")
    notes = only(registry().read(tmp_path / "log")).trajectory.notes or ""
    assert "What came before the first step here is missing in the log." in notes


def test_cline_takes_models_and_version_from_the_side_file(tmp_path: Path) -> None:
    (tmp_path / "log.json").write_bytes((FIXTURES / "cline/xml.json").read_bytes())
    side = {
        "files_in_context": [],
        "model_usage": [{"model_id": "fable-large-20260101", "model_provider_id": "fable-labs", "mode": "act"}],
        "environment_history": [{"os_name": "linux", "cline_version": "3.40.0"}],
    }
    (tmp_path / "task_metadata.json").write_text(json.dumps(side), encoding="utf-8")
    log = only(registry().read(tmp_path / "log.json"))
    assert (log.identity.version, log.identity.model) == ("3.40.0", "fable-labs/fable-large-20260101")
    assert [file.name for file in log.files] == ["log.json", "task_metadata.json"]
    (tmp_path / "task_metadata.json").write_text("{", encoding="utf-8")
    log = only(registry().read(tmp_path / "log.json"))
    assert any("side file cannot be read" in note for note in log.report.notes)


def test_cline_pairs_results_by_order_and_keeps_the_users_words() -> None:
    report = imported("cline/task.json").report
    assert "results for which no call was found: 1" in report.notes
    steps = imported("cline/task.json").trajectory.steps
    assert [step.text for step in steps if step.source == "user"][1:] == ["Keep the name, too."]


def test_copilot_delegated_runs_stay_and_are_found() -> None:
    log = imported("copilot/session.jsonl").trajectory
    children = {child.trajectory_id: child for child in log.subagent_trajectories or ()}
    results = log.steps[1].observation.results if log.steps[1].observation else []
    refs = [ref.trajectory_id for result in results for ref in result.subagent_trajectory_ref or ()]
    assert refs == list(children) == ["delegated-1"]
    assert children["delegated-1"].steps[-1].text == "It is in load.py."


def test_copilot_counts_a_call_once() -> None:
    report = imported("copilot/session.jsonl").report
    assert (report.steps, report.calls, report.observations) == (4, 4, 4)
    assert "4 × second copy of a call" in report.dropped
    assert any("inputTokens 4000" in note for note in report.notes)
