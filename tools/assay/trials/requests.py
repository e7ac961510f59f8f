"""What a user asks for, as it is written in the task; nothing here needs an engine."""

from __future__ import annotations

import re

from assay.workspace import Task

_CANARY = re.compile(r"\A(?:[ \t]*(?:<!--[^\n]*canary[^\n]*-->|#[^\n]*canary[^\n]*)[ \t]*\n+)+", re.IGNORECASE)


def instruction(task: Task, milestone: str, *, first: bool) -> str:
    """What the user says when `milestone` begins: its instruction, after the task's own for the first one."""
    names = ["instruction.md"] if first else []
    texts = [_CANARY.sub("", task.text(name)) for name in (*names, f"steps/{milestone}/instruction.md")]
    return "\n\n".join(text.strip() for text in texts if text.strip()) or f"Milestone `{milestone}`."
