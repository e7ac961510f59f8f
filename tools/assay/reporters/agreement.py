"""Agreement as tables for a terminal."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING

from rich.table import Table

if TYPE_CHECKING:
    from assay.results.agreement import Estimate
    from assay.results.annotators import AgreementReport, Group
    from assay.results.profiles import Profile


def tables(report: AgreementReport, kinds: Collection[str]) -> Iterator[Table]:
    """Verdicts, rankings, annotators."""
    groups = [group for group in report.groups if group.kind in kinds]
    if groups:
        yield _verdicts(groups)
    out = _plain("rankings", ("task", "coefficient", "of", "value"))
    for order in report.orders:
        for name, estimate in order.estimates.items():
            coefficient, who = order.labels(name)
            out.add_row(order.task, coefficient, who, cell(estimate))
    yield out
    if report.scores:
        reviews = _plain("reviews", ("score", "given twice", "ordinal alpha"))
        for name, estimate in report.scores:
            reviews.add_row(name, str(estimate.n), cell(estimate))
        yield reviews
    head = ("annotator", "verdicts", "passed", "severity", "accuracy", "gold", "guesses", "first shown", "cites")
    profiles = _plain("annotators", (*head, "minutes"))
    for profile in report.profiles:
        profiles.add_row(*_profile(profile))
    yield profiles


def cell(estimate: Estimate) -> str:
    """The value with its interval, or why there is none."""
    if estimate.value is None:
        return f"- ({estimate.why})"
    interval = estimate.interval
    return f"{estimate.value:.2f}" + (f" [{interval.low:.2f}, {interval.high:.2f}]" if interval else "")


def share(value: float | None) -> str:
    """In per cent, or a dash."""
    return "-" if value is None else f"{value:.0%}"


def _verdicts(groups: Collection[Group]) -> Table:
    labels = list(next(iter(groups)).estimates)
    out = _plain("verdicts", ("by", "name", "units", "passed", "unclear", *labels))
    for group in groups:
        found = list(group.estimates.values())
        first = [group.kind, group.name, str(found[0].n), share(group.passed), share(group.unclear)]
        reasons = {estimate.why for estimate in found if estimate.value is None}
        if len(reasons) == 1 and all(estimate.value is None for estimate in found):
            out.add_row(*first, f"- ({reasons.pop()})")
        else:
            out.add_row(*first, *("-" if e.value is None else cell(e) for e in found))
    return out


def _profile(profile: Profile) -> tuple[str, ...]:
    above, below, p = profile.first_shown
    first = f"{above} of {above + below}" + (f" (p {p:.2f})" if p is not None else "")
    return (
        profile.annotator,
        str(profile.verdicts),
        share(profile.passed),
        cell(profile.severity),
        cell(profile.accuracy),
        cell(profile.gold),
        cell(profile.guessed) if profile.guesses else "-",
        first,
        f"{profile.citations:.1f}",
        f"{profile.minutes:g}",
    )


def _plain(title: str, columns: Collection[str]) -> Table:
    out = Table(title=title, title_justify="left", box=None, padding=(0, 1))
    for name in columns:
        out.add_column(name, overflow="fold")
    return out
