"""Policies are functions of what the user said; the scripted model and the scripted agent serve the same ones."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, get_args

import openai
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.agents.acp import AcpConversation
from assay.agents.builtin import agents_of
from assay.agents.contract import Answered, Called, Event, Permission, Said
from assay.agents.policies import Action, load_material, next_action
from assay.agents.process import HostPipe
from assay.agents.scripted_model import SUBMIT, answer, serve
from assay.errors import UsageError
from assay.model.agents import PolicyName
from assay.model.settings import Settings

ROOT = Path(__file__).parents[2]
HELLO = ROOT / "tools/assay/scaffold/templates/tasks/hello-milestones"
TASKS = (HELLO, ROOT / "tasks/ledger-loader", ROOT / "tasks/flaky-jobqueue")
POLICIES: tuple[PolicyName, ...] = get_args(PolicyName)
FIRST = (HELLO / "steps/count-words/instruction.md").read_text()
SECOND = (HELLO / "steps/skip-words/instruction.md").read_text()
ANSWER = "Only letters count."


def turn(policy: PolicyName, *said: str, task: Path = HELLO) -> list[Action]:
    """All actions of the turn after the last message."""
    material, found = load_material(task), list[Action]()
    while not found or found[-1].run is not None:
        found.append(next_action(policy, material, said, len(found)))
    return found


@settings(deadline=None, max_examples=60)
@given(st.sampled_from(POLICIES), st.sampled_from(TASKS), st.lists(st.sampled_from([FIRST, SECOND, ANSWER, ""])))
def test_any_conversation_has_an_end_and_repeats_itself(policy: PolicyName, task: Path, said: list[str]) -> None:
    first = turn(policy, *said, task=task)
    assert len(first) <= 16
    assert first == turn(policy, *said, task=task)
    assert all(action.say for action in first)


def test_what_agents_wrap_around_a_request_does_not_hide_it() -> None:
    wrapped = f"<reminder>be brief</reminder>\n\n{FIRST}\n\n<environment cwd='/app'/>"
    assert turn("asks-nothing", wrapped) == turn("asks-nothing", FIRST)


@pytest.mark.parametrize("policy", ["strong", "asks-nothing", "asks-everything", "partial"])
def test_what_a_good_policy_runs_solves_the_milestone(policy: PolicyName, tmp_path: Path) -> None:
    """Its commands are real: here they run on a copy of the task's files."""
    app = tmp_path / "app"
    app.mkdir()
    said = [FIRST]
    while turn(policy, *said)[-1].say.startswith("Before"):
        said.append(ANSWER)
    for action in turn(policy, *said):
        if action.run:
            line = action.run.replace("/app", str(app)).replace("/tmp/solution", str(tmp_path / "solution"))
            subprocess.run(["bash", "-c", line], cwd=app, check=False, capture_output=True)
    (tmp_path / "text").write_text("b a B\n")
    shown = subprocess.run(["bash", app / "tally.sh", tmp_path / "text"], capture_output=True, text=True, check=True)
    assert shown.stdout == "2 b\n1 a\n"
    assert not (tmp_path / "solution").exists()


def test_each_policy_is_what_its_name_says() -> None:
    assert len([action for action in turn("lazy", FIRST) if action.run]) == 1
    assert "every one of them passes" in turn("over-claiming", FIRST)[-1].say
    assert any("-delete" in (action.run or "") for action in turn("destructive", FIRST))
    assert "missing" in turn("partial", FIRST, SECOND)[-1].say
    assert turn("wrong", FIRST) != turn("asks-nothing", FIRST)
    assert turn("strong", "Good morning.") == [Action("I do not see what is asked for.")]


def test_a_workspace_cannot_take_a_policys_name() -> None:
    known = agents_of(Settings.model_validate({"format": 1, "agents": {"mine": {"command": ["x"]}}}), "python3")
    assert set(known) == {"mine", *(f"policy-{name}" for name in POLICIES)}
    assert known["policy-lazy"].scripted
    taken = Settings.model_validate({"format": 1, "agents": {"policy-strong": {"command": ["x"]}}})
    with pytest.raises(UsageError, match="policy-strong"):
        agents_of(taken, "python3")


