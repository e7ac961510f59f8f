"""Rankings of agents once identities are open: rates, ties, costs, views and ablations."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from assay.errors import UsageError
from assay.results.ballots import Options
from assay.results.ranking import RankingReport, rank_workspace
from assay.results.solving import Rates
from assay.results.why import why
from assay.workspace import load
from tests.results.studies import Try, study

TASKS = [f"t{n:02}" for n in range(8)]


def twelve(root: Path, **more: object) -> Path:
    """Eight tasks: `strong` solves all, `weak` none, `cheap` half for little; two annotators say the same."""
    attempts = {
        task: {
            f"a-{task}": Try("strong", True, 900),
            f"b-{task}": Try("weak", False, 1000),
            f"c-{task}": Try("cheap", number % 2 == 0, 100),
        }
        for number, task in enumerate(TASKS)
    }
    tiers = {task: [[f"a-{task}"], [f"c-{task}"], [f"b-{task}"]] for task in TASKS}
    rankings = {task: {"x": tiers[task], "y": tiers[task]} for task in TASKS}
    return study(root, attempts, rankings, **more)  # type: ignore[arg-type]


def rated(report: RankingReport) -> Rates:
    (found,) = report.rates
    return found


def test_scripts_in_the_place_of_a_model_are_in_no_result() -> None:
    workspace = load(Path(__file__).parents[2])
    report = rank_workspace(workspace)
    dry = {one.alias for found in workspace.attempts.values() for one in found.values() if one.is_dry_run}
    assert len(dry) == 8
    assert {item.item for item in report.left_out if item.reason == "dry run"} == dry
    assert not dry & {row.item for table in report.rates for row in table.rows}
    by_tests = rank_workspace(workspace, options=Options(by="milestone"))
    assert not dry & {row.item for table in by_tests.tables for row in table.standings}


def test_open_identities_rank_agents_over_all_tasks(tmp_path: Path) -> None:
    report = rank_workspace(load(twelve(tmp_path)))
    (table,) = report.tables
    assert (report.by, table.by, table.tasks) == ("agent", "agent", tuple(TASKS))
    assert [row.item for row in table.standings] == ["strong", "cheap", "weak"]
    assert report.options.agents == "openings"
    assert [table.tasks for table in rank_workspace(load(tmp_path), options=Options(by="task")).tables] == [
        (task,) for task in TASKS
    ]


def test_rates_have_wilson_intervals_mcnemar_ties_and_a_front(tmp_path: Path) -> None:
    table = rated(rank_workspace(load(twelve(tmp_path))))
    rows = {row.item: row for row in table.rows}
    assert [row.item for row in table.rows] == ["strong", "cheap", "weak"]
    interval = rows["cheap"].solved.interval
    assert interval is not None
    assert (rows["cheap"].solved.value, round(interval.low, 4), round(interval.high, 4)) == (0.5, 0.2152, 0.7848)
    pairs = {frozenset((pair.one, pair.other)): pair for pair in table.pairs}
    assert pairs[frozenset(("strong", "weak"))].p == pytest.approx(2 / 2**8)
    assert pairs[frozenset(("strong", "cheap"))].p == pytest.approx(0.125)
    assert [row.group for row in table.rows] == ["a", "ab", "b"]
    assert [row.rank_range for row in table.rows] == [(1, 2), (1, 3), (2, 3)]
    assert {item: row.fronts for item, row in rows.items()} == {"strong": ("tokens",), "cheap": ("tokens",), "weak": ()}
    assert rows["strong"].costs == {"seconds": None, "tokens": 900, "usd": None}


def test_repeated_attempts_count_a_task_once_and_give_pass_at_k(tmp_path: Path) -> None:
    attempts = {
        task: {f"{name}-{task}-{n}": Try(name, n < good) for name, good in (("one", 1), ("two", 3)) for n in range(3)}
        for task in ("t0", "t1")
    }
    table = rated(rank_workspace(load(study(tmp_path, attempts, {}))))
    row = next(row for row in table.rows if row.item == "one")
    assert (row.solved.tasks, len(row.attempts)) == (2, 6)
    assert row.solved.value == pytest.approx(1 / 3)
    assert [(at.k, round(at.any, 4), round(at.all, 4), at.tasks) for at in row.passes] == [
        (1, 0.3333, 0.3333, 2),
        (2, 0.6667, 0.0, 2),
    ]
    assert table.pairs == ()  # attempts are not paired


def test_attempts_that_nobody_graded_rank_by_their_tests(tmp_path: Path) -> None:
    attempts = {"t0": {"a": Try("x", False), "b": Try("y", True), "c": Try("z", None)}}
    report = rank_workspace(load(study(tmp_path, attempts, {}, opened=False)))
    assert report.tables == ()
    table = rated(report)
    assert (table.by, [(row.item, row.rank, row.rank_range) for row in table.rows]) == (
        "alias",
        [("b", 1, None), ("a", 2, None)],
    )
    assert all(row.solved.interval is None and not row.fronts for row in table.rows)


def test_results_without_trajectories_rank_too(tmp_path: Path) -> None:
    study(tmp_path, {"t0": {}}, {}, opened=False)
    reported = '{"format": 1, "task": "t0", "attempts": {"a": {"resolved": true}, "b": {"resolved": false}, "c": {}}}'
    (tmp_path / "trajectories/t0").mkdir(parents=True)
    (tmp_path / "trajectories/t0/reported.json").write_text(reported)
    report = rank_workspace(load(tmp_path))
    assert [(row.item, row.rank) for row in rated(report).rows] == [("a", 1), ("b", 2)]
    assert [(item.item, item.reason) for item in report.left_out] == [("c", "no verdict")]


def test_an_agent_run_with_two_models_is_two(tmp_path: Path) -> None:
    attempts = {"t0": {"a": Try("x", True, model="m1"), "b": Try("x", False, model="m2"), "c": Try("y", False)}}
    assert [row.item for row in rated(rank_workspace(load(study(tmp_path, attempts, {})))).rows] == [
        "x (m1)",
        "x (m2)",
        "y",
    ]


def test_a_task_that_is_still_sealed_keeps_its_aliases(tmp_path: Path) -> None:
    twelve(tmp_path)
    (tmp_path / "trajectories/t03/opening.json").unlink()
    report = rank_workspace(load(tmp_path))
    assert [(table.by, len(table.tasks)) for table in report.tables] == [("agent", 7), ("alias", 1)]
    assert [standing.item for standing in report.tables[1].standings] == ["a-t03", "c-t03", "b-t03"]


def test_views_have_tables_of_their_own(tmp_path: Path) -> None:
    broken = {(task, who, f"a-{task}"): False for task in TASKS for who in "xy"}
    workspace = load(twelve(tmp_path, works=broken, categories=("red", "blue")))
    by_axis = {table.view: table for table in rank_workspace(workspace, options=Options(by="axis")).tables}
    assert set(by_axis) == {"correctness", "style"}  # the rubric asks nothing else
    assert [row.item for row in by_axis["correctness"].standings] == ["cheap", "weak", "strong"]
    assert {row.bradley_terry.rank for row in by_axis["style"].standings} == {1}
    by_category = rank_workspace(workspace, options=Options(by="category")).tables
    assert [(table.view, len(table.tasks)) for table in by_category] == [("blue", 4), ("red", 4)]
    by_milestone = rank_workspace(workspace, options=Options(by="milestone")).tables
    assert [table.view for table in by_milestone] == [f"{task}/only" for task in TASKS]
    assert by_milestone[0].annotators == ()
    assert [row.bradley_terry.rank for row in by_milestone[1].standings] == [1, 2, 2]


def test_ablations_change_the_table_and_are_recorded(tmp_path: Path) -> None:
    works = {("t00", "x", "a-t00"): False}
    root = twelve(tmp_path, works=works, guesses={("t00", "x", "a-t00"): "Strong", ("t00", "y", "a-t00"): "weak"})
    whole = rank_workspace(load(root))
    without = rank_workspace(load(root), options=Options(without=("x",)))
    assert (whole.tables[0].annotators, without.tables[0].annotators) == (("x", "y"), ("y",))
    assert whole.version.sha256 != without.version.sha256
    assert [item.reason for item in without.left_out] == ["left out as asked"] * 8
    unguessed = rank_workspace(load(root), options=Options(without_guessed=True))
    assert [(item.item, item.reason, item.title) for item in unguessed.left_out] == [
        ("a-t00", "its agent was guessed", "x")
    ]
    strong = next(row for row in unguessed.tables[0].standings if row.item == "strong")
    assert strong.bradley_terry.wins == pytest.approx(15)
    must = rank_workspace(load(root), options=Options(must_pass_only=True))
    assert {row.item: row.bradley_terry.losses for row in must.tables[0].standings} == {
        "strong": 1,
        "cheap": 0,
        "weak": 0,
    }
    assert all(row.score.axes["style"].total == 0 for row in must.tables[0].standings)
    assert str(must.options) == "--must-pass-only"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (Options(without=("z",)), "nobody called `z` has annotated"),
        (Options(guidelines=7), "no annotation was made under guidelines 7"),
    ],
)
def test_what_is_not_there_is_a_usage_error(tmp_path: Path, options: Options, words: str) -> None:
    workspace = load(twelve(tmp_path))
    with pytest.raises(UsageError, match=words) as found:
        rank_workspace(workspace, options=options)
    assert found.value.hint in ("annotators: `x`, `y`", "versions in use: 1")


def test_nothing_is_known_to_be_guessed_while_identities_are_sealed(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no identity is open"):
        rank_workspace(load(twelve(tmp_path, opened=False)), options=Options(without_guessed=True))


def test_guidelines_choose_before_versions_do(tmp_path: Path) -> None:
    file = twelve(tmp_path) / "annotations/t00/y.yaml"
    file.write_text(file.read_text().replace('"guidelines": 1', '"guidelines": 2'))
    (tmp_path / "annotations/guidelines.md").write_text("---\nversion: 2\n---\n# New\n")
    newest = rank_workspace(load(tmp_path))
    assert (newest.tables[0].tasks, newest.tables[0].annotators) == (("t00",), ("y",))
    older = rank_workspace(load(tmp_path), options=Options(guidelines=1))
    assert (older.tables[0].tasks, older.tables[0].rankings) == (tuple(TASKS), 15)


def test_the_seed_decides_the_intervals_and_nothing_else(tmp_path: Path) -> None:
    root = twelve(tmp_path)
    file = root / "annotations/t00/y.yaml"
    file.write_text(file.read_text().replace('"ranking": [["a-t00"], ["c-t00"]', '"ranking": [["c-t00"], ["a-t00"]'))
    one, again, other = (rank_workspace(load(root), options=Options(seed=seed, bootstraps=100)) for seed in (1, 1, 2))
    assert one == again
    assert (one.seed, other.seed) == (1, 2)
    assert one.tables != other.tables
    assert [row.bradley_terry.strength for row in one.tables[0].standings] == [
        row.bradley_terry.strength for row in other.tables[0].standings
    ]


def test_why_names_pairs_criteria_and_citations(tmp_path: Path) -> None:
    root = twelve(tmp_path, works={("t00", "x", "b-t00"): False})
    found = why(load(root), "t00/c-t00", Options())
    assert [(pair.other, pair.annotator, pair.result, pair.weight) for pair in found.pairs] == [
        ("a-t00", "x", "below", 0.5),
        ("b-t00", "x", "above", 0.5),
        ("a-t00", "y", "below", 0.5),
        ("b-t00", "y", "above", 0.5),
    ]
    assert [pair.better_at for pair in found.pairs] == [(), ("works",), (), ()]
    assert [(one.annotator, one.criterion, one.passed, one.cites) for one in found.verdicts[:2]] == [
        ("x", "works", True, ("step:1",)),
        ("x", "noisy", True, ("step:1",)),
    ]
    assert found.milestones == {"only": True}
    alone = why(load(root), "t00/c-t00", Options(without=("x",)))
    assert {pair.annotator for pair in alone.pairs} == {"y"}
    with pytest.raises(UsageError, match="no attempt `none`"):
        why(load(root), "t00/none", Options())


def test_order_of_tasks_and_names_of_aliases_change_nothing(tmp_path: Path) -> None:
    """Agents are ranked by what their attempts are, not by what they are called."""
    first = rank_workspace(load(twelve(tmp_path / "one"))).tables[0]
    renamed = {
        task: {f"{3 - number}-{task}": one for number, one in enumerate(found.values())}
        for task, found in reversed(
            [(t, {f"a-{t}": Try("strong"), f"b-{t}": Try("weak"), f"c-{t}": Try("cheap")}) for t in TASKS]
        )
    }
    tiers = {task: {"x": [[f"3-{task}"], [f"1-{task}"], [f"2-{task}"]]} for task in TASKS}
    both = {task: {**found, "y": found["x"]} for task, found in tiers.items()}
    second = rank_workspace(load(study(tmp_path / "two", renamed, both))).tables[0]
    strip = [replace(row.bradley_terry, interval=None) for row in first.standings]
    assert strip == [replace(row.bradley_terry, interval=None) for row in second.standings]
