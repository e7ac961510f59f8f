"""The user who tells everything at once: each milestone's instruction with all its context, and no answers after it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from assay.model.outcome import TestReport
from assay.model.trajectory import Step
from assay.model.user import SimulatedUser
from assay.simulation.contract import Facts, Move, State
from assay.simulation.facts import questions

ANSWER = "Everything I know is above; please decide yourself."
CONTEXT = ("context", "workflow", "question")
"""Kinds of intents that hold facts; the others react to what the agent does."""


class Full:
    """A `User` for the mode `full`. `texts` are the written instructions by milestone, in order.

    What it costs an agent to have to ask is the solve rate with this user, less the one with the simulated user.
    """

    def __init__(self, script: SimulatedUser | None, texts: Mapping[str, str]) -> None:
        self._script, self._texts = script, texts
        self._left = list(texts)
        self._answered = False
        self._state: State = "OPEN"

    def open(self) -> Move:
        """The first milestone."""
        return self._ask("at_start", None)

    def next(self, facts: Facts) -> Move:
        """One answer for each milestone at most, then the next milestone, whatever came of this one."""
        if questions(facts.message) and not self._answered:
            self._answered = True
            return self._move("ANSWER", ANSWER, "unknown", facts)
        if not self._left:
            return self._move("DONE", None, "nothing-left", facts)
        return self._ask("next", facts)

    def hear(self, step: Step) -> None:
        """Nothing depends on it."""

    def allow(self, command: str) -> bool:
        """Always: the container is the agent's own."""
        return True

    def tested(self, reports: Sequence[TestReport]) -> None:
        """Nothing depends on it."""

    def _ask(self, rule: str, facts: Facts | None) -> Move:
        self._answered = False
        name = self._left.pop(0)
        intents = [item for item in (self._script.intents if self._script else ()) if item.milestone == name]
        wanted = (*CONTEXT, "request") if self._script and self._script.instructions == "never" else CONTEXT
        told = [item for item in intents if item.kind in wanted]
        text = "\n\n".join([self._texts[name], *(item.says[0] for item in told)])
        return self._move("REVEAL", text, rule, facts, name, told=[item.id for item in told])

    def _move(
        self, state: State, text: str | None, rule: str, facts: Facts | None, begins: str | None = None, **more: Any
    ) -> Move:
        noted = {
            "turn": facts.turn + 1 if facts else 1,
            "state_before": self._state,
            "state_after": state,
            "rule": rule,
            "asked": bool(facts and questions(facts.message)),
            "checks": dict(facts.passed) if facts else {},
            **more,
        }
        self._state = state
        return Move(state, text, begins, noted)
