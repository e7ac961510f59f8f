"""Results by the tests on the ranking page: rates of agents, tasks by agent, and cost against quality."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

from assay.pages import links, markup, plots
from assay.pages.inert import attribute, inline, raw
from assay.results.solving import COSTS, RateRow, Rates, Share
from assay.workspace import Attempt, Workspace

UNITS = {"seconds": "s", "tokens": "tokens", "usd": "USD"}
MOST_PAIRS = 30
"""Beyond, only pairs that are told apart are listed."""
_LEFT, _TOP, _WIDTH, _HEIGHT = 46, 12, 560, 200


def section(workspace: Workspace, table: Rates) -> str:
    """Everything that one table of rates has to say; Markdown."""
    if table.by == "alias":
        return "".join(_ungraded(workspace, table))
    return "\n".join((_agents(table), _pairs(table), _costs(table), _matrix(workspace, table)))


def place(workspace: Workspace, task: str, alias: str, words: str) -> str:
    """A link to an attempt; results that others reported have no page of their own."""
    if workspace.attempt(task, alias) is None:
        return words
    return links.link(words, links.RANKING, links.trajectory_page(task, alias))


def _ungraded(workspace: Workspace, table: Rates) -> Iterator[str]:
    (task,) = table.tasks
    name = links.link(inline(task), links.RANKING, links.task_page(task)) if task in workspace.tasks else inline(task)
    yield f"## {name} by its tests {{#tests-{task}}}\n\nAttempts that nobody has graded are among these.\n"
    yield "{: .as-quiet }\n\n"
    rows = (
        (
            f"**{row.rank}**",
            place(workspace, task, row.item, inline(row.item)),
            markup.verdict(bool(row.solved.value)),
            markup.percent(row.met.value),
        )
        for row in table.rows
    )
    yield markup.table(("rank", "alias", "tests", "must pass met"), rows, kind="ranking") + "\n"


def _agents(table: Rates) -> str:
    at = list(dict.fromkeys(passing.k for row in table.rows for passing in row.passes))[1:]
    ks = [f"pass{sign}{k}" for k in at for sign in "@^"]
    spent = [name for name in COSTS if any(row.costs[name] is not None for row in table.rows)]
    rows = [
        (rank(row.rank, row.rank_range), inline(row.item), row.group, str(len(row.attempts)),
         _share(row.solved), _share(row.met), *_passes(row, at), *(_cost(row, name) for name in spent))
        for row in table.rows
    ]  # fmt: skip
    head = ("rank", "agent", "ties", "attempts", "solved", "must pass met", *map(inline, ks), *spent)
    words = "Shares are means over tasks, so that a task with several attempts counts once; intervals are Wilson's."
    few = "" if any(row.solved.interval for row in table.rows) else " A single task shows nothing about others: no bar."
    about = f"{words}{few} Costs are means of one attempt.\n{{: .as-quiet }}\n"
    return f"## Agents by the tests {{#rates}}\n\n{about}\n{markup.table(head, rows, kind='ranking')}\n"


def rank(value: int, span: tuple[int, int] | None) -> str:
    """A rank, or the range where the data cannot tell more."""
    low, high = span or (value, value)
    return f"**{low}**" if low == high else f"**{low}\u2013{high}**"


def _share(share: Share) -> str:
    if share.value is None or share.interval is None:
        return markup.percent(share.value)
    low, high = share.interval.low, share.interval.high
    words = f"{markup.percent(share.value)}, {markup.percent(low)} to {markup.percent(high)}"
    return f"{plots.interval(share.value, low, high, (0, 1), words, (0, 0.5, 1))} {words}"


def _passes(row: RateRow, at: Sequence[int]) -> Iterator[str]:
    found = {passing.k: passing for passing in row.passes}
    for k in at:
        yield markup.percent(found[k].any if k in found else None)
        yield markup.percent(found[k].all if k in found else None)


def _cost(row: RateRow, name: str) -> str:
    value = row.costs[name]
    return markup.GLYPHS[markup.UNKNOWN] if value is None else _amount(value, name)


def _amount(value: float, name: str) -> str:
    return f"{value:,.2f}" if name == "usd" else f"{value:,.0f}"


def _pairs(table: Rates) -> str:
    told = [pair for pair in table.pairs if pair.p is not None and (pair.apart or len(table.pairs) <= MOST_PAIRS)]
    if not told:
        return ""
    rows = [
        (inline(p.one), inline(p.other), str(p.tasks), str(p.only_one), str(p.only_other), f"{p.p:.3f}") for p in told
    ]
    head = ("one", "other", "tasks", "only the one", "only the other", "p")
    words = "Tasks that only one of two agents solved; p is McNemar's, exact and two-sided, each pair by itself."
    return f"### Pairs {{#pairs}}\n\n{words}\n{{: .as-quiet }}\n\n{markup.table(head, rows)}\n"


def _matrix(workspace: Workspace, table: Rates) -> str:
    """A row for each task, a column for each agent, a link for each attempt."""
    items = [row.item for row in table.rows]
    cells: dict[tuple[str, str], list[str]] = {}
    for row in table.rows:
        for task, alias in row.attempts:
            attempt = workspace.attempt(task, alias)
            words = _milestones(workspace, task, attempt) or "reported"
            cells.setdefault((task, row.item), []).append(place(workspace, task, alias, words))
    named = {
        task: links.link(inline(task), links.RANKING, links.task_page(task))
        if task in workspace.tasks
        else inline(task)
        for task in table.tasks
    }
    rows = [(named[task], *("<br>".join(cells.get((task, item), [])) for item in items)) for task in table.tasks]
    head = ("task", *map(inline, items))
    words = "Milestones whose tests passed, of those with a verdict, for each attempt."
    return f"## Tasks by agent {{#matrix}}\n\n{words}\n{{: .as-quiet }}\n\n{markup.table(head, rows, kind='matrix')}\n"


def _milestones(workspace: Workspace, task: str, attempt: Attempt | None) -> str:
    reports = [attempt.reports.get(name) for name in workspace.tasks[task].milestones] if attempt else []
    known = [report.record.passed for report in reports if report and report.record.passed is not None]
    return markup.verdict(all(known), f"{sum(known)} of {len(known)}") if known else ""


def _costs(table: Rates) -> str:
    """The first cost that is known of every agent, dollars before tokens before time."""
    name = next((cost for cost in reversed(COSTS) if all(row.costs[cost] is not None for row in table.rows)), None)
    if name is None or len(table.rows) < 2:
        return ""
    points = [(row, row.costs[name] or 0.0, row.solved.value or 0.0) for row in table.rows]
    rows = [
        (inline(row.item), _cost(row, name), markup.percent(share), "yes" if name in row.fronts else "no")
        for row, _, share in sorted(points, key=lambda point: (point[1], point[0].item))
    ]
    head = ("agent", f"{name} of an attempt", "solved", "on the front")
    words = "The line is Pareto's front: nobody solves more for less than an agent on it."
    drawn = _drawing(points, name)
    return f"## Cost against quality {{#cost}}\n\n{words}\n{{: .as-quiet }}\n\n{drawn}\n{markup.table(head, rows)}\n"


def _drawing(points: Sequence[tuple[RateRow, float, float]], name: str) -> str:
    """Raw HTML; the table below it says the same in words."""
    most = max(cost for _, cost, _ in points) * 1.05 or 1.0

    def x(cost: float) -> float:
        return _LEFT + _WIDTH * cost / most

    def y(share: float) -> float:
        return _TOP + _HEIGHT * (1 - share)

    grid = "".join(
        f'<line class="as-zero" x1="{_LEFT}" x2="{_LEFT + _WIDTH}" y1="{y(mark):.1f}" y2="{y(mark):.1f}"/>'
        f'<text x="{_LEFT - 6}" y="{y(mark) + 3.5:.1f}" text-anchor="end">{markup.percent(mark)}</text>'
        for mark in (0, 0.5, 1)
    )
    on = sorted((cost, share) for row, cost, share in points if name in row.fronts)
    steps = [f"{x(cost):.1f},{y(low):.1f} {x(cost):.1f},{y(high):.1f}" for (_, low), (cost, high) in pairwise(on)]
    line = f'<polyline points="{x(on[0][0]):.1f},{y(on[0][1]):.1f} {" ".join(steps)}"/>' if on else ""
    dots = "".join(_dot(row, x(cost), y(share), _LEFT + _WIDTH) for row, cost, share in points)
    ends = _TOP + _HEIGHT + 16
    axis = (
        f'<text x="{_LEFT}" y="{ends}">0</text>'
        f'<text x="{_LEFT + _WIDTH}" y="{ends}" text-anchor="end">{_amount(most, name)} {UNITS[name]}</text>'
    )
    words = attribute(f"solved share against {name}: the table below says the same")
    view = f"0 0 {_LEFT + _WIDTH + 12} {_TOP + _HEIGHT + 24}"
    return f'<svg class="as-plot" viewBox="{view}" role="img" aria-label="{words}">{grid}{axis}{line}{dots}</svg>\n'


def _dot(row: RateRow, x: float, y: float, end: float) -> str:
    left = x > end - 120
    side = f'x="{x - 8:.1f}" text-anchor="end"' if left else f'x="{x + 8:.1f}"'
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4"/><text {side} y="{y + 12:.1f}">{raw(row.item)}</text>'
