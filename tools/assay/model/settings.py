"""`assay.toml`: the policy of a workspace."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from assay.model.agents import AgentSettings
from assay.model.base import Id, Record, Text, VersionedRecord
from assay.model.calibration import Thresholds
from assay.model.sealed import Seal

Level = Literal["error", "warning", "note", "off"]


class MetadataPolicy(Record):
    """What a workspace demands of `[metadata]` in every task.toml beyond Assay's own fields."""

    json_schema: Text = Field(alias="schema", description="Path of a JSON Schema, relative to the workspace.")


class Settings(VersionedRecord):
    """The whole file. Everything has a default, so a minimal file says only `format = 1`."""

    title: Text = "Assay"
    seed: Text = Field(default="assay", description="Seeds the order in which trajectories are presented.")
    rules: dict[str, Level] = Field(default={}, description="Severity of single rules; `off` disables one.")
    metadata: MetadataPolicy | None = None
    agents: dict[Id, AgentSettings] = Field(default={}, description="Who can be run with `assay run --agent NAME`.")
    calibration: Thresholds = Field(default_factory=Thresholds)
    seal: Seal = Field(default_factory=Seal)
