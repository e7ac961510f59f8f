"""Why a session ended, and what that makes of its outcome: whose fault it was decides whether it is graded at all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from assay.agents.contract import AgentFailed, FailureKind
from assay.model.outcome import Outcome
from assay.model.session import Ending

OUTCOMES: Mapping[Ending, Outcome] = {
    "done": "scored",
    "capped": "scored",
    "user-ended": "scored",
    "gave-up": "scored",
    "wall-clock": "timed-out",
    "output-limit": "timed-out",
    "agent-crashed": "invalid-agent",
    "agent-confused": "invalid-agent",
    "agent-missing": "invalid-environment",
    "endpoint-refused": "invalid-environment",
    "endpoint-unauthorized": "invalid-environment",
    "endpoint-failed": "invalid-environment",
    "out-of-memory": "invalid-environment",
    "container-died": "invalid-environment",
    "environment": "invalid-environment",
}
"""An agent that gives up or runs into a limit has made an attempt; one that could not work has not."""

_AGENT: Mapping[FailureKind, Ending] = {
    "crashed": "agent-crashed",
    "gave-up": "agent-crashed",
    "unauthorized": "endpoint-unauthorized",
    "unreachable": "endpoint-refused",
    "protocol": "agent-confused",
    "silent": "agent-crashed",
}
_ENDPOINT: Mapping[str, Ending] = {"unauthorized": "endpoint-unauthorized", "unreachable": "endpoint-refused"}
MISSING = (126, 127)
"""Exit statuses of a shell that could not start the program."""


@dataclass(frozen=True)
class Ended:
    """The end of a session, with what was seen when something cut it short."""

    ending: Ending
    reason: str = ""

    @property
    def outcome(self) -> Outcome:
        """What it makes of the trial, if the tests give a verdict."""
        return OUTCOMES[self.ending]


@dataclass(frozen=True)
class Seen:
    """What was observed around an agent that failed, apart from what it says itself."""

    late: bool = False
    loud: bool = False
    """More output than the limit."""
    exit_code: int | None = None
    out_of_memory: bool = False
    died: str = ""
    """How the container ended, if it did."""
    trouble: tuple[str, str] = ("", "")
    """What was wrong with the model's endpoint, and the evidence."""


def diagnose(failure: AgentFailed, seen: Seen) -> Ended:
    """The first cause in the order environment, limits, endpoint, agent: later ones follow from earlier ones."""
    kind, evidence = seen.trouble
    if seen.out_of_memory:
        return Ended("out-of-memory", f"the container's memory was used up: {failure}")
    if seen.died and not seen.late and not seen.loud:
        return Ended("container-died", seen.died)
    if seen.loud:
        return Ended("output-limit", str(failure))
    if kind:
        return endpoint_ended(kind, evidence)
    if seen.late:
        return Ended("wall-clock", str(failure))
    if failure.kind == "crashed" and seen.exit_code in MISSING:
        return Ended("agent-missing", f"the program could not be started in the container: {failure}")
    return Ended(_AGENT[failure.kind], str(failure))


def endpoint_ended(kind: str, evidence: str) -> Ended:
    """The end that trouble with the model's endpoint makes."""
    return Ended(_ENDPOINT.get(kind, "endpoint-failed"), evidence)
