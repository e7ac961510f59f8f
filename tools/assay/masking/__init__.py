"""What tells who made an attempt: the words for it, and a scan that finds them in any text."""

from __future__ import annotations

from assay.masking.dictionary import Dictionary, Term
from assay.masking.scan import Leak, scan

__all__ = ["Dictionary", "Leak", "Term", "scan"]
