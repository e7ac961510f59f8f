"""Annotations made under different guidelines or rubrics: what is said of them, and that nothing pools them unseen."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from assay.cli import main
from assay.errors import ExitCode
from assay.pages.pace_section import section
from assay.results.pace import paces
from assay.results.versions import Changes, Difference, current_rubric, one_version
from assay.workspace import load
from tests.rules.overlay import build, commit, edit

TASK = "row-merge"
RUBRIC = f"tasks/{TASK}/rubric.yaml"
GUIDELINES = "annotations/guidelines.md"
SHEET = f"annotations/{TASK}/rater-1.yaml"


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """One annotation under version control, and guidelines with a section."""
    monkeypatch.chdir(tmp_path)
    build(tmp_path)
    (tmp_path / GUIDELINES).write_text("---\nversion: 1\n---\n# Guidelines\n\n## Verdicts\n\nEvery one cites.\n")
    (tmp_path / "commits.txt").write_text("Start\n")
    commit(tmp_path)
    return tmp_path


def second(root: Path, **changes: str) -> None:
    """Another annotation, by rater-2, like the first but for `changes`; its rubric is the one of now."""
    people = "format: 1\npeople:\n" + "".join(f"  - {{handle: rater-{n}, roles: [annotator]}}\n" for n in (1, 2))
    (root / "annotations/people.yaml").write_text(people)
    file = root / f"annotations/{TASK}/rater-2.yaml"
    file.write_text((root / SHEET).read_text().replace("annotator: rater-1", "annotator: rater-2"))
    edit(
        file, "\n----\n".join(f"{old}\n====\n{new}" for old, new in changes.items()) or "minutes: 12\n====\nminutes: 12"
    )


def test_what_changed_is_named_and_what_asks_the_same_is_the_same(root: Path) -> None:
    edit(root / RUBRIC, 'line by line."\n====\nline by line, by people."\n----\nweight: 2\n====\nweight: 3')
    record = load(root).sheets[0].entry
    assert record is not None
    task = load(root).tasks[TASK]
    assert Changes(load(root)).of_rubric(task, record.record.rubric) == Difference()
    edit(root / RUBRIC, "good: true\n    weight: 3\n====\ngood: false\n    weight: 3")
    workspace = load(root)
    assert Changes(workspace).of_rubric(workspace.tasks[TASK], record.record.rubric) == Difference(
        (), (), ("keeps-order",)
    )
    assert Changes(workspace).of_rubric(workspace.tasks[TASK], "0" * 40) is None
    (root / GUIDELINES).write_text("---\nversion: 2\n---\n# Guidelines\n\n## Ranking\n\nTiers.\n")
    assert Changes(load(root)).of_guidelines(1) == Difference(("Ranking",), ("Verdicts",), ())


def test_older_ones_are_left_out_and_named_unless_asked_for(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    second(root)
    assert one_version(load(root))[1] == {}
    (root / GUIDELINES).write_text("---\nversion: 2\n---\n# Guidelines\n\n## Verdicts\n\nEvery one cites twice.\n")
    second(root, **{"guidelines: 1": "guidelines: 2"})
    kept, others = one_version(load(root))
    assert [sheet.annotator for sheet in kept.sheets] == ["rater-2"]
    assert others == {SHEET: "made under guidelines 1, others under 2 (reworded `Verdicts`)"}
    assert main(["rank"]) == ExitCode.CLEAN
    out = capsys.readouterr().out
    assert "1 ranking by rater-2" in out
    assert (
        f"left out: {TASK}, other version: made under guidelines 1, others under 2 (reworded `Verdicts`) ({SHEET})"
        in out
    )
    assert main(["rank", "--pool-versions"]) == ExitCode.CLEAN
    out = capsys.readouterr().out
    assert "2 rankings by rater-1, rater-2" in out
    assert f"note: `{SHEET}` is pooled: made under guidelines 1, others under 2" in " ".join(out.split())
    assert main(["rank", "--pool-versions", "--format", "json"]) == ExitCode.CLEAN
    report = json.loads(capsys.readouterr().out)
    assert (report["options"]["pool_versions"], report["left_out"]) == (True, [])


def test_versions_that_say_the_same_are_pooled(root: Path) -> None:
    (root / GUIDELINES).write_text("---\nversion: 2\n---\n# Guidelines\n\n## Verdicts\n\nEvery\none cites.\n")
    second(root, **{"guidelines: 1": "guidelines: 2"})
    assert one_version(load(root))[1] == {}


def test_an_older_rubric_that_asks_something_else_is_left_out(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    edit(root / RUBRIC, "keeps the input order of\n====\nkeeps the order in either input of")
    now = load(root).tasks[TASK]
    record = load(root).sheets[0].entry
    assert record is not None
    second(root, **{record.record.rubric: current_rubric(now)})
    assert one_version(load(root))[1] == {
        SHEET: "graded against an older rubric (reworded `keeps-order`), others against the rubric as it is now"
    }
    assert main(["check", "--format", "json"]) == ExitCode.CLEAN
    found = json.loads(capsys.readouterr().out)
    assert "reworded `keeps-order`" in str(found)


def test_without_git_another_rubric_is_never_pooled(tmp_path: Path) -> None:
    root = build(tmp_path)
    second(root)
    edit(root / RUBRIC, 'line by line."\n====\nline by line, by people."')
    file = root / f"annotations/{TASK}/rater-2.yaml"
    record = load(root).sheets[0].entry
    assert record is not None
    edit(file, f"{record.record.rubric}\n====\n{'1' * 40}")
    (reason,) = one_version(load(root))[1].values()
    assert reason == f"graded against an older rubric ({record.record.rubric[:12]}), others against another one"


def test_minutes_are_summed_up(root: Path) -> None:
    second(root, **{"minutes: 12": "minutes: 500"})
    found = paces(load(root))
    assert list(found) == ["rater-1", "rater-2", ""]
    assert (found[""].annotations, found[""].middle, found[""].implausible) == (2, 256, 1)
    assert "| all | 2 | 256 min | 12 to 500 min | 1 of 2 |" in section(load(root))
    assert (found["rater-1"].middle, found["rater-1"].implausible) == (12, 0)
