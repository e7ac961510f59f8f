"""What pages say of a calibration: verdict and rates, who is a script, and whether the task has changed since."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

from assay.contents import content_hash
from assay.model.calibration import TrialResult
from assay.pages.compose import Ranked, pages
from assay.results.calibration import calibrate
from assay.storage import as_json
from assay.workspace import load
from tests.pages.example import TASK, write_text
from tests.results.trials import SUBJECT, study, trial

PAGE = f"tasks/{TASK}/index.md"
POLICIES = [trial("policy-strong", True, True)] * 5 + [trial("policy-lazy", False, False)] * 5


def made(root: Path, results: Sequence[TrialResult], **options: object) -> dict[str, str]:
    subject = dataclasses.replace(SUBJECT, content_sha256=content_hash(root / "tasks" / TASK))
    previous = calibrate(subject, [trial("dull-agent", True, True)] * 12)
    file = root / "tasks" / TASK / "calibration.json"
    file.write_bytes(as_json(calibrate(subject, results, previous)))
    workspace = load(root)
    assert workspace.diagnostics == ()
    return pages(workspace, Ranked(None), **options)  # type: ignore[arg-type]


def test_an_uncalibrated_task_says_so(root: Path) -> None:
    found = pages(load(root), Ranked(None))
    assert "Not calibrated" in found[PAGE]
    assert "not measured" in found["tasks/index.md"]


def test_rates_stand_with_their_intervals_and_what_is_open(root: Path) -> None:
    for options in ({}, {"audience": "annotator"}):
        found = made(root, study(), **options)
        for page in (PAGE, "index.md", "tasks/index.md"):
            assert "in band, 40&#37; of 10 solve it" in found[page]
        page = found[PAGE]
        assert 'aria-label="4/5 [0.38, 0.96]"' in page
        assert "0.67 to 0.83 with 1 ungraded" in page
        assert "debt: +0.80 [+0.19, +0.96]" in page
        assert "5 scored, 1 invalid&#45;environment" in page
        assert "12/12 [0.76, 1.00] | 0/5 [0.00, 0.43] | -1.00 [-1.00, -0.50], intervals apart" in page
        assert "Measured difficulty: medium" in page
        assert 'warning "Scripted policies"' not in page
        assert "keen" not in page


def test_policies_are_never_taken_for_models(root: Path) -> None:
    found = made(root, POLICIES)
    assert 'warning "Scripted policies"' in found[PAGE]
    for page in (PAGE, "index.md", "tasks/index.md"):
        assert ">scripted policies</span>" in found[page]


def test_a_task_that_changed_since_says_so(root: Path) -> None:
    assert "older task content" not in made(root, study())["tasks/index.md"]
    write_text(root / "tasks" / TASK / "instruction.md", "Something else.")
    assert "older task content" in pages(load(root), Ranked(None))["tasks/index.md"]


def test_a_broken_file_is_a_diagnostic_and_no_calibration(root: Path) -> None:
    write_text(root / "tasks" / TASK / "calibration.json", '{"format": 1, "task": "tally-words"}')
    workspace = load(root)
    assert {item.path for item in workspace.diagnostics} == {f"tasks/{TASK}/calibration.json"}
    assert "Not calibrated" in pages(workspace, Ranked(None))[PAGE]
