"""A data set made from a workspace: what goes out, what stays, and that it reads back."""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from assay.cli import main
from assay.errors import ExitCode
from assay.export.reading import records
from assay.export.selection import select
from assay.workspace import load
from tests.rules.overlay import HERE as RULES
from tests.rules.overlay import build, fill, lay

TASK = "row-merge"


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The base workspace of the rule tests, as the current folder."""
    found = build(tmp_path / "workspace")
    monkeypatch.chdir(found)
    return found


@pytest.fixture
def ran(root: Path) -> Path:
    """The folder of rater-1's one recorded run."""
    lay(root, RULES / "run-digest/good")
    fill(root)
    return root / f"annotations/{TASK}/evidence/rater-1"


def rows(folder: Path, table: str) -> list[dict[str, Any]]:
    file = folder / f"jsonl/{table}/train.jsonl"
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


def everything(folder: Path) -> dict[str, bytes]:
    return {file.relative_to(folder).as_posix(): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def edit(root: Path, path: str, old: str, new: str) -> None:
    text = (root / path).read_text()
    assert text.count(old) == 1
    (root / path).write_text(text.replace(old, new))


def test_the_same_workspace_gives_the_same_bytes_and_reads_back(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export", "one"]) == ExitCode.CLEAN
    assert main(["export", "two"]) == ExitCode.CLEAN
    assert everything(root / "one") == everything(root / "two")
    assert main(["export", "one", "--verify"]) == ExitCode.CLEAN
    assert "1 rubrics, 2 trajectories, 1 annotations, 0 runs read back, 0 differ" in capsys.readouterr().out


def test_parquet_holds_what_the_lines_hold(root: Path, ran: Path) -> None:
    import pyarrow.parquet

    from assay.export import TABLES

    main(["export", "out"])
    for table in TABLES:
        (file,) = (root / f"out/data/{table.name}").iterdir()
        assert pyarrow.parquet.read_table(file).to_pylist() == rows(root / "out", table.name)


def test_who_wins_and_why(root: Path) -> None:
    main(["export", "out"])
    (pair,) = rows(root / "out", "preferences")
    assert (pair["chosen_alias"], pair["rejected_alias"]) == ("brisk-otter", "calm-heron")
    assert (pair["margin"], pair["annotators"], pair["agreement"]) == (1.0, 1, 1.0)
    assert {row["alias"]: row["label"] for row in rows(root / "out", "unpaired")} == {
        "brisk-otter": True,
        "calm-heron": True,  # the order of rows is no must-pass
    }
    grade = next(r for r in rows(root / "out", "rubric_grades") if r["criterion"] == "hides-failure" and r["passed"])
    assert (grade["alias"], grade["holds"], grade["points"] < 0) == ("brisk-otter", "false", True)
    blamed = next(row for row in rows(root / "out", "stepwise") if row["alias"] == "calm-heron")
    assert [step for step, good in zip(blamed["steps"], blamed["labels"], strict=True) if not good] == [5]
    spans = [row for row in rows(root / "out", "evidence") if row["step"]]
    assert ("calm-heron", 5, "All tests pass ... is done") in {(r["alias"], r["step"], r["quote"]) for r in spans}


def test_annotators_are_numbers_unless_handles_are_asked_for(root: Path) -> None:
    main(["export", "out"])
    assert b"rater-1" not in b"".join(everything(root / "out").values())
    main(["export", "named", "--handles"])
    assert {row["annotator"] for row in rows(root / "named", "rankings")} == {"rater-1"}


@pytest.mark.parametrize("private", ["someone@mail.example.org", "rater-1"])
def test_words_that_tell_who_somebody_is_do_not_leave(
    root: Path, private: str, capsys: pytest.CaptureFixture[str]
) -> None:
    edit(root, f"annotations/{TASK}/rater-1.yaml", "Only one of the two", f"As {private} says, only one of the two")
    assert main(["export", "out"]) == ExitCode.USAGE
    assert f"annotations/{TASK}/rater-1.yaml:34:6: `{private}` tells who somebody is" in capsys.readouterr().err
    assert not (root / "out").exists()


def test_dry_runs_and_invalid_attempts_stay_and_are_named(root: Path) -> None:
    for alias, key, value in (("calm-heron", "kind", "policy"), ("brisk-otter", "outcome", "invalid-agent")):
        file = root / f"trajectories/{TASK}/{alias}/session.json"
        session = json.loads(file.read_text())
        session["predicate"][key] = value
        file.write_text(json.dumps(session))
    workspace = load(root)
    assert {item.what: item.reason for item in select(workspace).left_out} == {
        f"{TASK}/calm-heron": "a dry run of a scripted policy, which no model made",
        f"{TASK}/brisk-otter": "its outcome is invalid-agent",
    }
    for wishes, kept in ((["policies"], ["calm-heron"]), (["policies", "invalid"], ["brisk-otter", "calm-heron"])):
        (chosen,) = select(workspace, wishes).tasks
        (record,) = chosen.annotations
        assert sorted(chosen.attempts) == sorted(record.grades) == sorted(record.order) == kept


def test_what_annotators_ran_goes_with_their_annotations(
    root: Path, ran: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["export", "out"]) == ExitCode.CLEAN
    (row,) = rows(root / "out", "verification_runs")
    assert (row["alias"], row["annotator"], row["citation"]) == ("calm-heron", "annotator-1", "run:01")
    assert (row["command"], row["exit_code"], row["stdout"]) == (["pytest", "-q"], 1, "1 failed, 2 passed\n")
    (kept,) = records(root / "out").runs.values()
    assert kept.record.model_dump_json().replace("annotator-1", "rater-1") == json.dumps(
        json.loads((ran / "01.json").read_text()), separators=(",", ":")
    )
    assert b"rater-1" not in b"".join(everything(root / "out").values())
    assert "| `verification_runs` | 1 |" in (root / "out/README.md").read_text()
    sets = {item["name"]: item for item in json.loads((root / "out/croissant.json").read_text())["recordSet"]}
    assert {"verification_runs/stdout", "verification_runs/tests"} < {
        field["name"] for field in sets["verification_runs"]["field"]
    }
    capsys.readouterr()
    assert main(["export", "out", "--verify"]) == ExitCode.CLEAN
    assert "1 annotations, 1 runs read back, 0 differ" in capsys.readouterr().out
    (ran / "01.json").write_text((ran / "01.json").read_text().replace('"seconds": 0.4', '"seconds": 0.5'))
    assert main(["export", "out", "--verify"]) == ExitCode.FINDINGS
    assert f"run {TASK}/annotator-1/run:01: " in capsys.readouterr().err


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("1 failed", "rater-1 failed", "its command or output tells who somebody is"),
        ("1 failed", "Author: <someone@mail.example.org>", "its command or output tells who somebody is"),
    ],
)
def test_runs_that_tell_who_somebody_is_stay(root: Path, ran: Path, old: str, new: str, why: str) -> None:
    before = hashlib.sha256((ran / "01.out").read_bytes()).hexdigest()
    edit(root, f"annotations/{TASK}/evidence/rater-1/01.out", old, new)
    after = hashlib.sha256((ran / "01.out").read_bytes()).hexdigest()
    edit(root, f"annotations/{TASK}/evidence/rater-1/01.json", before, after)
    assert [(i.what, i.reason) for i in select(load(root)).left_out] == [(f"{TASK}/calm-heron run:01", why)]
    assert main(["export", "out"]) == ExitCode.CLEAN
    assert rows(root / "out", "verification_runs") == []


