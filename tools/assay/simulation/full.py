"""The user who tells everything at once: each milestone's instruction with all its context, and no answers after it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from assay.model.outcome import TestReport
from assay.model.trajectory import Step
from assay.model.user import SimulatedUser
from assay.simulation.contract import Facts, Move
from assay.simulation.facts import questions

ANSWER = "Everything I know is above; please decide yourself."


class Full:
    """A `User` for the mode `full`. `texts` are the written instructions by milestone, in order."""

    def __init__(self, script: SimulatedUser | None, texts: Mapping[str, str]) -> None:
        self._script, self._texts = script, texts
        self._left = list(texts)
        self._answered = False

    def open(self) -> Move:
        """The first milestone."""
        return self._ask("at_start")

    def next(self, facts: Facts) -> Move:
        """One answer for each milestone at most, then the next milestone, whatever came of this one."""
        if questions(facts.message) and not self._answered:
            self._answered = True
            return Move("ANSWER", ANSWER, None, {"rule": "full", "state_after": "ANSWER", "asked": True})
        if not self._left:
            return Move("DONE", None, None, {"rule": "full", "state_after": "DONE"})
        return self._ask("next")

    def hear(self, step: Step) -> None:
        """Nothing depends on it."""

    def allow(self, command: str) -> bool:
        """Always: the container is the agent's own."""
        return True

    def tested(self, reports: Sequence[TestReport]) -> None:
        """Nothing depends on it."""

    def _ask(self, rule: str) -> Move:
        self._answered = False
        name = self._left.pop(0)
        intents = [item for item in (self._script.intents if self._script else ()) if item.milestone == name]
        told = [item.says[0] for item in intents if item.kind in ("context", "workflow", "question")]
        text = "\n\n".join([self._texts[name], *told])
        return Move("REVEAL", text, name, {"rule": rule, "state_after": "REVEAL"})
