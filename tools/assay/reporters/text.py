"""`path:line:col: severity rule: message`, the shape editors and people read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from assay.diagnostics import Diagnostic, Severity


def render(diagnostics: Sequence[Diagnostic], checked: str) -> str:
    """One block for each diagnostic, then one line that sums up."""
    return "\n".join([*map(line, diagnostics), summary(diagnostics, checked)])


def line(diagnostic: Diagnostic) -> str:
    """One diagnostic, with its hint on a second line."""
    d = diagnostic
    text = f"{d.path}:{d.line}:{d.column}: {d.severity} {d.rule}: {d.message}"
    return f"{text}\n  hint: {d.hint}" if d.hint else text


def summary(diagnostics: Sequence[Diagnostic], checked: str) -> str:
    """How many of each severity, and where to learn more."""
    if not diagnostics:
        return f"{checked}: no problems."
    count = Counter(diagnostic.severity for diagnostic in diagnostics)
    words = [f"{count[level]} {level}{'s' if count[level] != 1 else ''}" for level in Severity if count[level]]
    return f"{checked}: {', '.join(words)}. `assay explain RULE` says more about a rule."
