"""One row of a table of results, and what a verdict is."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from assay.importers.source import ImportFailed, Source
from assay.model.reported import Reported


@dataclass(frozen=True)
class Row:
    """One attempt, as the table has it. What the table does not say is None."""

    place: str
    """File and line, for messages."""
    task: str | None
    reported: Reported
    agent: str | None = None
    model: str | None = None
    trial: str | None = None


@dataclass(frozen=True)
class Table:
    """All rows, the name of the format, and what a person should know of it."""

    form: str
    rows: tuple[Row, ...]
    notes: tuple[str, ...] = ()


@dataclass
class Notes:
    """Remarks on a table while it is read."""

    lines: list[str] = field(default_factory=list)

    def unused(self, columns: Iterable[str]) -> None:
        """Columns that have no meaning here."""
        if names := ", ".join(f"`{name}`" for name in columns):
            self.lines.append(f"columns that are not used: {names}")


Reader = Callable[[Source, Notes], Iterator[Row]]


def reported(place: str, resolved: bool | None, reward: float | None = None, **more: Any) -> Reported:
    """A result; without any verdict it is none of the agent's. A full reward, or none, is a verdict.

    Raises `ImportFailed`.
    """
    if resolved is None and reward in (0.0, 1.0):
        resolved = reward == 1.0
    if more.get("outcome") is None:
        unknown = resolved is None and reward is None
        more["outcome"] = "invalid-verifier" if unknown else "scored"
        more |= {"reason": "Nobody says how it ended."} if unknown and not more.get("reason") else {}
    try:
        return Reported.model_validate({"resolved": resolved, "reward": reward, **more})
    except ValidationError as error:
        first = error.errors()[0]
        where = "/".join(map(str, first["loc"]))
        message = first["msg"].removeprefix("Value error, ")
        raise ImportFailed(f"{place}:1: {f'`{where}`: ' if where else ''}{message[:1].lower()}{message[1:]}") from None
