"""The events of a Copilot CLI session: `{type, data, id, timestamp, parentId}` in each line.

A call comes three times: requested in a message, started, completed. What a delegated agent says carries the call
that delegated to it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from assay.importers.building import Account, Call, Draft, Result, finish, records
from assay.importers.contract import Imported
from assay.importers.masking import Mask, Names, users_in
from assay.importers.source import Node, Source
from assay.importers.turns import Turns, moment
from assay.model.identity import Identity

PRODUCT = "copilot"
_LEFT_OUT: Mapping[str, str] = {
    "system.message": "system prompt",
    "assistant.turn_start": "mark of a turn",
    "assistant.turn_end": "mark of a turn",
    "assistant.intent": "second copy of a message",
    "assistant.message_delta": "second copy of a message",
    "assistant.reasoning_delta": "second copy of a message",
    "assistant.reasoning": "second copy of a message",
    "assistant.usage": "usage of a request",
    "tool.execution_partial_result": "second copy of a result",
    "tool.execution_progress": "progress of a call",
    "tool.user_requested": "second copy of a call",
    "subagent.started": "mark of a delegated run",
    "subagent.completed": "mark of a delegated run",
    "subagent.selected": "mark of a delegated run",
    "hook.start": "mark of a hook",
    "hook.end": "mark of a hook",
    "skill.invoked": "text that the program put into the user's message",
}
_ODD: Mapping[str, str] = {
    "session.error": "errors of the program",
    "session.warning": "warnings of the program",
    "session.truncation": "times that the agent's memory was cut",
    "session.compaction_complete": "times that the agent's memory was summed up",
    "session.snapshot_rewind": "times that the user went back",
    "subagent.failed": "delegated runs that failed",
    "abort": "turns that were interrupted",
}
_ENDED = re.compile(r"\n?<exited with exit code (-?\d{1,9})>\s*$")
"""How the program ends what a shell printed."""


class Copilot:
    """The importer."""

    name = PRODUCT

    def sniff(self, source: Source) -> bool:
        """A line `session.start` that names a session, or other events in the same envelope."""
        return any(_is_event(line) for line in source.head)

    def read(self, source: Source) -> list[Imported]:
        """The session, with the runs it delegated."""
        account = Account()
        nodes = list({node.text("id") or str(at): node for at, node in enumerate(records(source, account))}.values())
        mask = Mask(_names(nodes))
        reading = _Reading(account, nodes)
        for node in nodes:
            reading.event(node)
        draft = Draft(mask, account)
        for name, turns in reading.delegated.values():
            child = Draft(mask, account)
            turns.fill(child)
            if child.steps:
                draft.children.append(child.trajectory(name=name))
        reading.turns.fill(draft)
        return [finish(draft, _identity(source, nodes), [source.path])]


def _is_event(line: Mapping[str, Any]) -> bool:
    kind, data = line.get("type"), line.get("data")
    if not isinstance(kind, str) or not isinstance(data, dict):
        return False
    return (kind == "session.start" and "sessionId" in data) or (
        "parentId" in line and kind.partition(".")[0] in ("session", "user", "assistant", "tool")
    )


class _Reading:
    """Walks the events."""

    def __init__(self, account: Account, nodes: Sequence[Node]) -> None:
        self.account = account
        self.turns = Turns(account)
        self.delegated: dict[str, tuple[str, Turns]] = {}
        """Delegating call -> id and replies of the delegated run."""
        for node in nodes:
            data = node.object("data")
            owner = data.text("parentToolCallId") if data and node.text("type") == "assistant.message" else None
            if owner and owner not in self.delegated:
                self.delegated[owner] = (f"delegated-{len(self.delegated) + 1}", Turns(account))
        self._requested: set[str] = set()

    def event(self, node: Node) -> None:
        kind, data = node.text("type") or "none", node.object("data")
        stamp = node.text("timestamp")
        self.account.dropped["timestamp"] += stamp is not None
        at = moment(stamp)
        if kind == "session.shutdown":
            self._shutdown(data)
        elif kind in _ODD:
            self.account.odd[_ODD[kind]] += 1
        elif kind in _LEFT_OUT or kind.startswith("session."):
            self.account.dropped[_LEFT_OUT.get(kind, "state of the session")] += 1
        elif data is None:
            self.account.skipped[f"event `{kind}` without content"] += 1
        elif kind == "user.message":
            self._user(data, at)
        elif kind == "assistant.message":
            self._message(data, at)
        elif kind == "tool.execution_start":
            self._started(data, at)
        elif kind == "tool.execution_complete":
            self._completed(data)
        else:
            self.account.skipped[f"event `{kind}`"] += 1

    def _of(self, data: Node) -> Turns:
        """Replies of the run that an event belongs to."""
        return self.delegated.get(data.text("parentToolCallId") or "", ("", self.turns))[1]

    def _user(self, data: Node, at: float | None) -> None:
        """`transformedContent` is the same with what the program put around it."""
        source = data.text("source")
        if source and source != "user":
            self.account.dropped["text that the program put into the user's message"] += 1
            return
        self.account.dropped["second copy of a message"] += data.text("transformedContent") is not None
        text = data.text("content") or ""
        attached = len(data.items("attachments"))
        self.account.dropped["attachment"] += attached
        self.turns.user("\n".join(filter(None, [text, *["[attachment]"] * attached])), at)

    def _message(self, data: Node, at: float | None) -> None:
        turns = self._of(data)
        reply = turns.new(at)
        reply.texts += [text] if (text := data.text("content")) else []
        reply.reasoning += [text] if (text := data.text("reasoningText")) else []
        for key in ("reasoningOpaque", "encryptedContent"):
            self.account.dropped["encrypted reasoning"] += data.get(key) is not None
        for request in data.items("toolRequests"):
            self._call(turns, request, "name", reply)
        reply.closed = True
        count = data.count("outputTokens")
        reply.tokens = {"completion_tokens": count} if count is not None else None

    def _call(self, turns: Turns, said: Node, name: str, reply: Any) -> None:
        key, given = said.text("toolCallId") or "", said.get("arguments")
        self._requested.add(key)
        turns.call(Call(key, said.text(name) or "", given.value if given else None), reply)

    def _started(self, data: Node, at: float | None) -> None:
        """Only calls that no message requested are new here."""
        if data.text("toolCallId") in self._requested:
            self.account.dropped["second copy of a call"] += 1
            return
        turns = self._of(data)
        self._call(turns, data, "toolName", turns.last() or turns.new(at))

    def _completed(self, data: Node) -> None:
        key, result, error = data.text("toolCallId") or "", data.object("result"), data.object("error")
        text = (result.text("content") if result else None) or (error.text("message") if error else None) or ""
        self.account.dropped["second copy of a result"] += bool(result and result.get("detailedContent"))
        self.account.dropped["telemetry of a call"] += data.get("toolTelemetry") is not None
        facts: dict[str, Any] = {} if data.get("success") is None or data.flag("success") else {"is_error": True}
        ended = _ENDED.search(text)
        if ended:
            text, facts = text[: ended.start()], facts | {"exit_code": int(ended[1])}
        children = [self.delegated[key][0]] if key in self.delegated else []
        self._of(data).result(Result(key, text, facts, children))

    def _shutdown(self, data: Node | None) -> None:
        self.account.dropped["totals of the session"] += 1
        metrics = data.object("modelMetrics") if data else None
        for model in metrics.value if metrics else ():
            usage = (one.object("usage") if (one := metrics.object(model)) else None) if metrics else None
            if usage:
                told = [f"{key} {number:g}" for key in sorted(usage.value) if (number := usage.number(key)) is not None]
                self.account.notes.append(f"The log's own totals for one model: {', '.join(told)}.")


def _start(nodes: Sequence[Node]) -> Node | None:
    """What the header says."""
    return next((node.object("data") for node in nodes if node.text("type") == "session.start"), None)


def _models(nodes: Sequence[Node]) -> list[str]:
    keys = ("model", "newModel", "selectedModel")
    found = (data.text(key) for node in nodes if (data := _said(node)) for key in keys)
    return list(dict.fromkeys(model for model in found if model))


def _said(node: Node) -> Node | None:
    """The content of an event that may name a model."""
    kinds = ("session.start", "session.model_change", "assistant.message", "assistant.usage", "tool.execution_complete")
    return node.object("data") if node.text("type") in kinds else None


def _names(nodes: Sequence[Node]) -> Names:
    start = _start(nodes)
    context = start.object("context") if start else None
    users = users_in(context.text("cwd"), context.text("gitRoot")) if context else frozenset()
    return Names(agents=frozenset({PRODUCT, "github copilot"}), models=frozenset(_models(nodes)), users=users)


def _identity(source: Source, nodes: Sequence[Node]) -> Identity:
    start = _start(nodes)
    context = start.object("context") if start else None
    extra = {
        "session_id": start.text("sessionId") if start else None,
        "started": start.text("startTime") if start else None,
        "directory": context.text("cwd") if context else None,
        "repository": context.text("repository") if context else None,
        "branch": context.text("branch") if context else None,
    }
    return Identity(
        agent=PRODUCT,
        version=start.text("copilotVersion") if start else None,
        model=", ".join(_models(nodes)) or None,
        source_format="copilot-events",
        source_sha256=source.sha256,
        extra={key: value for key, value in extra.items() if value},
    )