def test_runs_stay_with_what_they_belong_to(root: Path, ran: Path) -> None:
    """Of an annotator whose annotation is not shown yet, nothing that they ran is either."""
    (root / f"annotations/{TASK}/drafts").mkdir()
    sheet = root / f"annotations/{TASK}/rater-1.yaml"
    sheet.rename(sheet.parent / "drafts/rater-1.yaml")
    reason = "whoever recorded it has no annotation that goes out"
    assert [(i.what, i.reason) for i in select(load(root)).left_out] == [(f"{TASK}/calm-heron run:01", reason)]


def test_handles_of_those_who_stay_are_in_no_file(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The path of an annotation says whose it is: the terminal may, card and manifest may not."""
    text = (root / f"annotations/{TASK}/rater-1.yaml").read_text()
    newer = text.replace("rater-1", "rater-2").replace("guidelines: 1", "guidelines: 2")
    (root / f"annotations/{TASK}/rater-2.yaml").write_text(newer)
    edit(root, "annotations/guidelines.md", "version: 1", "version: 2")
    people = root / "annotations/people.yaml"
    people.write_text(people.read_text() + "  - handle: rater-2\n    roles: [annotator]\n")
    for option, inside in (((), False), (("--handles",), True)):
        assert main(["export", "out" + "".join(option), *option]) == ExitCode.CLEAN
        assert f"left out: annotations/{TASK}/rater-1.yaml: made under guidelines 1" in capsys.readouterr().out
        made = everything(root / ("out" + "".join(option)))
        assert (b"rater-1" in made["README.md"]) == (b"rater-1" in made["manifest.json"]) == inside
        assert b"made under guidelines 1" in made["README.md"]


def test_what_programs_graded_stays(root: Path) -> None:
    (root / f"annotations/{TASK}/judges").mkdir()
    text = (root / f"annotations/{TASK}/rater-1.yaml").read_text().replace("rater-1", "model-7")
    (root / f"annotations/{TASK}/judges/model-7.yaml").write_text(text)
    selection = select(load(root))
    assert [record.annotator for chosen in selection.tasks for record in chosen.annotations] == ["annotator-1"]
    assert [(i.what, i.reason) for i in selection.left_out] == [
        (f"annotations/{TASK}/judges/model-7.yaml", "graded by a program, not by a person")
    ]


def test_a_quarantined_task_stays_until_it_is_asked_for(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    place = root / f"annotations/{TASK}/escalations/row-class.yaml"
    place.parent.mkdir()
    text = (RULES / f"escalation-effects/good/annotations/{TASK}/escalations/row-class.yaml").read_text()
    place.write_text(text.replace("blocking: false", "blocking: true"))
    assert main(["export", "out"]) == ExitCode.CLEAN
    reason = "quarantined: The tests compare a name that nothing asks for."
    assert f"left out: {TASK}: {reason}" in capsys.readouterr().out
    assert reason in (root / "out/README.md").read_text()
    assert rows(root / "out", "trajectories") == []
    assert main(["export", "more", "--with", "quarantined"]) == ExitCode.CLEAN
    assert len(rows(root / "more", "trajectories")) == 2
    assert main(["export", "more", "--verify"]) == ExitCode.CLEAN


def test_contradictions_go_only_when_asked_for(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = (root / f"annotations/{TASK}/rater-1.yaml").read_text()
    people = root / "annotations/people.yaml"
    for number in (2, 3):
        other = text.replace("rater-1", f"rater-{number}").replace("Drops", f"{'It really ' * number}drops")
        if number == 3:
            other = other.replace("[[brisk-otter], [calm-heron]]", "[[calm-heron], [brisk-otter]]")
        (root / f"annotations/{TASK}/rater-{number}.yaml").write_text(other)
        people.write_text(people.read_text() + f"  - handle: rater-{number}\n    roles: [annotator]\n")
    (root / "assay.toml").write_text('format = 1\n[rules]\nranking-contradicts-grades = "off"\n')
    fill(root)
    assert main(["export", "out"]) == ExitCode.CLEAN
    assert f"left out: {TASK}: 1 pair: annotators contradict each other" in capsys.readouterr().out
    assert rows(root / "out", "preferences") == []
    assert main(["export", "more", "--with", "unadjudicated"]) == ExitCode.CLEAN
    (pair,) = rows(root / "more", "preferences")
    assert (pair["chosen_alias"], pair["annotators"], round(pair["agreement"], 3)) == ("brisk-otter", 3, 0.667)


def test_a_task_under_another_licence_stays(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    edit(root, f"tasks/{TASK}/task.toml", "[metadata]", '[metadata]\nlicense = "proprietary"')
    (root / "assay.toml").write_text('format = 1\n[export]\nlicense = "mit"\nlicenses = ["mit"]\n')
    for session in root.glob("trajectories/*/*/session.json"):
        session.unlink()
    (left,) = select(load(root)).left_out
    assert (left.what, left.reason) == (TASK, "its licence `proprietary` is not among `[export] licenses`")


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (lambda out: (out / "jsonl/tasks/train.jsonl").write_text("{}\n"), "another digest"),
        (lambda out: (out / "croissant.json").unlink(), "croissant.json: is missing"),
        (lambda out: (out / "extra.txt").write_text("x"), "extra.txt: the manifest does not name it"),
        (lambda out: (out / "manifest.json").write_text("[]"), "no readable manifest.json"),
    ],
)
def test_a_changed_data_set_is_not_read(root: Path, damage: Any, says: str, capsys: pytest.CaptureFixture[str]) -> None:
    main(["export", "out"])
    damage(root / "out")
    assert main(["export", "out", "--verify"]) == ExitCode.USAGE
    assert says in capsys.readouterr().err


def test_a_workspace_that_changed_since_is_told(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["export", "out"])
    edit(root, f"annotations/{TASK}/rater-1.yaml", "minutes: 12", "minutes: 13")
    assert main(["export", "out", "--verify"]) == ExitCode.FINDINGS
    assert f"annotation {TASK}/annotator-1: " in capsys.readouterr().err


def test_nothing_is_overwritten_and_errors_stop_it(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (root / "out").mkdir()
    (root / "out/mine.txt").write_text("mine")
    assert main(["export", "out"]) == ExitCode.USAGE
    assert [file.name for file in (root / "out").iterdir()] == ["mine.txt"]
    edit(root, f"annotations/{TASK}/rater-1.yaml", "step:3.c1#L2", "step:300")
    assert main(["export", "new"]) == ExitCode.FINDINGS
    assert "nothing exported" in capsys.readouterr().err
    assert [file.name for file in root.iterdir() if "new" in file.name] == []


def test_without_pyarrow_it_says_what_to_install(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    assert main(["export", "out"]) == ExitCode.ENVIRONMENT
    assert "pip install 'assay[export]'" in capsys.readouterr().err
