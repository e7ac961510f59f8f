"""`assay check --fix`: what it puts right, what it leaves alone, and that nothing else changes."""

from __future__ import annotations

import json
import random
import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from assay.cli import main
from assay.documents import read
from assay.errors import ExitCode
from assay.rules import run
from assay.workspace import load
from tests.rules.overlay import BASE, build, fill

SHEET = "annotations/row-merge/rater-1.yaml"
SLIPS = [
    ("[step:5]", "[Step 5]"),
    ("[step:3.c1 ", "[step: 3.c1 "),
    ("[brisk-otter step:3.c1#L2", "[brisk-oter step:3.c1#L2"),
    ("[calm-heron step:5", "[calm-heron/step:5"),
    ('"key=lambda row: row.score"', "“key=lambda row: row.score”"),
    ('cites: ["step:5"]', 'cites: ["[step:5]"]'),
    ("keeps-order: {holds: false", "keep-order: {holds: false"),
    ("readable-names: {holds: true, cites: ['diff", "readable-name: {holds: true, cites: ['diff"),
    ("  calm-heron:\n", "  calm-heorn:\n"),
    ("ranking: [[brisk-otter]", "ranking: [[brisk-oter]"),
    ("order: [calm-heron, brisk-otter]", "order: [calm-heron, brisk-ottr]"),
    ("minutes: 12", "minuts: 12"),
]
"""What is right, and how somebody gets it wrong."""


def broken(root: Path, slips: list[tuple[str, str]], line_end: str = "\n") -> Path:
    """The sound workspace with slips in its annotation."""
    build(root)
    file = root / SHEET
    text = file.read_text(encoding="utf-8")
    for right, wrong in slips:
        assert text.count(right) == 1, right
        text = text.replace(right, wrong)
    file.write_bytes(text.replace("\n", line_end).encode())
    fill(root)
    return root


def fixed(root: Path, capsys: pytest.CaptureFixture[str], *options: str) -> tuple[int, list[str]]:
    """Exit code and what was said to be fixed."""
    code = main(["check", "--fix", *options, str(root)])
    return code, [line for line in capsys.readouterr().err.splitlines() if ": fixed " in line]


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(slips=st.sets(st.sampled_from(SLIPS), min_size=1), line_end=st.sampled_from(["\n", "\r\n"]))
def test_slips_are_put_right_and_nothing_else_changes(
    slips: set[tuple[str, str]],
    line_end: str,
    tmp_path_factory: pytest.TempPathFactory,
    capsys: pytest.CaptureFixture[str],
) -> None:
    root = broken(tmp_path_factory.mktemp("w"), sorted(slips), line_end)
    sound = build(tmp_path_factory.mktemp("w"))
    assert len(fixed(root, capsys)[1]) == len(slips)
    content = (root / SHEET).read_bytes()
    assert content == (sound / SHEET).read_bytes().replace(b"\n", line_end.encode())
    assert fixed(root, capsys) == (ExitCode.CLEAN, [])
    assert (root / SHEET).read_bytes() == content


def test_each_fix_is_named_with_its_place(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, done = fixed(broken(tmp_path, SLIPS[5:6]), capsys)
    assert (code, done) == (0, [f"{SHEET}:17:46: fixed citation-malformed: `[step:5]` -> `step:5`"])


LEFT = {
    "two names are close": ("calm-heron:\n", "calm-herom:\n"),
    "the name is taken": ("      keeps-order: {holds: false", "      merge-rows: {holds: false"),
    "only its first line is a citation": ('cites: ["step:5"]', 'cites: ["step:5\\nmore"]'),
    "the quote is not closed": ('"4 passed in 0.31s"];', '"4 passed in 0.31s];'),
    "a word of the quote is wrong": ("All tests pass, the merge is done", "All tests passed, the merge is done"),
}


@pytest.mark.parametrize("name", LEFT)
def test_what_could_be_meant_otherwise_is_left(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    build(tmp_path)
    if name == "two names are close":
        folder = tmp_path / "trajectories/row-merge"
        subprocess.run(["cp", "-r", folder / "calm-heron", folder / "calm-herons"], check=True)
    file = tmp_path / SHEET
    right, wrong = LEFT[name]
    file.write_text(file.read_text(encoding="utf-8").replace(right, wrong), encoding="utf-8")
    before = file.read_bytes()
    assert fixed(tmp_path, capsys) == (ExitCode.FINDINGS, [])
    assert file.read_bytes() == before


def test_a_file_with_a_conflict_is_not_touched(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = broken(tmp_path, SLIPS[:1])
    file = root / SHEET
    file.write_text(file.read_text(encoding="utf-8") + "<<<<<<< HEAD\n=======\n>>>>>>> other\n", encoding="utf-8")
    before = file.read_bytes()
    assert fixed(root, capsys) == (ExitCode.FINDINGS, [])
    assert file.read_bytes() == before


def test_what_was_sealed_is_not_touched(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = broken(tmp_path, SLIPS[:1])
    seal = json.loads((BASE.parent / "seal-early-reveal" / "bad" / SEAL).read_text(encoding="utf-8"))
    (root / SEAL).write_text(json.dumps(seal), encoding="utf-8")
    before = (root / SHEET).read_bytes()
    assert fixed(root, capsys)[1] == []
    assert (root / SHEET).read_bytes() == before


SEAL = "annotations/row-merge/rater-1.seal.json"


def test_only_what_was_asked_for_is_fixed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = broken(tmp_path, SLIPS[:1])
    before = (root / SHEET).read_bytes()
    assert main(["check", "--fix", str(root / "tasks")]) == ExitCode.CLEAN
    assert (root / SHEET).read_bytes() == before


def test_fixes_reach_other_programs(tmp_path: Path) -> None:
    from assay.reporters import reporter

    found = run(load(broken(tmp_path, SLIPS[5:6])))
    row = json.loads(reporter("rdjson").render(found, ""))["diagnostics"][0]
    place = {"start": {"line": 17, "column": 46}, "end": {"line": 17, "column": 54}}
    assert row["suggestions"] == [{"range": place, "text": "step:5"}]
    result = json.loads(reporter("sarif").render(found, ""))["runs"][0]["results"][0]
    replacement = result["fixes"][0]["artifactChanges"][0]["replacements"][0]
    assert replacement["deletedRegion"] == {"startLine": 17, "startColumn": 46, "endLine": 17, "endColumn": 54}
    assert json.loads(reporter("json").render(found, ""))["diagnostics"][0]["fix"][2] == "step:5"


@pytest.mark.parametrize("seed", range(3))
def test_fingerprints_stay_when_lines_move(seed: int, tmp_path: Path) -> None:
    root = broken(tmp_path, random.Random(seed).sample(SLIPS[:11], 4))
    before = {item.fingerprint for item in run(load(root))}
    file = root / SHEET
    file.write_text("# a comment\n\n" + file.read_text(encoding="utf-8"), encoding="utf-8")
    assert {item.fingerprint for item in run(load(root))} == before != set()
    assert read(file, SHEET)[0] is not None
