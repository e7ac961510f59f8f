"""An agent's program on this machine, for programs that are trusted and for tests."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

_PATIENCE = 3.0
"""Seconds that a program has to end after its input has ended."""
_COMPLAINTS = 8192
_PIECE = 65536


class HostPipe:
    """A `Pipe` to a process with a group and an environment of its own."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str], cwd: Path) -> None:
        """Raises OSError when there is no such program."""
        self._process = subprocess.Popen(
            list(command),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=cwd,
            env=dict(environment),
            bufsize=0,
            start_new_session=True,
        )
        self._tail = b""
        self._closed, self._closing, self._reading = False, threading.Lock(), threading.Lock()
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()

    def _listen(self) -> None:
        assert self._process.stderr is not None
        with self._process.stderr as stream:
            while piece := stream.read(_PIECE):
                self._tail = (self._tail + piece)[-_COMPLAINTS:]

    def write(self, data: bytes) -> None:
        """As in `Pipe`."""
        assert self._process.stdin is not None
        if self._process.stdin.closed:
            raise BrokenPipeError("the program's input is closed")
        view = memoryview(data)
        while view:
            view = view[os.write(self._process.stdin.fileno(), view) :]

    def read(self) -> bytes:
        """As in `Pipe`."""
        assert self._process.stdout is not None
        with self._reading:
            return b"" if self._process.stdout.closed else self._process.stdout.read(_PIECE) or b""

    def close(self) -> None:
        """As in `Pipe`; whatever the program has left behind in its group ends too."""
        with self._closing:
            if not self._closed:
                self._close()
            self._closed = True

    def _close(self) -> None:
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):
            self._process.stdin.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(_PATIENCE)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._listener.join(_PATIENCE)
        assert self._process.stdout is not None
        with self._reading:
            self._process.stdout.close()

    @property
    def exit_code(self) -> int | None:
        """As in `Pipe`."""
        return self._process.poll()

    @property
    def complaints(self) -> str:
        """As in `Pipe`."""
        if self._process.poll() is not None:
            self._listener.join(0.2)
        return self._tail.decode("utf-8", "replace")
