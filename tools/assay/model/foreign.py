"""Settings of tasks that were not made for Assay: `task.toml` of any Harbor 1.x, and `task.yaml` of Terminal-Bench.

Harbor needs less than Assay does: no metadata, no `[task]`, no milestones. Terminal-Bench's keys and their defaults are
those of its package, version 0.2.18.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, model_validator

from assay.model.base import Record, Text
from assay.model.task import (
    AgentSettings,
    Artifact,
    ArtifactPath,
    EnvironmentSettings,
    Package,
    Seconds,
    SolutionSettings,
    StepSettings,
    VerifierSettings,
    with_schema_version,
)


class ForeignStep(StepSettings):
    """`[[steps]]`: any name that is a directory's."""

    name: Text


class HarborFile(Record):
    """`task.toml`, with nothing required that Harbor does not require."""

    model_config = ConfigDict(strict=False)

    schema_version: str = "1.0"
    source: str | None = None
    multi_step_reward_strategy: Literal["mean", "final"] | None = None
    artifacts: list[ArtifactPath | Artifact] = []
    metadata: dict[str, Any] = {}
    task: Package | None = None
    agent: AgentSettings = AgentSettings()
    solution: SolutionSettings = SolutionSettings()
    verifier: VerifierSettings = VerifierSettings()
    environment: EnvironmentSettings = EnvironmentSettings()
    steps: list[ForeignStep] = []

    _old_name = model_validator(mode="before")(with_schema_version)


class TerminalBenchFile(Record):
    """`task.yaml`; time limits in seconds."""

    model_config = ConfigDict(strict=False)

    instruction: Text
    difficulty: str
    category: str = "software_engineering"
    tags: list[str] = []
    author_name: str = "unknown"
    author_email: str = "unknown"
    parser_name: str = "pytest"
    max_agent_timeout_sec: Seconds = 360
    max_test_timeout_sec: Seconds = 60
    run_tests_in_same_shell: bool = False
    disable_asciinema: bool = False
    estimated_duration_sec: Annotated[float, Field(ge=0)] | None = None
    expert_time_estimate_min: Annotated[float, Field(ge=0)] | None = None
    junior_time_estimate_min: Annotated[float, Field(ge=0)] | None = None
