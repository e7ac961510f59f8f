"""Identities that are promised, and identities that are opened."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from assay.model.base import Id, Text, VersionedRecord
from assay.model.identity import Identity
from assay.model.outcome import Sha256

Key = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
"""32 random bytes in hex, secret until they are published."""


class Commitments(VersionedRecord):
    """`trajectories/<task>/commitments.json`: a promise about who made each trajectory, published with it.

    A commitment shows later that the identity did not change; it does not show that it was true.
    """

    task: Id
    sealed_sha256: Sha256 = Field(description="Of identities.age beside it.")
    recipients: list[Text] = Field(description="Public keys that open identities.age: age, or ssh.")
    commitments: Annotated[dict[Id, Sha256], Field(min_length=1)]


class Opening(VersionedRecord):
    """`trajectories/<task>/opening.json`, and before that the content of identities.age."""

    task: Id
    key: Key = Field(description="Of the task: with it anybody can compute the commitments again.")
    identities: dict[Id, Identity]
