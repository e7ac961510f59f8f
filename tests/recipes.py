"""Agents as site/agents.md sets them up, so that what is documented is what is run."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from assay.model.agents import AgentSettings

PAGE = Path(__file__).parents[1] / "site/agents.md"


def recipe(name: str, endpoint: str) -> str:
    """The table of an agent for assay.toml, with these lines in place of its endpoint."""
    tables = re.findall(r"```toml\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    (found,) = (table for table in tables if table.startswith(f"[agents.{name}]"))
    before, after = re.split(r"(?m)^endpoint = .*\n", found)
    return f"{before}{endpoint}{after}"


def settings(name: str, endpoint: str) -> AgentSettings:
    """The same as a record, with this endpoint."""
    table = tomllib.loads(recipe(name, f'endpoint = "{endpoint}"\n'))["agents"][name]
    return AgentSettings.model_validate(table)
