"""A repository in which annotations are sealed."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.sealing.grading_workspace import make


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    """The coordinator's private key."""
    return tmp_path / "coordinator.txt"


@pytest.fixture
def root(tmp_path: Path, secret: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "w").mkdir()
    monkeypatch.chdir(tmp_path / "w")
    return make(tmp_path / "w", secret)
