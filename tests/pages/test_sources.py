"""A file that has the size and time it had is not read again; what is told of the folder stays the same."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.pages import listing, sources
from assay.pages.sources import CONFIGURATION, LIST, OUTPUT, Sources

NAMES = st.sampled_from(["a.md", "b.md", "tasks/a.md", "line\u2028feed.md", "__pycache__/x.js", ".hidden/a.md"])
EDITS = st.lists(st.tuples(NAMES, st.sampled_from(["", "one", "two", "three", None])), max_size=8)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("site", OUTPUT):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / CONFIGURATION).write_text("site_name: x\n")
    return tmp_path


def edit(root: Path, path: str, text: str | None) -> None:
    file = root / "site" / path
    file.parent.mkdir(parents=True, exist_ok=True)
    if text is None:
        file.unlink(missing_ok=True)
    else:
        file.write_text(text)


def aged(root: Path, by: float = 60, only: str = "") -> None:
    """As if everything had been written so many seconds earlier."""
    for path in [only] if only else listing.below(root / "site"):
        then = time.time_ns() - int(by * 1e9)
        os.utime(root / "site" / path, ns=(then, then))


@given(edits=st.lists(EDITS, min_size=1, max_size=4), settled=st.booleans())
def test_what_is_known_from_before_changes_nothing(
    tmp_path_factory: pytest.TempPathFactory, edits: list[list[tuple[str, str | None]]], settled: bool
) -> None:
    root = tmp_path_factory.mktemp("w")
    for name in ("site", OUTPUT):
        (root / name).mkdir(parents=True)
    (root / CONFIGURATION).write_text("site_name: x\n")
    for batch in edits:
        for path, text in batch:
            edit(root, path, text)
        if settled:
            aged(root)
        before = Sources.built(root)
        found = Sources.of(root, "policy", before)
        assert found == Sources.of(root, "policy")
        found.remember(root)
        assert Sources.built(root) == found


def test_files_that_are_as_they_were_are_not_read(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []
    original = sources._hash

    def noting(file: Path) -> str:
        read.append(file.name)
        return original(file)

    monkeypatch.setattr(sources, "_hash", noting)
    edit(folder, "a.md", "one")
    edit(folder, "b.md", "two")
    aged(folder)
    Sources.of(folder, "policy").remember(folder)
    edit(folder, "b.md", "six")
    aged(folder, -60, only="b.md")  # later than the look, however slow the machine
    read.clear()
    second = Sources.of(folder, "policy", Sources.built(folder))
    assert read == ["b.md"]
    assert "b.md" not in second.stats, "another write within the same tick could leave the same time"
    second.remember(folder)
    third = Sources.of(folder, "policy", Sources.built(folder))
    assert read == ["b.md", "b.md"]
    assert third == second


@pytest.mark.parametrize("text", ["", "{", "0\nabc a.md\n"])
def test_a_record_that_cannot_be_read_says_nothing(folder: Path, text: str) -> None:
    Sources.of(folder, "policy").remember(folder)
    (folder / LIST).write_text(text)
    assert Sources.built(folder) is None
