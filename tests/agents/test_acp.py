"""The protocol with real programs: what they do is told apart, and nothing hangs."""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from assay.agents.acp import AcpConversation
from assay.agents.acp_updates import Updates
from assay.agents.contract import AgentFailed, Answered, Called, Event, Permission, Said, Thought, Used
from assay.agents.process import HostPipe
from assay.agents.transcript import Transcript
from assay.importers.vocabulary import neutral
from assay.model.trajectory import Step

HERE = Path(__file__).parent
SCRIPTED = """
import asyncio, subprocess
from acp import *
from acp.schema import PermissionOption, ToolCallUpdate, Usage
ASK = [PermissionOption(option_id=k, name=k, kind=k) for k in ("allow_always", "allow_once", "reject_once")]
class Scripted(Agent):
    turn = 0
    def on_connect(self, conn): self.conn = conn
    async def initialize(self, protocol_version, **kw): return InitializeResponse(protocol_version=protocol_version)
    async def new_session(self, cwd, mcp_servers=None, **kw):
        assert mcp_servers == []
        self.cwd = cwd; return NewSessionResponse(session_id="s1")
    async def prompt(self, prompt, session_id, **kw):
        self.turn += 1
        async def say(u): await self.conn.session_update(session_id, u)
        for word in ("I will ", "count."): await say(update_agent_message_text(word))
        if self.turn == 1:
            cmd = "echo one; exit 4"
            await say(start_tool_call("t1", cmd, kind="execute", status="pending", raw_input={"command": cmd}))
            asked = ToolCallUpdate(tool_call_id="t1", title=cmd, kind="execute")
            reply = await self.conn.request_permission(session_id=session_id, options=ASK, tool_call=asked)
            if getattr(reply.outcome, "option_id", "") == "allow_once":
                p = subprocess.run(cmd, shell=True, cwd=self.cwd, capture_output=True, text=True)
                await say(update_tool_call("t1", status="completed", content=[tool_content(text_block(p.stdout))],
                                           raw_output={"exit_code": p.returncode}))
        else:
            done = await self.conn.create_terminal(command="uname -s", session_id=session_id)
            await self.conn.wait_for_terminal_exit(session_id=session_id, terminal_id=done.terminal_id)
            await say(start_tool_call("t2", "Run", kind="execute", status="pending", raw_input={"command": "uname -s"}))
            from acp.schema import TerminalToolCallContent as Shown
            shown = [Shown(type="terminal", terminal_id=done.terminal_id)]
            await say(update_tool_call("t2", status="completed", content=shown))
        return PromptResponse(stop_reason="end_turn", usage=Usage(input_tokens=7, output_tokens=2, total_tokens=9))
asyncio.run(run_agent(Scripted()))
"""


class Box:
    """Where the agent's terminals are."""

    def run(self, command: list[str], cwd: str) -> tuple[int | None, str]:
        assert cwd == "/app"
        return 5, f"ran {command}"


@contextmanager
def talking(*command: str, box: Box | None = None) -> Iterator[AcpConversation]:
    pipe = HostPipe([sys.executable, *command], {"PATH": "/usr/bin:/bin"}, HERE)
    talk = AcpConversation(pipe, "/app" if box else str(HERE), box)
    try:
        yield talk
    finally:
        talk.close()
        talk.close()
        assert pipe.exit_code is not None


@contextmanager
def faulty(mode: str) -> Iterator[AcpConversation]:
    with talking(str(HERE / "faulty.py"), mode) as talk:
        yield talk


@pytest.mark.parametrize("allowed", [True, False])
def test_a_session_with_an_agent_made_with_the_library(allowed: bool) -> None:
    heard: list[Event] = []
    with talking("-c", SCRIPTED) as talk:
        assert talk.open() == {"name": "", "version": "", "session": "s1"}
        assert talk.say("Count.", heard.append, lambda request: allowed) == "end_turn"
    answer = Answered("t1", "one\n", 4) if allowed else Answered("t1", "(not allowed by the user)", None, True)
    assert heard == [
        Said("I will "),
        Said("count."),
        Called("t1", "shell", {"command": "echo one; exit 4"}),
        Permission("t1", "echo one; exit 4"),
        answer,
        Used(7, 2),
    ]


def test_a_trusted_agent_runs_its_commands_in_the_terminals_it_is_given() -> None:
    heard: list[Event] = []
    with talking("-c", SCRIPTED, box=Box()) as talk:
        talk.open()
        talk.say("Count.", lambda event: None, lambda request: False)
        talk.say("And where?", heard.append)
    assert heard[2:4] == [
        Called("t2", "shell", {"command": "uname -s"}),
        Answered("t2", "ran ['bash', '-c', 'uname -s']", 5),
    ]


FAILURES = {
    "exits at once": ("crashed", "ended with exit status 1; the end of its standard error: no such model"),
    "exits in the turn": ("crashed", "ended with exit status 1; 1 lines on its standard output were no messages"),
    "leaves a child behind": ("crashed", "ended with exit status 9"),
    "no protocol": ("protocol", "the last: Hello, I am a program with a menu."),
    "garbage": ("protocol", "it prints other things; 2"),
    "endless line": ("protocol", "a line of more than 16777216 bytes"),
    "nonsense answer": ("protocol", "does not follow the protocol"),
    "error 401 unauthorized": ("unauthorized", "error -32603: Internal error"),
    "error connection refused": ("unreachable", "connection refused"),
    "error out of ideas": ("gave-up", "out of ideas"),
}


