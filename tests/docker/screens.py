"""What a terminal showed a person who spoke as the user, held against what was recorded."""

from __future__ import annotations

import contextlib
import io
import re

import pytest

from assay.model.trajectory import Step
from assay.trials.terminal_screen import GUTTER, Screen
from assay.workspace import Attempt

_SHOWN = re.compile(rf"[ \d]{{{GUTTER - 1}}} ")
"""How a line begins that is not the program's own: with a gutter, which holds the number of a step or nothing."""


def seen(shown: str) -> list[str]:
    """The lines of a screen that are the agent's or quoted: all that the program itself says begins in column one."""
    return [line.rstrip() for line in shown.replace("\r\n", "\n").split("\n") if _SHOWN.match(line)]


def recorded(attempt: Attempt, looked_at: str) -> list[str]:
    """The lines that a recording makes on a screen of 80 columns, in order: instructions, and steps of the agent.

    The patch of the milestone `looked_at` follows its last step. What a person typed stands behind a prompt.
    """
    assert attempt.trajectory
    parts: list[Step | str] = []
    milestone = ""
    for step in attempt.trajectory.record.steps:
        told = (step.extra or {})["assay"]
        if milestone == looked_at != told["milestone"]:
            parts.append(attempt.patches[looked_at].rstrip("\n"))
        milestone = told["milestone"]
        if step.source == "agent":
            parts.append(step)
        elif told["text"] == "instruction":
            parts.append(step.text)
    return _lines(parts)


def _lines(parts: list[Step | str]) -> list[str]:
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(io.StringIO()) as written:
        patch.setenv("COLUMNS", "80")
        screen = Screen()
        for part in parts:
            if isinstance(part, str):
                screen.quote(part)
            else:
                screen.work()
                screen.show(part)
                screen.settle()
    return seen(written.getvalue())
