"""A policy as a model: an endpoint that speaks OpenAI's chat completions and responses, as JSON and as a stream.

It keeps no state: what the user said and how far the script is are read from each request, so agents may retry or run
side by side. The same conversation always gets the same bytes.
"""

from __future__ import annotations

import json
import re
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from assay.agents.material import Material
from assay.agents.policies import Action, next_action, policy_named
from assay.agents.retelling import messages_in
from assay.errors import UsageError
from assay.model.agents import MODEL_ALIAS, PolicyName

SHELLS = ("bash", "shell", "exec_command", "shell_command", "run_shell_command", "local_shell", "developer__shell")
"""What agents call the tool that runs a command."""
SUBMIT = "COMPLETE_TASK_AND_SUBMIT_FINAL_OUTPUT"
"""How mini-swe-agent is told that it is over; its prompt says so, and its user cannot answer."""
_MADE_BY_MODEL = ("function_call", "custom_tool_call", "local_shell_call", "reasoning")
_NOT_THE_USER = re.compile(r"\s*(?:<([\w-]+)(?:\s[^>]*)?>.*?</\1>\s*)+", re.DOTALL)
"""What agents tell the model in the user's place: the environment, reminders."""
_PIECES = re.compile(r"\s*\S+\s*|\s+")
_CREATED = 1_700_000_000

Events = list[tuple[str, Mapping[str, Any]]]


@dataclass(frozen=True)
class Said:
    """What the model says, the call that it makes (`name` and `arguments`), and the number of its turn."""

    text: str
    call: Mapping[str, str] | None
    turn: int


@contextmanager
def serve(material: Material, policy: str, port: int = 0) -> Iterator[str]:
    """Serve on the loopback device; gives the base address. Port 0 takes a free one. Raises UsageError."""
    handler = type("Handler", (_Handler,), {"material": material, "policy": policy_named(policy)})
    try:
        server = _Server(("127.0.0.1", port), handler)
    except OSError as error:
        reason = f"port {port} cannot be used: {(error.strerror or 'unknown reason').lower()}"
        raise UsageError("port-taken", reason, "name another one, or none for a free one") from error
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1"
    finally:
        server.shutdown()
        server.server_close()


def answer(material: Material, policy: PolicyName, body: Mapping[str, Any]) -> Said:
    """What a request gets."""
    tools, (said, done, turn, submits) = _tools(body), _conversation(body)
    if not tools:
        return Said("A coding task", None, turn)  # agents ask for a title in this way
    action = next_action(policy, material, said, done)
    if action.ends and submits and set(tools) == {"bash"}:
        action = Action(action.say, f"echo {SUBMIT}")
    if action.run is None:
        return Said(action.say, None, turn)
    name = next((name for name in (*SHELLS, *tools) if {"command", "cmd"} & set(tools.get(name, ()))), None)
    if name is None:
        return Said("I have no tool here that runs a command.", None, turn)
    return Said(action.say, {"name": name, "arguments": json.dumps(_arguments(action, tools[name]))}, turn)


def _tools(body: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """Parameters of the tools on offer, by name."""
    functions = [tool.get("function", tool) for tool in body.get("tools") or ()]
    return {str(one.get("name")): (one.get("parameters") or {}).get("properties") or {} for one in functions}


def _arguments(action: Action, properties: Mapping[str, Any]) -> dict[str, Any]:
    given: dict[str, Any] = {"cmd" if "cmd" in properties else "command": action.run}
    if properties.get("command", {}).get("type") == "array":
        given = {"command": ["bash", "-lc", action.run]}
    if "description" in properties:
        given["description"] = action.say[:60]
    if "is_background" in properties:
        given["is_background"] = False
    return given


def _conversation(body: Mapping[str, Any]) -> tuple[list[str], int, int, bool]:
    """The user's messages, turns of the model since the last and in all, and whether the agent ends by a command.

    In responses one turn of the model is several items on end.
    """
    given = body.get("messages") or body.get("input") or ()
    items: Sequence[Any] = [{"role": "user", "content": given}] if isinstance(given, str) else given
    said: list[str] = []
    done, turn, inside, submits = 0, 0, False, False
    for item in items:
        made = item.get("role") == "assistant" or item.get("type") in _MADE_BY_MODEL
        if made and not inside:
            done, turn = done + 1, turn + 1
        text = _text(item.get("content"))
        submits = submits or (turn == 0 and SUBMIT in text)
        if item.get("role") == "user" and not _NOT_THE_USER.fullmatch(text):
            said += messages_in(text)
            done = 0
        inside = made
    return said, done, turn, submits


def _text(content: Any) -> str:
    parts = content if isinstance(content, list) else [{"text": content or ""}]
    return "\n".join(str(part.get("text") or "") for part in parts)


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: object, client_address: object) -> None:
        """An agent may hang up whenever it likes."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]


class _Handler(BaseHTTPRequestHandler):
    material: Material
    policy: PolicyName
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *arguments: object) -> None:
        """Silent: standard error is the user's."""

    def do_GET(self) -> None:
        self._json({"object": "list", "data": [{"id": MODEL_ALIAS, "object": "model"}], "models": []})

    def do_POST(self) -> None:
        reply = next((_REPLIES[end] for end in _REPLIES if self.path.partition("?")[0].endswith(end)), None)
        content = self.rfile.read(int(self.headers.get("content-length") or 0))
        if reply is None:
            self._json({"error": {"message": f"there is no {self.path} here, only {', '.join(_REPLIES)}"}}, 404)
            return
        try:
            body = json.loads(content)
            said = answer(self.material, self.policy, body)
        except (ValueError, AttributeError, TypeError) as error:  # a request of another shape
            self._json({"error": {"message": f"the request is not understood: {error}"}}, 400)
            return
        whole, events = reply(str(body.get("model") or MODEL_ALIAS), said)
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

    def _stream(self, events: Events) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        self.close_connection = True
        for kind, content in events:
            name = f"event: {kind}\n" if kind else ""
            self.wfile.write(f"{name}data: {json.dumps(content) if content else '[DONE]'}\n\n".encode())


