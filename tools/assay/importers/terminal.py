"""What a terminal would have shown: text without control sequences and without what was drawn over."""

from __future__ import annotations

import re
from collections.abc import Iterator

OUTPUT_LIMIT = 200_000
"""Characters of one output that are kept; half from its start, half from its end."""
_ERASING = {"\x1b[K": "\x00", "\x1b[0K": "\x00", "\x1b[2K": "\x01"}
_SEQUENCES = re.compile(
    r"""\x1b(?:\[[0-?]*[\x20-/]*[@-~]|[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\|$)|[\x20-/]+[0-~]|[0-~])
    |[\x00-\x07\x0e-\x1a\x7f]""",
    re.VERBOSE,
)
"""Control sequences, strings and single characters (ECMA-48, sections 5.3 to 5.6)."""


def shown(text: str) -> str:
    """The lines as they stood at the end. Text without control characters comes back as it is."""
    if "\r" not in text and "\b" not in text:
        return _SEQUENCES.sub("", text)
    text = _SEQUENCES.sub(lambda found: _ERASING.get(found[0], ""), text)
    return "\n".join(map(_drawn, text.replace("\r\n", "\n").split("\n")))


def _drawn(line: str) -> str:
    """One line after its carriage returns, backspaces and erasures: what comes later overwrites what is there."""
    done = ""
    for part in line.split("\r"):
        if not any(mark in part for mark in "\x00\x01\b"):
            done = part + done[len(part) :]
            continue
        at = 0
        for letter in part:
            if letter == "\b":
                at = max(at - 1, 0)
            elif letter == "\x00":
                done = done[:at]
            elif letter == "\x01":
                done = " " * at
            else:
                done = done[:at] + letter + done[at + 1 :]
                at += 1
    return done


def cut(text: str, sha256: str) -> str:
    """A text within the limit, with a line in the middle that says what is missing and how to know the whole."""
    if len(text) <= OUTPUT_LIMIT:
        return text
    half = OUTPUT_LIMIT // 2
    middle = text[half:-half]
    size, lines = len(middle.encode()), middle.count("\n")
    return f"{text[:half]}\n[... {size} bytes in {lines} lines left out; sha256 of all: {sha256} ...]\n{text[-half:]}"


def frames(text: str) -> Iterator[str]:
    """The screenfuls of a program that clears its screen, each as it stood before it was cleared."""
    yield from (shown(part) for part in re.split(r"\x1b\[[23]?J|\x1bc", text))
