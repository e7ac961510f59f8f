"""What the pages say, before MkDocs sees them."""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path

import pytest

from assay.contents import content_hash
from assay.model.outcome import Proof, Stage
from assay.pages.citing import mentions
from assay.pages.compose import Ranked, pages
from assay.results.ranking import rank_workspace
from assay.workspace import load
from tests.pages.example import TASK, make_steps, write_attempt

TASK_PAGE = f"tasks/{TASK}/index.md"
OTTER = f"trajectories/{TASK}/brisk-otter.md"


def made(root: Path, **options: object) -> dict[str, str]:
    workspace = load(root)
    return pages(workspace, Ranked(rank_workspace(workspace)), **options)  # type: ignore[arg-type]


def test_every_task_and_trajectory_has_a_page(root: Path) -> None:
    attempts = {f"trajectories/{TASK}/{alias}.md" for alias in ("brisk-otter", "calm-heron", "dry-finch")}
    assert set(made(root)) == {
        "index.md",
        "ranking.md",
        "ranking.json",
        "ranking.csv",
        "quality.md",
        "rules.md",
        "work.md",
        "guidelines.md",
        "commands.md",
        "tasks/index.md",
        f"compare/{TASK}.md",
        f"compare/{TASK}.js",
        TASK_PAGE,
        *attempts,
        *(f"{path.removesuffix('.md')}/trajectory.json" for path in attempts),
    }


def test_citations_are_links_to_the_place(root: Path) -> None:
    page = made(root)[TASK_PAGE]
    for target in ("#s3.c1.L1-L2", "#s4", "#f:tally.sh", "#t-count-words-test_counts"):
        assert f"](../../trajectories/{TASK}/brisk-otter.md{target})" in page
    assert "[step 3 L1\u20132](" in page


def test_the_ranking_links_to_what_it_rests_on(root: Path) -> None:
    page = made(root)["ranking.md"]
    assert f"](tasks/{TASK}/index.md#rater-1)" in page
    assert f"](trajectories/{TASK}/dry-finch.md#s3)" in page
    assert "1 ranking by rater&#45;1" in page
    assert "no interval" in page


def test_a_citation_that_leads_nowhere_is_marked_not_linked(root: Path) -> None:
    sheet = root / f"annotations/{TASK}/rater-1.yaml"
    sheet.write_text(sheet.read_text().replace("[step:4 ", "[step:44 "))
    page = made(root)[TASK_PAGE]
    assert "#s44" not in page
    assert 'as-broken" title="there is no step 44&#59; &#96;brisk&#45;otter&#96; has 4 steps"' in page


def test_steps_say_who_cites_them(root: Path) -> None:
    found = mentions(load(root), TASK)
    assert {mention.part for mention in found["brisk-otter"]["s3"]} == {"rationale"}
    assert [mention.criterion for mention in found["brisk-otter"]["f:skip.txt"]] == ["edits-tests", "small-diff"]
    assert [mention.passed for mention in found["brisk-otter"]["f:skip.txt"]] == [True, False]
    assert f'<a href="../../tasks/{TASK}/index.html#rater-1">' in made(root)[OTTER]


def test_annotators_see_no_verdict_of_anybody(root: Path) -> None:
    shown = made(root, audience="annotator")
    named = ("rules.md", f"grade/{TASK}.md")  # whose examples name raters; on which everybody of people.yaml can grade
    everything = "\n".join(text for path, text in shown.items() if path not in named)
    assert "rater-1" not in everything
    assert "rater&#45;1" not in everything
    assert "cited by" not in everything
    assert "for annotators" in everything


def test_rows_keep_the_numbers_that_citations_use(root: Path) -> None:
    page = made(root)[OTTER]
    for anchor in ("s1", "s2", "s2.c1", "s3", "s3.c1", "s4", "m-skip-words"):
        assert page.count(f'id="{anchor}"') == 1
    assert '<pre class="as-gutter" aria-hidden="true">1\n2</pre>' in page


