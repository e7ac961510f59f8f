"""`assay rank` in workspaces that carry little: honest words, no traceback, no interval out of nothing."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

from assay.cli import main
from assay.errors import ExitCode
from tests.rules.overlay import build, edit

REPOSITORY = Path(__file__).parents[2]
TASK = "row-merge"


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """One task, one annotator, two attempts."""
    monkeypatch.chdir(build(tmp_path))
    return tmp_path


def second(root: Path) -> None:
    """Another annotator who says word for word the same."""
    people = "format: 1\npeople:\n" + "".join(f"  - {{handle: rater-{n}, roles: [annotator]}}\n" for n in (1, 2))
    (root / "annotations/people.yaml").write_text(people)
    text = (root / f"annotations/{TASK}/rater-1.yaml").read_text()
    (root / f"annotations/{TASK}/rater-2.yaml").write_text(text.replace("annotator: rater-1", "annotator: rater-2"))


def said(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = ExitCode.CLEAN) -> str:
    assert main(["rank", *arguments]) == code
    captured = capsys.readouterr()
    return captured.out if code == ExitCode.CLEAN else captured.err


def no_interval(capsys: pytest.CaptureFixture[str], *arguments: str) -> None:
    report = json.loads(said(capsys, *arguments, "--format", "json"))
    bounds = ("rank_low", "rank_high", "strength_low", "strength_high")
    assert {row[name] for row in report["rows"] for name in bounds} == {None}
    bounds = ("solved_low", "solved_high", "must_pass_met_low", "must_pass_met_high")
    assert {row[name] for row in report["rates"] for name in bounds} <= {None}


def test_one_task_and_one_annotator(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table = " ".join(said(capsys).split())
    assert "1 ranking by rater-1" in table
    assert "no interval: a single task: nothing shows how much the order varies between tasks" in table
    assert "no win or no loss, so the distance to the others is set by the pseudo-wins" in table
    no_interval(capsys)
    for by in ("task", "axis", "milestone", "category"):
        no_interval(capsys, "--by", by)


def test_two_annotators_who_are_unanimous(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    second(root)
    assert "2 rankings by rater-1, rater-2" in said(capsys)
    no_interval(capsys)


def test_agents_known_from_a_file_on_one_task(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (root / "agents.json").write_text(json.dumps({TASK: {"brisk-otter": "one", "calm-heron": "other"}}))
    no_interval(capsys, "--agents", "agents.json")
    table = " ".join(said(capsys, "--agents", "agents.json").split())
    assert "no interval: a single task shows nothing about others" in table
    assert "Options: --agents (file " in table


def test_an_empty_workspace(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "assay.toml").write_text("format = 1\n")
    monkeypatch.chdir(tmp_path)
    for more in ((), ("--by", "axis"), ("--by", "milestone"), ("--must-pass-only",)):
        assert said(capsys, *more).startswith("nothing to rank: there is no annotation yet")
    assert said(capsys, "--format", "csv") == "\n"
    assert json.loads(said(capsys, "--format", "json"))["rows"] == []
    assert "`--without`" not in said(capsys, "--without", "nobody", code=ExitCode.USAGE)


def test_agents_that_never_met(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Two tasks with no agent in common have no common scale, however many intervals that costs."""
    monkeypatch.chdir(REPOSITORY)
    report = json.loads(said(capsys, "--format", "json"))
    agents: dict[str, dict[str, str]] = {}
    for number, row in enumerate(report["rows"]):
        agents.setdefault(row["tasks"], {})[row["item"]] = f"agent-{number}"
    file = tmp_path / "agents.json"
    file.write_text(json.dumps(agents))
    table = " ".join(said(capsys, "--agents", str(file)).split())
    assert table.count("never compared with the other 4 item(s): there is no common scale and no common order") == 2
    found = json.loads(said(capsys, "--agents", str(file), "--format", "json"))
    assert len(found["tables"]) == 2
    assert {row["strength_low"] for row in found["rows"]} == {None}
    unnamed = {item["item"] for item in found["left_out"] if item["reason"] == "agent unknown"}
    assert unnamed.isdisjoint(alias for aliases in agents.values() for alias in aliases)


def test_every_line_of_the_csv_says_which_data(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = list(csv.DictReader(io.StringIO(said(capsys, "--format", "csv", "--seed", "5", "--must-pass-only"))))
    head = json.loads(said(capsys, "--format", "json", "--seed", "5", "--must-pass-only"))
    assert {(line["data_sha256"], line["seed"], line["options"]) for line in lines} == {
        (head["data_sha256"], "5", "--must-pass-only")
    }
    assert (head["options"]["must_pass_only"], head["seed"], head["commit"]) == (True, 5, None)
    edit(root / f"tasks/{TASK}/rubric.yaml", "weight: 2\n====\nweight: 1")
    assert json.loads(said(capsys, "--format", "json"))["data_sha256"] != head["data_sha256"]


def test_wrong_names_say_what_is_known(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "annotators: `rater-1`" in said(capsys, "--without", "rater-9", code=ExitCode.USAGE)
    assert "versions in use: 1" in said(capsys, "--guidelines", "9", code=ExitCode.USAGE)
    assert "known: `brisk-otter`, `calm-heron`" in said(capsys, "--why", f"{TASK}/nobody", code=ExitCode.USAGE)
    assert f"tasks of this workspace: `{TASK}`" in said(capsys, "--why", "nothing", code=ExitCode.USAGE)


def test_why_in_every_format(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table = said(capsys, "--why", f"{TASK}/brisk-otter")
    found = json.loads(said(capsys, "--why", f"{TASK}/brisk-otter", "--format", "json"))
    lines = list(csv.DictReader(io.StringIO(said(capsys, "--why", f"{TASK}/brisk-otter", "--format", "csv"))))
    assert {pair["other"] for pair in found["pairs"]} == {"calm-heron"}
    assert len(lines) == len(found["pairs"]) + len(found["verdicts"])
    assert {line["data_sha256"] for line in lines} == {found["data_sha256"]}
    for verdict in found["verdicts"]:
        assert verdict["criterion"] in table
        assert all(cite in table for cite in verdict["cites"])
