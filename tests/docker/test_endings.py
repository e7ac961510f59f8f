"""Agents, endpoints, containers and verifiers that fail: each failure has an outcome of its own, with evidence."""

from __future__ import annotations

import hashlib
import json
import shutil
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from assay.executors.docker import Engine
from assay.model.agents import AgentSettings
from assay.model.outcome import TestReport
from assay.model.trajectory import Step
from assay.sealing.order import turns
from assay.simulation.contract import Facts, Move
from assay.trials.files import files, outcome_of, sealed
from assay.trials.recording import Recording
from assay.trials.running import Study
from assay.trials.session import Order
from assay.trials.watching import Caps
from assay.workspace import load
from tests.docker.tiny import put

pytestmark = pytest.mark.usefixtures("engine")
AGENT = Path(__file__).parent / "faulty_agent.sh"


@contextmanager
def endpoint(*statuses: int) -> Iterator[str]:
    """A model's endpoint that answers with these statuses, the last one for ever; 0 ends it instead."""
    left = list(statuses)

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *arguments: object) -> None:
            pass

        def do_GET(self) -> None:
            status = left.pop(0) if len(left) > 1 else left[0]
            if status == 0:
                server.socket.close()
                self.close_connection = True
                return
            body = b'{"object":"list","data":[]}'
            self.send_response(status)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_GET

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1"
    finally:
        server.shutdown()
        server.server_close()


class Brief:
    """A user who says one thing."""

    def open(self) -> Move:
        return Move("OPEN", "Please begin.", "first")

    def next(self, facts: Facts) -> Move:
        return Move("DONE", None)

    def hear(self, step: Step) -> None: ...

    def allow(self, command: str) -> bool:
        return True

    def tested(self, reports: Sequence[TestReport]) -> None: ...


def trial(root: Path, engine: Engine, fault: str, caps: Caps | None = None, **more: Any) -> Recording:
    program = root / "program"
    program.mkdir(exist_ok=True)
    shutil.copy(AGENT, program / "agent")
    settings = AgentSettings.model_validate(
        {"command": ["/bin/bash", "/opt/agent/agent"], "folder": "program", "environment": {"FAULT": fault}, **more}
    )
    (turn,) = turns(["faulty"], "seed", "tiny", 1)
    with ThreadPoolExecutor(2) as pool:
        study = Study(root, load(root).tasks["tiny"], engine, pool, caps or Caps(seconds=60), lambda *given: Brief())
        ((_, recording),) = study.perform({"calm-heron": Order(turn, settings, "full", "seed/0", 0)}, 1)
    return recording


CASES: list[tuple[str, dict[str, Any], str, str]] = [
    ("ends-well", {}, "scored", "done"),
    ("starts-badly", {}, "invalid-agent", "agent-crashed"),
    ("crashes", {}, "invalid-agent", "agent-crashed"),
    ("leaves", {}, "invalid-agent", "agent-crashed"),
    ("garbage", {}, "invalid-agent", "agent-crashed"),
    ("errs", {}, "invalid-agent", "agent-crashed"),
    ("refuses", {}, "scored", "gave-up"),
    ("says-nothing", {}, "invalid-agent", "done"),
    ("hangs", {"caps": Caps(seconds=2)}, "timed-out", "wall-clock"),
    ("floods", {"caps": Caps(seconds=60, output_bytes=2_000_000)}, "timed-out", "output-limit"),
    ("deletes", {}, "invalid-environment", "environment"),
    ("ends-well", {"command": ["/opt/agent/missing"]}, "invalid-environment", "agent-missing"),
    ("ends-well", {"command": ["cat", "/etc/hostname"]}, "invalid-agent", "agent-confused"),
]
"""What the agent does, settings, the outcome that the trial must get, and why it ended."""


