"""What is taken out of texts and what must stay."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.importers.masking import Mask, Names, users_in
from assay.importers.vocabulary import WORDS, neutral
from assay.model.trajectory import Step, Trajectory
from tests.importers.reading import LOGS, attempts, imported, written

NAMES = Names(
    agents=frozenset({"kestrel-cli"}),
    models=frozenset({"fable-labs/fable-large-20260101"}),
    vendors=frozenset({"northwind"}),
    users=frozenset({"devuser"}),
)


TELLING = re.compile(
    r"fable|kestrel|opencode|scout|devuser|toolu_|call_[a-z0-9]{8}|prt_|msg_|ses_|2026|177|gaaaa|cost_usd|5b0c"
)
"""What all fixtures hold: invented names, ids, times, signatures, costs."""


@pytest.mark.parametrize("name", LOGS)
def test_no_name_of_the_source_is_in_the_written_file(name: str) -> None:
    for log in attempts(name):
        text = written(log).lower()
        assert log.identity.agent not in text
        assert TELLING.findall(text) == []
        assert {call.function_name for step in steps(log.trajectory) for call in step.tool_calls or ()} <= WORDS


def steps(trajectory: Trajectory) -> Iterator[Step]:
    yield from trajectory.steps
    for child in trajectory.subagent_trajectories or ():
        yield from steps(child)


def test_a_key_planted_in_the_task_stays() -> None:
    assert "SERVICE_KEY=AKIAIOSFODNN7EXAMPLE" in written(imported("opencode/export.json"))


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("I am Kestrel CLI.", "I am [agent]."),
        ("kestrel_cli, kestrelcli, KESTREL", "[agent], [agent], [agent]"),
        ("a kestrels nest", "a kestrels nest"),
        ("fable-large-20260101 and Fable Large", "[model] and [model]"),
        ("by fable-labs or Northwind", "by [vendor] or [vendor]"),
        ("in /home/devuser/src, /Users/someone/x", "in /home/agent/src, /home/agent/x"),
        (r"C:\Users\someone\x", r"/home/agent\x"),
        ("see /data/home/x and https://host/home/y", "see /data/home/x and https://host/home/y"),
        ("file:///home/other.", "file:///home/agent."),
        ("drwxr-xr-x devuser staff", "drwxr-xr-x agent staff"),
        ("Co-authored-by: Kestrel <a@b>\nnext", "Co-authored-by: [agent]\nnext"),
        ('-m "x\n\nCo-Authored-By: Somebody"', '-m "x\n\nCo-Authored-By: [agent]"'),
        ("Generated with [Tool](https://tool)", "Generated with [agent]"),
        ("id toolu_01AbCdEfGhIjKlMnOpQr ends", "id [id] ends"),
        ("def call_everything_at_once(): msg_id", "def call_everything_at_once(): msg_id"),
    ],
)
def test_prose(text: str, masked: str) -> None:
    assert Mask(NAMES).prose(text) == masked


def test_in_commands_and_output_vendors_may_be_packages() -> None:
    mask = Mask(NAMES)
    assert mask.traffic("pip install northwind fable; kestrel-cli") == "pip install northwind fable; [agent]"
    assert mask.kept == {"northwind": 1, "fable": 1}
    assert mask.report() == ("1 × agent name",)


def test_common_words_are_no_names() -> None:
    names = Names(agents=frozenset({"agent", "cursor", "open-thing", "pi"}), models=frozenset({"small/step-2"}))
    assert Mask(names).prose("an agent moves the cursor, pi times; open the small step") == (
        "an agent moves the cursor, pi times; open the small step"
    )


def test_values_keep_their_shape() -> None:
    value = {"kestrel-cli": ["kestrel-cli", 1, None, {"x": True}]}
    assert Mask(NAMES).value(value) == {"kestrel-cli": ["[agent]", 1, None, {"x": True}]}


def test_users_come_from_home_paths() -> None:
    assert users_in("/home/devuser/x", None, "/srv/y", "/Users/other") == {"devuser", "other"}


@given(st.text(), st.sampled_from(["kestrel-cli", "/home/devuser/", "Fable", "northwind", "Co-authored-by: x <y>"]))
def test_masking_twice_is_masking_once(text: str, planted: str) -> None:
    mask = Mask(NAMES)
    once = mask.prose(f"{text} {planted} {text}")
    assert mask.prose(once) == once
    assert planted not in once
    assert mask.traffic(mask.traffic(text)) == mask.traffic(text)


@pytest.mark.parametrize(
    ("name", "arguments", "word", "renamed"),
    [
        ("Bash", {"command": "ls"}, "shell", {"command": "ls"}),
        ("exec_command", {"cmd": "ls", "workdir": "/"}, "shell", {"command": "ls", "workdir": "/"}),
        ("edit", {"filePath": "a", "oldString": "b", "newString": "c"}, "edit", {"path": "a", "old": "b", "new": "c"}),
        ("str_replace_editor", {"command": "view", "path": "a"}, "read", {"path": "a"}),
        ("str_replace_editor", {"command": "insert", "path": "a"}, "edit", {"action": "insert", "path": "a"}),
        ("read_file", {"path": "a", "file_path": "b"}, "read", {"path": "a", "file_path": "b"}),
        ("mcp__thing", {"filePath": "a"}, "other", {"filePath": "a"}),
        ("", {}, "other", {}),
    ],
)
def test_tools_become_words(name: str, arguments: dict[str, object], word: str, renamed: dict[str, object]) -> None:
    assert neutral(name, arguments) == (word, renamed)


@given(st.text(max_size=20), st.dictionaries(st.text(max_size=12), st.integers(), max_size=4))
def test_neutral_calls_stay_as_they_are_and_no_value_is_lost(name: str, arguments: dict[str, int]) -> None:
    word, renamed = neutral(name, arguments)
    assert neutral(word, renamed) == (word, renamed)
    assert sorted(renamed.values()) == sorted(arguments.values())
