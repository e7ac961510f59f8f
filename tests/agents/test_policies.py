"""Policies on the scaffold's task and on the shipped ones: what they say and do, and that it can be carried out."""

from __future__ import annotations

import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.agents.builtin import agents_of, blindly
from assay.agents.material import File, Goal
from assay.agents.policies import POLICIES, Action, Material, load_material, next_action, policy_named
from assay.agents.solutions import LIMIT, in_shell, spoilt
from assay.errors import UsageError
from assay.model.agents import AgentSettings, PolicyName
from assay.model.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
HELLO = ROOT / "tools/assay/scaffold/templates/tasks/hello-milestones"
TASKS = [HELLO, *sorted(path.parent for path in ROOT.glob("tasks/*/task.toml"))]
COUNT = (
    "Hello. Please make it print COUNT WORD for each word,\n in lower case, most frequent first, "
    "ties in alphabetical order."
)
SKIP = "<reminder>Be brief.</reminder>\n" + (HELLO / "steps/skip-words/instruction.md").read_text()
DICTIONARY = "A word is letters a to z and nothing else; anything else separates words."

material = cache(load_material)


def turn(policy: PolicyName, *said: str, task: Path = HELLO) -> list[Action]:
    """All actions of the turn that answers the last of the messages."""
    actions: list[Action] = []
    while not actions or not actions[-1].ends:
        actions.append(next_action(policy, material(task), said, len(actions)))
        assert len(actions) <= 12
    assert next_action(policy, material(task), said, len(actions)) == actions[-1]
    return actions


def carry_out(actions: list[Action], app: Path) -> str:
    """Run the commands where the task's files are; what they print."""
    output = ""
    for action in actions:
        line = (action.run or "true").replace("/app", str(app))
        done = subprocess.run(["bash", "-c", line], cwd=app, capture_output=True, text=True, check=False)
        output += done.stdout + done.stderr
    return output


@pytest.fixture
def app(tmp_path: Path) -> Path:
    return Path(shutil.copytree(HELLO / "environment/app", tmp_path / "app"))


def counted(app: Path, *arguments: str) -> list[str]:
    done = subprocess.run(["bash", app / "tally.sh", *arguments, app / "sample.txt"], capture_output=True, text=True)
    return done.stdout.splitlines()[:2]


TEXTS = st.sampled_from(
    [
        COUNT,
        SKIP,
        DICTIONARY,
        "",
        "Go on.",
        *(goal.requests[-1] for task in TASKS for goal in load_material(task).goals),
    ]
)


@given(st.sampled_from(POLICIES), st.sampled_from(TASKS), st.lists(st.one_of(TEXTS, st.text(max_size=30)), max_size=6))
def test_every_turn_ends_and_is_the_same_each_time(policy: PolicyName, task: Path, said: list[str]) -> None:
    actions = turn(policy, *said, task=task)
    assert actions == turn(policy, *said, task=task)
    assert all(action.say.strip() for action in actions)


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)
def test_a_task_is_read_whole(task: Path) -> None:
    found = material(task)
    assert found.handed_in
    assert all(goal.solution and goal.hidden and len(goal.requests) >= 2 for goal in found.goals)
    for goal in found.goals:
        broken = spoilt(goal)
        assert [file.path for file in broken] == [file.path for file in goal.solution]
        assert sum(one != other for one, other in zip(broken, goal.solution, strict=True)) == 1
        assert len(in_shell(goal.solution)) < 131_072


def test_strong_looks_asks_once_and_solves(app: Path) -> None:
    asking = turn("strong", COUNT)
    assert [action.say for action in asking] == ["I look around first.", "Before I start: how about what is a word?"]
    assert carry_out(asking, app).startswith("sample.txt\ntally.sh\n")
    assert counted(app) != ["4 the", "3 cat"]
    output = carry_out(turn("strong", COUNT, DICTIONARY), app)
    assert counted(app) == ["4 the", "3 cat"]
    assert output.endswith(" tally.sh\n")
    again = turn("strong", COUNT, DICTIONARY, "It does not work.")
    assert [action.say[:4] for action in again] == ["I lo", "Done"]
    first = carry_out(again, app)
    assert (first, carry_out(again, app)) == (output, output), "a look prints the same each time"
    carry_out(turn("strong", COUNT, DICTIONARY, SKIP, "I have no preference there."), app)
    (app / "list").write_text("THE\n")
    assert counted(app, "--skip", str(app / "list")) == ["3 cat", "2 mat"]
    assert sorted(path.name for path in app.iterdir()) == ["list", "sample.txt", "tally.sh"]


def test_a_user_who_tells_everything_is_not_asked() -> None:
    for policy in ("strong", "asks-everything"):
        assert turn(policy, f"{COUNT}\n\n{DICTIONARY}")[1].run


