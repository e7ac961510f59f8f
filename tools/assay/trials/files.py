"""A recorded attempt as the files that are committed for it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from typing import Literal

from assay import __version__
from assay.contents import content_hash
from assay.executors import EngineError
from assay.model.outcome import EarlierState, Outcome, is_valid
from assay.model.session import (
    PREDICATE_TYPE,
    STATEMENT_TYPE,
    Course,
    Digest,
    MilestoneResult,
    Session,
    SessionPredicate,
    Subject,
)
from assay.storage import as_json
from assay.trials.recording import Planned, Recording


def files(recording: Recording) -> dict[str, bytes]:
    """Every file of the finished attempt by its path in `trajectories/<task>/<alias>/`."""
    found = {"trajectory.json": as_json(recording.trajectory, nulls=False)}
    found |= {f"patches/{name}.patch": patch for name, patch in recording.patches.items()}
    for name, done in recording.final.items():
        earlier = list(_earlier(recording, name))
        found[f"tests/{name}.json"] = as_json(done.report.model_copy(update={"earlier": earlier}))
        found[f"tests/{name}.log"] = done.log
        if done.cast:
            found[f"tests/{name}.cast"] = done.cast
    found["session.json"] = as_json(_session(recording, found))
    return found


def evidence(recording: Recording) -> dict[str, bytes]:
    """What is kept of a trial, who it was included, even when it never began."""
    whole = recording.isolation is not None and recording.steps
    found = files(recording) if whole else partial_files(recording)
    ended = recording.ended
    told = {"ending": ended.ending, "reason": ended.reason} if ended else {}
    return found | {"sealed.json": json.dumps({**recording.sealed, **told}, indent=2, sort_keys=True).encode()}


def partial_files(recording: Recording) -> dict[str, bytes]:
    """What there is of an attempt that was broken off."""
    found = {f"patches/{name}.patch": patch for name, patch in recording.patches.items()}
    return found | ({"trajectory.json": as_json(recording.trajectory, nulls=False)} if recording.steps else {})


def _earlier(recording: Recording, milestone: str) -> Iterator[EarlierState]:
    for after, results in recording.tested.items():
        report = results[milestone].report if milestone in results else None
        if results is not recording.final and report is not None and report.passed is not None:
            failed = [test.name for test in report.tests if test.status in ("failed", "error")]
            yield EarlierState(after=after, passed=report.passed, failed=failed)


def _session(recording: Recording, contents: dict[str, bytes]) -> Session:
    prepared = recording.prepared
    if recording.isolation is None:
        raise EngineError("the container's isolation was never read")
    outcome = outcome_of(recording)
    predicate = SessionPredicate(
        format=1,
        task=prepared.task.id,
        task_sha256=content_hash(prepared.task.folder),
        invocation=recording.invocation,
        image=prepared.image.record.model_copy(update={"filesystem_sha256": recording.filesystem}),
        isolation=recording.isolation,
        outcome=outcome,
        milestones=[_milestone_result(recording, name, outcome) for name in prepared.file.milestones],
        seconds=round(recording.seconds, 3),
        harness=f"assay {__version__}",
        kind=_kind(recording.course),
        course=_course(recording),
    )
    subjects = [
        Subject(name=name, digest=Digest(sha256=hashlib.sha256(content).hexdigest()))
        for name, content in sorted(contents.items())
    ]
    return Session.model_validate(
        {"_type": STATEMENT_TYPE, "subject": subjects, "predicateType": PREDICATE_TYPE, "predicate": predicate}
    )


def outcome_of(recording: Recording) -> Outcome:
    """By the first failing stage in the order environment, agent, verifier."""
    ended = recording.ended.outcome if recording.ended else "scored"
    if not is_valid(ended):
        return ended
    if all(step.source != "agent" for step in recording.steps):
        return "invalid-agent"
    reports = [done.report for done in recording.final.values()]
    return next((report.outcome for report in reports if not is_valid(report.outcome)), ended)


def _milestone_result(recording: Recording, name: str, outcome: Outcome) -> MilestoneResult:
    done = recording.final.get(name)
    if done is None or outcome in ("invalid-environment", "invalid-agent"):
        return MilestoneResult(milestone=name, outcome=outcome, passed=None, tests={})
    report = done.report
    tests = {test.name: test.status == "passed" for test in report.tests}
    return MilestoneResult(milestone=report.milestone, outcome=report.outcome, passed=report.passed, tests=tests)


def _kind(course: Planned | None) -> Literal["agent", "policy", "recorded"]:
    if course is None:
        return "recorded"
    return "policy" if course.scripted else "agent"


def _course(recording: Recording) -> Course | None:
    planned, ended = recording.course, recording.ended
    if planned is None or ended is None:
        return None
    return Course(
        mode=planned.mode,
        seed=planned.seed,
        starts_at=planned.starts_at,
        ended=ended.ending,
        reason=ended.reason,
        turns=recording.turns,
        position=planned.position,
        agent_state=recording.agent_state,
        image_home=recording.image_home,
        sealed_sha256=hashlib.sha256(sealed(recording).encode()).hexdigest(),
    )


def sealed(recording: Recording) -> str:
    """What tells who it was, as the text whose digest is open."""
    return json.dumps(recording.sealed, sort_keys=True, ensure_ascii=False)
