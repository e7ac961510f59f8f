"""GitLab's Code Quality report, a subset of the Code Climate specification."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence

from assay.diagnostics import Diagnostic, Severity

SEVERITIES = {Severity.ERROR: "critical", Severity.WARNING: "minor", Severity.NOTE: "info"}


def render(diagnostics: Sequence[Diagnostic], checked: str) -> str:
    """A list of issues; GitLab wants fingerprints that differ, so a repeated one is numbered."""
    seen: Counter[str] = Counter()
    rows = []
    for item in diagnostics:
        seen[item.fingerprint] += 1
        number = seen[item.fingerprint]
        rows.append(
            {
                "description": f"{item.message} {item.hint}".strip(),
                "check_name": item.rule,
                "fingerprint": item.fingerprint if number == 1 else f"{item.fingerprint}-{number}",
                "severity": SEVERITIES[item.severity],
                "location": {"path": item.path, "lines": {"begin": item.line}},
            }
        )
    return json.dumps(rows, indent=2, ensure_ascii=False)
