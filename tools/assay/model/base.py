"""What all records share: strict fields, a format version, and the vocabulary of ids."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

ID_PATTERN = r"^[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?$"
"""Ids are directory names on every file system: lower case, digits and inner hyphens, at most 64 characters."""

Id = Annotated[str, StringConstraints(pattern=ID_PATTERN)]
Text = Annotated[str, StringConstraints(min_length=1)]

FORMAT = 1
"""The major version of Assay's own file formats that this code reads and writes."""


class Record(BaseModel):
    """An immutable record that refuses fields it does not know."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, defer_build=True)


class VersionedRecord(Record):
    """The top level of a file: readers refuse any other major version by name."""

    format: Literal[1] = Field(description="Format version of this file.")
