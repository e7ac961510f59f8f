"""A JSON list of diagnostics for scripts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from json import dumps

from assay.diagnostics import Diagnostic, fingerprints


def render(diagnostics: Sequence[Diagnostic], checked: str) -> str:
    """An object with what was checked and the diagnostics, each with its fingerprint.

    `fix` is null or start and end, as line and column, and the text to put between them.
    """
    numbered = zip(diagnostics, fingerprints(diagnostics), strict=True)
    rows = [{**asdict(item), "fingerprint": fingerprint} for item, fingerprint in numbered]
    return dumps({"checked": checked, "diagnostics": rows}, indent=2, ensure_ascii=False)
