"""A task folder as it lies on disk, whoever made it: read with tolerance, so that every defect can be reported.

Harbor 1.0 to 1.4 (`task.toml`; single-step, or milestones in `steps/`) and Terminal-Bench (`task.yaml`).
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from posixpath import splitext
from typing import Any, Literal

from assay.diagnostics import Diagnostic, Position
from assay.documents import Document, read

FILE_LIMIT = 1024 * 1024
"""Bytes of a file that rules read; what is larger is data."""
FILES_LIMIT = 5000
SINGLE = "task"
"""The name of the only milestone of a task without any."""


@dataclass(frozen=True)
class Source:
    """A text file of the task. `path` is relative to the task folder."""

    path: str
    text: str

    @property
    def suffix(self) -> str:
        """The file's extension in lower case, with its dot."""
        return splitext(self.path)[1].lower()


@dataclass(frozen=True)
class Goal:
    """A milestone, or the whole of a task without any. Paths are relative to the task folder."""

    name: str
    instructions: tuple[str, ...]
    tests: tuple[str, ...]
    """Every file its verifier sees below /tests: those of the task, then its own."""
    script: str | None
    """The one that runs the tests: test.sh, or run-tests.sh."""
    solutions: tuple[str, ...]
    """Files of the reference solution, the script that is run first among them."""
    separate: bool
    """Whether its tests run in a container of their own."""
    artifacts: tuple[str, ...]
    """Container paths that reach a separate verifier."""
    settings: Mapping[str, Any]
    """The milestone's own table of task.toml; empty for a task without milestones."""


