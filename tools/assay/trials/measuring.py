"""A trial as numbers: what a calibration counts, from the recording alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from assay.model.calibration import CalibrationMode, TrialResult
from assay.model.outcome import TestReport
from assay.model.rubric import Rubric
from assay.model.user import SimulatedUser
from assay.simulation.rephrasing import AUTHORED
from assay.trials.files import outcome_of
from assay.trials.recording import Recording
from assay.trials.session import Order


def measured(
    recording: Recording, order: Order, mode: CalibrationMode, rubric: Rubric | None, user: SimulatedUser | None
) -> TrialResult:
    """What the trial showed. Disclosures are read where the user's steps carry them."""
    reports = {name: done.report for name, done in recording.final.items()}
    said = list(_disclosures(recording))
    wordings = {str(text.get("wording", AUTHORED)) for text in spoken(recording)}
    once, kept = _retention(recording)
    asked = {intent.id for intent in (user.intents if user else ()) if any(item.on_ask for item in intent.reveal)}
    metrics = recording.metrics
    counts = (metrics.total_prompt_tokens, metrics.total_completion_tokens) if metrics else (None, None)
    return TrialResult(
        agent=order.turn.agent,
        scripted=order.settings.scripted,
        mode=mode,
        outcome=outcome_of(recording),
        passed={name: report.passed for name, report in reports.items()},
        starts_at=order.starts_at,
        tests={name: {test.name: test.status == "passed" for test in report.tests} for name, report in reports.items()},
        criteria=dict(_criteria(rubric, reports)),
        turns=recording.turns,
        turns_to=recording.turns_to,
        questions=sum(bool(item.get("asked")) for item in said),
        matched=sum(item.get("rule") == "on_ask" for item in said),
        reachable=len(asked) if mode == "simulated" else 0,
        revealed=len(set(_answered(said)) & asked),
        corrections=sum(item.get("state_after") == "CORRECT" for item in said),
        nudges=sum(item.get("state_after") == "NUDGE" for item in said),
        wording=next(iter(wordings - {AUTHORED}), AUTHORED),
        incidents=sum("incident" in text for text in spoken(recording)),
        once_passed=once,
        retained=kept,
        seconds=round(recording.seconds, 3),
        tokens=sum(count or 0 for count in counts) if metrics else None,
    )


def spoken(recording: Recording) -> Iterator[Mapping[str, Any]]:
    """What is noted about each text of the user; one message may hold several."""
    for item in _disclosures(recording):
        yield from (item, *item.get("also", ()))


def _disclosures(recording: Recording) -> Iterator[Mapping[str, Any]]:
    for step in recording.steps:
        if step.source == "user" and step.extra:
            yield step.extra.get("assay", {})


def _answered(said: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Intents that questions revealed; one answer may hold several."""
    for item in said:
        if item.get("rule") == "on_ask":
            yield from (str(intent["intent_id"]) for intent in (item, *item.get("also", ())))


def _retention(recording: Recording) -> tuple[int, int]:
    """Tests of a milestone that passed when it was handed in, and how many of them still pass at the end."""
    once = kept = 0
    for milestone, results in recording.tested.items():
        if results is recording.final or milestone not in results or milestone not in recording.final:
            continue
        end = _statuses(recording.final[milestone].report)
        passed = [name for name, status in _statuses(results[milestone].report).items() if status == "passed"]
        once += len(passed)
        kept += sum(end.get(name) == "passed" for name in passed)
    return once, kept


def _statuses(report: TestReport) -> dict[str, str]:
    return {test.name: test.status for test in report.tests}


def _criteria(rubric: Rubric | None, reports: Mapping[str, TestReport]) -> Iterator[tuple[str, bool]]:
    """Criteria that a test decides: passed exactly when it passed, all its cases together."""
    for criterion in rubric.criteria if rubric else ():
        milestone, _, name = (criterion.test or "").partition("/")
        found = reports[milestone].matching(name) if milestone in reports else []
        statuses = {test.status for test in found} - {"skipped"}
        if statuses:
            yield criterion.id, statuses == {"passed"}
