"""Progress of stages on standard error: a moving bar for each task on a terminal, one line for each stage elsewhere."""

from __future__ import annotations

import sys
import threading
from collections.abc import Sequence
from types import TracebackType
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from assay.replay import Request
    from assay.stages import StageRun


class StageProgress:
    """Call it with a request and the stage that ended, or None when the request's image is ready."""

    def __init__(self, requests: Sequence[Request]) -> None:
        self._requests = requests
        self._bars: dict[str, TaskID] = {}
        self._rich: Progress | None = None
        self._lock = threading.Lock()

    def __enter__(self) -> StageProgress:
        if sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

            columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
            last = TextColumn("{task.fields[last]}")
            self._rich = Progress(*columns, last, console=Console(stderr=True), transient=True)
            for item in self._requests:
                total = len(item.plans)
                self._bars[item.task.id] = self._rich.add_task(item.task.id, total=total, last="building the image")
            self._rich.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._rich:
            self._rich.stop()

    def __call__(self, item: Request, run: StageRun | None) -> None:
        with self._lock:
            self._show(item, _said(run), run is not None)

    def _show(self, item: Request, text: str, ended: bool) -> None:
        if self._rich:
            self._rich.update(self._bars[item.task.id], advance=int(ended), last=text)
        else:
            click.echo(f"{item.task.id}: {text}", err=True)


def _said(run: StageRun | None) -> str:
    if run is None:
        return "the image is ready"
    stage = run.stage
    verdict = {True: "as expected", False: "NOT as expected", None: stage.outcome}[stage.holds]
    return f"{stage.name} {verdict} ({stage.seconds:.1f} s)"