def test_an_attempt_without_anything_still_has_a_page(root: Path) -> None:
    (root / f"trajectories/{TASK}/empty-one").mkdir()
    page = made(root)[f"trajectories/{TASK}/empty-one.md"]
    for words in ("cannot be read", "no session record", "left the work tree as it was", "No test has been run"):
        assert words in page


def test_a_long_test_log_shows_its_end(root: Path) -> None:
    log = "".join(f"line {number}\n" for number in range(500))
    (root / f"trajectories/{TASK}/brisk-otter/tests/count-words.log").write_text(log)
    page = made(root)[OTTER]
    assert "440 earlier lines not shown" in page
    assert "line 499" in page
    assert "line 439\n" not in page


def test_an_empty_workspace_has_pages_too(tmp_path: Path) -> None:
    (tmp_path / "assay.toml").write_text("format = 1\n")
    assert "There is no task yet" in made(tmp_path)["tasks/index.md"]
    assert "Nothing has been ranked yet" in made(tmp_path)["ranking.md"]


def test_a_broken_task_keeps_its_page(root: Path) -> None:
    (root / "tasks" / TASK / "task.toml").write_text("schema_version = ")
    assert "The task file has errors" in made(root)[TASK_PAGE]


def test_a_withheld_ranking_says_why(root: Path) -> None:
    assert "Nothing is ranked today" in pages(load(root), Ranked(None, "Nothing is ranked today"))["ranking.md"]


def test_folders_whose_names_are_no_ids_have_no_page(root: Path) -> None:
    write_attempt(root, "x<script>", steps=make_steps())
    shutil.copytree(root / "tasks" / TASK, root / "tasks/Über task")
    assert not [path for path in made(root) if "script" in path or "ber" in path.replace("number", "")]


def test_the_same_workspace_gives_the_same_pages(root: Path) -> None:
    assert made(root) == made(root)


@pytest.mark.parametrize("missing", ["rubric.yaml", "user.yaml", "README.md", "instruction.md"])
def test_a_missing_part_of_a_task_leaves_the_rest(root: Path, missing: str) -> None:
    (root / "tasks" / TASK / missing).unlink()
    page = made(root)[TASK_PAGE]
    assert "## Attempts" in page


def test_the_proof_is_shown_with_what_was_expected_and_found(root: Path) -> None:
    workspace = load(root)
    report = next(iter(workspace.attempts[TASK]["dry-finch"].reports.values())).record
    expected = {"count-words": True}
    stage = Stage(kind="no-op", name="oracle", outcome="scored", expected=expected, reports=[report], seconds=2.0)
    proof = Proof(
        format=1,
        task=TASK,
        content_sha256=content_hash(root / "tasks" / TASK),
        image=None,
        engine="27",
        harness="assay",
        started="",
        finished="",
        stages=[stage],
    )
    task = dataclasses.replace(workspace.tasks[TASK], proof=proof)
    page = pages(dataclasses.replace(workspace, tasks={TASK: task}), Ranked(None))[TASK_PAGE]
    assert "refuted" in page
    assert "fails, should be: passes" in page
    assert "older task content" in page
    assert "then changed" not in page
    (root / "tasks" / TASK / "instruction.md").write_text("Something else.")
    page = pages(dataclasses.replace(workspace, tasks={TASK: task}), Ranked(None))[TASK_PAGE]
    assert "refuted, then changed" in page


def test_numbers_lead_to_what_they_count(root: Path) -> None:
    found = made(root)
    assert '<a href="tasks/index.html"><b>3</b> <span>trajectories</span></a>' in found["index.md"]
    assert f'<a href="tasks/{TASK}/index.html#attempts">3</a>' in found["index.md"]
    for section, number in (("milestones", 2), ("attempts", 3), ("annotations", 1)):
        assert f"[{number}]({TASK}/index.md#{section})" in found["tasks/index.md"]
    hidden = made(root, audience="annotator")
    assert "#annotations" not in hidden["index.md"] + hidden["tasks/index.md"]
