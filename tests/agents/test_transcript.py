"""Steps from events: coalesced, masked, the same for the same events."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from assay.agents.contract import Answered, Called, Event, Said, Thought, Used
from assay.agents.transcript import Transcript, unwrapped
from assay.importers.vocabulary import neutral
from assay.model.trajectory import ATIF_VERSION, Agent, FinalMetrics, Step, Trajectory


def steps_of(*events: Event, mask: str = "Kestrel") -> list[Step]:
    steps: list[Step] = []
    transcript = Transcript(steps.append, neutral, lambda text: text.replace(mask, "[agent]"))
    transcript.user("Go.", {"assay": {"milestone": "first", "turn": 1}})
    for event in events:
        transcript.hear(event)
    transcript.finish_turn()
    return steps


def test_words_calls_and_results_become_one_step() -> None:
    said: list[Event] = [Said("I am Kes", "m1"), Thought("hm", "m1"), Said("trel. ", "m1"), Said("Two things.", "m2")]
    calls: list[Event] = [
        Called("x", "exec_command"),
        Called("x", "exec_command", {"cmd": ["bash", "-lc", "cat Kestrel.py"], "background": False, "wait": None}),
        Called("y", "ReadFile", {"file_path": "a", "limits": ["Kestrel"]}),
    ]
    answers: list[Event] = [Answered("y", "", failed=True), Said("Meanwhile.", "m3"), Answered("x", "# Kestrel", 0)]
    user, first, second = steps_of(*said, *calls, *answers, Answered("x", "again", 1))
    assert user.extra == {"assay": {"milestone": "first", "turn": 1}}
    assert (first.message, first.reasoning_content) == ("I am [agent].\n\nTwo things.", "hm")
    assert first.extra == {"assay": {"milestone": "first"}}
    assert [call.model_dump(exclude_none=True) for call in first.tool_calls or []] == [
        {"tool_call_id": "call-1", "function_name": "shell", "arguments": {"command": "cat [agent].py"}},
        {"tool_call_id": "call-2", "function_name": "read", "arguments": {"path": "a", "limits": ["[agent]"]}},
    ]
    assert [(result.source_call_id, result.content, result.extra) for result in first.observation.results] == [  # type: ignore[union-attr]
        ("call-1", "# [agent]", {"exit_code": 0}),
        ("call-2", "", {"is_error": True}),
    ]
    assert second.message == "Meanwhile."


def test_a_step_is_handed_over_when_its_last_call_is_answered() -> None:
    steps: list[Step] = []
    clock = itertools.count().__next__
    transcript = Transcript(steps.append, neutral, str, clock)
    for event in (Called("a", "bash"), Called("b", "bash"), Answered("a", "")):
        transcript.hear(event)
    assert steps == []
    transcript.hear(Answered("b", ""))
    assert [result.seconds for step in steps for result in step.observation.results] == [2.0, 2.0]  # type: ignore[union-attr]


def test_a_call_that_was_cut_off_says_so() -> None:
    step = steps_of(Called("a", "bash", {"command": "sleep 9"}))[1]
    assert step.observation is None
    assert [call.extra for call in step.tool_calls or []] == [
        {"assay": {"note": "no result: the agent's turn ended before"}}
    ]


def test_a_long_result_is_cut_in_the_middle_and_never_inside_a_name() -> None:
    text = "a" * 32762 + "Kestrel" + "b" * 100_000
    result = steps_of(Called("a", "bash"), Answered("a", text, 0))[1].observation.results[0]  # type: ignore[union-attr]
    content = str(result.content)
    assert "a[agent\n[... 67233 bytes hidden; sha256 of all: " in content
    assert (len(content.encode()) < 66_000, result.extra) == (True, {"exit_code": 0, "hidden_bytes": 67233})


def test_tokens_are_summed_over_turns() -> None:
    steps: list[Step] = []
    transcript = Transcript(steps.append, neutral, str)
    for event in (Used(5, 1), Used(9, None)), (Used(1, 2),):
        transcript.user("Go.")
        for used in event:
            transcript.hear(used)
    transcript.finish_turn()
    assert transcript.final_metrics == FinalMetrics(total_prompt_tokens=10, total_completion_tokens=2)


def test_the_command_of_a_shell_is_what_counts() -> None:
    table = {
        "bash -lc 'ls | wc'": "ls | wc",
        "/bin/sh -c ls": "ls",
        "bash run.sh x": "bash run.sh x",
        "bash -c 'a": "bash -c 'a",
    }
    assert {command: unwrapped(command) for command in table} == table
    assert unwrapped(["git", "commit", "-m", "two words"]) == "git commit -m 'two words'"


TURNS = st.lists(
    st.one_of(
        st.builds(Said, st.text(max_size=20), st.sampled_from(["", "m1", "m2"])),
        st.builds(Thought, st.text(max_size=9)),
        st.builds(Called, st.sampled_from("abc"), st.sampled_from(["bash", "Edit", "x"])),
        st.builds(
            Answered, st.sampled_from("abc"), st.text(max_size=9), st.none() | st.integers(0, 255), st.booleans()
        ),
    ),
    max_size=12,
)


@given(TURNS, st.data())
def test_the_same_events_give_the_same_steps_however_they_arrive(events: list[Event], data: st.DataObject) -> None:
    pieces: list[Event] = []
    for event in events:
        cut = data.draw(st.integers(0, len(event.text))) if isinstance(event, Said) else 0
        if isinstance(event, Said):
            pieces += [Said(event.text[:cut], event.key), Said(event.text[cut:], event.key)]
        else:
            pieces.append(event)
    whole = steps_of(*events)
    assert [step.model_dump_json() for step in steps_of(*pieces)] == [step.model_dump_json() for step in whole]
    Trajectory(schema_version=ATIF_VERSION, agent=Agent(name="masked", version="0"), steps=whole)
    calls = [call.tool_call_id for step in whole for call in step.tool_calls or []]
    assert calls == [f"call-{number}" for number in range(1, len(calls) + 1)]