@pytest.mark.parametrize(("fault", "more", "outcome", "ending"), CASES, ids=lambda value: str(value)[:24])
def test_every_failure_is_told_apart(
    workspace: Path, engine: Engine, fault: str, more: dict[str, Any], outcome: str, ending: str
) -> None:
    recording = trial(workspace, engine, fault, **more)

    assert recording.ended
    assert (outcome_of(recording), recording.ended.ending) == (outcome, ending), recording.ended.reason
    if ending != "done":
        assert recording.ended.reason
    assert recording.steps[0].source == "user"
    assert files(recording)["session.json"]


ENDPOINTS: list[tuple[tuple[int, ...], str]] = [
    ((401,), "endpoint-unauthorized"),
    ((200, 401), "endpoint-unauthorized"),
    ((500,), "endpoint-failed"),
    ((200, 429), "endpoint-failed"),
    ((200, 0), "endpoint-refused"),
    ((), "endpoint-refused"),
]
"""What the endpoint answers, the last for ever; 0 hangs up, nothing at all is an address where nobody listens."""


@pytest.mark.parametrize(("statuses", "ending"), ENDPOINTS, ids=str)
def test_trouble_with_the_endpoint_is_no_failure_of_the_agent(
    workspace: Path, engine: Engine, statuses: tuple[int, ...], ending: str
) -> None:
    with endpoint(*statuses or (200,)) as url:
        address = url if statuses else "http://127.0.0.1:9/v1"
        recording = trial(workspace, engine, "loses-model", endpoint=address)

    assert recording.ended
    assert (outcome_of(recording), recording.ended.ending) == ("invalid-environment", ending), recording.ended.reason
    # an endpoint that is known to be broken costs no container
    assert (recording.isolation is None) == (statuses in ((401,), (500,), ()))
    # what was asked of it is evidence, and hints at who asked: it is in the sealed part, whose digest is open
    asked = recording.sealed["asked"]
    assert isinstance(asked, list)
    assert {item["status"] for item in asked} == ({statuses[-1] or 502} if recording.isolation else set())
    if recording.isolation:
        session = json.loads(files(recording)["session.json"])
        assert session["predicate"]["course"]["sealed_sha256"] == hashlib.sha256(sealed(recording).encode()).hexdigest()
        assert "completions" not in json.dumps(session)


def test_used_up_memory_is_not_the_agents_failure(workspace: Path, engine: Engine) -> None:
    file = workspace / "tasks/tiny/task.toml"
    put(file, file.read_text().replace('workdir = "/app"', 'workdir = "/app"\nmemory_mb = 64'))

    recording = trial(workspace, engine, "hungry", caps=Caps(seconds=120))

    assert recording.ended
    assert recording.ended.ending == "out-of-memory"
    assert outcome_of(recording) == "invalid-environment"


def test_a_container_that_somebody_ends_is_not_the_agents_failure(workspace: Path, engine: Engine) -> None:
    def waiting() -> list[str]:
        mine = engine.api.containers(filters={"label": f"assay.run={engine.run_id}"})
        return [item["Id"] for item in mine if "sleep" in item["Command"]]

    before = waiting()

    def kill() -> None:
        for _ in range(200):
            if found := [container for container in waiting() if container not in before]:
                time.sleep(2)
                engine.kill(found[0])
                return
            time.sleep(0.05)

    killer = threading.Thread(target=kill)
    killer.start()
    recording = trial(workspace, engine, "hangs")
    killer.join()

    assert recording.ended
    assert recording.ended.ending == "container-died"
    assert outcome_of(recording) == "invalid-environment"
    assert recording.steps


def test_an_install_step_that_fails_and_a_task_that_is_broken_are_environments(workspace: Path, engine: Engine) -> None:
    recording = trial(workspace, engine, "ends-well", folder=None, install=["echo no such package >&2; exit 7"])
    assert recording.ended
    assert (outcome_of(recording), recording.ended.ending) == ("invalid-environment", "environment")
    assert "no such package" in recording.ended.reason

    put(workspace / "tasks/tiny/steps/first/tests/test.sh", "exit 3\n")
    assert outcome_of(trial(workspace, engine, "ends-well")) == "invalid-verifier"
