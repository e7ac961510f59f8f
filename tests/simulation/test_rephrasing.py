"""Other words from an endpoint: used when they are safe, refused and noted when not, and never a reason to fail."""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from assay.evidence.leaks import LeakGuard
from assay.model.user import SimulatedUser
from assay.simulation.contract import Facts, Move
from assay.simulation.machine import Simulated
from assay.simulation.rephrasing import Rephraser

SAYS = "Please merge both files into `all.csv`."
LATER = "Rows whose score is equal stay as they were."
SECRET = "sort the rows by score and then by their place"
SCRIPT = SimulatedUser.model_validate_json(
    json.dumps(
        {
            "format": 1,
            "opening": "Hi.",
            "unknown_reply": ["No idea."],
            "forbidden": ["mergesort"],
            "stop": {"max_turns": 9},
            "intents": [
                {"id": "ask", "milestone": "one", "kind": "request", "reveal": [{"at_start": True}], "says": [SAYS]}
                | {"must_keep": ["all.csv"]},
                {
                    "id": "ties",
                    "milestone": "one",
                    "kind": "context",
                    "reveal": [{"on_ask": ["ties"]}],
                    "says": [LATER],
                },
            ],
        }
    )
)


@contextmanager
def endpoint(
    answer: str | Callable[[str], str], status: int = 200, kind: str = "application/json", wait: float = 0
) -> Iterator[tuple[str, list[Any]]]:
    """A real server that gives one answer, or one for each text; also what it was asked."""
    asked: list[Any] = []

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, format: str, *arguments: object) -> None:
            pass

        def do_POST(self) -> None:
            asked.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
            time.sleep(wait)
            body = (answer if isinstance(answer, str) else answer(asked[-1]["messages"][-1]["content"])).encode()
            try:
                self.send_response(status)
                self.send_header("content-type", kind)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)
            except OSError:  # the client has gone
                pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1", asked
    finally:
        server.shutdown()
        server.server_close()


def chat(content: str | None) -> str:
    message = {"role": "assistant", "content": content}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    return json.dumps({"id": "1", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice]})


def opened(tmp_path: Path, url: str, seconds: float = 10) -> Move:
    (tmp_path / "solution").mkdir()
    (tmp_path / "solution/solve.sh").write_text(f"# {SECRET}\n")
    guard = LeakGuard(tmp_path, SCRIPT.forbidden)
    user = Simulated(SCRIPT, "t", {"one": "As written."}, "s", guard, Rephraser(url, "wording-a", seconds=seconds))
    return user.open()


def test_other_words_are_said_and_the_endpoint_sees_one_intent_only(tmp_path: Path) -> None:
    with endpoint(chat("I want one file, all.csv, from the two.")) as (url, asked):
        move = opened(tmp_path, url)
    assert move.text == "Hi.\n\nI want one file, all.csv, from the two.\n\nAs written."
    assert re.fullmatch("rephrased-[0-9a-f]{12}", move.disclosure["wording"])
    assert "wording-a" not in json.dumps(move.disclosure)
    assert asked[0]["model"] == "wording-a"
    assert len(move.disclosure["prompt_sha256"]) == 64
    assert "incident" not in move.disclosure
    assert [message["content"] for message in asked[0]["messages"]][1:] == [SAYS]
    assert not any(word in json.dumps(asked) for word in (LATER, SECRET, "mergesort", "As written"))


@pytest.mark.parametrize(
    ("answer", "kind", "hit"),
    [
        (chat(f"To get all.csv, {SECRET}."), "leak", "sort the rows by score and"),
        (chat(f"I want all.csv. {LATER}"), "leak", "rows whose score is equal stay"),
        (chat("Merge into all.csv with MergeSort."), "leak", "mergesort"),
        (chat("Please merge both files into one."), "must-keep", "all.csv"),
        (chat("all.csv " * 51), "length", "407"),
        (chat(""), "length", "0"),
        (chat(None), "length", "0"),
    ],
)
def test_what_must_not_be_said_is_noted_and_the_authored_text_is_used(
    tmp_path: Path, answer: str, kind: str, hit: str
) -> None:
    with endpoint(answer) as (url, _):
        move = opened(tmp_path, url)
    assert move.text == f"Hi.\n\n{SAYS}\n\nAs written."
    incident = move.disclosure["incident"]
    assert (move.disclosure["wording"], incident["kind"]) == ("authored", kind)
    assert hit in incident["hits"]
    assert move.disclosure["leak"]["ok"]


@pytest.mark.parametrize(
    ("answer", "status", "content_type"),
    [
        ("broken", 500, "text/plain"),
        ("{}", 401, "application/json"),
        ("not json", 200, "application/json"),
        ("<p>hello</p>", 200, "text/html"),
        ('{"choices": []}', 200, "application/json"),
        ('{"choices": [{"message": null}]}', 200, "application/json"),
        ("[]", 200, "application/json"),
    ],
)
def test_an_endpoint_that_fails_fails_nothing(tmp_path: Path, answer: str, status: int, content_type: str) -> None:
    with endpoint(answer, status, content_type) as (url, _):
        move = opened(tmp_path, url)
    assert move.disclosure["incident"]["kind"] == "endpoint"
    assert move.text == f"Hi.\n\n{SAYS}\n\nAs written."


def test_an_endpoint_that_hangs_or_is_not_there_fails_nothing(tmp_path: Path) -> None:
    began = time.monotonic()
    with endpoint(chat("late all.csv"), wait=3) as (url, _):
        move = opened(tmp_path, url, seconds=0.3)
        assert time.monotonic() - began < 2.5
    assert move.disclosure["incident"] == {"kind": "endpoint", "hits": [], "what": "APITimeoutError"}
    user = Simulated(SCRIPT, "t", {"one": "x"}, "s", LeakGuard(tmp_path), Rephraser("http://127.0.0.1:9/v1", "m"))
    assert user.open().disclosure["incident"]["what"] == "APIConnectionError"
    assert user.next(Facts(1, "What of ties?", 0, {})).text == LATER
