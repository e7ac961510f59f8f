"""`assay rank`."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from assay.commands.findings import demand_clean
from assay.errors import UsageError
from assay.workspace import find_root, load

if TYPE_CHECKING:
    from assay.results.ranking import Agents, LeftOut, RankingReport, Standing, Table


WIDTH = 140
"""Columns of the table: enough for the longest alias, whatever the terminal; a pipe sees the same."""


@click.command("rank")
@click.option(
    "--agents",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    metavar="FILE",
    help='Rank agents over all tasks: a JSON object {"task": {"alias": "agent"}}, kept by the coordinator.',
)
@click.option("--bootstraps", type=click.IntRange(min=100), default=1000, show_default=True)
@click.option("--pool-versions", is_flag=True, help="Put annotations under other guidelines or rubrics in as well.")
@click.option("--format", "form", type=click.Choice(["table", "json", "csv"]), default="table", show_default=True)
def command(agents: Path | None, bootstraps: int, pool_versions: bool, form: str) -> None:
    """Rank the trajectories from the annotations, with rank ranges and every caveat the data demand.

    By default aliases are ranked task by task, since an alias means nothing outside its task. Tasks with an open
    blocking escalation, attempts whose outcome is invalid, and annotations made under other guidelines or another
    rubric than the rest of their task are left out and named. Refuses while `assay check`
    reports errors in annotations: a ranking of unchecked grades is a rumour.

    \b
    Examples:
      assay rank
      assay rank --format csv > ranking.csv
    """
    from assay.results.ranking import rank_workspace

    workspace = load(find_root(Path.cwd()))
    demand_clean(workspace, "nothing ranked", "annotations/")
    report = rank_workspace(workspace, _agents(agents), bootstraps=bootstraps, pool_versions=pool_versions)
    render_as = {"table": _table, "json": _json, "csv": _csv}[form]
    click.echo(render_as(report))


def _agents(file: Path | None) -> Agents | None:
    if file is None:
        return None
    from assay.documents import read

    document, _ = read(file, str(file))
    data = document.data if document else None
    if not isinstance(data, dict) or not all(
        isinstance(aliases, dict) and all(isinstance(name, str) for name in aliases.values())
        for aliases in data.values()
    ):
        raise UsageError("agents-file", f"{file} is not a map of agents", 'write JSON: {"task": {"alias": "agent"}}')
    return data


def rows(report: RankingReport) -> list[dict[str, Any]]:
    """One flat row for each standing; None where nothing can be said.

    Numbers keep six decimals: sums of the bootstrap may differ in the last bits between machines.
    """
    flat = [_row(table, standing) for table in report.tables for standing in table.standings]
    return [{name: round(v, 6) if isinstance(v, float) else v for name, v in row.items()} for row in flat]


def _row(table: Table, standing: Standing) -> dict[str, Any]:
    item = standing.bradley_terry
    return {
        "tasks": " ".join(table.tasks),
        "item": standing.item,
        "rank": item.rank,
        "rank_low": item.rank_range[0] if item.rank_range else None,
        "rank_high": item.rank_range[1] if item.rank_range else None,
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


def _json(report: RankingReport) -> str:
    head = {"by": report.by, "seed": report.seed, "data_sha256": report.data, "method": report.method}
    head["pool_versions"] = report.pool_versions
    tables = [
        {"tasks": table.tasks, "outcomes": dict(table.outcomes), "warnings": table.warnings} for table in report.tables
    ]
    left_out = [asdict(item) for item in report.left_out]
    return json.dumps({**head, "rows": rows(report), "tables": tables, "left_out": left_out}, indent=2)


def _csv(report: RankingReport) -> str:
    out, found = io.StringIO(), rows(report)
    found += [
        {"tasks": item.task, "item": item.item, "left_out": item.reason, "left_out_by": item.path}
        for item in report.left_out
    ]
    if found:
        names = dict.fromkeys(("tasks", "item", *found[0], "left_out", "left_out_by"))
        writer = csv.DictWriter(out, list(names), lineterminator="\n")
        writer.writeheader()
        writer.writerows(found)
    return out.getvalue().rstrip("\n")


def _table(report: RankingReport) -> str:
    left_out = "".join(f"\nleft out: {_left_out(item)}" for item in report.left_out)
    if not report.tables:
        what = "no annotation beside what is left out" if left_out else "no annotation yet"
        return f"nothing to rank: there is {what}. `assay check` says whether any is broken.{left_out}"
    from rich.console import Console

    console = Console(file=io.StringIO(), width=WIDTH)
    for table in report.tables:
        console.print(_rich(table, report.by))
        for warning in table.warnings:
            console.print(f"  note: {warning}", markup=False, highlight=False)
        console.print()
    console.print(f"data {report.data[:12]}, seed {report.seed}. {report.method}", markup=False, highlight=False)
    text = console.file
    assert isinstance(text, io.StringIO)
    return "\n".join(line.rstrip() for line in text.getvalue().rstrip().splitlines()) + left_out


def _left_out(item: LeftOut) -> str:
    name = f"{item.task}/{item.item}" if item.item else item.task
    return f"{name}, {item.reason}: {f'{item.title} ({item.path})' if item.title else item.path}"


def _rich(table: Table, by: str) -> Any:
    from rich.table import Table as RichTable

    from assay.results.scores import counted

    raters = f"{table.rankings} ranking{'s' if table.rankings != 1 else ''} by {', '.join(table.annotators)}"
    title = f"{', '.join(table.tasks)}: {raters}; attempts: {counted(table.outcomes)}"
    out = RichTable(title=title, title_justify="left", box=None, padding=(0, 1))
    axes = list(table.standings[0].score.axes)
    for name in ("rank", by, "strength", "95 %", "win-tie-loss", "must-pass", *axes, "milestones"):
        out.add_column(name, justify="left" if name == by else "right", no_wrap=True, overflow="fold")
    for standing in table.standings:
        out.add_row(*_cells(standing))
    return out


def _cells(standing: Standing) -> list[str]:
    item = standing.bradley_terry
    span = item.rank_range
    known = [value for value in standing.milestones.values() if value is not None]
    return [
        str(item.rank) if span is None or span[0] == span[1] else f"{span[0]}-{span[1]}",
        standing.item,
        f"{item.strength:+.2f}{'*' if item.prior_driven else ''}",
        f"{item.interval.low:+.2f} to {item.interval.high:+.2f}" if item.interval else "-",
        f"{item.wins:.2f}-{item.ties:.2f}-{item.losses:.2f}",
        _percent(standing.score.must_pass.value),
        *(_percent(share.value) for share in standing.score.axes.values()),
        f"{sum(known)}/{len(known)}",
    ]


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{value:.0%}"
