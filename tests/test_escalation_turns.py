"""From an open escalation to its end: who may say what, what shows that it is over, and what it does to grades."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from pathlib import Path

import pytest

from assay.cli import main
from assay.contents import content_hash
from assay.errors import ExitCode
from assay.rules import run
from assay.workspace import load
from tests.replays import EVIDENCE, FOLDER, ORACLES, escalation, stage, write_proof
from tests.rules.overlay import build, edit


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The valid workspace of the rule tests."""
    monkeypatch.chdir(tmp_path)
    return build(tmp_path)


def test_an_opened_draft_quarantines_the_task_until_a_replay_shows_it_fixed(
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

    fixed = ["escalate", "row-merge/oracle", "--by", "rater-1", "--status", "fixed"]
    refused(capsys, fixed, "`fixed` here needs `why`")
    fixed += ["--why", "It reads any file."]
    refused(capsys, fixed, "`row-merge` was changed after its newest replay")
    now = content_hash(root / "tasks/row-merge")
    write_proof(root, stage("oracle", "oracle", {"merge-rows": False}), content=now)
    refused(capsys, fixed, "does not show it: the verdict is refuted (oracle)")
    write_proof(root, stage("oracle", "oracle", {"merge-rows": True}), content=now)
    assert main(fixed) == ExitCode.CLEAN
    assert capsys.readouterr().out.splitlines()[0] == f"{path}: open -> fixed"
    assert run(load(root)) == []
    repair = escalation(root / path).repair
    assert repair is not None
    assert (repair.content_sha256, [one.stage for one in repair.stages]) == (now, ["oracle"])
    assert repair.replay_sha256 == hashlib.sha256((root / EVIDENCE / "replay.json").read_bytes()).hexdigest()
    assert main(["rank"]) == ExitCode.CLEAN
    assert "left out:" not in capsys.readouterr().out

    (root / "tasks/row-merge/README.md").write_text("Changed again.\n")
    assert [item.rule for item in run(load(root)) if item.rule.startswith("escalation")] == ["escalation-outdated"]
    assert main(["escalate", "--show", "oracle"]) == ExitCode.CLEAN
    assert "changed again since" in capsys.readouterr().out


def refused(capsys: pytest.CaptureFixture[str], arguments: list[str], said: str) -> None:
    assert main(arguments) == ExitCode.USAGE
    assert said in capsys.readouterr().err


def test_what_it_does_to_grades_is_shown(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_proof(root, *ORACLES)
    assert main(["escalate", "row-merge", "--by", "rater-1"]) == ExitCode.CLEAN  # from the newest replay
    file = root / FOLDER / "oracle.yaml"
    edit(file, "status: open\noutcome:\n====\nstatus: open\naffects:\n  trajectories: [calm-heron]\n"
               "  criteria: [keeps-order, merges-rows]\noutcome:")  # fmt: skip
    capsys.readouterr()
    assert main(["escalate", "--show", "row-merge/oracle"]) == ExitCode.CLEAN
    out = capsys.readouterr().out
    assert "open, blocking, tests-contradict-task, raised by rater-1" in out
    ran = "assay replay row-merge --repeat 3 --no-hijack --mutants 0 --no-trajectories"
    assert f"evidence: {ran} (oracle, exit 4, e, image {'a' * 12})" in out
    assert "quarantined: the task is in no ranking and in no calibration" in out
    assert "annotations/row-merge/rater-1.yaml: 2 verdicts rest on it" in out
    assert out.endswith("  history:\n    draft by assay\n    open by rater-1\n")


def test_turns_keep_what_people_wrote(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_proof(root, *ORACLES)
    (root / "annotations/people.yaml").write_text(
        "format: 1\npeople:\n  - {handle: rater-1, roles: [annotator]}\n  - {handle: rater-2, roles: [reviewer]}\n"
    )
    assert main(["escalate", "row-merge", "--by", "rater-1"]) == ExitCode.CLEAN
    file = root / FOLDER / "oracle.yaml"
    before = file.read_text().replace("status: open\n", "status: open   # since the last release\n", 1) + "# The end.\n"
    file.write_text(before)
    turn = ["escalate", "oracle", "--by"]
    refused(capsys, [*turn, "rater-1", "--status", "confirmed"], "`rater-1` raised it, so somebody else confirms it")
    assert main([*turn, "rater-2", "--status", "confirmed"]) == ExitCode.CLEAN
    assert load(root).quarantined("row-merge")
    refused(capsys, [*turn, "rater-2", "--status", "open"], "after `confirmed` must be `fixed`, `rejected`")
    assert main([*turn, "rater-1", "--status", "rejected", "--why", "Two\nlines: both of them."]) == ExitCode.CLEAN
    assert main([*turn, "rater-1", "--status", "open", "--why", "It came back."]) == ExitCode.CLEAN
    after = file.read_text()
    assert [line for line in before.splitlines() if line not in after.splitlines()] == []
    assert [change.status for change in escalation(file).history] == [
        "draft", "open", "confirmed", "rejected", "open",
    ]  # fmt: skip
    flow = after[: after.index("history:")] + "history: [{status: draft, by: assay}, {status: open, by: rater-1}]\n"
    file.write_text(flow)
    refused(capsys, [*turn, "rater-2", "--status", "confirmed"], "it was not touched\n  hint: set `status: confirmed`")
    assert file.read_text() == flow
