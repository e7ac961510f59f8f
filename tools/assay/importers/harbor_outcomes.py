"""What one milestone of a Harbor trial came to, by the class of the exception that its record names (Harbor 0.24)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from assay.model.outcome import Outcome, TestReport
from assay.rewards import MinReward, judge

Phase = Literal["environment", "agent", "verifier"]

_ACCOUNT = "the agent's model refused the credentials, or does not exist"
_CALLS = "calls of the agent's model failed"
_REWARD = "the tests left no reward that can be read"
_COPY = "files of the tests could not be copied"
_START = "the environment did not start"
_CAUSES: Mapping[str, tuple[Phase, str]] = {
    "AgentTimeoutError": ("agent", "the agent ran into its time limit"),
    "NonZeroAgentExitCodeError": ("agent", "the agent's program ended with an error"),
    "AgentSetupTimeoutError": ("agent", "the agent was not installed in time"),
    "AgentAuthenticationError": ("agent", _ACCOUNT),
    "ModelNotFoundError": ("agent", _ACCOUNT),
    "NetworkConnectionError": ("agent", _CALLS),
    "AgentSafetyRefusalError": ("agent", "the agent's model refused the task"),
    "ContextWindowExceededError": ("agent", "the conversation outgrew the model's context"),
    "OutputTokenExceededError": ("agent", "an answer outgrew the model's limit"),
    "EnvironmentStartTimeoutError": ("environment", _START),
    "SandboxBuildFailedError": ("environment", "the environment's image did not build"),
    "HealthcheckError": ("environment", "a service of the environment was not healthy"),
    "CancelledError": ("environment", "somebody stopped the job"),
    "VerifierTimeoutError": ("verifier", "the tests did not end within their limit"),
    "RewardFileNotFoundError": ("verifier", _REWARD),
    "RewardFileEmptyError": ("verifier", _REWARD),
    "VerifierOutputParseError": ("verifier", _REWARD),
    "AddTestsDirError": ("verifier", _COPY),
    "DownloadVerifierDirError": ("verifier", _COPY),
}
"""Class -> what it was that failed. The words are ours: Harbor's own may name the agent or its model."""
_OUTCOMES: Mapping[Phase, Outcome] = {
    "environment": "invalid-environment",
    "agent": "invalid-agent",
    "verifier": "invalid-verifier",
}
TIMEOUT = "AgentTimeoutError"


@dataclass(frozen=True)
class Graded:
    """What a trial's record says of one milestone."""

    milestone: str
    rewards: Mapping[str, Any] | None
    """None when its tests gave none."""
    exception: str | None
    """Class name."""
    begun: Phase
    """The last part of the trial that began."""
    seconds: float = 0.0
    """Of the tests."""
    files: Mapping[str, bytes] = field(default_factory=dict)
    """Reports of single tests, by name."""

    @property
    def cause(self) -> tuple[Phase, str]:
        """What failed, in words; no words when nothing did."""
        name = self.exception
        if name is None:
            return "verifier", "" if self.rewards else "the tests gave no reward"
        if name.startswith("Api") and name.endswith("Error"):
            return "agent", _CALLS
        return _CAUSES.get(name, (self.begun, "the harness failed with an error of its own"))


def report(graded: Graded, min_reward: MinReward) -> TestReport:
    """The test report of a milestone. Nothing says in which image its tests ran.

    An agent's failure does not undo a reward; one of the environment or of the tests does.
    """
    phase, words = graded.cause
    fixed: dict[str, Any] = {"format": 1, "milestone": graded.milestone, "seconds": graded.seconds}
    nothing: dict[str, Any] = {"passed": None, "reward": None, "tests": [], "exit_code": None, "image": None}
    if not graded.rewards or (graded.exception and phase != "agent"):
        # A limit of the agent is no reason for tests to give no verdict.
        outcome = "invalid-verifier" if graded.exception == TIMEOUT else _OUTCOMES[phase]
        return TestReport.model_validate({**nothing, **fixed, "outcome": outcome, "reason": words})
    verdict = judge({**graded.files, "reward.json": json.dumps(graded.rewards).encode()}, 0, min_reward)
    late = graded.exception == TIMEOUT and verdict.outcome == "scored"
    found = {
        "outcome": "timed-out" if late else verdict.outcome,
        "passed": verdict.passed,
        "reward": verdict.reward,
        "tests": list(verdict.tests),
        "reason": verdict.reason,
    }
    return TestReport.model_validate({**nothing, **fixed, **found})
