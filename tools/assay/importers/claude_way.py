"""Which lines of a Claude Code session belong to it: the way to the last message, and what hangs on it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from assay.importers.building import Account
from assay.importers.source import Node

TURNS = ("user", "assistant")


def way(nodes: Sequence[Node], account: Account) -> list[Node]:
    """The lines that count, in the order of the file, each once.

    Lines form a tree by `parentUuid`. A resumed session repeats lines, a prompt that was changed leaves a branch.
    Results of parallel calls are branches too, but belong to their calls, as all lines of one message belong together.
    """
    lines, repeated = _once(nodes)
    account.dropped["line that is there twice"] += repeated
    known = {name: node for node in lines if (name := node.text("uuid"))}
    turns = [node for node in lines if node.text("type") in TURNS and node.text("uuid")]
    if not turns:
        return lines
    main = {str(node.text("uuid")) for node in _up(turns[-1], known)}
    messages = {message_id(node) for node in turns if node.text("uuid") in main} - {None}
    kept = [node for node in turns if node.text("uuid") in main or message_id(node) in messages]
    calls = {key for node in kept for key in _keys(node, "tool_use", "id")}
    left = [
        node
        for node in turns
        if node.text("uuid") not in main
        and message_id(node) not in messages
        and not calls & set(_keys(node, "tool_result", "tool_use_id"))
        and any(str(above.text("uuid")) in main for above in _up(node, known))
        and not node.flag("isSidechain")
    ]
    if left:
        account.dropped["message on a branch that was left"] += len(left)
        account.open.append(f"The user went back and took another way; messages that are not here: {len(left)}.")
    gone = {node.text("uuid") for node in left}
    return [node for node in lines if node.text("uuid") is None or node.text("uuid") not in gone]


def message_id(node: Node) -> str | None:
    """Of a reply; its blocks stand in lines of their own."""
    message = node.object("message") if node.text("type") == "assistant" else None
    return message.text("id") if message else None


def blocks(node: Node) -> list[Node]:
    """The content blocks of a line; none where the content is plain text."""
    message = node.object("message")
    content = message.get("content") if message else None
    return list(content.elements()) if content and not isinstance(content.value, str) else []


def _once(nodes: Sequence[Node]) -> tuple[list[Node], int]:
    seen: set[str] = set()
    lines = []
    for node in nodes:
        name = node.text("uuid")
        if name is None or name not in seen:
            lines.append(node)
        if name:
            seen.add(name)
    return lines, len(nodes) - len(lines)


def _up(node: Node, known: Mapping[str, Node]) -> Iterator[Node]:
    """A line and those above it; after a compaction the session goes on from its logical parent."""
    seen: set[str] = set()
    current: Node | None = node
    while current is not None and (name := current.text("uuid") or "") not in seen:
        seen.add(name)
        yield current
        above = current.text("parentUuid") or current.text("logicalParentUuid")
        current = known.get(above) if above else None


def _keys(node: Node, kind: str, key: str) -> list[str]:
    return [name for block in blocks(node) if block.text("type") == kind and (name := block.text(key))]
