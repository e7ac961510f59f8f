"""From events to the steps of a trajectory: masked, under neutral names, and the same steps for the same events."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from assay.agents.contract import Answered, Called, Event, Said, Thought, Used
from assay.bounded import Bounded
from assay.model.trajectory import FinalMetrics, Observation, ObservationResult, Step, ToolCall

OUTPUT_LIMIT = 64 * 1024
"""Bytes of one result that a trajectory keeps."""
UNANSWERED = {"assay": {"note": "no result: the agent's turn ended before"}}
_SHELL = re.compile(r"(?:/\S*/)?(?:bash|sh|zsh|dash)")
_SHELL_FLAG = re.compile(r"-[a-z]*c")

Neutral = Callable[[str, Mapping[str, Any]], tuple[str, dict[str, Any]]]


@dataclass
class _Call:
    name: str
    called: Called
    answer: Answered | None = None
    began: float = 0.0
    seconds: float | None = None


@dataclass
class _Draft:
    """A step as it grows: pieces of text by the key of their message."""

    said: dict[str, str] = field(default_factory=dict)
    thought: dict[str, str] = field(default_factory=dict)
    calls: list[_Call] = field(default_factory=list)

    @property
    def complete(self) -> bool:
        return bool(self.calls) and all(call.answer for call in self.calls)


class Transcript:
    """Hands each step to `on_step` as soon as it is complete.

    An agent's step is what it said since the step before, the calls that follow, and their results. `neutral` gives a
    tool and its arguments common names, `mask` takes identity out of a text, and `prose` out of what the agent says.
    Durations are kept only with a `clock`, in seconds.
    """

    def __init__(
        self,
        on_step: Callable[[Step], None],
        neutral: Neutral,
        mask: Callable[[str], str],
        clock: Callable[[], float] | None = None,
        prose: Callable[[str], str] | None = None,
    ) -> None:
        self._on_step, self._neutral, self._mask, self._clock = on_step, neutral, mask, clock
        self._prose = prose or mask
        self._steps = self._named = 0
        self._drafts: list[_Draft] = []
        self._calls: dict[str, _Call] = {}
        self._milestone: dict[str, Any] | None = None
        self._used: Used | None = None
        self._totals: dict[str, int] = {}

    def user(self, text: str, extra: Mapping[str, Any] | None = None) -> None:
        """The user's turn. Steps of the agent carry the milestone of `extra["assay"]`."""
        self.finish_turn()
        milestone = (extra or {}).get("assay", {}).get("milestone")
        self._milestone = {"assay": {"milestone": milestone}} if milestone else None
        self._steps += 1
        self._on_step(Step(step_id=self._steps, source="user", message=text, extra=dict(extra) if extra else None))

    def hear(self, event: Event) -> None:
        """The next thing that happened."""
        match event:
            case Said(text, key):
                said = self._speaking().said
                said[key] = said.get(key, "") + text
            case Thought(text, key):
                thought = self._speaking().thought
                thought[key] = thought.get(key, "") + text
            case Called():
                self._called(event)
            case Answered():
                self._answered(event)
            case Used():
                self._used = event

    def finish_turn(self) -> None:
        """The agent's turn is over: what is still open stays without a result."""
        for draft in self._drafts:
            self._emit(draft)
        self._drafts.clear()
        self._calls.clear()
        if self._used:
            for name in ("prompt_tokens", "completion_tokens"):
                if (number := getattr(self._used, name)) is not None:
                    self._totals[name] = self._totals.get(name, 0) + number
        self._used = None

    @property
    def final_metrics(self) -> FinalMetrics | None:
        """Tokens of all turns so far; None when the agent does not count them."""
        return FinalMetrics(**{f"total_{name}": n for name, n in self._totals.items()}) if self._totals else None

    def _speaking(self) -> _Draft:
        """Where words belong: what is said while calls run begins the next step."""
        if not self._drafts or self._drafts[-1].calls:
            self._drafts.append(_Draft())
        return self._drafts[-1]

    def _called(self, event: Called) -> None:
        if known := self._calls.get(event.key):
            if known.answer is None:
                known.called = event
            return
        if not self._drafts:
            self._drafts.append(_Draft())
        self._named += 1
        call = _Call(f"call-{self._named}", event, began=self._clock() if self._clock else 0.0)
        self._calls[event.key] = call
        self._drafts[-1].calls.append(call)

    def _answered(self, event: Answered) -> None:
        if event.key not in self._calls:
            self._called(Called(event.key, "other"))
        call = self._calls[event.key]
        if call.answer is None:
            call.answer = event
            call.seconds = round(self._clock() - call.began, 3) if self._clock else None
        while self._drafts and self._drafts[0].complete:
            self._emit(self._drafts.pop(0))

    def _emit(self, draft: _Draft) -> None:
        message, reasoning = _joined(draft.said), _joined(draft.thought)
        if not (message or reasoning or draft.calls):
            return
        results = [self._result(call, call.answer) for call in draft.calls if call.answer]
        self._steps += 1
        self._on_step(
            Step(
                step_id=self._steps,
                source="agent",
                message=self._prose(message),
                reasoning_content=self._prose(reasoning) or None,
                tool_calls=[self._tool_call(call) for call in draft.calls] or None,
                observation=Observation(results=results) if results else None,
                extra=self._milestone,
            )
        )

    def _tool_call(self, call: _Call) -> ToolCall:
        word, arguments = self._neutral(call.called.tool, call.called.arguments)
        if word == "shell":
            # Flags that are off say nothing except which agent spells them out.
            arguments = {name: value for name, value in arguments.items() if value is not None and value is not False}
            if "command" in arguments:
                arguments["command"] = unwrapped(arguments["command"])
        extra = None if call.answer else UNANSWERED
        return ToolCall(tool_call_id=call.name, function_name=word, arguments=self._masked(arguments), extra=extra)

    def _result(self, call: _Call, answer: Answered) -> ObservationResult:
        # Masked before it is cut: half a name is still one.
        output = Bounded(OUTPUT_LIMIT)
        output.add(self._mask(answer.content).encode("utf-8", "replace"))
        extra: dict[str, Any] = {} if answer.exit_code is None else {"exit_code": answer.exit_code}
        if answer.failed and not answer.exit_code:
            extra["is_error"] = True
        if call.seconds is not None:
            extra["seconds"] = call.seconds
        if output.hidden:
            extra["hidden_bytes"] = output.hidden
        content = output.value().decode("utf-8", "replace")
        return ObservationResult(source_call_id=call.name, content=content, extra=extra or None)

    def _masked(self, value: Any) -> Any:
        if isinstance(value, str):
            return self._mask(value)
        if isinstance(value, dict):
            return {key: self._masked(item) for key, item in value.items()}
        return [self._masked(item) for item in value] if isinstance(value, list) else value


def unwrapped(command: Any) -> Any:
    """The command of a shell that was called to run it: `bash -lc 'ls'` and `["bash", "-lc", "ls"]` are `ls`."""
    if isinstance(command, list) and all(isinstance(word, str) for word in command):
        return command[2] if _runs(command) else shlex.join(command)
    if not isinstance(command, str) or not _SHELL.match(command):
        return command
    try:
        words = shlex.split(command)
    except ValueError:
        return command
    return words[2] if _runs(words) else command


def _runs(words: list[str]) -> bool:
    return len(words) == 3 and bool(_SHELL.fullmatch(words[0]) and _SHELL_FLAG.fullmatch(words[1]))


def _joined(texts: Mapping[str, str]) -> str:
    return "\n\n".join(text.strip() for text in texts.values() if text.strip())
