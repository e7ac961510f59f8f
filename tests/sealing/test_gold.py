"""Gold answers: sealed so that nothing tells which tasks have them, and scored with what a pass proves."""

from __future__ import annotations

import json
import subprocess
from fractions import Fraction
from pathlib import Path

import pyrage
import pytest

from assay.cli import main
from assay.errors import ExitCode
from assay.results.gold import chance_to_pass, needed
from assay.rules import run
from assay.workspace import load
from tests.rules.overlay import build, edit

TASK = "row-merge"
DRAFT = f".assay/gold/{TASK}.yaml"
SEALED, PROMISE = "annotations/gold.age", "annotations/gold.json"
BAR = Fraction(8, 10)
TABLE = {Fraction(7, 10): (0.38, 0.24, 0.11, 0.03), Fraction(9, 10): (0.93, 0.96, 0.98, 1.0)}
"""Chance to pass a bar of 80 % with 10, 20, 40 and 80 labels."""


@pytest.mark.parametrize("accuracy", TABLE)
def test_the_chance_to_pass_is_that_of_the_published_table(accuracy: Fraction) -> None:
    found = [round(chance_to_pass(accuracy, labels, BAR), 2) for labels in (10, 20, 40, 80)]
    assert tuple(found) == TABLE[accuracy]


