"""What the tests said of mutants, and how good that makes them."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from assay.model.outcome import MutantClass, Outcome, Stage, TestReport

if TYPE_CHECKING:
    from assay.results.intervals import Interval

_UNLOADED = re.compile(
    r"\b(SyntaxError|IndentationError|ImportError|ModuleNotFoundError)\b|^\S+:\d+:\d+: (?:fatal )?error: ", re.MULTILINE
)
"""Python and C compilers on a file that does not even load."""


def classify(
    outcome: Outcome, reports: Sequence[TestReport], expected: Collection[str], *, equivalent: bool = False
) -> MutantClass:
    """Which class a mutant is in.

    `reports` are those of the milestones that were tested, `expected` names all that the reference passes, and
    `equivalent` says that every verifier would receive the reference's own bytes. A mutated `solve.sh` that fails
    (`invalid-agent`), and a file that no longer loads, are trivial: noticed, but no merit of an assertion.
    """
    if equivalent:
        return "equivalent"
    if outcome == "invalid-agent":
        return "trivial"
    failed = [report for report in reports if report.passed is False]
    if failed:
        return "trivial" if all(_unloaded(report) for report in failed) else "killed"
    passed = {report.milestone for report in reports if report.passed}
    return "survived" if expected and passed.issuperset(expected) else "invalid"


def _unloaded(report: TestReport) -> bool:
    bad = [test for test in report.tests if test.status in ("failed", "error")]
    return bool(bad) and all(_UNLOADED.search(test.message) for test in bad)


class Score(NamedTuple):
    """Mutants that tests can tell from the reference, and did or did not; and the share that they did."""

    killed: int
    survived: int
    interval: Interval | None


def score(stages: Iterable[Stage]) -> Score:
    """Counts and Wilson interval over the stages that are mutants; the other classes do not count."""
    found = [stage.mutant for stage in stages if stage.mutant in ("killed", "survived")]
    killed = found.count("killed")
    if not found:
        return Score(0, 0, None)
    from assay.results.intervals import wilson

    return Score(killed, len(found) - killed, wilson(killed, len(found)))
