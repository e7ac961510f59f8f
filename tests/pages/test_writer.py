"""Generated pages replace generated pages, and nothing that a person wrote."""

from __future__ import annotations

from pathlib import Path

import pytest

from assay.errors import UsageError
from assay.pages.writer import MARK, Written, assets, write

PAGES = {"index.md": f"{MARK}---\nhome\n", "tasks/a/index.md": f"{MARK}---\na\n"}


def test_only_what_changed_is_written(tmp_path: Path) -> None:
    count = len(PAGES) + len(list(assets()))
    assert write(tmp_path, PAGES) == Written(count, 0, 0)
    before = (tmp_path / "index.md").stat().st_mtime_ns
    assert write(tmp_path, {**PAGES, "tasks/a/index.md": f"{MARK}---\nb\n"}) == Written(1, 0, count - 1)
    assert (tmp_path / "index.md").stat().st_mtime_ns == before


def test_stale_pages_go_with_their_folders(tmp_path: Path) -> None:
    write(tmp_path, PAGES)
    (tmp_path / "tasks/note.md").write_text("by hand")
    (tmp_path / "assets/assay/old.css").write_text("stale")
    assert write(tmp_path, {"index.md": PAGES["index.md"]}).removed == 2
    assert not (tmp_path / "tasks/a").exists()
    assert (tmp_path / "tasks/note.md").read_text() == "by hand"


def test_a_hand_written_page_is_never_overwritten(tmp_path: Path) -> None:
    (tmp_path / "index.md").write_text("# My own\n")
    with pytest.raises(UsageError, match=r"index\.md` is written by hand"):
        write(tmp_path, PAGES)
    assert (tmp_path / "index.md").read_text() == "# My own\n"
    assert not (tmp_path / "tasks").exists()
