"""From a proof that does not hold to a draft, from a draft to a quarantined task, and back."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from assay.cli import main
from assay.documents import read, validate
from assay.errors import ExitCode
from assay.model.escalation import Escalation
from assay.model.outcome import (
    ImageFinding,
    ImageRecord,
    ImageScan,
    Outcome,
    Proof,
    Stage,
    StageKind,
    TestReport,
    TestResult,
)
from assay.replay.drafting import BYTES, LINES, drafts
from assay.rules import run
from assay.storage import as_json
from assay.workspace import load
from tests.rules.overlay import HERE, build, edit, fill, lay

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


def write_proof(root: Path, *stages: Stage) -> Proof:
    """The evidence of a replay, with the same log for every stage."""
    folder = root / EVIDENCE
    for item in stages:
        place = item.name if item.attempt == 1 else f"{item.name}-{item.attempt}"
        (folder / place).mkdir(parents=True, exist_ok=True)
        for milestone in item.expected:
            (folder / place / f"{milestone}.log").write_bytes(LOG)
    proof = Proof(
        format=1, task="row-merge", content_sha256="c" * 64, image=IMAGE, engine="e", harness="h", started="s",
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


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The valid workspace of the rule tests."""
    monkeypatch.chdir(tmp_path)
    return build(tmp_path)


ORACLES = [stage("oracle", "oracle", {"merge-rows": True, "keep-order": False}, attempt=n) for n in (1, 2, 3)]
UNDECIDED = {"outcome": "invalid-verifier", "reason": "keep-order: reward.txt is not a number"}


def test_an_answer_in_the_image_is_a_draft_of_its_own(root: Path) -> None:
    held = write_proof(root, stage("oracle", "oracle", {"merge-rows": True}))
    leak = ImageFinding(rule="image-holds-tests", path="/srv/t.py", message="`tests/t.py` is in the image as it is")
    scan = ImageScan(
        format=1, image=IMAGE.id, filesystem_sha256="d" * 64, entries=1, bytes=1, packages=0, findings=[leak, leak]
    )
    assert drafts(root, held, root / EVIDENCE) == []
    proof = held.model_copy(update={"scan": scan})
    assert proof.verdict == "refuted"
    (file,) = drafts(root, proof, root / EVIDENCE)
    found = escalation(file)
    assert found.title == "image: /srv/t.py: `tests/t.py` is in the image as it is and 1 more"
    assert found.reproduction == [
        "assay replay row-merge --repeat 1 --no-hijack --mutants 0 --no-trajectories",
        f"docker run --rm -it --network none {IMAGE.id} bash",
    ]


def test_stages_that_failed_for_one_reason_share_a_draft(root: Path) -> None:
    proof = write_proof(
        root,
        stage("no-op", "no-op", {"merge-rows": True}),
        *ORACLES,
        stage("hijack", "hijack-path", {"merge-rows": True}, title="puts its own python first"),
        stage("hijack", "hijack-none", {"merge-rows": True}, title="does nothing", same_as="no-op"),
        stage("hijack", "hijack-loud", {"keep-order": None}, **UNDECIDED),
        stage("mutant", "mutant-01", {"keep-order": None}, mutant="invalid", **UNDECIDED),
        stage("ladder", "ladder-1", {"keep-order": None}, **UNDECIDED),
        stage("trajectory", "calm-heron", {"keep-order": None}, **UNDECIDED),
        stage("trajectory", "brisk-otter", {"merge-rows": True}),
    )
    files = drafts(root, proof, root / EVIDENCE)
    assert [file.stem for file in files] == ["no-op", "oracle", "hijack-path", "invalid-verifier"]
    found = {file.stem: escalation(file) for file in files}
    assert "In 2 of 10 stages: no-op, hijack-none." in found["no-op"].found
    assert "In 3 of 10 stages: oracle, oracle-2, oracle-3." in found["oracle"].found
    assert "tests of `keep-order` must pass; they failed: test_ties" in found["oracle"].found
    assert "In 2 of 10 stages: ladder-1, calm-heron." in found["invalid-verifier"].found
    assert {(item.status, item.raised_by, item.blocking) for item in found.values()} == {("draft", "assay", True)}


