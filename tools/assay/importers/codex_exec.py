"""The events of `codex exec --json`: threads, turns and items. The prompt, the model and times are not among them."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from assay.importers.building import Account, Call, Draft, Result, finish
from assay.importers.codex_values import script
from assay.importers.contract import Imported
from assay.importers.masking import Mask, Names
from assay.importers.source import Node, Source
from assay.importers.turns import Turn, Turns, total
from assay.model.identity import Identity

_ITEMS = ("item.started", "item.updated", "item.completed")
_MARKS = ("thread.started", "turn.started")
_CALLS: Mapping[str, str] = {
    "command_execution": "shell",
    "file_change": "apply_patch",
    "web_search": "web_search",
    "todo_list": "update_plan",
    "mcp_tool_call": "mcp",
    "collab_tool_call": "collab",
}
"""Kinds of items that are calls, and how the tool is called when the item does not say."""
_ENVELOPE = frozenset({"id", "type", "status", "aggregated_output", "exit_code", "result", "error", "server", "tool"})
_WHOLE_TURNS = "Tokens are counted for whole turns; they stand at the last reply of each."


def is_event(line: Mapping[str, Any]) -> bool:
    """Whether a line is one of these events."""
    kind = line.get("type")
    return (kind == "thread.started" and "thread_id" in line) or (kind in _ITEMS and isinstance(line.get("item"), dict))


def read_events(source: Source, nodes: Sequence[Node], account: Account, product: str) -> Imported:
    """The run; a log to which a resumed run was appended is one trajectory."""
    turns = Turns(account)
    events = _Events(turns, account)
    for node in nodes:
        events.line(node)
    draft = Draft(Mask(Names(agents=frozenset({product}))), account)
    account.open.insert(0, "The log does not tell what the user asked.")
    turns.fill(draft)
    threads = dict.fromkeys(thread for node in nodes if (thread := node.text("thread_id")))
    extra = {"session_id": ", ".join(threads)} if threads else {}
    identity = Identity(agent=product, source_format="codex-exec-json", source_sha256=source.sha256, extra=extra)
    return finish(draft, identity, [source.path])


class _Events:
    """Walks the lines."""

    def __init__(self, turns: Turns, account: Account) -> None:
        self.turns = turns
        self.account = account
        self._open: dict[str, str] = {}
        """Id of an item that has begun -> key of its call. Ids begin anew in a resumed run."""
        self._calls = 0
        self._used: Mapping[str, int | None] = {}

    def line(self, node: Node) -> None:
        kind = node.text("type") or "none"
        if kind in _ITEMS:
            item = node.object("item")
            if item:
                self._item(kind, item)
        elif kind == "turn.completed":
            self._usage(node.object("usage"))
        elif kind in _MARKS:
            self.account.dropped["mark of a turn"] += 1
        elif kind in ("turn.failed", "error"):
            self.account.odd["errors of the program"] += 1
        else:
            self.account.skipped[f"event `{kind}`"] += 1

    def _item(self, event: str, item: Node) -> None:
        kind = item.text("type") or "none"
        done = event == "item.completed"
        if kind == "todo_list" and not done:
            self._begin(kind, item)
        elif kind in _CALLS:
            self._called(kind, item, done)
        elif kind in ("agent_message", "reasoning"):
            if done:
                reply = self.turns.open()
                (reply.texts if kind == "agent_message" else reply.reasoning).append(item.text("text") or "")
        elif kind == "error":
            self.account.odd["errors of the program"] += done
        else:
            self.account.skipped[f"item `{kind}`"] += done

    def _called(self, kind: str, item: Node, done: bool) -> None:
        name = item.text("id") or ""
        if name not in self._open:
            self._begin(kind, item)
        if done:
            key = self._open.pop(name, "")
            if kind not in ("web_search", "todo_list"):
                self.turns.result(_result(key, item))

    def _begin(self, kind: str, item: Node) -> Turn:
        self._calls += 1
        key = f"{self._calls}"
        self._open[item.text("id") or ""] = key
        reply = self.turns.open()
        tool = "__".join(filter(None, (item.text("server"), item.text("tool")))) or _CALLS[kind]
        self.turns.call(Call(key, tool, _arguments(item)), reply)
        return reply

    def _usage(self, usage: Node | None) -> None:
        """After a resume the counts are those of the whole thread: what is new is the difference."""
        last = self.turns.last()
        if usage is None or last is None:
            return
        now = {
            "prompt_tokens": usage.count("input_tokens") or 0,
            "completion_tokens": usage.count("output_tokens") or 0,
            "cached_tokens": usage.count("cached_input_tokens") or 0,
        }
        before = {name: self._used.get(name) or 0 for name in now}
        grown = all(now[name] >= before[name] for name in now)
        last.tokens = total(last.tokens, {name: now[name] - before[name] if grown else now[name] for name in now})
        last.closed, self._used = True, now
        if _WHOLE_TURNS not in self.account.open:
            self.account.open.append(_WHOLE_TURNS)


def _arguments(item: Node) -> dict[str, Any]:
    """What the call was given: its own object, or what the item has besides results."""
    given = item.object("arguments")
    if given:
        return dict(given.value)
    kept = {key: value for key, value in item.value.items() if key not in _ENVELOPE}
    return {key: unquoted(value) if key == "command" else value for key, value in kept.items()}


def unquoted(command: Any) -> Any:
    """A command line that is shown as `bash -lc 'SCRIPT'`, as SCRIPT."""
    if not isinstance(command, str):
        return command
    try:
        words = shlex.split(command)
    except ValueError:
        return command
    inner = script(words)
    return inner if len(words) == 3 and inner == words[2] else command


def _result(key: str, item: Node) -> Result:
    facts: dict[str, Any] = {}
    code = item.number("exit_code")
    if code is not None and code.is_integer():
        facts["exit_code"] = int(code)
    status, error = item.text("status"), item.object("error")
    if code is None and (status in ("failed", "declined") or error):
        facts["is_error"] = True
    output, result = item.text("aggregated_output"), item.object("result")
    if result:
        output = "\n".join(part.text("text") or "[attachment]" for part in result.items("content"))
    if output is None:
        output = (error.text("message") if error else None) or status or ""
    return Result(key, output, facts)
