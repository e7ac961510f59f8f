"""Reports in which some harnesses put what a command printed: their words and fields tell which harness it was."""

from __future__ import annotations

import re

_REPORT = re.compile(
    r"""\A(?:Tool\ output\ was\ too\ large\ and\ has\ been\ truncated\.\n.*?\nTruncated\ part\ of\ the\ output:\n)?
    (?:Command:\ .*?\nDirectory:\ [^\n]*\n)?
    (?:Output|Stdout):\ (?P<output>.*?)
    (?=\n(?:Exit\ Code|Process\ Group\ PGID):\ )
    (?:\nExit\ Code:\ (?P<code>-?\d+|\(none\)))?
    (?:\n(?:Signal|Background\ PIDs|Process\ Group\ PGID):\ [^\n]*)*\s*\Z""",
    re.VERBOSE | re.DOTALL,
)
_ERRORS = re.compile(r"\n(?:Error|Stderr): (?!.*\n(?:Error|Stderr): )", re.DOTALL)
_NOTHING = frozenset({"(empty)", "(none)", "(no output)", "<no output>", "[no output]"})
_SAVED = re.compile(
    r"\AOutput too long and was saved to: \S+\s*\Z"
    r"|The full output has been saved to: \S+\nTo read the complete output, use the \w+ tool [^\n]*\n"
    r"The truncated output below [^\n]*\n(?:The marker [^\n]*\n)?"
)


def unwrapped(text: str) -> tuple[str, int | None]:
    """What the command printed, and its exit code where a report says it. Other texts come back as they are.

    A harness's words for an empty output are no output, and where it saved the rest of a long one is nobody's business:
    the path holds the names of its tools, and random letters.
    """
    if text.strip() in _NOTHING:
        return "", None
    if not (report := _REPORT.match(text)):
        return _SAVED.sub("", text), None
    printed = [part for part in _ERRORS.split(report["output"]) if part.strip() not in _NOTHING]
    code = report["code"]
    return "\n".join(printed), int(code) if code and code != "(none)" else None
