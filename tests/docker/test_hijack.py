"""Which plants forge which style of verifier. The styles are those that authors write; only F and H are safe.

`login-profile` acts because these verifiers start a login shell, which Harbor itself does not.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from assay.executors.docker import Engine
from assay.hijack import BATTERY, FURTHER
from assay.model.outcome import Stage
from assay.replay.stages import Plan, hijack_plans, plans, run_stage
from tests.docker.conftest import prepared
from tests.docker.tiny import TASK, put

# Starts like a shipped task's image, so that the slow part comes from the engine's cache.
DOCKERFILE = """\
FROM debian:bookworm-slim

ENV TZ=UTC LANG=C.UTF-8 PYTHONHASHSEED=0 PYTHONDONTWRITEBYTECODE=1

RUN apt-get update \\
    && apt-get install -y --no-install-recommends gcc libc6-dev make python3 python3-pytest \\
    && rm -rf /var/lib/apt/lists/*

WORKDIR /app
RUN echo 'def answer(): return 0' > tool.py
"""
READS = "def test_out():\n    assert open('/app/out.txt').read() == '42'\n"
IMPORTS = "import sys\nsys.path.insert(0, '/app')\nimport tool\ndef test_tool():\n    assert tool.answer() == 42\n"
RUNS = """\
import subprocess
def test_tool():
    drop = "setpriv --reuid=65534 --regid=65534 --clear-groups --no-new-privs".split()
    code = "import sys; sys.path.insert(0, '/app'); import tool; print(tool.answer())"
    done = subprocess.run([*drop, "python3", "-c", code], capture_output=True, text=True, timeout=9)
    assert done.stdout.strip() == "42"
"""
BARE = "cd /app; pytest /tests/test_outputs.py"
COPIED = "cp /tests/test_outputs.py /app; cd /app; python3 -m pytest /app/test_outputs.py"
FLAGS = "cd /tests; python3 -I -m pytest --noconftest -c /dev/null --rootdir /tests -p no:cacheprovider test_outputs.py"

IN_SHARED = {"bash-replaced", "preload"}
RIDES = {"ride-writer", "ride-exit", "ride-patch"}
CODE = (*RIDES, "conftest-root", "login-profile", "symlink")
STYLES: dict[str, tuple[str, list[str], str, str, Sequence[str], set[str]]] = {
    # name: mode, artifacts, command, test, plants tried, plants that forge
    "A tests copied into the work tree": (
        "shared",
        [],
        COPIED,
        READS,
        (*BATTERY, *FURTHER),
        {*BATTERY, *IN_SHARED},
    ),
    "B as A, without conftest files": (
        "shared",
        [],
        f"{COPIED} --noconftest",
        READS,
        BATTERY,
        {*BATTERY} - {"conftest-workdir", "conftest-root"},
    ),
    "C tests where they are": (
        "shared",
        [],
        BARE,
        READS,
        BATTERY,
        {*BATTERY} - {"conftest-workdir", "ini-workdir", "module-shadow"},
    ),
    "D every flag of pytest that isolates": (
        "shared",
        [],
        FLAGS,
        READS,
        BATTERY,
        {"sitecustomize", "path-wrapper", "background-writer", "login-profile"},
    ),
    "E a fresh container with the whole work tree": (
        "separate",
        ["/app"],
        COPIED,
        READS,
        BATTERY,
        {"conftest-workdir", "ini-workdir", "module-shadow"},
    ),
    "F a fresh container with the declared file": ("separate", ["/app/out.txt"], BARE, READS, BATTERY, set()),
    "G as F, the agent's code in the grading process": ("separate", ["/app/tool.py"], BARE, IMPORTS, CODE, RIDES),
    "H as F, the agent's code as another user": ("separate", ["/app/tool.py"], BARE, RUNS, CODE, set()),
}


@pytest.mark.parametrize("style", STYLES)
def test_the_battery_tells_weak_verifiers_from_strong_ones(engine: Engine, tmp_path: Path, style: str) -> None:
    mode, artifacts, command, test, plants, forged = STYLES[style]
    write(tmp_path, mode, artifacts, command, test)

    noop, stages = battery(engine, tmp_path, plants)

    assert noop.holds is True
    assert {name for name, stage in stages.items() if stage.forged} == forged
    assert {stage.outcome for name, stage in stages.items()} <= {"scored", "invalid-verifier"}


def test_a_plant_that_changes_nothing_is_said_to(engine: Engine, tmp_path: Path) -> None:
    write(tmp_path, "separate", ["/app/out.txt"], BARE, READS)

    noop, stages = battery(engine, tmp_path, ("ride-exit", "background-writer"))

    idle, same = stages["ride-exit"], stages["background-writer"]
    assert (idle.outcome, idle.reports) == ("scored", [])
    assert idle.reason == "the plant had nothing to act on: no code among the artifacts that it could hide in"
    assert (same.same_as, same.inputs, same.reports) == ("no-op", noop.inputs, noop.reports)


def write(root: Path, mode: str, artifacts: Sequence[str], command: str, test: str) -> None:
    """A workspace with a task of one milestone whose verifier is a login shell that runs `command`."""
    folder = root / "tasks/weak"
    settings = TASK.format(name="weak").partition("[[steps]]")[0] + '[[steps]]\nname = "answer"\n'
    settings = settings.replace('"separate"', f'"{mode}"').replace('["/app"]', str(list(artifacts)))
    put(root / "assay.toml", "format = 1\n")
    put(folder / "task.toml", settings)
    put(folder / "environment/Dockerfile", DOCKERFILE)
    put(folder / "tests/test_outputs.py", test)
    put(folder / "tests/test.sh", "exec bash -l /tests/grade.sh\n")
    put(folder / "tests/grade.sh", f"{command}\n[ $? = 0 ] && r=1 || r=0\necho $r > /logs/verifier/reward.txt\n")


def battery(engine: Engine, root: Path, names: Sequence[str]) -> tuple[Stage, dict[str, Stage]]:
    """The untouched stage, and that of each plant by its name."""
    ready = prepared(engine, root, "weak")
    noop = run_stage(engine, ready, plans(ready.task)[0]).stage
    wanted = [plan for plan in hijack_plans(ready.task) if plan.plant in names]

    def run(plan: Plan) -> Stage:
        return run_stage(engine, ready, plan, noop).stage

    with ThreadPoolExecutor(2) as pool:
        return noop, {plan.plant or "": stage for plan, stage in zip(wanted, pool.map(run, wanted), strict=True)}
