"""The ranking page once identities are open: rates, pairs, cost, a matrix of links, files beside it; all inert."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

from assay.pages import ranking_page
from assay.pages.compose import Ranked, pages
from assay.pages.writer import write
from assay.results.ranking import rank_workspace
from assay.workspace import load
from tests.results.studies import Try, study

HOSTILE = "<script>alert(1)</script>|x"
TASKS = [f"t{n}" for n in range(8)]


@pytest.fixture
def made(tmp_path: Path) -> dict[str, str]:
    attempts = {
        task: {
            f"a-{task}": Try(HOSTILE, True, 900),
            f"b-{task}": Try("weak", False, 100),
            f"c-{task}": Try("mid", n < 4, 950),
        }
        for n, task in enumerate(TASKS)
    }
    tiers = {task: {"x": [[f"a-{task}"], [f"c-{task}"], [f"b-{task}"]]} for task in TASKS}
    workspace = load(study(tmp_path, attempts, tiers))
    report = rank_workspace(workspace)
    return {"ranking.md": ranking_page.page(workspace, report), **ranking_page.downloads(report)}


def test_a_matrix_of_tasks_by_agent_links_every_attempt(made: dict[str, str]) -> None:
    matrix = made["ranking.md"].partition("{#matrix}")[2].partition("## ")[0]
    rows = [line for line in matrix.splitlines() if line.startswith("| [")]
    assert len(rows) == 8
    assert all(line.count("](trajectories/") == 3 for line in rows)
    assert "](trajectories/t0/a-t0.md)" in rows[0]
    assert "1 of 1" in rows[0]


def test_cost_against_quality_is_drawn_and_said(made: dict[str, str]) -> None:
    section = made["ranking.md"].partition("{#cost}")[2].partition("{#matrix}")[0]
    assert section.count("<circle ") == 3
    assert section.count("<polyline ") == 1
    assert [line.count("| yes |") for line in section.splitlines() if line.startswith("| ")][2:] == [1, 1, 0]


def test_ties_and_pairs_stand_beside_the_rates(made: dict[str, str]) -> None:
    page = made["ranking.md"]
    rates = page.partition("{#rates}")[2].partition("{#pairs}")[0]
    assert [line.split(" | ")[2] for line in rates.splitlines() if line.startswith("| **")] == ["a", "ab", "b"]
    assert "0.008" in page.partition("{#pairs}")[2].partition("{#cost}")[0]
    assert "{#how}" in page


def test_no_name_of_an_agent_acts(made: dict[str, str]) -> None:
    assert "<script" not in made["ranking.md"]
    assert "alert" in made["ranking.md"]


def test_files_beside_the_page_hold_the_same_numbers(made: dict[str, str], tmp_path: Path) -> None:
    report = json.loads(made["ranking.json"])
    lines = list(csv.DictReader(io.StringIO(made["ranking.csv"])))
    assert [line["item"] for line in lines if line["of"] == "rates"] == [row["item"] for row in report["rates"]]
    assert {line["data_sha256"] for line in lines} == {report["data_sha256"]}
    assert "](ranking.json)" in made["ranking.md"]
    docs = tmp_path / "docs"
    assert write(docs, made).changed > 0
    assert write(docs, made).changed == 0
    assert write(docs, {name: text for name, text in made.items() if not name.endswith(("json", "csv"))}).removed == 2


def test_annotators_see_no_file_with_rankings(tmp_path: Path) -> None:
    workspace = load(study(tmp_path, {"t0": {"a": Try("x", True)}}, {}))
    found = pages(workspace, Ranked(rank_workspace(workspace)), audience="annotator")
    assert "ranking.json" not in found
    assert "ranking.csv" not in found
    sealed = load(study(tmp_path / "sealed", {"t0": {"a": Try("x", True), "b": Try("y", False)}}, {}, opened=False))
    page = pages(sealed, Ranked(rank_workspace(sealed)))["ranking.md"]
    assert "{#tests-t0}" in page
    assert "{#cost}" not in page
