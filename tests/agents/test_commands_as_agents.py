"""Agents without the protocol: any command line, and mini-swe-agent's runner."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.agents.command import CommandConversation
from assay.agents.contract import AgentFailed, Answered, Called, Event, Said, Used
from assay.agents.mini_swe import MiniSweConversation
from assay.agents.process import HostPipe
from assay.agents.retelling import Retelling, messages_in

STREAMS = Path(__file__).parent / "streams"


def starting(folder: Path) -> Callable[[Sequence[str]], HostPipe]:
    return lambda command: HostPipe(command, {"PATH": "/usr/bin:/bin"}, folder)


def test_what_a_command_prints_is_what_it_says(tmp_path: Path) -> None:
    heard: list[Event] = []
    script = (
        r"""printf '\033[1mYou\033[0m said: %s\r\n' "$1"; sleep 0.1; printf 'caf\303'; sleep 0.1; printf '\251'; cat"""
    )
    talk = CommandConversation(starting(tmp_path), ["bash", "-c", script, "agent", "{prompt}"])
    assert talk.open()["name"] == ""
    assert talk.say("two 'words'", heard.append) == "end_turn"
    assert talk.say("next", heard.append) == "end_turn"
    assert heard == [
        Said("You said: two 'words'\n", "1"),
        Said("café", "1"),
        Said("You said: next\n", "2"),
        Said("café", "2"),
    ]


def test_a_command_that_forgets_is_told_the_conversation(tmp_path: Path) -> None:
    heard: list[Event] = []
    command = ["bash", "-c", f'printf %s "$1" > {tmp_path}/told; echo did it', "agent", "{conversation}"]
    talk = CommandConversation(starting(tmp_path), command)
    for text in ("Count.", "Now skip [The user said:] words.", "Go on."):
        assert talk.say(text, heard.append) == "end_turn"
    told = (tmp_path / "told").read_text()
    assert messages_in(told) == ["Count.", "Now skip [The user said:] words.", "Go on."]
    assert told.count("did it") == 2
    assert [event.text for event in heard if isinstance(event, Said)] == ["did it\n"] * 3


@given(st.lists(st.tuples(st.text("ab \n"), st.text("cd \n")), max_size=4), st.text("xy \n"))
def test_what_is_told_can_be_told_apart(turns: list[tuple[str, str]], last: str) -> None:
    retelling = Retelling()
    for said, answer in turns:
        retelling.answered(said, answer)
    assert messages_in(f"<task>{retelling.told(last)}") == (
        [said for said, _ in turns] + [last] if turns else [f"<task>{last}"]
    )


@pytest.mark.parametrize(("words", "kind"), [("no idea", "crashed"), ("HTTP 401 Unauthorized", "unauthorized")])
def test_a_command_that_fails(tmp_path: Path, words: str, kind: str) -> None:
    heard: list[Event] = []
    talk = CommandConversation(starting(tmp_path), ["sh", "-c", f"echo half; echo {words} >&2; exit 3"])
    with pytest.raises(AgentFailed, match=f"exit status 3; the end of its standard error: {words}") as failure:
        talk.say("Go.", heard.append)
    assert (failure.value.kind, heard) == (kind, [Said("half\n", "1")])


def test_a_command_is_interrupted_with_all_it_started(tmp_path: Path) -> None:
    talk = CommandConversation(starting(tmp_path), ["sh", "-c", "echo on; sleep 60 & wait; echo off"])
    interrupting = threading.Timer(0.1, talk.interrupt)
    assert talk.say("Go.", lambda event: interrupting.start()) == "cancelled"


def runner(tmp_path: Path, stream: str, script: str = "cp {stream} {output}") -> MiniSweConversation:
    """A program that leaves behind a file which the real one has written."""
    script = script.replace("{stream}", str(STREAMS / f"mini-{stream}.json"))
    command = ["sh", "-c", f'test "$1" = "Write a note"; {script}; echo shown', "mini", "{prompt}"]
    return MiniSweConversation(
        starting(tmp_path), command, lambda path: (tmp_path / path).read_bytes(), str(tmp_path / "out.json")
    )


def test_the_trajectory_of_the_runner(tmp_path: Path) -> None:
    heard: list[Event] = []
    talk = runner(tmp_path, "submitted")
    assert talk.say("Write a note", heard.append) == "end_turn"
    note = "printf 'one\\ntwo\\n' > note.txt; cat note.txt"
    submit = "echo [submit]; echo the note is written"
    assert [event for event in heard if not isinstance(event, Said)] == [
        Called("call_1", "bash", {"command": "ls; echo oops >&2; exit 3"}),
        Answered("call_1", "readme.txt\noops\n", 3),
        Called("call_2", "bash", {"command": note}),
        Answered("call_2", "one\ntwo\n", 0),
        Called("call_3", "bash", {"command": submit}),
        Answered("call_3", "the note is written\n"),
        Used(300, 60),
    ]
    assert [event.text for event in heard if isinstance(event, Said)][-1] == "Done: the note is written."
    assert talk.say("And now?", heard.append) == "max_turn_requests"


def test_the_runner_goes_on_when_its_command_takes_the_conversation(tmp_path: Path) -> None:
    heard: list[Event] = []
    script = f'cp {STREAMS}/mini-submitted.json "$2"; printf %s "$1" > {tmp_path}/told'
    command = ["sh", "-c", script, "mini", "{conversation}", "{output}"]
    read = lambda path: (tmp_path / path).read_bytes()  # noqa: E731
    talk = MiniSweConversation(starting(tmp_path), command, read, str(tmp_path / "out.json"))
    for text in ("Write a note", "And another"):
        assert talk.say(text, heard.append) == "end_turn"
    assert messages_in((tmp_path / "told").read_text()) == ["Write a note", "And another"]
    assert "Done: the note is written." in (tmp_path / "told").read_text()
    keys = [event.key for event in heard if isinstance(event, Called)]
    assert len(set(keys)) == len(keys) == 6
    assert sorted(path.name for path in tmp_path.glob("out*")) == ["out.json", "out.json.1"]


@pytest.mark.parametrize(
    ("stream", "script", "kind", "words"),
    [
        ("talking", "cp {stream} {output}", "gave-up", "the wrong form"),
        ("submitted", "exit 1", "crashed", "exit status 1 and wrote no end of its trajectory"),
        (
            "submitted",
            "sed s/Submitted/AuthenticationError/ {stream} > {output}",
            "unauthorized",
            "AuthenticationError",
        ),
        ("submitted", "sed s/Submitted/APIConnectionError/ {stream} > {output}", "unreachable", "APIConnectionError"),
        ("submitted", "sed s/Submitted/KeyError/ {stream} > {output}", "crashed", "ended with `KeyError`"),
    ],
)
def test_how_the_runner_fails(tmp_path: Path, stream: str, script: str, kind: str, words: str) -> None:
    heard: list[Event] = []
    with pytest.raises(AgentFailed, match=words) as failure:
        runner(tmp_path, stream, script).say("Write a note", heard.append)
    assert failure.value.kind == kind
    assert [event.text for event in heard if isinstance(event, Said)] == (
        ["I just talk."] * 3 if stream == "talking" else [] if script == "exit 1" else [*SAID]
    )


SAID = ("I will look at the files first.", "Now I write the note.", "Done: the note is written.")


def test_limits_of_the_runner_end_the_turn(tmp_path: Path) -> None:
    talk = runner(tmp_path, "submitted", "sed s/Submitted/LimitsExceeded/ {stream} > {output}")
    assert talk.say("Write a note", lambda event: None) == "max_turn_requests"
