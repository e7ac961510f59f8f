"""Citations: finding them in text, resolving them to evidence, and matching quotes."""

from __future__ import annotations

from assay.evidence.grammar import Citation, Kind, Malformed, cites, find_citations, mended, parse_citation
from assay.evidence.quotes import normalise, quote_found, weak
from assay.evidence.resolution import (
    Evidence,
    Unresolved,
    call_parts,
    final_patch,
    output_of,
    resolve,
    step_parts,
)
from assay.evidence.runs import Run, resolve_by, runs_of

__all__ = [
    "Citation",
    "Evidence",
    "Kind",
    "Malformed",
    "Run",
    "Unresolved",
    "call_parts",
    "cites",
    "final_patch",
    "find_citations",
    "mended",
    "normalise",
    "output_of",
    "parse_citation",
    "quote_found",
    "resolve",
    "resolve_by",
    "runs_of",
    "step_parts",
    "weak",
]
