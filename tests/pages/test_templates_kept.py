"""Compiled templates are kept in a folder that is this user's alone, and in no other."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from jinja2 import DictLoader, Environment

from assay.pages.templates_kept import on_env


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def rendered() -> str:
    env = on_env(Environment(loader=DictLoader({"a.html": "{{ 6 * 7 }}"})), config=None, files=None)
    return env.get_template("a.html").render()


def test_what_was_compiled_is_kept_for_this_user_alone(temporary: Path) -> None:
    assert rendered() == "42"
    (folder,) = temporary.iterdir()
    assert folder.stat().st_mode & 0o777 == 0o700
    (kept,) = folder.iterdir()
    before = kept.stat().st_mtime_ns
    assert rendered() == "42"
    assert kept.stat().st_mtime_ns == before


def test_a_folder_that_somebody_else_put_there_is_not_read(temporary: Path) -> None:
    rendered()
    (folder,) = temporary.iterdir()
    elsewhere = temporary / "elsewhere"
    folder.rename(elsewhere)
    for file in elsewhere.iterdir():
        file.write_bytes(b"no code")
    folder.symlink_to(elsewhere)
    assert rendered() == "42"
    assert [file.read_bytes() for file in elsewhere.iterdir()] == [b"no code"]
