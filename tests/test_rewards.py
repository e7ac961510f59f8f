"""From a verifier's files to a verdict: whatever cannot be trusted is invalid, never zero."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.rewards import judge, read_tests

PASSED = b"<testsuite><testcase classname='t' name='one' time='0.5'/></testsuite>"
FAILED = (
    b"<testsuite><testcase name='one'/><testcase name='two'><failure message='no'>long</failure></testcase></testsuite>"
)
SKIPPED = b"<testsuite><testcase name='one'><skipped/></testcase></testsuite>"


@pytest.mark.parametrize(
    ("files", "reward", "passed"),
    [
        ({"reward.txt": b"1\n"}, 1.0, True),
        ({"reward.txt": b" 0.5 "}, 0.5, False),
        ({"reward.txt": b"0", "reward.json": b'{"reward": 1}'}, 1.0, True),
        ({"reward.json": b'{"speed": 1, "quality": 0.5}'}, 0.75, False),
        ({"reward.json": b'{"speed": 0, "reward": 1.0}'}, 1.0, True),
        ({"reward.txt": b"1", "junit.xml": PASSED}, 1.0, True),
        ({"reward.txt": b"0", "junit.xml": FAILED}, 0.0, False),
        ({"reward.txt": b"0.5", "junit.xml": FAILED}, 0.5, False),
    ],
)
def test_a_valid_reward_is_scored(files: dict[str, bytes], reward: float, passed: bool) -> None:
    verdict = judge(files, exit_code=1)

    assert (verdict.outcome, verdict.reward, verdict.passed) == ("scored", reward, passed)


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        ({}, "neither"),
        *[
            ({"reward.txt": text}, "one finite number")
            for text in (b"", b"nan", b"inf", b"1_0", b"one", b"1 1", b"\xff")
        ],
        ({"reward.txt": b"1e309"}, "finite number"),
        *[({"reward.json": text}, "JSON") for text in (b"", b"{", b"[" * 100_000)],
        *[({"reward.json": text, "reward.txt": b"1"}, "object") for text in (b"{}", b"[1]", b"1")],
        *[
            ({"reward.json": b'{"reward": %s}' % text}, "finite number")
            for text in (b"NaN", b"Infinity", b"true", b'"1"', b"null", b"1" + b"0" * 400)
        ],
        ({"reward.txt": b"1", "junit.xml": FAILED}, "`two` did not pass"),
        ({"reward.txt": b"0", "junit.xml": PASSED}, "all 1 tests passed"),
        ({"reward.txt": b"1", "junit.xml": b"<testsuite/>"}, "no test that ran"),
        ({"reward.txt": b"1", "junit.xml": SKIPPED}, "no test that ran"),
        ({"reward.txt": b"1", "junit.xml": b"<testsuite>"}, "not valid XML"),
        ({"reward.txt": b"1", "junit.xml": b"<!DOCTYPE x [<!ENTITY a 'b'>]><testsuite/>"}, "must not declare"),
        ({"reward.txt": b"1", "junit.xml": "<?xml version='1.0'?><a/>".encode("utf-16")}, "malformed"),
        ({"reward.txt": b"1", "ctrf.json": b"{}"}, "malformed"),
        ({"reward.txt": b"1", "ctrf.json": b'{"results": {"tests": [{"name": "a", "status": "new"}]}}'}, "malformed"),
    ],
)
def test_what_cannot_be_trusted_is_invalid(files: dict[str, bytes], reason: str) -> None:
    verdict = judge(files, exit_code=0)

    assert (verdict.outcome, verdict.reward, verdict.passed) == ("invalid-verifier", None, None)
    assert reason in verdict.reason


@pytest.mark.parametrize("exit_code", [None, 124, 137])
def test_a_reward_written_before_the_time_ran_out_does_not_count(exit_code: int | None) -> None:
    assert judge({"reward.txt": b"1"}, exit_code).outcome == "invalid-verifier"


@pytest.mark.parametrize(
    ("wanted", "passed"),
    [(None, False), (0.5, True), (0.9, False), ({"a": 0.5, "b": 1.0}, True), ({"a": 0.6}, False), ({"c": 0.0}, False)],
)
def test_the_milestones_own_threshold_decides(wanted: float | dict[str, float] | None, passed: bool) -> None:
    assert judge({"reward.json": b'{"a": 0.5, "b": 1}'}, 0, wanted).passed is passed


def test_names_are_short_where_they_are_unique() -> None:
    found = [
        {"name": name, "status": "passed"} for name in ("t.py::A::x", "t.py::B::x", "t.py::y[p::q]", "plain", "plain")
    ]

    tests = read_tests({"ctrf.json": json.dumps({"results": {"tests": found}}).encode()})

    assert tests is not None
    assert [test.name for test in tests] == ["t.py::A::x", "t.py::B::x", "y[p::q]", "plain", "plain (2)"]


def test_durations_and_messages_are_kept() -> None:
    case = {"name": "a", "status": "failed", "duration": 1500, "message": "why"}

    (ctrf,) = read_tests({"ctrf.json": json.dumps({"results": {"tests": [case]}}).encode()}) or ()
    one, two = read_tests({"junit.xml": FAILED}) or ()

    assert (ctrf.seconds, ctrf.message, ctrf.status) == (1.5, "why", "failed")
    assert (one.status, two.status, two.message) == ("passed", "failed", "no")


json_values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
file_contents = st.one_of(st.binary(max_size=40), json_values.map(lambda value: json.dumps(value).encode()))


@given(
    st.dictionaries(st.sampled_from(["reward.txt", "reward.json", "junit.xml", "ctrf.json"]), file_contents),
    st.none() | st.integers(0, 255),
)
def test_any_files_give_a_verdict_and_only_valid_ones_a_grade(files: dict[str, bytes], exit_code: int | None) -> None:
    verdict = judge(files, exit_code)

    assert (verdict.outcome == "scored") == (verdict.passed is not None) == (verdict.reward is not None)
    assert (verdict.outcome == "scored") == (verdict.reason == "")
    assert verdict.reward is None or math.isfinite(verdict.reward)
