"""The simulated user: what it says when, that it always comes to an end, and that it gives nothing away."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.commands.user import command
from assay.evidence.leaks import LeakGuard
from assay.model.user import Intent, SimulatedUser
from assay.simulation.contract import Facts, Move
from assay.simulation.full import ANSWER, Full
from assay.simulation.machine import GO_ON, MOVED_ON, NUDGES, Simulated
from assay.workspace import load

ROOT = Path(__file__).parents[2]
TASKS = ("ledger-loader", "flaky-jobqueue")
LOADED = load(ROOT).tasks
SCRIPTS = {task: entry.record for task in TASKS if (entry := LOADED[task].user)}
GUARDS = {task: LeakGuard(ROOT / "tasks" / task, SCRIPTS[task].forbidden) for task in TASKS}
TEXTS = {
    task: {name: LOADED[task].text(f"steps/{name}/instruction.md") for name in LOADED[task].milestones}
    for task in TASKS
}
LEDGER = TEXTS["ledger-loader"]
FAILING = "idempotent-reruns/test_unusable_row_refuses_a_large_csv"

Agent = Callable[[int, str], tuple[str, bool, set[str], set[str]]]
"""From turn and text of the user: a message, whether something was changed, milestones that pass, tests that fail."""


def user(task: str = "ledger-loader", seed: str = "s") -> Simulated:
    return Simulated(SCRIPTS[task], task, TEXTS[task], seed, GUARDS[task])


def play(one: Simulated, agent: Agent, names: Sequence[str]) -> list[Move]:
    moves = [one.open()]
    while (text := moves[-1].text) is not None:
        turn = len(moves)
        message, changed, passed, failed = agent(turn, text)
        checks = {name: name in passed for name in names}
        moves.append(one.next(Facts(turn, message, 1, checks, frozenset(failed), changed)))
        assert turn < 99
    return moves


def rules(moves: Sequence[Move]) -> list[str]:
    return [move.disclosure["rule"] for move in moves]


def recall(moves: Sequence[Move], task: str) -> float:
    askable = {item.id for item in SCRIPTS[task].intents if any(trigger.on_ask for trigger in item.reveal)}
    said = [move.disclosure for move in moves if move.disclosure["rule"] == "on_ask"]
    return len({more["intent_id"] for item in said for more in (item, *item.get("also", ()))}) / len(askable)


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("at_once", [True, False])
def test_who_asks_everything_is_told_everything_and_who_asks_nothing_nothing(task: str, at_once: bool) -> None:
    begun: list[str] = []
    passed: set[str] = set()
    left: list[str] = []

    def asks(turn: int, text: str) -> tuple[str, bool, set[str], set[str]]:
        for name, written in TEXTS[task].items():
            if written in text:
                begun.append(name)
                items = [item for item in SCRIPTS[task].intents if item.milestone == name]
                patterns = [trigger.on_ask[0] for item in items for trigger in item.reveal if trigger.on_ask]
                left.extend(f"What about this: {pattern}?" for pattern in patterns)
        if left:
            asked = [left.pop(0) for _ in range(len(left) if at_once else 1)]
            return "\n".join(asked), False, passed, set()
        passed.add(begun[-1])
        return "It is done.", True, passed, set()

    moves = play(user(task), asks, list(TEXTS[task]))
    assert recall(moves, task) == 1
    assert (moves[-1].state, rules(moves)[-1]) == ("DONE", "all-passed")

    begun.clear()
    names = list(TEXTS[task])
    moves = play(user(task), lambda turn, text: ("I look at it.", True, set(names), set()), names)
    assert recall(moves, task) == 0
    assert moves[-1].state == "DONE"
    assert [move.begins for move in moves if move.begins] == names


def test_who_claims_too_early_is_nudged_and_later_milestones_are_measured_all_the_same() -> None:
    moves = play(user(), lambda turn, text: ("Everything is done.", False, set(), set()), list(LEDGER))
    each = ["not-passing"] * NUDGES
    assert rules(moves) == ["at_start", *each, "moved-on", *each, "moved-on", "on_claim_done", *each, "nothing-left"]
    assert (moves[3].begins, moves[3].disclosure["intent_id"]) == ("schema-drift", "ask-drift")
    assert moves[3].text == f"{MOVED_ON}\n\n{LEDGER['schema-drift']}"
    assert moves[1].disclosure["matched"] == {"fact": "claim", "value": "done", "span": [14, 18]}


def test_a_wrong_result_is_corrected_within_the_cap_and_a_right_one_goes_on() -> None:
    def fixes(turn: int, text: str) -> tuple[str, bool, set[str], set[str]]:
        return "Done.", True, set(LEDGER) if turn > 2 else set(), {FAILING} if turn < 3 else set()

    moves = play(user(), fixes, list(LEDGER))
    assert rules(moves)[:4] == ["at_start", "on_test_fail", "on_test_fail", "on_milestone_pass"]
    assert [move.state for move in moves[:4]] == ["REVEAL", "CORRECT", "CORRECT", "REVEAL"]
    assert [move.disclosure["repeat"] for move in moves[1:3]] == [1, 2]
    assert moves[1].disclosure["matched"] == {"fact": "test", "value": FAILING, "span": None}
    assert moves[-1].state == "DONE"


def test_who_has_done_nothing_yet_is_not_corrected() -> None:
    one = user()
    one.open()
    move = one.next(Facts(1, "Which database is it?", 0, {"idempotent-reruns": False}, frozenset([FAILING])))
    assert (move.state, move.disclosure["rule"]) == ("ANSWER", "unknown")


def test_who_never_stops_leaves_turns_for_what_comes_later_and_hits_the_cap() -> None:
    moves = play(
        user("flaky-jobqueue"), lambda turn, text: ("I go on.", True, set(), set()), list(TEXTS["flaky-jobqueue"])
    )
    assert (moves[-1].state, rules(moves)[-1]) == ("CAPPED", "max_turns")
    assert len(moves) == SCRIPTS["flaky-jobqueue"].stop.max_turns + 1
    assert [turn for turn, move in enumerate(moves) if move.begins] == [0, 5, 10]
    assert moves[1].text == GO_ON


def test_who_quits_or_only_asks_back_comes_to_an_end() -> None:
    moves = play(user(), lambda turn, text: ("", False, set(), set()), list(LEDGER))
    assert moves[-1].state == "DONE"
    assert rules(moves).count("moved-on") == 2
    moves = play(user(), lambda turn, text: ("Shall I begin?", False, set(), set()), list(LEDGER))
    assert rules(moves).count("unknown") == SCRIPTS["ledger-loader"].stop.max_questions
    assert len([move for move in moves if move.begins]) == 3


def script(*intents: dict[str, object], **more: object) -> SimulatedUser:
    given = [
        Intent.model_validate({"milestone": "one", "kind": "context", "says": ["x y z"], **item}) for item in intents
    ]
    first = {"id": "first", "milestone": "one", "kind": "request", "reveal": [{"at_start": True}], "says": ["Do one."]}
    second = {
        "id": "second",
        "milestone": "two",
        "kind": "request",
        "reveal": [{"on_milestone_pass": "one"}],
        "says": ["Do two."],
    }
    return SimulatedUser.model_validate(
        {"format": 1, "opening": "Hi.", "unknown_reply": ["No idea."], "stop": {"max_turns": 9}, **more}
        | {"intents": [Intent.model_validate(first), *given, Intent.model_validate(second)]}
    )


def small(tmp_path: Path, *intents: dict[str, object], **more: object) -> Simulated:
    written = script(*intents, **more)
    return Simulated(
        written, "t", {"one": "Write one.", "two": "Write two."}, "s", LeakGuard(tmp_path, written.forbidden)
    )


def test_permissions_paths_and_order_reveal(tmp_path: Path) -> None:
    one = small(
        tmp_path,
        {"id": "later", "reveal": [{"on_ask": ["colour"]}], "after": ["careful"], "says": ["Red."]},
        {"id": "careful", "kind": "workflow", "reveal": [{"on_permission": r"\brm\b"}], "says": ["Careful, please."]},
        {"id": "docs", "kind": "workflow", "reveal": [{"on_path_touched": "docs/*"}], "says": ["Keep the docs short."]},
    )
    assert one.open().text == "Hi.\n\nDo one.\n\nWrite one."
    asks = Facts(1, "Which colour?", 0, {})
    assert one.next(asks).text == "No idea."
    assert one.next(Facts(2, "", 1, {}, permissions=("ls", "rm x"))).disclosure["intent_id"] == "careful"
    assert one.next(asks).text == "Red."
    told = one.next(Facts(4, "", 1, {}, changed=True, touched=("docs/a.md",)))
    assert told.disclosure["matched"] == {"fact": "path", "value": "docs/a.md", "span": None}


def test_written_instructions_can_stay_with_the_author(tmp_path: Path) -> None:
    one = small(tmp_path, instructions="never")
    assert one.open().text == "Hi.\n\nDo one."
    for turn in (1, 2):
        one.next(Facts(turn, "", 0, {}))
    assert one.next(Facts(3, "", 0, {})).text == f"{MOVED_ON}\n\nDo two."


def test_what_gives_something_away_is_never_said(tmp_path: Path) -> None:
    (tmp_path / "solution").mkdir()
    (tmp_path / "solution/solve.sh").write_text("keep the first of each pair, then call takeFirstOf(pair)\n")
    says = ["Just keep the first of each pair!", "Use takeFirstOf.", "Say BEGIN."]
    one = small(
        tmp_path,
        {"id": "a", "reveal": [{"on_ask": ["pairs"]}], "says": [*says, "Pairs count once."]},
        {"id": "b", "reveal": [{"on_ask": ["pairs"]}], "says": says},
        {"id": "c", "reveal": [{"on_ask": ["pairs"]}], "says": ["And then the one that comes after is Do two."]},
        forbidden=["begin"],
    )
    one.open()
    told = one.next(Facts(1, "What of pairs?", 0, {}))
    assert told.text == "Pairs count once.\n\nAnd then the one that comes after is Do two."
    assert (told.disclosure["intent_id"], told.disclosure["variant"], len(told.disclosure["also"])) == ("a", 3, 1)
    assert told.disclosure["leak"] == {"ok": True, "n": 6, "hits": []}
    assert one.next(Facts(2, "What of pairs?", 0, {})).disclosure["rule"] == "unknown"


def test_what_only_the_author_knows_is_a_leak() -> None:
    guard = GUARDS["ledger-loader"]
    solution = (ROOT / "tasks/ledger-loader/steps/idempotent-reruns/solution").rglob("*.py")
    line = max((line for file in solution for line in file.read_text().splitlines()), key=len)
    assert not guard.check(line).ok
    assert guard.check("use begin immediate").hits == ("begin immediate",)
    assert guard.check("Waiting is fine. AssertionError is not.").hits == ("AssertionError",)
    assert guard.check(LEDGER["schema-drift"]).ok
    assert not guard.check("a b c d e f g", unrevealed=["x a b c d e f"]).ok
    assert guard.check("a b c d e f g", revealed=["a b c d e f"], unrevealed=["x a b c d e f"]).ok
    assert not guard.check("größe zählt in jeder der zeilen", unrevealed=["Größe zählt in jeder der Zeilen"]).ok


MESSAGES = st.sampled_from(["Done.", "Which jobs?", "Do two jobs overlap?", "", "not done yet", "what is the format?"])
COURSE = st.lists(
    st.tuples(MESSAGES, st.booleans(), st.sets(st.integers(0, 2)), st.sets(st.sampled_from([FAILING, "x/y"]))),
    max_size=60,
)


@settings(deadline=None, max_examples=60)
@given(st.sampled_from(TASKS), st.text(max_size=5), COURSE)
def test_any_session_ends_within_its_caps_repeats_itself_and_gives_nothing_away(
    task: str, seed: str, course: list[tuple[str, bool, set[int], set[str]]]
) -> None:
    names, stop = list(TEXTS[task]), SCRIPTS[task].stop

    def agent(turn: int, text: str) -> tuple[str, bool, set[str], set[str]]:
        message, changed, passed, failed = course[turn % len(course)] if course else ("", False, set(), set())
        return message, changed, {names[place] for place in passed}, failed

    moves = play(user(task, seed), agent, names)
    assert moves == play(user(task, seed), agent, names)
    assert len(moves) <= stop.max_turns + 1
    assert sum(move.state == "CORRECT" for move in moves) <= stop.max_corrections
    assert sum(rule == "unknown" for rule in rules(moves)) <= stop.max_questions
    assert (moves[-1].state == "CAPPED") is (rules(moves)[-1] == "max_turns")
    begun = [move.begins for move in moves if move.begins]
    assert begun == list(dict.fromkeys(begun))
    for move in moves[:-1]:
        assert move.text
        assert move.disclosure["leak"]["ok"]
        written = TEXTS[task][move.begins] if move.begins else ""
        assert GUARDS[task].check(move.text.removesuffix(written)).ok
        json.dumps(move.disclosure)


def test_full_tells_everything_and_answers_once() -> None:
    one = Full(SCRIPTS["ledger-loader"], LEDGER)
    first = one.open()
    context = [item for item in SCRIPTS["ledger-loader"].intents if item.kind == "context"]
    assert first.text
    assert all((item.says[0] in first.text) is (item.milestone == first.begins) for item in context)
    asks = Facts(1, "What now?", 0, {})
    assert one.next(asks).text == ANSWER
    assert [one.next(asks).begins, one.next(asks).begins, one.next(asks).begins] == [
        "schema-drift",
        None,
        "late-corrections",
    ]
    assert one.next(Facts(6, "Done.", 0, {})).state == "DONE"


def test_the_author_can_talk_to_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    lines = (
        f"Do two jobs overlap?\n:fail {FAILING}\n:touch a.py\nDone.\n:pass idempotent-reruns\nDone.\n:nonsense\n:quit\n"
    )
    shown = CliRunner().invoke(command, ["ledger-loader"], input=lines)
    assert shown.exit_code == 0
    told = ["REVEAL: at_start ask-reruns", "ANSWER: on_ask job-overlap", "CORRECT: on_test_fail reruns-broken"]
    assert [line.strip("[]") for line in shown.output.splitlines() if line.startswith("[")] == [
        *told,
        "REVEAL: on_milestone_pass ask-drift",
    ]
    logged = CliRunner().invoke(command, ["ledger-loader", "--json", "--seed", "x"], input=lines)
    entries = [json.loads(line) for line in logged.stdout.splitlines() if line.startswith("{")]
    assert [entry["state_after"] for entry in entries] == ["REVEAL", "ANSWER", "CORRECT", "REVEAL"]
    assert entries[1]["matched"] == {"fact": "question", "value": "two jobs", "span": [0, 20]}
    assert entries[0]["seed"] == "x/0"
    assert CliRunner().invoke(command, ["nothing"]).exit_code != 0
