"""`user.yaml`: the simulated user of a task, as data for a deterministic state machine."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from assay.model.base import Id, Record, Text, VersionedRecord

IntentKind = Literal["request", "correction", "nudge", "question", "verification", "workflow", "context"]


class Trigger(Record):
    """One observable fact that makes an intent eligible; exactly one field is set."""

    at_start: Literal[True] | None = None
    on_ask: list[Text] | None = None
    on_milestone_pass: Id | None = None
    on_test_fail: Text | None = Field(default=None, description="`milestone/test`.")
    on_claim_done: Literal[True] | None = None
    after_turns: Annotated[int, Field(ge=1)] | None = None

    @model_validator(mode="after")
    def _exactly_one(self) -> Trigger:
        given = [name for name in type(self).model_fields if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(f"a trigger has exactly one of {', '.join(type(self).model_fields)}; found {len(given)}")
        return self


class Intent(Record):
    """Something the user wants, and when it is said."""

    id: Id
    milestone: Id
    kind: IntentKind
    reveal: Annotated[list[Trigger], Field(min_length=1)]
    says: Annotated[list[Text], Field(min_length=1)]
    max_repeats: Annotated[int, Field(ge=1)] = 1


class Stop(Record):
    """Caps counted in code, never by a model."""

    max_turns: Annotated[int, Field(ge=1)]
    max_corrections: Annotated[int, Field(ge=0)] = 3


class SimulatedUser(VersionedRecord):
    """The authored script; a state machine decides which intent is next."""

    opening: Text
    intents: Annotated[list[Intent], Field(min_length=1)]
    unknown_reply: Annotated[list[Text], Field(min_length=1)]
    forbidden: list[Text] = []
    stop: Stop
