"""mini-swe-agent through its own runner: one run for each user turn, told afterwards by the trajectory it writes.

Its exit status is 0 even when it gave up; the truth is in `info.exit_status` of the file (format mini-swe-agent-1.1).
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from assay.agents.contract import AgentFailed, Answered, Called, Event, Permission, Pipe, Said, StopReason, Used
from assay.agents.failures import DEAF, cause, ended, exit_status
from assay.agents.retelling import WHOLE, Retelling

_STOPS: Mapping[str, StopReason] = {
    "Submitted": "end_turn",
    "LimitsExceeded": "max_turn_requests",
    "TimeExceeded": "max_turn_requests",
    "ContextWindowExceededError": "max_tokens",
}
_UNREACHABLE = ("APIConnectionError", "InternalServerError", "ServiceUnavailableError", "Timeout")
_SUBMIT = "COMPLETE_TASK_AND_SUBMIT_FINAL_OUTPUT"
"""What a command prints to hand in: no other agent does that, so it would tell which one this is."""
_NOT_RUN = "action was not executed"


class MiniSweConversation:
    """A `Conversation`. In `command`, `{output}` stands for a file that the run writes, beside `output`.

    The runner remembers nothing, so a second turn needs `{conversation}` in the command; with `{prompt}` the first is
    the only one. `start` runs a command; `read` fetches a file and raises OSError.
    """

    def __init__(
        self,
        start: Callable[[Sequence[str]], Pipe],
        command: Sequence[str],
        read: Callable[[str], bytes],
        output: str,
    ) -> None:
        self._start, self._command, self._read, self._output = start, command, read, output
        self._pipe: Pipe | None = None
        self._retelling = Retelling()
        self._interrupted = threading.Event()

    def open(self) -> Mapping[str, str]:
        """As in `Conversation`; what it is it tells at the end."""
        return {"name": "mini-swe-agent", "version": "", "session": ""}

    def say(
        self, text: str, hear: Callable[[Event], None], allow: Callable[[Permission], bool] = lambda request: True
    ) -> StopReason:
        """As in `Conversation`; it never asks for permission."""
        turn = self._retelling.turns
        if turn and not any(WHOLE in word for word in self._command):
            return "max_turn_requests"
        output = f"{self._output}.{turn}" if turn else self._output  # an old file must not be taken for a new one
        words = [word.replace("{output}", output) for word in self._command]
        self._interrupted.clear()
        self._pipe = pipe = self._start([*DEAF, *self._retelling.in_command(words, text)])
        try:
            while pipe.read():
                pass  # its own display of the same
            exit_status(pipe)
            report = self._report(output)
            told = list(events(report, f"{turn}-" if turn else ""))
            for event in told:
                hear(event)
            answers = [event.text for event in told if isinstance(event, Said)]
            self._retelling.answered(text, answers[-1] if answers else "")
        finally:
            self.close()
        return "cancelled" if self._interrupted.is_set() else self._stop(pipe, report)

    def _report(self, output: str) -> Mapping[str, Any]:
        """The file, or nothing: it is written after every step, so a program that was killed leaves one too."""
        try:
            report = json.loads(self._read(output))
        except (OSError, ValueError):
            return {}
        return report if isinstance(report, dict) else {}

    def _stop(self, pipe: Pipe, report: Mapping[str, Any]) -> StopReason:
        status = str(_dict(report.get("info")).get("exit_status") or "")
        if stop := _STOPS.get(status):
            return stop
        if not status:
            raise ended(pipe, cause(pipe.complaints, "crashed"), " and wrote no end of its trajectory")
        if status == "RepeatedFormatError":
            raise AgentFailed("gave-up", "the agent gave up: its model's answers had the wrong form again and again")
        if status in _UNREACHABLE:
            raise AgentFailed("unreachable", f"the agent could not use the endpoint: `{status}`")
        raise AgentFailed(cause(status, "crashed"), f"the agent ended with `{status}`")

    def interrupt(self) -> None:
        """As in `Conversation`: ends the program."""
        self._interrupted.set()
        self.close()

    def close(self) -> None:
        """As in `Conversation`."""
        if self._pipe:
            self._pipe.close()


def events(report: Mapping[str, Any], prefix: str = "") -> Iterator[Event]:
    """What a trajectory file tells, in order; `prefix` makes its ids differ from those of earlier runs."""
    prompt = completion = 0
    waiting: list[str] = []
    for number, message in enumerate(map(_dict, report.get("messages") or [])):
        extra = _dict(message.get("extra"))
        response = _dict(extra.get("response"))
        usage = _dict(response.get("usage"))
        prompt += usage.get("prompt_tokens") or 0
        completion += usage.get("completion_tokens") or 0
        if message.get("role") == "assistant" or response:
            if text := _said(message, response).replace(_SUBMIT, "[submit]"):
                yield Said(text, f"{prefix}{number}")
            actions = [_dict(action) for action in extra.get("actions") or []]
            ids = [str(action.get("tool_call_id") or f"{number}-{n}") for n, action in enumerate(actions)]
            waiting = [f"{prefix}{key}" for key in ids]
            for key, action in zip(waiting, actions, strict=True):
                yield Called(key, "bash", {"command": str(action.get("command") or "").replace(_SUBMIT, "[submit]")})
        elif "returncode" in extra and waiting:
            key = waiting.pop(0)
            ran = extra.get("exception_info") != _NOT_RUN
            output, code = str(extra.get("raw_output") or ""), extra["returncode"]
            # The command that submits is run, but its result is kept elsewhere.
            yield Answered(key, output if ran else _submission(report), code if ran else None)
    if prompt or completion:
        yield Used(prompt, completion)


def _said(message: Mapping[str, Any], response: Mapping[str, Any]) -> str:
    """The model's text; of an answer in the wrong form it is only in the response."""
    if message.get("role") == "assistant":
        return str(message.get("content") or "")
    choices = response.get("choices") or [{}]
    return str(_dict(_dict(choices[0]).get("message")).get("content") or "")


def _submission(report: Mapping[str, Any]) -> str:
    return str(_dict(report.get("info")).get("submission") or "")


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
