"""Task rules on `task.toml` and `task.yaml`: what they say must be readable, known, and possible."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from assay.audit import task_rule
from assay.audit.folder import TaskFolder
from assay.diagnostics import Diagnostic, Severity
from assay.documents import validate
from assay.documents.source import Loc
from assay.model.foreign import HarborFile, TerminalBenchFile
from assay.model.task import DEFAULT_TIMEOUT

NEWEST = (1, 4)
"""The newest `schema_version` of Harbor that is known here."""
LIMITS: tuple[tuple[str, float, float, str], ...] = (
    ("timeout_sec", 1, 86_400, "seconds"),
    ("build_timeout_sec", 1, 86_400, "seconds"),
    ("max_agent_timeout_sec", 1, 86_400, "seconds"),
    ("max_test_timeout_sec", 1, 86_400, "seconds"),
    ("memory_mb", 16, 4_194_304, "MB"),
    ("storage_mb", 16, 67_108_864, "MB"),
    ("cpus", 0.01, 1024, "processors"),
)
"""Key, the least and the most that anybody means by it, unit."""
_UNKNOWN = "unknown key"


@task_rule("task-unreadable")
def task_unreadable(folder: TaskFolder) -> Iterator[Diagnostic]:
    """The settings file of a task can be read: `task.toml`, or `task.yaml` of Terminal-Bench.

    Nothing certain can be said of a task without it, so this is reported alone.

    Bad:
        [verifier
        timeout_sec = 60

    Good:
        [verifier]
        timeout_sec = 60
    """
    if folder.document is None:
        found = folder.diagnostics or [folder.at(folder.settings_file, 1, "", "must be a table of settings")]
        yield replace(found[0], rule="task-unreadable")


@task_rule("settings-ambiguous", Severity.WARNING)
def settings_ambiguous(folder: TaskFolder) -> Iterator[Diagnostic]:
    """Every value of `task.yaml` stands there once, plainly, and means the same to every parser.

    Of two values for one key parsers keep one silently; `no` is false to some of them and text to others.

    Bad:
        max_test_timeout_sec: 60
        max_test_timeout_sec: 600

    Good:
        max_test_timeout_sec: 600
    """
    for item in folder.diagnostics if folder.document else ():
        yield replace(item, rule="settings-ambiguous")


@task_rule("task-schema")
def task_schema(folder: TaskFolder) -> Iterator[Diagnostic]:
    """Every setting has a type and a value that the format allows, and what must be there is there.

    Harbor and Terminal-Bench refuse to load the task otherwise: limits must be numbers above 0, artifact paths without
    `..`, a verifier with an environment of its own cannot be shared.

    Bad:
        [agent]
        timeout_sec = "10 minutes"

    Good:
        [agent]
        timeout_sec = 600
    """
    for item in _misfits(folder):
        if not item.message.startswith(_UNKNOWN):
            yield replace(item, rule="task-schema")


@task_rule("settings-unknown-key", Severity.WARNING)
def settings_unknown_key(folder: TaskFolder) -> Iterator[Diagnostic]:
    """Every key is one that the format knows.

    Harbor and Terminal-Bench ignore the others silently: a typo is a setting that does not hold. Only `[metadata]` is
    free.

    Bad:
        [verifier]
        timeout_secs = 900

    Good:
        [verifier]
        timeout_sec = 900
    """
    for item in _misfits(folder):
        if item.message.startswith(_UNKNOWN):
            hint = item.hint.replace("keys that can be added here:", "keys that are read here:")
            yield replace(item, rule="settings-unknown-key", message=f"{item.message} (it is ignored)", hint=hint)


def _misfits(folder: TaskFolder) -> list[Diagnostic]:
    """Where the settings do not fit their model; nothing of a format that is newer than the model."""
    if folder.document is None or _newer(folder):
        return []
    model = TerminalBenchFile if folder.kind == "terminal-bench" else HarborFile
    return validate(folder.document, model)[1]


def _version(folder: TaskFolder) -> tuple[str, str]:
    """The key that holds the format's version, and its value; empty where it is no text."""
    key = "schema_version" if "schema_version" in folder.settings else "version"
    value = folder.setting(key)
    return key, value if isinstance(value, str) else ""


def _newer(folder: TaskFolder) -> bool:
    found = re.fullmatch(r"(\d{1,6})\.(\d{1,6})(?:\.\d{1,6})?", _version(folder)[1])
    return bool(found) and (int(found[1]), int(found[2])) > NEWEST  # type: ignore[index]


@task_rule("task-version", Severity.WARNING)
def task_version(folder: TaskFolder) -> Iterator[Diagnostic]:
    """`schema_version` is one of Harbor's from 1.0 to 1.4.

    What a newer format means is not known here: its keys were not checked, and other findings may be wrong.

    Bad:
        schema_version = "2.0"

    Good:
        schema_version = "1.4"
    """
    key, value = _version(folder)
    if folder.kind == "harbor" and value and not re.fullmatch(r"1\.[0-4](?:\.\d+)?", value):
        message = f"`{key}` must be 1.0 to 1.4, found `{value[:40]}`; its keys were not checked"
        yield folder.at_setting((key,), "task-version", message if _newer(folder) else message.partition(";")[0])


@task_rule("settings-deprecated", Severity.NOTE)
def settings_deprecated(folder: TaskFolder) -> Iterator[Diagnostic]:
    """Settings use the keys of Harbor 1.4.

    The older ones still work, and say less exactly what they mean.

    Bad:
        [environment]
        memory = "2G"
        allow_internet = false

    Good:
        [environment]
        memory_mb = 2048
        network_mode = "no-network"
    """
    newer = {"memory": "memory_mb", "storage": "storage_mb", "allow_internet": "network_mode"}
    for table in ("environment", "verifier"):
        loc: Loc = ("environment",) if table == "environment" else ("verifier", "environment")
        for old, new in newer.items():
            if folder.setting(*loc, old) is not None:
                yield folder.at_setting((*loc, old), "settings-deprecated", f"`{old}` is now called `{new}`")


def _tables(folder: TaskFolder) -> Iterator[tuple[Loc, Mapping[str, Any]]]:
    """Every table that may hold limits, those of milestones too."""
    names: list[Loc] = [(), ("agent",), ("verifier",), ("environment",), ("verifier", "environment")]
    steps = folder.setting("steps")
    for number in range(len(steps) if isinstance(steps, list) else 0):
        names += [("steps", number, "agent"), ("steps", number, "verifier")]
    for loc in names:
        table = folder.setting(*loc) if loc else folder.settings
        if isinstance(table, dict):
            yield loc, table


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


@task_rule("limit-implausible", Severity.WARNING)
def limit_implausible(folder: TaskFolder) -> Iterator[Diagnostic]:
    """Limits are in the unit that their key names, and in the range that anybody means.

    Milliseconds written for seconds let a task that hangs block its worker for days; gigabytes written for megabytes
    kill every process in it.

    Bad:
        [agent]
        timeout_sec = 1800000

    Good:
        [agent]
        timeout_sec = 1800
    """
    for loc, table in _tables(folder):
        for key, least, most, unit in LIMITS:
            value = _number(table.get(key))
            if value is not None and value > 0 and not least <= value <= most:
                message = f"`{key}` must be {least:g} to {most:g} {unit}, found {value:g}"
                yield folder.at_setting((*loc, key), "limit-implausible", message)


@task_rule("limit-order", Severity.NOTE)
def limit_order(folder: TaskFolder) -> Iterator[Diagnostic]:
    """The agent has at least as much time as its tests.

    Work that takes longer to check than it may take to do is rare; more often the two limits were exchanged.

    Bad:
        [agent]
        timeout_sec = 60
        [verifier]
        timeout_sec = 900

    Good:
        [agent]
        timeout_sec = 900
        [verifier]
        timeout_sec = 60
    """
    found = dict(_tables(folder))
    pairs = [((*loc[:-1], "agent", "timeout_sec"), (*loc, "timeout_sec")) for loc in found if loc[-1:] == ("verifier",)]
    for agent, verifier in [*pairs, (("max_agent_timeout_sec",), ("max_test_timeout_sec",))]:
        given, needed = _number(folder.setting(*agent)), _number(folder.setting(*verifier))
        if given is not None and needed is not None and 0 < given < needed:
            message = f"the agent's limit, {given:g} s, should be no less than that of its tests, {needed:g} s"
            yield folder.at_setting(agent, "limit-order", message)


@task_rule("milestone-limit", Severity.WARNING)
def milestone_limit(folder: TaskFolder) -> Iterator[Diagnostic]:
    """A milestone says how long its own tests may take.

    Harbor gives a milestone that does not say so 600 seconds, whatever the task's `[verifier]` says.

    Bad:
        [verifier]
        timeout_sec = 1800
        [[steps]]
        name = "merge-rows"

    Good:
        [[steps]]
        name = "merge-rows"
        [steps.verifier]
        timeout_sec = 1800
    """
    limit = _number(folder.setting("verifier", "timeout_sec"))
    steps = folder.setting("steps")
    if limit is None or limit == DEFAULT_TIMEOUT:
        return
    for number, step in enumerate(steps if isinstance(steps, list) else ()):
        if isinstance(step, dict) and folder.setting("steps", number, "verifier", "timeout_sec") is None:
            message = f"gets {DEFAULT_TIMEOUT:g} s for its tests, not the task's {limit:g} s"
            hint = f"write `timeout_sec = {limit:g}` into its `[steps.verifier]`"
            loc = ("steps", number, "name")
            yield folder.at_setting(loc, "milestone-limit", f"`{step.get('name')}` {message}", hint=hint)


@task_rule("milestone-strategy", Severity.NOTE)
def milestone_strategy(folder: TaskFolder) -> Iterator[Diagnostic]:
    """A task with milestones says how their rewards become one.

    Harbor's default is the mean over the milestones that were reached, so an attempt that ends early can score higher.

    Bad:
        [[steps]]
        name = "merge-rows"

    Good:
        multi_step_reward_strategy = "final"
        [[steps]]
        name = "merge-rows"
    """
    if folder.setting("steps", 1) is not None and folder.setting("multi_step_reward_strategy") is None:
        message = "a task with milestones should set `multi_step_reward_strategy`; it is not there"
        yield folder.at_setting(("steps",), "milestone-strategy", message)


@task_rule("verifier-same-shell", Severity.WARNING)
def verifier_same_shell(folder: TaskFolder) -> Iterator[Diagnostic]:
    """The tests of a Terminal-Bench task run in a shell of their own.

    In the agent's shell its aliases, functions, variables and working directory decide what the test command does, and
    the task cannot be moved to a format that keeps the two apart.

    Bad:
        run_tests_in_same_shell: true

    Good:
        run_tests_in_same_shell: false
    """
    if folder.kind == "terminal-bench" and folder.setting("run_tests_in_same_shell") is True:
        message = "the tests must not run in the agent's shell, found true"
        yield folder.at_setting(("run_tests_in_same_shell",), "verifier-same-shell", message)


@task_rule("verifier-parser", Severity.WARNING)
def verifier_parser(folder: TaskFolder) -> Iterator[Diagnostic]:
    """The output of a Terminal-Bench task's tests is read by the parser for pytest.

    The other parsers belong to one benchmark each; nothing else can run the task, and Assay cannot replay it.

    Bad:
        parser_name: sweperf

    Good:
        parser_name: pytest
    """
    name = folder.setting("parser_name")
    if folder.kind == "terminal-bench" and isinstance(name, str) and name != "pytest":
        yield folder.at_setting(("parser_name",), "verifier-parser", f"must be `pytest`, found `{name[:40]}`")
