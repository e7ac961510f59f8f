"""A data set that trains models, made from the records of a workspace, and read back into them."""

from __future__ import annotations

from assay.export.records import RECORDS
from assay.export.table import Table
from assay.export.training import TRAINING

TABLES: tuple[Table, ...] = (*RECORDS, *TRAINING)
"""Every table, in the order of the card."""