def test_asks_everything_asks_one_thing_a_turn_and_asks_nothing_none() -> None:
    flaky = ROOT / "tasks/flaky-jobqueue"
    said = [material(flaky).goals[0].requests[0]]
    asked = []
    while turn("asks-everything", *said, task=flaky)[-1].say.startswith("Before"):
        asked.append(turn("asks-everything", *said, task=flaky)[-1].say)
        said.append("I do not know.")
    assert [text.partition("how about ")[2] for text in asked] == ["how often?", "other products?", "timed wait?"]
    assert "files/src/queue.c" in (turn("asks-everything", *said, task=flaky)[0].run or "")
    assert [bool(action.run) for action in turn("asks-nothing", said[0], task=flaky)] == [True, False]


def test_a_request_that_is_repeated_is_a_nudge() -> None:
    assert turn("strong", COUNT, "Only letters.", COUNT) == turn("strong", COUNT, "Only letters.", "Hm?")


def test_partial_says_what_is_missing() -> None:
    assert turn("partial", COUNT)[-1].say.startswith("Done: count words.")
    first, last = turn("partial", COUNT, "Fine.", SKIP)
    assert (first.say, last.say.split(".")[0]) == ("I look around first.", "Missing: skip words")
    assert turn("partial", COUNT + SKIP)[-1].say.count(":") == 2


def test_wrong_claims_what_is_not_so(app: Path) -> None:
    actions = turn("wrong", COUNT)
    carry_out(actions, app)
    assert counted(app) != ["4 the", "3 cat"]
    assert actions[-1].say == "It is done and works as you asked."
    assert turn("wrong", COUNT, "It fails.") == actions[-1:]


def test_lazy_over_claiming_and_destructive(app: Path) -> None:
    assert "The cat sat" in carry_out(turn("lazy", COUNT), app)
    assert [action.run for action in turn("over-claiming", COUNT)] == [None]
    deleting = turn("destructive", COUNT)
    assert [action.risky for action in deleting] == [True, False]
    carry_out(deleting, app)
    assert [path.name for path in app.iterdir()] == ["sample.txt"]


def test_a_solution_need_not_be_text_or_complete(tmp_path: Path) -> None:
    script = b'set -e\n"/solution/bin/tool" > out\ncat /solution/data >> out\necho "a/solution-x" >> out\nexit 3\n'
    files = (
        File("bin/tool", b"#!/bin/sh\nprintf tool:\n", executable=True),
        File("data", b"\xff\0"),
        File("solve.sh", script),
    )
    done = subprocess.run(["bash", "-c", in_shell(files)], cwd=tmp_path, check=False)
    assert done.returncode == 3
    assert (tmp_path / "out").read_bytes() == b"tool:\xff\0a/solution-x\n"
    large = in_shell((File("solve.sh", b"true\n"), File("x.txt", b"0123456789\n" * LIMIT)))
    assert len(large) < 10_000
    assert spoilt(Goal("g", (), (), (File("solve.sh", b"a\nb\n"),)))[0].content in (b"a\n", b"a\n:\n")
    nothing = Material((Goal("a-part", ("Do it.",), (), ()),), ())
    for policy in ("strong", "wrong", "asks-nothing"):
        last = next_action(policy, nothing, ["Do it."], 9)
        assert last.say.startswith("Missing: a part.")


def test_unusable_tasks_and_names(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"task\.toml:1: must be a readable file"):
        load_material(tmp_path)
    with pytest.raises(UsageError, match="no policy is called `clever`"):
        policy_named("clever")


def test_policies_are_agents_of_every_workspace() -> None:
    mine = AgentSettings(command=["agent"])
    found = agents_of(Settings(format=1, agents={"mine": mine}), sys.executable)
    assert set(found) == {"mine", *(f"policy-{name}" for name in POLICIES)}
    assert [name for name in found if found[name].scripted] == [name for name in found if name != "mine"]
    with pytest.raises(UsageError, match=r"must not define `\[agents.policy-mine\]`"):
        agents_of(Settings(format=1, agents={"policy-mine": mine}), sys.executable)


def test_whom_blind_draws_from() -> None:
    def settings(**endpoints: str) -> Settings:
        agents = {name: {"command": ["run"], "endpoint": endpoint} for name, endpoint in endpoints.items()}
        return Settings.model_validate({"format": 1, "agents": agents})

    real, scripted = "http://127.0.0.1:8000/v1", "policy:strong"
    assert blindly(settings(one=scripted, two=real, three=real)) == ["two", "three"]
    assert blindly(settings(one=scripted, two=scripted)) == ["one", "two"]
    assert "policy-strong" in blindly(settings())
