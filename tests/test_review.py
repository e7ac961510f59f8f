"""`assay review`, from a branch of a clone to the merge into a real bare repository."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from assay.review.changes import Change, Item
from assay.review.markdown import code, fence, render
from assay.review.report import Report
from tests.rules.overlay import build

RULES = Path(__file__).parent / "rules"
SHEET = "annotations/row-merge/rater-1.yaml"


def git(root: Path, *arguments: str) -> str:
    return subprocess.run(["git", "-C", str(root), *arguments], check=True, capture_output=True, text=True).stdout


def assay(root: Path, *arguments: str, status: int = 0) -> str:
    command = [sys.executable, "-m", "assay", *arguments]
    done = subprocess.run(command, cwd=root, env={**os.environ}, capture_output=True, text=True, check=False)
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout + done.stderr


def edit(root: Path, path: str, old: str, new: str) -> None:
    file = root / path
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new), encoding="utf-8")


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A clone of a bare repository that has the workspace on `main`; a branch `work` is checked out."""
    first = build(tmp_path / "first")
    git(first, "init", "-q", "-b", "main")
    git(first, "add", ".")
    git(first, "commit", "-qm", "Start")
    git(tmp_path, "clone", "-q", "--bare", str(first), "hub.git")
    git(tmp_path, "clone", "-q", str(tmp_path / "hub.git"), "clone")
    git(tmp_path / "clone", "checkout", "-q", "-b", "work")
    return tmp_path / "clone"


def merged(clone: Path, message: str) -> None:
    """Push the branch; somebody else merges it in another clone."""
    git(clone, "add", ".")
    git(clone, "commit", "-qm", message)
    git(clone, "push", "-q", "origin", "work")
    other = clone.parent / "maintainer"
    git(clone.parent, "clone", "-q", str(clone.parent / "hub.git"), str(other))
    git(other, "merge", "-q", "--no-ff", "-m", f"Merge: {message}", "origin/work")
    git(other, "push", "-q", "origin", "main")
    git(clone, "fetch", "-q")
    git(clone, "merge", "-q", "--ff-only", "origin/main")


def test_an_annotation_from_branch_to_report_to_merge(clone: Path) -> None:
    edit(clone, SHEET, '{holds: true, cites: ["file:src/rank.py#L1-L2"]}', '{holds: false, cites: ["step:77"]}')
    edit(clone, SHEET, "[[brisk-otter], [calm-heron]]", "[[brisk-otter, calm-heron]]")
    edit(clone, SHEET, 'cites: ["step:5"]}', "cites: ['step:5 \"Rows with equal\"']}")
    edit(clone, SHEET, "Drops the tie-break", "Drops <img src=//x> @everyone the tie-break")
    text = assay(clone, "review", "--strict", status=1)
    assert text.startswith("<!-- assay review -->\n# Review: needs work: 1 error in files that it changes\n")
    assert "### annotation `row-merge/rater-1`: changed" in text
    assert "- `calm-heron / readable-names`: `true` → `false`\n  - cites `step:77`, which points at nothing" in text
    assert "- `ranking`: `brisk-otter > calm-heron` → `brisk-otter = calm-heron`" in text
    assert "  - no longer cites `file:src/rank.py#L1-L2`" in text
    assert "Rows with equal scores keep their order" in text  # the cited text in place
    fenced, plain = text.split("```")[1::2], "".join(text.split("```")[::2])
    assert "@everyone" in "".join(fenced)
    assert "@everyone" not in plain
    assert "<img" not in plain
    assert "| `row-merge` | `rater-1` | revealed | 10 of 10 | 2 of 2 | 9 of 10 | 12 |" in text

    edit(clone, SHEET, '{holds: false, cites: ["step:77"]}', '{holds: true, cites: ["file:src/rank.py#L1-L2"]}')
    git(clone, "commit", "-qam", "annotate row-merge: tie")
    made = json.loads(assay(clone, "review", "--since", "origin/main", "--format", "json"))
    assert made["ready"]
    assert made["reasons"] == []
    merged_before = git(clone, "rev-parse", "HEAD")
    (clone / "note.txt").write_text("later\n", encoding="utf-8")
    merged(clone, "annotate row-merge: a note")
    assert git(clone, "merge-base", "origin/main", "HEAD") != merged_before
    assert "Nothing in tasks, trajectories or annotations." in assay(clone, "review")


