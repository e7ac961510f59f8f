"""Rules on the folders of tasks, ours or not: what can be told of a task by reading it.

A task rule is a generator of diagnostics over one `TaskFolder`; its docstring is its documentation, as for the rules of
a workspace. An error makes the verdict FAIL, a warning WARN, a note leaves it PASS.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib import import_module
from types import MappingProxyType
from typing import Literal

from assay.audit.folder import TaskFolder
from assay.diagnostics import Diagnostic, Severity, worst
from assay.rules import Rule, documented

Overall = Literal["PASS", "WARN", "FAIL"]
TaskCheck = Callable[[TaskFolder], Iterator[Diagnostic]]

MODULES = (
    "settings",
    "layout",
    "graders",
    "contract",
    "instructions",
    "smells",
    "skips",
    "chance",
    "safety",
    "images",
    "leaks",
    "rewards",
    "isolation",
    "behaviour",
    "sets",
)
"""Each registers its rules when it is imported."""

UNREADABLE = "task-unreadable"
INCOMPLETE = "audit-incomplete"
_STUMBLES = (ArithmeticError, AttributeError, LookupError, MemoryError, OSError, RuntimeError, TypeError, ValueError)
"""What a rule raises that expects too much of a task."""
_RULES: dict[str, Rule] = {}
_CHECKS: dict[str, TaskCheck] = {}


def task_rule(id: str, severity: Severity = Severity.ERROR) -> Callable[[TaskCheck], TaskCheck]:
    """Register the decorated generator as the task rule `id`."""

    def register(check: TaskCheck) -> TaskCheck:
        declare_task_rule(id, inspect.getdoc(check) or "", severity, check)
        return check

    return register


def declare_task_rule(id: str, text: str, severity: Severity = Severity.ERROR, check: TaskCheck | None = None) -> None:
    """Register a task rule documented by `text`; without `check` it is found by running the task, or comparing it."""
    if id in _RULES:
        raise ValueError(f"two task rules are called `{id}`")
    _RULES[id] = documented(id, text, severity)
    if check is not None:
        _CHECKS[id] = check


@cache
def all_task_rules() -> Mapping[str, Rule]:
    """Every task rule by id, sorted."""
    for module in MODULES:
        import_module(f"assay.audit.{module}")
    return MappingProxyType(dict(sorted(_RULES.items())))


def checked_rules() -> set[str]:
    """Ids of the task rules that reading one task decides."""
    all_task_rules()
    return set(_CHECKS)


declare_task_rule(
    INCOMPLETE,
    """Every rule can be applied to the task.

A task so odd that a rule stumbles over it, or that ends the process that reads it, is not known to be sound.

Bad:
    task.toml       # 4,000 tables inside one another

Good:
    task.toml       # tables that Harbor knows
""",
    Severity.WARNING,
)


@dataclass(frozen=True)
class Audited:
    """The findings of one task, sorted by place: those of reading it, and those of running it."""

    task: str
    read: tuple[Diagnostic, ...]
    run: tuple[Diagnostic, ...] = ()
    assessed: bool = False
    """Whether the task was run, and something could be decided."""

    @property
    def findings(self) -> tuple[Diagnostic, ...]:
        """All of them."""
        return tuple(sorted({*self.read, *self.run}))

    @property
    def overall(self) -> Overall:
        """The verdict that the gravest finding demands."""
        return _verdict(self.findings)

    @property
    def static(self) -> Overall:
        """The verdict of reading the task."""
        return _verdict(self.read)

    @property
    def behavioural(self) -> Overall | None:
        """The verdict of running the task; None when that is not assessed."""
        return _verdict(self.run) if self.assessed else None


def _verdict(findings: Iterable[Diagnostic]) -> Overall:
    gravest = worst(findings)
    return "FAIL" if gravest is Severity.ERROR else "WARN" if gravest is Severity.WARNING else "PASS"


def audit(folder: TaskFolder, policy: Mapping[str, str]) -> Audited:
    """Run every task rule on `folder`; `policy` gives rules another severity, or `off`.

    A task whose settings cannot be read is not read any further. A rule that the task makes stumble is a finding.
    """
    known = checked_rules() if folder.document else {UNREADABLE}
    wanted = [id for id in sorted(checked_rules() & known) if policy.get(id) != "off"]
    found: list[Diagnostic] = []
    for id in wanted:
        try:
            found += _CHECKS[id](folder)
        except _STUMBLES as error:
            message = f"`{id}` is not assessed: {type(error).__name__}: {str(error)[:120]}"
            found.append(folder.at("", 1, INCOMPLETE, message))
    return Audited(folder.name, graded(found, policy))


def graded(found: Iterable[Diagnostic], policy: Mapping[str, str]) -> tuple[Diagnostic, ...]:
    """Diagnostics with the severity that policy or rule gives them: sorted, without those that are off."""
    rules = all_task_rules()
    levels = {id: policy.get(id, rule.severity) for id, rule in rules.items()}
    kept = (replace(item, severity=Severity(levels[item.rule])) for item in found if levels[item.rule] != "off")
    return tuple(sorted(set(kept)))
