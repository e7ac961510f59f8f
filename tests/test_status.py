"""`assay status`: what waits for whom, and what blocks what, from the first draft to the adjudication."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from assay import cli
from assay.errors import ExitCode
from tests.rules.overlay import blob_id, build
from tests.sealing.grading_workspace import FOLDER, TASK, commit, make, pull_request, run_on_task, seal_all

RULES = Path(__file__).parent / "rules"
PEOPLE = """\
format: 1
people:
  - {handle: rater-1, roles: [annotator]}
  - {handle: rater-2, roles: [annotator]}
  - {handle: judge, roles: [reviewer, adjudicator]}
  - {handle: lead, roles: [coordinator]}
assigned: {row-merge: [rater-1, rater-2]}
"""
REVIEW = """\
format: 1
task: row-merge
reviewer: judge
annotations:
  - annotator: rater-1
    annotation: {}
    verdict: request-changes
    scores: {{quality: 3, completeness: 3, consistency: 4, schema_compliance: 5}}
    comments:
      - {{at: comparison, quote: "Only one of the two", says: "Say which one."}}
"""


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two people who are to grade openly, and two who see to the rest."""
    made = build(tmp_path / "w")
    (made / "annotations/people.yaml").write_text(PEOPLE)
    monkeypatch.chdir(made)
    return made


@pytest.fixture
def sealed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "w").mkdir()
    monkeypatch.chdir(tmp_path / "w")
    return make(tmp_path / "w", tmp_path / "coordinator.txt")


