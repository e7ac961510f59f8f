"""Qwen Code: chat files in JSON Lines, and `stream-json` output, which has the lines of another program."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from assay.importers.building import Account, Call, Draft, Result, finish, records
from assay.importers.claude_code import Reading
from assay.importers.claude_way import TURNS, way
from assay.importers.contract import Imported
from assay.importers.gemini_cli import counted, part_text
from assay.importers.masking import Mask, Names, users_in
from assay.importers.source import ImportFailed, Node, Source
from assay.importers.turns import Turns, moment
from assay.model.identity import Identity

PRODUCT = "qwen-code"
SPOKEN = frozenset({PRODUCT, "Qwen"})
_COUNTS = ("promptTokenCount", "candidatesTokenCount", "thoughtsTokenCount", "cachedContentTokenCount")


class QwenCode:
    """The importer."""

    name = PRODUCT

    def sniff(self, source: Source) -> bool:
        """Lines that know their parents and hold messages of parts, or a first line with `qwen_code_version`."""
        return any(_is_line(line) or "qwen_code_version" in line for line in source.head)

    def read(self, source: Source) -> list[Imported]:
        """The session."""
        account = Account()
        nodes = records(source, account)
        if any("qwen_code_version" in node.value for node in nodes):
            return [Reading(source, nodes, account, Names(agents=SPOKEN)).imported(PRODUCT, "qwen-code-stream")]
        models = {model for node in nodes if (model := node.text("model"))}
        users = users_in(*(node.text("cwd") for node in nodes))
        draft = Draft(Mask(Names(agents=SPOKEN, models=frozenset(models), users=users)), account)
        turns = Turns(account)
        for node in _way(nodes, account):
            _line(node, turns, account)
        turns.fill(draft)
        return [finish(draft, _identity(source, nodes), [source.path])]


def _is_line(line: Mapping[str, Any]) -> bool:
    message = line.get("message")
    return "parentUuid" in line and isinstance(message, dict) and "parts" in message


def _way(nodes: Sequence[Node], account: Account) -> list[Node]:
    """The way to the last message; results of tools are lines of a type of their own here, and on the way."""
    if not any(node.text("type") in TURNS for node in nodes):
        raise ImportFailed(f"{nodes[0].source.path}: must be a session with messages, found none")
    return way(nodes, account)


def _line(node: Node, turns: Turns, account: Account) -> None:
    kind, at = node.text("type") or "none", moment(node.text("timestamp"))
    account.dropped["timestamp"] += at is not None
    message = node.object("message")
    if kind == "user" and message:
        texts = [text for part in message.items("parts") if (text := part_text(part, account))]
        turns.user("\n".join(texts), at)
    elif kind == "assistant" and message:
        _reply(message, node, turns, account, at)
    elif kind == "tool_result" and message:
        for part in message.items("parts"):
            _result(part, node, turns, account)
    elif kind == "system":
        account.dropped[f"mark of the program ({node.text('subtype') or 'none'})"] += 1
    else:
        account.skipped[f"line `{kind}`"] += 1


def _reply(message: Node, node: Node, turns: Turns, account: Account, at: float | None) -> None:
    turn = turns.new(at)
    turn.closed = True
    for part in message.items("parts"):
        call = part.object("functionCall")
        if call:
            given = call.get("args")
            turns.call(Call(call.text("id") or "", call.text("name") or "", given.value if given else None), turn)
        elif part.flag("thought"):
            turn.reasoning += [text] if (text := part.text("text")) else []
        else:
            turn.texts += [said] if (said := part_text(part, account)) else []
    turn.tokens = counted(node.object("usageMetadata"), *_COUNTS)


def _result(part: Node, node: Node, turns: Turns, account: Account) -> None:
    answer = part.object("functionResponse")
    if answer is None:
        account.skipped["part of a result that is no answer"] += 1
        return
    response, outcome = answer.object("response"), node.object("toolCallResult")
    text = (response.text("output") or response.text("error") or "") if response else ""
    facts: dict[str, Any] = {}
    if (outcome and outcome.text("status") == "error") or (response and response.text("error")):
        facts["is_error"] = True
    account.dropped["second copy of a result"] += bool(outcome and outcome.get("resultDisplay"))
    turns.result(Result(answer.text("id"), text, facts))


def _identity(source: Source, nodes: Sequence[Node]) -> Identity:
    def first(key: str) -> str | None:
        return next((value for node in nodes if (value := node.text(key))), None)

    models = dict.fromkeys(model for node in nodes if (model := node.text("model")))
    extra = {
        "session_id": first("sessionId"),
        "directory": first("cwd"),
        "branch": first("gitBranch"),
        "started": first("timestamp"),
    }
    return Identity(
        agent=PRODUCT,
        version=first("version"),
        model=", ".join(models) or None,
        source_format="qwen-code-chat",
        source_sha256=source.sha256,
        extra={key: value for key, value in extra.items() if value},
    )
