"""Batch loader and reports for ledger postings."""

__version__ = "0.4.2"
