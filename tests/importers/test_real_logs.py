"""Logs of real runs, where the machine has them: `ASSAY_AGENT_LOGS` names the folder."""

from __future__ import annotations

import csv
import os
from pathlib import Path

import pytest

from assay.importers import Imported, registry
from tests.importers.reading import readable, written

FOLDER = os.environ.get("ASSAY_AGENT_LOGS")
pytestmark = pytest.mark.skipif(not FOLDER, reason="ASSAY_AGENT_LOGS does not name a folder of agent logs")

FORMATS = {"atif": "atif", "opencode": "opencode"}
"""Format in COUNTS.tsv -> importer."""

COPIED = {"cont-1.json": 1}
"""Agent steps of copied context, which the second reader counts and an import leaves out."""


def counted() -> list[tuple[str, str, tuple[int, int, int]]]:
    """Path, importer, and the numbers of replies, calls and results by the second reader."""
    if not FOLDER:
        return []
    with (Path(FOLDER) / "COUNTS.tsv").open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file, delimiter="\t") if row["format"] in FORMATS]
    names = ("agent_turns", "tool_calls", "observations")
    return [
        (row["path"], FORMATS[row["format"]], (int(row[names[0]]), int(row[names[1]]), int(row[names[2]])))
        for row in rows
    ]


def read(path: str) -> tuple[str, Imported]:
    return registry().read(Path(FOLDER or "") / path)


def test_there_are_logs_of_both_formats() -> None:
    assert {importer for _, importer, _ in counted()} == set(FORMATS.values())


@pytest.mark.parametrize(("path", "importer", "numbers"), counted())
def test_the_numbers_agree_with_a_second_reader(path: str, importer: str, numbers: tuple[int, int, int]) -> None:
    name, log = read(path)
    assert name == importer
    copied = next((number for end, number in COPIED.items() if path.endswith(end)), 0)
    replies = sum(step.source == "agent" for step in log.trajectory.steps)
    assert (replies + copied, log.report.calls, log.report.observations) == numbers
    assert log.report.skipped == {}


@pytest.mark.parametrize("path", [path for path, _, _ in counted()])
def test_names_are_gone_and_the_file_reads_back(path: str) -> None:
    _, log = read(path)
    text = written(log)
    assert readable(text) == log.trajectory
    lowered = text.lower()
    for name in (log.identity.agent, *(log.identity.model or "").split(", ")):
        assert not name or name.lower() not in lowered
    assert "session_id" not in lowered
    assert log.identity.extra.get("session_id", "\0") not in text
