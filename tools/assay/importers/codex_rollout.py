"""The lines of a Codex rollout. Steps come from response items; events repeat them and are read for what they add."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from assay.importers.building import Account, Call, Result
from assay.importers.codex_values import arguments, measures, unwrapped
from assay.importers.source import Node
from assay.importers.turns import Tokens, Turns, moment, total

_EVENTS = frozenset(
    [
        "user_message",
        "agent_message",
        "agent_reasoning",
        "agent_reasoning_raw_content",
        "agent_reasoning_section_break",
        "exec_command_begin",
        "exec_command_end",
        "patch_apply_begin",
        "patch_apply_end",
        "mcp_tool_call_begin",
        "mcp_tool_call_end",
        "web_search_begin",
        "web_search_end",
        "view_image_tool_call",
        "item_started",
        "item_completed",
        "plan_update",
        "turn_diff",
        "raw_response_item",
        "image_generation_end",
        "dynamic_tool_call_request",
        "dynamic_tool_call_response",
    ]
)
"""Events that say again what the items say."""
_LEFT_OUT: Mapping[str, str] = {
    "session_meta": "session header",
    "header": "session header",
    "state": "state mark",
    "turn_context": "settings of a turn",
    "world_state": "state of the program",
    "compacted": "compaction summary",
    "compaction": "compaction summary",
    "compaction_summary": "compaction summary",
    "context_compaction": "compaction summary",
    "context_compacted": "compaction summary",
    "ghost_snapshot": "snapshot",
    "additional_tools": "tool definitions",
    "task_started": "mark of a turn",
    "task_complete": "mark of a turn",
    "turn_started": "mark of a turn",
    "turn_complete": "mark of a turn",
    "session_configured": "session header",
    "thread_name_updated": "session title",
    "thread_settings_applied": "settings of a turn",
}
_ODD: Mapping[str, str] = {
    "error": "errors of the program",
    "stream_error": "broken connections",
    "warning": "warnings of the program",
    "turn_aborted": "turns that were interrupted",
}
_INJECTED = re.compile(
    r"""\s*(?:\#\ AGENTS\.md\ instructions\ for\ |<(?P<tag>environment_context|user_instructions|turn_aborted|skill
    |skills_instructions|collaboration_mode|permissions\ instructions|subagent_notification|personality_spec
    |apps_instructions|plugins_instructions|model_switch|recommended_plugins)\b)""",
    re.VERBOSE,
)
"""How texts begin that the program puts before the user's own."""


def payload_of(node: Node) -> tuple[str, Node]:
    """Kind and content of a line, in the form with a payload or in the one before 0.40."""
    kind = node.text("type")
    if kind is None:
        return ("state" if "record_type" in node.value else "header" if "id" in node.value else "none"), node
    payload = node.object("payload")
    return (kind, payload) if payload else ("response_item", node)


