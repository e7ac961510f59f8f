"""GitHub workflow commands (`::error file=…`), which need no token and also work on pull requests from forks.

GitHub shows at most ten errors and ten warnings a step, so the graver come first and the full text follows.
"""

from __future__ import annotations

from collections.abc import Sequence

from assay.diagnostics import Diagnostic, Severity
from assay.reporters import text

COMMANDS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.NOTE: "notice"}


def render(diagnostics: Sequence[Diagnostic], checked: str) -> str:
    """Commands by severity, then the plain report for the log."""
    order = list(Severity)
    commands = [command(item) for item in sorted(diagnostics, key=lambda item: order.index(item.severity))]
    return "\n".join([*commands, text.render(diagnostics, checked)])


def command(diagnostic: Diagnostic) -> str:
    """One workflow command."""
    d = diagnostic
    place = f"file={_property(d.path)},line={d.line},col={d.column},title={_property(d.rule)}"
    message = f"{d.message}\n{d.hint}" if d.hint else d.message
    return f"::{COMMANDS[d.severity]} {place}::{_data(message)}"


def _data(value: str) -> str:
    return value.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(value: str) -> str:
    return _data(value).replace(":", "%3A").replace(",", "%2C")
