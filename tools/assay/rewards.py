"""What a verifier wrote, as a verdict. Invalid is never zero: whatever cannot be trusted is `invalid-verifier`.

Files, as Harbor defines them: reward.json (a flat object of finite numbers) beats reward.txt (one finite number).
Results of single tests come from ctrf.json (Common Test Report Format) or junit.xml (as pytest writes it).
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal
from xml.etree import ElementTree

from assay.model.outcome import Outcome, TestResult

MESSAGE_LIMIT = 2000
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_CTRF: dict[str, Literal["passed", "failed", "error", "skipped"]] = {
    "passed": "passed",
    "failed": "failed",
    "skipped": "skipped",
    "pending": "skipped",
    "other": "error",
}
MinReward = float | dict[str, float] | None


class InvalidVerifierError(Exception):
    """The verifier's files give no verdict; the text says why."""


@dataclass(frozen=True)
class Verdict:
    """`passed` and `reward` are None exactly when `outcome` is not `scored`."""

    outcome: Outcome
    reward: float | None
    passed: bool | None
    tests: tuple[TestResult, ...]
    reason: str = ""


def judge(files: Mapping[str, bytes], exit_code: int | None, min_reward: MinReward = None) -> Verdict:
    """The verdict of one run of a milestone's tests.

    `files` are those of /logs/verifier by name; `exit_code` is that of the test script, None when it never ended.
    Passing means a reward of at least `min_reward`, or 1. The exit status itself is no verdict (Harbor ignores it too).
    """
    tests: tuple[TestResult, ...] = ()
    try:
        found = read_tests(files)
        tests = found or ()
        if exit_code is None or exit_code in (124, 137):
            raise InvalidVerifierError("the tests were stopped before they ended")
        rewards = read_rewards(files)
        reward = rewards.get("reward", math.fsum(rewards.values()) / len(rewards))
        _agree(reward, found)
    except InvalidVerifierError as error:
        return Verdict("invalid-verifier", None, None, tests, str(error))
    return Verdict("scored", reward, _reached(rewards, reward, min_reward), tests)


def _reached(rewards: Mapping[str, float], reward: float, wanted: MinReward) -> bool:
    if isinstance(wanted, dict):
        return all(rewards.get(key, -math.inf) >= least for key, least in wanted.items())
    return reward >= (1.0 if wanted is None else wanted)


def _agree(reward: float, tests: tuple[TestResult, ...] | None) -> None:
    """A reward must not contradict the report of single tests, when there is one."""
    if tests is None:
        return
    run = [test for test in tests if test.status != "skipped"]
    if not run:
        raise InvalidVerifierError("the test report holds no test that ran")
    bad = [test.name for test in run if test.status != "passed"]
    if reward >= 1 and bad:
        raise InvalidVerifierError(f"the reward is {reward:g}, but test `{bad[0]}` did not pass")
    if reward <= 0 and not bad:
        raise InvalidVerifierError(f"the reward is {reward:g}, but all {len(run)} tests passed")


def read_rewards(files: Mapping[str, bytes]) -> dict[str, float]:
    """Rewards by key; reward.txt gives the key `reward`. Raises InvalidVerifierError."""
    if "reward.json" in files:
        data = _json(files["reward.json"], "reward.json")
        if not isinstance(data, dict) or not data:
            raise InvalidVerifierError("reward.json must be an object with at least one number")
        return {key: _finite(value, f"`{key}` in reward.json") for key, value in data.items()}
    if "reward.txt" not in files:
        raise InvalidVerifierError("the tests wrote neither reward.json nor reward.txt")
    text = files["reward.txt"].decode(errors="replace").strip()
    if not _NUMBER.fullmatch(text):
        raise InvalidVerifierError(f"reward.txt must hold one finite number; found `{text[:40]}`")
    return {"reward": _finite(float(text), "reward.txt")}


def _finite(value: object, place: str) -> float:
    # bool is an int to Python; a verifier that writes `true` has not said how much.
    if type(value) not in (int, float) or not isinstance(value, int | float) or abs(value) > 1e300 or value != value:
        raise InvalidVerifierError(f"{place} must be a finite number; found {str(value)[:40]}")
    return float(value)


def _json(content: bytes, name: str) -> Any:
    try:
        return json.loads(content)
    except (ValueError, RecursionError) as error:
        raise InvalidVerifierError(f"{name} is not valid JSON: {str(error)[:200]}") from error


def read_tests(files: Mapping[str, bytes]) -> tuple[TestResult, ...] | None:
    """Results of single tests with names that are unique; None without a report. Raises InvalidVerifierError."""
    try:
        if "ctrf.json" in files:
            return _unique(_ctrf(_json(files["ctrf.json"], "ctrf.json")))
        if "junit.xml" in files:
            return _unique(_junit(files["junit.xml"]))
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        what = f"{type(error).__name__} {str(error)[:200]}"
        raise InvalidVerifierError(f"the test report is malformed: {what}") from error
    return None


def _ctrf(data: Any) -> Iterator[tuple[str, TestResult]]:
    for test in data["results"]["tests"]:
        scope, name = _split(str(test["name"]))
        seconds = max(0.0, float(test.get("duration") or 0) / 1000)
        message = str(test.get("message") or "")[:MESSAGE_LIMIT]
        yield scope, TestResult(name=name, status=_CTRF[test["status"]], seconds=seconds, message=message)


def _junit(content: bytes) -> Iterator[tuple[str, TestResult]]:
    text = content.decode("utf-8")
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise InvalidVerifierError("junit.xml must not declare a document type or entities")
    try:
        root = ElementTree.fromstring(text)
    except ElementTree.ParseError as error:
        raise InvalidVerifierError(f"junit.xml is not valid XML: {error}") from error
    for case in root.iter("testcase"):
        status: Literal["passed", "failed", "error", "skipped"] = "passed"
        message = ""
        for tag, meaning in (("skipped", "skipped"), ("failure", "failed"), ("error", "error")):
            if (child := case.find(tag)) is not None:
                status = meaning  # type: ignore[assignment]
                message = (child.get("message") or child.text or "").strip()[:MESSAGE_LIMIT]
        seconds = max(0.0, float(case.get("time") or 0))
        name = case.get("name") or case.get("classname") or "unnamed"
        yield case.get("classname") or "", TestResult(name=name, status=status, seconds=seconds, message=message)


def _split(name: str) -> tuple[str, str]:
    """Scope and own name of `file.py::Class::test[parameter]`."""
    path, bracket, parameter = name.partition("[")
    scope, _, own = path.rpartition("::")
    return (scope, own + bracket + parameter) if own else ("", name)


def _unique(found: Iterator[tuple[str, TestResult]]) -> tuple[TestResult, ...]:
    """Own names where they are unique, else with their scope, else numbered."""
    tests = list(found)
    own = Counter(test.name for _, test in tests)
    named = [
        test if own[test.name] == 1 or not scope else test.model_copy(update={"name": f"{scope}::{test.name}"})
        for scope, test in tests
    ]
    seen: Counter[str] = Counter()
    unique = []
    for test in named:
        seen[test.name] += 1
        again = seen[test.name]
        unique.append(test if again == 1 else test.model_copy(update={"name": f"{test.name} ({again})"}))
    return tuple(unique)