TOOL = {"type": "object", "properties": {"command": {"type": "string"}, "description": {"type": "string"}}}


def test_the_scripted_model_speaks_chat_completions_and_responses() -> None:
    wanted = turn("asks-nothing", FIRST)
    with serve(load_material(HELLO), "asks-nothing") as url:
        client = openai.OpenAI(base_url=url, api_key="unused")
        tools: Any = [{"type": "function", "function": {"name": "bash", "parameters": TOOL}}]
        messages: Any = [{"role": "system", "content": "s"}, {"role": "user", "content": FIRST}]
        whole = client.chat.completions.create(model="subject-model", messages=messages, tools=tools)
        call: Any = (whole.choices[0].message.tool_calls or [])[0]
        assert whole.choices[0].message.content == wanted[0].say
        assert json.loads(call.function.arguments)["command"] == wanted[0].run
        pieces = client.chat.completions.create(model="subject-model", messages=messages, tools=tools, stream=True)
        deltas = [piece.choices[0].delta for piece in pieces if piece.choices]
        assert "".join(delta.content or "" for delta in deltas) == wanted[0].say
        assert any(delta.tool_calls for delta in deltas)

        flat: Any = [{"type": "function", "name": "shell", "parameters": TOOL, "strict": False}]
        response = client.responses.create(model="subject-model", input=FIRST and messages[1:], tools=flat)
        assert response.output_text == wanted[0].say
        made: Any = response.output[1]
        assert json.loads(made.arguments)["command"] == wanted[0].run
        later: Any = [*messages[1:], made.model_dump(), {"type": "function_call_output", "call_id": "x", "output": ""}]
        with client.responses.stream(model="subject-model", input=later, tools=flat) as stream:
            assert stream.get_final_response().output_text == wanted[1].say
        assert client.models.list().data[0].id == "subject-model"


def test_titles_and_submissions() -> None:
    material = load_material(HELLO)
    assert answer(material, "strong", {"messages": [{"role": "user", "content": FIRST}]}) == ("A coding task", None)
    tools = [{"function": {"name": "bash", "parameters": TOOL}}]
    messages = [{"role": "system", "content": f"echo {SUBMIT}"}, {"role": "user", "content": FIRST}]
    messages += [{"role": "assistant", "content": "x"}] * 40
    _, call = answer(material, "lazy", {"messages": messages, "tools": tools})
    assert call
    assert SUBMIT in call["arguments"]


class Here:
    """Terminals on this machine."""

    def run(self, command: list[str], cwd: str) -> tuple[int | None, str]:
        done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
        return done.returncode, done.stdout + done.stderr


def test_the_scripted_agent_runs_its_commands_through_the_client(tmp_path: Path) -> None:
    (tmp_path / "old.txt").write_text("x")
    command = [sys.executable, "-m", "assay.agents.scripted_agent", "--policy", "destructive", "--task", str(HELLO)]
    pipe = HostPipe(command, {"PYTHONPATH": str(ROOT / "tools"), "PATH": os.environ["PATH"]}, tmp_path)
    talk = AcpConversation(pipe, str(tmp_path), Here())
    heard: list[Event] = []
    asked: list[str] = []

    def allow(request: Permission) -> bool:
        asked.append(request.title)
        return True

    try:
        assert talk.open()["name"] == "policy-destructive"
        assert talk.say(FIRST, heard.append, allow) == "end_turn"
    finally:
        talk.close()
    assert not (tmp_path / "old.txt").exists()
    assert len(asked) == 1
    assert any(isinstance(event, Called) and "-delete" in event.arguments["command"] for event in heard)
    assert any(isinstance(event, Answered) and event.exit_code == 0 for event in heard)
    assert "".join(event.text for event in heard if isinstance(event, Said)).endswith("Everything is done.")
