"""The way to a model's endpoint: real endpoints on this machine, asked over the socket that a container gets."""

from __future__ import annotations

import http.client
import json
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from assay.errors import UsageError
from assay.model.agents import AgentSettings
from assay.trials import gateway as gateways
from assay.trials.gateway import SOCKET, Gateway
from tests.trials.endpoint import Endpoint

CHAT = "/v1/chat/completions"
ASKED = {"model": "subject-model", "messages": [{"role": "user", "content": "I am subject-model's user"}]}
USAGE = {"prompt_tokens": 7, "completion_tokens": 3}


class Client(http.client.HTTPConnection):
    """An agent's connection."""

    def __init__(self, path: Path) -> None:
        super().__init__("127.0.0.1", timeout=10)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(10)
        self.sock.connect(str(self._path))


def ask(
    gateway: Gateway, path: str = CHAT, body: object = ASKED, method: str = "POST", **headers: str
) -> http.client.HTTPResponse:
    connection = Client(gateway.folder / SOCKET)
    connection.request(method, path, json.dumps(body).encode() if method == "POST" else None, headers)
    answer = connection.getresponse()
    connection.close()  # the answer keeps the socket
    return answer


def opened(url: str, **more: Any) -> Gateway:
    return Gateway(AgentSettings.model_validate({"command": ["agent"], "endpoint": url, "model": "real-9", **more}))


def test_names_and_keys_are_exchanged(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEY_OF_TEST", "secret")
    told = {"model": "real-9-2026-01-01", "choices": [{"text": 'a real-9 and "real-9"'}], "usage": USAGE}
    with (
        Endpoint([json.dumps(told, indent=1).encode()]) as endpoint,
        opened(endpoint.url, key="KEY_OF_TEST") as gateway,
    ):
        answer = ask(gateway, Authorization="Bearer unused", **{"X-Api-Key": "unused", "X-Kept": "1"})
        found = json.loads(answer.read())

    ((path, headers, body),) = endpoint.asked
    assert (path, body) == (CHAT, {**ASKED, "model": "real-9"})
    assert (headers["authorization"], headers["x-kept"], "x-api-key" in headers) == ("Bearer secret", "1", False)
    # what the model says is its own affair
    assert found == {**told, "model": "subject-model"}
    assert "x-vendor" not in {name.lower() for name in answer.headers}
    (asked,) = gateway.log
    assert (asked.path, asked.status, asked.prompt_tokens, asked.completion_tokens) == (CHAT, 200, 7, 3)
    assert gateway.trouble == ("", "")


def test_another_model_cannot_be_had() -> None:
    with Endpoint([b"{}"]) as endpoint, opened(endpoint.url) as gateway:
        ask(gateway, body={"model": "stronger"}).read()
        path = "/v1/v1beta/models/subject-model:generateContent"
        ask(gateway, path, {"contents": []}).read()
    assert endpoint.asked[0][2] == {"model": "real-9"}
    assert endpoint.asked[1][0] == "/v1/v1beta/models/real-9:generateContent"


@pytest.mark.parametrize("inner", [None, "response", "message"])
def test_a_stream_is_passed_on_piece_by_piece(inner: str | None) -> None:
    def event(told: dict[str, Any]) -> bytes:
        return b"data: " + json.dumps({inner: told} if inner else told).encode() + b"\n\n"

    pieces = [event({"model": "real-9-mini"}), event({"usage": USAGE}), b"data: [DONE]\n\n"]
    with Endpoint(pieces, kind="text/event-stream", held=True) as endpoint, opened(endpoint.url) as gateway:
        endpoint.go.release()
        answer = ask(gateway, "/v1/responses")
        first = answer.readline()
        assert first == event({"model": "subject-model"})[:-1]
        endpoint.go.release(2)
        assert answer.read().endswith(b"\n\ndata: [DONE]\n\n")
    assert (gateway.log[0].prompt_tokens, gateway.log[0].completion_tokens) == (7, 3)


def test_only_the_model_is_reached() -> None:
    with Endpoint([b'{"data": [{"id": "real-9"}]}']) as endpoint, opened(endpoint.url) as gateway:
        assert [model["id"] for model in json.loads(ask(gateway, "/v1/models", method="GET").read())["data"]] == [
            "subject-model"
        ]
        for method, path in (("GET", "/v1/files"), ("POST", "/v1/files"), ("POST", "/v1/threads/1/messages")):
            assert ask(gateway, path, method=method).status == 404
    assert endpoint.asked == []


def test_a_request_may_come_in_chunks() -> None:
    with Endpoint([b"{}"]) as endpoint, opened(endpoint.url) as gateway:
        connection = Client(gateway.folder / SOCKET)
        pieces = iter([b'{"model": ', b'"subject-model"}'])
        connection.request("POST", CHAT, pieces, {"Transfer-Encoding": "chunked"}, encode_chunked=True)
        assert connection.getresponse().read() == b"{}"
        connection.close()
    assert endpoint.asked[0][2] == {"model": "real-9"}


STATUSES = [(401, "unauthorized"), (403, "unauthorized"), (404, "server-error"), (429, "rate-limited")]
STATUSES += [(402, "server-error"), (503, "server-error"), (400, "")]


@pytest.mark.parametrize(("status", "trouble"), STATUSES)
def test_what_an_endpoint_refuses_is_told_apart(status: int, trouble: str) -> None:
    with Endpoint([b'{"error": {"message": "no model real-9 here"}}'], status) as endpoint:
        with opened(endpoint.url) as gateway:
            answer = ask(gateway)
            assert (answer.status, json.loads(answer.read())["error"]["message"]) == (
                status,
                "no model subject-model here",
            )
            assert gateway.trouble[0] == trouble
            if trouble:
                assert gateway.trouble[1].endswith(f"HTTP {status}")
        with opened(endpoint.url) as gateway:  # an endpoint need not list its models
            assert (gateway.preflight() == "") == (status in (400, 404))
            assert gateway.trouble[0] == ("" if status == 404 else trouble)


def test_nobody_there_is_told_at_once() -> None:
    with opened("http://127.0.0.1:9/v1") as gateway:
        started = time.monotonic()
        assert ask(gateway).status == 502
        assert time.monotonic() - started < 2
        assert gateway.trouble[0] == "unreachable"
        assert gateway.log[0].status == 502
        assert "refused" in gateway.preflight()


def test_what_was_asked_is_told_by_path_and_status() -> None:
    with (
        Endpoint([json.dumps({"usage": USAGE}).encode()]) as endpoint,
        opened(endpoint.url) as gateway,
    ):
        for path in (CHAT, CHAT, "/v1/responses"):
            ask(gateway, path).read()
    with opened("http://127.0.0.1:9/v1") as refused:
        ask(refused).read()
    chat, responses = gateway.traffic()
    assert chat["first"] <= chat["last"] <= responses["first"] == responses["last"]
    del chat["first"], chat["last"]
    assert chat == {"path": CHAT, "status": 200, "requests": 2, "prompt_tokens": 14, "completion_tokens": 6}
    assert (responses["path"], responses["requests"]) == ("/v1/responses", 1)
    assert [(item["status"], item["prompt_tokens"]) for item in refused.traffic()] == [(502, 0)]


def test_an_endpoint_that_is_silent_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gateways, "KNOCKING", 0.2)
    with (
        socket.create_server(("127.0.0.1", 0)) as silent,
        opened(f"http://127.0.0.1:{silent.getsockname()[1]}/v1") as gateway,
    ):
        assert "timed out" in gateway.preflight()


