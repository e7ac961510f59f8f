"""A diagnostic is a value: one place in one file where a rule does not hold."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple


class Severity(StrEnum):
    """`error` blocks, `warning` does not, `note` informs."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


class Position(NamedTuple):
    """Line and column in a text file, both counted from 1."""

    line: int
    column: int


class Fix(NamedTuple):
    """Text to put between two places of the file; the record then says what it was meant to say, and nothing else."""

    start: Position
    end: Position
    """Behind the last character that is replaced."""
    text: str


@dataclass(frozen=True, order=True)
class Diagnostic:
    """Where a rule fails and what to do.

    `path` is relative to the workspace, with forward slashes. Sorts by place, so that a report reads top to bottom.
    """

    path: str
    line: int
    column: int
    rule: str
    message: str
    severity: Severity = Severity.ERROR
    hint: str = ""
    fix: Fix | None = field(default=None, compare=False)
    """What `assay check --fix` does about it; only where there is one way that nobody can take amiss."""

    @classmethod
    def at(
        cls, path: str, position: Position, rule: str, message: str, *, hint: str = "", fix: Fix | None = None
    ) -> Diagnostic:
        """An error at `position`; a rule's own severity is applied where rules are run."""
        return cls(path, position.line, position.column, rule, message, hint=hint, fix=fix)

    @property
    def fingerprint(self) -> str:
        """Stable across edits that only move lines: hex SHA-256 over rule, path and message."""
        from hashlib import sha256

        return sha256("\0".join((self.rule, self.path, self.message)).encode()).hexdigest()


def fingerprints(diagnostics: Iterable[Diagnostic]) -> Iterator[str]:
    """The fingerprint of each, with a number behind those that were there before: no two are the same."""
    seen: Counter[str] = Counter()
    for item in diagnostics:
        seen[item.fingerprint] += 1
        number = seen[item.fingerprint]
        yield item.fingerprint if number == 1 else f"{item.fingerprint}-{number}"


def worst(diagnostics: Iterable[Diagnostic]) -> Severity | None:
    """The gravest severity present, or None when there is nothing to report."""
    found = {diagnostic.severity for diagnostic in diagnostics}
    return next((severity for severity in Severity if severity in found), None)
