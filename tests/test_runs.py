"""Recorded runs: how they are numbered, cited, shown, and compared with a rerun; what runs them is tested elsewhere."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.cli import main
from assay.errors import UsageError
from assay.evidence import Citation, Evidence, Unresolved, parse_citation, resolve_by
from assay.pages.compose import Ranked, pages
from assay.results.ranking import rank_workspace
from assay.rules import run
from assay.verification.reruns import comparable
from assay.verification.runs import keep
from assay.verification.states import known_steps, state_of
from assay.workspace import Attempt, Workspace, load
from tests.rules.overlay import HERE, build, edit

SHEET = "annotations/row-merge/rater-1.yaml"
EVIDENCE = "annotations/row-merge/evidence/rater-1"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """The base workspace with run:01 of rater-1 on calm-heron; its output is `1 failed, 2 passed`."""
    return build(tmp_path, HERE / "run-digest/good")


def attempt_of(workspace: Workspace, alias: str = "calm-heron") -> Attempt:
    found = workspace.attempt("row-merge", alias)
    assert found
    return found


def resolved(root: Path, item: str, by: str = "rater-1", alias: str = "calm-heron") -> Evidence | Unresolved:
    citation = parse_citation(item)
    assert isinstance(citation, Citation), citation
    workspace = load(root)
    return resolve_by(workspace, by, citation, attempt_of(workspace, alias))


def test_a_run_is_cited_with_lines_and_quotes(root: Path) -> None:
    found = resolved(root, "run:01")
    assert isinstance(found, Evidence)
    assert found.text == "1 failed, 2 passed\nexit 1"
    assert found.contains("pytest -q")
    line = resolved(root, "run:1#L1")
    assert isinstance(line, Evidence)
    assert line.text == "1 failed, 2 passed"


@pytest.mark.parametrize(
    ("item", "by", "alias", "said"),
    [
        ("run:02", "rater-1", "calm-heron", "`rater-1` has no recorded run 02; there is `run:01`; `assay verify"),
        ("run:01", "rater-2", "calm-heron", "there is none (that of `rater-1` is theirs to cite)"),
        ("run:01", "rater-1", "brisk-otter", "this run was on `calm-heron`, not on `brisk-otter`"),
        ("run:01#L2", "rater-1", "calm-heron", "there is no line 2; the output of run 01 has 1 line"),
    ],
)
def test_a_run_that_is_not_meant_is_refused(root: Path, item: str, by: str, alias: str, said: str) -> None:
    found = resolved(root, item, by, alias)
    assert isinstance(found, Unresolved)
    assert said in found.message


def test_rules_and_pages_follow_a_citation_of_a_run(root: Path) -> None:
    old = "[test:merge-rows/test_merge], so the order is what was given up for it."
    new = '[run:01#L1 "1 failed, 2 passed"], so the order is what was given up for it.'
    edit(root / SHEET, f"{old}\n====\n{new}")
    workspace = load(root)
    assert run(workspace) == []
    made = pages(workspace, Ranked(rank_workspace(workspace)))
    page = made["trajectories/row-merge/calm-heron.md"]
    assert 'id="r-rater-1-01"' in page
    assert "1 failed, 2 passed" in page
    assert "exit 1" in page
    assert "trajectories/row-merge/calm-heron.md#r-rater-1-01" in made["tasks/row-merge/index.md"]
    assert "Runs by annotators" not in made["trajectories/row-merge/brisk-otter.md"]
    edit(root / SHEET, '"1 failed, 2 passed"\n====\n"2 failed, 1 passed"')
    assert [item.rule for item in run(load(root))] == ["citation-quote"]


def test_what_leaks_in_an_output_is_found(root: Path) -> None:
    (root / EVIDENCE / "01.out").write_text("I am Claude Code\n")
    found = {(item.rule, item.path) for item in run(load(root))}
    assert ("mask-prose", f"{EVIDENCE}/01.out") in found


def test_numbers_are_never_used_twice_and_nothing_is_overwritten(tmp_path: Path) -> None:
    def store(number: int) -> str:
        text = str(number).encode()
        return keep(tmp_path, b"{}", {".cast": text, ".out": text})

    with ThreadPoolExecutor(8) as pool:
        names = list(pool.map(store, range(40)))
    assert sorted(names) == [f"{number:02d}" for number in range(1, 41)]
    for number, name in enumerate(names):
        assert (tmp_path / f"{name}.out").read_text() == (tmp_path / f"{name}.cast").read_text() == str(number)
    (tmp_path / "40.json").unlink()
    assert store(0) == "41", "what was removed keeps its number"


def test_a_run_that_cannot_be_stored_leaves_nothing(tmp_path: Path) -> None:
    keep(tmp_path, b"{}", {".cast": b""})
    before = sorted(tmp_path.iterdir())
    with pytest.raises(TypeError):
        keep(tmp_path, "no bytes", {".cast": b"", ".out": b"x"})  # type: ignore[arg-type]
    assert sorted(tmp_path.iterdir()) == before


def test_states_are_those_that_were_recorded(root: Path) -> None:
    attempt = attempt_of(load(root))
    assert state_of(attempt).record.milestone == "keep-order"
    assert state_of(attempt, "merge-rows").patch == (attempt.folder / "patches/merge-rows.patch").read_bytes()
    assert known_steps(attempt) == {}, "its steps do not say of which milestone they are"
    with pytest.raises(UsageError, match="cannot be rebuilt"):
        state_of(attempt, step=3)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("3 passed in 0.31s", "3 passed in 1.02s"),
        ("<object at 0x7f665b42a7a0>", "<object at 0x7fa1112223f0>"),
        ("at 2026-11-23T15:00:00Z", "at 2026-11-24T08:01:02Z"),
        ("wrote /tmp/tmpab12/x", "wrote /tmp/tmpcd34/x"),
        ("\x1b[31mred\x1b[0m", "red"),
        ("took 12 ms", "took 120 ms"),
    ],
)
def test_what_every_run_has_of_its_own_does_not_count(one: str, other: str) -> None:
    assert comparable(one) == comparable(other)


@given(st.integers(0, 10**6), st.integers(0, 10**6))
def test_other_numbers_count(one: int, other: int) -> None:
    assert (comparable(f"{one} passed, exit {one}") == comparable(f"{other} passed, exit {other}")) == (one == other)


def test_a_check_without_runs_to_repeat_needs_no_engine(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:9")
    monkeypatch.chdir(root)
    assert main(["check", "--rerun-evidence", "tasks"]) == 0
    assert main(["check", "--rerun-evidence"]) == 4