@pytest.mark.parametrize("kind", ["application/json", "text/event-stream"])
def test_an_answer_that_is_cut_off_is_seen_by_the_agent(kind: str) -> None:
    with Endpoint([b'data: {"text": "begun"}\n\n'], kind=kind, cut=True) as endpoint, opened(endpoint.url) as gateway:
        answer = ask(gateway)
        with pytest.raises(http.client.IncompleteRead):
            answer.read()
        assert gateway.trouble[0] == "unreachable"


def test_trouble_that_passes_is_forgotten() -> None:
    with Endpoint([b"{}"]) as endpoint, opened(endpoint.url) as gateway:
        gateway.note(503)
        ask(gateway).read()
        assert gateway.trouble == ("", "")


@pytest.mark.parametrize("more", [{"url": "ftp://x"}, {"url": "nothing"}, {"key": "NOT_SET_ANYWHERE"}], ids=str)
def test_settings_that_cannot_work_are_refused(more: dict[str, str]) -> None:
    with pytest.raises(UsageError, match=r"must be an http address|is not set"):
        opened(**{"url": "http://127.0.0.1/v1", **more})


@pytest.mark.parametrize(("program", "script"), [("perl", "bridge.pl"), (sys.executable, "bridge.py")])
def test_both_bridges_carry_large_requests_side_by_side(tmp_path: Path, program: str, script: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    bridge = Path(gateways.__file__).parent / "container" / script
    with Endpoint([b'{"text": "%b"}' % (b"y" * 3_000_000)]) as endpoint, opened(endpoint.url) as gateway:
        ready = tmp_path / "ready"
        with subprocess.Popen([program, bridge, str(port), gateway.folder / SOCKET, ready]) as process:
            try:
                while not ready.exists():
                    assert process.poll() is None
                    time.sleep(0.02)
                agents = [http.client.HTTPConnection("127.0.0.1", port, timeout=20) for _ in range(4)]
                for agent in agents:
                    agent.request("POST", CHAT, json.dumps({"text": "x" * 3_000_000}))
                assert [len(json.loads(agent.getresponse().read())["text"]) for agent in agents] == [3_000_000] * 4
                for agent in agents:
                    agent.close()
            finally:
                process.terminate()
    assert [len(body["text"]) for _, _, body in endpoint.asked] == [3_000_000] * 4
