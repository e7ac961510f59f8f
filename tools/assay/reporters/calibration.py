"""A calibration as text: the verdict in one line, then rates, conduct, weak items and what changed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from assay.model.calibration import Calibration, Difference, Drift, Item, MilestoneRates, Rate, Sample, Share
from assay.results.scores import counted
from assay.results.suites import Cost, SuiteRow

SCRIPTED = "scripted policies, not models"
RATES = ("arm", "user", "milestone", "solved", "95 %", "open", "after previous", "from reference", "debt", "turns")
CONDUCT = ("arm", "user", "pass@k", "pass^k", "elicited", "precise", "corrections", "retained", "s", "tokens", "trials")


def headline(calibration: Calibration) -> str:
    """The verdict in one line."""
    measured = f"; difficulty {calibration.difficulty}" if calibration.difficulty else ""
    user = "a simulated user" if calibration.mode == "simulated" else "the full specification"
    caveat = f" ({SCRIPTED})" if calibration.scripted else ""
    return f"{calibration.task}: {calibration.verdict}{caveat}: {calibration.why}; with {user}{measured}"


def as_text(calibration: Calibration) -> str:
    """Everything, for a terminal."""
    c = calibration
    scripted = [arm.name for arm in c.arms if arm.scripted]
    note = [f"{', '.join(scripted)}: {SCRIPTED}"] if scripted else []
    note += [spoken(c)] if spoken(c) else []
    at = ", ".join(str(item.k) for item in c.samples[0].passes) if c.samples else ""
    return "\n".join(
        [
            headline(c),
            *note,
            "",
            *columns([RATES, *_rates(c)]),
            "",
            *columns([CONDUCT, *map(_conduct, c.samples)]),
            f"k = {at}; open: the rate if trials without a verdict had all failed, or all passed",
            *(f"{arm.name}: full minus simulated {difference(arm.cost)}" for arm in c.arms if arm.cost),
            *_items("test", c.tests),
            *_items("criterion", c.criteria),
            *(drift_lines(c.drift) if c.drift else ()),
        ]
    )


def spoken(calibration: Calibration) -> str:
    """How the simulated user's words were made; empty when all stand in user.yaml."""
    others = [wording for wording in calibration.wordings if wording != "authored"]
    kept = sum(trial.incidents for trial in calibration.trials)
    if not others and not kept:
        return ""
    by = f"reworded by an endpoint ({', '.join(others)})" if others else "as authored, although an endpoint was set"
    return f"the simulated user's texts were {by}; {kept} other wordings were refused or did not come"


def columns(rows: Sequence[Sequence[str]]) -> list[str]:
    """Cells under each other, two blanks apart."""
    widths = [max(map(len, cells)) for cells in zip(*rows, strict=True)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def drift_lines(drift: Drift) -> Iterator[str]:
    """What changed since the calibration before."""
    if drift.reason:
        yield f"{'partly' if drift.comparable else 'not'} comparable with the calibration before: {drift.reason}"
    for change in drift.changes:
        what = f"{change.arm}, {change.mode}, {change.milestone or 'whole task'}"
        apart = "; the intervals no longer overlap" if change.apart else ""
        rates = f"{interval(change.before)}, now {interval(change.now)}"
        yield f"drift: {what}: {rates}: {difference(change.difference)}{apart}"
    if drift.comparable and not drift.changes:
        yield "no drift: no rate differs from the calibration before by more than chance"


def suite_text(rows: Sequence[SuiteRow], costs: Sequence[Cost]) -> str:
    """What holds over several tasks: means of pass@k and pass^k, and the price of having to ask."""
    table = [("arm", "user", "k", "pass@k", "pass^k", "tasks", "too few trials on")]
    table += [
        (row.arm, row.mode, str(row.k), number(row.any), number(row.all), str(len(row.tasks)), _list(row.undefined))
        for row in rows
    ]
    paired = (f"{cost.arm}: full minus simulated {difference(cost.difference)}, {_list(cost.tasks)}" for cost in costs)
    return "\n".join([*columns(table), *paired])


def _list(names: Iterable[str]) -> str:
    return ", ".join(names)


def _rates(c: Calibration) -> Iterator[tuple[str, ...]]:
    for sample in c.samples:
        yield sample.arm, sample.mode, "whole task", *_rate(sample.solved), "", "", "", ""
        rows = (row for row in c.milestones if (row.arm, row.mode) == (sample.arm, sample.mode))
        yield from map(_milestone, rows)
    known = {(sample.arm, sample.mode) for sample in c.samples}
    yield from (_milestone(row) for row in c.milestones if (row.arm, row.mode) not in known)


def _milestone(row: MilestoneRates) -> tuple[str, ...]:
    turns = f"{row.turns:g}" if row.turns is not None else "-"
    others = (interval(row.given_previous), interval(row.from_reference), difference(row.debt))
    return row.arm, row.mode, f"  {row.milestone}", *_rate(row.solved), *others, turns


def _conduct(sample: Sample) -> tuple[str, ...]:
    return (
        sample.arm,
        sample.mode,
        " ".join(number(item.any) for item in sample.passes),
        " ".join(number(item.all) for item in sample.passes),
        share(sample.elicited),
        share(sample.precise),
        number(sample.correction),
        share(sample.retained),
        f"{sample.seconds:g}" if sample.seconds is not None else "-",
        f"{sample.tokens:g}" if sample.tokens is not None else "-",
        counted(sample.outcomes),
    )


def _items(kind: str, items: Sequence[Item]) -> Iterator[str]:
    for item in items:
        if item.flag:
            index = f"discrimination {item.discrimination:+.2f}, " if item.discrimination is not None else ""
            failing = f"passes in {item.in_failing.got} of {item.in_failing.of} failing trials"
            yield f"{kind} {item.id}: {item.flag}: {index}{failing}"


def interval(rate: Rate | None) -> str:
    """`4/5 [0.38, 0.96]`, or a dash."""
    if rate is None or rate.rate is None or rate.low is None or rate.high is None:
        return "-"
    return f"{rate.passed}/{rate.n} [{rate.low:.2f}, {rate.high:.2f}]"


def _rate(rate: Rate) -> tuple[str, str, str]:
    """Count, interval, and the range that trials without a verdict leave open."""
    count, _, limits = interval(rate).partition(" ")
    return count, limits, f"{rate.least:.2f} to {rate.most:.2f}" if rate.missing else ""


def share(found: Share) -> str:
    """`3/4`, or a dash."""
    return f"{found.got}/{found.of}" if found.of else "-"


def number(value: float | None) -> str:
    """Two decimals, or a dash."""
    return "-" if value is None else f"{value:.2f}"


def difference(found: Difference | None) -> str:
    """`+0.60 [+0.03, +0.88]`, or a dash."""
    return f"{found.value:+.2f} [{found.low:+.2f}, {found.high:+.2f}]" if found else "-"
