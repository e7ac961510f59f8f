"""Rules on the folders of tasks, ours or not: what can be told of a task by reading it.

A task rule is a generator of diagnostics over one `TaskFolder`; its docstring is its documentation, as for the rules of
a workspace. An error makes the verdict FAIL, a warning WARN, a note leaves it PASS.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from importlib import import_module
from typing import Literal

from assay.audit.folder import TaskFolder
from assay.diagnostics import Diagnostic, Severity, worst
from assay.rules import Rule, declare, declared

Overall = Literal["PASS", "WARN", "FAIL"]
TaskCheck = Callable[[TaskFolder], Iterator[Diagnostic]]

MODULES = ("layout", "graders", "contract", "smells", "safety", "leaks", "rewards", "isolation", "behaviour")
"""Each registers its rules when it is imported."""

_CHECKS: dict[str, TaskCheck | None] = {}


def task_rule(id: str, severity: Severity = Severity.ERROR) -> Callable[[TaskCheck], TaskCheck]:
    """Register the decorated generator as the task rule `id`."""

    def register(check: TaskCheck) -> TaskCheck:
        declare_task_rule(id, inspect.getdoc(check) or "", severity, check)
        return check

    return register


def declare_task_rule(id: str, text: str, severity: Severity = Severity.ERROR, check: TaskCheck | None = None) -> None:
    """Register a task rule documented by `text`; without `check` it is found by running the task."""
    declare(id, text, severity)
    _CHECKS[id] = check


def all_task_rules() -> dict[str, Rule]:
    """Every task rule by id, sorted."""
    for module in MODULES:
        import_module(f"assay.audit.{module}")
    return {id: rule for id, rule in declared().items() if id in _CHECKS}


@dataclass(frozen=True)
class Audited:
    """The findings of one task, sorted by place."""

    task: str
    findings: tuple[Diagnostic, ...]

    @property
    def overall(self) -> Overall:
        """The verdict that the gravest finding demands."""
        gravest = worst(self.findings)
        return "FAIL" if gravest is Severity.ERROR else "WARN" if gravest is Severity.WARNING else "PASS"


def audit(folder: TaskFolder, policy: Mapping[str, str]) -> Audited:
    """Run every task rule on `folder`; `policy` gives rules another severity, or `off`."""
    rules = all_task_rules()
    found = [*folder.diagnostics]
    for id, check in _CHECKS.items():
        if check is not None and policy.get(id) != "off":
            found += check(folder)
    return Audited(folder.name, graded(found, policy, rules))


def graded(
    found: Iterator[Diagnostic] | list[Diagnostic], policy: Mapping[str, str], rules: Mapping[str, Rule]
) -> tuple[Diagnostic, ...]:
    """Diagnostics with the severity that policy or rule gives them: sorted, without those that are off."""
    levels = {id: policy.get(id, rule.severity) for id, rule in rules.items()}
    kept = (replace(item, severity=Severity(levels[item.rule])) for item in found if levels[item.rule] != "off")
    return tuple(sorted(set(kept)))
