"""`annotations/people.yaml`: handles, roles and public keys. No names, no addresses."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from assay.model.base import Id, Record, Text, VersionedRecord

Role = Literal["author", "annotator", "judge", "reviewer", "adjudicator", "coordinator"]
"""A `judge` is a program that grades."""


class Person(Record):
    """One contributor."""

    handle: Id
    roles: Annotated[list[Role], Field(min_length=1)]
    note: str = ""
    keys: list[Text] = Field(
        default=[], description="Of a coordinator: public keys that sealed annotations are encrypted for, age or ssh."
    )
    signing_keys: list[Text] = Field(default=[], description="Public ssh keys that sign this person's seals.")


class People(VersionedRecord):
    """Everyone whose work is in the workspace."""

    people: list[Person]
    assigned: dict[Id, Annotated[list[Id], Field(min_length=1)]] = Field(
        default={}, description="By task: who must have sealed before anybody reveals."
    )

    def find(self, handle: str) -> Person | None:
        """The person with that handle."""
        return next((person for person in self.people if person.handle == handle), None)
