"""What a sample's scorers said, as a result that somebody else reports."""

from __future__ import annotations

from typing import Any

from assay.importers.building import Account
from assay.importers.source import Node
from assay.model.outcome import Outcome, TestResult
from assay.model.reported import Reported

_LETTERS = {"C": 1.0, "I": 0.0, "P": 0.5, "N": 0.0}
"""Correct, incorrect, partial, no answer."""
_LATE = frozenset({"time", "working"})
"""Limits that a clock sets."""
_STATUS = {True: "passed", False: "failed"}


def reported(sample: Node, account: Account) -> Reported | None:
    """None when nothing was scored and nothing went wrong.

    With one scorer its value is the result. Of several nobody says which one decides: each is a test of its own.
    """
    scores, limit = sample.object("scores"), sample.object("limit")
    found = (
        {name: _reward(score.get("value")) for name in scores.value if (score := scores.object(name))} if scores else {}
    )
    account.dropped["explanation of a score"] += sum(
        bool(score.text("explanation")) for name in found if scores and (score := scores.object(name))
    )
    if not found:
        if sample.get("error") is None:
            return None
        return Reported(outcome="invalid-environment", reason="The harness failed with an error of its own.")
    outcome: Outcome = "timed-out" if limit and limit.text("type") in _LATE else "scored"
    reason = f"A limit of the run was reached: {limit.text('type')}." if limit else ""
    rewards = list(found.values())
    reward = rewards[0] if len(rewards) == 1 else None
    if len(rewards) > 1:
        account.notes.append("Several scorers judged this attempt, so it is not known whether it is resolved.")
    tests = [
        TestResult.model_validate({"name": name, "status": _STATUS[value], "seconds": 0})
        for name, number in found.items()
        if name and (value := resolved(number)) is not None
    ]
    return Reported(outcome=outcome, resolved=resolved(reward), reward=reward, tests=tests, reason=reason)


def resolved(reward: float | None) -> bool | None:
    """Only a full reward or none says it; what lies between has the scale of its benchmark."""
    return {1.0: True, 0.0: False}.get(reward) if reward is not None else None


def _reward(value: Node | None) -> float | None:
    raw: Any = value.value if value else None
    if isinstance(raw, str):
        return _LETTERS.get(raw)
    return float(raw) if isinstance(raw, bool | int | float) and abs(raw) < 1e300 else None
