"""Rules on what would tell an annotator who made an attempt: in texts and in names, while it is not published."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from assay.diagnostics import Diagnostic, Position, Severity
from assay.masking.files import Found, leaks, names
from assay.rules import declare, rule
from assay.sealing.places import is_seal
from assay.workspace import SETTINGS, Workspace

_SEALED = ("identities.age", "commitments.json")
_ALLOW = "mask it, or allow it in assay.toml: `[[mask.allow]]` with `term`, `task` and `reason`"

declare(
    "mask-possible",
    """What may tell who made an attempt, and may be the task's own, has been looked at.

A vendor's name can be a package that the task is about, a first name a customer in its data. No machine can tell;
a person decides, and either masks the place or allows the term.

Bad:
    # in the output of a command in trajectory.json
    export OPENAI_API_KEY=sk-fake

Good:
    # assay.toml
    allow = [{term = "openai", task = "row-merge", reason = "the task is a client of that API"}]
""",
    Severity.NOTE,
)


@rule("mask-content")
def mask_content(workspace: Workspace) -> Iterator[Diagnostic]:
    """No file of an attempt names its agent, model, vendor or scaffold, nor holds their ids and paths.

    Whoever knows the maker grades the maker. What is possible but not certain is reported as `mask-possible`. Once a
    task's identities are published, nothing is left to hide. Agents' habits stay: this finds words only.

    Bad:
        "message": "I am Claude Code. I will read the parser first."

    Good:
        "message": "I am [agent]. I will read the parser first."
    """
    for task, file in _attempt_files(workspace):
        yield from _in_file(workspace, task, file, "mask-content", _ALLOW)


@rule("mask-prose")
def mask_prose(workspace: Workspace) -> Iterator[Diagnostic]:
    """Annotations, reviews and escalations name no agent, except in `identity_guess`.

    Whoever reads a colleague's guess in a rationale is not blind any more. The field `identity_guess` is there for it:
    it is shown to nobody before the identities are, and it measures how well masking worked.

    Bad:
        rationale: |
          This looks like Sonnet: it claims success [step:5 "All tests pass"].

    Good:
        rationale: |
          It claims success [step:5 "All tests pass"].
        identity_guess: {agent: sonnet, confidence: 0.6, cue: "claims success"}
    """
    hint = "leave it out; `identity_guess` is the place for it"
    for task in workspace.tasks:
        if task not in workspace.openings:
            for file in _files(workspace.root / "annotations" / task):
                yield from _in_file(workspace, task, file, "mask-prose", hint)


@rule("mask-name")
def mask_name(workspace: Workspace) -> Iterator[Diagnostic]:
    """No alias, file or folder is called after an agent.

    Names are seen before any text is, in lists, links and pull requests, and the history of the repository keeps them.

    Bad:
        trajectories/row-merge/claude-run-2/trajectory.json

    Good:
        trajectories/row-merge/brisk-otter/trajectory.json
    """
    places = [
        (task, workspace.root / top / task) for top in ("trajectories", "annotations") for task in workspace.tasks
    ]
    for task, folder in places:
        for file in _files(folder) if task not in workspace.openings else ():
            path = file.relative_to(workspace.root).as_posix()
            inside = file.relative_to(folder).as_posix()
            for leak in names(inside, task, workspace.settings.mask) if workspace.wanted(path) else ():
                message = f"the name tells who made it: `{leak.term}` ({leak.kind})"
                hint = "rename it; aliases are drawn by lot"
                yield Diagnostic.at(path, Position(1, 1), "mask-name", message, hint=hint)


@rule("mask-allow-unused", Severity.WARNING, about=SETTINGS)
def mask_allow_unused(workspace: Workspace) -> Iterator[Diagnostic]:
    """Every term that `[mask]` allows is in the files of its task.

    An exception that nothing needs any more would let the next leak pass.

    Bad:
        # no file of row-merge says so
        allow = [{term = "openai", task = "row-merge", reason = "the task is a client of that API"}]

    Good:
        allow = []
    """
    policy = workspace.settings.mask
    strict = policy.model_copy(update={"allow": []})
    for number, item in enumerate(policy.allow):
        files = [file for task, file in _attempt_files(workspace, everything=True) if task == item.task]
        files += _files(workspace.root / "annotations" / item.task)
        found = (one for file in files for one in leaks(file.name, _text(workspace, file), item.task, strict))
        if not any(item.term.lower() in (one.leak.term, one.text.lower()) for one in found):
            position = workspace.documents[SETTINGS].position(("mask", "allow", number, "term"))
            message = f"`{item.term}` is allowed for `{item.task}`, where it is not found"
            yield Diagnostic.at(SETTINGS, position, "mask-allow-unused", message, hint="remove the exception")


def _attempt_files(workspace: Workspace, everything: bool = False) -> Iterator[tuple[str, Path]]:
    for task, attempts in workspace.attempts.items():
        if everything or task not in workspace.openings:
            yield from ((task, file) for attempt in attempts.values() for file in _files(attempt.folder))


def _files(folder: Path) -> Iterator[Path]:
    for place, folders, files in os.walk(folder):
        folders.sort()
        yield from (Path(place, name) for name in sorted(files) if name not in _SEALED and not is_seal(name))


def _text(workspace: Workspace, file: Path) -> str:
    """Empty for what is no text."""
    document = workspace.documents.get(file.relative_to(workspace.root).as_posix())
    if document is not None:
        return document.text
    content = file.read_bytes() if file.is_file() else b""
    return "" if b"\0" in content else content.decode("utf-8", errors="replace")


def _in_file(workspace: Workspace, task: str, file: Path, name: str, hint: str) -> Iterator[Diagnostic]:
    path = file.relative_to(workspace.root).as_posix()
    if not workspace.wanted(path):
        return
    text = _text(workspace, file)
    for found in leaks(path, text, task, workspace.settings.mask):
        rule_id = name if found.leak.certain else "mask-possible"
        yield Diagnostic.at(path, _position(text, found.leak.start), rule_id, _message(found), hint=hint)


def _message(found: Found) -> str:
    step = "" if found.step is None else f"; first in step {found.step}"
    return f"{found.words} {'tells' if found.leak.certain else 'may tell'} who made it{step}"


def _position(text: str, at: int) -> Position:
    return Position(text.count("\n", 0, at) + 1, at - text.rfind("\n", 0, at))
