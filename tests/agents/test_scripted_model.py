"""The scripted model behind real HTTP, asked by the real client library."""

from __future__ import annotations

import json
import os
import signal
import socket
import struct
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from openai import BadRequestError, NotFoundError, OpenAI

from assay.agents.policies import load_material, next_action
from assay.agents.retelling import Retelling
from assay.agents.scripted_model import SUBMIT, answer, serve
from assay.errors import UsageError
from assay.scaffold.workspace import create

HELLO = Path(__file__).resolve().parents[2] / "tools/assay/scaffold/templates/tasks/hello-milestones"
MATERIAL = load_material(HELLO)
REQUEST = MATERIAL.goals[0].requests[0]
BASH = {"command": {"type": "string"}, "description": {"type": "string"}}
CHAT_TOOL: Any = {"type": "function", "function": {"name": "bash", "parameters": {"properties": BASH}}}
TOOL: Any = {"type": "function", "name": "exec_command", "strict": False, "parameters": {"properties": {"cmd": {}}}}
FIRST = next_action("strong", MATERIAL, [REQUEST], 0)


@pytest.fixture
def client() -> Iterator[OpenAI]:
    with serve(MATERIAL, "strong") as url, OpenAI(base_url=url, api_key="any", max_retries=0) as client:
        yield client


def test_an_agent_that_hangs_up_is_no_error_of_ours(capfd: pytest.CaptureFixture[str]) -> None:
    asked = json.dumps({"model": "m", "stream": True, "messages": [{"role": "user", "content": REQUEST * 2000}]})
    with serve(MATERIAL, "strong") as url:
        port = int(url.partition("127.0.0.1:")[2].partition("/")[0])
        for text in (asked, "x" * 10):
            with socket.create_connection(("127.0.0.1", port)) as gone:
                # with no time to linger, closing resets the connection
                gone.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: here\r\nContent-Length: {len(asked)}\r\n\r\n"
                gone.sendall((head + text).encode())
        with urllib.request.urlopen(f"{url}/models") as answered:
            assert answered.status == 200
        time.sleep(0.2)
    assert capfd.readouterr() == ("", "")


def test_chat_completions(client: OpenAI) -> None:
    assert [model.id for model in client.models.list()] == ["subject-model"]
    messages: list[Any] = [{"role": "system", "content": "You help."}, {"role": "user", "content": REQUEST}]
    whole = client.chat.completions.create(model="subject-model", messages=messages, tools=[CHAT_TOOL])
    call: Any = (whole.choices[0].message.tool_calls or [])[0]
    assert (whole.choices[0].message.content, whole.choices[0].finish_reason) == (FIRST.say, "tool_calls")
    assert json.loads(call.function.arguments) == {"command": FIRST.run, "description": FIRST.say}
    asked: dict[str, Any] = {"model": "m", "messages": messages, "tools": [CHAT_TOOL]}
    with client.chat.completions.stream(**asked) as stream:
        streamed = stream.get_final_completion()
    assert streamed.choices[0].message.content == FIRST.say
    again: Any = (streamed.choices[0].message.tool_calls or [])[0]
    assert (again.id, again.function.name, again.function.arguments) == (call.id, "bash", call.function.arguments)
    assert (streamed.id, streamed.model, streamed.choices[0].finish_reason) == (whole.id, "m", "tool_calls")
    messages += [whole.choices[0].message.to_dict(), {"role": "tool", "tool_call_id": call.id, "content": "README"}]
    after = client.chat.completions.create(model="m", messages=messages, tools=[CHAT_TOOL]).choices[0]
    assert (after.message.content, after.finish_reason) == ("Before I start: how about what is a word?", "stop")
    assert client.chat.completions.create(model="m", messages=messages).choices[0].message.content == "A coding task"


def test_responses(client: OpenAI) -> None:
    given: list[Any] = [
        {"role": "user", "content": [{"type": "input_text", "text": "<environment_context>x</environment_context>"}]},
        {"role": "user", "content": [{"type": "input_text", "text": REQUEST}]},
    ]
    whole = client.responses.create(model="m", input=given, tools=[TOOL])
    assert (whole.output_text, [item.type for item in whole.output]) == (FIRST.say, ["message", "function_call"])
    with client.responses.stream(model="m", input=given, tools=[TOOL]) as stream:
        streamed = stream.get_final_response()
    call: Any = streamed.output[1]
    assert (streamed.output_text, json.loads(call.arguments)) == (FIRST.say, {"cmd": FIRST.run})
    items: list[Any] = [item.model_dump(exclude_none=True) for item in whole.output]
    result: Any = {"type": "function_call_output", "call_id": call.call_id, "output": "README"}
    after = client.responses.create(model="m", input=[*given, *items, result], tools=[TOOL])
    assert after.output_text == "Before I start: how about what is a word?"
    given += [*items, result, *[item.model_dump(exclude_none=True) for item in after.output]]
    solving = client.responses.create(model="m", input=[*given, {"role": "user", "content": "Letters."}], tools=[TOOL])
    assert solving.output_text == "I put it in place."
    assert (solving.id, client.responses.create(model="m", input="Hello.", tools=[TOOL]).output_text) == (
        "resp_2",
        FIRST.say,
    )


