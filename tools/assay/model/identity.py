"""Who made a trajectory. Kept apart from `Trajectory`, so that code which takes one cannot tell."""

from __future__ import annotations

from pydantic import Field

from assay.model.base import Id, Record, VersionedRecord


class Identity(Record):
    """What masking removed and un-blinding needs back."""

    agent: str
    version: str | None = None
    model: str | None = None
    source_format: str
    source_sha256: str
    extra: dict[str, str] = Field(default={})


class IdentityMap(VersionedRecord):
    """Who made the attempts of one task, by alias. A file of one machine, never committed unsealed."""

    task: Id
    identities: dict[Id, Identity]
