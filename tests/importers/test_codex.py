"""Traps of Codex logs: twins, cumulative counts, injected turns, wrappers of outputs, four forms."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.importers import Imported, registry
from assay.importers.codex_exec import unquoted
from assay.importers.codex_values import script, unwrapped
from tests.importers.reading import FIXTURES, imported, only
from tests.importers.test_broken_logs import outcome

ROLLOUT = FIXTURES / "codex/rollout.jsonl"


def rewritten(tmp_path: Path, lines: list[Any]) -> Imported:
    (tmp_path / "log").write_text("\n".join(json.dumps(line) for line in lines), encoding="utf-8")
    return only(registry().read(tmp_path / "log"))


def original() -> list[Any]:
    return [json.loads(line) for line in ROLLOUT.read_text(encoding="utf-8").splitlines()]


def test_twins_injected_turns_and_repeated_counts_are_told_and_left_out() -> None:
    report = imported("codex/rollout.jsonl").report
    assert (report.steps, report.calls, report.observations) == (8, 7, 5)
    assert (report.prompt_tokens, report.completion_tokens) == (4200, 120)
    assert "4 × second copy of an item" in report.dropped
    assert "3 × text that the program put into the user's message" in report.dropped
    assert "2 × repeated or empty token count" in report.dropped
    assert "turns that were interrupted: 1" in report.notes
    assert sum(report.skipped.values()) == 4


def test_identity_is_kept_apart() -> None:
    identity = imported("codex/rollout.jsonl").identity
    assert (identity.agent, identity.version, identity.model) == ("codex", "0.89.0", "fable-labs/fable-large-20260101")
    assert identity.extra["directory"] == "/home/devuser/loader"
    assert json.loads(identity.extra["tools"])["write_stdin"] == "shell"
    printed = imported("codex/printed.txt").identity
    assert (printed.version, printed.model) == ("0.23.0", "fable-labs/fable-large-20260101")
    assert {printed.source_format, identity.source_format} == {"codex-exec-text", "codex-rollout"}


def test_results_go_to_their_calls_in_any_order() -> None:
    steps = imported("codex/records.jsonl").trajectory.steps
    results = steps[1].observation.results if steps[1].observation else []
    assert [(result.source_call_id, result.exit_code) for result in results] == [("call-1", 1), ("call-2", 0)]
    assert (results[0].extra or {})["seconds"] == 1.25


def test_counts_before_their_items_go_to_the_reply_that_follows(tmp_path: Path) -> None:
    lines = original()
    counts = [line for line in lines if line["payload"].get("type") == "token_count" and line["payload"]["info"]]
    replies = [line for line in lines if line["payload"].get("type") in ("reasoning", "message", "function_call")]
    expected = imported("codex/rollout.jsonl").report
    log = rewritten(tmp_path, [lines[0], counts[0], *replies, *counts[1:]])
    assert log.trajectory.steps[1].metrics is not None
    assert (log.report.prompt_tokens, log.report.completion_tokens) == (
        expected.prompt_tokens,
        expected.completion_tokens,
    )


def test_a_resumed_run_adds_only_what_is_new() -> None:
    steps = imported("codex/events.jsonl").trajectory.steps
    assert [step.metrics.prompt_tokens for step in steps if step.metrics] == [400, 200]


def test_the_last_change_is_the_patch() -> None:
    assert imported("codex/printed.txt").patch.endswith("-for row in set(rows):\n+for row in rows:\n")


def test_a_printed_log_may_be_colored_or_cut_anywhere(tmp_path: Path) -> None:
    text = (FIXTURES / "codex/printed.txt").read_text(encoding="utf-8")
    for size in range(0, len(text), 37):
        outcome(tmp_path / "log", text[:size].encode(), "codex")


@pytest.mark.parametrize(
    ("text", "left", "facts"),
    [
        ("Exit code: 1\nWall time: 0.5 seconds\nOutput:\nno\n", "no\n", {"exit_code": 1, "seconds": 0.5}),
        ("Wall time: 2 seconds\nOutput:\n", "", {"seconds": 2.0}),
        (
            "Wall time: 2 seconds\nOutput:\na…9 tokens truncated…b",
            "a…9 tokens truncated…b",
            {"seconds": 2.0, "truncated": True},
        ),
        ("Output:\nmine", "Output:\nmine", {}),
        ('{"output": "x", "metadata": {}, "more": 1}', '{"output": "x", "metadata": {}, "more": 1}', {}),
        ('{"output":"x","metadata":{"exit_code":true}}', "x", {}),
        ('{"output":"x","more":1}', '{"output":"x","more":1}', {}),
    ],
)
def test_only_the_programs_own_wrapper_is_taken_off(text: str, left: str, facts: dict[str, Any]) -> None:
    assert unwrapped(text) == (left, facts)


@given(st.text())
def test_a_shown_command_line_gives_the_script_back(text: str) -> None:
    quoted = "'" + text.replace("'", "'\"'\"'") + "'"
    assert unquoted(f"bash -lc {quoted}") == text
    assert script(["/bin/zsh", "-c", text]) == text