def test_a_draft_has_all_that_shows_it(root: Path) -> None:
    proof = write_proof(root, *ORACLES)
    draft = escalation(drafts(root, proof, root / EVIDENCE)[0])
    evidence = draft.evidence
    assert evidence is not None
    assert evidence.command == "assay replay row-merge --repeat 3 --no-hijack --mutants 0 --no-trajectories"
    assert (evidence.exit_code, evidence.image, evidence.content_sha256) == (4, IMAGE.id, "c" * 64)
    assert evidence.path == f"{EVIDENCE}/oracle/keep-order.log"
    assert evidence.log_sha256 == hashlib.sha256(LOG).hexdigest()
    assert evidence.log_excerpt.splitlines()[-2:] == ["line 98 red", "  \ufffd last"]
    assert len(evidence.log_excerpt.splitlines()) == LINES
    assert draft.reproduction == [
        "assay replay row-merge --repeat 1 --no-hijack --mutants 0 --no-trajectories",
        f"docker run --rm -it --network none {IMAGE.id} bash",
    ]


def test_without_an_image_its_build_is_the_reproduction(root: Path) -> None:
    reason = "the image does not build:\nStep 1/1 : RUN false\nreturned a non-zero code: 7"
    broken = {"outcome": "invalid-environment", "reason": reason}
    stages = [stage("no-op", "no-op", {}, **broken), stage("oracle", "oracle", {}, **broken)]
    proof = write_proof(root, *stages).model_copy(update={"image": None})
    (file,) = drafts(root, proof, root / EVIDENCE)
    draft = escalation(file)
    assert (file.stem, draft.kind, draft.outcome) == ("invalid-environment", "environment", "invalid-environment")
    assert draft.title == "no-op and 1 more: the image does not build"
    assert draft.reproduction[0] == "docker build tasks/row-merge/environment"
    assert draft.evidence is not None
    assert (draft.evidence.exit_code, draft.evidence.log_excerpt.strip()) == (7, reason)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=40)
@given(log=st.binary(max_size=300), times=st.integers(1, 60), reason=st.text(max_size=40), test=st.text(min_size=1))
def test_whatever_a_log_and_a_verifier_say_the_draft_can_be_read(
    tmp_path: Path, log: bytes, times: int, reason: str, test: str
) -> None:
    odd = report("m", False).model_copy(update={"tests": [TestResult(name=test, status="failed", seconds=0)]})
    refuted = ORACLES[0].model_copy(update={"reports": [odd], "expected": {"m": True}})
    invalid = stage("ladder", "Odd Name", {"m": None}, outcome="invalid-verifier", reason=reason)
    proof = write_proof(tmp_path, refuted, invalid)
    (tmp_path / EVIDENCE / "oracle/m.log").write_bytes(log * times)
    found = [escalation(file) for file in drafts(tmp_path, proof, tmp_path / EVIDENCE)]
    assert len(found) == 2
    excerpts = [item.evidence.log_excerpt for item in found if item.evidence]
    assert all(len(text.encode()) <= BYTES and len(text.split("\n")) <= LINES + 1 for text in excerpts)


