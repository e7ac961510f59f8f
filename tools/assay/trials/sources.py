"""Where a recorded attempt's actions come from: a script, or a person at the terminal."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import click

from assay.documents import read, validate
from assay.errors import UsageError
from assay.executors import Executed
from assay.model.attempt import Action, AttemptScript
from assay.model.outcome import TestReport
from assay.workspace import Task

HELP = "a command, :say TEXT, :done to hand in the milestone, :quit to stop; Ctrl-C ends a running command"
_INCOMPLETE = ("unexpected end of file", "unexpected EOF", "delimited by end-of-file")


class Script:
    """Plays an attempt script and says on standard error how far it is."""

    interruptible = False

    def __init__(self, script: AttemptScript) -> None:
        self._script = script
        self._count = 0

    def actions(self, milestone: str, instruction: str) -> Iterator[Action] | None:
        """The script's own; None where it stops early."""
        part = next((part for part in self._script.milestones if part.milestone == milestone), None)
        return iter(part.steps) if part else None

    def show(self, piece: bytes) -> None:
        """Output is recorded, not shown."""

    def ended(self, executed: Executed) -> None:
        """One line for each command."""
        self._count += 1
        click.echo(f"command {self._count}: exit {executed.exit_code}, {executed.seconds:.1f} s", err=True)

    def tested(self, reports: Iterable[TestReport]) -> None:
        """How the milestones stand."""
        click.echo(f"tests: {_standing(reports)}", err=True)


def read_script(file: Path, task: Task) -> Script:
    """Raises UsageError when the file is not a script for `task`."""
    document, found = read(file, str(file))
    record, more = validate(document, AttemptScript) if document else (None, [])
    if record is None:
        problem = [*found, *more][0]
        place = f"{problem.path}:{problem.line}:{problem.column}"
        raise UsageError("bad-script", f"{place}: {problem.message}", problem.hint)
    names = tuple(part.milestone for part in record.milestones)
    if record.task != task.id:
        raise UsageError("bad-script", f"{file} is an attempt at `{record.task}`, not at `{task.id}`")
    if task.milestones and names != task.milestones[: len(names)]:
        wanted = ", ".join(task.milestones)
        raise UsageError("bad-script", f"{file} must go through the milestones in order ({wanted}); it has {names}")
    return Script(record)


class Terminal:
    """Asks a person for commands. Lines are collected until they are a whole command."""

    interruptible = True

    def __init__(self, task: str, *, show_results: bool) -> None:
        self._task = task
        self._show_results = show_results
        self._stopped = False

    def actions(self, milestone: str, instruction: str) -> Iterator[Action] | None:
        """Reads until `:done`; None after `:quit`."""
        return None if self._stopped else self._read(milestone, instruction)

    def _read(self, milestone: str, instruction: str) -> Iterator[Action]:
        click.secho(f"\n{instruction}\n", bold=True)
        click.echo(HELP)
        said: list[str] = []
        while True:
            line = self._line(f"{self._task}/{milestone} $ ")
            word, _, rest = line.partition(" ")
            if word == ":say" and rest.strip():
                said.append(rest.strip())
            elif word in (":done", ":quit"):
                self._stopped = word == ":quit"
                click.echo("handed in; the tests run now")
                break
            elif line.startswith(":") and word != ":":
                click.echo(HELP)
            elif line.strip():
                yield Action(say="\n".join(said), run=line)
                said = []
        if said:
            yield Action(say="\n".join(said))

    def _line(self, prompt: str) -> str:
        """One whole command, or one line that starts with a colon. A second Ctrl-C in a row breaks off."""
        lines: list[str] = []
        warned = False
        while True:
            try:
                lines.append(input("> " if lines else prompt))
            except EOFError:
                click.echo()
                return ":quit"
            except KeyboardInterrupt:
                if warned:
                    raise
                click.echo("\n:quit stops and keeps the attempt; Ctrl-C again throws it away")
                lines, warned = [], True
                continue
            text = "\n".join(lines)
            if text.startswith(":") or not incomplete(text):
                return text

    def show(self, piece: bytes) -> None:
        """Output as it comes."""
        sys.stdout.buffer.write(piece)
        sys.stdout.buffer.flush()

    def ended(self, executed: Executed) -> None:
        """Says only what output does not show."""
        if executed.exit_code == 124:
            click.echo("(stopped: the command took too long)")
        elif executed.exit_code:
            click.echo(f"(exit {executed.exit_code})")

    def tested(self, reports: Iterable[TestReport]) -> None:
        """Silent unless asked for: whoever attempts a task does not see its tests."""
        if self._show_results:
            click.echo(f"tests: {_standing(reports)}")


def incomplete(text: str) -> bool:
    """Whether a shell would ask for another line: an open quote, block, here-document or a trailing backslash."""
    if (len(text) - len(text.rstrip("\\"))) % 2:
        return True
    checked = subprocess.run(
        ["bash", "-n"], input=text, capture_output=True, text=True, check=False, env={"LC_ALL": "C"}
    )
    return any(sign in checked.stderr for sign in _INCOMPLETE)


def _standing(reports: Iterable[TestReport]) -> str:
    words = {True: "passed", False: "failed", None: "invalid"}
    return ", ".join(f"{report.milestone} {words[report.passed]}" for report in reports)
