"""The agents of a workspace: those of assay.toml, and the scripts that are there in every one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import get_args

from assay.errors import UsageError
from assay.model.agents import AgentSettings, PolicyName
from assay.model.settings import Settings

PREFIX = "policy-"


def agents_of(settings: Settings, python: str) -> Mapping[str, AgentSettings]:
    """By name. `python` runs the scripts. Raises UsageError when a name of theirs is taken."""
    for name in settings.agents:
        if name.startswith(PREFIX):
            hint = "choose another name: those beginning with `policy-` are the built-in scripts"
            raise UsageError("agent-name-taken", f"assay.toml must not define `[agents.{name}]`", hint)
    return {**settings.agents, **{f"{PREFIX}{name}": _scripted(name, python) for name in get_args(PolicyName)}}


def blindly(settings: Settings) -> list[str]:
    """Whom `blind` draws from: agents of assay.toml with a model behind them, else all of them, else the policies."""
    models = [name for name, agent in settings.agents.items() if not agent.scripted]
    return models or list(settings.agents) or [f"{PREFIX}{name}" for name in get_args(PolicyName)]


def _scripted(name: PolicyName, python: str) -> AgentSettings:
    command = [python, "-m", "assay.agents.scripted_agent", "--policy", name, "--task", "{task}"]
    return AgentSettings(command=command, place="host", policy=name)
