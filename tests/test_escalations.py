"""From a proof that does not hold to a draft, from a draft to a quarantined task, and back."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from assay.cli import main
from assay.errors import ExitCode
from assay.model.outcome import (
    ImageFinding,
    ImageScan,
    TestResult,
)
from assay.model.run import RecordedRun, RunState, Stream
from assay.replay.drafting import BYTES, LINES, drafts
from assay.rules import run
from assay.storage import as_json
from assay.workspace import load
from tests.replays import EVIDENCE, FOLDER, IMAGE, LOG, ORACLES, escalation, report, stage, write_proof
from tests.rules.overlay import HERE, build, edit, fill, lay


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The valid workspace of the rule tests."""
    monkeypatch.chdir(tmp_path)
    return build(tmp_path)


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
    assert (file.stem, draft.kind, draft.outcome) == (
        "invalid-environment",
        "environment-broken",
        "invalid-environment",
    )
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


def test_one_that_does_not_block_and_a_draft_hold_nothing_back(root: Path) -> None:
    write_proof(root, *ORACLES)
    assert main(["escalate", "--from", EVIDENCE, "--by", "rater-1", "--not-blocking"]) == ExitCode.CLEAN
    assert load(root).quarantined("row-merge") == ()
    shutil.copy(root / EVIDENCE / "escalations/oracle.yaml", root / FOLDER / "as-drafted.yaml")
    assert load(root).quarantined("row-merge") == ()
    assert [item.rule for item in run(load(root))] == ["escalation-draft"]


def test_one_by_hand_only_has_to_be_filled_in(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    by_hand = ["escalate", "row-merge", "--by", "rater-1", "--kind", "rubric-defect"]
    by_hand += ["--title", "Two readings of 'order'"]
    assert main(by_hand) == ExitCode.CLEAN
    path = capsys.readouterr().out.splitlines()[0]
    assert path == f"{FOLDER}/two-readings-of-order.yaml"
    assert [item.rule for item in run(load(root))] == ["escalation-draft"]
    edit(root / path, 'expected: ""\n====\nexpected: "One."\n----\nfound: ""\n====\nfound: "Two."')
    assert main(["escalate", "two-readings-of-order", "--by", "rater-1", "--status", "open"]) == ExitCode.CLEAN
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
        (["--from", EVIDENCE, "--by", "rater-1"], "2 drafts; name one of them:\n  --from " + EVIDENCE),
        (["--from", EVIDENCE, "row-merge", "--by", "rater-1"], "give TASK or `--from PATH`, not both"),
        (
            ["row-merge", "--by", "rater-1", "--title", "x"],
            "with TASK give both `--title` and `--kind`, or `--run COMMAND`",
        ),
        (["row-merge", "--title", "x", "--kind", "leak"], "Missing option '--by'"),
        (["row-merge", "--by", "rater-1"], "2 drafts; name one of them"),
        (["row-merge/no-op", "--show"], "no readable escalation is called `row-merge/no-op`"),
        (["--show"], "`--show` and `--status` go with TASK/SLUG"),
        (["row-mrge", "--by", "rater-1", "--title", "x", "--kind", "leak"], "there is no task `row-mrge`"),
        (["row-merge", "--by", "rater-1", "--title", "x\ny", "--kind", "leak"], "`--title` must be one line"),
        (["row-merge", "--by", "rater-1", "--title", "!", "--kind", "leak"], "`` must be lower-case letters"),
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


def test_a_recorded_run_is_evidence(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = root / "annotations/row-merge/evidence/rater-1"
    folder.mkdir(parents=True)
    (folder / "01.err").write_bytes(b"Traceback\nKeyError: 'score'\n")
    nothing = Stream(sha256=hashlib.sha256(b"").hexdigest(), bytes=0, hidden=0)
    run = RecordedRun(
        format=1, task="row-merge", alias="calm-heron", annotator="rater-1", kind="command",
        command=["python3", "-c", "import rank"], state=RunState(kind="milestone", milestone="merge-rows",
        patch_sha256="a" * 64), exit_code=1, seconds=2, stdout=nothing, stderr=nothing, cast_sha256="b" * 64,
        image=IMAGE, task_sha256="c" * 64,
    )  # fmt: skip
    (folder / "01.json").write_bytes(as_json(run))
    source = ["--from", "annotations/row-merge/evidence/rater-1/01.json", "--by", "rater-1"]
    assert main(["escalate", *source, "--kind", "hidden-requirement"]) == ExitCode.CLEAN
    record = escalation(root / capsys.readouterr().out.splitlines()[0])
    assert record.title == "`python3 -c 'import rank'` on calm-heron: exit 1"
    assert (record.status, record.kind, record.affects.trajectories) == ("draft", "hidden-requirement", ["calm-heron"])
    assert record.reproduction == [
        "assay verify row-merge/calm-heron --by HANDLE --milestone merge-rows -- python3 -c 'import rank'"
    ]
    assert record.evidence is not None
    assert (record.evidence.exit_code, record.evidence.image) == (1, IMAGE.id)
    assert record.evidence.log_excerpt.endswith("KeyError: 'score'\n")
