"""Verifiers that share the agent's container, as Harbor runs them unless it is told otherwise."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from assay.executors.docker import Engine
from assay.model.outcome import Stage
from assay.replay.stages import Plan, hijack_plans, mutant_plans, plans, run_stage
from tests.docker.conftest import prepared
from tests.docker.tiny import put

DIFF = """\
diff --git a/old.txt b/old.txt
deleted file mode 100644
--- a/old.txt
+++ /dev/null
@@ -1 +0,0 @@
-delete me
diff --git a/one.txt b/one.txt
new file mode 100644
--- /dev/null
+++ b/one.txt
@@ -0,0 +1 @@
+one
"""


@pytest.fixture
def shared(workspace: Path) -> Path:
    """The task `tiny` with Harbor's default."""
    file = workspace / "tasks/tiny/task.toml"
    put(file, file.read_text().replace('environment_mode = "separate"\n', ""))
    return workspace


def run(engine: Engine, root: Path, *wanted: Plan) -> list[Stage]:
    ready = prepared(engine, root)
    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(lambda plan: run_stage(engine, ready, plan).stage, wanted or plans(ready.task)))


def test_a_good_task_holds_and_its_tests_see_the_whole_container(engine: Engine, shared: Path) -> None:
    for step, word in (("first", "one"), ("second", "two")):
        folder = shared / "tasks/tiny/steps" / step
        put(
            folder / "solution/solve.sh", f"echo {word} > {word}.txt; touch /root/{word}; sleep 60 > /dev/null 2>&1 &\n"
        )
        test = f". /tests/library.sh\ncheck file test -e /root/{word}\ncheck process grep -qs sleep /proc/[0-9]*/comm\n"
        put(folder / "tests/test.sh", f"{test}finish\n")
        put(folder / f"tests/{step}.txt", "only in this milestone's tests\n")

    stages = run(engine, shared)

    assert {stage.name: stage.holds for stage in stages} == {"no-op": True, "ladder-1": True, "oracle": True}
    assert stages[0].inputs == {}


def test_tests_arrive_late_and_each_milestone_starts_without_those_before(engine: Engine, shared: Path) -> None:
    step = shared / "tasks/tiny/steps"
    put(
        step / "first/solution/solve.sh",
        "[ ! -e /tests ] || exit 5; mkdir /tests; touch /tests/mine; echo one > one.txt\n",
    )
    put(step / "first/tests/extra.txt", "first\n")
    test = '[ ! -e /tests/extra.txt ] && [ ! -e /tests/mine ] && [ -z "$(ls -A /logs/verifier)" ] || exit 7\n'
    put(step / "second/tests/test.sh", f"{test}[ -e two.txt ]; echo $((1 - $?)) > /logs/verifier/reward.txt\n")

    oracle = run(engine, shared)[-1]

    assert oracle.holds is True, (oracle.reason, [report.reason for report in oracle.reports])


def test_a_patch_is_tested_on_the_tree_that_it_makes(engine: Engine, shared: Path) -> None:
    test = ". /tests/library.sh\ncheck one grep -qx one one.txt\ncheck old test ! -e old.txt\nfinish\n"
    put(shared / "tasks/tiny/steps/first/tests/test.sh", test)
    plan = Plan("trajectory", "t", 1, {"first": True, "second": False}, patch=DIFF.encode())

    (stage,) = run(engine, shared, plan)

    assert stage.holds is True, stage.reason


@pytest.mark.parametrize(
    ("solution", "test", "outcome", "reason"),
    [
        ("true", "echo 1 > /logs/verifier/reward.txt; sleep 60", "invalid-verifier", "did not end within 1 s"),
        ("true", "exit 0", "invalid-verifier", "neither reward.json nor reward.txt"),
        ("rm -f /bin/rm", "exit 0", "invalid-verifier", "cannot be made ready for the tests"),
        ("exit 3", "exit 0", "invalid-agent", "exited with 3"),
        ("kill -KILL -1; sleep 9", "exit 0", "invalid-agent", "or was killed"),
    ],
)
def test_what_gives_no_verdict(
    engine: Engine, shared: Path, solution: str, test: str, outcome: str, reason: str
) -> None:
    file = shared / "tasks/tiny/task.toml"
    put(file, file.read_text().replace("timeout_sec = 20", "timeout_sec = 1"))
    put(shared / "tasks/tiny/steps/first/solution/solve.sh", f"{solution}\n")
    put(shared / "tasks/tiny/steps/first/tests/test.sh", f"{test}\n")

    (stage,) = run(engine, shared, Plan("oracle", "oracle", 1, {"first": True}, 1))

    assert (stage.outcome, stage.holds) == (outcome, None)
    assert reason in stage.reason


def test_a_task_may_have_verifiers_of_both_kinds(engine: Engine, shared: Path) -> None:
    file = shared / "tasks/tiny/task.toml"
    put(file, file.read_text() + 'environment_mode = "separate"\n')
    put(shared / "tasks/tiny/steps/first/solution/solve.sh", "echo one > one.txt; touch /root/outside\n")
    for step, found in (("first", "-e"), ("second", "! -e")):
        put(
            shared / "tasks/tiny/steps" / step / "tests/test.sh",
            f". /tests/library.sh\ncheck outside test {found} /root/outside\ncheck two test {found} two.txt\nfinish\n"
            if step == "second"
            else f". /tests/library.sh\ncheck outside test {found} /root/outside\nfinish\n",
        )
    put(shared / "tasks/tiny/steps/second/solution/solve.sh", "rm -f two.txt\n")

    (oracle,) = run(engine, shared, plans(prepared(engine, shared).task)[-1])

    assert oracle.holds is True, oracle.reason
    assert list(oracle.inputs) == ["second"]


def test_mutants_and_plants_reach_shared_verifiers_too(engine: Engine, shared: Path) -> None:
    put(shared / "tasks/tiny/environment/app/count.py", "def count(items):\n    return 0\n")
    better = "def count(items):\n    total = 0\n    for item in items:\n        total += 1\n    return total\n"
    put(
        shared / "tasks/tiny/steps/first/solution/solve.sh",
        f"cat > count.py <<'END'\n{better}END\necho one > one.txt\n",
    )
    ready = prepared(engine, shared)

    found = mutant_plans(engine, ready, 4)
    stages = run(engine, shared, *found)
    (seeded,) = run(engine, shared, next(plan for plan in hijack_plans(ready.task) if plan.plant == "bash-replaced"))

    assert {plan.mutant.target for plan in found if plan.mutant} == {"artifact", "solution"}
    assert {stage.mutant for stage in stages} <= {"killed", "survived", "trivial"}
    assert "survived" in {stage.mutant for stage in stages if "count.py" in stage.title}
    assert all(stage.diff and stage.holds for stage in stages)
    assert (seeded.forged, seeded.holds) == (True, False)
