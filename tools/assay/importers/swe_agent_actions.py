"""The commands of SWE-agent's own interface, written like shell lines, as calls with named arguments."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

_EDIT = re.compile(r"edit\s+(\d+):(\d+)[ \t]*\n(.*?)\n?end_of_edit\s*", re.DOTALL)
_PLACES: Mapping[str, Sequence[str]] = {
    "open": ("path", "line_number"),
    "goto": ("line_number",),
    "create": ("path",),
    "find_file": ("pattern", "path"),
    "search_dir": ("pattern", "path"),
    "search_file": ("pattern", "path"),
    "scroll_up": (),
    "scroll_down": (),
    "submit": (),
    "exit_forfeit": (),
}
"""Command -> names of its arguments, in their order."""
_EDIT_WORDS = {"search": "old", "replace": "new", "replacement_text": "new"}
_EDITOR = "str_replace_editor"
_SHELL = re.compile(r"[|;&<>`$]")
"""What makes a line more than one command of the interface."""
_HANDED_IN = re.compile(r"<<SWE_AGENT_SUBMISSION>>\n?")
_STATE = re.compile(r"\s*\(Open file: [^\n]*\)\s*\n\(Current directory: [^\n]*\)\s*\nbash-\$\s*\Z")


def written(action: str) -> tuple[str, Any]:
    """Name and arguments of a command that a reply holds as text."""
    text = action.strip()
    if edit := _EDIT.fullmatch(text):
        return "edit", {"lines": f"{edit[1]}-{edit[2]}", "new": edit[3]}
    words = _words(text)
    name = words[0] if words else ""
    if name == _EDITOR:
        return name, dict(_options(words[1:]))
    places = _PLACES.get(name)
    if places is not None and len(words) - 1 <= len(places):
        return named(name, dict(zip(places, words[1:], strict=False)))
    return "bash", {"command": text}


def named(name: str, arguments: Any) -> tuple[str, Any]:
    """A call of a tool; one that tells its meaning by its name alone says it in an argument too."""
    if name in ("scroll_up", "scroll_down"):
        return name, {"scroll": name.partition("_")[2]}
    if name == "edit" and isinstance(arguments, dict):
        arguments = {_EDIT_WORDS.get(key, key): value for key, value in arguments.items()}
    return ("submit" if name == "exit_forfeit" else name), arguments


def without_state(text: str) -> str:
    """An output without the interface's own marks: its heading, its prompt at the end, what frames a hand-in."""
    if "bash-$" in text or "SUBMISSION>>" in text:
        text = _HANDED_IN.sub("", _STATE.sub("", text.replace("\r\n", "\n")))
    return text.removeprefix("OBSERVATION:\n")


def _words(text: str) -> list[str]:
    if "\n" in text and not text.startswith(_EDITOR):
        return []
    try:
        words = shlex.split(text)
    except ValueError:
        return []
    quoted = re.sub(r"'[^']*'|\"[^\"]*\"", "", text)
    return [] if _SHELL.search(quoted) and not text.startswith(_EDITOR) else words


def _options(words: Sequence[str]) -> Iterator[tuple[str, Any]]:
    """Sub-command and path, then options, each with its words."""
    places, option, rest = ["command", "path"], "", list[str]()
    for word in [*words, "--"]:
        if word.startswith("--"):
            if option:
                yield option, " ".join(rest)
            option, rest = word[2:], []
        elif option:
            rest.append(word)
        elif places:
            yield places.pop(0), word
