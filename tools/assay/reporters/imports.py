"""What became of imported logs, for a person and for a program."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from io import StringIO
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from assay.importers.table_rows import Row
    from assay.intake import Ready

WHOLE = 20
"""Attempts up to which each is described; beyond, what happened is summed up."""


def summary(task: str, alias: str, item: Ready) -> dict[str, Any]:
    """One attempt as JSON; who made it is not in it."""
    path = f"trajectories/{task}/{alias}/trajectory.json"
    named = {"label": item.label} if item.label else {}
    return {
        "alias": alias,
        "path": path,
        "source": str(item.source),
        **named,
        "format": item.format,
        "patch": bool(item.patch),
        "reported": item.reported and item.reported.model_dump(exclude_defaults=True),
        **asdict(item.report),
    }


def table(imported: Mapping[str, Ready]) -> str:
    """A row for each attempt, then what was left out, masked and missing."""
    from rich.console import Console
    from rich.table import Table

    made = Table(box=None, padding=(0, 1))
    for name in ("alias", "log", "format", "steps", "calls", "results", "prompt tokens", "completion tokens"):
        made.add_column(name, justify="left" if name in ("alias", "log", "format") else "right", overflow="fold")
    for alias, item in imported.items():
        report = item.report
        numbers = (report.steps, report.calls, report.observations, report.prompt_tokens, report.completion_tokens)
        made.add_row(alias, item.name, item.format, *("-" if number is None else f"{number:,}" for number in numbers))
    out = StringIO()
    Console(file=out, width=120).print(made)
    lines = [line.rstrip() for line in out.getvalue().splitlines()]
    details = (line for pair in imported.items() for line in _details(*pair))
    return "\n".join([*lines, *(details if len(imported) <= WHOLE else _sums(imported))])


def _details(alias: str, item: Ready) -> Iterator[str]:
    report = item.report
    skipped = [f"{number} × {kind}" for kind, number in report.skipped.items()]
    lists = (("left out", report.dropped), ("masked", report.masked), ("skipped", skipped))
    yield f"{alias}:"
    yield from (f"  {name}: {', '.join(items)}" for name, items in lists if items)
    yield from (f"  note: {note}" for note in report.notes)


def _sums(imported: Mapping[str, Ready]) -> Iterator[str]:
    reports = [item.report for item in imported.values()]
    yield f"all {len(reports)} together; `--json` tells each one:"
    for name, lists in (("left out", [report.dropped for report in reports]), ("masked", [r.masked for r in reports])):
        sums: Counter[str] = Counter()
        for items in lists:
            sums.update({kind: int(number) for number, _, kind in (text.partition(" × ") for text in items)})
        if sums:
            yield f"  {name}: {', '.join(f'{number} × {kind}' for kind, number in sums.most_common())}"
    notes = Counter(note for report in reports for note in report.notes)
    yield from (f"  note ({number} of {len(reports)}): {note}" for note, number in notes.most_common(20))


def results(imported: Mapping[str, Mapping[str, Row]]) -> list[dict[str, Any]]:
    """Rows of tables as JSON, without whose they are."""
    return [
        {"task": task, "alias": alias, "place": row.place, **row.reported.model_dump(exclude={"tests"})}
        for task, rows in imported.items()
        for alias, row in rows.items()
    ]


def results_table(imported: Mapping[str, Mapping[str, Row]]) -> str:
    """How many results came to each task."""
    lines = []
    for task, rows in sorted(imported.items()):
        outcomes = Counter(row.reported.outcome for row in rows.values())
        resolved = sum(row.reported.resolved is True for row in rows.values())
        classes = ", ".join(f"{number} {outcome}" for outcome, number in sorted(outcomes.items()))
        lines.append(f"{task}: {len(rows)} results, {resolved} resolved ({classes})")
    return "\n".join(lines) or "nothing new"
