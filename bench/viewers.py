"""The same long run in three viewers: the page of a trajectory, claude-code-log, and Inspect View.

The other two are installed from the package index into a folder of their own, which is kept for the next time.
"""

from __future__ import annotations

import functools
import http.server
import json
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench.site import FLAGS, write_log

STEPS = 2500
PLACE = Path(__file__).parents[1] / "build/peers"
"""Where the other programs are kept."""
PEERS = ("claude-code-log", "inspect-ai")
MOMENT = "2026-01-01T00:00:00.000Z"


def compared(root: Path) -> dict[str, dict[str, float]]:
    """By viewer: task seconds of Chromium until the run is shown, and its elements.

    The others are left out where they cannot be installed.
    """
    root.mkdir(parents=True)
    found = {"assay": measured(write_log(root / "assay", STEPS).as_uri(), ".as-step:nth-of-type(2)")}
    if not _installed():
        return found
    found["claude-code-log"] = measured(_claude(root / "claude").as_uri(), f"text=I look at part {STEPS} now.")
    bundle = _inspect(root / "inspect")
    log = next(bundle.glob("logs/*.eval")).name
    with _served(bundle) as address:
        messages = f"{address}#/logs/{log}/samples/sample/1/1/messages"
        found["inspect view"] = measured(messages, "text=I look at part 2 now.")
    return found


def measured(address: str, shown: str) -> dict[str, float]:
    """What a fresh browser spends until `shown` is on the page."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        session = page.context.new_cdp_session(page)
        session.send("Performance.enable")
        page.goto(address, timeout=300_000)
        page.locator(shown).first.wait_for(state="attached", timeout=300_000)
        page.wait_for_load_state("networkidle", timeout=300_000)
        spent = {item["name"]: item["value"] for item in session.send("Performance.getMetrics")["metrics"]}
        elements = float(page.evaluate("document.querySelectorAll('*').length"))
        browser.close()
    return {"ready": spent["TaskDuration"], "elements": elements}


def _installed() -> bool:
    if all((PLACE / f"bin/{name}").exists() for name in ("claude-code-log", "inspect")):
        return True
    subprocess.run([sys.executable, "-m", "venv", "--clear", str(PLACE)], check=True)
    command = [str(PLACE / "bin/python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *PEERS]
    return subprocess.run(command, check=False).returncode == 0


def _output() -> str:
    return "".join(f"line {number} of some output with words in it\n" for number in range(25))


def _claude(root: Path) -> Path:
    """The page that claude-code-log makes of a session in the form of Claude Code."""
    root.mkdir(parents=True)
    lines = [_claude_line(1, "user", "Count words.")]
    for number in range(2, STEPS + 1):
        use = {"type": "tool_use", "id": f"t{number}", "name": "Bash"}
        said = {"type": "text", "text": f"I look at part {number} now."}
        call = {**use, "input": {"command": f"sed -n 1,{number}p file.py"}}
        result = {"type": "tool_result", "tool_use_id": f"t{number}", "content": _output()}
        lines.append(_claude_line(2 * number, "assistant", [said, call]))
        lines.append(_claude_line(2 * number + 1, "user", [result]))
    log, page = root / "session.jsonl", root / "page.html"
    log.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    command = [str(PLACE / "bin/claude-code-log"), "convert", str(log), "--output", str(page)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=root)
    return page


def _claude_line(number: int, role: str, content: Any) -> dict[str, Any]:
    message: dict[str, Any] = {"role": role, "content": content}
    if role == "assistant":
        usage = {"input_tokens": 1, "output_tokens": 1}
        message |= {"id": f"m{number}", "type": "message", "model": "model", "usage": usage}
        message |= {"stop_reason": None, "stop_sequence": None}
    return {
        "type": role,
        "uuid": f"u{number}",
        "parentUuid": f"u{number - 1}" if number > 1 else None,
        "sessionId": "s",
        "timestamp": MOMENT,
        "isSidechain": False,
        "userType": "external",
        "cwd": "/app",
        "version": "1",
        "message": message,
    }


def _inspect(root: Path) -> Path:
    """A bundle of Inspect View with a log of one sample; it has to be served."""
    root.mkdir(parents=True)
    (root / "make.py").write_text(_INSPECT)
    logs, bundle = root / "logs", root / "bundle"
    subprocess.run([str(PLACE / "bin/python"), "make.py", str(STEPS), _output()], cwd=root, check=True)
    command = [str(PLACE / "bin/inspect"), "view", "bundle", "--log-dir", str(logs), "--output-dir", str(bundle)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=root)
    return bundle


_INSPECT = """\
import sys
from inspect_ai import Task, eval
from inspect_ai.dataset import Sample
from inspect_ai.model import ChatMessageAssistant, ChatMessageTool
from inspect_ai.solver import solver
from inspect_ai.tool import ToolCall

@solver
def replay():
    async def solve(state, generate):
        for number in range(2, int(sys.argv[1]) + 1):
            call = ToolCall(id=f"t{number}", function="bash", arguments={"command": f"sed -n 1,{number}p file.py"})
            state.messages.append(ChatMessageAssistant(content=f"I look at part {number} now.", tool_calls=[call]))
            state.messages.append(ChatMessageTool(content=sys.argv[2], tool_call_id=call.id, function="bash"))
        return state
    return solve

eval(Task(dataset=[Sample(input="Count words.")], solver=replay()), model="mockllm/model", log_dir="logs",
     display="none", log_format="eval")
"""


@contextmanager
def _served(folder: Path) -> Iterator[str]:
    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *given: object) -> None:
            """Nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/index.html"
    finally:
        server.shutdown()
        server.server_close()
