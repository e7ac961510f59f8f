"""`assay agreement` on small workspaces: honest words, and the same numbers however they are written down."""

from __future__ import annotations

import csv
import io
import json
import re
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from assay.cli import main
from assay.contents import blob_id
from assay.errors import ExitCode
from assay.results.annotators import agreement
from assay.results.gold import GoldScore
from assay.results.profiles import severity
from assay.results.verdicts import Verdict
from assay.rules import run
from assay.workspace import load
from tests.rules.overlay import build

TASK = "row-merge"
FOLDER = f"annotations/{TASK}"


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    found = build(tmp_path)
    monkeypatch.chdir(found)
    return found


def another(root: Path, handle: str = "rater-2", folder: str = FOLDER, role: str = "annotator") -> None:
    """Somebody says what rater-1 says, except that one name is not readable."""
    text = (root / f"{FOLDER}/rater-1.yaml").read_text().replace("rater-1", handle)
    same = "readable-names: {holds: true, cites: ['diff"
    assert text.count(same) == 1
    file = root / folder / f"{handle}.yaml"
    file.parent.mkdir(exist_ok=True)
    file.write_text(text.replace(same, same.replace("true", "false")))
    people = root / "annotations/people.yaml"
    people.write_text(people.read_text() + f"  - handle: {handle}\n    roles: [{role}]\n")


def table(capsys: pytest.CaptureFixture[str], *options: str) -> list[dict[str, Any]]:
    capsys.readouterr()
    assert main(["agreement", "--format", "csv", *options]) == ExitCode.CLEAN
    return list(csv.DictReader(io.StringIO(capsys.readouterr().out)))


