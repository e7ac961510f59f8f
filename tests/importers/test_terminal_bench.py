"""Recordings of terminals as steps, and what a trial's record says about success."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from assay.importers import ImportFailed, registry
from tests.importers.reading import FIXTURES, attempts, imported, only

HERE = FIXTURES / "terminal-bench"
RECORD = json.loads((HERE / "trial/results.json").read_text(encoding="utf-8"))


def test_what_the_harness_typed_is_left_out() -> None:
    report = imported("terminal-bench/trial").report
    assert "2 × command of the harness" in report.dropped
    assert "Tokens of the whole trial, in and out: 1,200 and 34." in report.notes


def test_agents_that_leave_nothing_to_read_are_named() -> None:
    (log,) = attempts("terminal-bench/run")
    assert log.label == "sum.1-of-2.r1"
    assert "Trials without actions that can be read, which were left out: 1." in log.report.notes
    assert (log.identity.agent, log.identity.model) == ("kestrel-cli", "fable-labs/fable-large-20260101")
    with pytest.raises(ImportFailed) as failed:
        registry().read(HERE / "run/other")
    assert failed.value.message.endswith("no actions that can be read; only results can be imported")
    assert failed.value.hint == "import them with `--format results`"


def test_the_record_of_a_trial_stands_for_its_folder() -> None:
    log = only(registry().read(HERE / "trial/results.json"))
    assert log.trajectory == imported("terminal-bench/trial").trajectory


@pytest.mark.parametrize(
    ("changed", "outcome", "resolved"),
    [
        ({}, "scored", True),
        ({"is_resolved": False, "parser_results": {"t": "failed"}}, "scored", False),
        ({"failure_mode": "agent_timeout"}, "timed-out", True),
        ({"is_resolved": None}, "invalid-verifier", None),
        ({"is_resolved": None, "failure_mode": "agent_installation_failed"}, "invalid-agent", None),
        ({"is_resolved": False, "parser_results": None, "failure_mode": "test_timeout"}, "invalid-verifier", None),
        ({"is_resolved": False, "failure_mode": "context_length_exceeded"}, "scored", False),
    ],
)
def test_outcomes(tmp_path: Path, changed: Any, outcome: str, resolved: bool | None) -> None:
    shutil.copytree(HERE / "trial", tmp_path / "trial")
    (tmp_path / "trial/results.json").write_text(json.dumps({**RECORD, **changed}))
    result = only(registry().read(tmp_path / "trial")).reported
    assert result is not None
    assert (result.outcome, result.resolved) == (outcome, resolved)


def test_names_of_tests_lose_folders_and_messages() -> None:
    result = imported("terminal-bench/trial").reported
    assert result is not None
    assert [(test.name, test.status) for test in result.tests] == [
        ("test_sum.py::test_sum", "passed"),
        ("test_quiet", "passed"),
    ]


def test_a_screen_is_read_by_its_prompts(tmp_path: Path) -> None:
    shutil.copytree(HERE / "trial", tmp_path / "trial")
    shutil.rmtree(tmp_path / "trial/sessions")
    (tmp_path / "trial/panes").mkdir()
    pane = "root@5b0c:/app# make\nok   \n(env) root@5b0c:/app/src# ls\na.c\n\n\nroot@5b0c:/app# \n\n\n"
    (tmp_path / "trial/panes/post-agent.txt").write_text(pane)
    steps = only(registry().read(tmp_path / "trial")).trajectory.steps[1:]
    calls = [(call.arguments["command"], step.result_of(call)) for step in steps for call in step.tool_calls or ()]
    assert [(command, result.content if result else None) for command, result in calls] == [
        ("make", "ok"),
        ("ls", "a.c"),
    ]
