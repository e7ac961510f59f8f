"""The messages of an OpenCode session as steps, wherever they were kept.

Key names as in OpenCode 1.1 to 1.18. An assistant message is one step for each step-start part in it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from assay.importers.building import Account, Call, Clock, Draft, Result
from assay.importers.source import Node

_LEFT_OUT = {
    "patch": "patch part (a hash and file names)",
    "snapshot": "snapshot part",
    "compaction": "compaction part",
    "retry": "retry part",
    "agent": "agent mention",
    "subtask": "delegation part",
}


_TASK = re.compile(r"\s*<task_metadata>.*?</task_metadata>", re.DOTALL)


@dataclass(frozen=True)
class Message:
    """Who spoke and when, and the parts of what was said."""

    info: Node
    parts: Sequence[Node]


@dataclass(frozen=True)
class Session:
    """One conversation. `parent` is the session that delegated to it, if any."""

    key: str
    parent: str
    info: Node | None
    """None where only the messages were kept."""
    messages: Sequence[Message]


@dataclass
class _Turn:
    """What stands between a step-start and the next."""

    texts: list[str] = field(default_factory=list)
    reasoning: list[str] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    results: list[Result] = field(default_factory=list)
    tokens: dict[str, int | None] | None = None

    @property
    def empty(self) -> bool:
        return not (self.texts or self.reasoning or self.calls)


class Reading:
    """Walks the messages of a session. `delegated` names the sessions that its calls may have started."""

    def __init__(self, draft: Draft, account: Account, delegated: Mapping[str, str]) -> None:
        self.draft = draft
        self.account = account
        self.delegated = delegated
        self._clock = Clock(account)

    def read(self, messages: Sequence[Message]) -> None:
        """Add their steps to the draft."""
        for message in messages:
            role = message.info.text("role")
            extra = self._waited(message.info)
            if role == "user":
                self._user(message, extra)
            elif role == "assistant":
                self._assistant(message, extra)
            else:
                self.account.skipped[f"message of role `{role}`"] += 1

    def _waited(self, info: Node) -> dict[str, Any]:
        time = info.object("time")
        created = time.number("created") if time else None
        self.account.dropped["timestamp"] += created is not None
        waited = self._clock.since_previous(None if created is None else created / 1000)
        return {} if waited is None else {"seconds_since_previous": waited}

    def _user(self, message: Message, extra: dict[str, Any]) -> None:
        texts: list[str] = []
        for part in message.parts:
            kind = part.text("type")
            if kind != "text":
                self._other(part, texts)
            elif part.flag("synthetic") or part.flag("ignored"):
                self.account.dropped["text that the program put into the user's message"] += 1
            else:
                texts.append(self._unquoted(part.text("text") or ""))
        if texts:
            self.draft.add("user", "\n".join(texts), extra=extra)
        else:
            self.account.dropped["user message without own text"] += 1

    def _unquoted(self, text: str) -> str:
        """`opencode run` stores the prompt in an extra pair of quotes."""
        inner = text.strip()[1:-1]
        if self.draft.steps or not inner or '"' in inner or text.strip() != f'"{inner}"':
            return text
        self.account.notes.append("A pair of quotes around the first prompt was removed.")
        return inner

    def _assistant(self, message: Message, extra: dict[str, Any]) -> None:
        info = message.info
        error = info.object("error")
        if error:
            self.account.odd[f"replies that ended in {error.text('name') or 'an error'}"] += 1
        if info.mapping().value.get("summary") is True:
            self.account.dropped["compaction summary"] += 1
            return
        turns = self._turns(message)
        if len(turns) == 1 and turns[0].tokens is None:
            turns[0].tokens = _tokens(info)
        for turn in turns:
            if turn.empty:
                self.account.dropped["empty reply"] += 1
                continue
            self.draft.add(
                "agent",
                "\n\n".join(turn.texts),
                reasoning="\n\n".join(turn.reasoning),
                calls=turn.calls,
                results=turn.results,
                tokens=turn.tokens,
                extra=extra,
            )
            extra = {}

    def _turns(self, message: Message) -> list[_Turn]:
        turns = [_Turn()]
        for part in message.parts:
            kind = part.text("type")
            if kind == "step-start":
                if not turns[-1].empty or turns[-1].tokens is not None:
                    turns.append(_Turn())
            elif kind == "step-finish":
                turns[-1].tokens = _tokens(part)
                self.account.dropped["cost"] += bool(part.number("cost"))
            elif kind == "text":
                turns[-1].texts += [part.text("text") or ""] if part.text("text") else []
            elif kind == "reasoning":
                self._reasoning(part, turns[-1])
            elif kind == "tool":
                self._tool(part, turns[-1])
            else:
                self._other(part, turns[-1].texts)
        return turns

    def _reasoning(self, part: Node, turn: _Turn) -> None:
        text = part.text("text")
        if text:
            turn.reasoning.append(text)
        else:
            self.account.dropped["reasoning without text (empty or encrypted)"] += 1

    def _other(self, part: Node, texts: list[str]) -> None:
        """Parts that are no words of anybody, and parts that this reader does not know."""
        kind = part.text("type") or "none"
        if kind == "file":
            self.account.dropped["attachment"] += 1
            texts.append("[attachment]")
        elif kind in _LEFT_OUT:
            self.account.dropped[_LEFT_OUT[kind]] += 1
        else:
            self.account.skipped[f"part `{kind}`"] += 1

    def _tool(self, part: Node, turn: _Turn) -> None:
        state = part.object("state")
        name = part.text("tool") or ""
        key = part.text("callID") or part.text("id") or ""
        arguments = state.get("input") if state else None
        turn.calls.append(Call(key, name, arguments.value if arguments else None))
        status = state.text("status") if state else None
        if state is None or status not in ("completed", "error"):
            return
        failed = status == "error"
        facts = _facts(state) | ({"is_error": True} if failed else {})
        metadata = state.object("metadata")
        child = self.delegated.get((metadata.text("sessionId") if metadata else None) or "")
        output = state.text("error" if failed else "output") or ""
        output, told = _TASK.subn("", output)
        self.account.dropped["id of a delegated session"] += told
        turn.results.append(Result(key, output, facts, [child] if child else ()))
        self.account.dropped["attachment"] += len(state.items("attachments"))
        copies = metadata and any(metadata.get(name) for name in ("diff", "filediff", "preview"))
        self.account.dropped["second copy of a change or a preview"] += bool(copies)


def _facts(state: Node) -> dict[str, Any]:
    facts: dict[str, Any] = {}
    metadata, time = state.object("metadata"), state.object("time")
    code = metadata.number("exit") if metadata else None
    if code is not None and code.is_integer():
        facts["exit_code"] = int(code)
    if metadata and metadata.flag("truncated"):
        facts["truncated"] = True
    start, end = (time.number("start"), time.number("end")) if time else (None, None)
    if start is not None and end is not None and end >= start:
        facts["seconds"] = round((end - start) / 1000, 3)
    return facts


def _tokens(owner: Node) -> dict[str, int | None] | None:
    """ATIF counts cached tokens as prompt tokens; here `input` is without them."""
    tokens = owner.object("tokens")
    if tokens is None:
        return None
    cache = tokens.object("cache")
    read, written = (cache.count("read") or 0, cache.count("write") or 0) if cache else (0, 0)
    return {
        "prompt_tokens": (tokens.count("input") or 0) + read + written,
        "completion_tokens": tokens.count("output"),
        "cached_tokens": read,
    }
