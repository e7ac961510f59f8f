"""A workspace in a folder of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.pages.example import make_workspace


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """The small complete workspace."""
    return make_workspace(tmp_path / "workspace")
