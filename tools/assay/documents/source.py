"""What the three readers share: places counted in characters of the source, and what reading found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

Loc = tuple[str | int, ...]
"""A path into the data: keys of mappings and indexes of lists, from the root."""

MAX_DEPTH = 100
"""Containers within containers; real records stay below ten."""

SYNTAX = "document-syntax"
DUPLICATE = "yaml-duplicate-key"
TOO_DEEP = f"values must not be nested deeper than {MAX_DEPTH} levels"


class Problem(NamedTuple):
    """A fault of the text; `offset` counts characters from 0."""

    offset: int
    rule: str
    message: str
    hint: str = ""


@dataclass(frozen=True)
class Reading:
    """What a reader made of a text. `data` means nothing unless `complete`."""

    data: Any
    problems: tuple[Problem, ...] = ()
    flagged: frozenset[Loc] = frozenset()
    """Where a problem was found whose value is kept, or dropped, so that it is not reported again."""
    complete: bool = True


class Span(NamedTuple):
    """Offsets of a value's first character and of the one after its last, and of its key if it has one."""

    start: int
    end: int
    key: int | None = None


class Locator(Protocol):
    """Finds the source of values; made only when somebody asks for a position."""

    def span(self, loc: Sequence[str | int]) -> Span:
        """The deepest part of `loc` that exists."""

    def offsets(self, loc: Sequence[str | int], value: str) -> list[int] | None:
        """Offsets of every character of the string at `loc` and of its end; None when they cannot be told."""


def unreadable(problem: Problem, *earlier: Problem) -> Reading:
    """A reading that stopped at `problem`."""
    return Reading(None, (*earlier, problem), complete=False)


def too_deep(data: Any) -> bool:
    """Whether containers are nested deeper than MAX_DEPTH; level by level, so that nothing can overflow."""
    level = [data] if type(data) in (dict, list) else []
    for _ in range(MAX_DEPTH):
        if not level:
            return False
        members = (item.values() if type(item) is dict else item for item in level)
        level = [child for row in members for child in row if type(child) in (dict, list)]
    return bool(level)