def shown(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    capsys.readouterr()
    assert cli.main(["status", *arguments]) == ExitCode.CLEAN
    return capsys.readouterr().out


def status(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(shown(capsys, "--format", "json", *arguments))
    return found


def waits(capsys: pytest.CaptureFixture[str], *arguments: str) -> set[tuple[str, str]]:
    """Person and kind of every item."""
    return {(item["person"], item["kind"]) for item in status(capsys, *arguments)["items"]}


def second(root: Path) -> Path:
    """The annotation of rater-2, who judges one verdict otherwise."""
    text = (root / FOLDER / "rater-1.yaml").read_text().replace("annotator: rater-1", "annotator: rater-2")
    verdict = 'merges-rows: {holds: true, cites: ["test:merge-rows/test_merge"]}'
    assert text.count(verdict) == 2
    file = root / FOLDER / "rater-2.yaml"
    file.write_text(text.replace(verdict, 'merges-rows: {holds: unclear, note: "Two tests differ."}', 1))
    return file


def test_the_whole_text(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert shown(capsys) == (
        """\
rater-2 (annotator)
  row-merge: no annotation yet
    $ assay new annotation row-merge --by rater-2

judge (reviewer, adjudicator)
  row-merge: nobody has reviewed rater-1
    $ assay new review row-merge --by judge

lead (coordinator)
  row-merge: never proven on this machine
    $ assay replay row-merge

what blocks what
  adjudication of row-merge waits for rater-2

tasks
  row-merge: annotated by rater-1; 3 to do
"""
    )
    assert shown(capsys) == shown(capsys)
    assert shown(capsys, "--by", "rater-1").startswith("rater-1: nothing waits for you\n")
    assert "rater-1" not in shown(capsys, "--by", "rater-2")


def test_who_is_not_known(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["status", "--by", "rater-9"]) == ExitCode.USAGE
    assert "`rater-1`, `rater-2`, `judge`, `lead`" in capsys.readouterr().err


def test_nobody_is_assigned(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    people = root / "annotations/people.yaml"
    people.write_text(PEOPLE.replace("assigned: {row-merge: [rater-1, rater-2]}\n", ""))
    assert ("rater-2", "annotation-free") in waits(capsys)
    people.unlink()
    found = status(capsys)
    assert {item["person"] for item in found["items"]} == {""}
    assert "nobody yet: add the role" in shown(capsys)
    assert "waits for 1 more annotator" in shown(capsys)


def test_disagreements_wait_until_they_are_decided(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    second(root)
    assert ("judge", "adjudication") in waits(capsys)
    assert "annotators differ on 1 verdict" in shown(capsys, "--by", "judge")
    assert not status(capsys)["blocks"]
    decided = "{alias: brisk-otter, criterion: merges-rows, holds: true, fault: annotator-error, reason: Both pass.}"
    head = "format: 1\ntask: row-merge\nadjudicator: judge\n"
    (root / FOLDER / "adjudication.yaml").write_text(f"{head}decisions: []\n")
    assert "assay check annotations/row-merge/adjudication.yaml" in shown(capsys, "--by", "judge")
    (root / FOLDER / "adjudication.yaml").write_text(f"{head}decisions: [{decided}]\n")
    assert ("judge", "adjudication") not in waits(capsys)


def test_reviews(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sheet, file = root / FOLDER / "rater-1.yaml", root / FOLDER / "reviews/judge.yaml"
    file.parent.mkdir()
    file.write_text("[not, a, review]\n")
    assert ("judge", "review") in waits(capsys)
    own = REVIEW.replace("reviewer: judge", "reviewer: rater-1").format(blob_id(sheet.read_bytes()))
    (root / FOLDER / "reviews/rater-1.yaml").write_text(own)  # nobody is reviewed by oneself
    found = waits(capsys)
    assert ("judge", "review") in found
    assert ("rater-1", "changes") not in found
    (root / FOLDER / "reviews/rater-1.yaml").unlink()
    file.write_text(REVIEW.format(blob_id(sheet.read_bytes())))
    found = waits(capsys)
    assert ("rater-1", "changes") in found
    assert ("judge", "review") not in found
    other = second(root)
    assert "rater-2: go on in annotations/row-merge/reviews/judge.yaml" in " ".join(
        shown(capsys, "--by", "judge").split()
    )
    other.unlink()
    sheet.write_text(sheet.read_text() + "# mended\n")
    found = waits(capsys)
    assert ("judge", "review-stale") in found
    assert ("rater-1", "changes") not in found


def test_errors_by_owner(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sheet = second(root)
    sheet.write_text(sheet.read_text().replace("ranking: [[brisk-otter], [calm-heron]]", "ranking: [[brisk-otter]]"))
    (root / "tasks/row-merge/rubric.yaml").write_text("format: 1\n")
    found = {
        (item["person"], item["run"]): item["says"] for item in status(capsys)["items"] if item["kind"] == "errors"
    }
    assert "ranking-incomplete" in found["rater-2", "assay check annotations/row-merge/rater-2.yaml"]
    assert ("lead", "assay check tasks/row-merge") in found  # there is no author


def test_escalations_and_quarantine(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = RULES / "task-quarantined/bad/annotations/row-merge/escalations/row-class.yaml"
    file = root / FOLDER / "escalations/row-class.yaml"
    file.parent.mkdir()
    file.write_text(source.read_text())
    assert {("lead", "escalation-open"), ("lead", "quarantined")} <= waits(capsys)
    text = shown(capsys, "--by", "lead")
    assert "assay escalate row-merge/row-class --status confirmed --by lead" in text
    assert "ranking and calibration of row-merge waits for escalation row-class" in " ".join(text.split())
    turns = source.read_text().replace("by: rater-1}", "by: lead}")
    file.write_text(turns)  # who raised it does not confirm it
    assert {("", "escalation-open"), ("lead", "quarantined")} <= waits(capsys)
    file.write_text(source.read_text().replace("status: open\n", "status: confirmed\n"))
    assert ("lead", "escalation-confirmed") in waits(capsys)


def test_stale_annotations(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    root = build(tmp_path / "w", RULES / "annotation-stale/bad")
    monkeypatch.chdir(root)
    assert ("rater-1", "annotation-stale") in waits(capsys)


def test_attempts_without_a_grade(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (root / FOLDER / "rater-1.yaml").unlink()
    assert "2 attempts without any grade: brisk-otter, calm-heron" in shown(capsys, "--by", "lead")


def test_from_draft_to_reveal(sealed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    everybody = waits(capsys)
    assert {("rater-1", "annotation-missing"), ("rater-2", "annotation-missing")} <= everybody
    assert "draft" not in shown(capsys)
    assert ("rater-1", "unsealed") in waits(capsys, "--by", "rater-1")
    assert "assay seal row-merge --by rater-1\n" in shown(capsys, "--by", "rater-1")
    with pull_request(sealed):
        assert run_on_task("seal", "rater-1") == ExitCode.CLEAN
        assert ("rater-1", "seal-unmerged") in waits(capsys)
    assert ("rater-1", "sealed") in waits(capsys)
    text = shown(capsys)
    assert "reveal of row-merge waits for rater-2" in text
    assert "sealed by rater-1" in text
    assert "Restores" not in json.dumps(status(capsys))
    with pull_request(sealed):
        assert run_on_task("seal", "rater-2") == ExitCode.CLEAN
    assert {("rater-1", "reveal"), ("rater-2", "reveal")} <= waits(capsys)
    assert "assay reveal row-merge --by rater-2" in shown(capsys, "--by", "rater-2")
    with pull_request(sealed):
        assert run_on_task("reveal", "rater-1") == ExitCode.CLEAN
    found = waits(capsys)
    assert ("rater-1", "reveal") not in found
    assert {("rater-2", "reveal"), ("", "review")} <= found
    assert status(capsys)["annotated"] == {TASK: ["rater-1"]}


def test_a_draft_that_is_not_finished(sealed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    draft = sealed / FOLDER / "drafts/rater-1.yaml"
    draft.write_text(draft.read_text().replace("[[brisk-otter], [calm-heron]]", "[[brisk-otter]]"))
    assert ("rater-1", "draft") in waits(capsys, "--by", "rater-1")
    assert "assay check annotations/row-merge/drafts/rater-1.yaml" in shown(capsys, "--by", "rater-1")
    for arguments in ((), ("--by", "rater-2"), ("--by", "lead")):
        assert "drafts/rater-1" not in shown(capsys, *arguments)
    draft.write_text("grades: [\n")
    assert ("rater-1", "draft") in waits(capsys, "--by", "rater-1")


def test_two_stages(sealed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with (sealed / "assay.toml").open("a") as settings:
        settings.write("stages = 2\n")
    commit(sealed, "Two stages")
    draft = sealed / FOLDER / "drafts/rater-1.yaml"
    whole = draft.read_text()
    assert "stage-2" not in {kind for _, kind in waits(capsys, "--by", "rater-1")}
    seal_first(sealed)
    assert ("rater-1", "stage-2") in waits(capsys)
    assert "assay new annotation row-merge --by rater-1\n" in shown(capsys, "--by", "rater-1")
    draft.write_text(whole)
    assert "assay seal row-merge --by rater-1 --stage 2\n" in shown(capsys, "--by", "rater-1")


def seal_first(root: Path) -> None:
    """Stage 1 of rater-1, on the main branch."""
    draft = root / FOLDER / "drafts/rater-1.yaml"
    lines = draft.read_text().splitlines(keepends=True)
    kept = [line for line in lines if "says-what-changed" not in line and "hides-failure: {" not in line]
    draft.write_text("".join(kept))
    with pull_request(root):
        assert run_on_task("seal", "rater-1", "--stage", "1") == ExitCode.CLEAN


def test_all_is_done(sealed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    seal_all(sealed)
    with pull_request(sealed):
        for name in ("rater-1", "rater-2"):
            assert run_on_task("reveal", name) == ExitCode.CLEAN
    found = status(capsys)
    assert not found["blocks"]
    assert not {kind for _, kind in waits(capsys)} & {"annotation-missing", "sealed", "reveal", "adjudication"}
