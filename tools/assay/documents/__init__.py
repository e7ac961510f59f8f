"""The only reader of YAML, TOML and JSON: strict, with a line and a column for every value."""

from __future__ import annotations

from assay.documents.document import Document, parse, read
from assay.documents.validation import validate

__all__ = ["Document", "parse", "read", "validate"]
