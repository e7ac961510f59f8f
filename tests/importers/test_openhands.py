"""What is special about logs of OpenHands: rows that are attempts, flat histories, and the folders of its SDK."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from assay.importers import Imported, ImportFailed, Source, registry
from tests.importers.reading import FIXTURES, attempts, imported, only

HERE = FIXTURES / "openhands"
ROWS = [json.loads(line) for line in (HERE / "output.jsonl").read_text(encoding="utf-8").splitlines()]


def read(tmp_path: Path, *rows: Any) -> list[Imported]:
    (tmp_path / "output.jsonl").write_text("\n".join(map(json.dumps, rows)))
    name, found = registry().read(tmp_path / "output.jsonl")
    assert name == "openhands"
    return list(found)


def facts(log: Imported) -> list[tuple[str | None, dict[str, Any] | None]]:
    results = (result for step in log.trajectory.steps if step.observation for result in step.observation.results)
    return [(result.source_call_id, result.extra) for result in results]


def test_rows_are_attempts_named_by_their_instances() -> None:
    logs = attempts("openhands/output.jsonl")
    assert [log.label for log in logs] == ["totals-1", "totals-1/run 2", "totals-2"]
    assert [log.reported and log.reported.resolved for log in logs] == [True, False, None]
    assert logs[0].report.skipped == {"row without a history": 1}
    assert [log.identity.source_format for log in logs] == ["openhands-events", "openhands-events", "openhands-sdk"]
    assert [log.label for log in attempts("openhands/resolver.jsonl")] == ["devuser/totals#5", "devuser/totals#6"]


def test_what_a_model_judged_is_told_as_that() -> None:
    reported = [log.reported for log in attempts("openhands/resolver.jsonl")]
    assert [found and found.resolved for found in reported] == [True, False]
    assert all(
        found and found.reason == "judged by a model that read the conversation, not by tests" for found in reported
    )


def test_what_is_said_of_one_row_is_not_said_of_the_next(tmp_path: Path) -> None:
    logs = read(tmp_path, {**ROWS[0], "error": "stuck"}, ROWS[1])
    assert ["error of the program" in (log.trajectory.notes or "") for log in logs] == [True, False]


def test_one_row_is_one_attempt_without_a_name(tmp_path: Path) -> None:
    (log,) = read(tmp_path, ROWS[1])
    assert log.label == ""
    assert log.trajectory == attempts("openhands/output.jsonl")[1].trajectory


def test_a_row_longer_than_what_is_looked_at_first_is_known(tmp_path: Path) -> None:
    row = {
        **ROWS[0],
        "history": [*ROWS[0]["history"], {"source": "agent", "action": "null", "args": {"x": "y" * 2_100_000}}],
    }
    assert len(read(tmp_path, row, ROWS[1])) == 2


def test_rows_without_any_history_say_so(tmp_path: Path) -> None:
    (tmp_path / "log").write_text(json.dumps(ROWS[3]))
    with pytest.raises(ImportFailed, match="must hold a row with a history of events"):
        registry().read(tmp_path / "log", "openhands")


def test_flat_histories_pair_by_order_and_lose_the_shells_words() -> None:
    log = attempts("openhands/resolver.jsonl")[0]
    assert facts(log) == [("call-1", {"exit_code": 0}), ("call-2", None)]
    assert [step.source for step in log.trajectory.steps] == ["user", "agent", "agent", "user", "agent", "agent"]
    text = log.trajectory.model_dump_json()
    assert "root@" not in text
    assert "Jupyter" not in text


def test_calls_of_one_reply_are_one_step_and_count_once() -> None:
    log = imported("openhands/events.json")
    assert [len(step.tool_calls or ()) for step in log.trajectory.steps] == [0, 2, 1, 1, 1, 0, 0, 0]
    assert log.report.prompt_tokens == 15_000
    assert json.loads(log.identity.extra["cost_usd_by_step"]) == {"2": 0.01, "3": pytest.approx(0.015)}
    assert log.report.skipped == {"action `hologram`": 1}


def test_a_command_that_had_not_ended_has_no_exit_code() -> None:
    for name in ("openhands/events.json", "openhands/conversation"):
        log = imported(name)
        assert -1 not in [(extra or {}).get("exit_code") for _, extra in facts(log)]
        assert "[the command had not ended]" in log.trajectory.model_dump_json()


def test_a_folder_is_told_by_its_state_and_broken_events_are_told(tmp_path: Path) -> None:
    folder = tmp_path / "conversation"
    shutil.copytree(HERE / "conversation", folder)
    events = sorted((folder / "events").iterdir())
    events[6].write_text('{"kind": ')
    events[8].write_text("[]")
    log = only(registry().read(folder))
    assert "could not be read and are missing here: 2." in (log.trajectory.notes or "")
    assert len(log.files) == len(events) - 1
    for file in events:
        file.unlink()
    with pytest.raises(ImportFailed, match="must hold events in `events`"):
        registry().read(folder)
    (folder / "base_state.json").unlink()
    assert not registry().get("openhands").sniff(Source(folder))


def test_tokens_and_cost_of_the_sdk_are_found_by_reply() -> None:
    log = imported("openhands/conversation")
    used = [step.metrics.prompt_tokens for step in log.trajectory.steps if step.metrics]
    assert used == [3000, 3100]
    assert json.loads(log.identity.extra["cost_usd_by_step"]) == {"2": 0.002, "3": 0.001}
