"""Limits of a session that are counted here, and what is seen around an agent that fails."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from assay.agents.contract import AgentFailed, Answered, Conversation, Event, Said, Thought
from assay.trials.cell import Cell
from assay.trials.endings import Seen
from assay.trials.gateway import Gateway

PATIENCE = 10.0
"""Seconds that an agent has to end its turn when it is asked to, before everything in its container is ended."""
SETTLING = 2.0
"""Seconds in which a container that ends is seen to have ended."""
MEGABYTE = 1024 * 1024


@dataclass(frozen=True)
class Caps:
    """Seconds of the agent's own time, not the user's, and bytes of what it says and prints."""

    seconds: float = 3600
    output_bytes: int = 64 * MEGABYTE


class Watch:
    """Watches one session."""

    def __init__(self, caps: Caps, box: Cell, gateway: Gateway | None) -> None:
        self._caps, self._box, self._gateway = caps, box, gateway
        self.spent = 0.0
        """Seconds of the agent's turns so far."""
        self._bytes = 0
        self._late = self._loud = False
        self._talk: Conversation | None = None
        self._killer: threading.Timer | None = None
        self._timer = threading.Timer(0, self._too_late)
        self._since = 0.0

    @contextmanager
    def turn(self, talk: Conversation) -> Iterator[None]:
        """The agent's turn. Raises AgentFailed when a limit ended it."""
        self._talk = talk
        self._resume()
        try:
            yield
        finally:
            self._pause()
            if self._killer:
                self._killer.cancel()
        if self._late or self._loud:
            raise AgentFailed("silent", self._limit())

    @contextmanager
    def somebody_elses(self) -> Iterator[None]:
        """Time within a turn that is not the agent's, such as that of a person who is asked for permission."""
        self._pause()
        try:
            yield
        finally:
            self._resume()

    def _resume(self) -> None:
        self._since = time.monotonic()
        self._timer = threading.Timer(max(0.1, self._caps.seconds - self.spent), self._too_late)
        self._timer.daemon = True
        self._timer.start()

    def _pause(self) -> None:
        self._timer.cancel()
        self.spent += time.monotonic() - self._since

    def hearing(self, hear: Callable[[Event], None]) -> Callable[[Event], None]:
        """`hear`, with what is heard counted."""

        def counted(event: Event) -> None:
            if isinstance(event, Said | Thought):
                self._bytes += len(event.text)
            elif isinstance(event, Answered):
                self._bytes += len(event.content)
            if self._bytes > self._caps.output_bytes and not self._loud:
                self._loud = True
                self._stop()
            if not self._loud:
                hear(event)

        return counted

    def _too_late(self) -> None:
        self._late = True
        self._stop()

    def _stop(self) -> None:
        self._killer = threading.Timer(PATIENCE, self._box.shell.kill)
        self._killer.daemon = True
        self._killer.start()
        if self._talk:
            self._talk.interrupt()

    def _limit(self) -> str:
        if self._loud:
            return f"the agent said and printed more than {self._caps.output_bytes // MEGABYTE} MiB"
        return f"the agent did not end within {self._caps.seconds:g} s of its own time"

    def _died(self) -> str:
        """How the container ended. Its programs end a moment before the engine says that it has."""
        deadline = time.monotonic() + SETTLING
        while not (how := self._box.died()) and time.monotonic() < deadline:
            time.sleep(0.1)
        return how

    def seen(self, exit_code: int | None) -> Seen:
        """What there is to see after the agent failed."""
        return Seen(
            late=self._late,
            loud=self._loud,
            exit_code=exit_code,
            out_of_memory=self._box.out_of_memory(),
            died=self._died(),
            trouble=self._gateway.trouble if self._gateway else ("", ""),
        )
