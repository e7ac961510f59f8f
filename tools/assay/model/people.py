"""`annotations/people.yaml`: handles and roles. No names, no addresses."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from assay.model.base import Id, Record, VersionedRecord

Role = Literal["author", "annotator", "reviewer", "adjudicator", "coordinator"]


class Person(Record):
    """One contributor."""

    handle: Id
    roles: Annotated[list[Role], Field(min_length=1)]
    note: str = ""


class People(VersionedRecord):
    """Everyone whose work is in the workspace."""

    people: list[Person]
