"""Events of OpenHands 0: actions and observations, with all their fields or, in old histories, flat and without ids."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from assay.importers.building import Account, Call, Result
from assay.importers.harnesses import arguments_in, task_in, without_tools
from assay.importers.source import Node
from assay.importers.turns import Turn, Turns, moment

_CALLS: Mapping[str, str] = {
    "run": "bash",
    "run_ipython": "ipython",
    "edit": "edit",
    "read": "read",
    "write": "write",
    "browse": "browser",
    "browse_interactive": "browser",
    "think": "think",
    "task_tracking": "todo",
    "delegate": "delegate",
    "mcp": "mcp",
    "call_tool_mcp": "mcp",
}
"""Actions that are calls -> how the tool is called where the event does not say."""
_ENDS = ("finish", "reject")
_MARKS = """
    system recall change_agent_state agent_state_changed null condensation condensation_request condense pause resume
    stop send_pr push start
"""
"""Actions and observations of the program's own."""
_ARGUMENTS = """
    command code path content start end old_str new_str insert_line file_text view_range url browser_actions
    inputs agent name arguments task_list task_plan
"""
"""Fields of an action that say what is done; the others say how the program goes about it."""
_DEMANDED = frozenset({"security_risk"})
"""Arguments that the program demands of every call."""
_TAILS = re.compile(
    r"""(?:\s*(?:\[Jupyter\ (?:current\ working\ directory|Python\ interpreter):[^\]\n]*\]
    |\[Python\ Interpreter:[^\]\n]*\]
    |\[(?:The\ command\ completed|Command\ finished)\ with\ exit\ code\ -?\d+\.?\]
    |[\w.-]+@[\w.-]+:[^\n]*[#$]))+\s*\Z""",
    re.VERBOSE,
)
"""What the program's shells print after an output."""
UNENDED = "[the command had not ended]"


class Events:
    """Walks the events."""

    def __init__(self, turns: Turns, account: Account) -> None:
        self.turns, self.account = turns, account
        self._reply: str | None = None
        """The provider's id of the reply that the last action came from."""
        self._key: str | None = None
        self._turn: Turn | None = None
        self._spoken = 0
        self._agent_spoke = False
        self._paid = 0.0

    def read(self, events: Sequence[Node]) -> None:
        """Put every event where it belongs."""
        for number, event in enumerate(events):
            at = moment(event.text("timestamp"))
            observation, action = event.text("observation"), event.text("action")
            if observation is not None:
                self._observed(event, observation)
            elif action in _MARKS.split():
                self.account.dropped[f"{action} of the program"] += 1
            elif action == "message":
                self._message(event, at)
            elif action in _ENDS:
                self._words(event, at, ("final_thought", "thought", "reason"))
                self.account.dropped["mark of the end"] += 1
            elif action is not None and action in _CALLS:
                self._call(event, action, f"event {number}", at)
            else:
                self.account.skipped[f"action `{action or 'none'}`"] += 1
            if observation is None and action != "message":
                self._agent_spoke = False

    def _message(self, event: Node, at: float | None) -> None:
        """In flat histories nobody signs: the first message is the user's, and so is one that follows a message."""
        who = event.text("source") or ("user" if self._spoken == 0 or self._agent_spoke else "agent")
        if who == "agent":
            self._words(event, at, ("content",))
        else:
            text = _arguments(event).text("content") or event.text("message") or ""
            self._spoken += 1
            self.turns.user(task_in(text, self.account) if self._spoken == 1 else text, at)
        self._agent_spoke = who == "agent"

    def _open(self, event: Node, at: float | None) -> Turn:
        """The step of an action: calls of one reply are together. Counts what the reply used once."""
        meta = event.object("tool_call_metadata")
        response = meta.object("model_response") if meta else None
        reply = response.text("id") if response else None
        if self._turn is not None and reply is not None and reply == self._reply:
            return self._turn
        turn = self._turn = self.turns.new(at)
        self._reply = reply
        if response:
            turn.tokens = _tokens(response)
            message = _message_of(response)
            turn.reasoning += reasoning(message) if message else []
        metrics = event.object("llm_metrics")
        paid = metrics.number("accumulated_cost") if metrics else None
        if paid is not None:
            turn.cost, self._paid = max(0.0, paid - self._paid), paid
            self.account.dropped["cost"] += 1
        return turn

    def _words(self, event: Node, at: float | None, keys: Sequence[str]) -> None:
        turn, owner = self._open(event, at), _arguments(event)
        text = next((text for key in keys if (text := owner.text(key))), None) or event.text("message")
        turn.texts += [without_tools(text)] if text else []

    def _call(self, event: Node, action: str, number: str, at: float | None) -> None:
        turn, owner = self._open(event, at), _arguments(event)
        if (thought := owner.text("thought")) and action != "think":
            turn.texts.append(without_tools(thought))
        key = event.count("id")
        self._key = number if key is None else f"{key}"
        name, arguments = _given(event)
        if arguments is None:
            known = _ARGUMENTS.split()
            arguments = {key: value for key, value in owner.value.items() if key in known and value is not None}
            arguments |= {"thought": thought} if action == "think" else {}
        self.turns.call(Call(self._key, name or _CALLS[action], arguments), turn)

    def _observed(self, event: Node, kind: str) -> None:
        if kind in _MARKS.split() or kind in _ENDS:
            self.account.dropped[f"{kind} of the program"] += 1
            return
        content, facts = _TAILS.sub("", event.text("content") or ""), dict[str, Any]()
        extras = event.object("extras")
        metadata = extras.object("metadata") if extras else None
        codes = (owner.number("exit_code") for owner in (metadata, extras, event) if owner)
        code = next((code for code in codes if code is not None), None)
        if code == -1:
            content = f"{content}\n{UNENDED}".lstrip("\n")
        elif code is not None and code.is_integer():
            facts["exit_code"] = int(code)
        if kind in ("error", "user_rejected"):
            facts["is_error"], content = True, without_tools(content)
        if extras and any(extras.value.get(key) for key in ("old_content", "new_content")):
            self.account.dropped["second copy of a file's content"] += 1
        cause = event.count("cause")
        flat = cause is None and event.get("id") is None
        self.turns.result(Result(self._key if flat else None if cause is None else f"{cause}", content, facts))


