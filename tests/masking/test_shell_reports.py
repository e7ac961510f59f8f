"""What a command printed comes out of the report that a harness makes of it; what it printed itself stays."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.masking.shell_reports import unwrapped

REPORT = "Command: {}\nDirectory: (root)\nOutput: {}\nError: {}\nExit Code: {}\nSignal: 0\nProcess Group PGID: 117"
CUT = (
    "Tool output was too large and has been truncated.\n"
    "The full output has been saved to: /home/agent/.x/tmp/0a1b/run_it_a04884ba672d.output\n"
    "To read the complete output, use the read_it tool with the absolute file path above.\n"
    "The truncated output below shows the beginning and end of the content. The marker '...' indicates where.\n"
)


@pytest.mark.parametrize(
    ("text", "printed", "code"),
    [
        (REPORT.format("wc -w notes.txt", "12 notes.txt", "(none)", 0), "12 notes.txt", 0),
        (REPORT.format("a\nb", "(empty)", "no such file", -1), "no such file", -1),
        (REPORT.format("a", "one\nError: two", "three", 3), "one\nError: two\nthree", 3),
        ("Output: one\nProcess Group PGID: 7", "one", None),
        ("Output: one\nExit Code: 2", "one", 2),
        ("(no output)", "", None),
        (CUT + "\nTruncated part of the output:\n" + REPORT.format("a", "(empty)", "(none)", 0), "", 0),
        (CUT + "first\n[CUT]\nlast", "Tool output was too large and has been truncated.\nfirst\n[CUT]\nlast", None),
        ("Output: of a program that says so\n", "Output: of a program that says so\n", None),
        ("Exit Code: 3\n", "Exit Code: 3\n", None),
        ("Output too long and was saved to: /tmp/0a1b/run_it_a04884ba672d.output", "", None),
        ("", "", None),
    ],
)
def test_reports_and_what_only_looks_like_one(text: str, printed: str, code: int | None) -> None:
    assert unwrapped(text) == (printed, code)


LINES = st.text(st.characters(codec="ascii", exclude_categories=["Cc"]), min_size=1)


@given(st.lists(LINES, min_size=1).map("\n".join), LINES, st.integers(-128, 255))
def test_what_was_printed_comes_back_whole(printed: str, command: str, code: int) -> None:
    text = REPORT.format(command, printed, "(none)", code)
    expected = "" if printed.strip() in {"(empty)", "(none)", "(no output)", "<no output>", "[no output]"} else printed
    assert unwrapped(text) == (expected, code)
