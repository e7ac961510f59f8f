"""The page of what waits and of what reviewers said, and the pages that people look things up on."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from assay.cli import COMMANDS, assay
from assay.pages.manual_pages import guidelines
from assay.pages.queue_page import page
from assay.rules import run
from assay.workspace import load
from tests.rules.overlay import build

RULES = Path(__file__).parents[1] / "rules"
EXAMPLES = [RULES / name / "bad" for name in ("review-stale", "adjudication-needless", "escalation-effects")]


def made(tmp_path: Path, *, annotated: bool) -> str:
    workspace = load(build(tmp_path, *EXAMPLES))
    return page(workspace, run(workspace), annotated=annotated)


def test_reviews_decisions_and_escalations_are_told(tmp_path: Path) -> None:
    text = made(tmp_path, annotated=True)
    assert "changed since" in text
    assert "[row&#45;merge/rater&#45;1](tasks/row-merge/index.md#rater-1)" in text
    assert "## Decisions {#decisions}\n\n<div" in text
    assert "[" in text.partition("## Escalations")[2].partition("## Reviews")[0]


def test_annotators_cannot_infer_what_others_said(tmp_path: Path) -> None:
    text = made(tmp_path, annotated=False)
    assert "## Reviews" not in text
    assert "## Decisions" not in text
    assert "nobody has reviewed" not in text
    assert "differ on" not in text
    assert "changed the annotation" not in text


def test_guidelines_show_their_version(tmp_path: Path) -> None:
    root = build(tmp_path)
    assert "Version 1, from `annotations/guidelines.md`." in guidelines(load(root))
    (root / "annotations/guidelines.md").unlink()
    assert "There is no" in guidelines(load(root))


def test_every_command_is_on_the_page_of_commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert CliRunner().invoke(assay, ["init", "study"]).exit_code == 0
    monkeypatch.chdir(tmp_path / "study")
    done = CliRunner().invoke(assay, ["site"])
    assert done.exit_code == 0, done.output
    text = (tmp_path / "study/build/site/commands.html").read_text(encoding="utf-8")
    for name in COMMANDS:
        assert f'id="assay-{name}"' in text
        assert f"Usage: assay {name}" in text
