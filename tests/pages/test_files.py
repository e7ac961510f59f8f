"""States of files that a log seems to tell and does not: they are not known, and anchors and elements stay few."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.model.trajectory import Step
from assay.pages import files_section
from assay.pages.file_states import Edit, edited
from tests.pages.example import TASK, make_workspace
from tests.pages.test_file_states import Call, attempt_with, edit, steps, write

NAMES = ("a.py", "./a.py", "/app/a.py", "/app/./a.py", "b.py", "/other/b.py")
KINDS = st.tuples(
    st.sampled_from(["write", "edit", "shell", "failed"]), st.sampled_from(NAMES), st.text("ab", max_size=3)
)


def refused(found: list[Step], *numbers: int) -> list[Step]:
    """The same steps, with results that say that the tool refused, as agents without exit codes write it."""
    data = [step.model_dump(mode="json", exclude_none=True) for step in found]
    for number in numbers:
        data[number - 1]["observation"]["results"][0]["extra"] = {"is_error": True}
    return [Step.model_validate(step) for step in data]


@given(st.lists(KINDS, max_size=10))
def test_what_is_shown_is_on_the_disk_by_whichever_name(changes: list[tuple[str, str, str]]) -> None:
    """The reference has one disk, with /app as the folder that names start from; edits replace the only `a`."""
    disk: dict[str, str] = {}
    calls: list[Call] = []
    wanted: list[tuple[str, str | None]] = []
    bad = []
    for kind, name, text in changes:
        place = str(Path("/app", name))
        if kind == "shell":
            calls.append(("shell", {"command": text}, ""))
            continue
        old = disk.get(place)
        if kind == "write":
            calls.append(write(text, name))
            disk[place] = text
        else:
            calls.append(edit("a", text, name))
            fits = old is not None and old.count("a") == 1
            if kind == "failed" or not fits:
                bad.append(len(calls) + 1)
                continue
            disk[place] = str(old).replace("a", text)
        wanted.append((name, disk[place]))
    found = edited(refused(steps(calls), *bad))
    by_name = {name: [then for one, then in wanted if one == name] for name, _ in wanted}
    assert {name: len(states) for name, states in found.items()} == {name: len(all_) for name, all_ in by_name.items()}
    for name, states in found.items():
        for state, then in zip(states, by_name[name], strict=True):
            assert state.text in (None, then)


def test_a_tool_that_refused_changed_nothing() -> None:
    found = edited(refused(steps([write("x\n"), edit("x", "y")]), 3))["a.py"]
    assert [state.text for state in found] == ["x\n"]


def test_another_name_for_a_file_makes_it_unsure() -> None:
    calls = [write("one\ntwo\n", "src/a.py"), edit("two", "2", "/app/src/a.py"), edit("one", "1", "src/a.py")]
    assert edited(steps(calls))["src/a.py"][-1].text is None
    apart = [write("one\n", "a.py"), write("two\n", "src/a.py"), edit("one", "1", "a.py")]
    assert edited(steps(apart))["a.py"][-1].text == "1\n"


def last(*calls: Call) -> Edit:
    return edited(steps(calls))["a.py"][-1]


def test_words_are_no_flags() -> None:
    assert last(write("x x\n"), edit("x", "y", replace_all="false")).text is None
    assert last(write("x x\n"), edit("x", "y", replace_all="true")).text == "y y\n"


def test_a_list_with_what_is_no_edit_is_not_understood() -> None:
    for odd in ([], ["x"], [{"old": "x", "new": "y"}, "z"]):
        assert last(write("x\n"), ("edit", {"path": "a.py", "edits": odd}, "")).text is None


def test_sentences_are_no_patches() -> None:
    found = edited(steps([write("x\n"), ("edit", {"input": "add tests for it\nupdate the docs"}, ""), edit("x", "y")]))
    assert [*found] == ["a.py"]
    assert found["a.py"][-1].commands == 1
    before = time.process_time()
    assert edited(steps([("edit", {"input": f"add a{chr(10) * 100_000}x"}, "")])) == {}
    assert time.process_time() - before < 2


def test_a_file_that_a_patch_moves_onto_another() -> None:
    patch: Call = ("edit", {"input": "update b.py\nmove to a.py\n@@\n-a\n+b\n"}, "")
    assert last(write("q\n"), patch, edit("q", "r")).text is None


def test_many_files_are_followed_quickly() -> None:
    calls = [write("x\n", f"{'/app/' * (number % 2)}src/{number % 700}/__init__.py") for number in range(1400)]
    before = time.process_time()
    made = steps(calls)
    built, before = time.process_time() - before, time.process_time()
    assert len(edited(made)) == 700
    assert time.process_time() - before < max(2.0, built)


def test_one_call_is_one_edit_of_a_file(tmp_path: Path) -> None:
    patch: Call = ("edit", {"input": "update a.py\n@@\n-a\n+b\nupdate a.py\n@@\n-c\n+d\n+e\n"}, "")
    [state] = edited(steps([patch]))["a.py"]
    assert (state.added, state.removed) == (3, 2)
    page = attempt_with(make_workspace(tmp_path), [patch])[f"trajectories/{TASK}/dry-finch.md"]
    anchors = re.findall(r'<details class="as-state" id="([^"]+)"', page)
    assert len(anchors) == len({*anchors}) == 1


def test_long_files_that_say_the_same_again_are_counted_quickly() -> None:
    one, other = ("".join(f"x{number**power % 5}\n" for number in range(2000)) for power in (1, 2))
    before = time.process_time()
    state = last(write(one), write(other))
    assert time.process_time() - before < 2
    assert state.added == state.removed > 0
    assert (last(write(one), write(f"{one}end\n")).added, last(write(one), write(f"{one}end\n")).removed) == (1, 0)


def test_a_thousand_edits_stay_few_elements(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files_section, "INLINE", 1000)
    calls = [write(f"{number}\n" * 3, f"src/p{number % 40 % 11}/m{number % 40}.py") for number in range(1000)]
    page = attempt_with(make_workspace(tmp_path), calls)[f"trajectories/{TASK}/dry-finch.md"]
    part = page.partition("## Files")[2].partition("\n## Patch")[0]
    assert part.count('class="as-state"') == 1000
    assert len(re.findall("<[a-z]", part)) < 3000
    assert len(part) < 150_000


def test_the_patch_leads_to_the_last_state_and_states_to_the_patch(tmp_path: Path) -> None:
    calls = [write("x\n", "tally.sh"), write("y\n", "/app/tally.sh"), write("z\n", "other.sh")]
    page = attempt_with(make_workspace(tmp_path), calls)[f"trajectories/{TASK}/dry-finch.md"]
    states, patch = page.partition("## Files")[2].split("\n## Patch")
    assert states.count('href="#f:tally.sh"') == 2
    assert patch.count('href="#f:/app/tally.sh@s3.c1"') == 1
    assert '@s2.c1"' not in patch
    assert "f:skip.txt@" not in patch
