"""Logs of real runs, where the machine has them: `ASSAY_AGENT_LOGS` names the folder."""

from __future__ import annotations

import csv
import os
import re
from collections.abc import Sequence
from pathlib import Path

import pytest

from assay.importers import BUILT_IN, Imported, ImportFailed, registry
from tests.importers.reading import readable, written

FOLDER = os.environ.get("ASSAY_AGENT_LOGS")
pytestmark = pytest.mark.skipif(not FOLDER, reason="ASSAY_AGENT_LOGS does not name a folder of agent logs")

NUMBERS = ("agent_turns", "tool_calls", "observations")
DIFFERENT: dict[str, tuple[tuple[int, int, int], str]] = {
    "claudecode/subagent.jsonl": (
        (2, 1, 1),
        "the second reader counts the reply of a delegated run as one of the main one",
    ),
    ".trajectory.cont-1.json": ((4, 0, 4), "the second reader counts a step of copied context"),
    "/samples/codex_session.jsonl": ((7, 5, 5), "the second reader counts no replies that only call tools"),
    "/fixtures/codex/crud.jsonl": ((5, 4, 4), "the second reader counts no replies that only call tools"),
    **{
        f"/{instance}.traj.json": (
            (steps, steps - refused, steps),
            "refused replies, whose commands never ran, are no calls",
        )
        for instance, steps, refused in (
            ("django__django-12663", 50, 5),
            ("django__django-13121", 46, 2),
            ("django__django-15467", 24, 1),
            ("django__django-15629", 51, 2),
            ("django__django-15741", 29, 1),
            ("scikit-learn__scikit-learn-26194", 18, 1),
            ("sphinx-doc__sphinx-7748", 42, 1),
            ("sympy__sympy-14976", 41, 1),
            ("sympy__sympy-21930", 66, 1),
        )
    },
}
"""End of a path -> what an import counts instead, and why it is right."""


def counted() -> list[tuple[str, str, tuple[int, int, int]]]:
    """Path, importer, and the numbers of replies, calls and results by the second reader."""
    if not FOLDER:
        return []
    with (Path(FOLDER) / "COUNTS.tsv").open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file, delimiter="\t") if row["format"] in BUILT_IN]
    return [(row["path"], row["format"], _numbers(row)) for row in rows]


def _numbers(row: dict[str, str]) -> tuple[int, int, int]:
    own = next((numbers for end, (numbers, _) in DIFFERENT.items() if row["path"].endswith(end)), None)
    return own or (int(row[NUMBERS[0]]), int(row[NUMBERS[1]]), int(row[NUMBERS[2]]))


def read(path: str) -> tuple[str, Sequence[Imported]]:
    return registry().read(Path(FOLDER or "") / path)


@pytest.mark.parametrize(("path", "importer", "numbers"), counted())
def test_the_numbers_agree_with_a_second_reader(path: str, importer: str, numbers: tuple[int, int, int]) -> None:
    name, logs = read(path)
    assert name == importer
    replies = sum(step.source == "agent" for log in logs for step in log.trajectory.steps)
    calls, results = (sum(log.report.calls for log in logs), sum(log.report.observations for log in logs))
    assert (replies, calls, results) == numbers
    assert [log.report.skipped for log in logs] == [{}] * len(logs)


@pytest.mark.parametrize("path", [path for path, _, _ in counted()])
def test_names_are_gone_and_the_file_reads_back(path: str) -> None:
    for log in read(path)[1]:
        text = written(log)
        assert readable(text) == log.trajectory
        lowered = text.lower()
        for name in (log.identity.agent, *(log.identity.model or "").split(", ")):
            assert not name or name.lower() not in lowered
        assert not re.search(r'(?<!\\)"session_id"', lowered)
        assert log.identity.extra.get("session_id", "\0") not in text


def test_every_file_is_a_trajectory_or_says_in_one_line_why_not() -> None:
    for path in sorted(Path(FOLDER or "").rglob("*")):
        if path.is_file():
            message = failure(path)
            assert message == "" or message.startswith(f"{path}:")
            assert "\n" not in message


def failure(path: Path) -> str:
    try:
        registry().read(path)
    except ImportFailed as error:
        return error.message
    return ""