def _chat(model: str, said: Said) -> tuple[dict[str, Any], Events]:
    """The answer and its stream, as chat completions (OpenAI API reference, "chat completion chunk object").

    A script uses no tokens.
    """
    call = {"id": f"call_{said.turn}", "type": "function", "function": said.call} if said.call else None
    usage = {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}

    def made(kind: str, *choices: Mapping[str, Any], **more: Any) -> dict[str, Any]:
        common = {"id": f"chatcmpl-{said.turn}", "created": _CREATED, "model": model, "object": kind}
        return {**common, "choices": [{"index": 0, **choice} for choice in choices], **more}

    reason = {"finish_reason": "tool_calls" if call else "stop"}
    message = {"role": "assistant", "content": said.text, **({"tool_calls": [call]} if call else {})}
    whole = made("chat.completion", {"message": message, **reason}, usage=usage)
    deltas: list[dict[str, Any]] = [{"role": "assistant", "content": ""}]
    deltas += [{"content": piece} for piece in _PIECES.findall(said.text)]
    deltas += [{"tool_calls": [{"index": 0, **call}]}] if call else []
    chunks = [made("chat.completion.chunk", {"delta": delta, "finish_reason": None}) for delta in deltas]
    chunks.append(made("chat.completion.chunk", {"delta": {}, **reason}))
    chunks.append(made("chat.completion.chunk", usage=usage))
    return whole, [*(("", chunk) for chunk in chunks), ("", {})]


def _response(model: str, said: Said) -> tuple[dict[str, Any], Events]:
    """The answer and its stream, as responses (OpenAI API reference, "streaming events")."""
    text = {"type": "output_text", "text": said.text, "annotations": []}
    items: list[dict[str, Any]] = [
        {"type": "message", "id": f"msg_{said.turn}", "status": "completed", "role": "assistant", "content": [text]}
    ]
    if said.call:
        ids = {"id": f"fc_{said.turn}", "call_id": f"call_{said.turn}", "status": "completed"}
        items.append({"type": "function_call", **ids, **said.call})
    details = {"input_tokens_details": {"cached_tokens": 0}, "output_tokens_details": {"reasoning_tokens": 0}}
    whole = {
        "id": f"resp_{said.turn}",
        "object": "response",
        "created_at": _CREATED,
        "model": model,
        "status": "completed",
        "output": items,
        "usage": {"input_tokens": 0, "output_tokens": 0, "total_tokens": 0, **details},
    }
    told: list[tuple[str, dict[str, Any]]] = [
        ("response.created", {"response": {**whole, "status": "in_progress", "output": []}})
    ]
    for place, item in enumerate(items):
        where = {"output_index": place, "item_id": item["id"]}
        empty: dict[str, Any] = {"content": []} if "content" in item else {"arguments": ""}
        begun = {**item, "status": "in_progress", **empty}
        told.append(("response.output_item.added", {"output_index": place, "item": begun}))
        if "content" in item:
            where["content_index"] = 0
            told.append(("response.content_part.added", {**where, "part": {**text, "text": ""}}))
            told += [("response.output_text.delta", {**where, "delta": piece}) for piece in _PIECES.findall(said.text)]
        else:
            told.append(("response.function_call_arguments.delta", {**where, "delta": item["arguments"]}))
        told.append(("response.output_item.done", {"output_index": place, "item": item}))
    told.append(("response.completed", {"response": whole}))
    return whole, [(kind, {"type": kind, "sequence_number": n, **data}) for n, (kind, data) in enumerate(told)]


_REPLIES = {"/chat/completions": _chat, "/responses": _response}
