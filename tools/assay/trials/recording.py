"""An attempt as it grows, whoever makes it: steps, patches and test results."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field

from assay.archives import UNTRACKED
from assay.executors import Executed
from assay.model.attempt import Action
from assay.model.session import Isolation, Mode
from assay.model.trajectory import (
    ATIF_VERSION,
    Agent,
    FinalMetrics,
    Observation,
    ObservationResult,
    Step,
    ToolCall,
    Trajectory,
)
from assay.trials.endings import Ended
from assay.verification.preparation import Prepared
from assay.verification.verdicts import Verified

NOTES = (
    "Recorded shell attempt: every command ran as its own `bash -c`, in order, in one container without network. "
    "There was no system prompt and there are no tool definitions. "
    f"Left out of the patches: {', '.join(UNTRACKED)}, and new files that the image's own .gitignore names."
)


@dataclass(frozen=True)
class Planned:
    """What a study decides about a session, apart from who the agent is."""

    mode: Mode
    seed: str
    position: int
    starts_at: str | None
    scripted: bool


@dataclass
class Recording:
    """An attempt as it grows."""

    prepared: Prepared
    alias: str
    invocation: str = field(default_factory=lambda: secrets.token_hex(16))
    steps: list[Step] = field(default_factory=list)
    patches: dict[str, bytes] = field(default_factory=dict)
    tested: dict[str, dict[str, Verified]] = field(default_factory=dict)
    """By the milestone after which the tests ran, then by the milestone they belong to."""
    isolation: Isolation | None = None
    filesystem: str | None = None
    """Digest of the image's files, when they were scanned."""
    calls: int = 0
    seconds: float = 0.0
    notes: str = NOTES
    course: Planned | None = None
    """Of a session with an agent: what was decided before it began."""
    ended: Ended | None = None
    turns: int = 0
    turns_to: dict[str, int] = field(default_factory=dict)
    """The user's turn after which a milestone's tests first passed."""
    metrics: FinalMetrics | None = None
    agent_state: list[str] = field(default_factory=list)
    image_home: list[str] = field(default_factory=list)
    sealed: dict[str, object] = field(default_factory=dict)
    """What tells who it was; never in the open files."""

    def asked(self, milestone: str, text: str) -> None:
        """The user requests a milestone."""
        self.steps.append(Step(step_id=len(self.steps) + 1, source="user", message=text, extra=_extra(milestone)))

    def acted(self, milestone: str, action: Action, executed: Executed | None) -> None:
        """The agent said something, ran a command, or both."""
        calls, observation = None, None
        if action.run is not None and executed is not None:
            self.calls += 1
            name = f"call-{self.calls}"
            calls = [ToolCall(tool_call_id=name, function_name="shell", arguments={"command": action.run})]
            observation = Observation(results=[_result(name, executed)])
        self.steps.append(
            Step(
                step_id=len(self.steps) + 1,
                source="agent",
                message=action.say,
                tool_calls=calls,
                observation=observation,
                extra=_extra(milestone),
            )
        )

    @property
    def final(self) -> dict[str, Verified]:
        """Results of the last tests, by milestone; empty when none ran."""
        return self.tested[next(reversed(self.tested))] if self.tested else {}

    @property
    def trajectory(self) -> Trajectory:
        """The attempt so far, masked: nothing in it tells who acted."""
        agent = Agent(name="masked", version="0")
        return Trajectory(
            schema_version=ATIF_VERSION, agent=agent, steps=self.steps, notes=self.notes, final_metrics=self.metrics
        )


def _extra(milestone: str) -> dict[str, object]:
    return {"assay": {"milestone": milestone}}


def _result(call: str, executed: Executed) -> ObservationResult:
    extra: dict[str, object] = {"exit_code": executed.exit_code, "seconds": round(executed.seconds, 3)}
    if executed.hidden:
        extra["hidden_bytes"] = executed.hidden
    return ObservationResult(source_call_id=call, content=executed.output.decode("utf-8", "replace"), extra=extra)
