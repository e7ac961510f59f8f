"""Putting a stream of records together to steps: a reply ends where a result, a person or its token count follows."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from assay.importers.building import Account, Call, Clock, Draft, Result

Tokens = Mapping[str, int | None]


@dataclass(slots=True)
class Turn:
    """One step that is still being put together."""

    source: Literal["user", "agent"]
    at: float | None = None
    texts: list[str] = field(default_factory=list)
    reasoning: list[str] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    results: list[Result] = field(default_factory=list)
    tokens: Tokens | None = None
    cost: float | None = None
    closed: bool = False
    """Whether later records of the agent are another reply."""


class Turns:
    """Collects replies and what persons say; results go to the step of their call, however late they come."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._all: deque[Turn] = deque()
        self._owners: dict[str, Turn] = {}

    def user(self, text: str, at: float | None = None) -> None:
        """Something a person said."""
        self._all.append(Turn("user", at, [text]))

    def open(self, at: float | None = None) -> Turn:
        """The reply to which the agent's next words or calls belong."""
        last = self._all[-1] if self._all else None
        if last is None or last.source == "user" or last.closed or last.results:
            last = Turn("agent", at)
            self._all.append(last)
        return last

    def new(self, at: float | None = None) -> Turn:
        """A reply of its own."""
        self._all.append(Turn("agent", at))
        return self._all[-1]

    def call(self, call: Call, turn: Turn) -> None:
        """A call that a reply makes."""
        turn.calls.append(call)
        self._owners[call.key] = turn

    def result(self, result: Result) -> None:
        """What a call gave; without a known call it goes to the last reply."""
        owner = self._owners.get(result.key or "") or self.last()
        if owner is None:
            self._account.skipped["result before any reply"] += 1
        else:
            owner.results.append(result)

    def last(self) -> Turn | None:
        """The reply that began last."""
        return next((turn for turn in reversed(self._all) if turn.source == "agent"), None)

    def fill(self, draft: Draft) -> None:
        """Every step that holds something, in order, moved there; durations instead of times."""
        clock = Clock(self._account)
        self._owners.clear()
        while self._all:
            turn = self._all.popleft()
            waited = clock.since_previous(turn.at)
            if not (turn.texts or turn.reasoning or turn.calls or turn.results):
                self._account.dropped["empty reply"] += 1
                continue
            draft.add(
                turn.source,
                "\n\n".join(turn.texts),
                reasoning="\n\n".join(turn.reasoning),
                calls=turn.calls,
                results=turn.results,
                tokens=turn.tokens,
                cost=turn.cost,
                extra={} if waited is None else {"seconds_since_previous": waited},
            )


def total(*counts: Tokens | None) -> Tokens:
    """Token counts together; a kind that nobody counts is absent."""
    sums: Counter[str] = Counter()
    for tokens in counts:
        sums.update({name: number for name, number in (tokens or {}).items() if number is not None})
    return dict(sums)


def moment(stamp: str | None) -> float | None:
    """Seconds of an ISO 8601 time; None for anything else."""
    try:
        return datetime.fromisoformat(stamp).timestamp() if stamp else None
    except (ValueError, OverflowError, OSError):
        return None
