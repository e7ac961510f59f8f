"""Between the harness, which observes, and whoever speaks as the user."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from assay.model.outcome import TestReport
from assay.model.trajectory import Step

State = Literal["OPEN", "WORKING", "ANSWER", "REVEAL", "CORRECT", "NUDGE", "DONE", "CAPPED", "ABORTED"]


@dataclass(frozen=True)
class Facts:
    """What was observed when the agent ended its turn; nothing that a model would have to judge."""

    turn: int
    """User turns so far, at least 1."""
    message: str
    """All that the agent said after its last tool call, masked."""
    calls: int
    """Tool calls in this turn."""
    passed: Mapping[str, bool]
    """Whether the tests of each milestone pass now, in a copy of the work tree; absent when they gave no verdict."""
    failed_tests: frozenset[str] = frozenset()
    """`milestone/test`."""
    changed: bool = False
    """Whether the work tree differs from what it was before this turn."""
    touched: tuple[str, ...] = ()
    """Paths that the result changes against the image."""
    permissions: tuple[str, ...] = ()
    """Commands that permission was asked for in this turn."""
    seconds: float = 0.0
    """Since the session began."""


@dataclass(frozen=True)
class Move:
    """What the user does next. Without text the session is over."""

    state: State
    text: str | None
    begins: str | None = None
    """The milestone that this asks for, when it asks for one for the first time."""
    disclosure: Mapping[str, Any] = field(default_factory=dict)
    """Which intent, which rule, which turn; goes to the user step's `extra.assay`."""


class User(Protocol):
    """Whoever speaks as the user: the state machine, the full specification, or a person at a terminal."""

    def open(self) -> Move:
        """The first message."""

    def next(self, facts: Facts) -> Move:
        """What comes after the agent's turn."""

    def hear(self, step: Step) -> None:
        """A step of the agent, masked, as soon as it is complete."""

    def allow(self, command: str) -> bool:
        """Whether the agent may go on with a command that it asks permission for."""

    def tested(self, reports: Sequence[TestReport]) -> None:
        """How tests came out between turns."""
