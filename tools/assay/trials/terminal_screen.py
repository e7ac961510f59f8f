"""What a person at a terminal sees of an agent at work: the text of the recorded steps, and how long it has been.

Timing tells agents apart, so a step is shown whole once it is recorded, never word by word, at most one in `PACE`
seconds, and durations are whole seconds. What cannot be hidden: how long a turn takes, how much an agent says at once,
and that some agents show all their steps at the end of a turn. Everything of the agent's is indented; what stands in
the first column is ours.
"""

from __future__ import annotations

import json
import queue
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from assay.model.trajectory import Step, ToolCall, plain
from assay.pages.inert import visible

PACE = 0.15
"""Seconds between steps."""
GUTTER = 4
MESSAGE, OUTPUT = (30, 10), (8, 4)
"""Lines shown of the beginning and of the end of what is longer."""
_LONG = re.compile("(.{400})(.+)")
_MARKDOWN = {
    r"(?m)^#{1,6} .*$|\*\*[^*\n]+\*\*": "bold",
    r"(?ms)^```.*?^```$|`[^`\n]+`": "cyan",
}
_DIFF = {r"(?m)^\+.*$": "green", r"(?m)^-.*$": "red", r"(?m)^@@.*$": "cyan", r"(?m)^(diff|---|\+\+\+) .*$": "bold"}
Part = tuple[int, str, str]
"""Indent, text and style; text without style is light Markdown."""


class Screen:
    """Standard output. While somebody works, a thread of its own writes there and nobody else does."""

    def __init__(self) -> None:
        self._console = Console(highlight=False, markup=False, emoji=False)
        self._dots = "\u2026" if self._console.encoding.startswith("utf") else "..."
        self._moving = self._console.is_terminal and not self._console.is_dumb_terminal
        self._steps: queue.Queue[Step | None] = queue.Queue()
        self._player: threading.Thread | None = None
        self._began = 0.0
        self.doing = ""
        """What the status line says before the seconds."""

    def work(self, doing: str = "working") -> None:
        """Somebody is at work now, until `settle`."""
        self.doing, self._began = doing, time.monotonic()
        self._player = threading.Thread(target=self._play, daemon=True)
        self._player.start()

    def show(self, step: Step) -> None:
        """In its turn, without waiting for it."""
        self._steps.put(step)

    def settle(self) -> None:
        """Wait until everything has been shown."""
        if self._player:
            self._steps.put(None)
            self._player.join()
            self._player = None

    def _play(self) -> None:
        while True:
            try:
                step = self._steps.get(timeout=0.25)
            except queue.Empty:
                self._status(f"{self.doing} {int(time.monotonic() - self._began)} s")
                continue
            self._status("")
            if step is None:
                return
            self._print(step, whole=False)
            time.sleep(PACE)

    def _status(self, text: str) -> None:
        if self._moving:
            self._console.file.write(f"\r\x1b[2K{text[: self._console.width - 1]}")
            self._console.file.flush()

    def _clear(self, text: str) -> str:
        """Before lines are broken: the locale may know fewer characters, and those that stand for one take room."""
        return visible(text).encode(self._console.encoding, "backslashreplace").decode(self._console.encoding)

    def say(self, text: str, style: str = "") -> None:
        """Lines of ours."""
        self._console.print(Text(self._clear(text), style))

    def quote(self, text: str, styles: Mapping[str, str] = MappingProxyType({})) -> None:
        """All of a text that is not ours; `styles` by pattern."""
        for row in self._wrapped(_styled(self._clear(text), styles), GUTTER) if text else ():
            self._console.print(Text(" " * GUTTER) + row)

    def listed(self, entries: Mapping[str, str]) -> None:
        """Words and what they mean."""
        table = Table.grid(padding=(0, 2))
        for name, meaning in entries.items():
            table.add_row(Text(name, "bold", no_wrap=True), Text(meaning))
        self._console.print(table)

    def whole(self, step: Step) -> None:
        """Nothing folded, through a pager when it is long."""
        self._paged(lambda: self._print(step, whole=True))

    def diff(self, patch: str) -> None:
        """A patch, through a pager when it is long."""
        self._paged(lambda: self.quote(patch.rstrip("\n"), _DIFF))

    def _paged(self, write: Callable[[], None]) -> None:
        with self._console.capture() as captured:
            write()
        text = captured.get()
        if self._console.is_terminal and text.count("\n") >= self._console.height:
            click.echo_via_pager(text)
        else:
            self._console.file.write(text)
            self._console.file.flush()

    def _print(self, step: Step, *, whole: bool) -> None:
        number = f"{step.step_id:>{GUTTER - 1}} "
        for indent, text, style in self._parts(step, whole=whole):
            part = Text(text, style) if style else _styled(text, _MARKDOWN)
            for row in self._wrapped(part, GUTTER + indent):
                self._console.print(Text(number, "dim") + Text(" " * indent) + row)
                number = " " * GUTTER

    def _wrapped(self, text: Text, indent: int) -> Iterator[Text]:
        return iter(text.wrap(self._console, max(16, self._console.width - indent), overflow="fold", tab_size=4))

    def _parts(self, step: Step, *, whole: bool) -> Iterator[Part]:
        """A step from top to bottom."""
        note = None if whole else f"more lines, :show {step.step_id}"
        if whole and step.reasoning_content:
            yield from self._folded((0, step.reasoning_content, "dim"), MESSAGE, note)
        yield from self._folded((0, step.text, ""), MESSAGE, note)
        for call in step.tool_calls or ():
            yield from self._folded((0, called(call), "bold"), OUTPUT, note)
            result = step.result_of(call)
            if result is None:
                yield 0, "(no result)", "yellow"
                continue
            yield from self._folded((2, plain(result.content), "dim"), OUTPUT, note)
            if result.exit_code or (result.extra or {}).get("is_error"):
                yield 0, _failure(result.exit_code, result.seconds), "red"

    def _folded(self, part: Part, limit: tuple[int, int], note: str | None) -> Iterator[Part]:
        """Without the middle of a long text, or all of it when there is no note to stand for it."""
        indent, text, style = part
        text = self._clear(text).strip("\n")
        if note and limit is OUTPUT:
            text = _LONG.sub(lambda line: f"{line[1]}{self._dots} {len(line[2])} more characters", text)
        lines, (first, last) = text.split("\n"), limit
        hidden = len(lines) - first - last
        if note is None or hidden <= 1:
            yield from [(indent, text, style)] if text.strip() else []
            return
        yield indent, "\n".join(lines[:first]), style
        yield indent, f"{self._dots} {hidden} {note}", "italic"
        yield indent, "\n".join(lines[-last:]), style


def called(call: ToolCall) -> str:
    """A call as text: a shell's command after `$`, or the tool's name; then its other arguments."""
    rest = dict(call.arguments)
    head = call.function_name
    if head == "shell" and isinstance(rest.get("command"), str):
        head = f"$ {rest.pop('command')}"
    elif isinstance(path := rest.get("path"), str) and "\n" not in path:
        head = f"{head} {rest.pop('path')}"
    values = {name: value if isinstance(value, str) else json.dumps(value) for name, value in rest.items()}
    return "\n".join([head, *(f"{name}: {value}" for name, value in values.items())])


def _styled(text: str, styles: Mapping[str, str]) -> Text:
    styled = Text(text)
    for pattern, style in styles.items():
        styled.highlight_regex(pattern, style)
    return styled


def _failure(exit_code: int | None, seconds: float | None) -> str:
    spent = f", {seconds:.0f} s" if seconds and seconds >= 1 else ""
    return (f"exit {exit_code}" if exit_code else "failed") + spent
