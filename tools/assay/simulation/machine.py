"""The simulated user: a state machine over `user.yaml`, in which no model decides anything.

After each turn of the agent it looks at the facts and takes, in this order: all that was asked for; a correction, when
a test fails and the agent has done something about the milestone; what progress brings, in the order of the file. When
the script has nothing, a wrong claim gets a nudge, a question an honest "I do not know", and work that goes on is left
to go on. Caps are counted here. DONE says that everything was asked for, with the tests run after the last turn: rule
`all-passed`, or `nothing-left` when some fail; CAPPED says that the turns ran out before.

Unless `user.yaml` says `instructions: never`, the request for a milestone carries its written instruction, since the
author's words alone need not say everything: what a simulated session costs an agent is what only the intents tell.

A session always moves forward. When the tests of a milestone fail, its nudges are used up, and the agent changes
nothing any more or has used the milestone's share of the turns, the user leaves it and asks for the next one (rule
`moved-on`) or ends the session: later milestones are measured even when an earlier one is never solved.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from fnmatch import fnmatch
from typing import Any

from assay.evidence.leaks import LENGTH, Leak, LeakGuard
from assay.model.outcome import TestReport
from assay.model.trajectory import Step
from assay.model.user import Intent, SimulatedUser, Trigger
from assay.simulation.contract import Facts, Move, State
from assay.simulation.facts import Match, asked_for, claims_done, questions
from assay.simulation.rephrasing import AUTHORED, Rephrase

NUDGE = "That does not work here yet as I asked for it. Please look again."
AGAIN = "Something that I asked for earlier does not work here. Please look again."
GO_ON = "It is not there yet. Please go on."
MOVED_ON = "Let us leave that as it is now and go on with the next part."
UNKNOWN = "I do not know. Please decide yourself."
NUDGES = 2
"""For each milestone, at most."""
_STATES: Mapping[str, State] = {"on_ask": "ANSWER", "on_test_fail": "CORRECT"}
_NOTHING = Facts(turn=0, message="", calls=0, passed={})


class Simulated:
    """A `User` that follows its script. `texts` are the written instructions by milestone, in order.

    Everything follows from the arguments and the facts: the same ones give the same moves. `guard` is asked about
    every text; a variant that gives something away is never said, and an intent without another one is passed over.
    """

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
        self._intents = [intent for intent in script.intents if intent.milestone in texts]
        self._digest = hashlib.sha256(script.model_dump_json().encode()).hexdigest()
        self._used: Counter[str] = Counter()
        """How often an intent was said, a milestone nudged about, or `` (no intent) answered for."""
        self._begun: list[str] = []
        self._said: list[str] = []
        self._corrections = 0
        self._since, self._worked = 0, False
        """The turn in which the milestone was asked for; whether the agent has changed something since, or says so."""
        self._state: State = "OPEN"

    def open(self) -> Move:
        """The opening, and the request for the first milestone."""
        return self._ask_for(next(iter(self._texts)), "at_start", None, _NOTHING)

    def next(self, facts: Facts) -> Move:
        """One move."""
        claim = claims_done(facts.message)
        self._worked = self._worked or facts.changed or claim is not None
        if facts.turn >= self._script.stop.max_turns:
            over = self._all_pass(facts) and not any(map(self._never_asked, self._intents))
            return self._end("DONE", "all-passed", facts) if over else self._end("CAPPED", "max_turns", facts)
        move = self._asked(facts) or self._corrected(facts) or self._progressed(facts, claim)
        return move or self._unscripted(facts, claim) or self._forward(facts)

    def hear(self, step: Step) -> None:
        """A simulated user sees the end of a turn only."""

    def allow(self, command: str) -> bool:
        """Always: the container is the agent's own. `on_permission` speaks about it after the turn."""
        return True

    def tested(self, reports: Sequence[TestReport]) -> None:
        """What it may know comes with the facts."""

    def _asked(self, facts: Facts) -> Move | None:
        """One message of the agent may ask several things, and a person would answer them all."""
        met = self._met(lambda intent, trigger: asked_for(trigger.on_ask or (), facts.message))
        found: dict[str, tuple[Intent, Match]] = {}
        for intent, _, match in met:
            found.setdefault(intent.id, (intent, match))
        return self._reveal(list(found.values()), "on_ask", facts) if found else None

    def _corrected(self, facts: Facts) -> Move | None:
        if not self._worked or self._corrections >= self._script.stop.max_corrections:
            return None
        for intent, _, match in self._met(lambda intent, trigger: _failed(trigger.on_test_fail, facts)):
            self._corrections += 1
            return self._reveal([(intent, match)], "on_test_fail", facts)
        return None

    def _progressed(self, facts: Facts, claim: Match | None) -> Move | None:
        def by(intent: Intent, trigger: Trigger) -> Match | None:
            current = intent.kind == "request" or intent.milestone == self._begun[-1]
            return _progress(trigger, facts, claim if current else None)

        for intent, trigger, match in self._met(by):
            return self._reveal([(intent, match)], trigger.rule, facts)
        return None

    def _unscripted(self, facts: Facts, claim: Match | None) -> Move | None:
        """What is said when the script has nothing and the tests fail."""
        at = self._begun[-1]
        if facts.passed.get(at) and len(self._begun) == len(self._texts):
            at = next((name for name in self._begun if not facts.passed.get(name)), at)
        if facts.passed.get(at):
            return None
        asked = bool(questions(facts.message))
        if asked and not claim and self._used[""] < self._script.stop.max_questions:
            self._used[""] += 1
            return self._say("ANSWER", [self._do_not_know()], "unknown", facts)
        if self._used[f"{at}/"] < NUDGES and (claim or not facts.changed):
            self._used[f"{at}/"] += 1
            words = NUDGE if at == self._begun[-1] else AGAIN
            return self._say("NUDGE", [words], "not-passing", facts, matched=claim and claim.logged)
        share = self._script.stop.max_turns // len(self._texts)
        if facts.changed and (self._next is None or facts.turn - self._since < share):
            return self._say("WORKING", [GO_ON], "go-on", facts)
        return None

    def _forward(self, facts: Facts) -> Move:
        """The next milestone, then what else was never asked for, then the end."""
        if self._next:
            return self._ask_for(self._next, "passed" if facts.passed.get(self._begun[-1]) else "moved-on", None, facts)
        for intent, _, match in self._met(lambda intent, trigger: self._never_asked(intent)):
            return self._reveal([(intent, match)], "not-yet-said", facts)
        return self._end("DONE", "all-passed" if self._all_pass(facts) else "nothing-left", facts)

    def _never_asked(self, intent: Intent) -> Match | None:
        unsaid = intent.kind == "request" and not self._used[intent.id]
        return Match("milestone", intent.milestone) if unsaid else None

    @property
    def _next(self) -> str | None:
        """The first milestone that was not asked for yet."""
        return next((name for name in self._texts if name not in self._begun), None)

    def _all_pass(self, facts: Facts) -> bool:
        return all(facts.passed.get(name) for name in self._texts)

    def _met(self, by: Callable[[Intent, Trigger], Match | None]) -> Iterator[tuple[Intent, Trigger, Match]]:
        """Intents that may be said now and have a trigger that is met; none about a milestone before its request."""
        for intent in self._intents:
            known = [*self._begun, self._next] if intent.kind == "request" else self._begun
            waits = self._used[intent.id] >= intent.max_repeats or not all(self._used[name] for name in intent.after)
            for trigger in () if waits or intent.milestone not in known else intent.reveal:
                if (match := by(intent, trigger)) and self._variant(intent) is not None:
                    yield intent, trigger, match

    def _ask_for(self, milestone: str, rule: str, match: Match | None, facts: Facts) -> Move:
        """The milestone's first request, whatever its triggers are; without one, the instruction alone."""
        wanted = [item for item in self._intents if item.milestone == milestone and item.kind == "request"]
        request = next((item for item in wanted if not self._used[item.id] and self._variant(item) is not None), None)
        if request is None:
            return self._say("REVEAL", [MOVED_ON] if rule == "moved-on" else [], rule, facts, milestone)
        if rule == "moved-on" and self._script.instructions != "never":
            self._used[request.id] += 1  # its words take it that the milestone before is solved
            noted = {"intent_id": request.id, "kind": "request", "variant": None}
            return self._say("REVEAL", [MOVED_ON], rule, facts, milestone, **noted)
        return self._reveal([(request, match)], rule, facts)

    def _reveal(self, found: Sequence[tuple[Intent, Match | None]], rule: str, facts: Facts) -> Move:
        words: list[str] = []
        noted: list[dict[str, Any]] = []
        intent = found[0][0]
        begins = intent.milestone if intent.kind == "request" and intent.milestone not in self._begun else None
        for one, match in found:
            text, about = self._spoken(one)
            words.append(text)
            noted.append({"intent_id": one.id, "kind": one.kind, "matched": match and match.logged, **about})
        words = [MOVED_ON, *words] if rule == "moved-on" else words
        state = _STATES.get(rule) or ("NUDGE" if intent.kind == "nudge" else "REVEAL")
        also = {"also": noted[1:]} if noted[1:] else {}
        return self._say(state, words, rule, facts, begins, **noted[0], **also)

    def _spoken(self, intent: Intent) -> tuple[str, dict[str, Any]]:
        """The words for an eligible intent, which counts as said, and what is noted about them."""
        number = self._variant(intent)
        text = intent.says[number or 0]
        self._used[intent.id] += 1
        noted: dict[str, Any] = {"variant": number, "repeat": self._used[intent.id], "wording": AUTHORED}
        if self._rephrase:
            text, more = self._rephrase(intent, text, self._leak)
            noted |= more
        return text, noted

    def _say(
        self, state: State, words: Sequence[str], rule: str, facts: Facts, begins: str | None = None, **noted: Any
    ) -> Move:
        if begins:
            words = [*([] if self._begun else [self._script.opening]), *words]
            self._begun.append(begins)
            self._since, self._worked = facts.turn, False
        leak = self._leak("\n\n".join(words))
        self._said += words
        if begins and (self._script.instructions == "with_request" or not noted):
            words = [*words, self._texts[begins]]
        text = "\n\n".join(words)
        disclosure = self._disclosed(state, rule, facts) | noted
        disclosure["leak"] = {"ok": leak.ok, "n": LENGTH, "hits": list(leak.hits)}
        disclosure["text_sha256"] = hashlib.sha256(text.encode()).hexdigest()
        self._state = state
        return Move(state, text, begins, disclosure)

    def _end(self, state: State, rule: str, facts: Facts) -> Move:
        return Move(state, None, None, self._disclosed(state, rule, facts))

    def _disclosed(self, state: State, rule: str, facts: Facts) -> dict[str, Any]:
        return {
            "turn": facts.turn + 1,
            "state_before": self._state,
            "state_after": state,
            "intent_id": None,
            "rule": rule,
            "matched": None,
            "asked": bool(questions(facts.message)),
            "seed": self._seed,
            "script_sha256": self._digest,
            "checks": dict(facts.passed),
        }

    def _leak(self, text: str, intent: str = "") -> Leak:
        later = [other for item in self._unsaid() if item.id != intent for other in item.says]
        return self._guard.check(text, self._said, later)

    def _variant(self, intent: Intent) -> int | None:
        """The number of the text that the seed picks, or of the next one that gives nothing away."""
        count = len(intent.says)
        first = self._pick(intent.id, self._used[intent.id] + 1, count)
        order = (*range(first, count), *range(first))
        return next((place for place in order if self._leak(intent.says[place], intent.id).ok), None)

    def _unsaid(self) -> list[Intent]:
        return [intent for intent in self._intents if not self._used[intent.id]]

    def _do_not_know(self) -> str:
        replies = self._script.unknown_reply
        first = self._pick("unknown_reply", self._used[""], len(replies))
        return next((text for text in replies[first:] + replies[:first] if self._leak(text).ok), UNKNOWN)

    def _pick(self, name: str, repeat: int, count: int) -> int:
        digest = hashlib.sha256("\0".join((self._seed, self._task, name, str(repeat))).encode()).digest()
        return int.from_bytes(digest[:8], "big") % count


def _failed(test: str | None, facts: Facts) -> Match | None:
    """The test in question, or one of its cases, fails."""
    failed = test and any(name == test or name.startswith(f"{test}[") for name in facts.failed_tests)
    return Match("test", test) if test and failed else None


def _progress(trigger: Trigger, facts: Facts, claim: Match | None) -> Match | None:
    """The fact by which the agent's work sets a trigger off."""
    if trigger.on_milestone_pass and facts.passed.get(trigger.on_milestone_pass):
        return Match("milestone", trigger.on_milestone_pass)
    if trigger.after_turns and facts.turn >= trigger.after_turns:
        return Match("turns", str(facts.turn))
    for command in facts.permissions:
        if trigger.on_permission and re.search(trigger.on_permission, command):
            return Match("permission", command)
    for path in facts.touched:
        if trigger.on_path_touched and fnmatch(path, trigger.on_path_touched):
            return Match("path", path)
    return claim if trigger.on_claim_done else None
