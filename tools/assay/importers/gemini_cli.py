"""Gemini CLI: a session as one JSON object, or since 2026 as JSON Lines in which later lines change earlier ones."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from assay.importers.building import Account, Call, Draft, Result, finish, records
from assay.importers.contract import Imported
from assay.importers.masking import Mask, Names, users_in
from assay.importers.source import ImportFailed, Node, Source
from assay.importers.turns import Tokens, Turn, Turns, moment
from assay.model.identity import Identity

PRODUCT = "gemini-cli"
_MARKS = ("info", "error", "warning")
_INJECTED = re.compile(r"\s*(?:This is the Gemini CLI\. We are setting up the context|<session_context>)")


class GeminiCli:
    """The importer."""

    name = PRODUCT

    def sniff(self, source: Source) -> bool:
        """An object with session, start and messages, or a first line that is the header of one."""
        data = source.peek()
        if isinstance(data, dict) and {"sessionId", "startTime"} <= set(data):
            return "messages" in data or _is_header(data)
        return any(_is_header(line) for line in source.head[:3])

    def read(self, source: Source) -> list[Imported]:
        """The session as it stood at the end: of a message that is written again the last form counts."""
        account = Account()
        data = source.peek()
        if isinstance(data, dict) and "messages" in data:
            header, messages, form = source.root, source.root.items("messages"), "gemini-cli-json"
        else:
            header, messages = _replayed(records(source, account), account)
            form = "gemini-cli-jsonl"
        if not messages:
            raise ImportFailed(f"{source.path}: must be a session with messages, found none")
        models = dict.fromkeys(model for message in messages if (model := message.text("model")))
        names = Names(frozenset({PRODUCT, "gemini"}), frozenset(models), frozenset({"google"}), _users(messages))
        draft, turns = Draft(Mask(names), account), Turns(account)
        for message in messages:
            _message(message, turns, account)
        turns.fill(draft)
        return [finish(draft, _identity(source, header, list(models), form), [source.path])]


def _is_header(line: Mapping[str, Any]) -> bool:
    return {"sessionId", "projectHash", "startTime"} <= set(line)


def _replayed(nodes: Sequence[Node], account: Account) -> tuple[Node, list[Node]]:
    """Header and messages after every change of the log."""
    header = next((node for node in nodes if _is_header(node.value)), nodes[0])
    messages: dict[str, Node] = {}
    for node in nodes:
        if target := node.text("$rewindTo"):
            names = list(messages)
            gone = names[names.index(target) :] if target in messages else []
            for name in gone:
                del messages[name]
            account.dropped["message on a branch that was left"] += len(gone)
            if gone:
                account.open.append(f"The user went back; messages that are not here: {len(gone)}.")
        elif own := node.text("id"):
            account.dropped["earlier form of a message"] += own in messages
            messages[own] = node
        elif "$set" in node.value:
            account.dropped["mark of the program"] += 1
            for number, message in enumerate(_set_messages(node)):
                messages[message.text("id") or f"set {number}"] = message
        elif node is not header:
            account.skipped["line of unknown kind"] += 1
    return header, list(messages.values())


def _set_messages(node: Node) -> list[Node]:
    """A whole list of messages, which a change may bring."""
    change = node.object("$set")
    return change.items("messages") if change else []


def _message(message: Node, turns: Turns, account: Account) -> None:
    kind, at = message.text("type") or "none", moment(message.text("timestamp"))
    account.dropped["timestamp"] += at is not None
    if kind == "user":
        text = _text(message, account)
        if _INJECTED.match(text):
            account.dropped["text that the program put into the user's message"] += 1
        else:
            turns.user(text, at)
    elif kind in ("gemini", "model"):
        _reply(message, turns, account, at)
    elif kind in _MARKS:
        account.dropped["mark of the program"] += 1
        account.odd["errors of the program"] += kind == "error"
    else:
        account.skipped[f"message `{kind}`"] += 1


def _text(message: Node, account: Account) -> str:
    """Content is text, one part or a list of parts."""
    content = message.get("content")
    if content is None or isinstance(content.value, str):
        return str(content.value) if content else ""
    parts = list(content.elements()) if isinstance(content.value, list) else [content.mapping()]
    return "\n".join(text for part in parts if (text := part_text(part, account)))


def part_text(part: Node, account: Account) -> str | None:
    """One part of a message of Google's interface; a picture or file becomes a mark."""
    if part.get("inlineData") or part.get("fileData"):
        account.dropped["attachment"] += 1
        return "[attachment]"
    return part.text("text")


def _reply(message: Node, turns: Turns, account: Account, at: float | None) -> None:
    turn = turns.new(at)
    turn.closed = True
    turn.texts += [text] if (text := _text(message, account)) else []
    for thought in message.items("thoughts"):
        lines = (thought.text("subject"), thought.text("description"))
        turn.reasoning.append("\n".join(line for line in lines if line))
    for call in message.items("toolCalls"):
        _call(call, turns, turn, account)
    turn.tokens = counted(message.object("tokens"), "input", "output", "thoughts", "cached")


def counted(usage: Node | None, prompt: str, output: str, thoughts: str, cached: str) -> Tokens | None:
    """Token counts under the names they have in the log; thoughts are counted apart from the output there."""
    if usage is None:
        return None
    return {
        "prompt_tokens": usage.count(prompt),
        "completion_tokens": (usage.count(output) or 0) + (usage.count(thoughts) or 0),
        "cached_tokens": usage.count(cached),
    }


def _call(call: Node, turns: Turns, turn: Turn, account: Account) -> None:
    given, key, status = call.get("args"), call.text("id") or "", call.text("status")
    turns.call(Call(key, call.text("name") or "", given.value if given else None), turn)
    account.dropped["second copy of a result"] += call.get("resultDisplay") is not None
    results = call.get("result")
    if results is None:
        return
    texts = []
    for part in results.elements():
        answer = part.object("functionResponse")
        response = answer.object("response") if answer else None
        if response is None:
            texts += [text] if (text := part.text("text")) else []
        else:
            texts += [text for name in ("output", "error") if (text := _plain(response.value.get(name)))]
    facts = {"is_error": True} if status in ("error", "cancelled") else {}
    turns.result(Result(key, "\n".join(texts), facts))


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else "" if value is None else str(value)


def _users(messages: Sequence[Node]) -> frozenset[str]:
    found: set[str] = set()
    for message in messages:
        for call in message.items("toolCalls"):
            given = call.value.get("args")
            values = given.values() if isinstance(given, dict) else ()
            found |= users_in(*(value for value in values if isinstance(value, str)))
    return frozenset(found)


def _identity(source: Source, header: Node, models: Sequence[str], form: str) -> Identity:
    extra = {
        "session_id": header.text("sessionId"),
        "project": header.text("projectHash"),
        "started": header.text("startTime"),
    }
    return Identity(
        agent=PRODUCT,
        model=", ".join(models) or None,
        source_format=form,
        source_sha256=source.sha256,
        extra={key: value for key, value in extra.items() if value},
    )
