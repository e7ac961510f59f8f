"""A calibration against the one before it."""

from __future__ import annotations

import hashlib

from assay.model.calibration import Arm, Calibration, Change, Drift, Rate
from assay.results.rates import difference
from assay.storage import as_json

Place = tuple[str, str, str | None]
"""Which agent, kind of user, and milestone; None for the whole task."""


def drift(previous: Calibration, now: Calibration) -> Drift:
    """Rates that differ by more than chance. Agents are matched by their keyed digests, policies by name."""
    digest = hashlib.sha256(as_json(previous)).hexdigest()
    if previous.content_sha256 != now.content_sha256:
        before, after = previous.content_sha256[:12], now.content_sha256[:12]
        reason = f"the task has changed: its content was {before}, now it is {after}"
        return Drift(previous_sha256=digest, comparable=False, reason=reason)
    names = {_who(arm): arm.name for arm in now.arms}
    lost = [f"`{arm.name}`" for arm in previous.arms if _who(arm) not in names]
    reasons = [f"not tried again, or numbered with another machine's key: {', '.join(lost)}"] if lost else []
    olds, news, changes = _rates(previous), _rates(now), []
    if previous.wordings and now.wordings and previous.wordings != now.wordings:
        before, after = ", ".join(previous.wordings), ", ".join(now.wordings)
        reasons.append(f"the simulated user spoke otherwise: {before}, now {after}")
        news = {place: rate for place, rate in news.items() if place[1] != "simulated"}
    for (who, mode, milestone), rate in news.items():
        old = olds.get((who, mode, milestone))
        found = difference(rate, old) if old else None
        if old and found and found.established:
            place = {"arm": names[who], "mode": mode, "milestone": milestone}
            numbers = {"before": old, "now": rate, "difference": found, "apart": _apart(old, rate)}
            changes.append(Change.model_validate(place | numbers))
    comparable = any(place in olds for place in news)
    reason = "; ".join(reasons) or ("" if comparable else "no kind of trial is in both")
    return Drift(previous_sha256=digest, comparable=comparable, reason=reason, changes=changes)


def _who(arm: Arm) -> str:
    return arm.ref or arm.name


def _rates(calibration: Calibration) -> dict[Place, Rate]:
    who = {arm.name: _who(arm) for arm in calibration.arms}
    rates: dict[Place, Rate] = {(who[item.arm], item.mode, None): item.solved for item in calibration.samples}
    return rates | {(who[row.arm], row.mode, row.milestone): row.solved for row in calibration.milestones}


def _apart(one: Rate, other: Rate) -> bool:
    """Whether the intervals do not overlap, which says more than an established difference does."""
    return (one.high or 0) < (other.low or 0) or (other.high or 0) < (one.low or 0)
