"""The session of a Pi coding agent: a header, then entries that form a tree; what counts is the way to the last one.

Key names as in versions 1 (no ids, one line of entries) to 3 of the format.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from assay.importers.building import Account, Call, Draft, Result, finish, records
from assay.importers.contract import Imported
from assay.importers.masking import Mask, Names, users_in
from assay.importers.source import Node, Source
from assay.importers.turns import Turns, moment
from assay.model.identity import Identity

PRODUCT = "pi-coding-agent"
_LEFT_OUT: Mapping[str, str] = {
    "session": "session header",
    "model_change": "change of model",
    "thinking_level_change": "change of settings",
    "compaction": "compaction summary",
    "branch_summary": "compaction summary",
    "compactionSummary": "compaction summary",
    "branchSummary": "compaction summary",
    "custom": "state of an extension",
    "custom_message": "text that the program put into the user's message",
    "hookMessage": "text that the program put into the user's message",
    "context_transform": "state of an extension",
    "ephemeral": "text that the program put into the user's message",
    "label": "mark of an entry",
    "leaf": "mark of an entry",
    "session_info": "session title",
}


class Pi:
    """The importer."""

    name = "pi"

    def sniff(self, source: Source) -> bool:
        """A line `session` with an id and a folder, or messages that know their parents."""
        return any(_is_header(line) or _is_entry(line) for line in source.head)

    def read(self, source: Source) -> list[Imported]:
        """The session. What was said on branches that were left is not in it."""
        account = Account()
        nodes = records(source, account)
        draft, turns = Draft(Mask(_names(nodes)), account), Turns(account)
        reading = _Reading(turns, account)
        for node in _way(nodes, account):
            reading.entry(node)
        turns.fill(draft)
        return [finish(draft, _identity(source, nodes), [source.path])]


def _is_header(line: Mapping[str, Any]) -> bool:
    return line.get("type") == "session" and {"id", "cwd"} <= set(line)


def _is_entry(line: Mapping[str, Any]) -> bool:
    message = line.get("message")
    return line.get("type") == "message" and "parentId" in line and isinstance(message, dict) and "role" in message


def _way(nodes: Sequence[Node], account: Account) -> list[Node]:
    """The entries from the first to the last one; all of them where they have no ids."""
    entries = {name: node for node in nodes if node.text("type") != "session" and (name := node.text("id"))}
    messages = [node for node in nodes if node.text("type") == "message"]
    if not entries or any(not node.text("id") for node in messages):
        return list(nodes)
    last = list(entries.values())[-1]
    step: Node | None = entries.get(last.text("targetId") or "") if last.text("type") == "leaf" else last
    way: dict[str, Node] = {}
    while step and (name := step.text("id")) and name not in way:
        way[name] = step
        above = step.text("parentId")
        step = entries.get(above) if above else None
        if above and step is None:
            account.open.append("What came before the first step here is missing in the log.")
    left = sum(node.text("type") == "message" and name not in way for name, node in entries.items())
    if left:
        account.dropped["message on a branch that was left"] += left
        account.open.append(f"The user went back and took another way; messages that are not here: {left}.")
    account.dropped["session header"] += sum(node.text("type") == "session" for node in nodes)
    return list(reversed(way.values()))


class _Reading:
    """Walks the entries."""

    def __init__(self, turns: Turns, account: Account) -> None:
        self.turns = turns
        self.account = account

    def entry(self, node: Node) -> None:
        kind = node.text("type") or "none"
        message = node.object("message") if kind == "message" else None
        if message is None:
            self._other(kind, f"entry `{kind}`")
            return
        stamp = node.text("timestamp")
        self.account.dropped["timestamp"] += stamp is not None
        role, at = message.text("role") or "none", moment(stamp)
        if role == "user":
            self.turns.user("\n".join(self._texts(message)), at)
        elif role == "assistant":
            self._assistant(message, at)
        elif role == "toolResult":
            self._result(message)
        elif role == "bashExecution":
            self._own_command(message, at)
        else:
            self._other(role, f"message of role `{role}`")

    def _other(self, kind: str, name: str) -> None:
        if kind in _LEFT_OUT:
            self.account.dropped[_LEFT_OUT[kind]] += 1
        else:
            self.account.skipped[name] += 1

    def _texts(self, message: Node) -> list[str]:
        content = message.get("content")
        if content is None or isinstance(content.value, str):
            return [content.value] if content else []
        return [text for part in content.elements() if (text := self._text(part))]

    def _text(self, part: Node) -> str | None:
        kind = part.text("type") or "none"
        if kind == "text":
            return part.text("text")
        if kind == "image":
            self.account.dropped["attachment"] += 1
            return "[attachment]"
        self.account.skipped[f"part `{kind}`"] += 1
        return None

    def _assistant(self, message: Node, at: float | None) -> None:
        reply = self.turns.new(at)
        content = message.get("content")
        for part in content.elements() if content and not isinstance(content.value, str) else ():
            kind = part.text("type")
            if kind == "thinking":
                self.account.dropped["signature of reasoning"] += part.text("thinkingSignature") is not None
                reply.reasoning += [text] if (text := part.text("thinking")) else []
            elif kind == "toolCall":
                given = part.get("arguments")
                call = Call(part.text("id") or "", part.text("name") or "", given.value if given else None)
                self.turns.call(call, reply)
            else:
                reply.texts += [text] if (text := self._text(part)) else []
        if content and isinstance(content.value, str):
            reply.texts.append(content.value)
        reply.closed = True
        why = message.text("stopReason")
        if why in ("error", "aborted"):
            self.account.odd["replies that an error ended" if why == "error" else "replies that were interrupted"] += 1
        usage = message.object("usage")
        if usage:
            self.account.dropped["cost"] += usage.object("cost") is not None
            reply.tokens, reply.cost = _tokens(usage), _cost(usage)

    def _result(self, message: Node) -> None:
        details = message.object("details")
        self.account.dropped["second copy of a change"] += bool(details and details.get("diff"))
        cut = details.object("truncation") if details else None
        facts = {"is_error": True} if message.flag("isError") else {}
        facts |= {"truncated": True} if cut and cut.flag("truncated") else {}
        self.turns.result(Result(message.text("toolCallId"), "\n".join(self._texts(message)), facts))

    def _own_command(self, message: Node, at: float | None) -> None:
        """A command that the user ran; the agent may have seen what it gave."""
        code = message.number("exitCode")
        ended = f"\n[exit code {code:g}]" if code is not None else ""
        shown = (message.text("output") or "").rstrip("\n")
        self.turns.user(f"$ {message.text('command') or ''}\n{shown}{ended}", at)


def _tokens(usage: Node) -> dict[str, int | None]:
    """ATIF counts cached tokens as prompt tokens; here `input` is without them."""
    read, written = usage.count("cacheRead") or 0, usage.count("cacheWrite") or 0
    return {
        "prompt_tokens": (usage.count("input") or 0) + read + written,
        "completion_tokens": usage.count("output"),
        "cached_tokens": read,
    }


def _cost(usage: Node) -> float | None:
    cost = usage.object("cost")
    return cost.number("total") if cost else None


def _models(nodes: Sequence[Node]) -> list[tuple[str | None, str]]:
    """Provider and model of every reply, and of the header of the first version."""
    owners = [(node.object("message") if node.text("type") == "message" else node) for node in nodes]
    keys = [(owner, "modelId" if owner.text("modelId") else "model") for owner in owners if owner]
    return [(owner.text("provider"), model) for owner, key in keys if (model := owner.text(key))]


def _header(nodes: Sequence[Node]) -> Node | None:
    return next((node for node in nodes if node.text("type") == "session"), None)


def _names(nodes: Sequence[Node]) -> Names:
    header, models = _header(nodes), _models(nodes)
    return Names(
        agents=frozenset({PRODUCT, "pi agent"}),
        models=frozenset(model for _, model in models),
        vendors=frozenset(provider for provider, _ in models if provider),
        users=users_in(header.text("cwd") if header else None),
    )


def _identity(source: Source, nodes: Sequence[Node]) -> Identity:
    header = _header(nodes)
    models = dict.fromkeys(f"{provider}/{model}" if provider else model for provider, model in _models(nodes))
    extra = {
        "session_id": header.text("id") if header else None,
        "directory": header.text("cwd") if header else None,
        "started": header.text("timestamp") if header else None,
        "continues": (header.text("parentSession") or header.text("branchedFrom")) if header else None,
    }
    return Identity(
        agent=PRODUCT,
        model=", ".join(models) or None,
        source_format="pi-session",
        source_sha256=source.sha256,
        extra={key: value for key, value in extra.items() if value},
    )