def test_a_task_and_an_escalation_from_branch_to_report_to_merge(clone: Path) -> None:
    edit(clone, "tasks/row-merge/rubric.yaml", "returns the rows of both inputs.", "returns all rows of both inputs.")
    here = clone / "annotations/row-merge/escalations"
    here.mkdir()
    good = RULES / "escalation-history/good/annotations"
    (here / "row-class.yaml").write_bytes((good / "row-merge/escalations/row-class.yaml").read_bytes())
    (clone / "annotations/people.yaml").write_bytes((good / "people.yaml").read_bytes())
    page = clone.parent / "report.md"
    said = assay(clone, "review", "--output", str(page))
    text = page.read_text(encoding="utf-8")
    assert said.startswith(f"{page}: ")
    assert "- `criterion merges-rows / statement`:" in text or "`criterion merges-rows / statement`: `" in text
    assert "### escalation `row-merge/row-class`: new" in text
    assert "`status`: `rejected` (new)" in text
    assert "### task `row-merge`: changed" in text
    assert "annotation-stale" in text
    merged(clone, "task row-merge: all rows")
    assert "Nothing in tasks" in assay(clone, "review")


def test_what_is_not_revealed_is_named_and_not_shown(clone: Path) -> None:
    (clone / "assay.toml").write_text('format = 1\n[annotations]\nindependence = "sealed"\n', encoding="utf-8")
    sheet = (clone / SHEET).read_text(encoding="utf-8")
    for name in ("rater-2.yaml", "drafts/rater-3.yaml"):
        file = clone / "annotations/row-merge" / name
        file.parent.mkdir(exist_ok=True)
        text = sheet.replace("annotator: rater-1", f"annotator: {file.stem}").replace("step:5", "step:91")
        file.write_text(text.replace("Drops", "Secretly drops"), encoding="utf-8")
    evidence = clone / "annotations/row-merge/evidence/rater-2"
    shutil.copytree(RULES / "run-digest/bad/annotations/row-merge/evidence/rater-1", evidence)
    run = evidence / "01.json"
    run.write_text(run.read_text().replace('"annotator": "rater-1"', '"annotator": "rater-2"'), encoding="utf-8")
    for form in ("markdown", "json", "text"):
        text = assay(clone, "review", "--format", form)
        assert "rater-3" not in text
        assert "Secretly" not in text
        assert "step:91" not in text
    text = assay(clone, "review")
    assert "### annotation `row-merge/rater-2`: sealed" in text
    assert "| `row-merge` | `rater-2` | sealed |  |  |  |  |" in text
    assert "more in annotations that are not revealed" in text
    assert "evidence/rater-2" not in text
    assert "Recorded runs" not in text
    (clone / "annotations/row-merge/rater-2.reveal.json").write_text("{}", encoding="utf-8")
    assert "evidence/rater-2/01" in assay(clone, "review")


def test_an_unknown_revision_says_what_to_do(clone: Path) -> None:
    assert "fetch it first" in assay(clone, "review", "--since", "nowhere", status=2)
    assert "cannot be written" in assay(clone, "review", "--output", str(clone / "no/such/folder.md"), status=2)
    assert "no git repository" in assay(build(clone.parent / "plain"), "review", status=2)


def test_a_report_fits_into_a_comment_and_says_what_was_cut() -> None:
    items = tuple(Item("task", f"t{n}", "new", (Change("a", None, "é" * 4000),)) for n in range(40))
    text = render(Report("0" * 40, (), items, (), (), 0, (), (), (), 0, ()))
    assert len(text.encode()) <= 65_536
    assert "more did not fit here" in text


def test_nothing_ends_a_fence_or_a_span() -> None:
    assert code("a`b``c|d\n\x1b[2J") == "```a`b``c\uff5cd \ufffd[2J```"
    assert fence("x\n```\n@all", "text", "").splitlines()[::4] == ["````text", "````"]
