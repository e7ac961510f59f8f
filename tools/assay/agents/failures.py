"""What an agent's program and its words say about why it cannot go on."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping

from assay.agents.contract import AgentFailed, FailureKind, Pipe

_CAUSES: Mapping[FailureKind, re.Pattern[str]] = {
    "unauthorized": re.compile(r"\b40[13]\b|unauthori[sz]ed|authenticat|forbidden|in(?:valid|correct) api key", re.I),
    "unreachable": re.compile(r"ECONNREFUSED|ENOTFOUND|connection (?:refused|error)|unable to connect", re.I),
}
DEAF = ("sh", "-c", 'exec "$@" </dev/null', "sh")
"""Runs a program that nobody talks to: some wait for the end of their input before they begin."""
_KEPT = 2000
"""Characters of an agent's error that a message repeats."""
_PATIENCE = 3.0
"""Seconds between the end of a program's output and its exit status."""


def cause(text: str, otherwise: FailureKind) -> FailureKind:
    """Whether an error is about the model's endpoint; `otherwise` when it does not say."""
    return next((kind for kind, pattern in _CAUSES.items() if pattern.search(text)), otherwise)


def shortened(text: str) -> str:
    """The end of a long text."""
    return text if len(text) <= _KEPT else f"…{text[-_KEPT:]}"


def exit_status(pipe: Pipe) -> int | None:
    """Of a program whose output has ended; None when it does not end within a few seconds."""
    until = time.monotonic() + _PATIENCE
    while pipe.exit_code is None and time.monotonic() < until:
        time.sleep(0.02)
    return pipe.exit_code


def ended(pipe: Pipe, kind: FailureKind = "crashed", seen: str = "") -> AgentFailed:
    """The failure of a program that ended by itself, with its last words."""
    status, complaints = exit_status(pipe), pipe.complaints.strip()
    how = "closed its output and went on running" if status is None else f"ended with exit status {status}"
    words = f"; the end of its standard error: {shortened(complaints)}" if complaints else ""
    return AgentFailed(kind, f"the agent's program {how}{seen}{words}")
