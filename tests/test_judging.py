"""Reviews and adjudications, from the blank file to what they change."""

from __future__ import annotations

from pathlib import Path

import pytest

from assay.cli import main
from assay.errors import ExitCode
from assay.export.pairs import label, pairs
from assay.export.selection import select
from assay.results.provenance import disputed, provenance
from assay.rules import run
from assay.workspace import load
from tests.rules.overlay import HERE, build

TASK = "row-merge"
DISPUTED = HERE / "adjudication-incomplete/bad"


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two annotators who differ on one criterion, and rater-3, who graded nothing."""
    found = build(tmp_path, DISPUTED)
    (found / f"annotations/{TASK}/adjudication.yaml").unlink()
    monkeypatch.chdir(found)
    return found


def test_a_review_is_begun_and_filled_in(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = root / f"annotations/{TASK}/reviews/rater-3.yaml"
    assert main(["new", "review", TASK, "--by", "rater-3"]) == ExitCode.CLEAN
    assert main(["new", "review", TASK, "--by", "rater-3"]) == ExitCode.USAGE
    (review,) = load(root).reviews
    assert [item.annotator for item in review.record.annotations] == ["rater-1", "rater-2"]
    assert {item.rule for item in run(load(root))} == {"review-empty"}
    path.write_text(path.read_text().replace("request-changes\n", "accept\n"))
    assert run(load(root)) == []
    other = root / f"annotations/{TASK}/rater-2.yaml"
    other.write_text(other.read_text().replace("minutes: 12", "minutes: 13"))
    assert [item.rule for item in run(load(root))] == ["review-stale"]
    assert "is there already" in capsys.readouterr().err


def test_an_adjudication_is_begun_with_what_each_saw_and_settles_it(root: Path) -> None:
    assert list(disputed(load(root), TASK)) == [("brisk-otter", "readable-names")]
    assert provenance(load(root), TASK, "brisk-otter", "readable-names") == "unresolved"
    assert main(["new", "adjudication", TASK, "--by", "rater-3"]) == ExitCode.CLEAN
    path = root / f"annotations/{TASK}/adjudication.yaml"
    assert "#   brisk-otter readable-names: rater-1 true, rater-2 false\n" in path.read_text()
    assert run(load(root)) == []
    assert provenance(load(root), TASK, "brisk-otter", "readable-names") == "adjudicated"
    assert provenance(load(root), TASK, "brisk-otter", "keeps-order") == "unanimous"
    path.write_text(path.read_text().replace("say why, with citations", "See [step:300]."))
    (found,) = run(load(root))
    assert (found.rule, "there is no step 300" in found.message) == ("adjudication-needless", True)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["review", TASK, "--by", "nobody"], "`nobody` is no reviewer"),
        (["review", TASK, "--by", "rater-3", "--annotator", "rater-9"], "`rater-9` has no annotation"),
        (["adjudication", TASK, "--by", "rater-1"], "`rater-1` is no adjudicator"),
        (["adjudication", "nothing", "--by", "rater-3"], "there is no task `nothing`"),
    ],
)
def test_what_cannot_be_begun(root: Path, arguments: list[str], says: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["new", *arguments]) == ExitCode.USAGE
    assert says in capsys.readouterr().err
    assert not (root / f"annotations/{TASK}/reviews").exists()


def test_where_nobody_differs_there_is_nothing_to_decide(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (root / f"annotations/{TASK}/rater-2.yaml").unlink()
    assert main(["new", "adjudication", TASK, "--by", "rater-3"]) == ExitCode.USAGE
    assert "agree in every verdict" in capsys.readouterr().err


def test_what_was_decided_is_what_goes_out(root: Path) -> None:
    other = root / f"annotations/{TASK}/rater-2.yaml"
    text = other.read_text().replace("[[brisk-otter], [calm-heron]]", "[[calm-heron], [brisk-otter]]")
    other.write_text(text.replace("merges-rows: {holds: true", "merges-rows: {holds: false", 1))
    (chosen,) = select(load(root)).tasks
    (pair,) = pairs(chosen)
    assert (pair.provenance, bool(pair.why_not)) == ("unresolved", True)
    assert label(chosen, "brisk-otter").provenance == "unresolved"
    (root / f"annotations/{TASK}/adjudication.yaml").write_text(
        "format: 1\ntask: row-merge\nadjudicator: rater-3\ndecisions:\n"
        "  - {alias: brisk-otter, criterion: merges-rows, holds: true, fault: annotator-error, reason: It does.}\n"
        "ranking: [[calm-heron], [brisk-otter]]\ncomparison: Decided.\n"
    )
    (chosen,) = select(load(root)).tasks
    (pair,) = pairs(chosen)
    assert (pair.chosen, pair.provenance, pair.why_not, pair.agreement) == ("calm-heron", "adjudicated", "", 0.5)
    settled = label(chosen, "brisk-otter")
    assert (settled.value, settled.provenance, settled.why_not) == (True, "adjudicated", "")
