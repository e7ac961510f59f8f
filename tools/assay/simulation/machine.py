"""The simulated user: a state machine over `user.yaml`, in which no model decides anything.

After each turn of the agent it looks at the facts, applies the caps, and takes one intent: what was asked for first,
then corrections, then what progress brings, ties in the order of the file. A message that asks for a milestone carries
the milestone's written instruction, since the author's words alone need not say everything.

When the tests of a milestone fail, nothing is left to say about it and the agent has changed nothing in its last turn,
the user goes on to the next request: later milestones can be measured even when an earlier one is never solved.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from assay.evidence.leaks import LeakGuard
from assay.model.outcome import TestReport
from assay.model.trajectory import Step
from assay.model.user import Intent, SimulatedUser, Trigger
from assay.simulation.contract import Facts, Move, State
from assay.simulation.facts import Match, asked_for, claims_done, questions

Rephrase = Callable[[Intent, str], tuple[str, Mapping[str, Any]]]
"""Other words for an authored text, and what is to be noted about it."""
NUDGE = "The checks of this part do not pass here yet. Please look again."
"""What is said to an agent that claims to be done when it is not and no correction applies."""
NUDGES = 2
"""Such messages for each milestone, at most."""


class Simulated:
    """A `User` that follows its script. `texts` are the written instructions by milestone, in order."""

    def __init__(
        self,
        script: SimulatedUser,
        task: str,
        texts: Mapping[str, str],
        seed: str,
        guard: LeakGuard,
        rephrase: Rephrase | None = None,
    ) -> None:
        self._script, self._task, self._texts, self._seed = script, task, texts, seed
        self._guard, self._rephrase = guard, rephrase
        self._names = list(texts)
        self._intents = [intent for intent in script.intents if intent.milestone in texts]
        self._digest = hashlib.sha256(script.model_dump_json().encode()).hexdigest()
        self._used: Counter[str] = Counter()
        self._unknown: Counter[str] = Counter()
        self._begun: list[str] = []
        self._revealed: list[str] = [script.opening, *texts.values()]
        self._corrections = 0
        self._state: State = "OPEN"
        self._idle = 0

    def open(self) -> Move:
        """The opening, and the request that is made at the start."""
        first = next((intent for intent in self._requests(self._names[0])), None)
        if first is None:
            return self._asking(self._names[0], None, "start", None)
        return self._reveal(first, "at_start", None, Facts(turn=0, message="", calls=0, passed={}), "REVEAL")

    def next(self, facts: Facts) -> Move:
        """One move; the caps come first."""
        self._idle = 0 if facts.changed else self._idle + 1
        if capped := self._capped(facts):
            return self._end("CAPPED", capped, facts)
        if found := self._asked(facts):
            return found
        if found := self._corrected(facts):
            return found
        if found := self._progressed(facts):
            return found
        return self._otherwise(facts)

    def hear(self, step: Step) -> None:
        """A simulated user sees the end of a turn only."""

    def allow(self, command: str) -> bool:
        """Always: its container is the agent's own."""
        return True

    def tested(self, reports: Sequence[TestReport]) -> None:
        """What it may know comes with the facts."""

    @property
    def _current(self) -> str:
        return self._begun[-1]

    def _capped(self, facts: Facts) -> str:
        if facts.turn >= self._script.stop.max_turns:
            return "max_turns"
        return ""

    def _asked(self, facts: Facts) -> Move | None:
        for intent, trigger in self._eligible("on_ask"):
            match = asked_for(trigger.on_ask or (), facts.message)
            if match:
                return self._reveal(intent, "on_ask", match, facts, "ANSWER")
        return None

    def _corrected(self, facts: Facts) -> Move | None:
        if self._corrections >= self._script.stop.max_corrections:
            return None
        for intent, trigger in self._eligible("on_test_fail"):
            if trigger.on_test_fail in facts.failed_tests:
                self._corrections += 1
                return self._reveal(intent, "on_test_fail", _fact(trigger.on_test_fail), facts, "CORRECT")
        return None

    def _progressed(self, facts: Facts) -> Move | None:
        passed = {name for name, done in facts.passed.items() if done}
        claim = claims_done(facts.message)
        for intent, trigger in self._eligible():
            if intent.kind == "request" and intent.milestone in self._begun:
                continue
            if trigger.on_milestone_pass in passed:
                return self._reveal(intent, "on_milestone_pass", _fact(trigger.on_milestone_pass), facts, "REVEAL")
            if trigger.on_claim_done and claim and intent.milestone == self._current:
                return self._reveal(intent, "on_claim_done", claim, facts, "REVEAL")
            if trigger.after_turns and facts.turn >= trigger.after_turns and intent.milestone in self._begun:
                return self._reveal(intent, "after_turns", _fact(str(facts.turn)), facts, "NUDGE")
        return None

    def _otherwise(self, facts: Facts) -> Move:
        """Nothing in the script applies: a question gets an honest answer, a claim that is wrong a nudge."""
        passes = facts.passed.get(self._current, False)
        if questions(facts.message) and not passes and self._unknown["question"] < self._script.stop.max_turns:
            self._unknown["question"] += 1
            replies = self._script.unknown_reply
            text = replies[self._variant("unknown", self._unknown["question"], len(replies))]
            return self._say("ANSWER", text, "unknown", None, facts, asked=True)
        if not passes and self._unknown[self._current] < NUDGES and self._idle < 2:
            self._unknown[self._current] += 1
            return self._say("NUDGE", NUDGE, "not-passing", claims_done(facts.message), facts)
        left = [name for name in self._names if name not in self._begun]
        if left:
            request = next(iter(self._requests(left[0])), None)
            if request is None:
                return self._asking(left[0], facts, "moved-on", None)
            return self._reveal(request, "moved-on" if not passes else "on_milestone_pass", None, facts, "REVEAL")
        everything = all(facts.passed.get(name) for name in self._names)
        return self._end("DONE", "all-passed" if everything else "nothing-left", facts)

    def _requests(self, milestone: str) -> Iterator[Intent]:
        for intent in self._intents:
            if intent.milestone == milestone and intent.kind == "request" and not self._used[intent.id]:
                yield intent

    def _eligible(self, kind: str = "") -> Iterator[tuple[Intent, Trigger]]:
        """Intents that may still be said, with their triggers; facts about milestones to come are not told early."""
        for intent in self._intents:
            early = intent.milestone not in self._begun and intent.kind != "request"
            if self._used[intent.id] < intent.max_repeats and not early:
                for trigger in intent.reveal:
                    if not kind or getattr(trigger, kind) is not None:
                        yield intent, trigger

    def _reveal(self, intent: Intent, rule: str, match: Match | None, facts: Facts, state: State) -> Move:
        self._used[intent.id] += 1
        repeat = self._used[intent.id]
        number = self._variant(intent.id, repeat, len(intent.says))
        text, more = intent.says[number], dict[str, Any]()
        if self._rephrase:
            text, noted = self._rephrase(intent, text)
            more |= noted
        more |= {"intent_id": intent.id, "kind": intent.kind, "variant": number, "repeat": repeat}
        if intent.kind == "request" and intent.milestone not in self._begun:
            return self._asking(intent.milestone, facts, rule, text, match, more)
        return self._say(state, text, rule, match, facts, **more)

    def _asking(
        self,
        milestone: str,
        facts: Facts | None,
        rule: str,
        text: str | None,
        match: Match | None = None,
        more: Mapping[str, Any] | None = None,
    ) -> Move:
        """A request for a milestone, with its written instruction."""
        opening = [] if self._begun else [self._script.opening]
        self._begun.append(milestone)
        self._idle = 0
        whole = "\n\n".join([*opening, *([text] if text else []), self._texts[milestone]])
        return self._say("REVEAL", whole, rule, match, facts, begins=milestone, **(more or {}))

    def _say(
        self,
        state: State,
        text: str,
        rule: str,
        match: Match | None,
        facts: Facts | None,
        begins: str | None = None,
        **more: Any,
    ) -> Move:
        leak = self._guard.check(text, self._revealed, self._later())
        self._revealed.append(text)
        disclosure = self._disclosed(state, rule, match, facts, more)
        disclosure |= {
            "leak": {"ok": leak.ok, "hits": list(leak.hits)},
            "text_sha256": hashlib.sha256(text.encode()).hexdigest(),
        }
        self._state = state
        return Move(state, text, begins, disclosure)

    def _later(self) -> list[str]:
        return [text for intent in self._intents if not self._used[intent.id] for text in intent.says]

    def _end(self, state: State, rule: str, facts: Facts) -> Move:
        return Move(state, None, None, self._disclosed(state, rule, None, facts, {}))

    def _disclosed(
        self, state: State, rule: str, match: Match | None, facts: Facts | None, more: Mapping[str, Any]
    ) -> dict[str, Any]:
        return {
            "turn": facts.turn + 1 if facts else 1,
            "state_before": self._state,
            "state_after": state,
            "rule": rule,
            "matched": asdict(match) if match else None,
            "asked": bool(facts and questions(facts.message)),
            "seed": self._seed,
            "script_sha256": self._digest,
            "checks": dict(facts.passed) if facts else {},
            **more,
        }

    def _variant(self, name: str, repeat: int, count: int) -> int:
        digest = hashlib.sha256("\0".join((self._seed, self._task, name, str(repeat))).encode()).digest()
        return int.from_bytes(digest[:8], "big") % count


def _fact(value: str | None) -> Match:
    return Match(value or "", "", 0, 0)