def _arguments(event: Node) -> Node:
    return event.object("args") or event


def _message_of(response: Node) -> Node | None:
    choices = response.items("choices")
    return choices[0].object("message") if choices else None


def _given(event: Node) -> tuple[str | None, Any]:
    """Name and arguments of the call as the model wrote it; arguments are None where the reply is not kept."""
    meta = event.object("tool_call_metadata")
    if meta is None:
        return None, None
    key, response = meta.text("tool_call_id"), meta.object("model_response")
    message = _message_of(response) if response else None
    for call in message.items("tool_calls") if message else ():
        function = call.object("function")
        if function and call.text("id") == key:
            return meta.text("function_name"), without_harness(arguments_in(function.value.get("arguments")))
    return meta.text("function_name"), None


def without_harness(arguments: Any) -> Any:
    """Arguments without those that the program demands of every call."""
    if not isinstance(arguments, dict):
        return arguments
    kept = {key: value for key, value in arguments.items() if key not in _DEMANDED}
    return {key: value for key, value in kept.items() if key != "is_input" or value not in (False, "false")}


def reasoning(owner: Node) -> list[str]:
    """Reasoning as text: one field, or blocks of which the signatures are left out."""
    if text := owner.text("reasoning_content"):
        return [without_tools(text)]
    blocks = owner.items("thinking_blocks")
    return [without_tools(text) for block in blocks if (text := block.text("thinking"))]


def _tokens(response: Node) -> dict[str, int | None] | None:
    usage = response.object("usage")
    if usage is None:
        return None
    details = usage.object("prompt_tokens_details")
    return {
        "prompt_tokens": usage.count("prompt_tokens"),
        "completion_tokens": usage.count("completion_tokens"),
        "cached_tokens": details.count("cached_tokens") if details else None,
    }


def models_of(events: Sequence[Node]) -> Iterator[str]:
    """Models that the events name."""
    for event in events:
        meta = event.object("tool_call_metadata")
        response = meta.object("model_response") if meta else None
        if response and (model := response.text("model")):
            yield model
