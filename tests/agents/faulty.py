"""An agent that speaks the protocol by hand and breaks in the way its argument says."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from typing import Any

MODE = sys.argv[1]


def send(**message: Any) -> None:
    print(json.dumps({"jsonrpc": "2.0", **message}), flush=True)


def update(**fields: Any) -> None:
    send(method="session/update", params={"sessionId": "s", "update": fields})


def say(text: str) -> None:
    update(sessionUpdate="agent_message_chunk", content={"type": "text", "text": text})


def prompt(number: int) -> None:
    say("I begin.")
    if MODE == "exits in the turn":
        sys.exit("lost my way")
    if MODE == "leaves a child behind":
        subprocess.Popen(["sleep", "20"])
        sys.exit(9)
    if MODE == "nonsense answer":
        send(id=number, result={"stopReason": "tired"})
    elif MODE.startswith("error"):
        send(id=number, error={"code": -32603, "message": "Internal error", "data": {"details": MODE}})
    elif MODE == "endless line":
        print("x" * 16_800_000)
    elif MODE == "garbage":
        print("tick\n" * 2000, flush=True)
    elif MODE == "long line":
        update(sessionUpdate="tool_call", toolCallId="t", title="cat big", kind="execute", status="in_progress")
        content = [{"type": "content", "content": {"type": "text", "text": "0123456789" * 500_000}}]
        update(sessionUpdate="tool_call_update", toolCallId="t", status="completed", content=content)
        send(id=number, result={"stopReason": "end_turn"})


if MODE == "exits at once":
    sys.exit("no such model")
print("debug: starting", flush=True)
if MODE == "no protocol":
    print("Hello, I am a program with a menu.")
    sys.exit(0)
for line in sys.stdin:
    message = json.loads(line)
    match message["method"]:
        case "initialize":
            send(id=message["id"], result={"protocolVersion": 1})
        case "session/new":
            send(id=message["id"], result={"sessionId": "s"})
        case "session/prompt":
            prompt(asked := message["id"])
        case "session/cancel" if MODE == "waits":
            send(id=asked, result={"stopReason": "cancelled"})
if MODE == "does not end":
    time.sleep(60)
