"""Reading what an engine sends, though it may stop answering without closing its connections."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from queue import Empty, Full, Queue
from typing import TypeVar

T = TypeVar("T")

IDLE = 2.0
"""Seconds without a piece after which it is asked whether the engine still answers."""


def watched(make: Callable[[], Iterable[T]], check: Callable[[], None]) -> Iterator[T]:
    """What `make()` gives, read by a thread of its own: while nothing comes, `check` is called and may raise.

    A thread that waits for a silent engine is left behind; it ends with the process.
    """
    pieces: Queue[tuple[T, ...] | BaseException] = Queue(maxsize=64)
    left = threading.Event()

    def hand(item: tuple[T, ...] | BaseException) -> None:
        while not left.is_set():
            try:
                pieces.put(item, timeout=1)
                return
            except Full:
                continue

    def read() -> None:
        try:
            for piece in make():
                hand((piece,))
                if left.is_set():
                    return
            hand(())
        except BaseException as error:  # noqa: BLE001 - it is raised again, by the thread that waits for it
            hand(error)

    threading.Thread(target=read, daemon=True, name="engine").start()
    try:
        while item := _next(pieces, check):
            if isinstance(item, BaseException):
                raise item
            yield item[0]
    finally:
        left.set()


def _next(pieces: Queue[tuple[T, ...] | BaseException], check: Callable[[], None]) -> tuple[T, ...] | BaseException:
    while True:
        try:
            return pieces.get(timeout=IDLE)
        except Empty:
            check()
