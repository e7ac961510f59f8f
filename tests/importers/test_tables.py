"""Results without transcripts: tables in every form, as they are read and as a person imports them."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from assay import cli
from assay.errors import ExitCode
from assay.importers import ImportFailed, Source
from assay.importers.tables import is_table, read
from assay.reported import known
from assay.results.reported import reported_rows, solved
from assay.rules import run
from assay.scaffold.workspace import create
from assay.workspace import load
from tests.importers.reading import FIXTURES, LOGS

TASK = "hello-milestones"
CSV = f"""task,agent,model,trial,resolved,reward,tests,outcome,colour
{TASK},kestrel-cli,fable,1,True,,"{{""t1"": ""passed"", ""t2"": ""FAIL""}}",,red
assay/{TASK},kestrel-cli,fable,2,false,0.25,,timed-out,
Hello_Milestones,scout,,1,,,,,

{TASK},scout,,2,,,,invalid-environment,
elsewhere,scout,,1,true,,,,
"""
STATUS = {"FAIL_TO_PASS": {"success": ["a"], "failure": []}, "PASS_TO_PASS": {"success": ["b"], "failure": ["c"]}}
REPORT = {"patch_successfully_applied": True, "resolved": True, "tests_status": STATUS}


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    create(tmp_path, "tables")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "o.csv").write_text(CSV)
    return tmp_path


def verdicts(path: Path, content: Any) -> list[tuple[str | None, str, bool | None]]:
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    assert is_table(Source(path))
    return [(row.task, row.reported.outcome, row.reported.resolved) for row in read(Source(path)).rows]


@pytest.mark.parametrize(
    ("content", "rows"),
    [
        ({"instance_a__b-1": True, "instance_a__b-2": False}, [(True, "scored"), (False, "scored")]),
        (REPORT, [(True, "scored")]),
        ({"a__b-1": REPORT, "a__b-2": {**REPORT, "resolved": False}}, [(True, "scored"), (False, "scored")]),
        (
            {"resolved_ids": ["a"], "unresolved_ids": ["b"], "error_ids": ["c"], "completed_ids": ["a", "b"]},
            [(True, "scored"), (False, "scored"), (None, "invalid-verifier")],
        ),
        ("instance_id,resolved,patch_applied\na__b-1,True,True\n", [(True, "scored")]),
        (
            '{"task": "a", "agent": "x", "reward": 1}\n{"task": "b", "reward": 0.5}\n',
            [(True, "scored"), (None, "scored")],
        ),
        ('\ufeff"task",Resolved\r\na,null\r\n', [(None, "invalid-verifier")]),
        (
            (FIXTURES / "terminal-bench/run/results.json").read_text(),
            [(True, "scored"), (None, "invalid-agent")],
        ),
    ],
)
def test_every_form(tmp_path: Path, content: Any, rows: list[tuple[bool | None, str]]) -> None:
    found = verdicts(tmp_path / "table", content)
    assert [(resolved, outcome) for _, outcome, resolved in found] == rows


def test_tests_that_passed_before_are_kept_only_when_they_fail(tmp_path: Path) -> None:
    (tmp_path / "report.json").write_text(json.dumps(REPORT))
    (row,) = read(Source(tmp_path / "report.json")).rows
    assert [(test.name, test.status) for test in row.reported.tests] == [("a", "passed"), ("c", "failed")]


def test_a_verdict_that_rests_on_no_test_is_remarked(tmp_path: Path) -> None:
    empty: Any = {"FAIL_TO_PASS": {"success": [], "failure": []}}
    (tmp_path / "report.json").write_text(json.dumps({"a": {**REPORT, "tests_status": empty}}))
    assert "no test had to change" in read(Source(tmp_path / "report.json")).notes[0]


@pytest.mark.parametrize("name", LOGS)
def test_logs_are_no_tables(name: str) -> None:
    assert not is_table(Source(LOGS[name]))


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("task,resolved\na,maybe\n", ":2:1: `resolved` must be true, false or empty, found `maybe`"),
        ("task,resolved\na,true,x\n", ":2:1: must have 2 cells, as the header has, found 3"),
        ("task,reward\na,much\n", ":2:1: `reward` must be a number or empty, found `much`"),
        ("task,reward\n,1\n", ":2:1: `task` must be the name of a task"),
        ("task,resolved,outcome\na,true,invalid-agent\n", ":2:1: `invalid-agent` carries no grade"),
        ("task,resolved,outcome\na,true,won\n", ":2:1: `outcome`: input should be"),
        ('task,resolved,tests\na,true,"{"\n', ":2:1: `tests` must be JSON"),
        ('task,resolved,tests\na,true,"{""t"": ""odd""}"\n', ":2:1: `tests/0/status`"),
        ('task,resolved\n"a,true\n', "must be CSV"),
        ("task,resolved\n", ": must have a row"),
        ('{"task": "a", "resolved": 7}\n', ":1:1: `resolved` must be"),
        ('{"task": "a", "resolved": true}\n{"task":\n', ":2:"),
        ("just a text", "must be a table of results of a known form"),
    ],
)
def test_the_line_says_what_is_wrong(tmp_path: Path, content: str, says: str) -> None:
    (tmp_path / "table").write_text(content)
    with pytest.raises(ImportFailed) as failed:
        read(Source(tmp_path / "table"))
    assert failed.value.message.startswith(f"{tmp_path / 'table'}:")
    assert says in failed.value.message
    assert "\n" not in failed.value.message


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from([CSV, json.dumps(REPORT), json.dumps({"a": True})]), st.integers(0, 400), st.binary(max_size=4))
def test_damaged_tables_end_in_one_line(tmp_path: Path, content: str, at: int, damage: bytes) -> None:
    data = content.encode()
    at %= len(data)
    (tmp_path / "table").write_bytes(data[:at] + damage + data[at + len(damage) :])
    is_table(Source(tmp_path / "table"))
    with suppress(ImportFailed):
        assert read(Source(tmp_path / "table")).rows


def test_a_table_of_other_tasks_alone_is_refused(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (root / "others.csv").write_text("task,agent,resolved\nelsewhere,kestrel,true\nnowhere,kestrel,false\n")
    assert cli.main(["import", "others.csv"]) == ExitCode.USAGE
    assert f"there is no task `elsewhere`\n  hint: tasks of this workspace: `{TASK}`" in capsys.readouterr().err


def test_rows_become_results_under_fresh_aliases(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["import", "o.csv"]) == ExitCode.CLEAN
    output = capsys.readouterr()
    assert (
        f"{TASK}: 4 results, 1 resolved (1 invalid-environment, 1 invalid-verifier, 1 scored, 1 timed-out)"
        in output.out
    )
    assert "rows of unknown tasks, which were left out: 1 (`elsewhere`)" in output.err
    assert "columns that are not used: `colour`" in output.err
    text = (root / f"trajectories/{TASK}/reported.json").read_text()
    for alias in known(root, TASK):  # a fresh name may happen to hold one of them
        text = text.replace(alias, "")
    assert not any(word in text for word in ("kestrel", "fable", "scout"))
    assert list(known(root, TASK)) == sorted(known(root, TASK))
    identities = json.loads((root / f".assay/identities/{TASK}.json").read_text())["identities"]
    assert identities.keys() == known(root, TASK).keys()
    assert sorted(who["agent"] for who in identities.values()) == ["kestrel-cli", "kestrel-cli", "scout", "scout"]
    workspace = load(root)
    assert run(workspace) == []
    rows, left_out = reported_rows(workspace, {TASK: {alias: who["agent"] for alias, who in identities.items()}})
    assert solved(rows) == {"kestrel-cli": {TASK: (1, 2)}}
    assert sorted(item.reason for item in left_out) == ["invalid-environment", "invalid-verifier"]
    assert [row.item for row in reported_rows(workspace)[0]] == [row.alias for row in rows]


def test_a_table_is_imported_once_and_others_are_added(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["import", "o.csv", "--task", TASK]) == ExitCode.CLEAN
    before = known(root, TASK)
    assert cli.main(["import", "o.csv"]) == ExitCode.CLEAN
    assert "rows that are there already, not imported again: 4" in capsys.readouterr().err
    (root / "eval_results.json").write_text(json.dumps({TASK: True}))
    again = ["import", "eval_results.json", "--agent", "scout", "--json"]
    assert cli.main(again) == ExitCode.CLEAN
    (row,) = json.loads(capsys.readouterr().out)
    assert known(root, TASK) == {**before, row["alias"]: known(root, TASK)[row["alias"]]}
    assert row["resolved"] is True
    assert not {"agent", "model"} & row.keys()


def test_a_log_that_says_how_it_ended_is_reported_too(root: Path) -> None:
    log = str(FIXTURES / "inspect/plain.json")
    assert cli.main(["import", log, "--task", TASK, "--only", "1/*"]) == ExitCode.CLEAN
    there = known(root, TASK)
    assert {(item.outcome, item.resolved) for item in there.values()} == {("scored", True), ("timed-out", None)}
    attempts = load(root).attempts[TASK]
    assert {alias: attempt.outcome for alias, attempt in attempts.items()} == {
        alias: item.outcome for alias, item in there.items()
    }
    (root / f"trajectories/{TASK}/reported.json").unlink()  # as if the import had been interrupted
    assert cli.main(["import", log, "--task", TASK, "--only", "1/*"]) == ExitCode.CLEAN
    assert known(root, TASK) == there


def test_a_run_of_terminal_bench_gives_its_results(root: Path) -> None:
    (root / "run.json").write_text(
        (FIXTURES / "terminal-bench/run/results.json").read_text().replace('"sum"', f'"{TASK}"')
    )
    arguments = ["import", str(root / "run.json"), "--agent", "kestrel-cli"]
    assert cli.main(arguments) == ExitCode.CLEAN
    assert [item.resolved for item in known(root, TASK).values()] == [True]
    one = str(FIXTURES / "terminal-bench/run/other")
    assert cli.main(["import", one, "--task", TASK]) == ExitCode.USAGE
    # its one row is of a task that this workspace does not have
    assert cli.main(["import", one, "--format", "results", "--agent", "x"]) == ExitCode.USAGE


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["r.json", "--task", TASK], "does not say whose result this is"),
        (["r.json", "--agent", "scout"], "does not say of which task it is"),
        (["o.csv", "--only", "x"], "tables of results come alone"),
        (["o.csv", str(FIXTURES / "opencode/export.json"), "--task", TASK], "tables of results come alone"),
        (["twice.csv"], "has a row for kestrel-cli 1 already"),
        ([str(FIXTURES / "opencode/export.json")], "a log needs `--task`"),
        (["o.csv", "--task", "nothing"], "there is no task `nothing`"),
    ],
)
def test_refusals_write_nothing(
    root: Path, arguments: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (root / "r.json").write_text(json.dumps(REPORT))
    (root / "twice.csv").write_text(CSV + f"{TASK},kestrel-cli,fable,1,True,,,,\n")
    assert cli.main(["import", *arguments]) == ExitCode.USAGE
    assert says in capsys.readouterr().err
    assert not (root / "trajectories" / TASK).exists()


def test_unreadable_results_are_never_overwritten(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = root / f"trajectories/{TASK}/reported.json"
    file.parent.mkdir(parents=True)
    file.write_text('{"format": 2}')
    assert cli.main(["import", "o.csv"]) == ExitCode.USAGE
    assert f"trajectories/{TASK}/reported.json:1:" in capsys.readouterr().err
    assert file.read_text() == '{"format": 2}'
    assert not (root / ".assay/identities").exists()
