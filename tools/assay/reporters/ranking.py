"""Rankings for a terminal, as JSON and as CSV. The three say the same; the data version is in each."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from assay.results.solving import COSTS

if TYPE_CHECKING:
    from rich.table import Table as RichTable

    from assay.results.ballots import LeftOut
    from assay.results.ranking import RankingReport, Standing, Table
    from assay.results.solving import PassAtK, RateRow, Rates
    from assay.results.solving import Share as RateShare

WIDTH = 150
"""Columns of the table: enough for the longest alias, whatever the terminal; a pipe sees the same."""
MOST_NAMES = 6
"""Tasks that a title names one by one."""


def _rounded(row: Mapping[str, Any]) -> dict[str, Any]:
    """Numbers keep six decimals: sums of the bootstrap may differ in the last bits between machines."""
    return {name: round(value, 6) if isinstance(value, float) else value for name, value in row.items()}


def rows(report: RankingReport) -> list[dict[str, Any]]:
    """One flat row for each standing; None where nothing can be said."""
    return [_rounded(_row(table, standing)) for table in report.tables for standing in table.standings]


def _row(table: Table, standing: Standing) -> dict[str, Any]:
    item = standing.bradley_terry
    return {
        "view": table.view,
        "by": table.by,
        "tasks": " ".join(table.tasks),
        "item": standing.item,
        "rank": item.rank,
        "rank_low": item.rank_range[0] if item.rank_range else None,
        "rank_high": item.rank_range[1] if item.rank_range else None,
        "group": standing.group,
        "strength": item.strength,
        "strength_low": item.interval.low if item.interval else None,
        "strength_high": item.interval.high if item.interval else None,
        "prior_driven": item.prior_driven,
        "wins": item.wins,
        "ties": item.ties,
        "losses": item.losses,
        "must_pass": standing.score.must_pass.value,
        **{axis: share.value for axis, share in standing.score.axes.items()},
        "milestones_passed": sum(value is True for value in standing.milestones.values()),
        "milestones_known": sum(value is not None for value in standing.milestones.values()),
        "rankings": table.rankings,
        "annotators": " ".join(table.annotators),
    }


def rate_rows(report: RankingReport) -> list[dict[str, Any]]:
    """One flat row for each agent, or each attempt that no annotation ranks."""
    return [_rounded(_rate_row(table, row)) for table in report.rates for row in table.rows]


def _rate_row(table: Rates, row: RateRow) -> dict[str, Any]:
    return {
        "by": table.by,
        "tasks": " ".join(dict.fromkeys(task for task, _ in row.attempts)),
        "item": row.item,
        "rank": row.rank,
        "rank_low": row.rank_range[0] if row.rank_range else None,
        "rank_high": row.rank_range[1] if row.rank_range else None,
        "group": row.group,
        "attempts": len(row.attempts),
        **_share_columns("solved", row.solved),
        **_share_columns("must_pass_met", row.met),
        **{f"pass@{at.k}": at.any for at in row.passes},
        **{f"pass^{at.k}": at.all for at in row.passes},
        **row.costs,
        "fronts": " ".join(row.fronts),
    }


def _share_columns(name: str, share: RateShare) -> dict[str, Any]:
    interval = share.interval
    low, high = (interval.low, interval.high) if interval else (None, None)
    return {name: share.value, f"{name}_low": low, f"{name}_high": high, f"{name}_tasks": share.tasks}


def as_json(report: RankingReport) -> str:
    """Everything, with what is needed to get it again."""
    asked = {**asdict(report.options), "seed": report.seed}
    head = {"by": report.by, "seed": report.seed, **report.version.columns(), "options": asked}
    tables = [
        {
            "view": table.view,
            "by": table.by,
            "tasks": table.tasks,
            "outcomes": dict(table.outcomes),
            "warnings": table.warnings,
        }
        for table in report.tables
    ]
    pairs = [_rounded(asdict(pair)) for table in report.rates for pair in table.pairs]
    found = {"rows": rows(report), "tables": tables, "rates": rate_rows(report), "pairs": pairs}
    left_out = [asdict(item) for item in report.left_out]
    return json.dumps({**head, "method": report.method, **found, "left_out": left_out}, indent=2)


def as_csv(report: RankingReport) -> str:
    """A header and one line for each row of every table; `of` says which, the last columns whence."""
    found = [{"of": "rankings", **row} for row in rows(report)]
    found += [{"of": "rates", **row} for row in rate_rows(report)]
    found += [
        {"of": "left out", "tasks": item.task, "item": item.item, "left_out": item.reason, "left_out_by": item.path}
        for item in report.left_out
    ]
    whence = {**report.version.columns(), "seed": report.seed, "options": str(report.options)}
    return as_rows({**row, **whence} for row in found)


def as_rows(found: Iterable[Mapping[str, Any]]) -> str:
    """CSV with the columns of all rows, those of the data version last; empty without rows."""
    listed, out = list(found), io.StringIO()
    names = dict.fromkeys(name for row in listed for name in row)
    last = [name for name in ("commit", "dirty", "data_sha256", "seed", "options") if name in names]
    writer = csv.DictWriter(out, [*(name for name in names if name not in last), *last], lineterminator="\n")
    if listed:
        writer.writeheader()
        writer.writerows(listed)
    return out.getvalue().rstrip("\n")


def as_table(report: RankingReport) -> str:
    """For a terminal."""
    left_out = "".join(f"\nleft out: {_left_out(item)}" for item in report.left_out)
    if not report.tables and not report.rates:
        what = "nothing beside what is left out" if left_out else "no annotation yet, and no attempt with test results"
        return f"nothing to rank: there is {what}. `assay check` says whether any is broken.{left_out}"
    from rich.console import Console

    text = io.StringIO()
    console = Console(file=text, width=WIDTH)
    for table in report.tables:
        console.print(_rich(table))
        for warning in table.warnings:
            console.print(f"  note: {warning}", markup=False, highlight=False)
        console.print()
    for rated in report.rates:
        console.print(_rates(rated))
        for words in _notes(rated):
            console.print(f"  note: {words}", markup=False, highlight=False)
        console.print()
    asked = f" Options: {report.options}." if str(report.options) else ""
    last = f"{report.version}, seed {report.seed}.{asked} {report.method}"
    console.print(last, markup=False, highlight=False)
    return "\n".join(line.rstrip() for line in text.getvalue().rstrip().splitlines()) + left_out


def _left_out(item: LeftOut) -> str:
    name = f"{item.task}/{item.item}" if item.item else item.task
    return f"{name}, {item.reason}: {f'{item.title} ({item.path})' if item.title else item.path}"


def _rich(table: Table) -> RichTable:
    from assay.results.scores import counted

    raters = f"{table.rankings} ranking{'s' if table.rankings != 1 else ''} by {', '.join(table.annotators) or 'tests'}"
    about = f"{table.view}: " if table.view else ""
    tied = ["ties"] if any(standing.group for standing in table.standings) else []
    axes = list(table.standings[0].score.axes)
    columns = ("rank", table.by, *tied, "strength", "95 %", "win-tie-loss", "must-pass", *axes, "milestones")
    out = _plain(f"{about}{_named(table.tasks)}: {raters}; attempts: {counted(table.outcomes)}", columns)
    for standing in table.standings:
        first, *rest = _cells(standing)
        out.add_row(first, standing.item, *([standing.group] if tied else []), *rest)
    return out


def _named(tasks: Collection[str]) -> str:
    return ", ".join(tasks) if len(tasks) <= MOST_NAMES else f"{len(tasks)} tasks"


def _plain(title: str, columns: Iterable[str]) -> RichTable:
    from rich.table import Table as RichTable

    out = RichTable(title=title, title_justify="left", box=None, padding=(0, 1))
    for name in columns:
        left = name in ("alias", "agent", "ties")
        out.add_column(name, justify="left" if left else "right", no_wrap=True, overflow="fold")
    return out


def _cells(standing: Standing) -> list[str]:
    item = standing.bradley_terry
    known = [value for value in standing.milestones.values() if value is not None]
    return [
        _rank(item.rank, item.rank_range),
        f"{round(item.strength, 2) + 0.0:+.2f}{'*' if item.prior_driven else ''}",
        f"{item.interval.low:+.2f} to {item.interval.high:+.2f}" if item.interval else "-",
        f"{item.wins:.2f}-{item.ties:.2f}-{item.losses:.2f}",
        _percent(standing.score.must_pass.value),
        *(_percent(share.value) for share in standing.score.axes.values()),
        f"{sum(known)}/{len(known)}",
    ]


def _rank(rank: int, span: tuple[int, int] | None) -> str:
    return str(rank) if span is None or span[0] == span[1] else f"{span[0]}-{span[1]}"


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{value:.0%}"


def _rates(table: Rates) -> RichTable:
    title = f"results by the tests, {_named(table.tasks)}"
    if table.by == "alias":
        out = _plain(title, ("rank", "alias", "solved", "must-pass met"))
        for row in table.rows:
            out.add_row(str(row.rank), row.item, "yes" if row.solved.value else "no", _share(row.met))
        return out
    at = list(dict.fromkeys(passing.k for row in table.rows for passing in row.passes))[1:]
    ks = [f"pass{sign}{k}" for k in at for sign in "@^"]
    out = _plain(title, ("rank", "agent", "ties", "attempts", "solved", "must-pass met", *ks, *COSTS))
    for row in table.rows:
        passes = {passing.k: passing for passing in row.passes}
        shown = [_percent(value) for k in at for value in _both(passes.get(k))]
        first = (_rank(row.rank, row.rank_range), row.item, row.group or "-", str(len(row.attempts)))
        out.add_row(*first, _share(row.solved), _share(row.met), *shown, *(_cost(row, name) for name in COSTS))
    return out


def _both(passing: PassAtK | None) -> tuple[float | None, float | None]:
    return (passing.any, passing.all) if passing else (None, None)


def _share(share: RateShare) -> str:
    interval = share.interval
    return _percent(share.value) + (f" [{interval.low:.0%}, {interval.high:.0%}]" if interval else "")


def _cost(row: RateRow, name: str) -> str:
    value = row.costs[name]
    number = "-" if value is None else f"{value:.2f}" if name == "usd" else f"{value:,.0f}"
    return number + ("+" if name in row.fronts else "")


def _notes(table: Rates) -> Iterator[str]:
    if any(row.fronts for row in table.rows):
        yield "+ marks what nobody solves more for, or as much for less (the Pareto front)"
    if any(row.solved.interval for row in table.rows):
        yield "intervals are Wilson's over tasks; a task with several attempts counts once"
    elif table.by == "agent":
        yield "no interval: a single task shows nothing about others"
    told = [pair for pair in table.pairs if pair.apart]
    for pair in told:
        words = f"{pair.only_one} tasks solved by the first alone, {pair.only_other} by the second"
        yield f"{pair.one} and {pair.other}: {words}, of {pair.tasks}; exact McNemar p {pair.p:.3f}"
    if others := len(table.pairs) - len(told):
        yield f"{others} pairs of agents are not told apart by exact McNemar at 5 %: `--format json` has their numbers"
