"""A policy as a model: an endpoint that speaks OpenAI's chat completions and responses, as JSON and as a stream.

It keeps no state: what the user said and how far the script is are read from each request, so agents may retry,
compact or run side by side. The same request always gets the same bytes.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from assay.agents.policies import Action, Material, next_action
from assay.model.agents import MODEL_ALIAS, PolicyName

SHELLS = ("bash", "shell", "exec_command", "shell_command", "run_shell_command", "local_shell", "developer__shell")
"""What agents call the tool that runs a command."""
SUBMIT = "COMPLETE_TASK_AND_SUBMIT_FINAL_OUTPUT"
"""How mini-swe-agent is told that it is over."""
_MADE_BY_MODEL = ("function_call", "custom_tool_call", "local_shell_call", "reasoning")
_CREATED = 1_700_000_000
_USED = (100, 20)


@contextmanager
def serve(material: Material, policy: PolicyName, port: int = 0) -> Iterator[str]:
    """Serve on the loopback device; gives the base address. Port 0 takes a free one."""
    handler = type("Handler", (_Handler,), {"material": material, "policy": policy})
    server = ThreadingHTTPServer(("127.0.0.1", port), handler)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1"
    finally:
        server.shutdown()
        server.server_close()


def answer(material: Material, policy: PolicyName, body: Mapping[str, Any]) -> tuple[str, dict[str, Any] | None]:
    """What the model says to a request, and the call it makes: `name` and `arguments`."""
    tools = _tools(body)
    if not tools:
        return "A coding task", None  # agents ask for a title in this way
    said, done = _conversation(body)
    action = next_action(policy, material, said, done)
    name = next((name for name in SHELLS if name in tools), None)
    if action.run is None and name == "bash" and SUBMIT in json.dumps(body):
        action = Action(action.say, f"echo {SUBMIT}")
    if action.run is None or name is None:
        return action.say, None
    return action.say, {"name": name, "arguments": json.dumps(_arguments(action, tools[name]), ensure_ascii=False)}


def _tools(body: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """Parameters of the tools on offer, by name."""
    found = {}
    for tool in body.get("tools") or ():
        function = tool.get("function", tool)
        name = function.get("name") or function.get("type")
        found[name] = (function.get("parameters") or {}).get("properties", {})
    return found


def _arguments(action: Action, properties: Mapping[str, Any]) -> dict[str, Any]:
    if "cmd" in properties:
        given: dict[str, Any] = {"cmd": action.run}
    elif properties.get("command", {}).get("type") == "array":
        given = {"command": ["bash", "-lc", action.run]}
    else:
        given = {"command": action.run}
    if "description" in properties:
        given["description"] = action.say[:60]
    if "is_background" in properties:
        given["is_background"] = False
    return given


def _conversation(body: Mapping[str, Any]) -> tuple[list[str], int]:
    """The user's messages, and how many turns the model has taken since the last of them."""
    said: list[str] = []
    done, inside = 0, False
    for item in body.get("messages") or body.get("input") or ():
        if not isinstance(item, dict):
            continue
        made = item.get("role") == "assistant" or item.get("type") in _MADE_BY_MODEL
        if item.get("role") == "user":
            said.append(_text(item.get("content")))
            done = 0
        elif made and ("messages" in body or not inside):
            done += 1
        inside = made
    return said, done


def _text(content: Any) -> str:
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else []
    return "\n".join(str(part.get("text", "")) for part in parts if isinstance(part, dict))


class _Handler(BaseHTTPRequestHandler):
    material: Material
    policy: PolicyName
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *arguments: object) -> None:
        """Silent: standard error is the user's."""

    def do_GET(self) -> None:
        self._json({"object": "list", "data": [{"id": MODEL_ALIAS, "object": "model"}], "models": []})

    def do_POST(self) -> None:
        raw = self.rfile.read(int(self.headers.get("content-length") or 0))
        try:
            body = json.loads(raw)
        except ValueError:
            self._json({"error": {"message": "the request is not JSON"}}, 400)
            return
        said, call = answer(self.material, self.policy, body)
        name = hashlib.sha256(raw).hexdigest()[:16]
        reply = _chat if "chat" in self.path else _response
        whole, events = reply(name, str(body.get("model")), said, call)
        if body.get("stream"):
            self._stream(events)
        else:
            self._json(whole)

    def _json(self, content: Mapping[str, Any], status: int = 200) -> None:
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _stream(self, events: Sequence[tuple[str, Mapping[str, Any] | None]]) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        self.close_connection = True
        for kind, content in events:
            data = "[DONE]" if content is None else json.dumps(content)
            self.wfile.write(f"event: {kind}\ndata: {data}\n\n".encode() if kind else f"data: {data}\n\n".encode())


