"""`assay.toml`: the policy of a workspace."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from assay.model.agents import AgentSettings
from assay.model.base import Id, Record, Text, VersionedRecord

Level = Literal["error", "warning", "note", "off"]


class Start(Record):
    """`[rules.NAME]`: a severity that does not hold for what was there before."""

    severity: Level
    since: str | None = Field(
        default=None, description="Full id of a commit: files that it has already are older than the rule."
    )
    from_guidelines: Annotated[int, Field(ge=2)] | None = Field(
        default=None, description="Annotations under earlier guidelines are older than the rule."
    )
    before: Level = Field(default="note", description="The severity for what is older.")

    @field_validator("since")
    @classmethod
    def _commit(cls, since: str | None) -> str | None:
        if since is not None and not re.fullmatch(r"[0-9a-f]{40}|[0-9a-f]{64}", since):
            raise ValueError(
                "must be the full id of a commit, 40 digits; a date proves nothing, since it is free to set"
            )
        return since

    @model_validator(mode="after")
    def _begins(self) -> Start:
        if (self.since is None) == (self.from_guidelines is None):
            raise ValueError("must say either `since`, a commit, or `from_guidelines`, a version")
        return self


class MetadataPolicy(Record):
    """What a workspace demands of `[metadata]` in every task.toml beyond Assay's own fields."""

    json_schema: Text = Field(alias="schema", description="Path of a JSON Schema, relative to the workspace.")


class Rewording(Record):
    """`[simulation]`: who may put what the simulated user says in other words. It decides nothing else.

    A wording that gives something away, loses a literal or does not come is not used, and the log says so.
    """

    endpoint: Annotated[str, Field(pattern=r"^https?://[^\s/]+\S*$")] = Field(
        description="Base URL of an OpenAI-compatible API, such as http://127.0.0.1:8000/v1."
    )
    model: Text = Field(description="The endpoint's name of the model. Trajectories have a digest of it only.")
    key: Text | None = Field(default=None, description="Variable of this machine that holds the API key.")


class Allowance(Record):
    """A word of a task's own that would be taken for a trace of whoever made an attempt."""

    term: Text = Field(description="As it stands in the text, or as the finding names it; case does not matter.")
    task: Id
    reason: Text


class MaskPolicy(Record):
    """`[mask]`: what else must not be seen while annotators are blind, and what may."""

    terms: list[Text] = Field(default=[], description="More names that tell who made an attempt.")
    allow: list[Allowance] = []


class Thresholds(Record):
    """`[calibration]` in assay.toml: when a task is neither too easy nor too hard."""

    band: Annotated[list[Annotated[float, Field(ge=0, le=1)]], Field(min_length=2, max_length=2)] = Field(
        default=[0.1, 0.9], description="Solve rates from the first to the second number are in band."
    )
    trials: Annotated[int, Field(ge=1)] = Field(
        default=5, description="Valid trials that an agent needs before it counts for the verdict."
    )

    @model_validator(mode="after")
    def _ordered(self) -> Thresholds:
        if self.band[0] >= self.band[1]:
            raise ValueError(f"`band` must run from low to high, found {self.band}")
        return self


class Seal(Record):
    """`[seal]` in assay.toml: who may know who made what."""

    recipients: list[Text] = Field(
        default=[], description="Public keys of coordinators: age1…, ssh-ed25519 … or ssh-rsa …"
    )


class AnnotationPolicy(Record):
    """`[annotations]`: what shows that annotators decided alone."""

    independence: Literal["sealed", "branch", "none"] = Field(
        default="none",
        description="sealed: fixed before any other grade can be read; branch: who could read what is told from the "
        "commit graph; none: nothing is checked.",
    )
    stages: Literal[1, 2] = Field(
        default=1, description="2: correctness and style are sealed before the transcript is opened."
    )
    assigned: Annotated[int, Field(ge=1)] = Field(
        default=2, description="How many must have sealed a task before a reveal, where people.yaml assigns nobody."
    )
    signatures: bool = Field(default=False, description="Every seal must carry a signature of its annotator.")
    branch: Text = Field(default="main", description="The protected branch; its first-parent line gives the order.")
    since: Annotated[str, Field(pattern=r"^[0-9a-f]{40}(?:[0-9a-f]{24})?$")] | None = Field(
        default=None, description="Commit of that branch: what it already had was graded before and needs no seal."
    )

    @model_validator(mode="after")
    def _stages_are_sealed(self) -> AnnotationPolicy:
        if self.stages == 2 and self.independence != "sealed":
            raise ValueError('`stages = 2` needs `independence = "sealed"`: a stage ends with a seal')
        return self


class ExportPolicy(Record):
    """`[export]`: what is said of a data set made from this workspace, and which tasks may be in it."""

    license: Text = Field(default="other", description="Of the data set: an SPDX id in lower case, or `other`.")
    licenses: list[Text] = Field(
        default=[],
        description="Licences that tasks may have (`license` in their [metadata]); a task without one has the data "
        "set's. Empty allows all.",
    )


class SitePolicy(Record):
    """`[site]`: where the pages send people."""

    forge: str | None = Field(default=None, description="Address of the forge's page for a new file.")

    @field_validator("forge")
    @classmethod
    def _page(cls, forge: str | None) -> str | None:
        if forge is not None and not re.fullmatch(r"https://[^\s?#/]+/[^\s?#]+/new/[^\s?#]+", forge):
            raise ValueError(
                "must be the address of the page for a new file, such as https://github.com/OWNER/REPO/new/main "
                "or https://gitlab.com/GROUP/REPO/-/new/main"
            )
        return forge


class Settings(VersionedRecord):
    """The whole file. Everything has a default, so a minimal file says only `format = 1`."""

    title: Text = "Assay"
    seed: Text = Field(default="assay", description="Seeds the order in which trajectories are presented.")
    rules: dict[str, Level | Start] = Field(
        default={}, description="Severity of single rules; `off` disables one. A table says from when it holds."
    )
    metadata: MetadataPolicy | None = None
    agents: dict[Id, AgentSettings] = Field(default={}, description="Who can be run with `assay run --agent NAME`.")
    calibration: Thresholds = Field(default_factory=Thresholds)
    simulation: Rewording | None = None
    seal: Seal = Field(default_factory=Seal)
    mask: MaskPolicy = Field(default_factory=MaskPolicy)
    annotations: AnnotationPolicy = Field(default_factory=AnnotationPolicy)
    export: ExportPolicy = Field(default_factory=ExportPolicy)
    site: SitePolicy = Field(default_factory=SitePolicy)

    @property
    def levels(self) -> dict[str, Level]:
        """Severity of single rules, for what is not older than they are."""
        return {name: found.severity if isinstance(found, Start) else found for name, found in self.rules.items()}
