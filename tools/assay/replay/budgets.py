"""Limits of a task that its own reference nearly reaches: a slower machine would turn good work into a time-out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from assay.model.outcome import Stage
from assay.model.task import TaskFile

SHARE = 0.8


def tight(file: TaskFile, stages: Iterable[Stage]) -> Iterator[str]:
    """One line for each limit of which the oracle runs used more than `SHARE`."""
    runs = [stage for stage in stages if stage.kind == "oracle" and stage.holds]
    for step in file.steps:
        limit = step.verifier.timeout_sec
        reports = [report for run in runs for report in run.reports if report.milestone == step.name]
        used = max((report.seconds for report in reports), default=0)
        if used > SHARE * limit:
            yield f"tests of `{step.name}` took {used:.1f} s with their container; `timeout_sec` gives them {limit:g} s"
    limits = [step.agent.timeout_sec or file.agent.timeout_sec for step in file.steps]
    longest = max((run.seconds - sum(report.seconds for report in run.reports) for run in runs), default=0.0)
    if None not in limits and longest > SHARE * (given := sum(limit or 0 for limit in limits)):
        yield f"the reference took {longest:.1f} s with its container; `timeout_sec` gives agents {given:g} s"
