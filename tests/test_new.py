"""`assay new annotation`: a valid file in which everything is still open."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay import cli
from assay.errors import ExitCode
from assay.rules import run
from assay.sealing.order import presented
from assay.workspace import load
from tests.rules.overlay import build

TASK = "row-merge"


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    build(tmp_path)
    for sheet in (tmp_path / "annotations" / TASK).glob("*.yaml"):
        sheet.unlink()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_what_is_begun_is_valid_and_says_what_is_missing(root: Path) -> None:
    assert cli.main(["new", "annotation", TASK, "--by", "rater-1"]) == ExitCode.CLEAN
    workspace = load(root)
    (sheet,) = workspace.sheets
    assert sheet.entry
    assert workspace.diagnostics == ()
    assert {item.rule for item in run(workspace)} == {"annotation-unfinished", "rationale-no-citation"}
    record = sheet.entry.record
    assert record.order == presented(["brisk-otter", "calm-heron"], workspace.settings.seed, TASK, "rater-1")
    rubric = workspace.tasks[TASK].rubric
    assert rubric
    ids = [criterion.id for criterion in rubric.record.criteria]
    assert all(list(graded.criteria) == ids for graded in record.grades.values())
    text = sheet.entry.document.text
    assert all(criterion.statement.split()[0] in text for criterion in rubric.record.criteria)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["nothing", "--by", "rater-1"], "there is no task `nothing`"),
        ([TASK, "--by", "nobody"], "`nobody` is no annotator of this workspace"),
    ],
)
def test_refusals(root: Path, arguments: list[str], says: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["new", "annotation", *arguments]) == ExitCode.USAGE
    assert says in capsys.readouterr().err
    assert not list((root / "annotations").glob("*/*.yaml"))


def test_a_file_that_was_begun_is_never_overwritten(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for code in (ExitCode.CLEAN, ExitCode.USAGE):
        assert cli.main(["new", "annotation", TASK, "--by", "rater-1"]) == code
    assert "is there already" in capsys.readouterr().err


@given(st.sets(st.text("abc", min_size=1), max_size=5), st.text(), st.text("xy"))
def test_everybody_sees_all_attempts_and_always_in_the_same_order(aliases: set[str], seed: str, who: str) -> None:
    order = presented(sorted(aliases), seed, TASK, who)
    assert sorted(order) == sorted(aliases)
    assert order == presented(sorted(aliases, reverse=True), seed, TASK, who)


def test_no_attempt_is_always_first() -> None:
    firsts = Counter(presented("abcd", "seed", TASK, f"rater-{number}")[0] for number in range(400))
    assert all(60 < firsts[alias] < 140 for alias in "abcd")
