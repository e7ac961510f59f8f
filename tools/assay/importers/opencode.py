"""The export of an OpenCode session: `{info, messages: [{info, parts}]}`, or the bare list of messages.

Key names as in exports of OpenCode 1.1 to 1.18. An assistant message is one step for each step-start part in it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from assay.importers.building import Account, Call, Clock, Draft, Result, finish
from assay.importers.contract import Imported
from assay.importers.masking import Mask, Names, users_in
from assay.importers.source import Node, Source
from assay.model.identity import Identity

PRODUCT = "opencode"
_LEFT_OUT = {
    "patch": "patch part (a hash and file names)",
    "snapshot": "snapshot part",
    "compaction": "compaction part",
    "retry": "retry part",
    "agent": "agent mention",
    "subtask": "delegation part",
}
_NOT_TOLD = {
    "title": "session title",
    "share": "share link",
    "revert": "revert mark",
}


class OpenCode:
    """The importer."""

    name = PRODUCT

    def sniff(self, source: Source) -> bool:
        """An object with `info` and `messages`, or a list; each message with `info` and `parts`."""
        data = source.peek()
        messages = data.get("messages") if isinstance(data, dict) and "info" in data else data
        first = messages[0] if isinstance(messages, list) and messages else None
        return isinstance(first, dict) and "info" in first and "parts" in first

    def read(self, source: Source) -> list[Imported]:
        """The session. Delegated sessions are exports of their own and are not in it."""
        root = source.root
        session = None if isinstance(root.value, list) else root.object("info")
        messages = list(root.elements()) if isinstance(root.value, list) else root.items("messages")
        if not messages:
            root.fail("an OpenCode export with at least one message")
        account = Account()
        for key, what in _NOT_TOLD.items():
            account.dropped[what] += bool(session and session.get(key))
        draft = Draft(Mask(_names(session, messages)), account)
        _Reading(draft, account).read(messages)
        return [finish(draft, _identity(source, session, messages), [source.path])]


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


class _Reading:
    """Walks the messages."""

    def __init__(self, draft: Draft, account: Account) -> None:
        self.draft = draft
        self.account = account
        self._clock = Clock(account)

    def read(self, messages: Sequence[Node]) -> None:
        for message in messages:
            info = _info(message)
            role = info.text("role")
            extra = self._waited(info)
            if role == "user":
                self._user(message, extra)
            elif role == "assistant":
                self._assistant(message, info, extra)
            else:
                self.account.skipped[f"message of role `{role}`"] += 1

    def _waited(self, info: Node) -> dict[str, Any]:
        time = info.object("time")
        created = time.number("created") if time else None
        self.account.dropped["timestamp"] += created is not None
        waited = self._clock.since_previous(None if created is None else created / 1000)
        return {} if waited is None else {"seconds_since_previous": waited}

    def _user(self, message: Node, extra: dict[str, Any]) -> None:
        texts: list[str] = []
        for part in message.items("parts"):
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

    def _assistant(self, message: Node, info: Node, extra: dict[str, Any]) -> None:
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

    def _turns(self, message: Node) -> list[_Turn]:
        turns = [_Turn()]
        for part in message.items("parts"):
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
        turn.results.append(Result(key, state.text("error" if failed else "output") or "", facts))
        self.account.dropped["attachment"] += len(state.items("attachments"))
        metadata = state.object("metadata")
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


def _info(message: Node) -> Node:
    return message.object("info") or message.fail("a message with `info`")


def _models(messages: Sequence[Node]) -> Iterator[tuple[str | None, str]]:
    """Provider and model of every message that names one."""
    for message in messages:
        info = _info(message)
        chosen = info.object("model")
        owner = chosen or info
        model = owner.text("modelID") or owner.text("id")
        if model and (chosen or info.text("modelID")):
            yield owner.text("providerID"), model


def _names(session: Node | None, messages: Sequence[Node]) -> Names:
    models = list(_models(messages))
    return Names(
        agents=frozenset({PRODUCT}),
        models=frozenset(model for _, model in models),
        vendors=frozenset(provider for provider, _ in models if provider),
        users=users_in(session.text("directory") if session else None, *_directories(messages)),
    )


def _directories(messages: Sequence[Node]) -> Iterator[str | None]:
    for message in messages:
        path = _info(message).object("path")
        if path:
            yield from (path.text("cwd"), path.text("root"))


def _identity(source: Source, session: Node | None, messages: Sequence[Node]) -> Identity:
    models = dict.fromkeys(f"{provider}/{model}" if provider else model for provider, model in _models(messages))
    modes = dict.fromkeys(mode for message in messages if (mode := _info(message).text("agent")))
    costs = [_info(message).number("cost") for message in messages]
    time = session.object("time") if session else None
    created = time.number("created") if time else None
    extra = {
        "session_id": session.text("id") if session else None,
        "directory": session.text("directory") if session else None,
        "modes": ", ".join(modes),
        "cost_usd": f"{sum(cost for cost in costs if cost):.6f}" if any(costs) else None,
        "started": _iso(created) if created else None,
    }
    return Identity(
        agent=PRODUCT,
        version=session.text("version") if session else None,
        model=", ".join(models) or None,
        source_format="opencode-export",
        source_sha256=source.sha256,
        extra={key: value for key, value in extra.items() if value},
    )


def _iso(milliseconds: float) -> str | None:
    try:
        return datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat()
    except (OverflowError, ValueError, OSError):
        return None
