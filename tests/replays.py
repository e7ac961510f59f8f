"""Replays as they are written down, and the escalations that are made from them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from assay.documents import read, validate
from assay.model.escalation import Escalation
from assay.model.outcome import ImageRecord, Outcome, Proof, Stage, StageKind, TestReport, TestResult
from assay.storage import as_json

IMAGE = ImageRecord(id=f"sha256:{'a' * 64}", layers=[], context_sha256="b" * 64)
EVIDENCE = ".assay/replays/row-merge/run"
FOLDER = "annotations/row-merge/escalations"
LOG = b"".join(b"line %d\t\x1b[31mred\x1b[0m  \r\n" % number for number in range(99)) + b"  \xff last\n"


def report(milestone: str, passed: bool | None, outcome: Outcome = "scored") -> TestReport:
    test = TestResult(name="test_ties", status="passed" if passed else "failed", seconds=0)
    return TestReport(
        format=1, milestone=milestone, outcome=outcome, passed=passed, reward=None, tests=[test], exit_code=4,
        seconds=1, image=IMAGE.id,
    )  # fmt: skip


def stage(kind: StageKind, name: str, reports: Mapping[str, bool | None], **more: Any) -> Stage:
    """A stage in which every milestone should have passed; after the reference solutions only, in fact."""
    outcome = more.get("outcome", "scored")
    wanted = kind in ("oracle", "trajectory")
    return Stage(
        kind=kind,
        name=name,
        expected=dict.fromkeys(reports, wanted),
        reports=[report(name, passed, "scored" if passed is not None else outcome) for name, passed in reports.items()],
        seconds=1,
        **{"outcome": outcome, **more},
    )


def write_proof(root: Path, *stages: Stage, content: str = "c" * 64) -> Proof:
    """The evidence of a replay, with the same log for every stage."""
    folder = root / EVIDENCE
    for item in stages:
        place = item.name if item.attempt == 1 else f"{item.name}-{item.attempt}"
        (folder / place).mkdir(parents=True, exist_ok=True)
        for milestone in item.expected:
            (folder / place / f"{milestone}.log").write_bytes(LOG)
    proof = Proof(
        format=1, task="row-merge", content_sha256=content, image=IMAGE, engine="e", harness="h", started="s",
        finished="f", stages=list(stages),
    )  # fmt: skip
    (folder / "replay.json").write_bytes(as_json(proof))
    return proof


def escalation(file: Path) -> Escalation:
    document, found = read(file, file.name)
    assert document is not None, found
    record, wrong = validate(document, Escalation)
    assert record is not None, wrong
    return record


ORACLES = [stage("oracle", "oracle", {"merge-rows": True, "keep-order": False}, attempt=n) for n in (1, 2, 3)]
