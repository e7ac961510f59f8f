"""What a scripted policy knows of a task, read from the task's folder."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TypeVar

from assay.archives import absolute
from assay.documents import read, validate
from assay.errors import UsageError
from assay.model.base import Record
from assay.model.task import TaskFile
from assay.model.user import Intent, SimulatedUser

SCRIPT = "solve.sh"
_PARAGRAPHS = re.compile(r"\n\s*\n")
R = TypeVar("R", bound=Record)


@dataclass(frozen=True)
class File:
    """One file of a solution, by its path in the solution's folder."""

    path: str
    content: bytes
    executable: bool = False


@dataclass(frozen=True)
class Fact:
    """Something that the user tells when asked: by which word, and in what words."""

    keyword: str
    texts: tuple[str, ...]
    context: bool
    """Whether it belongs to a full description of the job; corrections do not."""

    def told_in(self, said: str) -> bool:
        """Whether a text holds it, blanks aside."""
        return any(text in said for text in self.texts)


@dataclass(frozen=True)
class Goal:
    """A milestone."""

    name: str
    requests: tuple[str, ...]
    """Texts by which it is asked for, one of them enough."""
    hidden: tuple[Fact, ...]
    solution: tuple[File, ...]
    """With solve.sh among them; empty when the task has no solution for it."""

    @property
    def title(self) -> str:
        """Its name in a sentence."""
        return self.name.replace("-", " ")

    def asked_in(self, said: str) -> bool:
        """Whether a text asks for it, blanks aside."""
        return any(text in said for text in self.requests)


@dataclass(frozen=True)
class Material:
    """A task: its milestones in order, and what is handed in, as paths below the work directory."""

    goals: tuple[Goal, ...]
    handed_in: tuple[str, ...]


def plain(text: str) -> str:
    """A text with single blanks."""
    return " ".join(text.split())


def load_material(folder: Path) -> Material:
    """From a task's folder. Raises UsageError when its task.toml or user.yaml cannot be read."""
    task = _record(folder / "task.toml", TaskFile)
    user = _record(folder / "user.yaml", SimulatedUser) if (folder / "user.yaml").is_file() else None
    intents = user.intents if user else []
    goals = (_goal(folder, name, [item for item in intents if item.milestone == name]) for name in task.milestones)
    return Material(tuple(goals), _handed_in(folder, task))


def _record(file: Path, model: type[R]) -> R:
    document, found = read(file, str(file))
    if document is not None:
        record, more = validate(document, model)
        if record is not None:
            return record
        found = [*found, *more]
    first = found[0]
    reason = f"{file}:{first.line}: {first.message}"
    raise UsageError("unreadable-task", reason, "`assay check` tells all that is wrong with a task")


def _goal(folder: Path, name: str, intents: Sequence[Intent]) -> Goal:
    written = folder / "steps" / name / "instruction.md"
    text = written.read_text(encoding="utf-8", errors="replace") if written.is_file() else ""
    # The longest paragraph stands for the whole: what is sent may lack a canary line, or the blanks at its ends.
    marks = [max(_PARAGRAPHS.split(text), key=len).strip() or f"Milestone `{name}`."]
    marks += [text for intent in intents if intent.kind == "request" for text in intent.says]
    hidden = [
        Fact(trigger.on_ask[0], tuple(map(plain, intent.says)), intent.kind == "context")
        for intent in intents
        for trigger in intent.reveal
        if trigger.on_ask
    ]
    return Goal(name, tuple(map(plain, marks)), tuple(hidden), _solution(folder, name))


def _solution(folder: Path, name: str) -> tuple[File, ...]:
    """The files of the reference, those of the milestone laid over those of the whole task."""
    found: dict[str, File] = {}
    for base in (folder / "solution", folder / "steps" / name / "solution"):
        for file in sorted(base.rglob("*")):
            if file.is_file():
                path = file.relative_to(base).as_posix()
                found[path] = File(path, file.read_bytes(), os.access(file, os.X_OK) and path != SCRIPT)
    return tuple(found[path] for path in sorted(found)) if SCRIPT in found else ()


def _handed_in(folder: Path, task: TaskFile) -> tuple[str, ...]:
    """What leaves the container; when that is the whole work directory, what the image was given for it."""
    workdir = PurePosixPath(task.workdir)
    sources = {absolute(item.source, task.workdir) for name in task.milestones for item in task.artifacts_of(name)}
    below = [path.relative_to(workdir) for path in sources if path.is_relative_to(workdir) and path != workdir]
    if not below:
        given = folder / "environment" / workdir.name
        below = [PurePosixPath(path.name) for path in given.iterdir()] if given.is_dir() else []
    return tuple(sorted(map(str, below)))
