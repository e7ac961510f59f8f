"""Options of `assay check` and `assay rank` that narrow or reshape what is printed, on real files and real git."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import git
import pytest

from assay.cli import main
from assay.errors import ExitCode
from assay.workspace import load
from tests.rules.overlay import build, edit

ROOT = Path(__file__).parent.parent
SHEET = "annotations/row-merge/rater-1.yaml"


@pytest.fixture
def committed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The valid workspace of the rule tests, committed on a branch called main."""
    build(tmp_path)
    repository = git.Repo.init(tmp_path, initial_branch="main")
    repository.git.add("--all")
    repository.git.execute(["git", "-c", "user.name=t", "-c", "user.email=t@example.org", "commit", "-qm", "start"])
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_since_reports_only_what_changed(committed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    edit(committed / SHEET, "minutes: 12\n====\nminutes: 12\nminutes: 13\n")
    assert main(["check", "--since", "main"]) == ExitCode.FINDINGS
    assert f"{SHEET}:" in capsys.readouterr().out
    git.Repo(committed).git.execute(
        ["git", "-c", "user.name=t", "-c", "user.email=t@example.org", "commit", "-qam", "broken"]
    )
    assert main(["check", "--since", "main"]) == ExitCode.CLEAN
    assert main(["check"]) == ExitCode.FINDINGS


def test_paths_limit_what_is_reported(committed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    edit(committed / SHEET, "minutes: 12\n====\nminutes: 12\nminutes: 13\n")
    assert main(["check", "tasks"]) == ExitCode.CLEAN
    assert main(["check", "annotations/row-merge"]) == ExitCode.FINDINGS
    assert main(["check", "nowhere"]) == ExitCode.USAGE
    assert "`nowhere` does not exist" in capsys.readouterr().err


def test_rank_formats_carry_the_same_rows(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(ROOT)
    assert main(["rank", "--format", "json"]) == ExitCode.CLEAN
    report = json.loads(capsys.readouterr().out)
    assert main(["rank", "--format", "csv"]) == ExitCode.CLEAN
    lines = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    for of, kind in (("rankings", "rows"), ("rates", "rates")):
        assert [(row["tasks"], row["item"], row["rank"]) for row in lines if row["of"] == of] == [
            (row["tasks"], row["item"], str(row["rank"])) for row in report[kind]
        ]
    assert {row["data_sha256"] for row in lines} == {report["data_sha256"]}
    rows = [row for row in lines if row["of"] == "rankings"]
    assert {row["rank"] for row in rows} == {"1", "2", "3", "4"}
    assert main(["rank"]) == ExitCode.CLEAN
    table = capsys.readouterr().out
    assert all(row["item"] in table for row in rows)


def test_rank_by_agent_pools_tasks_and_says_they_are_few(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(ROOT)
    agents: dict[str, dict[str, str]] = {}
    for sheet in load(ROOT).sheets:
        graded = sorted(sheet.entry.record.grades) if sheet.entry else []
        agents[sheet.task] = {alias: f"agent-{number}" for number, alias in enumerate(graded)}
    file = tmp_path / "agents.json"
    file.write_text(json.dumps(agents))
    assert main(["rank", "--agents", str(file), "--format", "json"]) == ExitCode.CLEAN
    report = json.loads(capsys.readouterr().out)
    assert {row["item"] for row in report["rows"]} == {f"agent-{n}" for n in range(4)}
    assert all(row["strength_low"] <= row["strength"] <= row["strength_high"] for row in report["rows"])
    assert "2 tasks, fewer than 10" in report["tables"][0]["warnings"][0]
    file.write_text("[1]")
    assert main(["rank", "--agents", str(file)]) == ExitCode.USAGE
