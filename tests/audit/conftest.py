"""The labelled tasks hold tests of their own, which are not tests of Assay."""

from __future__ import annotations

collect_ignore = ["bases", "cases"]
