"""What a proof says of a task, as findings; and `assay audit --replay` for real."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from assay.audit import Audited, all_task_rules, graded
from assay.audit.behaviour import findings, is_assessed
from assay.audit.folder import TaskFolder
from assay.cli import main
from assay.model.outcome import ImageFinding, ImageScan, Outcome, Proof, Stage, StageKind, TestReport, TestResult
from tests.audit.cases import HERE

ZERO = "0" * 64


def report(passed: bool, seconds: float = 1.0) -> TestReport:
    tests = [TestResult(name="test_customers", status="passed" if passed else "failed", seconds=0.1)]
    return TestReport(
        format=1,
        milestone="task",
        outcome="scored",
        passed=passed,
        reward=float(passed),
        tests=tests,
        exit_code=0,
        seconds=seconds,
        image=None,
    )


def stage(kind: StageKind, passed: bool, wanted: bool, **more: Any) -> Stage:
    more = {"name": kind, "reports": [report(passed)], "outcome": "scored", "seconds": 2.0} | more
    return Stage(kind=kind, expected={"task": wanted}, **more)


def proof(*stages: Stage, **more: Any) -> Proof:
    fixed = {"task": "single", "content_sha256": ZERO, "image": None, "engine": "e", "harness": "h"}
    return Proof(format=1, started="", finished="", stages=list(stages), **fixed, **more)


def found(*stages: Stage, base: str = "single", **more: Any) -> list[tuple[str, str, str]]:
    folder = TaskFolder(HERE / "bases" / base, base)
    return [(item.rule, item.path, item.message) for item in graded(findings(folder, proof(*stages, **more)), {})]


NO_OP = stage("no-op", False, False)
ORACLE = stage("oracle", True, True)


def test_a_proven_task_has_no_findings() -> None:
    assert found(NO_OP, ORACLE, stage("hijack", False, False), stage("mutant", False, True, mutant="killed")) == []
    assert is_assessed(proof(NO_OP))


def test_the_reference() -> None:
    wrong = stage("oracle", False, True)
    failing = "the tests of `task` fail (test_customers)"
    assert found(NO_OP, wrong, wrong) == [
        ("reference-fails", "single/solution/solve.sh", f"must pass in a fresh container, found {failing}")
    ]
    flaky = f"must pass every time, found 2 of 3 [0.21, 0.94]: {failing}"
    assert found(NO_OP, ORACLE, wrong, ORACLE) == [("reference-flaky", "single/solution/solve.sh", flaky)]
    undecided = stage("oracle", True, True, outcome="invalid-verifier", reason="no reward", reports=[])
    assert found(NO_OP, ORACLE, undecided) == [
        ("environment-broken", "single", "not assessed (oracle): invalid-verifier: no reward")
    ]


def test_states() -> None:
    assert found(stage("no-op", True, False), ORACLE)[0] == (
        *("no-op-passes", "single/tests/test.sh", "without any work the tests of `task` pass"),
    )
    ladder = stage("ladder", True, False, name="ladder-1")
    assert found(NO_OP, ladder, ORACLE) == [
        ("ladder-broken", "single/tests/test.sh", "at `ladder-1` the tests of `task` pass")
    ]


def test_plants_and_mutants() -> None:
    plants = [stage("hijack", n < 2, False, name=f"hijack-plant-{n}") for n in range(4)]
    message = "2 of 4 plants pass the tests without any work: `plant-0`, `plant-1`"
    assert found(NO_OP, ORACLE, *plants) == [("verifier-forged", "single/tests/test.sh", message)]
    diff = "--- a\n+++ b\n@@ -1 +1 @@\n-x = a  <  b\n+x = a <= b\n"
    mutants = [
        stage("mutant", True, True, name=f"mutant-{n:02}", mutant="survived", diff=diff, title="compare-swap")
        for n in range(13)
    ]
    listed = found(NO_OP, ORACLE, *mutants)
    assert len(listed) == 11
    assert listed[0][2] == "all tests pass with 3 more mutants"
    assert listed[1][2] == "all tests pass with `mutant-00`, compare-swap: -x = a < b; +x = a <= b"


def test_times_and_the_image() -> None:
    slow = stage("oracle", True, True, reports=[report(True, 49.0)], seconds=700.0)
    assert found(NO_OP, slow) == [
        ("reference-over-limit", "single/task.toml", "the agent gets 600 s, the reference took 651 s"),
        ("verifier-slow", "single/tests/test.sh", "the tests of `task` took 49.0 s of 60 s"),
    ]
    leak = ImageFinding(rule="image-holds-tests", path="/opt/x", message="holds `tests/test_totals.py`")
    scan = ImageScan(
        format=1, image=f"sha256:{ZERO}", filesystem_sha256=ZERO, entries=1, bytes=1, packages=0, findings=[leak]
    )
    told = "in the image `/opt/x` holds `tests/test_totals.py`"
    assert found(NO_OP, ORACLE, scan=scan) == [("image-holds-tests", "single/environment/Dockerfile", told)]


def test_what_could_not_run_is_not_assessed() -> None:
    outcome: Outcome = "invalid-environment"
    broken = [
        stage(kind, True, True, outcome=outcome, reason="the image does not build", reports=[])
        for kind in ("no-op", "oracle")
    ]
    shown = findings(TaskFolder(HERE / "bases/single", "single"), proof(*broken))
    assert [item.message for item in shown] == [
        "not assessed (no-op, oracle): invalid-environment: the image does not build"
    ]
    assert not is_assessed(proof(*broken))
    assert Audited("single", (), graded(shown, {})).overall == "WARN", "never PASS"


def test_every_finding_of_an_image_scan_is_a_rule(repository: Path) -> None:
    sources = "".join((repository / f"tools/assay/images/{name}.py").read_text() for name in ("scan", "leaks"))
    used = set(re.findall(r'"(image-[a-z-]+)"', sources)) - {"image-scan"}
    assert used <= set(all_task_rules())
    assert "image-holds-tests" in used


def _docker(*arguments: str) -> str:
    return subprocess.run(["docker", *arguments], capture_output=True, text=True, check=False).stdout


@pytest.mark.docker
def test_replay_gives_a_second_verdict(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("unsolved", "unbuildable", "careless"):
        shutil.copytree(HERE / "bases/single", tmp_path / "set" / name)
        (tmp_path / "set" / name / "environment/Dockerfile").write_text(
            "FROM debian:bookworm-slim\nWORKDIR /app\nCOPY orders.csv /app/orders.csv\n"
        )
    shutil.rmtree(tmp_path / "set/unsolved/solution")
    with (tmp_path / "set/unbuildable/environment/Dockerfile").open("a") as file:
        file.write("RUN false\n")
    # reads no content, and says so to nobody who only reads it
    (tmp_path / "set/careless/tests/test_totals.py").unlink()
    (tmp_path / "set/careless/tests/test.sh").write_text(
        "#!/bin/bash\nif grep -q customer /app/orders.csv; then\n    echo 1 > /logs/verifier/reward.txt\n"
        "else\n    echo 0 > /logs/verifier/reward.txt\nfi\n"
    )
    (tmp_path / "set/careless/solution/solve.sh").write_text("echo '{}' > /app/totals.json\n")

    (tmp_path / "policy.toml").write_text('[rules]\ntask-near-duplicate = "off"\n')
    try:
        code = main(["audit", "set", "--replay", "--policy", "policy.toml", "--format", "json"])
    finally:
        # called after this test's folders, which nobody replays again
        names = [f"assay/{folder.name}" for folder in tmp_path.glob(".assay/replays/*")]
        images = [line for name in names for line in _docker("images", "-q", name).split()]
        _docker("rmi", *images)
    rows = {row["task"]: row for row in json.loads(capsys.readouterr().out)}

    assert code == 1
    assert {name: (row["overall"], row["behavioural"]) for name, row in rows.items()} == {
        "careless": ("FAIL", "FAIL"),
        "unbuildable": ("WARN", None),
        "unsolved": ("PASS", None),
    }
    assert "no-op-passes" in {item["rule"] for item in rows["careless"]["findings"]}
    assert list(tmp_path.glob(".assay/replays/careless-*/*/replay.json"))
