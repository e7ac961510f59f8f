"""Reviewdog's diagnostic format, which its bots turn into comments on a pull request."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from assay.diagnostics import Diagnostic, Severity

SEVERITIES = {Severity.ERROR: "ERROR", Severity.WARNING: "WARNING", Severity.NOTE: "INFO"}


def render(diagnostics: Sequence[Diagnostic], checked: str) -> str:
    """One `DiagnosticResult` (reviewdog.rdf, rdjson)."""
    return json.dumps(
        {"source": {"name": "assay"}, "diagnostics": [_row(item) for item in diagnostics]},
        indent=2,
        ensure_ascii=False,
    )


def _row(item: Diagnostic) -> dict[str, Any]:
    row: dict[str, Any] = {
        "message": f"{item.message}\n{item.hint}" if item.hint else item.message,
        "location": {"path": item.path, "range": {"start": {"line": item.line, "column": item.column}}},
        "severity": SEVERITIES[item.severity],
        "code": {"value": item.rule},
    }
    if item.fix:
        span = {"start": item.fix.start._asdict(), "end": item.fix.end._asdict()}
        row["suggestions"] = [{"range": span, "text": item.fix.text}]
    return row
