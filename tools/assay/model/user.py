"""`user.yaml`: the simulated user of a task, as data for a deterministic state machine."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from assay.model.base import Id, Record, Text, VersionedRecord

IntentKind = Literal["request", "correction", "nudge", "question", "verification", "workflow", "context"]


def regex_of(pattern: str) -> str:
    """The expression in a pattern that is written `/expression/`; empty for any other, which stands for its words."""
    return pattern[1:-1] if len(pattern) > 2 and pattern[0] == pattern[-1] == "/" else ""


def _compiles(pattern: str) -> str:
    try:
        re.compile(pattern)
    except re.error as error:
        raise ValueError(f"`{pattern}` must be a regular expression: {error}") from error
    return pattern


def _pattern(text: str) -> str:
    _compiles(regex_of(text))
    return text


class Trigger(Record):
    """One observable fact that makes an intent eligible; exactly one field is set."""

    at_start: Literal[True] | None = None
    on_ask: list[Annotated[Text, AfterValidator(_pattern)]] | None = Field(
        default=None, description="Words that one question must hold, in any form and order, or `/regex/`; or others."
    )
    on_milestone_pass: Id | None = None
    on_test_fail: Text | None = Field(default=None, description="`milestone/test`.")
    on_claim_done: Literal[True] | None = None
    after_turns: Annotated[int, Field(ge=1)] | None = None
    on_permission: Annotated[Text, AfterValidator(_compiles)] | None = Field(
        default=None, description="Regex in a command that permission was asked for in this turn."
    )
    on_path_touched: Text | None = Field(default=None, description="Glob of a path that differs from the image.")

    @property
    def rule(self) -> str:
        """The name of the field that is set."""
        return next(name for name in type(self).model_fields if getattr(self, name) is not None)

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
    after: list[Id] = Field(default=[], description="Intents that must have been said before.")
    must_keep: list[Text] = Field(default=[], description="Literals that another wording must keep.")


class Stop(Record):
    """Caps counted in code, never by a model."""

    max_turns: Annotated[int, Field(ge=1)]
    max_corrections: Annotated[int, Field(ge=0)] = 3
    max_questions: Annotated[int, Field(ge=0)] = Field(
        default=8, description="Answers to questions that no intent knows; later ones are not taken up."
    )


class SimulatedUser(VersionedRecord):
    """The authored script; a state machine decides which intent is next."""

    opening: Text
    intents: Annotated[list[Intent], Field(min_length=1)]
    unknown_reply: Annotated[list[Text], Field(min_length=1)]
    forbidden: list[Text] = Field(default=[], description="Literals that are never said.")
    instructions: Literal["with_request", "never"] = Field(
        default="with_request", description="Whether a milestone's instruction.md goes with the request for it."
    )
    stop: Stop
