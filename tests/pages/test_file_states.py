"""What a file was after each edit: what follows from the log, and nothing where it does not."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.model.trajectory import Step
from assay.pages import chunks, files_section
from assay.pages.file_states import Edit, edited
from assay.pages.files_section import places, section
from assay.pages.trajectory_page import files
from assay.workspace import load
from tests.pages.built import Page
from tests.pages.example import TASK, make_workspace, write_attempt
from tests.pages.hostile import ATTACK

Call = tuple[str, Mapping[str, Any], str]
"""Tool, arguments, and what came back."""


def steps(calls: Sequence[Call], failed: Sequence[int] = ()) -> list[Step]:
    made: list[Mapping[str, Any]] = [{"step_id": 1, "source": "user", "message": "Go."}]
    for number, (tool, arguments, output) in enumerate(calls, 2):
        call = {"tool_call_id": "1", "function_name": tool, "arguments": dict(arguments)}
        extra = {"exit_code": 1} if number in failed else None
        result = {"source_call_id": "1", "content": output, "extra": extra}
        made.append(
            {
                "step_id": number,
                "source": "agent",
                "message": "",
                "tool_calls": [call],
                "observation": {"results": [result]},
            }
        )
    return [Step.model_validate(step) for step in made]


def write(content: str, path: str = "a.py") -> Call:
    return "write", {"path": path, "content": content}, "ok"


def edit(old: str, new: str, path: str = "a.py", **more: object) -> Call:
    return "edit", {"path": path, "old": old, "new": new, **more}, "ok"


def last(*calls: Call) -> Edit:
    return edited(steps(calls))["a.py"][-1]


TEXTS = st.text("ab\n", max_size=6)
CHANGES = st.one_of(
    st.tuples(st.just("write"), TEXTS, TEXTS, st.booleans()),
    st.tuples(st.just("edit"), TEXTS, TEXTS, st.booleans()),
    st.tuples(st.just("shell"), TEXTS, TEXTS, st.booleans()),
)


@given(st.lists(CHANGES, max_size=8))
def test_every_state_is_that_of_a_disk_or_is_not_known(changes: list[tuple[str, str, str, bool]]) -> None:
    """The reference does what an editor does to a file; commands leave it alone."""
    disk: str | None = None
    calls: list[Call] = []
    wanted: list[str | None] = []
    for kind, one, other, everywhere in changes:
        if kind == "write":
            disk = one
            calls.append(write(one))
        elif kind == "edit":
            times = disk.count(one) if disk is not None and one else 0
            if one == "" and not disk:
                disk = other
            elif disk is not None and (times == 1 or (everywhere and times)):
                disk = disk.replace(one, other)
            else:
                disk = None
            calls.append(edit(one, other, all=everywhere))
        else:
            calls.append(("shell", {"command": one}, other))
            continue
        wanted.append(disk)
    found = edited(steps(calls)).get("a.py", [])
    assert [state.text for state in found] == wanted
    assert all(bool(state.why) == (state.text is None) for state in found)


def test_a_file_that_was_shown_whole_is_known() -> None:
    shown: Call = ("read", {"path": "a.py"}, "     1\tone\n     2\ttwo\n")
    assert last(shown, edit("two", "2")).text == "one\n2\n"
    part: Call = ("read", {"path": "a.py", "offset": 2}, "     1\tone\n     2\ttwo\n")
    late: Call = ("read", {"path": "a.py"}, "     2\ttwo\n")
    noisy: Call = ("read", {"path": "a.py"}, "     1\tone\nand more\n")
    cut: Call = ("read", {"path": "a.py"}, "".join(f"{number}\tx\n" for number in range(1, 2001)))
    for unsure in (part, late, noisy, cut):
        state = last(unsure, edit("two", "2"))
        assert (state.text, state.why) == (None, "what it was before is not in the log")


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (
            ("edit", {"path": "a.py", "edits": [{"old_string": "b", "new_string": "B"}, {"old": "a", "new": "A"}]}, ""),
            "A\nB\n",
        ),
        (("edit", {"path": "a.py", "action": "insert", "insert_line": 1, "new": "x\n"}, ""), "a\nx\nb\n"),
        (("edit", {"path": "a.py", "lines": "2-2", "new": "B\n"}, ""), "a\nB\n"),
        (("edit", {"path": "a.py", "lines": "7-9", "new": "B\n"}, ""), None),
        (("edit", {"path": "a.py", "action": "undo_edit"}, ""), None),
        (("edit", {"path": "a.py", "edits": "none"}, ""), None),
        (("edit", {"input": "update a.py\n@@\n a\n-b\n+B\n"}, ""), None),
        (("edit", {"input": "delete a.py\n"}, ""), None),
        (("edit", {"input": "add a.py\n+new\n+file\n"}, ""), "new\nfile\n"),
    ],
)
def test_other_ways_to_edit(call: Call, text: str | None) -> None:
    state = last(write("a\nb\n"), call)
    assert state.text == text
    assert bool(state.why) == (text is None)


def test_what_failed_changed_nothing_and_commands_are_counted() -> None:
    run: Call = ("shell", {"command": "black ."}, "")
    calls = (write("a\n"), run, run, edit("a", "b"), edit("b", "c"), write("d\n"))
    found = edited(steps(calls))["a.py"]
    assert [(state.text, state.commands) for state in found] == [("a\n", 0), ("b\n", 2), ("c\n", 2), ("d\n", 0)]
    assert [state.text for state in edited(steps(calls, failed=(5,)))["a.py"]] == ["a\n", None, "d\n"]


def test_counts_are_of_lines() -> None:
    state = last(write("a\nb\nc\n"), edit("b", "x\ny"))
    assert (state.added, state.removed) == (2, 1)
    assert (last(write("a\nb\n")).added, last(write("")).added) == (2, 0)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return make_workspace(tmp_path)


def attempt_with(root: Path, calls: Sequence[Call]) -> dict[str, str]:
    found = [step.model_dump(mode="json", exclude_none=True) for step in steps(calls)]
    write_attempt(root, "dry-finch", steps=found)
    workspace = load(root)
    return files(workspace, workspace.attempts[TASK]["dry-finch"], {})


def test_calls_lead_to_the_file_after_them_and_back(root: Path) -> None:
    page = attempt_with(root, [write("x\n", "/app/src/a.py"), edit("x", "y", "/app/src/a.py"), write("z", "./b.py")])[
        f"trajectories/{TASK}/dry-finch.md"
    ]
    anchors = re.findall(r'<details class="as-state" id="([^"]+)"', page)
    assert anchors == ["f:/app/src/a.py@s2.c1", "f:/app/src/a.py@s3.c1", "f:./b.py@s4.c1"]
    for anchor in anchors:
        assert f'href="#{anchor}"' in page
        assert f'href="#{anchor.partition("@")[2]}"' in page.partition("## Files")[2]
    assert "3 edits" in page
    assert '<span class="as-folder">/app/src/</span>' in page


def test_paths_that_look_alike_are_kept_apart(root: Path) -> None:
    page = attempt_with(root, [write("1", "a b.py"), write("2", "a-b.py"), write("3", "/a.py"), write("4", "a.py")])[
        f"trajectories/{TASK}/dry-finch.md"
    ]
    anchors = re.findall(r'<details class="as-state" id="([^"]+)"', page)
    assert len(set(anchors)) == 4


def test_an_attack_is_text(root: Path, tmp_path: Path) -> None:
    calls = [write(ATTACK, ATTACK), edit(ATTACK, f"{ATTACK}\n\n# x", ATTACK), edit("a", "b", ATTACK)]
    text = attempt_with(root, calls)[f"trajectories/{TASK}/dry-finch.md"]
    section_only = text.partition("## Files")[2].partition("\n## Patch")[0]
    (tmp_path / "page.html").write_text(section_only)
    page = Page(tmp_path / "page.html")
    assert page.handlers == page.scripts == []
    assert all(link.startswith("#") for link in page.links)
    assert page.text.count("window.pwned=1") >= 3


def test_long_ones_are_left_to_scripts(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = [write(f"{number}\n" * 400, f"src/{number % 7}.py") for number in range(60)]
    short = attempt_with(root, calls)
    monkeypatch.setattr(files_section, "INLINE", 1000)
    made = attempt_with(root, calls)
    here = f"trajectories/{TASK}/dry-finch"
    page = made[f"{here}.md"]
    assert len(page) < len(short[f"{here}.md"])
    wanted = dict(re.findall(r'<details class="as-state" id="([^"]+)" data-c="(\d+)">', page))
    assert len(wanted) == 60
    for anchor, number in wanted.items():
        assert f'"{anchor}":' in made[f"{here}/c/{int(number):04d}.js"]
    assert all(len(text) < 3 * chunks.LIMIT for path, text in made.items() if "/c/" in path)


def test_a_log_without_edits_has_no_section(root: Path) -> None:
    assert "## Files" not in attempt_with(root, [("shell", {"command": "ls"}, "")])[f"trajectories/{TASK}/dry-finch.md"]
    workspace = load(root)
    assert section(workspace.attempts[TASK]["dry-finch"], {}).text == ""
    assert places({}) == {}
