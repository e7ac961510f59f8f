"""The next turn of an escalation, written into its file so that nothing else in it changes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from assay.documents import Document, parse, to_yaml, validate
from assay.errors import UsageError
from assay.model.escalation import Change, Escalation, Repair
from assay.workspace import Entry

_STATUS = re.compile(r"^(status:[ \t]*)[a-z-]+(?=[ \t]*(?:#|$))")


def settled(entry: Entry[Escalation], change: Change, repair: Repair | None) -> str:
    """The file's text with one more turn in its history, its status, and what shows that it is fixed.

    Raises UsageError for a file whose layout does not allow it; it is left to a person then.
    """
    wanted = entry.record.model_copy(
        update={"status": change.status, "history": [*entry.record.history, change], "repair": repair}
    )
    lines = entry.document.text.removesuffix("\n").split("\n")
    blocks = _blocks(entry.document, len(lines))
    turn = _lines({"history": [change.model_dump(exclude_defaults=True)]})
    start, end = blocks.get("history", (len(lines), len(lines)))
    while end > start and (not lines[end - 1].strip() or lines[end - 1].startswith("#")):
        end -= 1  # comments on what comes next
    edits = [(end, end, turn[1:] if "history" in blocks else turn)]
    if repair:
        edits.append((start, start, _lines({"repair": repair.model_dump(mode="json")})))
    if "repair" in blocks:
        old, after = blocks["repair"]
        edits.append((old, after, [line for line in lines[old:after] if line.startswith("#")]))
    status = blocks["status"][0]
    edits.append((status, status + 1, [_STATUS.sub(rf"\g<1>{change.status}", lines[status])]))
    for first, last, new in sorted(edits, key=lambda edit: edit[:2], reverse=True):
        lines[first:last] = new
    text = "\n".join(lines) + "\n"
    document, _ = parse(text, entry.path)
    if document is None or validate(document, Escalation)[0] != wanted:
        added = "\n".join(f"    {line}" for line in turn)
        message = f"{entry.path} is laid out so that a turn cannot be added to it by itself; it was not touched"
        raise UsageError("escalation-layout", message, f"set `status: {change.status}` and add by hand:\n{added}")
    return text


def _lines(data: Mapping[str, Any]) -> list[str]:
    return to_yaml(data).removesuffix("\n").split("\n")


def _blocks(document: Document, end: int) -> dict[str, tuple[int, int]]:
    """First line and the line after the last of every field, from 0."""
    starts = sorted((document.key_position((key,)).line - 1, key) for key in document.data)
    ends = [line for line, _ in starts[1:]] + [end]
    return {key: (line, after) for (line, key), after in zip(starts, ends, strict=True)}
