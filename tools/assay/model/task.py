"""`task.toml`, exactly as Harbor 1.4 reads it (field list: Harbor's task configuration, schema_version 1.4).

Harbor ignores unknown keys; Assay refuses them, because an ignored typo is a setting that silently does not hold.
Numbers accept integers where Harbor does.
"""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, ConfigDict, Field, model_validator

from assay.model.base import Id, Record, Text

NetworkMode = Literal["public", "no-network", "allowlist"]
Difficulty = Literal["easy", "medium", "hard"]
DEFAULT_TIMEOUT = 600.0
Seconds = Annotated[float, Field(gt=0)]


class _Loose(Record):
    """TOML writes `600` for a float: numbers are not strict here."""

    model_config = ConfigDict(strict=False)


def _safe_path(value: str) -> str:
    if ".." in PurePosixPath(value).parts or "\\" in value:
        raise ValueError("must not contain `..` or a backslash")
    return value


def _destination(value: str) -> str:
    if _safe_path(value).startswith("/") or value == "manifest.json":
        raise ValueError("must be relative and not `manifest.json`")
    return value


ArtifactPath = Annotated[str, AfterValidator(_safe_path)]


class Artifact(_Loose):
    """A path that leaves the agent's container for the verifier's. Nothing else does."""

    source: ArtifactPath
    destination: Annotated[str, AfterValidator(_destination)] | None = None
    exclude: list[str] = []
    service: str | None = None


class Author(_Loose):
    """Who wrote the task."""

    name: Text
    email: str | None = None


class Package(_Loose):
    """`[task]`: the name Harbor's registry knows the task by."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+$")]
    version: Text = "1"
    description: str = ""
    authors: list[Author] = []
    keywords: list[str] = []


class AgentSettings(_Loose):
    """`[agent]`: limits for the attempt, in seconds."""

    timeout_sec: Seconds | None = None
    user: str | int | None = None
    network_mode: NetworkMode | None = None
    allowed_hosts: list[str] = []


class SolutionSettings(_Loose):
    """`[solution]`: environment variables of the reference solution."""

    env: dict[str, str] = {}


class Healthcheck(_Loose):
    """A command that says when a service is ready; times in seconds."""

    command: Text
    interval_sec: Seconds = 5
    timeout_sec: Seconds = 30
    start_period_sec: float = 0
    start_interval_sec: float = 5
    retries: int = 3


class Tpu(_Loose):
    """Accelerator request."""

    type: str
    topology: str


class McpServer(_Loose):
    """A tool server that the environment offers to the agent."""

    name: Text
    transport: Literal["stdio", "sse", "streamable-http"] = "sse"
    url: str | None = None
    command: str | None = None
    args: list[str] = []


class EnvironmentSettings(_Loose):
    """`[environment]`: how the container is built and limited."""

    build_timeout_sec: Seconds = DEFAULT_TIMEOUT
    docker_image: str | None = None
    os: Literal["linux", "windows"] = "linux"
    cpus: Annotated[float, Field(gt=0)] | None = None
    memory_mb: Annotated[int, Field(gt=0)] | None = None
    storage_mb: Annotated[int, Field(gt=0)] | None = None
    gpus: Annotated[int, Field(ge=0)] | None = None
    gpu_types: list[str] = []
    tpu: Tpu | None = None
    mcp_servers: list[McpServer] = []
    env: dict[str, str] = {}
    skills_dir: str | None = None
    workdir: str | None = None
    network_mode: NetworkMode = "public"
    allowed_hosts: list[str] = []
    healthcheck: Healthcheck | None = None
    allow_internet: bool | None = None
    memory: str | None = None
    storage: str | None = None

    @model_validator(mode="after")
    def _consistent(self) -> EnvironmentSettings:
        if self.allowed_hosts and self.network_mode != "allowlist":
            raise ValueError('`allowed_hosts` needs `network_mode = "allowlist"`')
        if self.memory and self.memory_mb:
            raise ValueError("`memory` and `memory_mb` say the same thing; keep `memory_mb`")
        if self.storage and self.storage_mb:
            raise ValueError("`storage` and `storage_mb` say the same thing; keep `storage_mb`")
        return self


class CollectCommand(_Loose):
    """`[[verifier.collect]]`: a command run before artifacts are taken."""

    command: Text
    service: str = "main"
    timeout_sec: Seconds = 60
    user: str | int | None = None


class VerifierSettings(_Loose):
    """`[verifier]`: how tests are run; the time limit is in seconds."""

    timeout_sec: Seconds = DEFAULT_TIMEOUT
    env: dict[str, str] = {}
    user: str | int | None = None
    environment_mode: Literal["shared", "separate"] | None = None
    environment: EnvironmentSettings | None = None
    network_mode: NetworkMode | None = None
    allowed_hosts: list[str] = []
    collect: list[CollectCommand] = []

    @model_validator(mode="after")
    def _consistent(self) -> VerifierSettings:
        if self.environment_mode == "shared" and self.environment is not None:
            raise ValueError('`environment_mode = "shared"` excludes `[verifier.environment]`')
        return self

    @property
    def separate(self) -> bool:
        """Whether tests run in a container of their own."""
        return (self.environment_mode or ("separate" if self.environment else "shared")) == "separate"


class StepSettings(_Loose):
    """`[[steps]]`: Harbor's step is Assay's milestone."""

    name: Id
    agent: AgentSettings = AgentSettings()
    verifier: VerifierSettings = VerifierSettings()
    min_reward: float | dict[str, float] | None = None
    healthcheck: Healthcheck | None = None
    artifacts: list[ArtifactPath | Artifact] = []


class Metadata(_Loose):
    """`[metadata]`: free in Harbor; the fields Assay reads are named. Others are kept as they are."""

    model_config = ConfigDict(extra="allow")

    difficulty: Difficulty
    category: Text
    tags: list[str] = []
    expert_time_estimate_min: Annotated[float, Field(gt=0)]
    crux: Text = Field(description="Why the task is hard, in a sentence.")
    origin: Text = Field(description="Where the task comes from.")


def with_schema_version(data: Any) -> Any:
    """The root table with Harbor's old name of `schema_version`, `version`, renamed."""
    if isinstance(data, dict) and "version" in data and "schema_version" not in data:
        return {("schema_version" if key == "version" else key): value for key, value in data.items()}
    return data


class TaskFile(_Loose):
    """The whole of `task.toml`."""

    schema_version: Literal["1.0", "1.1", "1.2", "1.3", "1.4"]
    source: str | None = None
    multi_step_reward_strategy: Literal["mean", "final"] | None = None
    artifacts: list[ArtifactPath | Artifact] = []
    metadata: Metadata
    task: Package
    agent: AgentSettings = AgentSettings()
    solution: SolutionSettings = SolutionSettings()
    verifier: VerifierSettings = VerifierSettings()
    environment: EnvironmentSettings = EnvironmentSettings()
    steps: Annotated[list[StepSettings], Field(min_length=1)]

    _old_name = model_validator(mode="before")(with_schema_version)

    @property
    def milestones(self) -> tuple[str, ...]:
        """Milestone names in order."""
        return tuple(step.name for step in self.steps)

    @property
    def workdir(self) -> str:
        """The absolute directory the agent works in."""
        return self.environment.workdir or "/app"

    def artifacts_of(self, milestone: str) -> tuple[Artifact, ...]:
        """What the verifier of `milestone` receives: the task's artifacts, then the milestone's own."""
        step = next(step for step in self.steps if step.name == milestone)
        return tuple(
            item if isinstance(item, Artifact) else Artifact(source=item) for item in (*self.artifacts, *step.artifacts)
        )
