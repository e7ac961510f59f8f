"""A recorded attempt as the files that are committed for it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from assay import __version__
from assay.contents import content_hash
from assay.executors import EngineError
from assay.model.outcome import EarlierState, Outcome, TestReport, is_valid
from assay.model.session import (
    PREDICATE_TYPE,
    STATEMENT_TYPE,
    Digest,
    MilestoneResult,
    Session,
    SessionPredicate,
    Subject,
)
from assay.storage import as_json
from assay.trials.recording import Recording


def files(recording: Recording) -> dict[str, bytes]:
    """Every file of the finished attempt by its path in `trajectories/<task>/<alias>/`."""
    found = {"trajectory.json": as_json(recording.trajectory, nulls=False)}
    found |= {f"patches/{name}.patch": patch for name, patch in recording.patches.items()}
    for name in recording.prepared.file.milestones:
        done = recording.final[name]
        earlier = list(_earlier(recording, name))
        found[f"tests/{name}.json"] = as_json(done.report.model_copy(update={"earlier": earlier}))
        found[f"tests/{name}.log"] = done.log
    found["session.json"] = as_json(_session(recording, found))
    return found


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
    reports = [recording.final[name].report for name in prepared.file.milestones]
    invalid: Outcome | None = next((report.outcome for report in reports if not is_valid(report.outcome)), None)
    predicate = SessionPredicate(
        format=1,
        task=prepared.task.id,
        task_sha256=content_hash(prepared.task.folder),
        invocation=recording.invocation,
        image=prepared.image.record.model_copy(update={"filesystem_sha256": recording.filesystem}),
        isolation=recording.isolation,
        outcome=invalid or "scored",
        milestones=[_milestone_result(report) for report in reports],
        seconds=round(recording.seconds, 3),
        harness=f"assay {__version__}",
        kind="recorded",
    )
    subjects = [
        Subject(name=name, digest=Digest(sha256=hashlib.sha256(content).hexdigest()))
        for name, content in sorted(contents.items())
    ]
    return Session.model_validate(
        {"_type": STATEMENT_TYPE, "subject": subjects, "predicateType": PREDICATE_TYPE, "predicate": predicate}
    )


def _milestone_result(report: TestReport) -> MilestoneResult:
    tests = {test.name: test.status == "passed" for test in report.tests}
    return MilestoneResult(milestone=report.milestone, outcome=report.outcome, passed=report.passed, tests=tests)
