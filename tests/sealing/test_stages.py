"""Grading in two stages: what the first covers, what it may cite, and that the second does not change it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from assay import cli
from assay.errors import ExitCode
from assay.grading import recipients
from assay.sealing.annotations import seal
from assay.workspace import load
from tests.sealing.grading_workspace import (
    FOLDER,
    TASK,
    commit,
    findings,
    git,
    pull_request,
    refused,
    run_on_task,
    verdicts,
)


@pytest.fixture
def staged(root: Path) -> Path:
    with (root / "assay.toml").open("a") as settings:
        settings.write("stages = 2\n")
    (root / FOLDER / "drafts/rater-1.yaml").rename(root / "finished.yaml")
    commit(root, "Two stages")
    return root


def first_stage(root: Path) -> Path:
    """A draft with the verdicts of the first stage."""
    assert cli.main(["new", "annotation", TASK, "--by", "rater-1"]) == ExitCode.CLEAN
    draft = root / FOLDER / "drafts/rater-1.yaml"
    text = draft.read_text()
    assert "says-what-changed" not in text
    for name, test in (("merges-rows", "merge-rows/test_merge"), ("keeps-order", "keep-order/test_ties")):
        text = text.replace(f"{name}: {{holds: unclear, cites: []", f'{name}: {{holds: true, cites: ["test:{test}"]')
    text = text.replace(
        "readable-names: {holds: unclear, cites: []", 'readable-names: {holds: true, cites: ["diff:src/rank.py"]'
    )
    draft.write_text(text.replace(", note: not graded yet", ', note: "as the test says"'))
    return draft


def test_two_stages(staged: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root, draft = staged, first_stage(staged)
    verdict = 'merges-rows: {holds: true, cites: ["test:merge-rows/test_merge"]'
    draft.write_text(draft.read_text().replace(verdict, "merges-rows: {holds: true, cites: ['step:5']"))
    assert verdicts(root) == {("stage-evidence", "drafts/rater-1.yaml")}
    draft.write_text(draft.read_text().replace("merges-rows: {holds: true, cites: ['step:5']", verdict))
    assert "before the second" in refused(root, capsys, "seal", TASK, "--by", "rater-1", "--stage", "2")
    with pull_request(root):
        assert run_on_task("seal", "rater-1", "--stage", "1") == ExitCode.CLEAN
    assert git(root, "ls-files", FOLDER) == f"{FOLDER}/rater-1.stage-1.seal.json"
    remark = draft.read_text().replace("# 25 to 90", "# my remark\n    # 25 to 90")
    draft.write_text(remark)
    assert cli.main(["new", "annotation", TASK, "--by", "rater-1"]) == ExitCode.CLEAN
    assert "my remark" in draft.read_text()
    text = draft.read_text()
    for name in ("says-what-changed", "hides-failure"):
        text = text.replace(
            f"{name}: {{holds: unclear, cites: [], note: not graded yet}}",
            f"{name}: {{holds: true, cites: ['step:5']}}",
        )
    assert "`rationale` of `br" in refused(root, capsys, "seal", TASK, "--by", "rater-1")
    text = text.replace("not graded yet", "It reports at the end [step:5].", 2)
    text = text.replace("not graded yet", "Both [brisk-otter step:5] and [calm-heron step:5] are alike.")
    draft.write_text(text.replace("keeps-order: {holds: true", "keeps-order: {holds: false"))
    assert "error stage-changed" in refused(root, capsys, "seal", TASK, "--by", "rater-1")
    draft.write_text(text)
    with pull_request(root):
        assert run_on_task("seal", "rater-1") == ExitCode.CLEAN
    people = root / "annotations/people.yaml"
    people.write_text(people.read_text().replace("[rater-1, rater-2]}", "[rater-1]}"))
    commit(root, "One is enough")
    with pull_request(root):
        assert run_on_task("reveal", "rater-1") == ExitCode.CLEAN
    assert [item for item in findings(root) if "rater-1" in item.path] == []
    revealed = root / FOLDER / "rater-1.yaml"
    revealed.write_text(revealed.read_text().replace("keeps-order: {holds: true", "keeps-order: {holds: false", 1))
    said = [item.message for item in findings(root) if item.path == f"{FOLDER}/rater-1.yaml"]
    assert [message.partition(" must")[0] for message in said] == ["the annotation", "the first stage"]
    file = root / FOLDER / "rater-1.reveal.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "first": None}))
    assert any("must have the salt of" in item.message for item in findings(root))


def test_a_layout_that_cannot_be_added_to(staged: Path, capsys: pytest.CaptureFixture[str]) -> None:
    draft = first_stage(staged)
    run_on_task("seal", "rater-1", "--stage", "1")
    lines = [line for line in draft.read_text().splitlines() if not line.strip().startswith("#")]
    text = "\n".join(lines).replace("    criteria:\n      ", "    criteria: {")
    text = text.replace("}\n      ", "},\n      ").replace('"as the test says"}\n', '"as the test says"}}\n')
    draft.write_text(text.replace('"as the test says"}},\n', '"as the test says"},\n') + "\n")
    assert load(staged).diagnostics == ()
    assert "add them by hand: says-what-changed, hides-failure" in refused(
        staged, capsys, "new", "annotation", TASK, "--by", "rater-1"
    )


def test_a_first_stage_that_came_too_late(staged: Path) -> None:
    entry = next(sheet.entry for sheet in load(staged).drafts if sheet.annotator == "rater-2")
    assert entry
    (public,) = recipients(load(staged), TASK, "rater-2")
    criteria = ("merges-rows", "keeps-order", "readable-names")
    with pull_request(staged):
        seal(staged, entry, None, (), [public])
    assert verdicts(staged) == {("stage-order", "rater-2.seal.json")}
    with pull_request(staged):
        seal(staged, entry, 1, criteria, [public])
    assert verdicts(staged) == {("stage-order", "rater-2.seal.json")}


def test_a_first_stage_covers_what_the_rubric_says(staged: Path) -> None:
    first_stage(staged)
    run_on_task("seal", "rater-1", "--stage", "1")
    file = staged / FOLDER / "rater-1.stage-1.seal.json"
    record = json.loads(file.read_text())
    assert record["criteria"] == ["merges-rows", "keeps-order", "readable-names"]
    file.write_text(json.dumps({**record, "criteria": []}))
    assert ("seal-mismatch", file.name) in verdicts(staged)