@pytest.mark.parametrize("mode", FAILURES)
def test_failures_are_told_apart(mode: str) -> None:
    heard: list[Event] = []

    def session(talk: AcpConversation) -> None:
        talk.open()
        talk.say("Go.", heard.append)

    with faulty(mode) as talk, pytest.raises(AgentFailed) as failure:
        session(talk)
    kind, words = FAILURES[mode]
    assert (failure.value.kind, words in str(failure.value)) == (kind, True), str(failure.value)
    assert heard == ([] if mode in ("exits at once", "no protocol") else [Said("I begin.")])


def test_an_interrupt_ends_the_turn_from_another_thread() -> None:
    with faulty("waits") as talk:
        talk.open()
        interrupting = threading.Timer(0.1, talk.interrupt)
        assert talk.say("Go.", lambda event: interrupting.start()) == "cancelled"
        assert talk.stray == 1
    talk.interrupt()


def test_an_agent_that_ignores_everything_is_ended_from_outside() -> None:
    pipe = HostPipe([sys.executable, str(HERE / "faulty.py"), "does not end"], {}, HERE)
    talk = AcpConversation(pipe, "/app")
    talk.open()
    ending, started = threading.Timer(0.1, pipe.close), time.monotonic()

    def hear(event: Event) -> None:
        talk.interrupt()
        ending.start()

    with pytest.raises(AgentFailed, match="ended with exit status -9"):
        talk.say("Go.", hear)
    talk.close()
    assert time.monotonic() - started < 8


def test_what_the_listener_raises_comes_through() -> None:
    def raising(event: Event) -> None:
        raise KeyboardInterrupt

    with faulty("waits") as talk:
        talk.open()
        with pytest.raises(KeyboardInterrupt):
            talk.say("Go.", raising)


def test_a_line_of_five_megabytes() -> None:
    heard: list[Event] = []
    with faulty("long line") as talk:
        talk.open()
        assert talk.say("Go.", heard.append) == "end_turn"
    assert heard[1] == Called("t", "shell", {"command": "cat big"})
    assert isinstance(heard[2], Answered)
    assert len(heard[2].content) == 5_000_000


def replayed(name: str) -> list[Step]:
    """The steps of a recorded stream."""
    steps: list[Step] = []
    updates, transcript = Updates("/app"), Transcript(steps.append, neutral, lambda text: text)
    for line in (HERE / "streams" / f"{name}.jsonl").read_text().splitlines():
        message = json.loads(line)
        events: Callable[..., Iterator[Event]] = updates.asked if "permission" in message else updates.events
        for event in events(message.get("update") or message["permission"]["toolCall"]):
            transcript.hear(event)
    transcript.finish_turn()
    return steps


@pytest.mark.parametrize("name", ["opencode", "codex", "qwen"])
def test_real_agents_with_the_same_script_give_the_same_steps(name: str) -> None:
    """The streams were recorded from the real programs with a scripted model, one turn each."""
    found = [
        (step.text, call and (call.function_name, call.arguments["command"]), result and (result.content, result.extra))
        for step in replayed(name)
        for call in (step.tool_calls or (None,))
        for result in (step.result_of(call) if call else None,)
    ]
    end = "" if name == "qwen" else "\n"
    note = "printf 'one\\ntwo\\n' > note.txt; cat note.txt"
    assert found == [
        (
            "I will look at the files first.",
            ("shell", "ls; echo oops >&2; exit 3"),
            (f"readme.txt\noops{end}", {"exit_code": 3}),
        ),
        ("Now I write the note.", ("shell", note), (f"one\ntwo{end}", {"exit_code": 0})),
        ("Done: the note is written. Which format do you want?", None, None),
    ]


def heard_in(*updates: Mapping[str, object]) -> list[Event]:
    reader = Updates("/app")
    return [event for update in updates for event in reader.events(update)]


def test_what_agents_leave_out_is_taken_from_what_they_show() -> None:
    diff = {"type": "diff", "path": "a.py", "oldText": "x", "newText": "y"}
    edit = {"sessionUpdate": "tool_call", "toolCallId": "e", "title": "Edit a.py", "kind": "edit", "content": [diff]}
    assert heard_in({**edit, "status": "completed"}) == [
        Called("e", "edit", {"path": "a.py", "old": "x", "new": "y"}),
        Answered("e", ""),
    ]
    named = {"sessionUpdate": "tool_call", "toolCallId": "p", "title": "todowrite", "kind": "other"}
    later = {"sessionUpdate": "tool_call_update", "toolCallId": "p", "title": "2 todos", "status": "failed"}
    thought = {"sessionUpdate": "agent_thought_chunk", "content": {"type": "text", "text": "hm"}, "messageId": "m"}
    assert heard_in(named, thought, {"sessionUpdate": "new_in_v9"}, {**later, "rawOutput": {"error": "full"}}) == [
        Called("p", "todowrite"),
        Thought("hm", "m"),
        Answered("p", "full", None, True),
    ]
