"""Verdicts of Terminal-Bench tasks: what pytest printed, read with its traps."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.rewards import Verdict, judge
from assay.verification.terminal_bench import OUTPUT, rewarded

HEAD = "..\n=========================== short test summary info ============================\n"


def verdict(text: str) -> Verdict:
    return judge(rewarded({OUTPUT: text.encode("utf-8", "surrogatepass")}), 0)


@pytest.mark.parametrize(
    ("lines", "passed", "names"),
    [
        ("PASSED t.py::test_a\nPASSED t.py::test_b[x::y]\n== 2 passed in 0.1s ==", True, ["test_a", "test_b[x::y]"]),
        ("FAILED t.py::test_a - AssertionError: 1 - 2 - 3\nPASSED t.py::test_b\n", False, ["test_a", "test_b"]),
        ("PASSED t.py::test_a\nSKIPPED [1] t.py:4: no network\n", False, ["test_a", "[1] t.py:4: no network"]),
        ("PASSED t.py::test_a\nXFAIL t.py::test_b - known\n", False, ["test_a", "test_b"]),
        ("ERROR t.py - ModuleNotFoundError: No module named 'x'\n", False, ["t.py"]),
    ],
)
def test_only_what_passed_is_a_pass(lines: str, passed: bool, names: list[str]) -> None:
    found = verdict(HEAD + lines)

    assert (found.outcome, found.passed) == ("scored", passed)
    assert [test.name for test in found.tests] == names


@pytest.mark.parametrize("text", ["", HEAD, "PASSED t.py::test_a\n", "bash: pytest: command not found\n"])
def test_no_result_is_no_verdict(text: str) -> None:
    assert verdict(text).outcome == "invalid-verifier"


@given(st.text(st.characters(codec="utf-8"), max_size=200))
def test_any_output_gives_a_verdict(text: str) -> None:
    found = verdict(HEAD + text)

    assert found.passed is not True or "PASSED" in text


def test_other_verifiers_files_are_left_alone() -> None:
    files = {"reward.txt": b"1"}
    assert rewarded(files) is files
