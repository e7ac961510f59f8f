"""Stages of mutants: what is run again, where it stops, and which class it is in."""

from __future__ import annotations

import pickle
from pathlib import Path

from assay.executors.docker import Engine
from assay.mutation import Mutant
from assay.replay.stages import Plan, mutant_plans, plans, run_stage
from tests.docker.conftest import prepared


def test_each_class_of_mutant(engine: Engine, workspace: Path) -> None:
    ready = prepared(engine, workspace)
    oracle = run_stage(engine, ready, plans(ready.task)[-1]).stage

    def run(target: str, path: str, content: bytes) -> tuple[str | None, list[str], str]:
        milestone = "second" if target == "solution" else ""
        mutant = Mutant("mutant-01", target, milestone, path, "swap", 1, content, "-a\n+b\n")  # type: ignore[arg-type]
        plan = Plan("mutant", "mutant-01", 1, {"first": True, "second": True}, 2, mutant=mutant)
        stage = run_stage(engine, ready, plan, oracle).stage
        assert (stage.diff, stage.holds) == ("-a\n+b\n", True)
        return stage.mutant, [report.milestone for report in stage.reports], stage.same_as

    assert run("solution", "solve.sh", b"echo two | cat > two.txt\n") == ("equivalent", ["first", "second"], "oracle")
    assert run("solution", "solve.sh", b"echo two > two.txt; touch more\n") == ("survived", ["first", "second"], "")
    assert run("solution", "solve.sh", b"exit 3\n") == ("trivial", [], "")
    assert run("artifact", "/app/one.txt", b"three\n") == ("killed", ["first"], "")


def test_mutants_come_from_what_the_solutions_changed_and_travel(engine: Engine, workspace: Path) -> None:
    found = mutant_plans(engine, prepared(engine, workspace), 20)

    assert pickle.loads(pickle.dumps(found)) == found
    places = {(plan.mutant.target, plan.mutant.path) for plan in found if plan.mutant}
    assert ("solution", "solve.sh") in places
    assert "/app/notes.txt" not in {path for _, path in places}
