"""What is special about trajectories of mini-swe-agent: fenced commands, hand-ins, refused replies."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from assay.importers import ImportFailed, registry
from tests.importers.reading import FIXTURES, imported, only

HERE = FIXTURES / "mini-swe-agent"
BARE = json.loads((HERE / "bare.json").read_text(encoding="utf-8"))


def read(tmp_path: Path, data: Any, form: str | None = None) -> Any:
    (tmp_path / "log").write_text(json.dumps(data))
    return only(registry().read(tmp_path / "log", form))


@pytest.mark.parametrize(
    ("name", "numbers", "facts"),
    [
        ("bare", (6, 4, 5), [{"exit_code": 0}, {"is_error": True}, {"is_error": True}, {"exit_code": 1}, None]),
        ("format-1", (5, 3, 4), [{"exit_code": 0}, {"is_error": True}, {"exit_code": 0, "truncated": True}, None]),
        ("responses", (3, 2, 2), [{"exit_code": 0}, {"exit_code": 0}]),
    ],
)
def test_every_command_has_its_result(
    name: str, numbers: tuple[int, int, int], facts: list[dict[str, Any] | None]
) -> None:
    log = imported(f"mini-swe-agent/{name}.json")
    assert (log.report.steps, log.report.calls, log.report.observations) == numbers
    results = [result for step in log.trajectory.steps if step.observation for result in step.observation.results]
    assert [result.extra for result in results] == facts


def test_the_command_that_hands_in_was_not_run_and_has_no_exit_code() -> None:
    log = imported("mini-swe-agent/format-1.1.json")
    last = log.trajectory.steps[-1]
    assert [call.function_name for call in last.tool_calls or ()] == ["finish", "shell"]
    assert last.observation is not None
    assert [result.exit_code for result in last.observation.results] == [None, None]
    assert last.observation.results[0].content == log.patch
    assert last.observation.results[1].content == "[not executed]"


@pytest.mark.parametrize("name", ["bare", "format-1", "format-1.1"])
def test_the_patch_has_the_line_ends_of_git(name: str) -> None:
    patch = imported(f"mini-swe-agent/{name}.json").patch
    assert patch.startswith("diff --git a/totals.py b/totals.py\n")
    assert "\r" not in patch
    assert imported("mini-swe-agent/responses.json").patch == ""


def test_the_task_is_told_without_the_instructions_around_it() -> None:
    for name in ("bare", "format-1", "format-1.1", "responses"):
        log = imported(f"mini-swe-agent/{name}.json")
        assert log.trajectory.steps[0].text.startswith("`total` forgets the first row.")
        assert "Instructions that stood around the task" in (log.trajectory.notes or "")
        assert "FINAL_OUTPUT" not in log.trajectory.model_dump_json()
        assert "THOUGHT" not in log.trajectory.model_dump_json()


def test_who_made_it_and_what_it_cost_is_kept_apart() -> None:
    identity = imported("mini-swe-agent/format-1.json").identity
    assert (identity.agent, identity.version) == ("mini-swe-agent", "1.15.0")
    assert identity.model == "fable-labs/fable-large-20260101"
    assert json.loads(identity.extra["cost_usd_by_step"]) == {"2": 0.001, "3": 0.002, "4": 0.003, "5": 0.004}
    assert identity.extra["instance_id"] == "totals-1"
    assert imported("mini-swe-agent/bare.json").identity.model is None


def test_a_list_of_messages_without_results_is_read_only_when_it_is_named(tmp_path: Path) -> None:
    chat = BARE[:3]
    with pytest.raises(ImportFailed, match="is not a log of a known format"):
        read(tmp_path, chat)
    assert read(tmp_path, chat, "mini-swe-agent").report.calls == 1


def test_a_person_who_interrupts_is_a_user(tmp_path: Path) -> None:
    log = read(
        tmp_path, [*BARE[:4], {"role": "assistant", "content": "Done?"}, {"role": "user", "content": "Not yet."}]
    )
    assert [step.source for step in log.trajectory.steps] == ["user", "agent", "agent", "user"]
    assert log.report.notes[-1] == "The log counts no tokens."


@pytest.mark.parametrize("lead", ["", "\x1b[1m", "Building image ...\n"])
def test_what_the_program_printed_is_no_trajectory(tmp_path: Path, lead: str) -> None:
    (tmp_path / "run.log").write_text(f"{lead}mini-swe-agent (step 1, $0.01):\nTHOUGHT: I look.\n\n```bash\nls\n```\n")
    with pytest.raises(ImportFailed, match=r"is what the program printed.*cannot be told from it") as failure:
        registry().read(tmp_path / "run.log")
    assert failure.value.hint == "import the `.traj.json` that it wrote beside"
    (tmp_path / "run.log").write_text('see "mini-swe-agent (step 1, $0.01):" in the manual\n')
    with pytest.raises(ImportFailed, match="is not a log of a known format"):
        registry().read(tmp_path / "run.log")
