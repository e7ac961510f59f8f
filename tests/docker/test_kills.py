"""Killing the tool, a container, the daemon or a worker at random moments loses no result and leaves nothing behind.

Each kind at two moments, or at as many as ASSAY_KILLS says; ASSAY_SEED chooses them.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from assay.executors.owners import reap_scratch
from assay.replay.journal import Past, newest
from tests.docker.conftest import assay, environment
from tests.docker.daemon import Daemon, running
from tests.docker.dask import Cluster, cluster
from tests.docker.tiny import write_workspace

MOMENTS = int(os.environ.get("ASSAY_KILLS", "2"))
SEED = os.environ.get("ASSAY_SEED", "1")
OPTIONS = ("replay", "--no-hijack", "--mutants", "1", "--repeat", "2", "--json")

Tool = subprocess.Popen[str]


class Scene:
    """A workspace, a daemon, two workers, and what a replay shows that nobody disturbs."""

    def __init__(self, root: Path, scratch: Path, daemon: Daemon, workers: Cluster) -> None:
        self.root, self.scratch, self.daemon, self.workers = root, scratch, daemon, workers
        self.replays = root / ".assay/replays/tiny"
        write_workspace(root)
        self.replay()
        started = time.monotonic()
        self.expected = self.replay("--fresh")
        self.seconds = time.monotonic() - started

    @property
    def variables(self) -> dict[str, str]:
        """Temporary files go to a folder that no other test uses."""
        return {"DOCKER_HOST": self.daemon.host, "TMPDIR": str(self.scratch)}

    def start(self, *options: str) -> Tool:
        command = [sys.executable, "-m", "assay", *OPTIONS, *options]
        variables, nothing = environment(**self.variables), subprocess.DEVNULL
        return subprocess.Popen(
            command, cwd=self.root, env=variables, text=True, stdout=subprocess.PIPE, stderr=nothing
        )

    def replay(self, *options: str) -> dict[str, object]:
        """Results by stage of a replay that nobody disturbs."""
        called = assay(self.root, *OPTIONS, *options, limit=120, **self.variables)
        assert called.code == 0, called.err + called.out
        (proof,) = json.loads(called.out)
        return {f"{stage['name']}-{stage['attempt']}": [stage["holds"], stage["mutant"]] for stage in proof["stages"]}


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    folder, scratch = tmp_path_factory.mktemp("dask"), tmp_path_factory.mktemp("scratch")
    with running() as daemon, cluster(folder, 2, DOCKER_HOST=daemon.host, TMPDIR=str(scratch)) as workers:
        yield Scene(tmp_path_factory.mktemp("workspace"), scratch, daemon, workers)


def kill_tool(scene: Scene, tool: Tool, choice: random.Random) -> None:
    tool.kill()


def kill_container(scene: Scene, tool: Tool, choice: random.Random) -> None:
    command = ["docker", "-H", scene.daemon.host, "kill"]
    while tool.poll() is None:
        found = scene.daemon.docker("ps", "-q")  # it may have ended when its turn comes
        if found and not subprocess.run([*command, choice.choice(found)], capture_output=True, check=False).returncode:
            return


def kill_daemon(scene: Scene, tool: Tool, choice: random.Random) -> None:
    scene.daemon.kill()
    time.sleep(choice.uniform(0, 1))
    scene.daemon.start()


def kill_worker(scene: Scene, tool: Tool, choice: random.Random) -> None:
    victim = scene.workers.workers.pop(choice.randrange(2))
    victim.kill()
    victim.wait()


@pytest.mark.parametrize("kill", [kill_tool, kill_container, kill_daemon, kill_worker])
def test_killing_at_any_moment_loses_nothing_and_leaves_nothing(
    scene: Scene, kill: Callable[[Scene, Tool, random.Random], None]
) -> None:
    print(f"ASSAY_SEED={SEED}")
    choice = random.Random(f"{SEED} {kill.__name__}")
    remote = ("--scheduler", scene.workers.address) if kill is kill_worker else ()
    for number in range(MOMENTS):
        moment = scene.seconds * (number + choice.random()) / MOMENTS  # spread over the whole replay
        earlier = newest(scene.replays, {})
        tool = scene.start("--fresh", *remote)
        time.sleep(moment)
        kill(scene, tool, choice)
        out, _ = tool.communicate(timeout=120)
        killed = newest(scene.replays, {})
        if earlier and killed and killed.folder == earlier.folder:
            killed = None  # it had not even begun
        print(f"{kill.__name__} at {moment:.2f} of {scene.seconds:.2f} s: exit {tool.returncode},", end=" ")
        check(scene, killed, tool.returncode)
        if remote:
            scene.workers.worker()
            assert tool.returncode == 0
            assert killed
            check_starts(killed, json.loads(out)[0])


def check(scene: Scene, killed: Past | None, code: int) -> None:
    """The next replay has the same results, has taken over what was decided, and leaves the engine empty."""
    found = killed.decided() if killed else {}
    decided = {name: line["sha256"] for name, (line, _) in found.items()}
    for _, stage in found.values():
        assert scene.expected[f"{stage.name}-{stage.attempt}"] == [stage.holds, stage.mutant]
    results = scene.replay()

    last = newest(scene.replays, {})
    assert last is not None
    goes_on = f"of which {last.opened['resumed']} was gone on with" if last.opened["resumed"] else "then a new replay"
    print(f"{len(decided)} of {len(results)} stages decided, {goes_on}")
    assert results == scene.expected
    if killed and decided and code != 0:
        assert last.opened["resumed"] == killed.folder.name
        kept = {name: line["sha256"] for name, (line, _) in last.decided().items()}
        assert kept.items() >= decided.items()
    assert scene.daemon.left() == []
    assert reap_scratch(scene.scratch) == 0


def check_starts(past: Past, proof: dict[str, Any]) -> None:
    """What began more than once is told."""
    starts = Counter(line["stage"] for line in past.lines if line["event"] == "started")
    assert {attempt["stage"] for attempt in proof["superseded"]} == {name for name in starts if starts[name] > 1}
