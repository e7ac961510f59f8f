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
from assay.model.settings import Start
from assay.sealing.places import is_draft
from assay.workspace import Workspace

Check = Callable[[Workspace], Iterator[Diagnostic]]

MODULES: Mapping[str, tuple[str, ...]] = {
    "reading": ("*",),
    "structure": ("*",),
    "starts": ("assay.toml",),
    "tasks": ("tasks/*",),
    "rubrics": ("tasks/*",),
    "criteria": ("tasks/*",),
    "users": ("tasks/*",),
    "calibrations": ("tasks/*",),
    "trajectories": ("trajectories/*", "annotations/*"),
    "studies": ("trajectories/*", ".assay/*"),
    "reported": ("trajectories/*",),
    "seals": ("trajectories/*",),
    "annotations": ("annotations/*",),
    "citations": ("annotations/*",),
    "runs": ("annotations/*",),
    "rationales": ("annotations/*",),
    "grades": ("annotations/*",),
    "circumstances": ("annotations/*",),
    "reviews": ("annotations/*",),
    "escalations": ("annotations/*",),
    "masks": ("trajectories/*", "annotations/*", ".assay/*", "assay.toml"),
    "history": (".git",),
    "independence": (".git",),
    "exposure": (".git",),
}
"""Each registers its rules when it is imported, which happens when something on the paths is asked for that it reports
on."""


@dataclass(frozen=True)
class Scope:
    """The paths on which findings are asked for; a folder ends in `/` and stands for all that is in it."""

    within: tuple[str, ...] = ("",)
    changed: frozenset[str] | None = None
    """Of those only these files; None for all."""

    def __call__(self, path: str) -> bool:
        inside = any(path == place or (place[-1:] in ("", "/") and path.startswith(place)) for place in self.within)
        return inside and (self.changed is None or path in self.changed)

    def touches(self, pattern: str) -> bool:
        """Whether a path like `pattern` can be among them."""
        if self.changed is not None:
            return any(fnmatch(path, pattern) and self(path) for path in self.changed)
        start = pattern.partition("*")[0]
        return any(
            start.startswith(place) or place.startswith(start) if place[-1:] in ("", "/") else fnmatch(place, pattern)
            for place in self.within
        )

    @property
    def tasks(self) -> frozenset[str] | None:
        """The tasks whose trajectories the findings rest on, where only annotations are asked for; None for all."""
        parts = [place.split("/") for place in self.within]
        if all(len(part) > 2 and part[0] == "annotations" for part in parts):
            return frozenset(part[1] for part in parts)
        return None


EVERYTHING = Scope()


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


def all_rules(scope: Scope = EVERYTHING) -> dict[str, Rule]:
    """Every rule of a workspace by id, sorted; those at least that report on paths in `scope`."""
    for module, patterns in MODULES.items():
        if any(map(scope.touches, patterns)):
            import_module(f"assay.rules.{module}")
    return dict(sorted(_REGISTRY.items()))


def run(workspace: Workspace, scope: Scope = EVERYTHING) -> list[Diagnostic]:
    """Diagnostics on the paths in `scope`, reading included, with the severities that the policy asks for.

    They are sorted by place. Rules that report on none of the paths are not run.
    """
    policy = workspace.settings.levels
    found = [*workspace.diagnostics]
    workspace = replace(workspace, wanted=scope)
    for item in all_rules(scope).values():
        if item.check is not None and policy.get(item.id) != "off" and scope.touches(item.about):
            found += item.check(workspace)
    return graded((item for item in found if scope(item.path)), workspace)


def graded(found: Iterable[Diagnostic], workspace: Workspace) -> list[Diagnostic]:
    """Findings with the severities that the policy asks for, sorted by place."""
    return sorted(set(_graded(found, workspace)))


def _graded(found: Iterable[Diagnostic], workspace: Workspace) -> Iterator[Diagnostic]:
    policy, is_older = workspace.settings.levels, _older(workspace)
    for diagnostic in found:
        level = severity(diagnostic.rule, policy)
        start = workspace.settings.rules.get(diagnostic.rule)
        if isinstance(start, Start) and is_older(start, diagnostic.path):
            level = start.before
        if level == Severity.ERROR and is_draft(diagnostic.path):
            level = Severity.WARNING  # what is half done stops no commit of something else; `assay seal` refuses it
        if level != "off":
            yield replace(diagnostic, severity=Severity(level))


def _older(workspace: Workspace) -> Callable[[Start, str], bool]:
    """Whether a file was there before a rule; imported only where some rule has a start."""
    if not any(isinstance(found, Start) for found in workspace.settings.rules.values()):
        return lambda start, path: False
    from assay.starts import Starts

    return Starts(workspace).is_older


def severity(name: str, policy: Mapping[str, str]) -> str:
    """What `[rules]` says of a rule, or the rule itself."""
    return policy.get(name) or _REGISTRY[name].severity
