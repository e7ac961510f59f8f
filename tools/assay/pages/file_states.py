"""What files looked like after each edit, as far as a log tells: nothing is made up where it does not.

Known is what a call wrote whole, what a call showed whole with numbered lines, and what follows from that by edits that
fit. Commands may write files too, and logs do not say which: how many ran in between is told with each state.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from posixpath import basename, normpath
from typing import Any

from assay.evidence import output_of
from assay.model.trajectory import Step, ToolCall
from assay.pages.bodies import changed_lines

Change = tuple[str, str]
"""`del`, `add` or `ctx`, and a line."""
LARGEST = 400_000
"""Characters of a file that are followed."""
_SILENT = frozenset({"read", "search", "plan", "web", "finish", "edit", "write"})
"""Tools that write no file but the one that they name."""
_NUMBERED = re.compile(r" *(\d+)(?:\t|\u2192|: ?)(.*)")
_PATCHED = re.compile(r"^(update|add|delete|move to) (.+)$", re.M)
_COUNTED = 250_000
"""Pairs of lines that are compared one by one; texts that differ in more are counted as replaced."""
_CUT = 2000
"""Lines after which tools that show files stop."""


@dataclass(frozen=True)
class Edit:
    """One call that changes a file. `text` is the file after it; None, and `why`, where that is not known."""

    step: int
    call: int
    added: int
    removed: int
    text: str | None
    why: str = ""
    commands: int = 0
    """Commands that ran since the text was last known for sure."""


@dataclass
class _File:
    end: str
    """The last part of its path."""
    text: str | None = None
    commands: int = 0
    edits: list[Edit] = field(default_factory=list)


def edited(steps: Sequence[Step]) -> dict[str, list[Edit]]:
    """The edits of each file by its path as the log writes it, in the order of the first."""
    files: dict[str, _File] = {}
    for step in steps:
        for number, call in enumerate(step.tool_calls or (), 1):
            if call.function_name == "read":
                _read(files, step, call)
            elif call.function_name in ("edit", "write") and _failed(step, call):
                continue
            elif call.function_name not in _SILENT or not _change(files, step.step_id, number, call):
                for file in files.values():
                    file.commands += 1
    return {path: file.edits for path, file in files.items() if file.edits}


def _change(files: dict[str, _File], step: int, number: int, call: ToolCall) -> bool:
    """False for an edit of which it is not understood what it changes: as a command, it may have changed any file."""
    if call.function_name not in ("edit", "write"):
        return True
    found = False
    for path, new in _changes(files, call):
        found = True
        file = files.setdefault(path, _File(basename(normpath(path))))
        edit = _edit(file, new, step, number)
        if file.edits and (file.edits[-1].step, file.edits[-1].call) == (step, number):
            before = file.edits.pop()
            edit = replace(edit, added=before.added + edit.added, removed=before.removed + edit.removed)
        file.edits.append(edit)
        for other, same in files.items():
            if same.text is not None and same.end == file.end and other != path and _may_be_one(path, other):
                same.text = None
    return found


def _may_be_one(one: str, other: str) -> bool:
    """Whether two names may be of one file: nothing tells from which folder relative ones start."""
    one, other = normpath(one), normpath(other)
    if one.startswith("/") == other.startswith("/"):
        return one == other
    relative, whole = sorted((one, other), key=lambda name: name.startswith("/"))
    return relative.startswith("..") or whole.endswith(f"/{relative}")


@dataclass(frozen=True)
class _New:
    """What a call makes of a file: its text, or why that is not known, and the lines that it names."""

    text: str | None
    why: str
    lines: Sequence[Change]
    whole: bool = False


def _edit(file: _File, new: _New, step: int, number: int) -> Edit:
    text, why = new.text, new.why
    if text is not None and len(text) > LARGEST:
        text, why = None, "the file is too large to be shown"
    file.text = text
    file.commands = 0 if new.whole or text is None else file.commands
    added, removed = (sum(kind == wanted for kind, _ in new.lines) for wanted in ("add", "del"))
    return Edit(step, number, added, removed, text, why, file.commands)


def _failed(step: Step, call: ToolCall) -> bool:
    result = step.result_of(call)
    return result is not None and bool(result.exit_code or (result.extra or {}).get("is_error"))


def _read(files: dict[str, _File], step: Step, call: ToolCall) -> None:
    """A file that is shown whole: lines numbered from 1, and nothing that asks for a part."""
    path = call.arguments.get("path")
    if not isinstance(path, str) or len(call.arguments) != 1 or _failed(step, call):
        return
    lines = output_of(step, call).removesuffix("\n").split("\n")
    found = [_NUMBERED.fullmatch(line) for line in lines]
    numbers = [int(match[1]) for match in found if match]
    if numbers and numbers == list(range(1, len(lines) + 1)) and len(lines) < _CUT:
        file = files.setdefault(path, _File(basename(normpath(path))))
        file.text = "".join(f"{match[2]}\n" for match in found if match)
        file.commands = 0


def _changes(files: Mapping[str, _File], call: ToolCall) -> Iterator[tuple[str, _New]]:
    given = call.arguments
    path = given.get("path")
    if isinstance(path, str):
        file = files.get(path)
        known = file.text if file else None
        content = given.get("content")
        if isinstance(content, str):
            yield path, _New(content, "", _lines(known or "", content), whole=True)
        else:
            yield path, _replaced(known, given)
        return
    for text in (value for value in given.values() if isinstance(value, str)):
        if _is_patch(text):
            yield from _patched(text)


def _is_patch(text: str) -> bool:
    """Not words that happen to begin as a patch does; a pattern for all of it would take long on hostile ones."""
    lines = text.strip().split("\n")
    marked = [line for line in lines if line and not _PATCHED.fullmatch(line)]
    if not _PATCHED.fullmatch(lines[0]) or any(line[0] not in "+-@ " for line in marked):
        return False
    return bool(marked) or all(line.startswith("delete ") for line in lines if line)


def _patched(text: str) -> Iterator[tuple[str, _New]]:
    """Files of a patch as Codex writes them; only one that it adds is known afterwards."""
    heads = [*_PATCHED.finditer(text)]
    for head, after in zip(heads, [*heads[1:], None], strict=True):
        body = text[head.end() : after.start() if after else len(text)].strip("\n").split("\n")
        lines = [({"+": "add", "-": "del"}.get(line[:1], "ctx"), line[1:]) for line in body if line]
        if head[1] == "add":
            content = "".join(f"{line}\n" for kind, line in lines if kind == "add")
            yield head[2], _New(content, "", lines, whole=True)
        elif head[1] == "update":
            yield head[2], _New(None, "a patch changed parts of it", lines)
        elif head[1] == "move to":
            yield head[2], _New(None, "another file was moved here", lines)
        else:
            yield head[2], _New(None, "it was deleted", [])


def _replaced(known: str | None, given: Mapping[str, Any]) -> _New:
    edits = given.get("edits")
    parts = [part for part in edits if isinstance(part, dict)] if isinstance(edits, list) else [given]
    if isinstance(edits, list) and (not edits or len(parts) < len(edits)):
        return _New(None, "the call does not say how it changed the file", [])
    lines: list[Change] = []
    text, why = known, "" if known is not None else "what it was before is not in the log"
    whole = False
    for part in parts:
        old, new = (_first(part, name, f"{name}_string", f"{name}_str") for name in ("old", "new"))
        if old is not None and new is not None:
            lines += _lines(old, new)
            if old == "" and len(parts) == 1 and not known:
                text, why, whole = new, "", True
            elif text is not None:
                text, why = _substituted(text, old, new, everywhere=_is_set(part, "all", "replace_all"))
        elif new is not None:
            lines += [("add", line) for line in new.split("\n")]
            if text is not None:
                text, why = _at_lines(text, new, part)
        else:
            text, why = None, "the call does not say how it changed the file"
    return _New(text, why, lines, whole)


def _lines(old: str, new: str) -> list[Change]:
    """What differs, without what both begin and end with."""
    before, after = (text.removesuffix("\n").split("\n") if text else [] for text in (old, new))
    start, most = 0, min(len(before), len(after))
    while start < most and before[start] == after[start]:
        start += 1
    end = 0
    while end < most - start and before[-1 - end] == after[-1 - end]:
        end += 1
    before, after = before[start : len(before) - end], after[start : len(after) - end]
    if not before or not after or len(before) * len(after) > _COUNTED:
        return [*(("del", line) for line in before), *(("add", line) for line in after)]
    return [*changed_lines("\n".join(before), "\n".join(after))]


def _is_set(part: Mapping[str, Any], *names: str) -> bool:
    return any(str(part.get(name)).lower() == "true" for name in names)


def _first(part: Mapping[str, Any], *names: str) -> str | None:
    return next((value for name in names if isinstance(value := part.get(name), str)), None)


def _substituted(text: str, old: str, new: str, *, everywhere: bool) -> tuple[str | None, str]:
    times = text.count(old) if old else 0
    if times == 1 or (everywhere and times):
        return text.replace(old, new), ""
    return None, f"the text to replace stands {times} times in what was known"


def _at_lines(text: str, new: str, part: Mapping[str, Any]) -> tuple[str | None, str]:
    """Lines that are inserted, or take the place of others, by their numbers."""
    lines = text.split("\n")
    after, span = part.get("insert_line"), re.fullmatch(r"(\d+)-(\d+)", str(part.get("lines", "")))
    if isinstance(after, int) and 0 <= after <= len(lines):
        return "\n".join([*lines[:after], new.removesuffix("\n"), *lines[after:]]), ""
    if span and 1 <= int(span[1]) <= int(span[2]) <= len(lines):
        return "\n".join([*lines[: int(span[1]) - 1], new.removesuffix("\n"), *lines[int(span[2]) :]]), ""
    return None, "the call does not say how it changed the file"
