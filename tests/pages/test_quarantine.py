"""A task that is held back says so wherever it is shown, and an attempt without a grade shows none."""

from __future__ import annotations

import json
from pathlib import Path

from assay.pages.compose import Ranked, pages
from assay.results.ranking import rank_workspace
from assay.workspace import load
from tests.pages.example import MILESTONES, TASK, write_attempt, write_text

TASK_PAGE = f"tasks/{TASK}/index.md"
FILE = f"annotations/{TASK}/escalations/one-test.yaml"
ESCALATION = """format: 1
task: tally-words
title: "The suite reads `sample.txt` | <script>alert(1)</script>"
raised_by: rater-1
kind: tests-contradict-task
blocking: true
status: open
expected: "<b>Any</b> text is counted."
found: |
  Only one is.

  <img src=x onerror=alert(1)>
reproduction: ["assay replay tally-words"]
evidence: {command: assay replay tally-words, exit_code: 3, log_excerpt: "</pre><script>alert(2)</script>"}
history:
  - {status: open, by: rater-1, why: "<script>alert(3)</script>"}
"""
REPAIR = f"""repair:
  content_sha256: {"0" * 64}
  replay_sha256: {"1" * 64}
  stages: [{{stage: "oracle<script>alert(4)", holds: true}}]
"""


def made(root: Path, **options: object) -> dict[str, str]:
    workspace = load(root)
    return pages(workspace, Ranked(rank_workspace(workspace)), **options)  # type: ignore[arg-type]


def test_a_quarantined_task_says_so_everywhere(root: Path) -> None:
    assert "uarantined" not in made(root)["index.md"]
    write_text(root / FILE, ESCALATION)
    for options in ({}, {"audience": "annotator"}):
        found = made(root, **options)
        for page in ("index.md", TASK_PAGE):
            assert '!!! warning "Quarantined"' in found[page]
            assert "one&#45;test&#46;yaml" in found[page]
        assert "quarantined" in found["tasks/index.md"]
    found = made(root)
    assert "Nothing has been ranked" in found["ranking.md"]
    assert "one&#45;test&#46;yaml" in found["ranking.md"]
    everything = "".join(found.values())
    assert "<script>alert" not in everything
    assert "<img src=x" not in everything


def test_a_closed_one_stays_on_the_page_of_its_task_alone(root: Path) -> None:
    fixed = (
        ESCALATION.replace("status: open\n", "status: fixed\n") + "  - {status: fixed, by: rater-2, why: Any file.}\n"
    )
    write_text(root / FILE, fixed + REPAIR)
    found = made(root)
    section = found[TASK_PAGE].partition("## Escalations")[2]
    assert '<ol><li><span class="as-tag">open</span> by rater-1: ' in section
    assert "fixed</span> by rater-2: Any file.</li></ol>" in section
    assert "<code>000000000000</code> (changed again since)" in section
    assert "Effects on grades" in section
    assert "<script>alert" not in section
    assert "Left out" not in found["ranking.md"]
    assert [name for name in ("index.md", "tasks/index.md", TASK_PAGE) if "uarantined" in found[name]] == []


def test_what_an_invalid_attempt_could_not_show_is_no_failure(root: Path) -> None:
    folder = write_attempt(root, "calm-heron", passed=(False, False))
    session = json.loads((folder / "session.json").read_text())
    session["predicate"]["outcome"] = "invalid-environment"
    (folder / "session.json").write_text(json.dumps(session))
    found = made(root)
    row = next(line for line in found[TASK_PAGE].splitlines() if line.startswith("| [calm&#45;heron]"))
    assert row.count("no grade") == len(MILESTONES)
    assert "failed" not in row
    assert "2 scored, 1 invalid&#45;environment" in found["ranking.md"]
    assert "calm&#45;heron](trajectories/tally-words/calm-heron.md), invalid-environment" in found["ranking.md"]
