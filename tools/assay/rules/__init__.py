"""The rules: named constraints on a loaded workspace.

A rule is a generator of diagnostics. The first line of its docstring states it in the present tense; the paragraphs
after it say why; the indented blocks after `Bad:` and `Good:` are its examples. Rules read the workspace only.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from fnmatch import fnmatch
from importlib import import_module

from assay.diagnostics import Diagnostic, Severity
from assay.workspace import Workspace

Check = Callable[[Workspace], Iterator[Diagnostic]]

MODULES = (
    "reading",
    "structure",
    "tasks",
    "criteria",
    "users",
    "calibrations",
    "trajectories",
    "studies",
    "reported",
    "seals",
    "annotations",
    "citations",
    "rationales",
    "escalations",
    "masks",
    "history",
)
"""Each registers its rules when it is imported."""


@dataclass(frozen=True)
class Rule:
    """One rule; `check` is None for rules that hold while files are read.

    A rule that costs time says what it is `about`, a pattern of the only paths that it reports on.
    """

    id: str
    severity: Severity
    summary: str
    why: str
    bad: str
    good: str
    check: Check | None
    about: str = "*"


_REGISTRY: dict[str, Rule] = {}


def rule(id: str, severity: Severity = Severity.ERROR, about: str = "*") -> Callable[[Check], Check]:
    """Register the decorated generator under `id`."""

    def register(check: Check) -> Check:
        declare(id, inspect.getdoc(check) or "", severity, check)
        _REGISTRY[id] = replace(_REGISTRY[id], about=about)
        return check

    return register


def declare(id: str, text: str, severity: Severity = Severity.ERROR, check: Check | None = None) -> None:
    """Register a rule whose documentation is `text`."""
    if id in _REGISTRY:
        raise ValueError(f"two rules are called `{id}`")
    _REGISTRY[id] = documented(id, text, severity, check)


def documented(id: str, text: str, severity: Severity, check: Check | None = None) -> Rule:
    """A rule from its documentation: summary, reasons, then the examples after `Bad:` and `Good:`."""
    prose, _, examples = text.partition("\nBad:\n")
    bad, _, good = examples.partition("\nGood:\n")
    summary, _, why = prose.strip().partition("\n")
    return Rule(id, severity, summary.strip(), why.strip(), inspect.cleandoc(bad), inspect.cleandoc(good), check)


def all_rules() -> dict[str, Rule]:
    """Every rule of a workspace by id, sorted."""
    for module in MODULES:
        import_module(f"assay.rules.{module}")
    return dict(sorted(_REGISTRY.items()))


def run(workspace: Workspace, wanted: Callable[[str], bool] = lambda path: True) -> list[Diagnostic]:
    """Diagnostics, reading included, with the severities that the policy asks for; sorted by place.

    Those on the paths that are `wanted`: rules that are about none of them are not run.
    """
    known, policy = all_rules(), workspace.settings.rules
    paths = [path for path in workspace.documents if wanted(path)]
    found = [*workspace.diagnostics]
    workspace = replace(workspace, wanted=wanted)
    for item in known.values():
        concerned = item.about == "*" or any(fnmatch(path, item.about) for path in paths)
        if item.check is not None and policy.get(item.id) != "off" and concerned:
            found += item.check(workspace)
    return graded((item for item in found if wanted(item.path)), workspace)


def graded(found: Iterable[Diagnostic], workspace: Workspace) -> list[Diagnostic]:
    """Findings with the severities that the policy asks for, sorted by place."""
    return sorted(set(_graded(found, workspace.settings.rules, all_rules())))


def _graded(found: Iterable[Diagnostic], policy: Mapping[str, str], known: Mapping[str, Rule]) -> Iterator[Diagnostic]:
    for diagnostic in found:
        level = policy.get(diagnostic.rule, known[diagnostic.rule].severity)
        if level != "off":
            yield replace(diagnostic, severity=Severity(level))
