"""A JSON list of diagnostics for scripts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from json import dumps

from assay.diagnostics import Diagnostic


def render(diagnostics: Sequence[Diagnostic], checked: str) -> str:
    """An object with what was checked and the diagnostics, each with its fingerprint."""
    rows = [{**asdict(item), "fingerprint": item.fingerprint} for item in diagnostics]
    return dumps({"checked": checked, "diagnostics": rows}, indent=2, ensure_ascii=False)
