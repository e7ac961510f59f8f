"""A trajectory in the wire form of OpenAI's chat API, as trainers read it.

Arguments of calls are JSON strings: stored as objects, Arrow would merge those of all calls into one shape and add
keys that nobody wrote.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from assay.model.trajectory import Step, Trajectory, plain

Message = dict[str, Any]
_FIELDS = ("role", "content", "reasoning_content", "tool_calls", "tool_call_id")


def messages(trajectory: Trajectory) -> list[Message]:
    """All turns in order: each has every field, None where it says nothing, so that all rows have one shape.

    What a call returned is a message of its own with role `tool`; an answer to no call in particular is one with an
    empty `tool_call_id`. Copied context is left out: its turns stand where they were first.
    """
    return [message for step in trajectory.steps if not step.is_copied_context for message in _messages(step)]


def divided(turns: list[Message]) -> tuple[list[Message], list[Message]]:
    """What was said before the agent's first turn, and everything from that on."""
    first = next((at for at, turn in enumerate(turns) if turn["role"] == "assistant"), len(turns))
    return turns[:first], turns[first:]


def tools(trajectory: Trajectory) -> str:
    """The tools that the agent had, as a JSON string; where the log names none, those it called, by name alone."""
    known = trajectory.agent.tool_definitions
    if known is None:
        names = {call.function_name for step in trajectory.steps for call in step.tool_calls or ()}
        known = [{"type": "function", "function": {"name": name}} for name in sorted(names)]
    return json.dumps(known, ensure_ascii=False, sort_keys=True)


def _messages(step: Step) -> Iterator[Message]:
    role = "assistant" if step.source == "agent" else step.source
    calls = [
        {
            "id": call.tool_call_id,
            "type": "function",
            "function": {
                "name": call.function_name,
                "arguments": json.dumps(call.arguments, ensure_ascii=False, sort_keys=True),
            },
        }
        for call in step.tool_calls or ()
    ]
    yield _message(role=role, content=step.text, reasoning_content=step.reasoning_content, tool_calls=calls or None)
    for result in step.observation.results if step.observation else ():
        yield _message(role="tool", content=plain(result.content), tool_call_id=result.source_call_id or "")


def _message(**said: Any) -> Message:
    return {name: said.get(name) for name in _FIELDS}
