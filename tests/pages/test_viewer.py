"""What rows hide: terminal colours, changes as differences, and the chunks of long logs."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.model.trajectory import Step
from assay.pages import chunks, rows, terminal
from assay.pages.bodies import body
from assay.pages.inert import raw
from assay.pages.plots import strip
from assay.pages.steps import runs_tests, told
from assay.pages.trajectory_page import files
from assay.pages.writer import SCRIPT_MARK
from assay.workspace import load
from tests.pages.example import TASK, make_workspace, step, write_attempt
from tests.pages.hostile import ATTACK


def calling(tool: str, arguments: Mapping[str, Any]) -> Step:
    call = {"tool_call_id": "1", "function_name": tool, "arguments": dict(arguments)}
    return Step.model_validate({"step_id": 1, "source": "agent", "message": "", "tool_calls": [call]})


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("plain", "plain"),
        ("\x1b[31mred\x1b[0m not", '<span class="as-c-red">red</span> not'),
        ("\x1b[1;92mgood\x1b[22;39m", '<span class="as-c-bold as-c-green">good</span>'),
        ("\x1b[38;5;196mpalette\x1b[m", "palette"),
        ("\x1b[38;2;1;2;3;1mtrue\x1b[m", '<span class="as-c-bold">true</span>'),
        ("\x1b[41mon\x1b[49m", '<span class="as-c-on-red">on</span>'),
        ("\x1b[31m<b>\x1b[0m", '<span class="as-c-red">&#60;b&#62;</span>'),
        ("old\r\x1b[32mnew\x1b[0m", '<span class="as-c-green">new</span>'),
        ("\x1b]8;;javascript:x\x07link\x1b]8;;\x07\x1b[2Jx", "linkx"),
        ("\x1b[31munended", '<span class="as-c-red">unended</span>'),
    ],
)
def test_terminal_colours(text: str, html: str) -> None:
    assert terminal.html(text) == html


@given(st.text(alphabet=st.sampled_from(list("a<&\x1b[0123;m\n\r\x08\ue000\x00]")), max_size=80))
def test_no_output_becomes_markup_or_loses_a_line(text: str) -> None:
    made = terminal.html(text)
    assert re.sub(r'<span class="(as-c-[a-z-]+ ?)+">|</span>', "", made).count("<") == 0
    assert made.count("\n") == raw(text).count("\n")
    assert "\x1b" not in made


def test_an_edit_is_a_difference_and_a_new_file_is_added_lines() -> None:
    edited = body(calling("edit", {"path": "a.py", "old": "one\ntwo", "new": "one\n<2>"}), (), "")
    assert (
        '<span class="as-ctx"> one</span><span class="as-del">-two</span><span class="as-add">+&#60;2&#62;</span>'
        in edited
    )
    written = body(calling("write", {"path": "a.py", "content": "x\ny"}), (), "")
    assert '<span class="as-add">+x</span><span class="as-add">+y</span>' in written
    assert "<code>a.py</code>" in body(calling("read", {"path": "a.py"}), (), "")


@pytest.mark.parametrize(
    "command", ["pytest -q", "cd x && make test", "npm run test", "bash tests/test.sh", "cargo test"]
)
def test_what_runs_tests_is_seen(command: str) -> None:
    assert runs_tests(calling("shell", {"command": command}))
    assert not runs_tests(calling("shell", {"command": "cat contest.txt"}))


def test_disclosures_of_the_simulated_user_are_told() -> None:
    extra = {"assay": {"turn": 3, "rule": "on_ask", "intent_id": "ask-<b>"}}
    said = Step.model_validate({"step_id": 1, "source": "user", "message": "Yes.", "extra": extra})
    assert told(said) == "simulated user, turn 3: reveals <code>ask-&#60;b&#62;</code>; rule <code>on_ask</code>"
    assert told(Step.model_validate({"step_id": 1, "source": "user", "message": "Yes."})) == ""


def _text(nodes: list[Any]) -> str:
    return "".join(node if isinstance(node, str) else _text(node[2:]) for node in nodes)


@given(st.text(max_size=40), st.text(max_size=40))
def test_a_tree_says_what_the_markup_says(one: str, other: str) -> None:
    found = chunks.tree(f'<div class="x"><p>{raw(one)}</p><br>{raw(other)}</div>')
    assert len(found) == 1
    assert found[0][:2] == ["div", {"class": "x"}]
    plain = chunks.tree(f"<p>{raw(one)}</p>") + chunks.tree(f"<p>{raw(other)}</p>")
    assert _text(found) == _text(plain)


@pytest.mark.parametrize("html", ["<p>", "</p>", "<p></b>", "a < b", "<p title='x'><b></p></b>", "<P></P>", "<!-- -->"])
def test_half_a_body_is_refused(html: str) -> None:
    with pytest.raises(ValueError, match="not well formed"):
        chunks.tree(html)


@given(st.lists(st.integers(0, 3 * chunks.LIMIT), max_size=12))
def test_chunks_hold_every_body_once_and_are_no_larger_than_they_must(sizes: list[int]) -> None:
    bodies = [(number, "x" * size) for number, size in enumerate(sizes)]
    made = list(chunks.packed(bodies))
    assert [item for chunk in made for item in chunk] == bodies
    assert all(len(chunk) == 1 or sum(len(text) for _, text in chunk) <= chunks.LIMIT for chunk in made)


@pytest.fixture
def long(tmp_path: Path) -> Path:
    """The example, with an attempt whose bodies are too much for a page."""
    root = make_workspace(tmp_path)
    many = [step(1, "user", "Count words.")]
    many += [step(number, "agent", f"Say {number}.", f"echo {number}", f"{ATTACK}\n" * 200) for number in range(2, 40)]
    write_attempt(root, "dry-finch", steps=many)
    return root


def test_a_long_log_leaves_its_bodies_to_scripts(long: Path) -> None:
    workspace = load(long)
    attempt = workspace.attempts[TASK]["dry-finch"]
    made = files(workspace, attempt, {})
    assert made == files(workspace, attempt, {})
    scripts = {path: text for path, text in made.items() if path.endswith(".js")}
    assert len(scripts) > 3
    page = made[f"trajectories/{TASK}/dry-finch.md"]
    assert len(page) < 200_000
    seen: dict[str, Any] = {}
    for number, text in enumerate(scripts.values()):
        assert text.isascii()
        assert "<" not in text
        head = f"{SCRIPT_MARK}__assayChunk({number},"
        seen |= json.loads(text.removeprefix(head).removesuffix(");\n"))
    assert list(seen) == [str(number) for number in range(2, 40)]
    assert "{{7*7}}" in _text(seen["7"])
    assert made[f"trajectories/{TASK}/dry-finch/trajectory.json"].startswith("{")


def test_a_short_log_stands_in_its_page(tmp_path: Path) -> None:
    workspace = load(make_workspace(tmp_path))
    attempt = workspace.attempts[TASK]["brisk-otter"]
    assert not rows.log(attempt, {}, "").chunks
    assert rows.log(attempt, {}, "", most=10).chunks


def test_bars_tell_seconds_and_tokens() -> None:
    used = {"prompt_tokens": 900, "completion_tokens": 70}
    steps = [
        Step.model_validate({"step_id": 1, "source": "user", "message": "Go."}),
        Step.model_validate({"step_id": 2, "source": "agent", "message": "I go.", "metrics": used}),
    ]
    drawn = strip(steps)
    assert 'data-bars="1us12 2sa12p900c70"' in drawn
    assert "In all 900 tokens in, 70 out, of 1 step." in drawn
    assert "tokens" not in strip(steps[:1])
    empty = {"prompt_tokens": 0, "completion_tokens": None}
    nothing = Step.model_validate({"step_id": 2, "source": "agent", "message": "I go.", "metrics": empty})
    assert strip([nothing]) == '<div class="as-strip" aria-hidden="true" data-bars="2sa12"></div>\n'