def test_an_opened_draft_quarantines_the_task_until_it_is_resolved(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_proof(root, *ORACLES)
    assert main(["escalate", "--from", f"{EVIDENCE}/oracle", "--by", "rater-1"]) == ExitCode.CLEAN
    path = f"{FOLDER}/oracle.yaml"
    assert capsys.readouterr().out.splitlines()[0] == path
    (held,) = load(root).quarantined("row-merge")
    assert (held.path, held.record.raised_by, held.record.status) == (path, "rater-1", "open")
    assert [item.rule for item in run(load(root))] == ["task-quarantined"]

    assert main(["rank"]) == ExitCode.CLEAN
    out = capsys.readouterr().out
    assert out.startswith("nothing to rank")
    assert f"left out: row-merge, quarantined: {held.record.title} ({path})" in out
    assert main(["rank", "--format", "json"]) == ExitCode.CLEAN
    assert [item["path"] for item in json.loads(capsys.readouterr().out)["left_out"]] == [path]
    assert main(["rank", "--format", "csv"]) == ExitCode.CLEAN
    (row,) = csv.DictReader(io.StringIO(capsys.readouterr().out))
    assert (row["tasks"], row["left_out"], row["left_out_by"]) == ("row-merge", "quarantined", path)

    edit(root / path, "status: open\n====\nstatus: resolved\nresolution: mended")
    assert run(load(root)) == []
    assert main(["rank"]) == ExitCode.CLEAN
    assert "left out:" not in capsys.readouterr().out


def test_one_that_does_not_block_and_a_draft_hold_nothing_back(root: Path) -> None:
    write_proof(root, *ORACLES)
    assert main(["escalate", "--from", EVIDENCE, "--by", "rater-1", "--not-blocking"]) == ExitCode.CLEAN
    assert load(root).quarantined("row-merge") == ()
    shutil.copy(root / EVIDENCE / "escalations/oracle.yaml", root / FOLDER / "as-drafted.yaml")
    assert load(root).quarantined("row-merge") == ()
    assert [item.rule for item in run(load(root))] == ["escalation-draft"]


def test_one_by_hand_only_has_to_be_filled_in(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    by_hand = ["escalate", "row-merge", "--by", "rater-1", "--kind", "rubric", "--title", "Two readings of 'order'"]
    assert main(by_hand) == ExitCode.CLEAN
    path = capsys.readouterr().out.splitlines()[0]
    assert path == f"{FOLDER}/two-readings-of-order.yaml"
    assert [item.rule for item in run(load(root))] == ["escalation-draft"]
    edit(root / path, 'status: draft\n====\nstatus: open\n----\nexpected: ""\n====\nexpected: "One."\n----\n'
                      'found: ""\n====\nfound: "Two."')  # fmt: skip
    assert [item.rule for item in run(load(root))] == ["task-quarantined"]
    before = (root / path).read_bytes()
    assert main(by_hand) == ExitCode.USAGE
    assert "exists; it was not touched" in capsys.readouterr().err
    assert (root / path).read_bytes() == before


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--from", EVIDENCE, "--by", "nobody"], "`nobody` is not in annotations/people.yaml"),
        (["--from", "nowhere", "--by", "rater-1"], "`nowhere` is neither a draft nor the evidence of a replay"),
        (["--from", EVIDENCE, "--by", "rater-1"], "2 drafts; name one of them:\n  " + EVIDENCE),
        (["--from", EVIDENCE, "row-merge", "--by", "rater-1"], "give either"),
        (["row-merge", "--by", "rater-1", "--title", "x"], "give either"),
        (["row-mrge", "--by", "rater-1", "--title", "x", "--kind", "tests"], "there is no task `row-mrge`"),
        (["row-merge", "--by", "rater-1", "--title", "x\ny", "--kind", "tests"], "`--title` must be one line"),
        (["row-merge", "--by", "rater-1", "--title", "!", "--kind", "tests"], "`` must be lower-case letters"),
        (["--from", "assay.toml", "--by", "rater-1"], "`assay.toml` is neither"),
        (["--from", f"{FOLDER}/../rater-1.yaml", "--by", "rater-1"], "rater-1.yaml:1:1: `blocking` is required"),
    ],
)
def test_what_cannot_be_raised_is_one_message(
    root: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    (root / FOLDER).mkdir()
    write_proof(root, stage("no-op", "no-op", {"merge-rows": True}), *ORACLES)
    assert main(["escalate", *arguments]) == ExitCode.USAGE
    assert said in capsys.readouterr().err
    assert list((root / FOLDER).iterdir()) == []


def test_a_proof_that_holds_has_nothing_to_escalate(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_proof(root, stage("oracle", "oracle", {"merge-rows": True}))
    assert main(["escalate", "--from", f"{EVIDENCE}/replay.json", "--by", "rater-1"]) == ExitCode.USAGE
    assert "nothing in it failed" in capsys.readouterr().err


def test_an_invalid_attempt_is_in_no_tier_and_no_rate(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lay(root, HERE / "annotation-invalid-trajectory/bad")
    lay(root, HERE / "trajectory-no-agent-step/good")
    fill(root)
    assert main(["rank", "--format", "json"]) == ExitCode.CLEAN
    report = json.loads(capsys.readouterr().out)
    assert [(row["item"], row["losses"], row["wins"]) for row in report["rows"]] == [("brisk-otter", 0, 0)]
    assert report["tables"][0]["outcomes"] == {"scored": 1, "invalid-agent": 1, "invalid-verifier": 1}
    left_out = {item["item"]: item["reason"] for item in report["left_out"]}
    assert left_out == {"calm-heron": "invalid-verifier", "dry-finch": "invalid-agent"}
    assert main(["rank"]) == ExitCode.CLEAN
    out = capsys.readouterr().out
    assert "attempts: 1 scored, 1 invalid-agent, 1 invalid-verifier" in out
    assert "left out: row-merge/dry-finch, invalid-agent: trajectories/row-merge/dry-finch/session.json" in out


def test_a_log_without_an_agent_is_invalid_even_without_a_session(root: Path) -> None:
    folder = root / "trajectories/row-merge/dry-finch"
    folder.mkdir()
    shutil.copy(HERE / "trajectory-no-agent-step/good" / folder.relative_to(root) / "trajectory.json", folder)
    attempt = load(root).attempts["row-merge"]["dry-finch"]
    assert (attempt.session, attempt.outcome) == (None, "invalid-agent")
    assert {item.rule for item in run(load(root))} == {"session-missing"}
