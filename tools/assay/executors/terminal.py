"""A person at a shell in a container: their terminal is carried there and back, and what it shows is passed on."""

from __future__ import annotations

import io
import os
import select
import signal
import termios
import threading
import tty
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any

from assay.executors import EngineError
from assay.executors.pipe import hang_up
from assay.executors.shell import Host

_LOOK = 0.1
"""Seconds between two looks whether the program has ended."""


def interact(
    engine: Host, container: str, command: Sequence[str], *, workdir: str, user: str, watch: Callable[[bytes], None]
) -> int:
    """Run `command` at this process's terminal until it ends; its exit status. `watch` gets all that is shown.

    Ctrl-C goes to the program. Raises EngineError, and KeyboardInterrupt when this terminal is gone.
    """
    api, keyboard, screen = engine.api, 0, 1
    variables = {"TERM": "dumb" if os.environ.get("TERM", "dumb") == "dumb" else "xterm"}
    with engine.translated("start a shell"):
        created = api.exec_create(
            container, list(command), stdin=True, tty=True, environment=variables, workdir=workdir, user=user
        )["Id"]
        connection = api.exec_start(created, socket=True, tty=True)
    connection._sock.settimeout(None)

    def resize(number: int = 0, frame: FrameType | None = None) -> None:
        size = os.get_terminal_size(screen)
        with suppress(EngineError), engine.translated("resize a terminal"):
            api.exec_resize(created, height=size.lines, width=size.columns)

    reader = threading.Thread(target=_show, args=(connection, screen, watch), daemon=True, name="screen")
    try:
        with _raw(keyboard), _resizing(resize):
            reader.start()
            while reader.is_alive():
                ready, _, _ = select.select([keyboard], [], [], _LOOK)
                if ready:
                    if not (keys := os.read(keyboard, 1024)):
                        raise KeyboardInterrupt  # nobody is there any more
                    with suppress(OSError):  # it has ended just now
                        connection._sock.sendall(keys)
        reader.join()
    finally:
        hang_up(connection)
    with engine.translated("inspect a program"):
        status = api.exec_inspect(created)["ExitCode"]
    if status is None:
        raise EngineError("the container ended before the shell did")
    return int(status)


def _show(connection: Any, screen: int, watch: Callable[[bytes], None]) -> None:
    buffer: io.BufferedReader = connection._response.raw._fp.fp  # without frames: a terminal has one stream
    with suppress(OSError, ValueError):
        while piece := buffer.read1(65536):
            watch(piece)
            with suppress(OSError):
                os.write(screen, piece)


@contextmanager
def _raw(keyboard: int) -> Iterator[None]:
    """Every key goes to the program, Ctrl-C too."""
    before = termios.tcgetattr(keyboard)
    try:
        tty.setraw(keyboard, termios.TCSADRAIN)  # what was typed ahead stays
        yield
    finally:
        with suppress(termios.error):
            termios.tcsetattr(keyboard, termios.TCSADRAIN, before)


@contextmanager
def _resizing(resize: Callable[..., None]) -> Iterator[None]:
    before = signal.signal(signal.SIGWINCH, resize)
    try:
        resize()
        yield
    finally:
        signal.signal(signal.SIGWINCH, before)
