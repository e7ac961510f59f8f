"""GitHub workflow commands (`::error file=…`), which need no token and also work on pull requests from forks.

GitHub shows at most ten commands of a severity for each step and drops the rest without a word. So the first ten of
each are written as commands, in the order in which they come (those on changed lines first), and the full text follows.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import groupby

from assay.diagnostics import Diagnostic, Severity
from assay.reporters import text

COMMANDS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.NOTE: "notice"}
SHOWN = 10
LARGEST = 1_000_000
"""Bytes of a step's summary; GitHub refuses one of more than 1 MiB, all of it."""


def render(diagnostics: Sequence[Diagnostic], checked: str) -> str:
    """Commands by severity, then the plain report for the log."""
    shown = [item for level in Severity for item in [d for d in diagnostics if d.severity is level][:SHOWN]]
    left = len(diagnostics) - len(shown)
    more = [f"{left} more are in the list below: GitHub shows {SHOWN} of each severity."] if left else []
    return "\n".join([*map(command, shown), *more, text.render(sorted(diagnostics), checked)])


def command(diagnostic: Diagnostic) -> str:
    """One workflow command."""
    d = diagnostic
    place = f"file={_property(d.path)},line={d.line},col={d.column},title={_property(d.rule)}"
    message = f"{d.message}\n{d.hint}" if d.hint else d.message
    return f"::{COMMANDS[d.severity]} {place}::{_data(message)}"


def summary(diagnostics: Sequence[Diagnostic], checked: str, largest: int = LARGEST) -> str:
    """Markdown for the step's page: all findings, grouped by file; as many as fit into `largest` bytes.

    What was found stands in fenced code, where nothing in it is markup.
    """
    parts = [f"### assay check\n\n{text.summary(diagnostics, checked)}\n"]
    size, left = len(parts[0].encode()) + 200, len(diagnostics)
    for _, found in groupby(sorted(diagnostics), lambda item: item.path):
        lines = [text.line(item) for item in found]
        body = "\n".join(lines)
        fence = "`" * (max([2, *map(len, re.findall("`+", body))]) + 1)
        block = f"\n{fence}text\n{body}\n{fence}\n"
        size += len(block.encode())
        if size > largest:
            parts.append(f"\n{left} more do not fit here; the log of this step has them all.\n")
            break
        parts.append(block)
        left -= len(lines)
    return "".join(parts)


def _data(value: str) -> str:
    return value.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(value: str) -> str:
    return _data(value).replace(":", "%3A").replace(",", "%2C")
