"""Gold answers: verdicts that coordinators know, to see how often annotators are right."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from assay.model.base import Id, Text, VersionedRecord
from assay.model.outcome import Sha256
from assay.model.sealed import Key


class GoldAnswers(VersionedRecord):
    """`.assay/gold/<task>.yaml`, on a coordinator's machine only: the right verdicts on a task."""

    task: Id
    rubric: Annotated[str, Field(pattern=r"^[0-9a-f]{40}$")] = Field(
        description="Git blob id of the rubric that they answer."
    )
    answers: dict[Id, dict[Id, bool | Literal["unclear"]]] = Field(
        description="By alias and criterion; nobody is measured by what is `unclear`."
    )


class Gold(VersionedRecord):
    """What annotations/gold.age holds: the answers to all gold tasks, or to none."""

    salt: Key
    tasks: dict[Id, GoldAnswers]


class GoldPromise(VersionedRecord):
    """`annotations/gold.json`: a promise of answers that were fixed before anybody is measured by them."""

    commitment: Sha256 = Field(description="Of salt and answers together, whatever tasks they are for.")
    sealed_sha256: Sha256 = Field(description="Of gold.age beside it.")
    recipients: list[Text] = Field(description="Public keys that open gold.age: age, or ssh.")
