"""What happens between a user and an agent, free of any protocol.

An adapter turns one way of talking to an agent into a `Conversation`; the harness sees only events.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

FailureKind = Literal["crashed", "gave-up", "unauthorized", "unreachable", "protocol", "silent"]
"""Ended by itself with an error; said that it cannot go on; HTTP 401 or 403; no endpoint; nonsense; no sign of life."""


class AgentFailed(Exception):
    """The agent cannot go on; the text says what was seen."""

    def __init__(self, kind: FailureKind, message: str) -> None:
        super().__init__(message)
        self.kind = kind


@dataclass(frozen=True)
class Said:
    """A piece of what the agent says. Pieces with the same key belong to one message."""

    text: str
    key: str = ""


@dataclass(frozen=True)
class Thought:
    """A piece of the agent's reasoning."""

    text: str
    key: str = ""


@dataclass(frozen=True)
class Called:
    """The agent uses a tool. `tool` is its own name for it; a later event with the same key completes the arguments."""

    key: str
    tool: str
    arguments: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Answered:
    """The end of a tool call. `exit_code` is None when the agent does not tell it."""

    key: str
    content: str
    exit_code: int | None = None
    failed: bool = False


@dataclass(frozen=True)
class Permission:
    """The agent asks whether it may go on with a call; `title` is the command or what stands for it."""

    key: str
    title: str


@dataclass(frozen=True)
class Used:
    """Tokens of the turn so far; None where the agent does not count."""

    prompt_tokens: int | None
    completion_tokens: int | None


Event = Said | Thought | Called | Answered | Permission | Used
StopReason = Literal["end_turn", "max_tokens", "max_turn_requests", "refusal", "cancelled"]
"""As in the Agent Client Protocol."""


class Pipe(Protocol):
    """The standard streams of a program, on this machine or in a container. Used by one thread for each direction."""

    def write(self, data: bytes) -> None:
        """Give it input. Raises OSError when it has gone."""

    def read(self) -> bytes:
        """The next piece of its output; empty at the end."""

    def close(self) -> None:
        """End its input, and the program when it does not end by itself soon."""

    @property
    def exit_code(self) -> int | None:
        """None while it runs."""

    @property
    def complaints(self) -> str:
        """The end of what it wrote to standard error."""


class Conversation(Protocol):
    """One session with one agent."""

    def open(self) -> Mapping[str, str]:
        """Begin; returns what the agent says of itself (`name`, `version`, `session`). Raises AgentFailed."""

    def say(
        self, text: str, hear: Callable[[Event], None], allow: Callable[[Permission], bool] = lambda request: True
    ) -> StopReason:
        """One user turn: returns when the agent has ended its own. `hear` is called for every event as it comes.

        Raises AgentFailed.
        """

    def interrupt(self) -> None:
        """Ask the agent to end its turn; from any thread."""

    def close(self) -> None:
        """End the session and the program."""
