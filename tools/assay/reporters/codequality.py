"""GitLab's Code Quality report, a subset of the Code Climate specification."""

from __future__ import annotations

import json
from collections.abc import Sequence

from assay.diagnostics import Diagnostic, Severity, fingerprints

SEVERITIES = {Severity.ERROR: "critical", Severity.WARNING: "minor", Severity.NOTE: "info"}


def render(diagnostics: Sequence[Diagnostic], checked: str) -> str:
    """A list of issues; GitLab wants fingerprints that differ, so a repeated one is numbered."""
    rows = [
        {
            "description": f"{item.message} {item.hint}".strip(),
            "check_name": item.rule,
            "fingerprint": fingerprint,
            "severity": SEVERITIES[item.severity],
            "location": {"path": item.path, "lines": {"begin": item.line}},
        }
        for item, fingerprint in zip(diagnostics, fingerprints(diagnostics), strict=True)
    ]
    return json.dumps(rows, indent=2, ensure_ascii=False)