Events = list[tuple[str, Mapping[str, Any] | None]]


def _chat(name: str, model: str, said: str, call: Mapping[str, Any] | None) -> tuple[dict[str, Any], Events]:
    """The answer and its stream, as chat completions (OpenAI API reference, "chat completion chunk object")."""
    function: dict[str, Any] | None = (
        {"id": f"call_{name}", "type": "function", "function": dict(call)} if call else None
    )
    calls = {"tool_calls": [{"index": 0, **function}]} if function else {}
    reason = "tool_calls" if call else "stop"
    usage = {"prompt_tokens": _USED[0], "completion_tokens": _USED[1], "total_tokens": sum(_USED)}

    def made(kind: str, choices: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
        common = {"id": f"chatcmpl-{name}", "created": _CREATED, "model": model, "object": kind}
        return {**common, "choices": choices, **more}

    message: dict[str, Any] = {"role": "assistant", "content": said, **({"tool_calls": [function]} if function else {})}
    whole = made("chat.completion", [{"index": 0, "message": message, "finish_reason": reason}], usage=usage)
    deltas: list[dict[str, Any]] = [{"role": "assistant", "content": ""}, {"content": said}]
    deltas += [calls] if calls else []
    chunks: list[dict[str, Any]] = [{"index": 0, "delta": delta, "finish_reason": None} for delta in deltas]
    chunks.append({"index": 0, "delta": {}, "finish_reason": reason})
    events: Events = [("", made("chat.completion.chunk", [chunk])) for chunk in chunks]
    return whole, [*events, ("", made("chat.completion.chunk", [], usage=usage)), ("", None)]


def _response(name: str, model: str, said: str, call: Mapping[str, Any] | None) -> tuple[dict[str, Any], Events]:
    """The answer and its stream, as responses (OpenAI API reference, "streaming events")."""
    text = {"type": "output_text", "text": said, "annotations": []}
    items: list[dict[str, Any]] = [{"type": "message", "id": f"msg_{name}", "role": "assistant", "content": [text]}]
    if call:
        items.append({"type": "function_call", "id": f"fc_{name}", "call_id": f"call_{name}", **call})
    details = {"input_tokens_details": {"cached_tokens": 0}, "output_tokens_details": {"reasoning_tokens": 0}}
    usage = {"input_tokens": _USED[0], "output_tokens": _USED[1], "total_tokens": sum(_USED), **details}
    whole: dict[str, Any] = {
        "id": f"resp_{name}",
        "object": "response",
        "created_at": _CREATED,
        "model": model,
        "status": "completed",
        "output": [{**item, "status": "completed"} for item in items],
        "usage": usage,
    }
    told: list[tuple[str, dict[str, Any]]] = [
        ("response.created", {"response": {**whole, "status": "in_progress", "output": []}})
    ]
    for place, item in enumerate(items):
        kind, key, piece = (
            ("output_text", "content", said)
            if "content" in item
            else (
                "function_call_arguments",
                "arguments",
                item["arguments"],
            )
        )
        where = {"output_index": place, "item_id": item["id"], "content_index": 0}
        empty: Any = [] if key == "content" else ""
        told.append(("response.output_item.added", {"output_index": place, "item": {**item, key: empty}}))
        if key == "content":
            told.append(("response.content_part.added", {**where, "part": {**text, "text": ""}}))
        told.append((f"response.{kind}.delta", {**where, "delta": piece}))
        told.append(("response.output_item.done", {"output_index": place, "item": {**item, "status": "completed"}}))
    told.append(("response.completed", {"response": whole}))
    return whole, [(kind, {"type": kind, "sequence_number": n, **data}) for n, (kind, data) in enumerate(told)]
