"""Single messages of mini-swe-agent: their text, reasoning, tokens and times, and what a command gave."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from assay.importers.harnesses import arguments_in
from assay.importers.source import Node

MARK = re.compile(r"(?:COMPLETE_TASK_AND_SUBMIT|MINI_SWE_AGENT)_FINAL_OUTPUT")
"""What a command prints first to hand in."""
_PRINTED = re.compile(rf"echo\s+([\"']?){MARK.pattern}\1[ \t]*(?:&&|;|\n)?[ \t]*")
NOT_RUN = "[not executed]"
_NOT_RUN = "action was not executed"
_RESULT = re.compile(r"\s*<returncode>(-?\d+)</returncode>\n?(.*)", re.DOTALL)
_OUTPUT = re.compile(r"<output>\n?(.*)</output>", re.DOTALL)
_ENDS = re.compile(
    r"<output_head>\n?(.*)</output_head>\s*<elided_chars>\s*(\d*).*?</elided_chars>\s*<output_tail>\n?(.*)</output_tail>",
    re.DOTALL,
)
_TIMED_OUT = re.compile(r"The last command <command>.*</command> timed out and has been killed\.", re.DOTALL)


@dataclass(frozen=True)
class Outcome:
    """What a command gave, without the harness's words around it."""

    content: str
    facts: Mapping[str, Any]


def outcome(message: Node, text: str) -> Outcome:
    """From the message that answers a command: tags around the output, a JSON object, or bare text."""
    extra = message.object("extra")
    code = extra.number("returncode") if extra else None
    exception = extra.text("exception_info") if extra else None
    if _TIMED_OUT.match(text):
        output = _OUTPUT.search(text)
        return Outcome(f"{output[1] if output else ''}[timed out and killed]", {"is_error": True})
    facts: dict[str, Any] = {}
    if (whole := arguments_in(text)) is not text and {"returncode", "output", "output_head"} & whole.keys():
        shown, cut = _of_json(whole)
        code = whole.get("returncode") if code is None else code
        exception = exception or whole.get("exception_info")
    elif tagged := _RESULT.match(text):
        shown, cut = _of_tags(tagged[2])
        code = int(tagged[1]) if code is None else code
    else:
        shown, cut = (extra.text("raw_output") if extra else None) or text, False
    if exception:
        shown = NOT_RUN if exception == _NOT_RUN else f"{shown}[{exception}]"
        facts["is_error"] = True
    elif isinstance(code, int | float) and code == int(code):
        facts["exit_code"] = int(code)
    return Outcome(shown, {**facts, **({"truncated": True} if cut else {})})


def _of_tags(text: str) -> tuple[str, bool]:
    if ends := _ENDS.search(text):
        return _joined(ends[1], ends[2], ends[3]), True
    output = _OUTPUT.search(text)
    return (output[1] if output else text), False


def _of_json(whole: Mapping[str, Any]) -> tuple[str, bool]:
    if "output" in whole:
        return str(whole["output"]), False
    head, tail = str(whole["output_head"]), str(whole.get("output_tail", ""))
    return _joined(head, str(whole.get("elided_chars", "")), tail), True


def _joined(head: str, number: str, tail: str) -> str:
    return f"{head.rstrip()}\n[... {number or 'some'} characters that the agent was not shown ...]\n{tail.lstrip()}"


def without_mark(text: str) -> str:
    """A text or command without what hands in."""
    return MARK.sub("[hand-in]", _PRINTED.sub("", text)).replace("mswea_bash_command", "bash")


def content(message: Node) -> str:
    """The text of a message, whichever way it is kept."""
    if message.text("object") == "response":
        parts = (part for item in message.items("output") if item.text("type") == "message" for part in _parts(item))
        return "\n".join(parts)
    if message.text("type") == "function_call_output":
        return message.text("output") or ""
    return "\n".join(_parts(message))


def _parts(message: Node) -> Iterator[str]:
    value = message.get("content")
    if value is None or isinstance(value.value, str):
        yield value.value if value else ""
        return
    for part in value.elements():
        text = part.text("text")
        yield text if text is not None else f"[{part.text('type') or 'attachment'}]"


def reasoning(message: Node, response: Node | None) -> Iterator[str]:
    """Reasoning that is not the reply's own text; signatures and encrypted parts are no text."""
    choices = response.items("choices") if response else []
    for owner in (message, choices[0].object("message") if choices else None):
        if owner and (text := owner.text("reasoning_content") or owner.text("reasoning")):
            yield text
    for item in message.items("output") if message.text("object") == "response" else ():
        if item.text("type") == "reasoning":
            yield from (text for part in item.items("summary") if (text := part.text("text")))


def tokens(response: Node | None) -> dict[str, int | None] | None:
    """Counts of one reply, as chat completions or responses name them."""
    usage = response.object("usage") if response else None
    if usage is None:
        return None
    details = usage.object("prompt_tokens_details") or usage.object("input_tokens_details")
    prompt, completion = usage.count("prompt_tokens"), usage.count("completion_tokens")
    return {
        "prompt_tokens": usage.count("input_tokens") if prompt is None else prompt,
        "completion_tokens": usage.count("output_tokens") if completion is None else completion,
        "cached_tokens": details.count("cached_tokens") if details else None,
    }


def moment_of(message: Node) -> float | None:
    """Seconds since 1970."""
    extra = message.object("extra")
    response = extra.get("response") if extra else None
    told = extra.number("timestamp") if extra else None
    if told is not None or response is None or not isinstance(response.value, dict):
        return told
    return response.number("created")
