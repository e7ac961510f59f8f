"""Task rules on what grades besides single tests: rubrics, rewards that gate, and the declared difficulty."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any

from assay.audit import declare_task_rule, task_rule
from assay.audit.folder import Goal, TaskFolder
from assay.audit.shell import script
from assay.diagnostics import Diagnostic, Severity
from assay.documents import Document, read
from assay.documents.source import Loc

DIFFICULTIES = ("easy", "medium", "hard")
_LISTS = ("criteria", "rubric", "rubrics", "items")
_WEIGHTS = ("weight", "points", "max_points", "max_score")
_TOTALS = ("total", "total_weight", "total_points", "max_total")
_RUNNERS = {"pytest", "py.test"}
_NAMES_TESTS = re.compile(r"test_[^\s/]*\.py|[^\s/]*_test\.py")
_TEST_SETTINGS = {"pytest.ini", "pyproject.toml", "tox.ini", "setup.cfg", "Dockerfile"}


def _rubrics(folder: TaskFolder) -> Iterator[tuple[str, Document | None, list[Diagnostic]]]:
    for name in ("rubric.yaml", "rubric.yml", "rubric.json"):
        if folder.has(name):
            yield name, *read(folder.path / name, f"{folder.shown}/{name}")


def _criteria(document: Document) -> tuple[Loc, list[Any]] | None:
    """Where a rubric keeps its criteria; None for a shape that is not known."""
    if isinstance(document.data, list):
        return (), document.data
    for key in _LISTS if isinstance(document.data, dict) else ():
        if isinstance(document.data.get(key), list):
            return (key,), document.data[key]
    return None


def _weights(items: list[Any]) -> list[float]:
    """The weights that criteria state, whatever the rubric calls them."""
    found = (next((item[key] for key in _WEIGHTS if key in item), None) for item in items if isinstance(item, dict))
    return [float(value) for value in found if isinstance(value, int | float) and not isinstance(value, bool)]


@task_rule("rubric-empty")
def rubric_empty(folder: TaskFolder) -> Iterator[Diagnostic]:
    """A rubric can be read and has criteria that count.

    A grader without criteria, or whose weights add up to nothing, divides by zero or falls back to a pass.

    Bad:
        criteria: []

    Good:
        criteria:
          - {id: keeps-order, statement: "`merge` keeps the input order.", weight: 3}
    """
    for name, document, found in _rubrics(folder):
        if document is None:
            yield folder.at(name, found[0].line, "rubric-empty", f"cannot be read: {found[0].message}")
            continue
        known = _criteria(document)
        empty = document.data is None or document.data == {}
        if empty or (known and not known[1]):
            yield _in(document, known[0] if known else (), "rubric-empty", "must list criteria, found none")
        elif known:
            weights = _weights(known[1])
            if len(weights) == len(known[1]) and not any(weights):
                yield _in(document, known[0], "rubric-empty", "the weights must add up to more than 0; all are 0")


@task_rule("rubric-optional", Severity.WARNING)
def rubric_optional(folder: TaskFolder) -> Iterator[Diagnostic]:
    """A rubric that marks criteria as `must_pass` marks at least one.

    Graders that find none fall back to the share of criteria that hold: doing nothing can pass.

    Bad:
        criteria:
          - {id: merges, must_pass: false}
          - {id: no-new-files, must_pass: false}

    Good:
        criteria:
          - {id: merges, must_pass: true}
          - {id: no-new-files, must_pass: false}
    """
    for _, document, _ in _rubrics(folder):
        known = _criteria(document) if document else None
        marks = [item.get("must_pass") for item in known[1] if isinstance(item, dict)] if known else []
        if document and known and any(mark is not None for mark in marks) and not any(marks):
            yield _in(document, known[0], "rubric-optional", "one criterion must be `must_pass`; none is")


@task_rule("rubric-total")
def rubric_total(folder: TaskFolder) -> Iterator[Diagnostic]:
    """The weights of a rubric add up to the total that it declares.

    Otherwise the best possible work does not get the full score, or more than that.

    Bad:
        total: 10
        criteria: [{id: merges, weight: 3}, {id: readable, weight: 5}]

    Good:
        total: 8
        criteria: [{id: merges, weight: 3}, {id: readable, weight: 5}]
    """
    for _, document, _ in _rubrics(folder):
        known = _criteria(document) if document else None
        if document is None or known is None or not isinstance(document.data, dict):
            continue
        key = next((key for key in _TOTALS if isinstance(document.data.get(key), int | float)), None)
        weights = _weights(known[1])
        if key and len(weights) == len(known[1]):
            declared, found = float(document.data[key]), sum(weight for weight in weights if weight > 0)
            if abs(declared - found) > 1e-6 * max(1.0, abs(found)):
                yield _in(document, (key,), "rubric-total", f"`{key}` must be the sum {found:g}, found {declared:g}")


@task_rule("milestone-untested")
def milestone_untested(folder: TaskFolder) -> Iterator[Diagnostic]:
    """A script that lets pytest collect tests has tests to collect, for each milestone.

    Pytest ends with status 5 when it collects nothing: the milestone is never passed, or always, whatever was done.

    Bad:
        tests/test.sh                        # pytest /tests
        steps/write-report/instruction.md    # and no tests of its own

    Good:
        tests/test.sh
        steps/write-report/tests/test_report.py
    """
    for goal in folder.goals:
        text = folder.text(goal.script) if goal.script else None
        if text is None or _NAMES_TESTS.search(text) or any(_may_hold_tests(folder, file) for file in goal.tests):
            continue
        own = script(text)
        for command in own.commands:
            words = [own.expand(word) for word in command.words]
            paths = [word for word in words[1:] if word.startswith("/") and not word.startswith(("/logs", "/dev"))]
            runs = any(PurePosixPath(word).name in _RUNNERS for word in words)
            if runs and paths and all(path.rstrip("/") == "/tests" for path in paths) and goal.script:
                of = f" of `{goal.name}`" if goal.settings else ""
                message = f"pytest collects nothing{of}: there is no `test_*.py` below /tests"
                yield folder.at(goal.script, command.line, "milestone-untested", message)


def _may_hold_tests(folder: TaskFolder, file: str) -> bool:
    """Whether pytest may collect something because of this file: tests, its settings, a hook, another image."""
    name = PurePosixPath(file).name
    hooks = name == "conftest.py" and "pytest_collect" in (folder.text(file) or "")
    return hooks or bool(_NAMES_TESTS.fullmatch(name)) or name in _TEST_SETTINGS


@task_rule("reward-key-unwritten", Severity.WARNING)
def reward_key_unwritten(folder: TaskFolder) -> Iterator[Diagnostic]:
    """A key that `min_reward` names is one that the verifier writes.

    A missing key counts as minus infinity: the attempt ends there, and later milestones are never reached.

    Bad:
        min_reward = {accuracy = 0.5}     # test.sh writes reward.txt, so the key is `reward`

    Good:
        min_reward = {reward = 0.5}
    """
    steps = folder.setting("steps")
    for goal in folder.goals:
        gate = goal.settings.get("min_reward")
        place = next((n for n, step in enumerate(steps if isinstance(steps, list) else ()) if step is goal.settings), 0)
        for key in gate if isinstance(gate, dict) else ():
            if not _writes(folder, goal, str(key)):
                loc = ("steps", place, "min_reward", key)
                message = f"`{str(key)[:60]}` must be a reward that `{goal.name}` writes; its tests never name it"
                yield folder.at_setting(loc, "reward-key-unwritten", message)


def _writes(folder: TaskFolder, goal: Goal, key: str) -> bool:
    texts = [source.text for source in folder.sources(goal.tests)]
    if not texts or (key == "reward" and any("reward.txt" in text for text in texts)):
        return True
    word = re.compile(rf"(?<![\w-]){re.escape(key)}(?![\w.-])")
    return any(word.search(text) for text in texts)


@task_rule("difficulty-unknown", Severity.NOTE)
def difficulty_unknown(folder: TaskFolder) -> Iterator[Diagnostic]:
    """The difficulty of a task is easy, medium or hard.

    Any other word stands alone in every table that groups tasks by it.

    Bad:
        difficulty = "tricky"

    Good:
        difficulty = "hard"
    """
    loc = _difficulty(folder)
    value = folder.setting(*loc)
    if value is not None and value not in DIFFICULTIES:
        allowed = ", ".join(f"`{name}`" for name in DIFFICULTIES)
        yield folder.at_setting(loc, "difficulty-unknown", f"must be one of {allowed}, found `{str(value)[:40]}`")


def _difficulty(folder: TaskFolder) -> Loc:
    return ("difficulty",) if folder.kind == "terminal-bench" else ("metadata", "difficulty")


def declared_difficulty(folder: TaskFolder) -> str | None:
    """What the settings say; None when they say nothing."""
    value = folder.setting(*_difficulty(folder))
    return value if isinstance(value, str) else None


@task_rule("difficulty-measured", Severity.WARNING)
def difficulty_measured(folder: TaskFolder) -> Iterator[Diagnostic]:
    """The declared difficulty is the one that calibration measured.

    A difficulty nobody measured is a guess; one that measurement contradicts misleads everybody who selects by it.
    `assay calibrate` calls a solve rate of 0.7 and more easy, one below 0.3 hard. What scripted policies do measures
    nothing.

    Bad:
        # task.toml
        difficulty = "hard"
        # calibration.json
        {"difficulty": "easy", "why": "18 of 20 trials solve it"}

    Good:
        difficulty = "easy"
    """
    declared = declared_difficulty(folder)
    if declared not in DIFFICULTIES or not folder.has("calibration.json"):
        return
    document, _ = read(folder.path / "calibration.json", "calibration.json")
    data = document.data if document and isinstance(document.data, dict) else {}
    measured = data.get("difficulty")
    if measured in DIFFICULTIES and measured != declared:
        message = f"declared `{declared}`, measured `{measured}` ({str(data.get('why', 'no reason given'))[:120]})"
        yield folder.at_setting(_difficulty(folder), "difficulty-measured", message)


declare_task_rule(
    "difficulty-uniform",
    """The tasks of a set do not all declare the same difficulty.

A label that never varies tells nobody anything; most often it is the value of a template. Looked at from ten tasks on,
and reported for the set.

Bad:
    difficulty = "medium"        # in every one of 40 tasks

Good:
    difficulty = "hard"          # here, where few attempts succeed
""",
    Severity.NOTE,
)


def _in(document: Document, loc: Loc, rule: str, message: str) -> Diagnostic:
    return Diagnostic.at(document.path, document.position(loc), rule, message)