def test_the_same_request_gets_the_same_bytes() -> None:
    body = json.dumps({"model": "m", "stream": True, "messages": [{"role": "user", "content": "Go."}], "tools": [TOOL]})

    def answered() -> bytes:
        with serve(MATERIAL, "lazy") as url:
            request = urllib.request.Request(f"{url}/chat/completions", body.encode())
            with urllib.request.urlopen(request) as answer:
                content: bytes = answer.read()
                return content

    assert answered() == answered()


def chat(properties: dict[str, Any], name: str = "shell", system: str = "", *more: dict[str, str]) -> dict[str, Any]:
    tools = [{"type": "function", "function": {"name": name, "parameters": {"properties": properties}}}]
    return {"tools": tools, "messages": [{"role": "user", "content": f"{system} {REQUEST}"}, *more]}


@pytest.mark.parametrize(
    ("properties", "arguments"),
    [
        ({"command": {"type": "array"}}, {"command": ["bash", "-lc", FIRST.run]}),
        ({"command": {}, "is_background": {}}, {"command": FIRST.run, "is_background": False}),
        ({"cmd": {"type": "string"}}, {"cmd": FIRST.run}),
    ],
)
def test_each_agents_shell_gets_its_own_arguments(properties: dict[str, Any], arguments: dict[str, Any]) -> None:
    for name in ("run_shell_command", "a_tool_of_another_name"):
        call = answer(MATERIAL, "strong", chat(properties, name)).call
        assert call is not None
        assert (call["name"], json.loads(call["arguments"])) == (name, arguments)


def test_an_agent_without_a_shell_is_told_so() -> None:
    said = answer(MATERIAL, "strong", chat({"path": {}}, "read"))
    assert (said.text, said.call) == ("I have no tool here that runs a command.", None)


def submitting(request: str) -> list[str]:
    """First words of the commands of a run that ends by submitting."""
    talk: list[dict[str, str]] = []
    commands: list[str] = []
    while not commands or SUBMIT not in commands[-1]:
        call = answer(MATERIAL, "strong", chat(BASH, "bash", f"{request}\nFinish with echo {SUBMIT}.", *talk)).call
        assert call is not None
        commands.append(json.loads(call["arguments"])["command"])
        talk += [{"role": "assistant", "content": ""}, {"role": "tool", "content": "ok"}]
    return [command.split()[0] for command in commands]


def test_an_agent_that_is_told_the_conversation_asks_submits_and_goes_on() -> None:
    request = MATERIAL.goals[0].requests[-1]
    retelling = Retelling()
    assert submitting(retelling.told(request)) == ["ls", "echo"]
    retelling.answered(request, "Before I start: how about words?")
    assert submitting(retelling.told("Letters only.")) == ["at=$(mktemp", "find", "echo"]


def test_what_is_no_request_is_refused(client: OpenAI) -> None:
    with pytest.raises(BadRequestError, match="not understood"):
        client.post("/chat/completions", body=["no", "object"], cast_to=object)
    with pytest.raises(NotFoundError, match="there is no /v1/embeddings here"):
        client.post("/embeddings", body={}, cast_to=object)
    with (
        pytest.raises(UsageError, match=r"port \d+ cannot be used"),
        serve(MATERIAL, "lazy", client.base_url.port or 0),
    ):
        pass


def test_the_command_serves_until_it_is_interrupted(tmp_path: Path) -> None:
    create(tmp_path, "hello")
    line = "import sys; from assay.commands.model import command; command(sys.argv[1:])"
    command = [sys.executable, "-c", line, "lazy", "--task", "hello-milestones"]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, text=True, env={**os.environ}) as process:
        assert process.stdout is not None
        with urllib.request.urlopen(f"{process.stdout.readline().strip()}/models") as found:
            assert json.load(found)["data"][0]["id"] == "subject-model"
        process.send_signal(signal.SIGINT)
    assert process.returncode == 0
