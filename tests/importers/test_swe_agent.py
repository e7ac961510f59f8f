"""What is special about trajectories of SWE-agent: commands, demonstrations, copies, the model."""

from __future__ import annotations

import json
import shutil
import tracemalloc
from pathlib import Path
from typing import Any

import pytest

from assay.importers import Imported, registry
from assay.importers.swe_agent_actions import written
from tests.importers.reading import FIXTURES, imported, only

HERE = FIXTURES / "swe-agent"
OLD = json.loads((HERE / "run-0.x.json").read_text(encoding="utf-8"))
NEW = json.loads((HERE / "run-1.x.json").read_text(encoding="utf-8"))


def read(tmp_path: Path, data: Any) -> Imported:
    (tmp_path / "log.traj").write_text(json.dumps(data))
    return only(registry().read(tmp_path / "log.traj"))


@pytest.mark.parametrize(
    ("action", "name", "arguments"),
    [
        ("open src/a.py 30\n", "open", {"path": "src/a.py", "line_number": "30"}),
        ("goto 7", "goto", {"line_number": "7"}),
        ('search_file "def total" a.py', "search_file", {"pattern": "def total", "path": "a.py"}),
        ("edit 3:4\na = '\\n'\n\nend_of_edit", "edit", {"lines": "3-4", "new": "a = '\\n'\n"}),
        ("scroll_up", "scroll_up", {"scroll": "up"}),
        ("exit_forfeit", "submit", {}),
        ("create a b c", "bash", {"command": "create a b c"}),
        ("open a.py && ls", "bash", {"command": "open a.py && ls"}),
        ("open 'a;b.py'", "open", {"path": "a;b.py"}),
        ("open 'a.py", "bash", {"command": "open 'a.py"}),
        ("python - <<E\nopen\nE", "bash", {"command": "python - <<E\nopen\nE"}),
        (
            "str_replace_editor create /a.py --file_text 'x = 1\ny'",
            "str_replace_editor",
            {"command": "create", "path": "/a.py", "file_text": "x = 1\ny"},
        ),
    ],
)
def test_commands_of_the_interface(action: str, name: str, arguments: dict[str, Any]) -> None:
    found = written(action)
    assert found == (name, arguments) or found == ("submit", arguments)


def test_demonstrations_are_left_out_but_a_log_of_nothing_else_is_read(tmp_path: Path) -> None:
    assert "1 × message of a demonstration" in imported("swe-agent/run-0.x.json").report.dropped
    shown = json.loads((HERE / "demonstration.json").read_text(encoding="utf-8"))
    for item in shown["history"]:
        item["is_demo"] = True
    assert read(tmp_path, shown).trajectory == imported("swe-agent/demonstration.json").trajectory


def test_commands_have_no_exit_codes_and_tokens_are_those_of_the_run() -> None:
    log = imported("swe-agent/run-0.x.json")
    results = [result for step in log.trajectory.steps if step.observation for result in step.observation.results]
    assert {result.exit_code for result in results} == {None}
    assert log.report.prompt_tokens == 52000
    assert "A limit ended the run; what was there was handed in." in (log.trajectory.notes or "")
    assert imported("swe-agent/run-1.x.json").report.prompt_tokens is None


def test_the_model_is_in_settings_that_may_be_text_or_beside_the_log(tmp_path: Path) -> None:
    assert imported("swe-agent/run-1.x.json").identity.model == "fable-labs/fable-large-20260101"
    again = read(tmp_path, {**NEW, "replay_config": json.loads(NEW["replay_config"])})
    assert again.trajectory == imported("swe-agent/run-1.x.json").trajectory
    folder = tmp_path / "fable__totals__default__t-0.00__p-0.95"
    folder.mkdir()
    assert read(folder, OLD).identity.model == "fable"
    (folder / "args.yaml").write_text("agent:\n  model:\n    model_name: fable-large\n")
    beside = read(folder, OLD)
    assert beside.identity.model == "fable-large"
    assert beside.files == (folder / "log.traj", folder / "args.yaml")
    assert imported("swe-agent/run-0.x.json").identity.model is None


def test_settings_that_cannot_be_read_are_no_reason_to_fail(tmp_path: Path) -> None:
    log = read(tmp_path, {**NEW, "replay_config": '{"agent": '})
    assert "The settings of the run could not be read." in log.report.notes
    assert log.trajectory.steps[0].text.startswith("`total` forgets")


def test_the_copies_of_the_conversation_in_every_step_cost_little(tmp_path: Path) -> None:
    step, copies = NEW["trajectory"][2], [{"role": "tool", "content": "line " * 500} for _ in range(400)]
    grown = {**NEW, "trajectory": [{**step, "query": copies[: 4 * number]} for number in range(100)]}
    (tmp_path / "log.traj").write_text(json.dumps(grown))
    tracemalloc.start()
    try:
        log = only(registry().read(tmp_path / "log.traj"))
        kept, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert log.report.calls == 100
    assert kept < 2_000_000 < (tmp_path / "log.traj").stat().st_size
    assert peak < 5 * (tmp_path / "log.traj").stat().st_size
    shutil.rmtree(tmp_path)
