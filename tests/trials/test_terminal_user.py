"""A person at a real terminal speaks to an agent whose work comes from a script."""

from __future__ import annotations

import contextlib
import fcntl
import io
import json
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from assay.model.trajectory import Step, plain
from assay.pages.inert import visible
from assay.trials.terminal_screen import PACE, Screen, called
from tests.docker.test_record import take_terminal
from tests.trials.terminal_driver import DIFF, TEXTS

ROOT = Path(__file__).parents[2]
KEYS = re.compile(r"\x1b\[\?2004[hl]\r?")
"""Readline asks the terminal to mark what is pasted."""
STATUS = re.compile(r"[^\n\r]*\r\x1b\[2K")
"""A line that is written anew."""
STYLE = re.compile(r"\x1b\[[0-9;]*m")
HOSTILE = "\x1b]0;title\x07\x1b[2Jcle\x1b[1;1Hared \u202egnp.exe\u202c \x07bell nul\x00l \x9b31m\nfirst> :end"


def run(command: str, output: str, code: int = 0) -> dict[str, Any]:
    """A step that runs a command."""
    call = {"tool_call_id": "c", "function_name": "shell", "arguments": {"command": command}}
    result = {"source_call_id": "c", "content": output, "extra": {"exit_code": code, "seconds": 2.6}}
    return {"message": "", "tool_calls": [call], "observation": {"results": [result]}}


def say(text: str) -> dict[str, Any]:
    """A step that only says something."""
    return {"message": text}


