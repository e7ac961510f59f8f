"""What the record of a Terminal-Bench trial says about success."""

from __future__ import annotations

from assay.importers.source import Node
from assay.model.outcome import Outcome, TestResult
from assay.model.reported import Reported

_AGENT = """
    agent_installation_failed agent_timeout context_length_exceeded fatal_llm_parse_error output_length_exceeded
    unknown_agent_error
"""
"""Failure modes that are the agent's; they undo no verdict of tests that ran all the same."""
_STATUS = {"passed": "passed", "failed": "failed", "skipped": "skipped", "error": "error"}


def is_trial(data: object) -> bool:
    """Whether it is the record of one trial."""
    return isinstance(data, dict) and "is_resolved" in data and ("task_id" in data or "trial_name" in data)


def reported(trial: Node) -> Reported:
    """Invalid unless tests gave a verdict: a null is no failure, and a timeout of the tests is none of the agent."""
    mode = trial.text("failure_mode") or "unset"
    resolved = trial.get("is_resolved")
    if resolved is not None and not isinstance(resolved.value, bool):
        resolved.fail("true, false or null")
    tests = _tests(trial)
    verdict = None if resolved is None else bool(resolved.value)
    if verdict is None or (verdict is False and not tests and mode not in ("unset", "none")):
        outcome: Outcome = "invalid-agent" if mode in _AGENT.split() else "invalid-verifier"
        return Reported(outcome=outcome, tests=tests, reason=_words(mode) or "The tests gave no verdict.")
    late = mode == "agent_timeout"
    return Reported(outcome="timed-out" if late else "scored", resolved=verdict, tests=tests, reason=_words(mode))


def _words(mode: str) -> str:
    return "" if mode in ("unset", "none") else f"Failure mode of the run: {mode.replace('_', ' ')}."


def _tests(trial: Node) -> list[TestResult]:
    """Names are cut before the message that some parsers leave in them."""
    results = trial.object("parser_results")
    found = {}
    for name in results.value if results else ():
        short = name.partition(" - ")[0].strip().rpartition("/")[2]
        status = _STATUS.get((results.text(name) if results else None) or "", "error")
        if short:
            found[short] = TestResult.model_validate({"name": short, "status": status, "seconds": 0})
    return list(found.values())