class TaskFolder:
    """One task. Nothing in it is trusted to be well-formed; what cannot be read is a diagnostic."""

    def __init__(self, path: Path, shown: str | None = None) -> None:
        self.path = path
        self.name = path.name
        self.shown = shown if shown is not None else path.as_posix()
        """How the folder is called in findings."""
        self.diagnostics: list[Diagnostic] = []

    def at(self, file: str, line: int, rule: str, message: str, *, column: int = 1, hint: str = "") -> Diagnostic:
        """A finding in a file of the task, or about the whole task when `file` is empty."""
        place = f"{self.shown}/{file}" if file else self.shown
        return Diagnostic.at(place, Position(line, column), rule, message, hint=hint)

    def at_setting(self, loc: Sequence[str | int], rule: str, message: str, *, hint: str = "") -> Diagnostic:
        """A finding at a value of the task's settings file, or at the deepest part of `loc` that it has."""
        position = self.document.position(loc) if self.document else Position(1, 1)
        return self.at(self.settings_file, position.line, rule, message, column=position.column, hint=hint)

    @cached_property
    def kind(self) -> Literal["harbor", "terminal-bench"]:
        """Whose layout the folder has."""
        legacy = (self.path / "task.yaml").is_file() and not (self.path / "task.toml").is_file()
        return "terminal-bench" if legacy else "harbor"

    @property
    def settings_file(self) -> str:
        """`task.toml` or `task.yaml`."""
        return "task.yaml" if self.kind == "terminal-bench" else "task.toml"

    @cached_property
    def document(self) -> Document | None:
        """The settings file; None when it cannot be read, which is a diagnostic."""
        if not self.has(self.settings_file) or (self.path / self.settings_file).stat().st_size > FILE_LIMIT:
            message = f"must be a file of at most {FILE_LIMIT} bytes"
            self.diagnostics.append(self.at(self.settings_file, 1, "document-unreadable", message))
            return None
        document, found = read(self.path / self.settings_file, f"{self.shown}/{self.settings_file}")
        self.diagnostics += found
        return document if document is not None and isinstance(document.data, dict) else None

    @property
    def settings(self) -> Mapping[str, Any]:
        """The settings file's data; empty when unreadable."""
        return self.document.data if self.document else {}

    def setting(self, *loc: str | int) -> Any:
        """A value of the settings file; None where there is none."""
        return _inside(self.settings, loc)

    @cached_property
    def files(self) -> tuple[str, ...]:
        """Every regular file, sorted; links that leave the folder and what lies in `.git` are left out."""
        found: list[str] = []
        folders = [""]
        while folders and len(found) <= FILES_LIMIT:
            below = folders.pop()
            for entry in _entries(f"{self.path}/{below}"):
                name = f"{below}{entry.name}"
                if entry.is_dir(follow_symlinks=False):
                    folders += [f"{name}/"] if entry.name != ".git" else []
                elif entry.is_file(follow_symlinks=False) or (entry.is_symlink() and self._owns(Path(entry.path))):
                    found.append(name)
        return tuple(sorted(found)[:FILES_LIMIT])

    def _owns(self, link: Path) -> bool:
        return link.is_file() and link.resolve().is_relative_to(self.path.resolve())

    def below(self, *folders: str) -> tuple[str, ...]:
        """The files in any of `folders`."""
        starts = tuple(f"{folder.rstrip('/')}/" for folder in folders)
        return tuple(file for file in self.files if file.startswith(starts))

    def has(self, file: str) -> bool:
        """Whether the task has this file."""
        return (self.path / file).is_file()

    def content(self, file: str) -> bytes:
        """The start of a file; empty when it cannot be read."""
        try:
            with (self.path / file).open("rb") as opened:
                return opened.read(FILE_LIMIT)
        except OSError:
            return b""

    def text(self, file: str) -> str | None:
        """A file as text; None for what is binary, or not there."""
        if file not in self._texts:
            content = self.content(file) if self.has(file) else b"\0"
            self._texts[file] = None if b"\0" in content[:8192] else content.decode("utf-8", "replace")
        return self._texts[file]

    @cached_property
    def _texts(self) -> dict[str, str | None]:
        return {}

    def sources(self, files: Sequence[str], *suffixes: str) -> Iterator[Source]:
        """The text files among `files`, those with one of `suffixes` when any are given."""
        for file in files:
            if not suffixes or splitext(file)[1].lower() in suffixes:
                text = self.text(file)
                if text is not None:
                    yield Source(file, text)

    @cached_property
    def goals(self) -> tuple[Goal, ...]:
        """The milestones in order, or the task itself."""
        if self.kind == "terminal-bench":
            return (self._legacy_goal(),)
        steps = self.settings.get("steps")
        tables = [step for step in steps if isinstance(step, dict)] if isinstance(steps, list) else []
        named = [step for step in tables if isinstance(step.get("name"), str) and _portable(step["name"])]
        return tuple(self._goal(step) for step in named) or (self._goal(None),)

    def _goal(self, step: Mapping[str, Any] | None) -> Goal:
        own = f"steps/{step['name']}" if step else "."
        scripts = [f"{own}/tests/test.sh", "tests/test.sh"] if step else ["tests/test.sh"]
        instructions = [f"{own}/instruction.md", "instruction.md"] if step else ["instruction.md"]
        folders = [f"{own}/solution", "solution"] if step else ["solution"]
        solutions = self.below(*folders)
        return Goal(
            name=str(step["name"]) if step else SINGLE,
            instructions=tuple(file for file in instructions if self.has(file)),
            tests=self.below("tests", f"{own}/tests") if step else self.below("tests"),
            script=next((file for file in scripts if self.has(file)), None),
            solutions=tuple(sorted(solutions, key=lambda file: (not file.endswith("/solve.sh"), file))),
            separate=self._separate(step or {}),
            artifacts=tuple(
                _artifacts(self.settings),
            )
            + tuple(_artifacts(step or {})),
            settings=step or {},
        )

    def _legacy_goal(self) -> Goal:
        solutions = tuple(file for file in ("solution.sh", "solution.yaml") if self.has(file))
        script = "run-tests.sh" if self.has("run-tests.sh") else None
        tests = self.below("tests") + ((script,) if script else ())
        return Goal(SINGLE, (), tests, script, solutions, False, (), {})

    def _separate(self, step: Mapping[str, Any]) -> bool:
        for table in (step.get("verifier"), self.settings.get("verifier")):
            if isinstance(table, dict) and (table.get("environment_mode") or table.get("environment")):
                return bool(table.get("environment_mode", "separate") == "separate")
        return False

    @cached_property
    def instruction_texts(self) -> tuple[Source, ...]:
        """What the agent is told: the instruction files, or the text in task.yaml."""
        if self.kind == "terminal-bench":
            text = self.settings.get("instruction")
            return (Source("task.yaml", text),) if isinstance(text, str) else ()
        files = dict.fromkeys(file for goal in reversed(self.goals) for file in reversed(goal.instructions))
        return tuple(self.sources(tuple(reversed(files))))

    @property
    def context(self) -> str:
        """The folder of the image's build context; empty for the task folder itself."""
        return "" if self.kind == "terminal-bench" else "environment"

    @cached_property
    def context_files(self) -> tuple[str, ...]:
        """Files of the build context. A Terminal-Bench context is the whole task: what it copies is what counts."""
        own = ("tests", "solution.sh", "solution.yaml", "run-tests.sh", "task.yaml")
        if self.kind == "terminal-bench":
            return tuple(file for file in self.files if not file.startswith(own))
        return self.below("environment")

    @cached_property
    def dockerfile(self) -> Source | None:
        """What the agent's image is built from."""
        name = f"{self.context}/Dockerfile".lstrip("/")
        return next(self.sources((name,)), None) if self.has(name) else None

    @cached_property
    def tests(self) -> tuple[str, ...]:
        """Every file that only verifiers see."""
        return tuple(dict.fromkeys(file for goal in self.goals for file in goal.tests))

    @cached_property
    def scripts(self) -> tuple[Source, ...]:
        """The scripts that run tests, each once."""
        return tuple(self.sources(tuple(dict.fromkeys(goal.script for goal in self.goals if goal.script))))

    @cached_property
    def solutions(self) -> tuple[str, ...]:
        """Every file of the reference solutions."""
        return tuple(dict.fromkeys(file for goal in self.goals for file in goal.solutions))

    @cached_property
    def agent_visible(self) -> tuple[Source, ...]:
        """Everything the agent may read: the instructions, and what the image and the milestones put into its tree."""
        given = tuple(file for file in self.files if file.startswith("steps/") and "/workdir/" in file)
        return (*self.instruction_texts, *self.sources(self.context_files), *self.sources(given))

    @property
    def workdir(self) -> str:
        """The directory the agent works in; /app unless the settings say otherwise."""
        found = self.setting("environment", "workdir")
        return found if isinstance(found, str) and found.startswith("/") else "/app"


def _entries(folder: str) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as found:
            return sorted(found, key=lambda entry: entry.name)
    except OSError:
        return []


def _inside(data: Any, loc: Sequence[str | int]) -> Any:
    for part in loc:
        try:
            data = data[part]
        except (KeyError, IndexError, TypeError):
            return None
    return data


def _artifacts(table: Mapping[str, Any]) -> Iterator[str]:
    items = table.get("artifacts")
    for item in items if isinstance(items, list) else ():
        source = item.get("source") if isinstance(item, dict) else item
        if isinstance(source, str):
            yield source


def _portable(name: str) -> bool:
    return bool(name) and "/" not in name and "\\" not in name and name not in (".", "..")
