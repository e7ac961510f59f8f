"""`[agents.NAME]` in assay.toml: how an agent is started. Any agent that speaks a known protocol needs no code."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from assay.model.base import Record, Text

MODEL_ALIAS = "subject-model"
"""The only model name that an agent ever sees."""
PORT = 8901
"""Where the model endpoint is found inside a container, on the loopback device."""
FOLDER = "/opt/agent"
"""Where an agent's program is found inside a container."""

PolicyName = Literal[
    "strong", "partial", "wrong", "lazy", "over-claiming", "destructive", "asks-everything", "asks-nothing"
]


class AgentSettings(Record):
    """One agent of the study."""

    command: Annotated[list[Text], Field(min_length=1)] = Field(
        description="Program and arguments; in texts here, {model}, {endpoint}, {workdir} and {home} are filled in, "
        "and for a program on the host {task}, the task's folder."
    )
    protocol: Literal["acp", "command", "mini-swe-agent"] = Field(
        default="acp",
        description="`acp`: the Agent Client Protocol over standard input and output. `command`: one process for each "
        "user turn, {prompt} in `command` is the text. `mini-swe-agent`: its own runner, one turn.",
    )
    place: Literal["container", "host"] = Field(
        default="container",
        description="`host`: the program runs beside Assay, in an empty folder, and reaches the task's container only "
        "through the protocol's terminal methods. For programs you trust.",
    )
    install: list[Text] = Field(
        default=[],
        description="Shell commands that fill an empty folder once; it is mounted read-only at /opt/agent.",
    )
    folder: Text | None = Field(default=None, description="A folder of this machine to mount there instead.")
    files: dict[Text, Text] = Field(default={}, description="Files that the agent finds: absolute path and content.")
    environment: dict[Text, Text] = Field(
        default={}, description="All variables that the agent sees beside HOME, XDG_*, PATH, LANG and TERM."
    )
    user: Text = Field(default="", description="Whom it runs as in the container; empty for the task's agent user.")
    endpoint: Text | None = Field(
        default=None,
        description="Base URL of an OpenAI-compatible API, or `policy:NAME` for a scripted model. The agent sees only "
        "the address {endpoint}.",
    )
    key: Text | None = Field(default=None, description="Variable of this machine that holds the API key.")
    model: Text | None = Field(
        default=None, description="The endpoint's own name of the model; the agent sees an alias."
    )
    policy: PolicyName | None = Field(
        default=None, description="Set for an agent that follows a script: its results are never a model's."
    )

    @model_validator(mode="after")
    def _one_program(self) -> AgentSettings:
        if self.install and self.folder:
            raise ValueError("`install` and `folder` exclude each other")
        return self

    @property
    def scripted(self) -> bool:
        """Whether its results come from a script, whatever program carries it out."""
        return self.policy is not None or (self.endpoint or "").startswith("policy:")
