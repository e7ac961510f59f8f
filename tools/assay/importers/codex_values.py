"""What the values of Codex logs mean: outputs with what the program wrote around them, and commands as words."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from typing import Any

from assay.documents import parse

_WRAPPER = re.compile(
    r"(?:Chunk ID: \w+\n)?(?:Exit code: (?P<code>-?\d{1,9})\n)?Wall time: (?P<seconds>\d{1,9}(?:\.\d{1,9})?) seconds\n"
    r"(?:Process exited with code (?P<ended>-?\d{1,9})\n|(?P<runs>Process running with session ID \S+\n))?"
    r"(?:Original token count: \d+\n)?(?:Total output lines: \d+\n)?Output:\n"
)
"""What stands above the output of a shell."""
_SHELLS = re.compile(r"(?:.*/)?(?:ba|z|da|k)?sh")
_CUT = re.compile(r"…\d+ (?:tokens|chars|lines) truncated…|\[\.\.\. omitted \d+ of \d+ lines \.\.\.\]")
"""What the program puts where it cut an output in the middle."""


def unwrapped(text: str) -> tuple[str, dict[str, Any]]:
    """An output without what the program wrote around it, and what that said: exit code, seconds."""
    found = _WRAPPER.match(text)
    if found:
        code = found["code"] or found["ended"]
        facts: dict[str, Any] = {} if code is None else {"exit_code": int(code)}
        facts |= {"seconds": float(found["seconds"])} | ({"truncated": True} if _CUT.search(text) else {})
        return (found["runs"] or "") + text[found.end() :], facts
    if not text.startswith('{"output":'):
        return text, {}
    document, _ = parse(text, "output", ".json")
    data = document.data if document else None
    if not isinstance(data, dict) or not isinstance(data.get("output"), str) or set(data) - {"output", "metadata"}:
        return text, {}
    told = data.get("metadata")
    return data["output"], measures(told, "exit_code", "duration_seconds") if isinstance(told, dict) else {}


def measures(told: Mapping[str, Any], code: str, seconds: str) -> dict[str, Any]:
    """Exit code and seconds under their keys, as far as they are numbers of usual size."""
    facts: dict[str, Any] = {}
    if isinstance(told.get(code), int) and not isinstance(told[code], bool) and abs(told[code]) < 2**32:
        facts["exit_code"] = told[code]
    if isinstance(told.get(seconds), int | float) and 0 <= told[seconds] < 1e9:
        facts["seconds"] = float(told[seconds])
    return facts


def arguments(raw: Any) -> Any:
    """Arguments, in which a command is the line that a shell ran, not a list of words."""
    if isinstance(raw, str):
        document, _ = parse(raw, "arguments", ".json")
        raw = document.data if document and isinstance(document.data, dict) else raw
    if not isinstance(raw, dict):
        return raw
    kept = {key: value for key, value in raw.items() if (key, value) != ("type", "exec")}
    return {key: script(value) if key in ("command", "cmd") else value for key, value in kept.items()}


def script(command: Any) -> Any:
    """`bash -lc SCRIPT`, given as a list of words, as SCRIPT; other words as one line."""
    if not isinstance(command, list) or not command or not all(isinstance(word, str) for word in command):
        return command
    if len(command) == 3 and _SHELLS.fullmatch(command[0]) and command[1] in ("-lc", "-c"):
        return command[2]
    return shlex.join(command)
