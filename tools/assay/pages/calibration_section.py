"""What calibration measured of a task: verdict, solve rates with intervals, and how agents went about it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from assay.contents import content_hash
from assay.model.calibration import Calibration, Drift, Item, MilestoneRates, Rate
from assay.pages import markup, plots
from assay.pages.inert import inline, worded
from assay.reporters.calibration import difference, interval, number, share, spoken
from assay.results.scores import counted
from assay.workspace import Task

ANCHOR = "calibration"
NONE = markup.GLYPHS[markup.UNKNOWN]
WORDS = {"simulated": "simulated user", "full": "full specification"}
SCRIPTED = (
    "Scripted policies stand in for agents here: they follow a script, call no model, and show only that the task and "
    "its tests tell good work from bad. Nothing here is a model's result."
)
HOW = (
    "Rates are of trials that have a grade, with 95 &#37; intervals; the marks are the edges of the band. Where trials "
    "are ungraded, the range says where the rate would be if they had all failed, or all passed. Debt is the rate from "
    "the reference solutions of earlier milestones minus the rate from the agent's own work."
)


def brief(task: Task) -> str:
    """The verdict in a few words, Markdown and raw HTML alike; empty without a calibration."""
    if task.calibration is None:
        return ""
    found = task.calibration.record
    rate = f", {markup.percent(found.solved.rate)} of {found.solved.n} solve it" if found.solved.n else ""
    words = f"{found.verdict.replace('-', ' ')}{rate}"
    good = {"in-band": True, "not-enough-trials": None}.get(found.verdict, False)
    labels = (markup.tag("scripted policies") if found.scripted else "", _stale(task, found))
    return " ".join(filter(None, (markup.verdict(good, words), *labels)))


def section(task: Task) -> str:
    """Markdown of the section."""
    if task.calibration is None:
        return "Not calibrated: `assay calibrate` measures how often agents solve the task, and writes it down here.\n"
    found = task.calibration.record
    measured = f" Measured difficulty: {found.difficulty}." if found.difficulty else ""
    said = f" {spoken(found).capitalize()}." if spoken(found) else ""
    lead = f"{brief(task)}\n\n{worded(found.why)}; with a {WORDS[found.mode]}.{measured}{said}\n\n"
    note = f"{markup.note(SCRIPTED, 'warning', 'Scripted policies')}\n" if found.scripted else ""
    weak = [*_items("test", found.tests), *_items("criterion", found.criteria)]
    flagged = markup.table(("weak item", "what", "discrimination", "passes in failing trials"), weak) if weak else ""
    drift = "".join(_drift(found.drift)) if found.drift else ""
    return f"{lead}{note}{_rates(found)}\n{HOW}\n{{: .as-quiet }}\n\n{_conduct(found)}\n{flagged}\n{drift}"


def _stale(task: Task, found: Calibration) -> str:
    return "" if found.content_sha256 == content_hash(task.folder) else markup.tag("older task content")


def _rates(found: Calibration) -> str:
    """One row for each arm and user, one column for each milestone."""
    rows = {(row.arm, row.mode, row.milestone): row for row in found.milestones}
    names = list(dict.fromkeys(row.milestone for row in found.milestones))
    whole = {(sample.arm, sample.mode): sample.solved for sample in found.samples}
    band = found.thresholds.band
    lines = [
        (
            _arm(found, arm, mode),
            _plot(whole[arm, mode], band) if (arm, mode) in whole else NONE,
            *(_milestone(rows[arm, mode, name], band) for name in names),
        )
        for arm, mode in dict.fromkeys((row.arm, row.mode) for row in found.milestones)
    ]
    return markup.table(("arm", "whole task", *map(inline, names)), lines, kind="ranking")


def _arm(found: Calibration, name: str, mode: str) -> str:
    scripted = any(arm.scripted for arm in found.arms if arm.name == name)
    return f"**{inline(name)}** {markup.tag('scripted') if scripted else ''}<br>{_quiet(WORDS[mode])}"


def _milestone(row: MilestoneRates, band: Sequence[float]) -> str:
    more = [
        f"after the one before: {interval(row.given_previous)}" if row.given_previous and row.given_previous.n else "",
        f"from the reference: {interval(row.from_reference)}" if row.from_reference else "",
        f"debt: {difference(row.debt)}" if row.debt else "",
        f"passes at turn {row.turns:g}" if row.turns is not None else "",
    ]
    return "<br>".join((_plot(row.solved, band), *(_quiet(words) for words in more if words)))


def _plot(rate: Rate, band: Sequence[float]) -> str:
    """The rate as a drawing and in words, then the range that ungraded trials leave open."""
    pieces = [NONE]
    if rate.rate is not None:
        words = interval(rate)
        pieces = [plots.interval(rate.rate, rate.low, rate.high, (0, 1), words, band), words]
    if rate.missing:
        pieces.append(_quiet(f"{rate.least:.2f} to {rate.most:.2f} with {rate.missing} ungraded"))
    return "<br>".join(pieces)


def _quiet(words: str) -> str:
    return f'<span class="as-quiet">{words}</span>'


def _conduct(found: Calibration) -> str:
    """How trials ended and how agents dealt with their user."""
    costs = {arm.name: arm.cost for arm in found.arms}
    head = ("arm", "trials", "pass@k", "pass^k", "elicited", "precise", "corrections", "retained", "cost of asking")
    rows = [
        (
            _arm(found, sample.arm, sample.mode),
            inline(counted(sample.outcomes)),
            "<br>".join(f"k={item.k}: {number(item.any)}" for item in sample.passes),
            "<br>".join(f"k={item.k}: {number(item.all)}" for item in sample.passes),
            *map(share, (sample.elicited, sample.precise)),
            number(sample.correction),
            share(sample.retained),
            difference(costs.get(sample.arm)) if sample.mode == "simulated" else "",
        )
        for sample in found.samples
    ]
    return markup.table(tuple(map(inline, head)), rows, kind="ranking")


def _items(kind: str, items: Sequence[Item]) -> Iterator[tuple[str, ...]]:
    for item in items:
        if item.flag:
            name = f"{markup.breakable(inline(item.id))} {_quiet(kind)}"
            yield name, item.flag.replace("-", " "), number(item.discrimination), share(item.in_failing)


def _drift(drift: Drift) -> Iterator[str]:
    yield "### Since the calibration before {#drift}\n\n"
    if drift.reason:
        yield f"{'Partly' if drift.comparable else 'Not'} comparable: {worded(drift.reason)}.\n\n"
    elif not drift.changes:
        yield "No rate differs by more than chance.\n"
    rows = [
        (
            f"{inline(change.arm)}, {WORDS[change.mode]}, {inline(change.milestone or 'whole task')}",
            interval(change.before),
            interval(change.now),
            difference(change.difference) + (", intervals apart" if change.apart else ""),
        )
        for change in drift.changes
    ]
    if rows:
        yield markup.table(("rate", "before", "now", "difference"), rows, kind="matrix")
