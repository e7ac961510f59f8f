"""Progress of stages on standard error: a moving bar for each task on a terminal, one line for each stage elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from assay.model.outcome import Stage
    from assay.replay.replays import Replay


class StageProgress:
    """Call it with a replay and what has ended: a stage, or another part of the proof in words."""

    def __init__(self, replays: Sequence[Replay]) -> None:
        self._replays = replays
        self._bars: dict[str, TaskID] = {}
        self._rich: Progress | None = None

    def __enter__(self) -> StageProgress:
        if sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

            columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
            last = TextColumn("{task.fields[last]}")
            self._rich = Progress(*columns, last, console=Console(stderr=True), transient=True)
            for item in self._replays:
                name, total = item.task.id, item.expected
                self._bars[name] = self._rich.add_task(name, total=total, last="building the image")
            self._rich.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._rich:
            self._rich.stop()

    def __call__(self, item: Replay, ended: Stage | str) -> None:
        text = ended if isinstance(ended, str) else _said(ended)
        if self._rich:
            bar = self._bars[item.task.id]
            self._rich.update(bar, completed=len(item.stages), total=item.expected, last=text)
        else:
            click.echo(f"{item.task.id}: {text}", err=True)


def _said(stage: Stage) -> str:
    verdict = stage.mutant or {True: "as expected", False: "NOT as expected", None: stage.outcome}[stage.holds]
    name = stage.name if stage.attempt == 1 else f"{stage.name} {stage.attempt}"
    return f"{name} {verdict} ({stage.seconds:.1f} s)"


@contextmanager
def advancing(words: str, total: int) -> Iterator[Callable[[int], None]]:
    """A bar on a terminal for work of equal parts; call what it gives with the number of parts that are done."""
    if not sys.stderr.isatty() or total < 5:
        yield lambda parts: None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as progress:
        bar = progress.add_task(words, total=total)
        yield lambda parts: progress.advance(bar, parts)
