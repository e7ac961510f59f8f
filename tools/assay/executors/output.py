"""Bounded capture of what a program prints: see `assay.bounded`, which agents share."""

from __future__ import annotations

from assay.bounded import LOG_LIMIT, Bounded

__all__ = ["LOG_LIMIT", "Bounded"]
