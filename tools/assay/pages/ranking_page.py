"""The ranking: rank ranges before ranks, axes kept apart, and every number with the files it rests on."""

from __future__ import annotations

import json
from collections.abc import Iterator

from assay.model.rubric import AXES
from assay.pages import links, markup, plots, rates_section
from assay.pages.citing import Spot, linked
from assay.pages.grades import tiers
from assay.pages.inert import inline, worded
from assay.reporters.ranking import MOST_NAMES, as_csv, as_json
from assay.results.ranking import RankingReport, Standing, Table
from assay.results.scores import Share, counted
from assay.workspace import Workspace

HOW_TO_READ = """## How to read this {#how}

- **Rank** is a range when the data cannot tell more. Where ranges overlap, the order is not established.
- **Ties**: rows that share a letter are not told apart. By the annotators that is so where the intervals overlap; by
  the tests, where McNemar's exact test of the tasks that both tried gives p of 0.05 or more, or, with several attempts
  at a task, where the intervals overlap.
- **Strength** is a Bradley-Terry log strength from the annotators' tiers, mean 0; the bar is a 95 &#37; interval over
  resampled tasks. There is no bar when a single task cannot show how much the order would vary. A star marks a row
  whose distance to the others comes from the prior, not from data.
- **W, T, L** are weights: in a ranking of k attempts each pair weighs 1/(k-1).
- **Must pass** and the four axes are shares of the rubric, by weight. They are never blended into one number.
- **Milestones** are what the tests said, independent of any person.
- **Solved** means that the tests of every milestone passed; **must pass met**, that annotators passed every criterion
  that must pass. **pass@k** is the chance that one of k attempts solves a task, **pass^k** that all of them do.
- Attempts without a verdict, and those whose outcome is invalid, are in no share: they are no failures.
"""


def page(workspace: Workspace, report: RankingReport | None, withheld: str = "") -> str:
    """Markdown of the page; without a report it says why, in the plain words of `withheld`."""
    head = f"{markup.front_matter('Ranking')}\n# Ranking\n\n"
    if report is None:
        return head + markup.note(worded(withheld) or "There is no ranking.", "warning", "No ranking")
    left_out = "".join(_left_out(workspace, report))
    if not report.tables and not report.rates:
        return f"{head}Nothing has been ranked{'' if left_out else ' yet: there is no annotation'}.\n\n{left_out}"
    lead = "Attempts are compared only with attempts at the same task; each table has a scale of its own."
    by_agent = "Agents over all tasks on which their attempts were compared."
    lead = by_agent if report.by == "agent" else lead
    tables = "\n".join(_table(workspace, table, table.by) for table in report.tables)
    tables += "\n" + "\n".join(rates_section.section(workspace, rates) for rates in report.rates)
    tables += "".join(_behind(workspace, report))
    files = f"[JSON]({links.RANKING_JSON}) and [CSV]({links.RANKING_CSV}) hold the same numbers and the data version."
    data = f"{str(report.version).capitalize()}, seed {report.seed}. {worded(report.method)}\n{{: .as-quiet }}\n"
    return f"{head}{lead}\n{{: .as-lead }}\n\n{files}\n{{: .as-quiet }}\n\n{tables}\n{left_out}\n{HOW_TO_READ}\n{data}"


def downloads(report: RankingReport | None) -> dict[str, str]:
    """Files beside the page, by path: the same numbers for programs. Nothing where nothing is ranked."""
    if report is None or not (report.tables or report.rates):
        return {}
    marked = {"generated": "assay", **json.loads(as_json(report))}
    return {links.RANKING_JSON: json.dumps(marked, indent=2) + "\n", links.RANKING_CSV: as_csv(report) + "\n"}


def _left_out(workspace: Workspace, report: RankingReport) -> Iterator[str]:
    """What is in no table, and why: nothing is dropped unseen."""
    if report.left_out:
        yield "## Left out {#left-out}\n\n"
    for item in report.left_out:
        words = inline(f"{item.task}/{item.item}" if item.item else item.task)
        whole = links.link(words, links.RANKING, links.task_page(item.task)) if item.task in workspace.tasks else words
        name = rates_section.place(workspace, item.task, item.item, words) if item.item else whole
        why = f"{worded(item.title)} " if item.title else ""
        yield f"- {name}, {item.reason}: {why}(<code>{inline(item.path)}</code>)\n"


