"""What the events of an Inspect sample add to its messages: tokens, costs, durations, exit codes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from assay.importers.source import Node


@dataclass
class Reply:
    """What a `model` event says of the message it gave."""

    tokens: Mapping[str, int | None] | None
    cost: float | None
    started: float | None


def events_of(sample: Node) -> list[Node]:
    """Older logs have them one level deeper."""
    return sample.items("events") or (sample.object("transcript") or sample).items("events")


def attachments(sample: Node) -> dict[str, str]:
    older = sample.object("transcript")
    found = sample.object("attachments") or (older.object("content") if older else None)
    return {key: text for key in found.value if (text := found.text(key)) is not None} if found else {}


def conversation(sample: Node, events: Sequence[Node]) -> list[Node]:
    """What the last model call saw and said, or the input: for samples that keep no messages of their own."""
    calls = [event for event in events if event.text("event") == "model"]
    if not calls:
        start = sample.get("input")
        if start is not None and isinstance(start.value, str):
            return [Node(start.source, start.loc, {"role": "user", "content": start.value}, start.line)]
        return sample.items("input")
    pool = (sample.object("events_data") or sample).items("messages") or sample.items("message_pool")
    refs = calls[-1].get("input_refs")
    seen = calls[-1].items("input")
    for ref in refs.value if refs and isinstance(refs.value, list) and not seen else ():
        if not (isinstance(ref, list) and len(ref) == 2 and all(isinstance(at, int) and at >= 0 for at in ref)):
            calls[-1].fail("a model call whose `input_refs` are pairs of numbers")
        seen += pool[ref[0] : ref[1]]
    output = calls[-1].object("output")
    said = [
        message for choice in (output.items("choices")[:1] if output else ()) if (message := choice.object("message"))
    ]
    return [*seen, *said]


def tokens(usage: Node) -> dict[str, int | None]:
    """Providers differ in whether cached tokens are in `input_tokens`; they always are in the total."""
    given, said = usage.count("input_tokens") or 0, usage.count("output_tokens") or 0
    read, written = usage.count("input_tokens_cache_read"), usage.count("input_tokens_cache_write")
    total = usage.count("total_tokens")
    prompt = total - said if total and total >= said else given + (read or 0) + (written or 0)
    return {"prompt_tokens": prompt, "completion_tokens": said, "cached_tokens": read}


def tool_events(events: Sequence[Node]) -> dict[str, dict[str, Any]]:
    """Facts by the id of a call. Its exit code is known when it ran one command, and that was its own text."""
    tools = [event for event in events if event.text("event") == "tool"]
    spans = [
        event.text("id") for event in events if event.text("event") == "span_begin" and event.text("type") == "tool"
    ]
    runs: dict[str | None, list[Node]] = {}
    for event in events:
        if event.text("event") == "sandbox":
            runs.setdefault(event.text("span_id"), []).append(event)
    facts = {}
    for at, tool in enumerate(tools):
        inner = [event for event in tool.items("events") if event.text("event") == "sandbox"]
        inner = inner or (runs.get(spans[at], []) if len(spans) == len(tools) else [])
        took, code = tool.number("working_time"), _exit_code(tool, inner)
        known = {"exit_code": code, "seconds": None if took is None else round(took, 3)}
        facts[tool.text("id") or ""] = {name: value for name, value in known.items() if value is not None}
    return facts


def _exit_code(tool: Node, runs: Sequence[Node]) -> int | None:
    commands = [run for run in runs if run.text("action") == "exec"]
    arguments = tool.object("arguments")
    texts = [text for text in (arguments.value.values() if arguments else ()) if isinstance(text, str) and text]
    if len(commands) != 1 or not texts:
        return None
    ran = f"{commands[0].text('cmd') or ''}\n{commands[0].text('input') or ''}"
    code = commands[0].number("result")
    return int(code) if code is not None and code.is_integer() and any(text in ran for text in texts) else None


def seconds(time: str | None) -> float | None:
    try:
        return datetime.fromisoformat(time).timestamp() if time else None
    except (ValueError, OverflowError):
        return None