def test_one_annotator_agrees_with_nobody(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = table(capsys)
    assert {row["value"] for row in found} == {""}
    assert {row["why"] for row in found if row["of"] == "verdicts"} == {"no unit was judged twice"}
    whys = {row["coefficient"]: row["why"] for row in found if row["of"] == "rankings"}
    assert whys["W"] == "it takes two annotators who rank two items"
    assert whys["ordinal alpha"] == "no unit was judged twice"
    assert {row["why"] for row in found if row["coefficient"] == "severity"} == {"nobody else judged the same"}
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
    assert found["annotator", "rater-2", "severity"]["why"] == "fewer than 10 units: no interval"
    assert found["annotator", "rater-2", "severity"]["low"] == ""
    assert found["annotator", "rater-1", "gold"]["why"] == "not opened"
    assert found["annotator", "rater-1", "accuracy"]["why"] == "fewer than 40 units were judged twice"


def test_one_unit_that_both_judged(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Everything else that the second says is that it cannot be told."""
    another(root)
    file = root / f"{FOLDER}/rater-2.yaml"
    unclear = "holds: unclear, note: 'Not to be seen.'"
    text = re.sub(r"holds: (?:true|false)", unclear, file.read_text()).replace(unclear, "holds: true", 1)
    file.write_text(re.sub(r"( +)holds: unclear, (note: .*)\n", r"\1holds: unclear\n\1\2\n", text))
    found = [row for row in table(capsys, "--by", "all") if row["of"] == "verdicts"]
    assert {row["n"] for row in found} == {"1"}
    assert {row["low"] for row in found} == {""}
    whys = {row["coefficient"]: row["why"] for row in found}
    assert whys["percent"] == "fewer than 10 units: no interval"
    assert "the same" in whys["alpha"]


def test_everybody_says_the_same(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    another(root)
    file = root / f"{FOLDER}/rater-2.yaml"
    file.write_text((root / f"{FOLDER}/rater-1.yaml").read_text().replace("rater-1", "rater-2"))
    found = table(capsys, "--by", "axis")
    style = {row["coefficient"]: row for row in found if row["name"] == "style"}
    assert float(style["percent"]["value"]) == 1.0
    assert style["alpha"]["value"] == style["kappa"]["value"] == ""
    assert "nothing to disagree about" in style["alpha"]["why"]
    assert {row["value"] for row in found if row["coefficient"] == "severity"} == {"0.0"}
    assert {row["low"] for row in found} == {""}
    assert main(["agreement"]) == ExitCode.CLEAN
    out = capsys.readouterr().out
    assert "no interval because: fewer than 10 units; of one task.\n" in out
    assert "all values are the same: nothing to disagree about" in out


def test_reviewers_scores_are_ordered(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert not [row for row in table(capsys) if row["of"] == "reviews"]
    folder = root / f"{FOLDER}/reviews"
    folder.mkdir()
    people = root / "annotations/people.yaml"
    blob = blob_id((root / f"{FOLDER}/rater-1.yaml").read_bytes())
    for handle, quality in (("rater-8", 4), ("rater-9", 2)):
        scores = f"{{quality: {quality}, completeness: 4, consistency: 4, schema_compliance: 5}}"
        item = f"  - annotator: rater-1\n    annotation: {blob}\n    verdict: accept\n    scores: {scores}\n"
        head = f"format: 1\ntask: {TASK}\nreviewer: {handle}\nannotations:\n"
        (folder / f"{handle}.yaml").write_text(f"{head}{item}    comments: []\n")
        people.write_text(people.read_text() + f"  - handle: {handle}\n    roles: [reviewer]\n")
    found = {row["name"]: row for row in table(capsys) if row["of"] == "reviews"}
    assert (found["quality"]["value"], found["quality"]["n"]) == ("0.0", "1")
    assert found["quality"]["why"] == "fewer than 10 units: no interval"
    assert found["completeness"]["why"] == "all 2 values are the same: nothing to disagree about"
    assert main(["agreement"]) == ExitCode.CLEAN
    assert "schema_compliance  1            - (all 2 values" in capsys.readouterr().out


@pytest.mark.parametrize("seed", ["-1", "many"])
def test_a_seed_is_a_number_from_nought(root: Path, seed: str, capsys: pytest.CaptureFixture[str]) -> None:
    another(root)
    assert main(["agreement", "--seed", seed]) == ExitCode.USAGE
    assert "'--seed'" in capsys.readouterr().err


def test_nobody_is_left(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["agreement", "--without", "rater-1"]) == ExitCode.CLEAN
    out = capsys.readouterr().out
    assert "none that may be used.\nleft out: annotations/row-merge/rater-1.yaml: left out as asked" in out
    assert table(capsys, "--without", "rater-1") == []


def test_who_is_left_out_is_said(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    another(root)
    assert main(["agreement", "--without", "rater-2"]) == ExitCode.CLEAN
    out = capsys.readouterr().out
    assert f"left out: {FOLDER}/rater-2.yaml: left out as asked" in out
    assert "without rater-2" in out


def test_nobody_is_left_out_by_a_misspelt_name(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["agreement", "--without", "rater-9"]) == ExitCode.USAGE
    assert "annotators: `rater-1`" in capsys.readouterr().err


def test_a_judge_is_compared_and_in_no_other_number(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = table(capsys)
    another(root, "model-7", f"{FOLDER}/judges", "judge")
    found = table(capsys)
    judged = {row["coefficient"]: row for row in found if row["by"] == "judge"}
    assert judged["percent"]["name"] == "model-7 and people"
    assert float(judged["percent"]["value"]) == round(8 / 9, 6)
    keys = ("of", "by", "name", "coefficient", "value", "n", "why")
    others = [row for row in found if row["by"] != "judge"]
    assert [[row[key] for key in keys] for row in others] == [[row[key] for key in keys] for row in before]
    assert main(["rank", "--format", "json"]) == ExitCode.CLEAN
    assert "model-7" not in capsys.readouterr().out


def test_a_judge_needs_its_role_and_resolving_citations(root: Path) -> None:
    another(root, "model-7", f"{FOLDER}/judges", "annotator")
    file = root / f"{FOLDER}/judges/model-7.yaml"
    file.write_text(file.read_text().replace("step:3.c1#L2", "step:300"))
    found = {(item.rule, item.path) for item in run(load(root))}
    assert {("unknown-annotator", f"{FOLDER}/judges/model-7.yaml")} < found
    assert ("citation-unresolved", f"{FOLDER}/judges/model-7.yaml") in found


def test_of_three_each_is_left_out_once(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    another(root)
    assert not [row for row in table(capsys) if row["by"] == "without"]
    another(root, "rater-3")
    alphas = {row["name"]: row for row in table(capsys) if row["by"] == "without" and row["coefficient"] == "percent"}
    assert float(alphas["rater-1"]["value"]) == 1.0
    assert float(alphas["rater-2"]["value"]) == float(alphas["rater-3"]["value"]) == round(8 / 9, 6)


def test_known_answers_count_once_they_are_opened(root: Path) -> None:
    score = GoldScore("rater-1", (TASK,), 10, 9, 0, Fraction(4, 5))
    (profile,) = agreement(load(root), gold={"rater-1": score}).profiles
    assert profile.gold.value == 0.9
    assert profile.gold.interval is not None
    assert agreement(load(root), gold={}).profiles[0].gold.why == "no gold task was graded"


@pytest.mark.parametrize(
    ("gaps", "why"),
    [(0, "nobody else judged the same"), (1, "fewer than 10 units: no interval"), (12, "every difference is the same")],
)
def test_severity_invents_no_interval(gaps: int, why: str) -> None:
    said = [
        Verdict((TASK, "a", str(number)), "style", name, holds, holds)
        for number in range(gaps)
        for name, holds in (("rater-1", True), ("rater-2", False))
    ]
    found = severity("rater-1", said)
    assert found.interval is None
    assert found.why.startswith(why)
    assert found.value == (1.0 if gaps else None)


def test_the_seed_is_said_and_data_change_the_version(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first = table(capsys, "--seed", "7")
    assert {row["seed"] for row in first} == {"7"}
    rubric = root / f"tasks/{TASK}/rubric.yaml"
    rubric.write_text(rubric.read_text().replace("weight: 3", "weight: 5"))
    assert {row["data_sha256"] for row in table(capsys)} != {row["data_sha256"] for row in first}


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
    assert found["data_sha256"] == agreement(load(root)).version.sha256
    kinds = ["all", "axis", "task", "pair", "without", "judge"]
    assert found["options"] == {"by": kinds, "without": [], "pool_versions": False, "gold": False}
    assert set(found["how_to_read"]) >= {row["coefficient"] for row in found["rows"]}


def test_errors_stop_it(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = root / f"{FOLDER}/rater-1.yaml"
    file.write_text(file.read_text().replace("step:3.c1#L2", "step:300"))
    assert main(["agreement"]) == ExitCode.FINDINGS
    assert "nothing computed" in capsys.readouterr().err