class Person:
    """Somebody at a terminal of this size."""

    def __init__(
        self, folder: Path, turns: Sequence[Sequence[dict[str, Any]]], size: str = "80x24", **env: str
    ) -> None:
        self.screen = self.unread = ""
        self._record = folder / "record.json"
        (folder / "script.json").write_text(json.dumps(turns))
        columns, rows = map(int, size.split("x"))
        self._side, other = pty.openpty()
        fcntl.ioctl(other, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        kept = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES", "NO_COLOR")}
        driver = str(Path(__file__).with_name("terminal_driver.py"))
        self.process = subprocess.Popen(
            [sys.executable, driver, str(folder / "script.json"), str(self._record)],
            env={**kept, "PYTHONPATH": str(ROOT / "tools"), "TERM": "xterm-256color", "PAGER": "cat", **env},
            stdin=other, stdout=other, stderr=other, start_new_session=True, preexec_fn=take_terminal,
        )  # fmt: skip
        os.close(other)

    def sees(self, text: str, seconds: float = 20) -> None:
        """Wait until `text` is written, and look only at what comes after it from then on."""
        deadline = time.monotonic() + seconds
        while text not in self.unread:
            ready, _, _ = select.select([self._side], [], [], max(0.0, deadline - time.monotonic()))
            assert ready, f"no {text!r} in {self.unread!r}"
            try:
                piece = os.read(self._side, 65536).decode(errors="replace")
            except OSError:
                raise AssertionError(f"no {text!r} in {self.unread!r}") from None
            self.screen, self.unread = self.screen + piece, self.unread + piece
        self.unread = self.unread.partition(text)[2]

    def types(self, *lines: str) -> None:
        """Each at the next prompt, with Enter."""
        for line in lines:
            self.sees("> ")
            self.presses(f"{line}\n")

    def presses(self, keys: str) -> None:
        time.sleep(0.1)  # a key in the moment between a prompt and the look at the keyboard waits for the next one
        os.write(self._side, keys.encode())

    def hangs_up(self) -> None:
        os.close(self._side)

    def leaves(self) -> dict[str, Any]:
        """What was recorded once the program has ended."""
        assert self.process.wait(timeout=20) == 0, self.unread
        recorded: dict[str, Any] = json.loads(self._record.read_text())
        return recorded

    def shown(self) -> list[str]:
        """The lines of the screen as they stand there in the end."""
        text = KEYS.sub("", self.screen.replace("\r\n", "\n"))
        return STYLE.sub("", STATUS.sub("", text)).split("\n")


def squeezed(text: str) -> str:
    return "".join(text.split())


def recorded_text(step: Step) -> str:
    """All that a step holds, without blanks."""
    text = f"{step.step_id}{visible(step.text)}"
    for call in step.tool_calls or ():
        result = step.result_of(call)
        assert result is not None
        failed = f"exit {result.exit_code}, {result.seconds:.0f} s" if result.exit_code else ""
        text += visible(called(call)) + visible(plain(result.content)) + failed
    return squeezed(text)


def test_two_milestones_and_the_recording_equals_the_screen(tmp_path: Path) -> None:
    work = [say("I look *around*.\n\n- `a.py` first"), run("cat a.py", "one\n\ttwo\n"), run("make", "no rule\n", 2)]
    person = Person(tmp_path, [[*work, {"ask": "rm -rf /app/build"}, say("Done.")], [{"hang": 60}, say("Stopped.")]])
    person.types(":check", ":next", "")
    person.sees("rm -rf /app/build")
    person.sees("[y/n] ")
    person.presses("maybe\nn\n")
    person.types(":ch")
    person.sees("first: not passed (1 of 2 tests)")
    person.types(":diff")
    person.sees("+one")
    person.types(":show 9", ":status", ":next")
    person.sees("second, milestone 2 of 2, as written:")
    person.types("")
    person.sees("working 0 s")
    person.presses("\x03")
    person.sees("(interrupted)")
    person.types("Two lines \\\\\\")
    person.sees("... ")
    person.presses(" more\n")
    person.sees("(the agent ended its turn without a word)")
    person.types(":next", "\x04")

    recorded = person.leaves()
    assert [(move["state"], move["text"], move["begins"], move["disclosure"]) for move in recorded["moves"]] == [
        ("OPEN", "Write words into files.\n\n`one.txt` must say one.", "first", {
            "rule": "person", "text": "instruction"
        }),
        ("WORKING", "`two.txt` must say two.", "second", {
            "rule": "person", "text": "instruction", "refused": ["rm -rf /app/build"], "checked": {"first": False}
        }),
        ("WORKING", "Two lines \\\\\n more", None, {"rule": "person", "text": "own", "interrupted": True}),
        ("DONE", None, None, {"rule": "person"}),
    ]  # fmt: skip
    steps = [Step.model_validate(step) for step in recorded["steps"]]
    theirs = squeezed("".join(line for line in person.shown() if line.startswith("  ")))
    for quoted in (*TEXTS.values(), "rm -rf /app/build", visible(DIFF)):
        assert theirs.count(squeezed(quoted)) == 1
        theirs = theirs.replace(squeezed(quoted), "")
    assert theirs == "".join(map(recorded_text, steps))
    assert "hidden" not in person.screen
    text = "\n".join(person.shown())
    assert "the agent has no step `9`; its steps: 2 to 5" in text
    assert "tiny: first, milestone 1 of 2\nmessages: 1, calls: 2, 2 min of the agent's time" in text


@pytest.mark.parametrize(
    ("env", "mark"),
    [
        ({"NO_COLOR": "1"}, "⟨U+202E⟩gnp.exe"),
        ({"LC_ALL": "C", "PYTHONIOENCODING": "ascii"}, "\\u27e8U+202E\\u27e9gnp."),
    ],
)
def test_hostile_text_is_shown_and_never_interpreted(tmp_path: Path, env: dict[str, str], mark: str) -> None:
    person = Person(tmp_path, [[say(HOSTILE), run(HOSTILE, HOSTILE), {"ask": HOSTILE}]], "40x15", **env)
    person.types("")
    person.sees("[y/n] ")
    person.presses("y\n")
    person.types(":end")
    person.sees("[y/n] ")
    person.presses("y\n")
    person.leaves()

    text = STATUS.sub("", KEYS.sub("", person.screen))
    assert "\x1b" not in (text if "NO_COLOR" in env and not STYLE.search(text) else STYLE.sub("", text))
    assert not re.search("\x1b\\[[0-9;]*3[0-7]", text) or "NO_COLOR" not in env
    assert re.findall("[\x00-\x08\x0e-\x1a\x9b\u202e\u202c]", STYLE.sub("", text)) == []
    shown = person.shown()
    assert squeezed(mark) in squeezed("".join(shown))
    assert max(cell_len(line) for line in shown if line.startswith(" ")) <= 40
    assert [line for line in shown if line.startswith("first> :end")] == ["first> :end"]


def test_steps_come_at_a_steady_pace_and_long_ones_are_folded(tmp_path: Path) -> None:
    lines = [f"line {number}" for number in range(100)]
    person = Person(tmp_path, [[say("a step"), *[say("words")] * 6, run("seq", "\n".join([*lines, "x" * 900]))]])
    person.types("")
    person.sees("a step")
    began = time.monotonic()
    person.sees("$ seq")
    assert time.monotonic() - began > 6 * PACE
    person.sees("line 7\x1b")
    person.sees("… 89 more lines, :show 9")
    person.sees("… 500 more characters")
    person.types(":show")
    for line in lines:
        person.sees(f"{line}\r\n")
    person.types(":quit")
    person.sees("break the session off?")
    person.presses("y\n")
    assert person.leaves()["moves"][-1]["state"] == "ABORTED"


def test_control_c_twice_asks_whether_to_end(tmp_path: Path) -> None:
    person = Person(tmp_path, [[{"hang": 60}, {"sleep": 1}], [{"ask": "make"}, {"hang": 60}]], TERM="dumb")
    person.types("\\")
    person.sees("... ")
    person.presses("\x03")
    person.types("")
    time.sleep(0.5)
    person.presses("\x03")
    time.sleep(0.5)
    person.presses("\x03")
    person.sees("end the session?")
    person.presses("n\n")
    person.types(":say")
    person.sees("Ctrl-C drops it")
    person.sees("> ")
    person.presses("\x03")
    person.types("go on")
    person.sees("[y/n] ")
    person.presses("\x03")
    person.sees("(interrupted)")
    person.types("\x04")
    person.sees("[y/n] ")
    person.presses("\x04")
    moves = person.leaves()["moves"]
    assert [move["text"] for move in moves[1:]] == ["go on", None]
    noted = {"rule": "person", "refused": ["make"], "interrupted": True}
    assert moves[2] == {**moves[2], "state": "DONE", "disclosure": noted}
    assert "\x1b" not in person.screen


def test_an_instruction_changed_in_an_editor(tmp_path: Path) -> None:
    editor = tmp_path / "editor"
    editor.write_text("#!/bin/sh\nsed -i s/one/uno/g $1\n")
    editor.chmod(0o755)
    person = Person(tmp_path, [], EDITOR=str(editor))
    person.types(":edit")
    person.sees("`uno.txt` must say uno.")
    person.types("", ":end")
    person.presses("y\n")
    move = person.leaves()["moves"][0]
    assert (move["text"], move["begins"]) == ("Write words into files.\n\n`uno.txt` must say uno.", "first")
    assert move["disclosure"]["text"] == "own"


@pytest.mark.parametrize("during", ["first> ", "working 0 s", "[y/n]"])
def test_a_broken_connection_loses_nothing(tmp_path: Path, during: str) -> None:
    person = Person(tmp_path, [[say("words"), {"hang": 1}, {"ask": "make"}, {"hang": 60}]])
    if during != "first> ":
        person.types("")
    person.sees(during)
    person.hangs_up()
    recorded = person.leaves()
    assert (recorded["moves"][-1]["state"], recorded["moves"][-1]["text"]) == ("ABORTED", None)
    assert [step["message"] for step in recorded["steps"]] == ["words"] * (during != "first> ")


@given(st.text(), st.text(min_size=1), st.text(), st.integers(24, 100))
def test_all_of_any_text_is_shown_within_the_gutter(message: str, command: str, output: str, width: int) -> None:
    step = Step.model_validate({**run(command, output), "message": message, "step_id": 7, "source": "agent"})
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(io.StringIO()) as written:
        patch.setenv("COLUMNS", str(width))
        Screen().whole(step)
    rows = written.getvalue().split("\n")
    assert squeezed("".join(rows)) == recorded_text(step)
    assert all(row.startswith("    ") or not row for row in rows[1:])
    assert max(map(cell_len, rows)) <= width