def test_a_bar_is_exact() -> None:
    # 0.07 * 100 is more than 7 for a float
    assert [needed(labels, Fraction(7, 100)) for labels in (0, 1, 100, 101)] == [0, 1, 7, 8]
    assert chance_to_pass(Fraction(1), 10, BAR) == 1
    assert chance_to_pass(Fraction(0), 10, BAR) == 0
    assert chance_to_pass(Fraction(1, 2), 2, Fraction(1)) == 0.25


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The valid workspace of the rule tests, with a coordinator whose key is `key.txt` beside it."""
    root = build(tmp_path / "workspace")
    monkeypatch.chdir(root)
    key = pyrage.x25519.Identity.generate()
    (tmp_path / "key.txt").write_text(str(key))
    people = "format: 1\npeople:\n  - {handle: rater-1, roles: [annotator]}\n"
    people += f"  - {{handle: lead, roles: [coordinator], keys: [{key.to_public()}]}}\n"
    (root / "annotations/people.yaml").write_text(people)
    return root


def answer(root: Path, text: str) -> None:
    """Give answers to the task: lines of `criterion: verdict` for `brisk-otter`."""
    assert main(["gold", "--new", TASK]) == ExitCode.CLEAN
    lines = (root / DRAFT).read_text().splitlines()
    where = lines.index("  brisk-otter:")
    given = dict(line.split(": ") for line in text.splitlines())
    for number in range(where + 1, len(lines)):
        name = lines[number].strip().partition(":")[0]
        if not lines[number].startswith("    "):
            break
        lines[number] = f"    {name}: {given[name]}" if name in given else lines[number]
    (root / DRAFT).write_text("\n".join(lines) + "\n")


def test_answers_are_sealed_and_annotators_scored(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    answer(root, "merges-rows: true\nkeeps-order: true\nhides-failure: true")
    assert main(["gold", "--seal"]) == ExitCode.CLEAN
    assert f"{SEALED}, {PROMISE}: 3 answers on 1 task" in capsys.readouterr().out
    assert run(load(root)) == []
    assert main(["gold", "--key", "../key.txt"]) == ExitCode.CLEAN
    out = capsys.readouterr().out.splitlines()
    assert out[0] == f"rater-1: 2 of 3 right (67%) on {TASK}; fails the bar of 80%"
    assert out[1].startswith("  with 3 labels, whoever is right 70% of the time passes with probability 0.34, ")
    assert out[2] == "  3 labels prove little: have at least 40"
    assert main(["gold", "--key", "../key.txt", "--bar", "60", "--format", "json"]) == ExitCode.CLEAN
    (score,) = json.loads(capsys.readouterr().out)
    assert (score["labels"], score["right"], score["passed"]) == (3, 2, True)
    assert main(["agreement", "--key", "../key.txt", "--format", "json"]) == ExitCode.CLEAN
    (gold,) = [row for row in json.loads(capsys.readouterr().out)["rows"] if row["coefficient"] == "gold"]
    assert (gold["name"], gold["value"], gold["n"]) == ("rater-1", 0.666667, 3)
    assert gold["low"] < gold["value"] < gold["high"]


def test_nothing_tells_that_a_task_is_gold(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["gold", "--seal"]) == ExitCode.CLEAN  # none
    assert "0 answers on 0 tasks" in capsys.readouterr().out
    empty = {path: (root / path).read_bytes() for path in (SEALED, PROMISE)}
    answer(root, "merges-rows: true\nkeeps-order: false")
    subprocess.run(["git", "init", "-q"], check=True)
    assert main(["gold", "--seal"]) == ExitCode.USAGE  # the key is needed, whatever is in it
    assert main(["gold", "--seal", "--key", "../key.txt"]) == ExitCode.CLEAN
    full = {path: (root / path).read_bytes() for path in (SEALED, PROMISE)}
    assert len(full[PROMISE]) == len(empty[PROMISE])
    assert abs(len(full[SEALED]) - len(empty[SEALED])) < 512  # age itself adds some random bytes
    assert list(json.loads(full[PROMISE])) == ["format", "commitment", "sealed_sha256", "recipients"]
    seen = subprocess.run(["git", "ls-files", "-o", "--exclude-standard"], check=True, capture_output=True, text=True)
    named = [path for path in seen.stdout.split() if "gold" in path]
    assert sorted(named) == [SEALED, PROMISE]
    assert all(TASK.encode() not in content for content in full.values())


def test_what_is_sealed_is_kept_and_what_was_changed_is_named(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    answer(root, "merges-rows: true")
    assert main(["gold", "--seal"]) == ExitCode.CLEAN
    (root / DRAFT).unlink()
    assert main(["gold", "--seal", "--key", "../key.txt"]) == ExitCode.CLEAN
    assert "1 answer on 1 task" in capsys.readouterr().out
    (root.parent / "wrong.txt").write_text(str(pyrage.x25519.Identity.generate()))
    assert main(["gold", "--key", "../wrong.txt"]) == ExitCode.USAGE
    assert f"{SEALED}: ../wrong.txt does not open it" in capsys.readouterr().err
    promise = json.loads((root / PROMISE).read_text())
    (root / PROMISE).write_text(json.dumps({**promise, "commitment": "0" * 64}))
    assert main(["gold", "--key", "../key.txt"]) == ExitCode.USAGE
    assert f"{SEALED} does not hold what {PROMISE} promises" in capsys.readouterr().err


def test_who_could_open_them_and_what_was_reworded_measure_nothing(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    answer(root, "merges-rows: true\nkeeps-order: true")
    assert main(["gold", "--seal"]) == ExitCode.CLEAN
    key = json.loads((root / PROMISE).read_text())["recipients"][0]
    edit(root / "annotations/people.yaml", f"roles: [annotator]\n====\nroles: [annotator], keys: [{key}]")
    capsys.readouterr()
    assert main(["gold", "--key", "../key.txt"]) == ExitCode.CLEAN
    assert capsys.readouterr().out.startswith("rater-1: could open the answers, so nothing is measured\n")
    text = (root / f"annotations/{TASK}/rater-1.yaml").read_text()
    record = load(root).sheets[0].entry
    assert record is not None
    (root / f"annotations/{TASK}/rater-1.yaml").write_text(text.replace(record.record.rubric, "0" * 40))
    edit(root / "annotations/people.yaml", f", keys: [{key}]}}\n  - {{handle: lead\n====\n}}\n  - {{handle: lead")
    assert main(["gold", "--key", "../key.txt"]) == ExitCode.CLEAN
    assert capsys.readouterr().out.startswith("rater-1: no verdict on what has a known answer\n")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("brisk-otter\n====\nbrisk-oter", "the answers to `row-merge` are on `brisk-oter`"),
        ("  brisk-otter:\n    merges-rows\n====\n  brisk-otter:\n    merge-rows", "are on `merge-rows`"),
        ("task: row-merge\n====\ntask: row-merger", "`task` must be `row-merge`, found `row-merger`"),
    ],
)
def test_answers_to_what_is_not_there_are_not_sealed(
    root: Path, capsys: pytest.CaptureFixture[str], change: str, said: str
) -> None:
    assert main(["gold", "--new", TASK]) == ExitCode.CLEAN
    edit(root / DRAFT, change)
    assert main(["gold", "--seal"]) == ExitCode.USAGE
    assert said in capsys.readouterr().err
    assert not (root / SEALED).exists()


def test_one_thing_at_a_time(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in ([], ["--new", TASK, "--seal"], ["--new", TASK, "--key", "../key.txt"]):
        assert main(["gold", *arguments]) == ExitCode.USAGE
        assert "give one of `--new TASK`, `--seal`, and `--key FILE`" in capsys.readouterr().err
