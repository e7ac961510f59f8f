"""The only reader of YAML, TOML and JSON: strict, with a line and a column for every value; and the writer of YAML."""

from __future__ import annotations

from assay.documents.document import Document, parse, read
from assay.documents.validation import validate
from assay.documents.writing import to_yaml

__all__ = ["Document", "parse", "read", "to_yaml", "validate"]
