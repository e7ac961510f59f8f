"""Commands and what they showed, from the recording of a terminal: with the keys that were typed, or by its prompts."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from assay.importers.building import Account
from assay.importers.source import ImportFailed, Source
from assay.importers.terminal import frames, shown

_PROMPT = re.compile(r"^(?:\([\w.-]+\) )?[\w.-]+@[\w.-]+:[^\s#$]*[#$](?: (?P<command>.*))?$")
_KEYS = {"\x03": "^C", "\x04": "^D"}
_ENTER = re.compile(r"(\r\n|\r|\n|\x03|\x04)")
_WAIT = re.compile(r"; *tmux wait -S \w+$")
"""What the harness adds to a command to learn that it is over."""


@dataclass
class Action:
    """A command and what the terminal showed until the next one. `at` is in seconds, where the recording has times."""

    command: str
    output: str = ""
    at: float | None = None


def of_screen(source: Source, _: Account) -> list[Action]:
    """The commands behind the prompts of a text, such as raw output or the dump of a screen."""
    return list(_prompted(source.content.decode("utf-8", "replace")))


def of_cast(source: Source, account: Account) -> list[Action]:
    """The commands of an asciicast (version 2). Raises `ImportFailed` when no line of it can be read."""
    lines = source.lines
    if not lines.roots:
        raise next(iter(lines.failures), ImportFailed(f"{source.path}:1:1: must be an asciicast"))
    account.skipped["line that is no JSON"] += len(lines.failures)
    events = [node.value for node in lines.roots if _is_event(node.value)]
    if any(kind == "i" for _, kind, _ in events):
        return _merged(_typed(events))
    return list(_prompted("".join(data for _, kind, data in events if kind == "o")))


def _is_event(value: object) -> bool:
    return (
        isinstance(value, list)
        and len(value) == 3
        and isinstance(value[0], int | float)
        and abs(value[0]) < 1e9
        and isinstance(value[1], str)
        and isinstance(value[2], str)
    )


def _typed(events: Sequence[tuple[float, str, str]]) -> Iterator[Action]:
    """Each time that Enter was pressed, with what came until it was pressed again."""
    keys, screen, current = "", list[str](), None
    for time, kind, data in events:
        if kind == "o":
            screen.append(data)
        for part in _ENTER.split(data) if kind == "i" else ():
            if not _ENTER.fullmatch(part):
                keys += part.replace("\x7f", "\b \b")
                continue
            if current:
                yield _closed(current, screen)
            keys, command = "", f"{shown(keys).rstrip()}{_KEYS.get(part, '')}"
            screen, current = [], Action(_WAIT.sub("", command), at=float(time))
    if current:
        yield _closed(current, screen)


def _closed(action: Action, screen: Sequence[str]) -> Action:
    """Without the echo of the command before, and the prompt and the next echo behind."""
    lines = "\n".join(frames("".join(screen))).split("\n")
    first = action.command.split("\n")[0]
    if lines and first and lines[0].strip() and _WAIT.sub("", lines[0].strip()).endswith(first):
        lines = lines[1:]
    while lines and (not lines[-1].strip() or _PROMPT.match(lines[-1])):
        lines = lines[:-1]
    while lines and not lines[0].strip():
        lines = lines[1:]
    action.output = "\n".join(lines)
    return action


def _merged(actions: Iterator[Action]) -> list[Action]:
    """Lines that the shell still waited for belong to the command before; an empty line is no command."""
    found = list[Action]()
    waiting = False
    for action in actions:
        if found and (waiting or not action.command):
            if waiting:
                found[-1].command += f"\n{action.command}"
            found[-1].output = action.output if waiting else f"{found[-1].output}\n{action.output}".rstrip("\n")
        elif action.command:
            found.append(action)
        waiting = bool(found) and action.output.lstrip("\n").startswith(">") and "\n" not in action.output.strip()
    return found


def _prompted(text: str) -> Iterator[Action]:
    current: Action | None = None
    lines = list[str]()
    for line in "\n".join(frames(text)).split("\n"):
        found = _PROMPT.match(line.rstrip())
        if not found:
            more = bool(current and not lines and line.startswith("> "))
            if current and more:
                current.command += f"\n{line[2:].rstrip()}"
            else:
                lines.append(line.rstrip())
            continue
        if current:
            yield _with_output(current, lines)
        command = _WAIT.sub("", (found["command"] or "").strip())
        current, lines = Action(command) if command else None, []
    if current:
        yield _with_output(current, lines)


def _with_output(action: Action, lines: Sequence[str]) -> Action:
    action.output = "\n".join(lines).strip("\n")
    return action
