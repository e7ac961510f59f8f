"""`assay replay` from the command line: what is proven, refuted, invalid, and what it leaves behind."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from assay.executors.docker import Engine
from assay.workspace import load
from tests.docker.conftest import QUICK, assay, containers_of
from tests.docker.tiny import put, write_task

pytestmark = pytest.mark.usefixtures("engine")


def test_a_good_task_is_proven_and_its_evidence_loads(workspace: Path) -> None:
    called = assay(workspace, "replay", *QUICK, "--repeat", "2")

    assert called.code == 0, called.err
    assert called.out.startswith("tiny: proven (no-op fails, ladder 1/1, oracle 2/2 [0.34, 1.00])")
    assert containers_of(called.pid) == []
    proof = load(workspace).tasks["tiny"].proof
    assert proof is not None
    assert [(stage.name, stage.attempt, stage.holds) for stage in proof.stages] == [
        ("no-op", 1, True),
        ("ladder-1", 1, True),
        ("oracle", 1, True),
        ("oracle", 2, True),
    ]
    evidence = next((workspace / ".assay/replays/tiny").iterdir())
    kept = {str(file.relative_to(evidence)) for file in evidence.rglob("*") if file.is_file()}
    assert {"replay.json", "no-op/first.json", "ladder-1/second.log", "oracle-2/first.log"} <= kept
    assert not [name for name in kept if Path(name).name.startswith(".")]


def test_plants_and_mutants_run_when_there_is_something_to_measure_them_by(workspace: Path) -> None:
    put(workspace / "tasks/tiny/steps/second/tests/test.sh", SLOPPY)

    called = assay(workspace, "replay", "--repeat", "1", "--mutants", "4")

    assert called.code == 0, called.out
    assert called.out.startswith("tiny: proven (no-op fails, ladder 1/1, oracle 1/1 [0.21, 1.00], hijack 0/")
    proof = load(workspace).tasks["tiny"].proof
    assert proof is not None
    assert proof.scan is not None
    survivors = [stage for stage in proof.stages if stage.mutant == "survived"]
    assert survivors
    for stage in survivors:
        assert f"{stage.name} survived: {stage.title}" in called.out
        assert f"    {stage.diff.splitlines()[-1]}" in called.out
    assert {stage.same_as for stage in proof.stages if stage.kind == "hijack"} >= {"no-op"}


SLOPPY = ". /tests/library.sh\ncheck is_there test -e /app/two.txt\nfinish\n"


def test_plants_and_mutants_do_not_run_when_nothing_can_be_said_of_them(workspace: Path) -> None:
    for milestone in ("first", "second"):
        put(workspace / f"tasks/tiny/steps/{milestone}/tests/test.sh", ". /tests/library.sh\ncheck fine true\nfinish\n")
    put(workspace / "tasks/tiny/steps/first/solution/solve.sh", "exit 5\n")

    called = assay(workspace, "replay", "--repeat", "1")

    assert called.out.startswith("tiny: refuted (no-op does not fail, ladder 0/0 (0 of 1 decided), oracle 0/0")
    assert "  hijack: not run" in called.out
    assert "  mutants: not run" in called.out


def test_a_limit_that_the_reference_nearly_reaches_is_noted(workspace: Path) -> None:
    test = workspace / "tasks/tiny/steps/first/tests/test.sh"
    put(test, f"sleep 3\n{test.read_text()}")
    file = workspace / "tasks/tiny/task.toml"
    put(file, file.read_text().replace("timeout_sec = 20", "timeout_sec = 3.7", 1))

    called = assay(workspace, "replay", *QUICK)

    assert "note: tests of `first` took " in called.out
    assert "`timeout_sec` gives them 3.7 s" in called.out
    assert "tests of `second` took" not in called.out


def test_shards_are_whole_tasks_and_together_all_of_them(workspace: Path) -> None:
    write_task(workspace / "tasks/other")

    first, second, third = (assay(workspace, "replay", *QUICK, "--shard", f"{n}/3") for n in (1, 2, 3))

    assert [called.code for called in (first, second, third)] == [0, 0, 0]
    assert first.out.splitlines()[0] == "shard 1/3: 1 of 2 tasks: other"
    assert second.out.splitlines()[1].startswith("tiny: proven")
    assert third.out == "shard 3/3: 0 of 2 tasks: nothing to do\n"
    assert assay(workspace, "replay", "--shard", "4/3").code == 2


def test_a_milestone_that_comes_for_free_is_refuted_with_test_and_log(workspace: Path) -> None:
    put(workspace / "tasks/tiny/steps/first/solution/solve.sh", "echo one > one.txt; echo two > two.txt\n")

    called = assay(workspace, "replay", *QUICK)

    assert called.code == 1
    assert "tiny: refuted (no-op fails, ladder 0/1, oracle 1/1 [0.21, 1.00])" in called.out
    assert "ladder-1: tests of `second` must fail; they passed" in called.out
    (log,) = [line.partition("log: ")[2] for line in called.out.splitlines() if "log: " in line]
    assert (workspace / log).is_file()
    (drafted,) = [line.split()[-1] for line in called.out.splitlines() if "escalate --from" in line]
    assert list((workspace / drafted / "escalations").glob("*.yaml"))


def test_an_oracle_that_misses_names_the_failing_test(workspace: Path) -> None:
    put(workspace / "tasks/tiny/steps/second/solution/solve.sh", "rm notes.txt; echo two > two.txt\n")

    called = assay(workspace, "replay", *QUICK)

    assert called.code == 1
    assert "oracle: tests of `first` must pass; they failed\n    failing: keeps_notes" in called.out


def test_a_solution_that_exits_with_an_error_is_invalid_not_failed(workspace: Path) -> None:
    put(workspace / "tasks/tiny/steps/first/solution/solve.sh", "echo broken >&2; exit 3\n")

    called = assay(workspace, "replay", *QUICK)

    assert called.code == 1
    assert called.out.startswith("tiny: invalid")
    assert "oracle: invalid-agent: the reference solution failed: solve.sh of `first` exited with 3" in called.out


def test_an_image_that_does_not_build_is_invalid_with_the_end_of_the_log(workspace: Path) -> None:
    put(workspace / "tasks/tiny/environment/Dockerfile", "FROM debian:bookworm-slim\nRUN echo words; exit 9\n")

    called = assay(workspace, "replay", *QUICK)

    assert called.code == 1
    assert "invalid-environment" in called.out
    assert "words" in called.out
    assert "returned a non-zero code: 9" in called.out


def test_what_a_milestone_uploads_is_there_before_its_solution(workspace: Path) -> None:
    step = workspace / "tasks/tiny/steps/second"
    put(step / "workdir/given.txt", "two\n")
    put(step / "workdir/setup.sh", "tr a-z a-z < given.txt > prepared.txt\n")
    put(step / "solution/solve.sh", "cp prepared.txt two.txt\n")

    (proof,) = json.loads(assay(workspace, "replay", *QUICK, "--json").out)

    assert proof["verdict"] == "proven"
    assert {stage["name"]: stage["holds"] for stage in proof["stages"]} == {
        "no-op": True,
        "ladder-1": True,
        "oracle": True,
    }


def test_without_an_engine_it_says_what_to_do(workspace: Path) -> None:
    called = assay(workspace, "replay", DOCKER_HOST="unix:///nowhere/docker.sock")

    assert called.code == 4
    assert "docker-missing" in called.err
    assert "make docker" in called.err


def test_an_unknown_task_is_a_usage_error(workspace: Path) -> None:
    called = assay(workspace, "replay", "no-such-task")

    assert called.code == 2
    assert "`tiny`" in called.err


def test_the_engine_removes_only_its_own(engine: Engine) -> None:
    other = Engine.connect()
    theirs = other.create(image="debian:bookworm-slim", command=["true"])
    engine.close()
    try:
        assert theirs[:12] in {name[:12] for name in containers_of_run(other)}
    finally:
        other.close()
    assert containers_of_run(other) == []


def containers_of_run(engine: Engine) -> list[str]:
    """Ids of the containers of one connection."""
    import subprocess

    command = ["docker", "ps", "--all", "--quiet", "--filter", f"label=assay.run={engine.run_id}"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
