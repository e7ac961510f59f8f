"""An agent's container: what is in it, how the model is reached from it, and that nothing of an agent outlives it."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from assay.executors import EngineError
from assay.executors import pipe as pipes
from assay.executors.docker import Engine
from assay.executors.pipe import ExecPipe
from assay.model.agents import AgentSettings
from assay.trials.cell import HOME, Cell, cell
from assay.trials.gateway import Gateway
from tests.docker.conftest import prepared
from tests.docker.tiny import put
from tests.trials.endpoint import Endpoint

ASK = (
    "exec 3<>/dev/tcp/127.0.0.1/8901; printf 'POST /v1/chat/completions HTTP/1.0\\r\\nContent-Length: 25\\r\\n\\r\\n"
    '{"model":"subject-model"}\' >&3; cat <&3'
)
STAYS = "trap '' TERM HUP; sleep 301 & setsid sleep 302 & echo began; while :; do sleep 303; done"
LEFT = "for p in /proc/[0-9]*; do tr '\\0' ' ' <$p/cmdline; echo; done 2>/dev/null | grep -E '^sleep 30[123]'"


@contextmanager
def opened(
    engine: Engine, root: Path, gateway: Gateway | None = None, program: Path | None = None, **more: Any
) -> Iterator[Cell]:
    settings = AgentSettings.model_validate({"command": ["agent"], **more})
    with cell(engine, prepared(engine, root), settings, gateway, program) as box:
        yield box


def everything(pipe: ExecPipe) -> bytes:
    """What a program says until its end."""
    found = b"".join(iter(pipe.read, b""))
    pipe.close()
    return found


def test_an_agent_sees_what_it_was_given_and_nothing_else(
    workspace: Path, engine: Engine, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET_OF_THIS_MACHINE", "1")
    put(folder / "bin/agent", "#!/bin/sh\ntr '\\0' '\\n' </proc/$$/environ; ls -A /sys/class/net; pwd; id -un\n")
    (folder / "bin/agent").chmod(0o755)
    more: dict[str, Any] = {
        "environment": {"WHERE": "{endpoint} {workdir}"},
        "files": {f"{HOME}/.config/a.json": '["{model}"]'},
    }
    with opened(engine, workspace, program=folder, user="nobody", **more) as box:
        lines = everything(box.converse(["agent"])).decode().splitlines()
        written = box.run(["sh", "-c", f"cat {HOME}/.config/a.json; touch {HOME}/.cache/x /opt/agent/x"], "/app")
        sealed = box.sealed_facts()

    seen = dict(line.split("=", 1) for line in lines[:-3])
    home = {f"XDG_{name}_HOME" for name in ("CONFIG", "DATA", "STATE", "CACHE")} | {"HOME"}
    assert seen.keys() == home | {"PATH", "LANG", "TERM", "TZ", "WHERE"}
    assert all(seen[name].startswith(HOME) for name in home)
    assert seen["PATH"].startswith("/opt/agent/bin:/opt/agent/node_modules/.bin:/usr/local/sbin:")
    assert seen["WHERE"] == "http://127.0.0.1:8901/v1 /app"
    assert lines[-3:] == ["lo", "/app", "nobody"]
    # its home is its own, its program is not to be changed
    assert written == (1, "[\"subject-model\"]touch: cannot touch '/opt/agent/x': Read-only file system\n")
    assert box.state_before == []
    isolation = box.isolation
    assert (isolation.network, isolation.mounts, isolation.volumes, isolation.start_diff) == ("none", [], [], [])
    assert (isolation.container, isolation.memory_bytes) == (sealed["container"], 4096 * 1024 * 1024)
    assert sealed["mounts"] == {"/opt/agent": str(folder)}
    assert sealed["variables"] == sorted(seen)
    assert len(sealed["program"]) == len(sealed["files"][f"{HOME}/.config/a.json"]) == 64


@pytest.mark.parametrize(
    ("more", "workdir", "state", "brought"),
    [
        (
            f"RUN mkdir -p {HOME}/.config/a && touch {HOME}/.bashrc {HOME}/.config/a/b",
            "/app",
            [],
            [".bashrc", ".config"],
        ),
        (f"RUN mkdir -p {HOME}/app && touch {HOME}/app/x", f"{HOME}/app", [], []),
        (f"RUN mkdir -p {HOME} && echo x > {HOME}/memory\nVOLUME {HOME}", "/app", [f"{HOME}/memory"], []),
    ],
    ids=["image", "work tree", "volume"],
)
def test_what_an_agent_finds_in_its_home_is_told_by_where_it_came_from(
    workspace: Path, engine: Engine, more: str, workdir: str, state: list[str], brought: list[str]
) -> None:
    task = workspace / "tasks/tiny"
    dockerfile = task / "environment/Dockerfile"
    put(dockerfile, f"{dockerfile.read_text()}{more}\n")
    put(task / "task.toml", (task / "task.toml").read_text().replace('workdir = "/app"', f'workdir = "{workdir}"'))
    with opened(engine, workspace) as box:
        assert (box.state_before, box.image_home) == (state, brought)


def test_the_model_is_reached_over_loopback(workspace: Path, engine: Engine) -> None:
    with Endpoint([b'{"model": "real", "text": "hello"}']) as endpoint:
        settings = AgentSettings(command=["agent"], endpoint=endpoint.url, model="real")
        with Gateway(settings) as gateway, opened(engine, workspace, gateway, user="nobody") as box:
            answer = everything(box.converse(["bash", "-c", ASK]))

    assert b'{"model": "subject-model", "text": "hello"}' in answer
    assert endpoint.asked[0][2] == {"model": "real"}
    assert box.isolation.mounts == []


def test_an_image_that_cannot_carry_connections_is_told_at_once(workspace: Path, engine: Engine) -> None:
    dockerfile = workspace / "tasks/tiny/environment/Dockerfile"
    put(dockerfile, f"{dockerfile.read_text()}RUN rm /usr/bin/perl\n")
    settings = AgentSettings(command=["agent"], endpoint="http://127.0.0.1:9/v1")
    started = time.monotonic()
    with (
        Gateway(settings) as gateway,
        pytest.raises(EngineError, match="needs perl or python3"),
        opened(engine, workspace, gateway),
    ):
        pass
    assert time.monotonic() - started < 30


def test_five_megabytes_go_both_ways(workspace: Path, engine: Engine) -> None:
    sent = b"".join(b"%08d\n" % n for n in range(600_000))
    with opened(engine, workspace) as box, ThreadPoolExecutor(1) as pool:
        pipe = box.converse(["sh", "-c", "head -c 9000 /dev/zero | tr '\\0' x >&2; echo end >&2; exec cat"])
        writing = pool.submit(pipe.write, sent)
        found = bytearray()
        while len(found) < len(sent):
            found += pipe.read()
        writing.result()
        pipe.close()

        assert pipe.exit_code == 0

    assert found == sent
    assert (len(pipe.complaints), pipe.complaints[-6:]) == (4096, "xxend\n")


@pytest.mark.parametrize("user", [{}, {"user": "nobody"}], ids=str)
def test_nothing_of_an_agent_is_left_when_it_is_closed(
    workspace: Path, engine: Engine, monkeypatch: pytest.MonkeyPatch, user: dict[str, Any]
) -> None:
    monkeypatch.setattr(pipes, "PATIENCE", 0.2)
    with opened(engine, workspace, **user) as box:
        pipe = box.converse(["bash", "-c", STAYS])
        assert pipe.read() == b"began\n"
        before = box.shell.execute(["sh", "-c", LEFT], user="0").output.split(b"\n")
        pipe.close()

        assert len(before) == 4
        assert box.shell.execute(["sh", "-c", LEFT], user="0").output == b""
        assert pipe.exit_code == 137
        assert box.died() == ""


def test_reading_ends_when_the_container_does(workspace: Path, engine: Engine) -> None:
    with opened(engine, workspace) as box, ThreadPoolExecutor(1) as pool:
        pipe = box.converse(["sh", "-c", "echo began; exec sleep 300"])
        assert pipe.read() == b"began\n"
        reading = pool.submit(pipe.read)
        box.shell.kill()

        assert reading.result(timeout=20) == b""
        assert "ended with exit 137" in box.died()
        assert pipe.exit_code is not None
        with pytest.raises(OSError, match="has ended"):
            pipe.write(b"x")
        pipe.close()


@contextmanager
def slow_road(target: str) -> Iterator[str]:
    """The engine over TCP. What it sends after a program was started arrives late, and all at once."""

    def carry(source: socket.socket, sink: socket.socket, started: threading.Event, late: bool) -> None:
        try:
            while data := source.recv(65536):
                if late and started.is_set():
                    started.clear()
                    time.sleep(0.5)
                    with suppress(BlockingIOError):
                        data += source.recv(65536, socket.MSG_DONTWAIT)
                elif not late and b"/exec/" in data and b"/start" in data:
                    started.set()
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            return

    def serve() -> None:
        while True:
            try:
                near, _ = server.accept()
            except OSError:
                return
            far = socket.socket(socket.AF_UNIX)
            far.connect(target)
            held.extend([near, far])
            started = threading.Event()
            for ends in ((near, far, started, False), (far, near, started, True)):
                threading.Thread(target=carry, args=ends, daemon=True).start()

    held: list[socket.socket] = []
    server = socket.create_server(("127.0.0.1", 0))
    threading.Thread(target=serve, daemon=True).start()
    try:
        yield f"tcp://127.0.0.1:{server.getsockname()[1]}"
    finally:
        server.shutdown(socket.SHUT_RDWR)
        for end in (server, *held):
            end.close()


def test_the_first_words_are_not_lost_on_a_slow_connection(
    workspace: Path, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = prepared(engine, workspace)
    with slow_road("/var/run/docker.sock") as address:
        monkeypatch.setenv("DOCKER_HOST", address)
        settings = AgentSettings(command=["agent"])
        with Engine.connect() as remote, cell(remote, image, settings, None, None) as box:
            pipe = box.converse(["sh", "-c", "echo first; cat"])
            assert pipe.read() == b"first\n"
            pipe.write(b"second")
            assert pipe.read() == b"second"
            pipe.close()
            assert pipe.exit_code == 0
