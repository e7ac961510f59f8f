"""`trajectory.json`: ATIF, the Agent Trajectory Interchange Format, version 1.8 (earlier minors are read too).

Field meanings and constraints follow the ATIF specification v1.8; every model forbids unknown keys, as it demands.
Exit codes and durations have no field there: Assay keeps them in `observation.results[].extra`.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, model_validator

from assay.model.base import Record, Text

ATIF_VERSION = "ATIF-v1.8"
Extra = dict[str, Any] | None


class _Atif(Record):
    """ATIF is a JSON wire format: numeric types coerce as JSON readers expect."""

    model_config = ConfigDict(strict=False)


class ContentSource(_Atif):
    """Where an image or a sound lies, relative to the trajectory."""

    media_type: str
    path: str
    duration_sec: Annotated[float, Field(ge=0)] | None = None


class ContentPart(_Atif):
    """One part of a mixed message: text has `text`, media has `source`."""

    type: Literal["text", "image", "audio"]
    text: str | None = None
    source: ContentSource | None = None

    @model_validator(mode="after")
    def _one_of(self) -> ContentPart:
        if (self.type == "text") != (self.text is not None) or (self.type == "text") == (self.source is not None):
            raise ValueError("a text part has `text` only, a media part `source` only")
        return self


Content = str | list[ContentPart]


def plain(content: Content | None) -> str:
    """The text of a message or observation; media parts become a visible placeholder."""
    if content is None or isinstance(content, str):
        return content or ""
    return "\n".join(part.text if part.text is not None else f"[{part.type}]" for part in content)


class ToolCall(_Atif):
    """A request by the agent to run a tool."""

    tool_call_id: Text
    function_name: Text
    arguments: dict[str, Any]
    extra: Extra = None


class SubagentTrajectoryRef(_Atif):
    """A pointer to the trajectory of a delegated agent."""

    trajectory_id: str | None = None
    trajectory_path: str | None = None
    session_id: str | None = None
    extra: Extra = None

    @model_validator(mode="after")
    def _resolvable(self) -> SubagentTrajectoryRef:
        if self.trajectory_id is None and self.trajectory_path is None:
            raise ValueError("needs `trajectory_id` or `trajectory_path`")
        return self


class ObservationResult(_Atif):
    """What one tool call returned."""

    source_call_id: str | None = None
    content: Content | None = None
    subagent_trajectory_ref: list[SubagentTrajectoryRef] | None = None
    extra: Extra = None

    @property
    def exit_code(self) -> int | None:
        """The command's exit status when it was recorded; silence is never read as 0."""
        value = (self.extra or {}).get("exit_code")
        return value if isinstance(value, int) else None

    @property
    def seconds(self) -> float | None:
        """Duration of the call when it was recorded."""
        value = (self.extra or {}).get("seconds")
        return float(value) if isinstance(value, int | float) else None


class Observation(_Atif):
    """Everything the environment answered in one step."""

    results: list[ObservationResult]


class Metrics(_Atif):
    """Token counts and cost of one step; `prompt_tokens` includes the cached ones."""

    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    cached_tokens: int | None = None
    cost_usd: float | None = None
    prompt_token_ids: list[int] | None = None
    completion_token_ids: list[int] | None = None
    logprobs: list[float] | None = None
    extra: Extra = None


class Step(_Atif):
    """One turn: a message, the calls it makes, and what came back."""

    step_id: Annotated[int, Field(ge=1)]
    timestamp: str | None = None
    source: Literal["system", "user", "agent"]
    message: Content
    model_name: str | None = None
    reasoning_effort: str | float | None = None
    reasoning_content: str | None = None
    tool_calls: list[ToolCall] | None = None
    observation: Observation | None = None
    metrics: Metrics | None = None
    is_copied_context: bool | None = None
    llm_call_count: Annotated[int, Field(ge=0)] | None = None
    extra: Extra = None

    @model_validator(mode="after")
    def _consistent(self) -> Step:
        agent_only = ("model_name", "reasoning_effort", "reasoning_content", "tool_calls", "metrics")
        if self.source != "agent" and (odd := [name for name in agent_only if getattr(self, name) is not None]):
            raise ValueError(f"`{odd[0]}` belongs to agent steps; this one is from the {self.source}")
        if self.source == "agent" and self.llm_call_count == 0 and (self.metrics or self.reasoning_content):
            raise ValueError("`llm_call_count` 0 excludes metrics and reasoning_content")
        calls = {call.tool_call_id for call in self.tool_calls or ()}
        for result in self.observation.results if self.observation else ():
            if result.source_call_id is not None and result.source_call_id not in calls:
                raise ValueError(f"`source_call_id` `{result.source_call_id}` names no call of this step")
        return self

    @property
    def text(self) -> str:
        """The message as plain text."""
        return plain(self.message)

    def result_of(self, call: ToolCall) -> ObservationResult | None:
        """What `call` returned, if anything was recorded."""
        results = self.observation.results if self.observation else []
        return next((result for result in results if result.source_call_id == call.tool_call_id), None)


class Agent(_Atif):
    """Who acted. In a masked trajectory name, version and model are neutral."""

    name: Text
    version: Text
    model_name: str | None = None
    tool_definitions: list[dict[str, Any]] | None = None
    extra: Extra = None


class FinalMetrics(_Atif):
    """Totals over the trajectory, subagents included."""

    total_prompt_tokens: int | None = None
    total_completion_tokens: int | None = None
    total_cached_tokens: int | None = None
    total_cost_usd: float | None = None
    total_steps: int | None = None
    extra: Extra = None


class Trajectory(_Atif):
    """The log of one attempt. It has no field for an identity: see `assay.model.identity`."""

    schema_version: Annotated[str, Field(pattern=r"^ATIF-v1\.[0-8]$")]
    session_id: str | None = None
    trajectory_id: str | None = None
    agent: Agent
    steps: Annotated[list[Step], Field(min_length=1)]
    notes: str | None = None
    final_metrics: FinalMetrics | None = None
    continued_trajectory_ref: str | None = None
    extra: Extra = None
    subagent_trajectories: list[Trajectory] | None = None

    @model_validator(mode="after")
    def _numbered(self) -> Trajectory:
        for number, step in enumerate(self.steps, 1):
            if step.step_id != number:
                raise ValueError(f"`step_id` must count 1, 2, 3, …; found {step.step_id} in place {number}")
        names = [child.trajectory_id for child in self.subagent_trajectories or ()]
        if None in names or len(set(names)) != len(names):
            raise ValueError("every subagent trajectory needs its own `trajectory_id`")
        return self

    def step(self, number: int) -> Step | None:
        """Step `number`, counted from 1."""
        return self.steps[number - 1] if 1 <= number <= len(self.steps) else None