def _table(workspace: Workspace, table: Table, by: str) -> str:
    names = f"{len(table.tasks)} tasks"
    if len(table.tasks) <= MOST_NAMES:
        names = ", ".join(links.link(inline(task), links.RANKING, links.task_page(task)) for task in table.tasks)
    anchor = "table-" + "-".join(table.tasks)[:80]
    raters = f"{markup.count(table.rankings, 'ranking')} by {', '.join(map(inline, table.annotators))}"
    raters += f"; attempts: {inline(counted(table.outcomes))}"
    span = _span(table)
    tied = ("ties",) if any(standing.group for standing in table.standings) else ()
    order = markup.table(
        ("rank", by, *tied, "strength", "W", "T", "L"),
        [tuple(_cells(item, table, span)) for item in table.standings],
        kind="ranking",
    )
    shares = markup.table(
        (by, "must pass", *AXES, "milestones"),
        [(inline(item.item), *_shares(item)) for item in table.standings],
        kind="ranking",
    )
    apart = "Shares of the rubric, by weight. No axis makes up for another.\n{: .as-quiet }\n"
    warnings = [f"- {worded(warning)}" for warning in table.warnings]
    caveats = '!!! warning "What these numbers cannot carry"\n\n' + "\n".join(f"    {line}" for line in warnings) + "\n"
    return (
        f"## {names} {{#{anchor}}}\n\n{raters}\n{{: .as-quiet }}\n\n{order}\n"
        f"{caveats if warnings else ''}\n{apart}\n{shares}\n"
    )


def _span(table: Table) -> tuple[float, float]:
    """The scale of the strength column: everything that is drawn in it, and zero."""
    rows = [standing.bradley_terry for standing in table.standings]
    values = [0.0, *(row.strength for row in rows)]
    values += [bound for row in rows if row.interval for bound in (row.interval.low, row.interval.high)]
    return min(values), max(values)


def _cells(standing: Standing, table: Table, span: tuple[float, float]) -> Iterator[str]:
    row = standing.bradley_terry
    yield rates_section.rank(row.rank, row.rank_range)
    yield _item(standing)
    if any(item.group for item in table.standings):
        yield standing.group
    low, high = (row.interval.low, row.interval.high) if row.interval else (None, None)
    words = f"{round(row.strength, 2) + 0.0:+.2f}" + (
        f", {low:+.2f} to {high:+.2f}" if low is not None and high is not None else ""
    )
    star = "&#42;" if row.prior_driven else ""
    yield f"{plots.interval(row.strength, low, high, span, words)} {words}{star}"
    yield from (f"{value:.3g}" for value in (row.wins, row.ties, row.losses))


def _shares(standing: Standing) -> Iterator[str]:
    yield _share(standing.score.must_pass)
    yield from (_share(standing.score.axes[axis]) for axis in AXES)
    known = [value for value in standing.milestones.values() if value is not None]
    yield f"{sum(known)} of {len(known)}" if known else markup.GLYPHS[markup.UNKNOWN]


def _item(standing: Standing) -> str:
    name = inline(standing.item)
    if len(standing.attempts) == 1:
        return links.link(name, links.RANKING, links.trajectory_page(*standing.attempts[0]))
    attempts = (
        links.link(inline(task), links.RANKING, links.trajectory_page(task, alias)) for task, alias in standing.attempts
    )
    return f"{name}<br>{', '.join(attempts)}"


def _share(share: Share) -> str:
    return markup.percent(share.value)


def _behind(workspace: Workspace, report: RankingReport) -> Iterator[str]:
    """The annotations that the tables rest on, with the words that justify their order."""
    tasks = {task for table in report.tables for task in table.tasks}
    sheets = [(sheet, sheet.entry.record) for sheet in workspace.sheets if sheet.task in tasks and sheet.entry]
    if sheets:
        yield "\n## In the annotators' words {#words}\n\n"
    for sheet, record in sheets:
        anchor = links.sheet_anchor(sheet.annotator)
        words = f"{inline(sheet.annotator)} on {inline(sheet.task)}"
        name = links.link(words, links.RANKING, links.task_page(sheet.task), anchor)
        text = linked(workspace, Spot(links.RANKING, sheet.task, None, sheet.annotator), record.comparison)
        yield f"### {name} {{#{anchor}-{sheet.task}}}\n\n{tiers(record, links.RANKING)}\n\n{text}\n\n"
