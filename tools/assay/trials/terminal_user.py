"""A person at a terminal who speaks as the user."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from types import FrameType
from typing import Any, Literal

import click

from assay.executors import EngineError
from assay.model.outcome import TestReport
from assay.model.trajectory import Step
from assay.simulation.contract import Facts, Move, State
from assay.trials.terminal_screen import Screen

COMMANDS = {
    ":check": "run the milestone's tests on a copy",
    ":next": "hand the milestone in and ask for the next",
    ":say-instruction": "send the instruction again",
    ":edit": "write the message in your editor",
    ":diff": "what has changed so far",
    ":show": "all of a step, `:show 14`, or of the last",
    ":status": "where the session stands",
    ":end": "end the session, as Ctrl-D does",
    ":quit": "break it off; what there is of it is kept",
    ":help": "this list; a command may be shortened",
}
KEYS = {
    "Enter": "sends; after `\\` the message goes on",
    "Ctrl-C": "interrupts the agent; twice: ends the session",
}
TWICE = 2.0
"""Seconds within which a second Ctrl-C asks whether the session is over."""
STUBBORN = 5.0
"""Seconds after which Ctrl-C leaves an agent that does not end its turn."""


class TerminalUser(ExitStack):
    """A `User` for one session, a context of the main thread: while it is open, Ctrl-C and a lost terminal are its own.

    `texts` are the written instructions of the milestones, in order, from the one that the session starts with.
    `check` runs the tests of a milestone on a copy of the work tree, `diff` gives its patch; both may raise
    EngineError. `interrupt` asks the agent to end its turn; it is called from another thread.
    """

    def __init__(
        self,
        task: str,
        texts: Mapping[str, str],
        *,
        check: Callable[[str], Sequence[TestReport]],
        diff: Callable[[], str],
        interrupt: Callable[[], None],
    ) -> None:
        super().__init__()
        self._task, self._texts, self._names = task, texts, list(texts)
        self._check, self._diff, self._interrupt = check, diff, interrupt
        self._screen = Screen()
        self._milestone = self._names[0]
        self._draft: tuple[str, str | None] | None = None
        """A text that Enter sends, and the milestone that it begins."""
        self._steps: dict[int, Step] = {}
        self._noted: dict[str, Any] = {}
        """What the person saw and did since the last message."""
        self._turns, self._seconds = 0, 0.0
        self._at: Literal["elsewhere", "prompt", "command", "agent"] = "elsewhere"
        self._presses: list[float] = []
        """When Ctrl-C was pressed during the agent's turn."""
        self._hung_up = False

    def __enter__(self) -> TerminalUser:
        import readline

        readline.set_auto_history(False)
        self._terminals = [number for number in (0, 1, 2) if os.isatty(number)]
        for number, handler in ((signal.SIGINT, self._pressed), (signal.SIGHUP, self._lost)):
            self.callback(signal.signal, number, signal.signal(number, handler))
        self.callback(self._screen.settle)
        return self

    def open(self) -> Move:
        """As in `User`."""
        self._offer(self._milestone)
        return self._converse()

    def next(self, facts: Facts) -> Move:
        """As in `User`."""
        self._at = "command"
        self._screen.settle()
        self._seconds = facts.seconds
        if self._presses:
            self._noted["interrupted"] = True
            self._screen.say("(interrupted)")
        elif not (facts.message or facts.calls):
            self._screen.say("(the agent ended its turn without a word)")
        self._screen.say("")
        twice = len(self._presses) > 1 and self._presses[-1] - self._presses[-2] < TWICE
        if self._hung_up or (twice and self._agrees("end the session?")):
            return self._over("DONE")
        return self._converse()

    def hear(self, step: Step) -> None:
        """As in `User`; returns at once."""
        self._steps[step.step_id] = step
        self._screen.show(step)

    def allow(self, command: str) -> bool:
        """As in `User`. Ctrl-C and the end of input refuse and interrupt the turn."""
        self._screen.settle()
        allowed = self._agrees("the agent asks whether it may run", command, at_end=None)
        self._noted.setdefault("allowed" if allowed else "refused", []).append(command)
        self._at = "agent"
        self._screen.work()
        if allowed is None:
            self._press()
        return bool(allowed)

    def tested(self, reports: Sequence[TestReport]) -> None:
        """Silent: who speaks as the user sees results when asking for them."""

    def _converse(self) -> Move:
        while True:
            line = self._read()
            word, _, rest = line.strip().partition(" ")
            try:
                if move := self._obey(word, rest.strip()) if line.startswith(":") else self._send(line.strip()):
                    return move
            except EngineError as error:
                self._screen.say(f"this did not work: {error}", "red")

    def _obey(self, word: str, rest: str) -> Move | None:
        known = [name for name in COMMANDS if name == word] or [name for name in COMMANDS if name.startswith(word)]
        match known[0] if len(known) == 1 else word:
            case ":check" | ":next" if not self._turns:
                self._screen.say(f"`{self._milestone}` has not been asked for yet")
            case ":check":
                self._run_check()
            case ":diff":
                self._screen.diff(self._diff() or "nothing has changed")
            case ":next":
                self._next()
            case ":say-instruction":
                self._offer(None if self._turns else self._milestone)
            case ":edit":
                self._edit()
            case ":show":
                self._show(rest)
            case ":status":
                self._status()
            case ":end":
                return self._over("DONE") if self._may_end() else None
            case ":quit":
                return self._over("ABORTED") if self._agrees("break the session off?") else None
            case ":help":
                self._screen.listed(COMMANDS | KEYS)
            case _:
                self._screen.say(f"`{word}` is no command; :help lists them")
        return None

    def _send(self, typed: str) -> Move | None:
        text, begins = self._draft or ("", None)
        text = typed or text
        if not text:
            return None
        self._draft, self._milestone = None, begins or self._milestone
        instruction = text == self._texts[self._milestone]
        noted, self._noted = {"rule": "person", "text": "instruction" if instruction else "own", **self._noted}, {}
        state: State = "WORKING" if self._turns else "OPEN"
        self._turns, self._presses, self._at = self._turns + 1, [], "agent"
        self._screen.work()
        return Move(state, text, begins, noted)

    def _over(self, state: State) -> Move:
        """A terminal that is gone breaks off: what the person would have said nobody knows."""
        self._at = "elsewhere"
        return Move("ABORTED" if self._hung_up else state, None, disclosure={"rule": "person", **self._noted})

    def _offer(self, begins: str | None) -> None:
        name = begins or self._milestone
        self._propose(self._texts[name], begins, f"{name}, milestone {self._place(name)}, as written:")

    def _propose(self, text: str, begins: str | None, title: str) -> None:
        self._draft = text, begins
        self._screen.say(f"\n{title}\n", "bold")
        self._screen.quote(text)
        self._screen.say(f"\nEnter sends it, :edit changes it, {'Ctrl-C drops it' if self._turns else ':help helps'}")

    def _next(self) -> None:
        later = self._names[self._names.index(self._milestone) + 1 :]
        if later:
            self._offer(later[0])
        else:
            self._screen.say("this is the last milestone; :end ends the session")

    def _edit(self) -> None:
        text, begins = self._draft or ("", None)
        try:
            edited = (click.edit(text, require_save=False, extension=".md") or "").strip()
        except click.ClickException as error:
            self._screen.say(f"{error.message}; set EDITOR")
            return
        if edited:
            self._propose(edited, begins, "your message:")

    def _run_check(self) -> None:
        self._screen.work("testing")
        try:
            reports = self._check(self._milestone)
        finally:
            self._screen.settle()
        for report in reports:
            self._noted.setdefault("checked", {})[report.milestone] = report.passed
            self._screen.say(_counts(report))

    def _show(self, number: str) -> None:
        wanted = int(number) if number.isdecimal() else max(self._steps, default=0) if not number else 0
        if wanted in self._steps:
            self._screen.whole(self._steps[wanted])
        else:
            known = f"{min(self._steps)} to {max(self._steps)}" if self._steps else "none yet"
            self._screen.say(f"the agent has no step `{number}`; its steps: {known}")

    def _status(self) -> None:
        calls = sum(len(step.tool_calls or ()) for step in self._steps.values())
        minutes = f"{self._seconds / 60:.0f} min of the agent's time"
        self._screen.say(f"{self._task}: {self._milestone}, milestone {self._place(self._milestone)}")
        self._screen.say(f"messages: {self._turns}, calls: {calls}, {minutes}")

    def _place(self, name: str) -> str:
        return f"{self._names.index(name) + 1} of {len(self._names)}"

    def _may_end(self) -> bool:
        left = self._names[self._names.index(self._milestone) + bool(self._turns) :]
        return not left or bool(self._agrees(f"not asked for yet: {', '.join(left)}; end the session?"))

    def _read(self) -> str:
        """One message, or a command. The end of input is `:end`."""
        import readline

        lines: list[str] = []
        while True:
            milestone = (self._draft and self._draft[1]) or self._milestone
            try:
                lines.append(self._line("... " if lines else f"{milestone}> "))
            except EOFError:
                self._screen.say("")
                return ":end"
            except KeyboardInterrupt:
                self._screen.say("" if lines or self._draft else "\n:end ends the session")
                lines = []
                self._draft = None if self._turns else self._draft
                continue
            if (len(lines[-1]) - len(lines[-1].rstrip("\\"))) % 2:
                lines[-1] = lines[-1][:-1]
                continue
            text = "\n".join(lines)
            if text.strip():
                readline.add_history(text)
            return text

    def _line(self, prompt: str) -> str:
        """Raises EOFError, and KeyboardInterrupt at Ctrl-C."""
        try:
            self._at = "prompt"
            return input(prompt).encode("utf-8", "surrogateescape").decode("utf-8", "replace")
        finally:
            self._at = "command"

    def _agrees(self, question: str, to: str = "", at_end: bool | None = True) -> bool | None:
        """Yes or no; `at_end` at the end of input, None at Ctrl-C."""
        self._screen.say(question, "yellow")
        self._screen.quote(to)
        while True:
            try:
                answer = self._line("[y/n] ").strip().lower()
            except (EOFError, KeyboardInterrupt) as leaving:
                self._screen.say("")
                return at_end if isinstance(leaving, EOFError) else None
            if answer in ("y", "yes", "n", "no"):
                return answer.startswith("y")

    def _pressed(self, number: int, frame: FrameType | None) -> None:
        """Ctrl-C. Elsewhere it means what it always does; a command goes on."""
        stubborn = self._presses and time.monotonic() - self._presses[0] > STUBBORN
        if self._at in ("prompt", "elsewhere") or (self._at == "agent" and stubborn):
            raise KeyboardInterrupt
        if self._at == "agent":
            self._press()

    def _press(self) -> None:
        """Not in this thread: it may have been stopped anywhere."""
        self._presses.append(time.monotonic())
        threading.Thread(target=self._stop, args=(self._turns,), daemon=True).start()

    def _stop(self, turn: int) -> None:
        self._screen.doing = "interrupting"
        self._interrupt()
        time.sleep(STUBBORN)
        if self._at == "agent" and turn == self._turns:
            self._screen.doing = "no end; Ctrl-C breaks off"

    def _lost(self, number: int, frame: FrameType | None) -> None:
        """The terminal is gone, as when a connection breaks: nothing can be shown or asked, but nothing is lost."""
        self._hung_up = True
        for stream in self._terminals:
            os.dup2(os.open(os.devnull, os.O_RDWR), stream)
        if self._at == "prompt":
            raise EOFError
        if self._at == "agent":
            self._press()


def _counts(report: TestReport) -> str:
    """How many tests passed, never which."""
    if report.passed is None:
        return f"{report.milestone}: no verdict ({report.outcome})"
    bad = sum(test.status in ("failed", "error") for test in report.tests)
    good = sum(test.status == "passed" for test in report.tests)
    return f"{report.milestone}: {'passed' if report.passed else 'not passed'} ({good} of {good + bad} tests)"
