"""The simulated user: what it says when, that it always comes to an end, and that it gives nothing away."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.commands.user import command
from assay.evidence.leaks import LeakGuard
from assay.model.user import SimulatedUser
from assay.simulation.contract import Facts, Move
from assay.simulation.facts import asked_for, claims_done, questions
from assay.simulation.full import ANSWER, Full
from assay.simulation.machine import Simulated
from assay.simulation.rephrasing import Rephraser
from assay.workspace import load

ROOT = Path(__file__).parents[2]
TASKS = ("ledger-loader", "flaky-jobqueue")


def script(task: str) -> SimulatedUser:
    user = load(ROOT).tasks[task].user
    assert user is not None
    return user.record


SCRIPTS = {task: script(task) for task in TASKS}
GUARDS = {task: LeakGuard(ROOT / "tasks" / task, SCRIPTS[task].forbidden) for task in TASKS}


def texts(task: str) -> dict[str, str]:
    folder = ROOT / "tasks" / task / "steps"
    return {name: (folder / name / "instruction.md").read_text() for name in load(ROOT).tasks[task].milestones}


TEXTS = {task: texts(task) for task in TASKS}


def user(task: str = "ledger-loader", seed: str = "s") -> Simulated:
    return Simulated(SCRIPTS[task], task, TEXTS[task], seed, GUARDS[task])


def facts(turn: int, message: str = "", changed: bool = True, failed: tuple[str, ...] = (), **passed: bool) -> Facts:
    known = {name.replace("_", "-"): done for name, done in passed.items()}
    return Facts(turn, message, 1, known, frozenset(failed), changed)


def test_a_question_is_answered_once_and_only_when_it_is_asked() -> None:
    one = user()
    opening = one.open()
    assert opening.begins == "idempotent-reruns"
    assert opening.text
    assert opening.text.startswith(SCRIPTS["ledger-loader"].opening)
    assert TEXTS["ledger-loader"]["idempotent-reruns"] in opening.text

    told = one.next(facts(1, "I read the code. Do two jobs run in parallel?"))
    assert (told.state, told.disclosure["intent_id"]) == ("ANSWER", "job-overlap")
    assert told.disclosure["matched"]["text"] == "Do two jobs run in parallel?"
    again = one.next(facts(2, "Do two jobs run in parallel?"))
    assert again.disclosure["rule"] == "unknown"


def test_a_failing_test_is_corrected_and_a_passing_milestone_moves_on() -> None:
    one = user()
    one.open()
    failing = ("idempotent-reruns/test_unusable_row_refuses_a_large_csv",)
    told = one.next(facts(1, "Done.", failed=failing, idempotent_reruns=False))
    assert (told.state, told.disclosure["rule"]) == ("CORRECT", "on_test_fail")
    moved = one.next(facts(2, "Done.", idempotent_reruns=True))
    assert (moved.begins, moved.disclosure["rule"]) == ("schema-drift", "on_milestone_pass")


def test_who_claims_too_early_is_nudged_and_then_later_milestones_are_measured_all_the_same() -> None:
    one = user()
    one.open()
    rules = []
    for turn in range(1, 12):
        move = one.next(facts(turn, "Everything is done.", changed=False, idempotent_reruns=False))
        rules.append(move.disclosure["rule"])
        if move.begins:
            break
    assert rules == ["not-passing", "moved-on"]
    assert move.begins == "schema-drift"


def test_it_is_done_only_after_the_last_request() -> None:
    one = user()
    move = one.open()
    turn, passed = 0, dict[str, bool]()
    while move.text is not None:
        turn += 1
        passed = {name: True for name in TEXTS["ledger-loader"] if move.begins == name or name in passed}
        move = one.next(Facts(turn, "It is done.", 1, passed, changed=True))
    assert (move.state, move.disclosure["rule"]) == ("DONE", "all-passed")
    assert list(passed) == list(TEXTS["ledger-loader"])


MESSAGES = st.sampled_from(["Done.", "Which jobs?", "Do two jobs overlap?", "", "not done yet", "what is the format?"])


@settings(deadline=None, max_examples=40)
@given(
    st.sampled_from(TASKS),
    st.text(max_size=5),
    st.lists(st.tuples(MESSAGES, st.booleans(), st.lists(st.booleans(), min_size=3, max_size=3)), max_size=60),
)
def test_any_session_ends_within_its_caps_repeats_itself_and_gives_nothing_away(
    task: str, seed: str, course: list[tuple[str, bool, list[bool]]]
) -> None:
    def play() -> list[Move]:
        one = user(task, seed)
        moves = [one.open()]
        turn = 0
        while moves[-1].text is not None:
            message, changed, done = course[turn % len(course)] if course else ("", False, [False] * 3)
            turn += 1
            moves.append(one.next(Facts(turn, message, 1, dict(zip(TEXTS[task], done, strict=False)), changed=changed)))
        return moves

    moves = play()
    assert moves == play()
    assert len(moves) <= SCRIPTS[task].stop.max_turns + 1
    assert sum(move.state == "CORRECT" for move in moves) <= SCRIPTS[task].stop.max_corrections
    assert all(move.disclosure["leak"]["ok"] for move in moves if move.text is not None)


@pytest.mark.parametrize(
    ("message", "claims"),
    [
        ("Done.", True),
        ("All tests pass now.", True),
        ("I have implemented it.", True),
        ("It is not done yet.", False),
        ("I haven't finished.", False),
        ("Once it is done I will tell you.", False),
        ("Is it done?", False),
        ("I looked at the code.", False),
        ("The tests fail.", False),
    ],
)
def test_claims(message: str, claims: bool) -> None:
    assert (claims_done(message) is not None) is claims


def test_questions_are_sentences_and_their_place_is_known() -> None:
    message = "I see. How large is a file size here? Fine."
    found = asked_for(["how many rows", "file size"], message)
    assert found
    assert (found.value, message[found.start : found.end].strip()) == ("file size", "How large is a file size here?")
    assert asked_for(["file size"], "The file size is 3.") is None
    assert [item.text for item in questions("Please tell me the order. Thanks.")] == ["Please tell me the order."]


def test_what_only_the_author_knows_is_a_leak() -> None:
    guard = GUARDS["ledger-loader"]
    solution = (ROOT / "tasks/ledger-loader/steps/idempotent-reruns/solution").rglob("*.py")
    line = max((line for file in solution for line in file.read_text().splitlines()), key=len)
    assert not guard.check(line).ok
    assert guard.check("use begin immediate").hits == ("begin immediate",)
    assert guard.check("Please make it safe.").ok
    assert not guard.check("a b c d e f g", unrevealed=["x a b c d e f"]).ok
    assert guard.check("a b c d e f g", revealed=["a b c d e f"], unrevealed=["x a b c d e f"]).ok


@contextmanager
def endpoint(answer: str, status: int = 200) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def log_message(self, format: str, *arguments: object) -> None:
            pass

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            message = {"role": "assistant", "content": answer}
            choice = {"index": 0, "message": message, "finish_reason": "stop"}
            reply = {"id": "1", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice]}
            body = json.dumps(reply).encode()
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1"
    finally:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize(
    ("answer", "status", "kind"),
    [
        ("Could you have it survive two loads at once?", 200, None),
        ("Open it with BEGIN IMMEDIATE, will you?", 200, "leak"),
        ("", 200, "length"),
        ("many words " * 200, 200, "length"),
        ("zebra", 500, "endpoint"),
    ],
)
def test_other_words_are_used_only_when_they_are_safe(answer: str, status: int, kind: str | None) -> None:
    with endpoint(answer, status) as url:
        one = Simulated(
            SCRIPTS["ledger-loader"],
            "ledger-loader",
            TEXTS["ledger-loader"],
            "s",
            GUARDS["ledger-loader"],
            Rephraser(GUARDS["ledger-loader"], url, "m", seconds=5),
        )
        move = one.open()
    assert move.text
    assert (answer in move.text) is (kind is None or answer == "")
    assert move.disclosure["rephrased"] is (kind is None)
    assert (move.disclosure.get("incident") or {}).get("kind") == kind


def test_full_tells_everything_and_answers_once() -> None:
    one = Full(SCRIPTS["ledger-loader"], TEXTS["ledger-loader"])
    first = one.open()
    context = [item for item in SCRIPTS["ledger-loader"].intents if item.kind == "context"]
    assert first.text
    assert all(item.says[0] in first.text for item in context if item.milestone == first.begins)
    assert one.next(facts(1, "What now?")).text == ANSWER
    assert one.next(facts(2, "What now?")).begins == "schema-drift"
    assert one.next(facts(3)).begins == "late-corrections"
    assert one.next(facts(4)).state == "DONE"


def test_the_author_can_talk_to_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    lines = "Do two jobs overlap?\n:pass idempotent-reruns\nDone.\n:nonsense\n:quit\n"
    shown = CliRunner().invoke(command, ["ledger-loader"], input=lines)
    assert shown.exit_code == 0
    assert "[ANSWER: on_ask job-overlap]" in shown.output
    assert "[REVEAL: on_milestone_pass ask-drift]" in shown.output
    logged = CliRunner().invoke(command, ["ledger-loader", "--json"], input=lines)
    entries = [json.loads(line) for line in logged.output.splitlines() if line.startswith("{")]
    assert [entry["state_after"] for entry in entries] == ["REVEAL", "ANSWER", "REVEAL"]
    assert CliRunner().invoke(command, ["nothing"]).exit_code != 0
