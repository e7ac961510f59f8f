"""`assay agreement` on small workspaces: honest words, and the same numbers however they are written down."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest

from assay.cli import main
from assay.errors import ExitCode
from assay.results.annotators import agreement
from assay.workspace import load
from tests.rules.overlay import build

TASK = "row-merge"
FOLDER = f"annotations/{TASK}"


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    found = build(tmp_path)
    monkeypatch.chdir(found)
    return found


def another(root: Path) -> None:
    """rater-2 says what rater-1 says, except that one name is not readable."""
    text = (root / f"{FOLDER}/rater-1.yaml").read_text().replace("rater-1", "rater-2")
    same = "readable-names: {holds: true, cites: ['diff"
    assert text.count(same) == 1
    (root / f"{FOLDER}/rater-2.yaml").write_text(text.replace(same, same.replace("true", "false")))
    people = root / "annotations/people.yaml"
    people.write_text(people.read_text() + "  - handle: rater-2\n    roles: [annotator]\n")


def table(capsys: pytest.CaptureFixture[str], *options: str) -> list[dict[str, Any]]:
    capsys.readouterr()
    assert main(["agreement", "--format", "csv", *options]) == ExitCode.CLEAN
    return list(csv.DictReader(io.StringIO(capsys.readouterr().out)))


def test_one_annotator_agrees_with_nobody(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = table(capsys)
    assert {row["value"] for row in found} == {""}
    assert {row["why"] for row in found if row["of"] == "verdicts"} == {"no unit was judged twice"}
    assert {row["why"] for row in found if row["of"] == "rankings"} == {"it takes two annotators who rank two items"}
    assert main(["agreement"]) == ExitCode.CLEAN
    assert "- (no unit was judged twice)" in capsys.readouterr().out


def test_no_annotation_is_said(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (root / f"{FOLDER}/rater-1.yaml").unlink()
    assert main(["agreement"]) == ExitCode.CLEAN
    assert "no agreement: there is no annotation yet" in capsys.readouterr().out


def test_two_who_differ_on_one_criterion(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    another(root)
    found = {(row["by"], row["name"], row["coefficient"]): row for row in table(capsys, "--by", "all", "--by", "axis")}
    # nine of ten verdicts were given twice, for one is unclear; one of the nine differs
    assert found["all", "all", "percent"]["n"] == "9"
    assert float(found["all", "all", "percent"]["value"]) == round(8 / 9, 6)
    assert float(found["axis", "style", "percent"]["value"]) == 0.5
    assert float(found["axis", "correctness", "percent"]["value"]) == 1.0
    assert float(found["annotator", "rater-2", "severity"]["value"]) == round(-1 / 9, 6)
    assert float(found["annotator", "rater-1", "severity"]["value"]) == round(1 / 9, 6)
    assert found["annotator", "rater-1", "accuracy"]["why"] == "fewer than 40 units were judged twice"


def test_who_is_left_out_is_said(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    another(root)
    assert main(["agreement", "--without", "rater-2"]) == ExitCode.CLEAN
    out = capsys.readouterr().out
    assert f"left out: {FOLDER}/rater-2.yaml: left out as asked" in out
    assert "without rater-2" in out


def test_names_and_order_of_files_change_nothing(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    another(root)
    before = [row["value"] for row in table(capsys, "--by", "all", "--by", "task")]
    people = root / "annotations/people.yaml"
    for old, new in (("rater-1", "rater-z"), ("rater-2", "rater-a")):
        text = (root / f"{FOLDER}/{old}.yaml").read_text().replace(old, new)
        (root / f"{FOLDER}/{old}.yaml").rename(root / f"{FOLDER}/{new}.yaml").write_text(text)
        people.write_text(people.read_text().replace(old, new))
    after = [row["value"] for row in table(capsys, "--by", "all", "--by", "task")]
    assert sorted(after) == sorted(before)


def test_json_says_what_it_is_made_from(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    another(root)
    texts = []
    for _ in range(2):
        assert main(["agreement", "--format", "json"]) == ExitCode.CLEAN
        texts.append(capsys.readouterr().out)
    assert texts[0] == texts[1]
    found = json.loads(texts[0])
    assert found["data_sha256"] == agreement(load(root)).data
    assert found["options"] == {"by": ["all", "axis", "task", "pair"], "without": [], "pool_versions": False}
    assert set(found["how_to_read"]) >= {row["coefficient"] for row in found["rows"]}


def test_errors_stop_it(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = root / f"{FOLDER}/rater-1.yaml"
    file.write_text(file.read_text().replace("step:3.c1#L2", "step:300"))
    assert main(["agreement"]) == ExitCode.FINDINGS
    assert "nothing computed" in capsys.readouterr().err