class Reading:
    """Walks the lines."""

    patch = ""
    """The last whole change that an event tells."""

    def __init__(self, turns: Turns, account: Account, nodes: Sequence[Node]) -> None:
        self.turns = turns
        self.account = account
        parts = [payload_of(node) for node in nodes]
        events = [part for kind, part in parts if kind == "event_msg"]
        self._said = {part.text("message") for part in events if part.text("type") == "user_message"}
        self._facts = dict(fact for part in events if (fact := _measured(part)))
        self._exact = any(kind == "token_usage_record" for kind, _ in parts)
        self._before: Tokens | None = None
        self._last_total: Any = None
        self._at: float | None = None
        self._counts_first: bool | None = None
        """Whether token counts stand before the items they are for, as before 0.60."""

    def line(self, node: Node) -> None:
        """One line."""
        kind, part = payload_of(node)
        stamp = node.text("timestamp")
        self.account.dropped["timestamp"] += stamp is not None
        self._at = moment(stamp)
        if kind == "response_item":
            self._item(part)
        elif kind == "event_msg":
            self._event(part)
        elif kind == "token_usage_record":
            self._count(part.object("usage"))
        else:
            self._other(kind, f"line `{kind}`")

    def end(self) -> None:
        """Token counts for which no reply came belong to the last."""
        last = self.turns.last()
        if self._before and last:
            last.tokens = total(last.tokens, self._before)

    def _other(self, kind: str, name: str) -> None:
        if kind in _LEFT_OUT:
            self.account.dropped[_LEFT_OUT[kind]] += 1
        else:
            self.account.skipped[name] += 1

    def _event(self, part: Node) -> None:
        kind = part.text("type") or "none"
        if kind == "token_count":
            self._token_count(part)
        elif kind in _EVENTS:
            self.account.dropped["second copy of an item"] += 1
            self.patch = (part.text("unified_diff") or "") if kind == "turn_diff" else self.patch
        elif kind == "thread_rolled_back":
            self.account.open.append("Some turns were withdrawn by the user later; they are kept here.")
        elif kind in _ODD:
            self.account.odd[_ODD[kind]] += 1
        else:
            self._other(kind, f"event `{kind}`")

    def _token_count(self, part: Node) -> None:
        """The same count comes again whenever limits change; newer logs have records that say it better."""
        info = part.object("info")
        whole = info.object("total_token_usage") if info else None
        if info is None or self._exact or (whole and whole.value == self._last_total):
            self.account.dropped["repeated or empty token count"] += 1
            return
        self._last_total = whole.value if whole else None
        self._count(info.object("last_token_usage"))

    def _count(self, usage: Node | None) -> None:
        if usage is None:
            return
        tokens = {
            "prompt_tokens": usage.count("input_tokens"),
            "completion_tokens": usage.count("output_tokens"),
            "cached_tokens": usage.count("cached_input_tokens"),
        }
        last = self.turns.last()
        if self._counts_first is None:
            self._counts_first = last is None
        if self._counts_first or last is None:
            self._before = total(self._before, tokens)
        else:
            last.tokens, last.closed = total(last.tokens, tokens), True

    def _item(self, part: Node) -> None:
        kind = part.text("type") or "none"
        if kind == "message":
            self._message(part)
        elif kind == "reasoning":
            self._reasoning(part)
        elif kind.endswith("_output"):
            self._output(part)
        elif kind.endswith("_call"):
            self._call(kind, part)
        else:
            self._other(kind, f"item `{kind}`")

    def _message(self, part: Node) -> None:
        role = part.text("role")
        if role == "assistant":
            reply = self._reply()
            reply.texts += [text for text in self._texts(part, "content") if text]
        elif role == "user":
            texts = [text for text in self._texts(part, "content") if self._own(text)]
            if texts:
                self.turns.user("\n".join(texts), self._at)
        elif role in ("developer", "system"):
            self.account.dropped["message of the program"] += 1
        else:
            self.account.skipped[f"message of role `{role}`"] += 1

    def _own(self, text: str) -> bool:
        if text in self._said or not _INJECTED.match(text):
            return True
        self.account.dropped["text that the program put into the user's message"] += 1
        return False

    def _texts(self, part: Node, key: str) -> list[str]:
        """A text, or a list of parts with texts; other parts become a mark."""
        content = part.get(key)
        if content is None or isinstance(content.value, str):
            return [content.value] if content else []
        texts = []
        for piece in content.elements():
            text = piece.text("text") or piece.text("refusal")
            if text is None and "image" in (piece.text("type") or ""):
                self.account.dropped["attachment"] += 1
                text = "[attachment]"
            texts += [text] if text else []
        return texts

    def _reasoning(self, part: Node) -> None:
        texts = [text for key in ("summary", "content") for text in self._texts(part, key)]
        self.account.dropped["encrypted reasoning"] += part.text("encrypted_content") is not None
        if texts:
            self._reply().reasoning += texts

    def _reply(self) -> Any:
        reply = self.turns.open(self._at)
        if self._before and reply.tokens is None:
            reply.tokens, self._before = self._before, None
        return reply

    def _call(self, kind: str, part: Node) -> None:
        given = next((found for key in ("arguments", "input", "action") if (found := part.get(key))), None)
        name = part.text("name") or kind.removesuffix("_call")
        key = part.text("call_id") or part.text("id") or f"{kind} {self._at}"
        self.turns.call(Call(key, name, arguments(given.value if given else None)), self._reply())

    def _output(self, part: Node) -> None:
        key = part.text("call_id")
        inner = part.get("output")
        holder, name = (inner, "content") if inner and isinstance(inner.value, dict) else (part, "output")
        text, facts = unwrapped("\n".join(self._texts(holder, name)))
        if holder is not part and holder.value.get("success") is False:
            facts["is_error"] = True
        self.turns.result(Result(key, text, {**facts, **self._facts.get(key or "", {})}))


def _measured(event: Node) -> tuple[str, dict[str, Any]] | None:
    """Call id, exit code and seconds of a command, from the event of its end."""
    kind = event.text("type")
    item = event.object("item") if kind == "item_completed" else event if kind == "exec_command_end" else None
    if item is None or (kind == "item_completed" and item.text("type") != "CommandExecution"):
        return None
    key, lasted = item.text("call_id") or item.text("id"), item.object("duration")
    facts = measures(item.value, "exit_code", "")
    if lasted:
        seconds = (lasted.number("secs") or 0) + (lasted.number("nanos") or 0) / 1e9
        facts |= {"seconds": round(seconds, 3)} if 0 <= seconds < 1e9 else {}
    return (key, facts) if key and facts else None
